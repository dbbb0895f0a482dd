package settlement

import (
	"errors"
	"fmt"
	"strings"

	"viaduct/settlement/blocklog"
	"viaduct/settlement/disk"
)

// certificates keeps the signed checkpoint of each final block, in height order. It is derived data:
// what a power cut takes is signed again, or asked of the others, so nothing waits for the disk.
type certificates struct {
	disk *lazyDisk
	log  *blocklog.Log
}

// openCertificates opens those in d, whose other files it leaves alone. When a power cut has left the
// last file with holes it begins that one again.
func openCertificates(d disk.Disk) (*certificates, error) {
	lazy := &lazyDisk{inner: d}
	log, err := blocklog.Open(lazy, 0)
	if errors.Is(err, blocklog.ErrDamaged) {
		if err := lazy.emptyLast(); err != nil {
			return nil, err
		}
		lazy = &lazyDisk{inner: d}
		log, err = blocklog.Open(lazy, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("certificates (the files %s* can be removed; they are asked of the other validators again): %w", certificatePrefix, err)
	}
	return &certificates{lazy, log}, nil
}

func (c *certificates) next() uint64 { return c.log.Next() }

// put keeps one. Now and then it syncs, so that after a power cut few enough are missing for a node to
// start from its last snapshot but one.
func (c *certificates) put(height uint64, note []byte) error {
	if err := c.log.Append(height, note); err != nil || height%treeSyncEvery != 0 {
		return err
	}
	return c.disk.sync()
}

func (c *certificates) get(height uint64) ([]byte, error) { return c.log.Get(height) }

func (c *certificates) close() error { return errors.Join(c.disk.sync(), c.log.Close()) }

// certificatePrefix tells the files of certificates from those beside them.
const certificatePrefix = "certified-"

// lazyDisk is a view of the certificate files that syncs a file only when the next one is begun, and
// the last one when it is closed.
type lazyDisk struct {
	inner disk.Disk
	last  *lazyFile
}

// Open implements disk.Disk.
func (d *lazyDisk) Open(name string) (disk.File, error) {
	if err := d.sync(); err != nil {
		return nil, err
	}
	f, err := d.inner.Open(certificatePrefix + name)
	if err != nil {
		return nil, err
	}
	d.last = &lazyFile{f}
	return d.last, nil
}

// List implements disk.Disk.
func (d *lazyDisk) List() ([]string, error) {
	all, err := d.inner.List()
	if err != nil {
		return nil, err
	}
	var ours []string
	for _, name := range all {
		if own, ok := strings.CutPrefix(name, certificatePrefix); ok {
			ours = append(ours, own)
		}
	}
	return ours, nil
}

// Remove implements disk.Disk.
func (d *lazyDisk) Remove(name string) error { return d.inner.Remove(certificatePrefix + name) }

// Sync implements disk.Disk.
func (d *lazyDisk) Sync() error { return d.inner.Sync() }

func (d *lazyDisk) sync() error {
	if d.last == nil {
		return nil
	}
	return d.last.File.Sync()
}

// emptyLast empties the last file.
func (d *lazyDisk) emptyLast() error {
	names, err := d.List()
	if err != nil || len(names) == 0 {
		return err
	}
	f, err := d.inner.Open(certificatePrefix + names[len(names)-1])
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(0), f.Sync(), f.Close())
}

// lazyFile leaves syncing to its disk.
type lazyFile struct{ disk.File }

// Sync implements disk.File.
func (lazyFile) Sync() error { return nil }
