// Package disk is what the settlement engine needs of a directory of files: positioned reads and
// writes, and fsync for files and for the directory itself.
//
// It is an interface so that package simdisk can stand in for it and lose, tear and refuse what a
// real disk loses, tears and refuses when the power goes. Nothing written is safe before Sync has
// returned: the file's for its bytes and size, the directory's for the file's being there at all.
package disk

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Disk is one directory.
type Disk interface {
	// Open opens a file for reading and writing, and creates it when it is not there.
	Open(name string) (File, error)
	// List returns the names of the files, sorted.
	List() ([]string, error)
	// Remove removes a file.
	Remove(name string) error
	// Sync makes the creation and removal of files durable.
	Sync() error
}

// File is one open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the length in bytes.
	Size() (int64, error)
	// Truncate cuts the file to size bytes.
	Truncate(size int64) error
	// Sync makes everything written so far durable.
	Sync() error
}

// lockName is the file whose lock says that a process owns the directory.
const lockName = "lock"

// ErrInUse says that another process, or another part of this one, has the directory open.
var ErrInUse = errors.New("directory is in use")

// Dir is a directory of the operating system, owned by one opener at a time.
type Dir struct {
	path string
	dir  *os.File
	lock *os.File
}

var _ Disk = (*Dir)(nil)

// OpenDir opens the directory at path, which it creates with its parents when they are not there,
// and locks it: two processes appending to one log would each believe that they signed alone.
func OpenDir(path string) (*Dir, error) {
	if err := makeDir(filepath.Clean(path)); err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open directory: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close() // nothing was written to it
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s", ErrInUse, path)
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	dir, err := os.Open(path)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("open directory: %w", err)
	}
	return &Dir{path: path, dir: dir, lock: lock}, nil
}

// makeDir makes a directory and its parents, each durably: a directory that its parent forgets in a
// power cut takes along every file that was synced in it.
func makeDir(path string) error {
	err := os.Mkdir(path, 0o700)
	switch {
	case errors.Is(err, os.ErrExist):
		return nil
	case errors.Is(err, os.ErrNotExist) && filepath.Dir(path) != path:
		if err := makeDir(filepath.Dir(path)); err != nil {
			return err
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
	case err != nil:
		return err
	}
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer parent.Close()
	return parent.Sync()
}

// Open implements Disk.
func (d *Dir) Open(name string) (File, error) {
	f, err := os.OpenFile(filepath.Join(d.path, name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// List implements Disk; the lock is not listed.
func (d *Dir) List() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Name() != lockName && e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Rename gives a file another name in one step, durable once the directory is synced.
func (d *Dir) Rename(from, to string) error {
	return os.Rename(filepath.Join(d.path, from), filepath.Join(d.path, to))
}

// Remove removes a file, durably once the directory is synced.
func (d *Dir) Remove(name string) error { return os.Remove(filepath.Join(d.path, name)) }

// Sync implements Disk.
func (d *Dir) Sync() error { return d.dir.Sync() }

// Close gives the directory up. Files opened from it stay open.
func (d *Dir) Close() error { return errors.Join(d.dir.Close(), d.lock.Close()) }

type osFile struct{ *os.File }

// Size implements File.
func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
