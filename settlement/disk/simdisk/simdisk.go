// Package simdisk is a directory in memory that can lose power.
//
// What was synced stays. Of everything else a seed decides, when the power goes, whether it reached
// the disk whole, not at all, up to some byte, or in some of its sectors with zeros in the others,
// and whether a file that was made, renamed or removed since the directory was synced is what it was. Reads see what was written, as with a
// page cache, until then. Faults strike at the n-th change, so that a test can walk through every
// one of them.
package simdisk

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"

	"viaduct/settlement/disk"
)

// SectorSize is what reaches the disk in one piece.
const SectorSize = 512

// ErrPower is what every operation returns once the power is gone.
var ErrPower = errors.New("simdisk: no power")

// Disk is the simulated directory.
type Disk struct {
	mu       sync.Mutex
	files    map[string]*file
	durable  map[string]*file // the directory as it was synced last
	entries  []entry          // what happened to it since
	changes  int              // creations, removals, writes, truncations and syncs so far
	powerAt  int              // the change at which the power goes, 0 for none
	failAt   int              // the change that fails, 0 for none
	failWith error
	dead     bool
	losses   Losses
}

// Losses is what a power cut took of what was not synced.
type Losses struct {
	Lost  int // changes of a file that are not there at all
	Torn  int // writes of which a part is there
	Holed int // writes of which some sectors are there
	Names int // files made, renamed or removed that are not
}

type file struct {
	d       *Disk
	name    string
	durable []byte   // what is on the platter
	now     []byte   // what a reader sees
	pending []change // what is not on the platter yet, in order
}

// entry is a change of the directory: name now stands for f, or for nothing, and from no longer does.
type entry struct {
	name, from string
	f          *file
}

type change struct {
	truncate bool
	off      int64 // where data goes, or the new size
	data     []byte
}

var _ disk.Disk = (*Disk)(nil)

// New returns an empty directory.
func New() *Disk { return &Disk{files: map[string]*file{}, durable: map[string]*file{}} }

// Changes returns how many creations, writes, truncations and syncs there were.
func (d *Disk) Changes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changes
}

// PowerAt makes the power go at the n-th change from now, counting from 1: a write then may have
// reached the disk or not, a sync has not synced.
func (d *Disk) PowerAt(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.powerAt = d.changes + n
}

// FailAt makes the n-th change from now fail with err, once; a write fails half done.
func (d *Disk) FailAt(n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failAt, d.failWith = d.changes+n, err
}

// Spare takes back a fault that was to strike and has not.
func (d *Disk) Spare() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.powerAt, d.failAt = 0, 0
}

// Cut makes the power go now.
func (d *Disk) Cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
}

// Dead says that the power has gone.
func (d *Disk) Dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// Losses returns what the power cut before this disk's start took.
func (d *Disk) Losses() Losses {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.losses
}

// Restart returns the directory as it is found after a power cut now. The old one is dead.
func (d *Disk) Restart(seed uint64) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = true
	r := rand.New(rand.NewPCG(seed, 1))
	after, dir := New(), maps.Clone(d.durable)
	for _, e := range d.entries {
		if r.IntN(2) == 0 {
			after.losses.Names++
			continue
		}
		delete(dir, e.from)
		if dir[e.name] = e.f; e.f == nil {
			delete(dir, e.name)
		}
	}
	for _, name := range sorted(dir) {
		found := dir[name].survive(r, &after.losses)
		after.files[name] = &file{d: after, name: name, durable: found, now: slices.Clone(found)}
	}
	after.durable = maps.Clone(after.files)
	return after
}

// Damage changes one stored byte, as a disk does that rots.
func (d *Disk) Damage(name string, off int64, xor byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[name]
	f.now[off] ^= xor
	if off < int64(len(f.durable)) {
		f.durable[off] ^= xor
	}
}

