package settlement_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"viaduct/ledger"
	"viaduct/settlement"
	"viaduct/settlement/disk"
	"viaduct/settlement/disk/simdisk"
)

func untold(uint64, uint64, int) {}

// history runs a node for a few payments and returns its directory, closed.
func history(t *testing.T) string {
	t.Helper()
	e := start(t, t.TempDir())
	e.populate()
	for i := range 5 {
		e.submit("BNMXMXMM", fmt.Sprint("pay", i), pay(i+1, "HSBCGB2L", 10))
	}
	e.stop()
	return e.dir
}

func openDisk(t *testing.T, path string) *disk.Dir {
	t.Helper()
	d, err := disk.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // again at the end, where a test closed it before
	return d
}

func export(t *testing.T, dir string) []byte {
	t.Helper()
	var b bytes.Buffer
	blocks, tree := openDisk(t, filepath.Join(dir, "blocks")), openDisk(t, filepath.Join(dir, "tree"))
	if _, err := settlement.Export(t.Context(), blocks, tree, &b, untold); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(blocks.Close(), tree.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func verifyArchive(ctx context.Context, data []byte) (*settlement.Imported, error) {
	return settlement.Import(ctx, bytes.NewReader(data), func(*ledger.Genesis) (disk.Disk, error) { return nil, nil }, untold)
}

// TestArchiveMovesALedger exports a ledger and imports it where nothing is. A node begun there has the
// same blocks and balances, and goes on.
func TestArchiveMovesALedger(t *testing.T) {
	old := history(t)
	data := export(t, old)
	there := t.TempDir()
	blocks := openDisk(t, filepath.Join(there, "blocks"))
	told := uint64(0)
	got, err := settlement.Import(t.Context(), bytes.NewReader(data), func(g *ledger.Genesis) (disk.Disk, error) {
		if g.Network() != testGenesis().Network() {
			t.Errorf("the archive is of network %x", g.Network())
		}
		return blocks, nil
	}, func(height, _ uint64, _ int) { told = height })
	if err != nil {
		t.Fatal(err)
	}
	if err := blocks.Close(); err != nil {
		t.Fatal(err)
	}
	if told != got.Height || got.Instructions < 10 || got.Certified != got.Height {
		t.Errorf("imported %+v, told of height %d", got, told)
	}
	moved := start(t, there)
	if lines, _, err := moved.store.Balances(t.Context(), ledger.MustBIC("HSBCGB2L")); err != nil || lines[0].Balance != 50 {
		t.Errorf("the moved ledger says %+v, %v", lines, err)
	}
	if a := moved.submit("BNMXMXMM", "more", pay(99, "HSBCGB2L", 1)); a.Height <= got.Height {
		t.Errorf("it went on at height %d, after %d", a.Height, got.Height)
	}
	moved.stop()
	if again := export(t, there); !bytes.HasPrefix(unzip(t, again), unzip(t, data)[:len(unzip(t, data))-endFrame]) {
		t.Error("the moved ledger's archive does not begin as the old one's")
	}
	// Where blocks are, nothing is imported.
	blocks = openDisk(t, filepath.Join(old, "blocks"))
	if _, err := settlement.Import(t.Context(), bytes.NewReader(data), func(*ledger.Genesis) (disk.Disk, error) { return blocks, nil }, untold); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("over a block log that has blocks: %v", err)
	}
}

const endFrame = 5 + 8 + 32

func unzip(t testing.TB, data []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func zip(t testing.TB, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// blockFrames returns where each block's frame lies in an archive's plain bytes.
func blockFrames(plain []byte) (frames [][2]int) {
	for at := 3; at < len(plain); {
		end := at + 5 + int(binary.BigEndian.Uint32(plain[at+1:]))
		if plain[at] == 'B' {
			frames = append(frames, [2]int{at, end})
		}
		at = end
	}
	return frames
}

// noteOf returns the signed checkpoint in a block's frame, the last of its three parts.
func noteOf(frame []byte) []byte {
	rest := frame[5:]
	for range 2 {
		rest = rest[4+binary.BigEndian.Uint32(rest):]
	}
	return rest[4:]
}

func withNote(frame, note []byte) []byte {
	out := bytes.Clone(frame[:len(frame)-len(noteOf(frame))-4])
	out = append(binary.BigEndian.AppendUint32(out, uint32(len(note))), note...)
	binary.BigEndian.PutUint32(out[1:], uint32(len(out)-5))
	return out
}

// TestArchiveNamesTampering changes bytes of an archive, cuts it, and takes blocks out, packed again
// each time so that gzip's own checksum does not find it: the height is named.
func TestArchiveNamesTampering(t *testing.T) {
	plain := unzip(t, export(t, history(t)))
	frames := blockFrames(plain)
	if len(frames) < 5 {
		t.Fatalf("%d blocks", len(frames))
	}
	for h, frame := range frames {
		for at := frame[0]; at < frame[1]; at += 7 {
			bad := bytes.Clone(plain)
			bad[at] ^= 1
			_, err := verifyArchive(t.Context(), zip(t, bad))
			if !errors.Is(err, settlement.ErrArchive) || !strings.Contains(err.Error(), fmt.Sprintf("height %d: ", h+1)) {
				t.Errorf("byte %d of block %d changed: %v", at-frame[0], h+1, err)
			}
		}
		// A checkpoint that a quorum signed, but of another block.
		other := frames[(h+1)%len(frames)]
		swapped := append(append(bytes.Clone(plain[:frame[0]]), withNote(plain[frame[0]:frame[1]], noteOf(plain[other[0]:other[1]]))...), plain[frame[1]:]...)
		if _, err := verifyArchive(t.Context(), zip(t, swapped)); !errors.Is(err, settlement.ErrArchive) || !strings.Contains(err.Error(), fmt.Sprintf("height %d: ", h+1)) {
			t.Errorf("block %d with the checkpoint of another: %v", h+1, err)
		}
		gone := append(bytes.Clone(plain[:frame[0]]), plain[frame[1]:]...)
		if _, err := verifyArchive(t.Context(), zip(t, gone)); !errors.Is(err, settlement.ErrArchive) {
			t.Errorf("block %d taken out: %v", h+1, err)
		}
		if _, err := verifyArchive(t.Context(), zip(t, plain[:frame[1]])); !errors.Is(err, settlement.ErrArchive) || !strings.Contains(err.Error(), "ends early") {
			t.Errorf("cut behind block %d: %v", h+1, err)
		}
	}
	for name, data := range map[string][]byte{
		"nothing":             {},
		"not gzip":            plain,
		"a byte behind it":    zip(t, append(bytes.Clone(plain), 0)),
		"its end in two":      zip(t, append(bytes.Clone(plain), plain[len(plain)-endFrame:]...)),
		"another end":         zip(t, append(bytes.Clone(plain[:len(plain)-1]), plain[len(plain)-1]^1)),
		"another version":     zip(t, append([]byte("VX\x02"), plain[3:]...)),
		"a frame of 4 GB":     zip(t, append(bytes.Clone(plain[:frames[0][0]+1]), 0xff, 0xff, 0xff, 0xff)),
		"the gzip cut":        zip(t, plain)[:len(plain)/4],
		"another genesis":     zip(t, bytes.Replace(plain, []byte("test"), []byte("tesu"), 1)),
		"a frame of no kind":  zip(t, append(bytes.Clone(plain[:frames[0][0]]), 'Q', 0, 0, 0, 0)),
		"a block of no parts": zip(t, append(bytes.Clone(plain[:frames[0][0]]), 'B', 0, 0, 0, 0)),
	} {
		if _, err := verifyArchive(t.Context(), data); !errors.Is(err, settlement.ErrArchive) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := verifyArchive(t.Context(), zip(t, plain)); err != nil || got.Height != uint64(len(frames)) {
		t.Errorf("unchanged: %+v, %v", got, err)
	}
}

// TestExportOfNothing: a log without blocks, and a writer that fails.
func TestExportOfNothing(t *testing.T) {
	if _, err := settlement.Export(t.Context(), simdisk.New(), simdisk.New(), io.Discard, untold); err == nil {
		t.Error("an empty block log has an archive")
	}
	blocks := openDisk(t, filepath.Join(history(t), "blocks"))
	full := errors.New("no space left on device")
	if _, err := settlement.Export(t.Context(), blocks, simdisk.New(), failing{full}, untold); !errors.Is(err, full) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type failing struct{ err error }

func (w failing) Write([]byte) (int, error) { return 0, w.err }
