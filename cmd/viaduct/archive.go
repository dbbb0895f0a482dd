package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"viaduct/ledger"
	"viaduct/settlement"
	"viaduct/settlement/disk"
)

type exportCmd struct {
	Archive string `arg:"" help:"The file to write, or - for standard output." type:"path"`
	Data    string `default:"viaduct-data" help:"The data directory, which no viaduct may be using." type:"path" env:"VIADUCT_DATA"`
}

// Run writes the archive of a data directory's journal.
func (c exportCmd) Run(ctx context.Context, t terminal) (err error) {
	if _, err := os.Stat(filepath.Join(c.Data, blocksDir)); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	closers := new(closing)
	defer closers.into(&err)
	blocks, err := closers.dir(c.Data, blocksDir)
	if err != nil {
		return err
	}
	tree, err := closers.dir(c.Data, treeDir)
	if err != nil {
		return err
	}
	write := func(to io.Writer) error {
		height, err := settlement.Export(ctx, blocks, tree, to, tellEvery(t.err, "exported"))
		if err == nil {
			_, err = fmt.Fprintf(t.err, "exported the genesis and %d blocks\n", height)
		}
		return err
	}
	if c.Archive == "-" {
		return write(t.out)
	}
	return writeNew(c.Archive, write)
}

// writeNew writes a file that must not be there, whole or not at all.
func writeNew(path string, write func(io.Writer) error) error {
	if _, err := os.Stat(path); err == nil {
		return fmt.Errorf("%s is there already", path)
	}
	temp := path + ".part"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(temp))
	}
	return os.Rename(temp, path)
}

type importCmd struct {
	Archive string `arg:"" help:"The archive, or - for standard input." type:"path"`
	Data    string `help:"The data directory to make; it may hold the keys, but no network." type:"path" xor:"what" required:""`
	Check   bool   `help:"Prove every hash from the genesis on and keep nothing." xor:"what" required:""`
}

// Run proves an archive and, unless it is only checked, begins a data directory with it.
func (c importCmd) Run(ctx context.Context, t terminal) (err error) {
	in := io.Reader(os.Stdin)
	if c.Archive != "-" {
		f, err := os.Open(c.Archive)
		if err != nil {
			return fmt.Errorf("%w: %w", errUsed, err)
		}
		defer f.Close()
		in = f
	}
	begin := func(*ledger.Genesis) (disk.Disk, error) { return nil, nil }
	finish := func(*ledger.Genesis) error { return nil }
	closers := new(closing)
	defer closers.into(&err)
	if !c.Check {
		d, err := newDataDir(c.Data)
		if err != nil {
			return err
		}
		closers.add("data directory", d.close)
		// Under another name until all of it is proven: a directory that an import left unfinished
		// must not look like a network.
		importing := blocksDir + ".importing"
		begin = func(*ledger.Genesis) (disk.Disk, error) {
			if err := os.RemoveAll(d.file(importing)); err != nil {
				return nil, err
			}
			return closers.dir(c.Data, importing)
		}
		finish = func(g *ledger.Genesis) error {
			if err := os.Rename(d.file(importing), d.file(blocksDir)); err != nil {
				return err
			}
			return d.write(genesisFile, g.Encode()) // syncs the directory
		}
	}
	done, err := settlement.Import(ctx, in, begin, tellEvery(t.err, "proven"))
	if err != nil {
		return fmt.Errorf("not imported: %w", err)
	}
	if err := finish(done.Genesis); err != nil {
		return err
	}
	network := done.Genesis.Network()
	_, err = fmt.Fprintf(t.out, "network     %s\ngenesis     %x\nheight      %d\ncertified   %d\nresults     %d\nlog leaves  %d\n",
		done.Genesis.Origin(), network, done.Height, done.Certified, done.Instructions, done.LogSize)
	return err
}

// newDataDir locks a directory that is to become a data directory.
func newDataDir(path string) (*dataDir, error) {
	return lockDataDir(path, func(d *dataDir) error {
		for _, name := range []string{genesisFile, blocksDir} {
			if _, err := os.Stat(d.file(name)); !errors.Is(err, fs.ErrNotExist) {
				return errors.Join(errors.New("there is a network in it"), err)
			}
		}
		return nil
	})
}

// tellEvery tells how far a long run is, every second.
func tellEvery(to io.Writer, what string) settlement.Progress {
	began := time.Now()
	told := began
	return func(height, last uint64, instructions int) {
		if time.Since(told) < time.Second {
			return
		}
		told = time.Now()
		of := ""
		if last > 0 {
			of = fmt.Sprintf(" of %d", last)
		}
		fmt.Fprintf(to, "%s: height %d%s, %d instructions, %.0f/s\n", what, height, of, instructions, float64(instructions)/time.Since(began).Seconds())
	}
}