// survive returns what of the file is on the platter after the power cut.
func (f *file) survive(r *rand.Rand, l *Losses) []byte {
	out := slices.Clone(f.durable)
	for _, c := range f.pending {
		switch fate := r.IntN(4); {
		case fate == 0:
			l.Lost++
		case c.truncate:
			out = resize(out, c.off)
		case fate == 1:
			out = put(out, c.off, c.data)
		case fate == 2:
			l.Torn++
			out = put(out, c.off, c.data[:r.IntN(len(c.data)+1)])
		default:
			// The size is written, the sectors are only partly.
			l.Holed++
			out = resize(out, max(int64(len(out)), c.off+int64(len(c.data))))
			for at := int64(0); at < int64(len(c.data)); {
				end := min(int64(len(c.data)), (c.off+at)/SectorSize*SectorSize+SectorSize-c.off)
				if r.IntN(2) == 0 {
					out = put(out, c.off+at, c.data[at:end])
				}
				at = end
			}
		}
	}
	return out
}

func put(b []byte, off int64, data []byte) []byte {
	b = resize(b, max(int64(len(b)), off+int64(len(data))))
	copy(b[off:], data)
	return b
}

func resize(b []byte, size int64) []byte {
	if size <= int64(len(b)) {
		return b[:size:size]
	}
	return append(b, make([]byte, size-int64(len(b)))...)
}

// change counts one change and says whether it may go on. The lock is held.
func (d *Disk) change() error {
	if d.dead {
		return ErrPower
	}
	d.changes++
	switch d.changes {
	case d.powerAt:
		d.dead = true
		return ErrPower
	case d.failAt:
		return d.failWith
	}
	return nil
}

func sorted(files map[string]*file) []string { return slices.Sorted(maps.Keys(files)) }

// Open implements disk.Disk.
func (d *Disk) Open(name string) (disk.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return nil, ErrPower
	}
	f, ok := d.files[name]
	if !ok {
		err := d.change()
		if err != nil && !d.dead {
			return nil, err
		}
		f = &file{d: d, name: name}
		d.files[name] = f
		d.entries = append(d.entries, entry{name: name, f: f})
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Rename gives a file another name, and takes it from the file that had it, in one step.
func (d *Disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ok := d.files[from]
	if !ok && !d.dead {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrNotExist}
	}
	err := d.change()
	if f == nil || err != nil && !d.dead {
		return err
	}
	delete(d.files, from)
	d.files[to], f.name = f, to
	d.entries = append(d.entries, entry{name: to, from: from, f: f})
	return err
}

// Remove removes a file.
func (d *Disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.files[name]; !ok && !d.dead {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	err := d.change()
	if err != nil && !d.dead {
		return err
	}
	delete(d.files, name)
	d.entries = append(d.entries, entry{name: name})
	return err
}

// List implements disk.Disk.
func (d *Disk) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.dead {
		return nil, ErrPower
	}
	return sorted(d.files), nil
}

// Sync implements disk.Disk.
func (d *Disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.change(); err != nil {
		return err
	}
	d.durable, d.entries = maps.Clone(d.files), nil
	return nil
}

// ReadAt implements disk.File.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.dead {
		return 0, ErrPower
	}
	if off < 0 || off > int64(len(f.now)) {
		return 0, io.EOF
	}
	n := copy(p, f.now[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements disk.File.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.dead {
		return 0, ErrPower
	}
	err := f.d.change()
	if err != nil && !f.d.dead {
		p = p[:len(p)/2]
	}
	f.pending = append(f.pending, change{off: off, data: slices.Clone(p)})
	f.now = put(f.now, off, p)
	if err != nil {
		return len(p), fmt.Errorf("write %s: %w", f.name, err)
	}
	return len(p), nil
}

// Truncate implements disk.File.
func (f *file) Truncate(size int64) error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.dead {
		return ErrPower
	}
	err := f.d.change()
	if err == nil || f.d.dead {
		f.pending = append(f.pending, change{truncate: true, off: size})
		f.now = resize(f.now, size)
	}
	return err
}

// Sync implements disk.File.
func (f *file) Sync() error {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if err := f.d.change(); err != nil {
		return err
	}
	f.durable, f.pending = slices.Clone(f.now), nil
	return nil
}

// Size implements disk.File.
func (f *file) Size() (int64, error) {
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	if f.d.dead {
		return 0, ErrPower
	}
	return int64(len(f.now)), nil
}

// Close implements disk.File. It syncs nothing.
func (f *file) Close() error { return nil }
