// Package blocklog keeps what a validator must never forget: one record per block, on disk before
// the block is signed, and never two at one height.
//
// Append returns once the record is synced, together with the directory entry of its file. After a
// crash at any point, Open finds every record whose Append returned, and possibly the one that was
// being written; a record that was cut short is removed. A record that is damaged is an error that
// names the place, never something to be skipped: the validator may have signed it.
//
// The records are opaque here, and so are the heights but for their order. Files hold about 64 MiB
// each and are named by their first height; the oldest can be moved away while the log is closed.
// Tree, in the same package, keeps the hashes of the log's leaves, which can always be made again
// from the records.
package blocklog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"viaduct/settlement/disk"
)

// segmentSize is how large a file gets before the next one is begun.
const segmentSize = 64 << 20

// Errors of a log; callers match with errors.Is.
var (
	// ErrConflict refuses another record at a height that has one.
	ErrConflict = errors.New("block log: another record is at this height")
	// ErrGap refuses a record that does not follow the last one.
	ErrGap = errors.New("block log: a height is missing before this one")
	// ErrNotFound says that the log has no record at the height.
	ErrNotFound = errors.New("block log: no record at this height")
	// ErrDamaged says that bytes which were once complete are no longer what was written.
	ErrDamaged = errors.New("block log: damaged")
	// ErrFailed says that an earlier write failed, so that nobody knows what is on the disk. The log
	// has to be opened again.
	ErrFailed = errors.New("block log: an earlier write failed")
)

// Record is the record of one block.
type Record struct {
	Height uint64
	Data   []byte
}

// Segment describes one file of the log.
type Segment struct {
	Name  string
	First uint64 // the height of its first record
	Next  uint64 // the height after its last one
	Size  int64
}

// Log is an open block log. One goroutine appends; any may read meanwhile.
type Log struct {
	d     disk.Disk
	limit int64 // segmentSize, less in tests

	appending sync.Mutex // held by Append; guards failed and buf
	failed    error
	buf       []byte

	// mu guards the list of segments and what is known of each. It is not held during a sync, so
	// that readers do not wait for the disk; only the holder of appending changes what it guards.
	mu       sync.RWMutex
	segments []*segment // never empty, in order, without gaps
}

// Open opens the log in d. An empty one begins at height first; one with records at its own.
func Open(d disk.Disk, first uint64) (*Log, error) { return open(d, first, segmentSize) }

func open(d disk.Disk, first uint64, limit int64) (*Log, error) {
	names, err := d.List()
	if err != nil {
		return nil, fmt.Errorf("open block log: %w", err)
	}
	l := &Log{d: d, limit: limit}
	for _, name := range names {
		if at, ok := segmentFirst(name); ok {
			l.segments = append(l.segments, &segment{name: name, first: at})
		}
	}
	if len(l.segments) == 0 {
		l.segments = append(l.segments, &segment{name: segmentName(first), first: first})
	}
	r := bufio.NewReaderSize(nil, int(min(scanBuffer, limit)))
	for i, s := range l.segments {
		if err := l.openSegment(i, r); err != nil {
			return nil, errors.Join(fmt.Errorf("open block log: %w", err), l.Close())
		}
		if i > 0 && l.segments[i-1].next() != s.first {
			err := fmt.Errorf("%w: %s ends before height %d, %s begins at %d", ErrDamaged,
				l.segments[i-1].name, l.segments[i-1].next(), s.name, s.first)
			return nil, errors.Join(fmt.Errorf("open block log: %w", err), l.Close())
		}
	}
	// What we read may have been in memory only, if the process died and the machine did not.
	// Whatever Open shows as being there must stay there, so sync it now.
	if err := errors.Join(l.last().file.Sync(), d.Sync()); err != nil {
		return nil, errors.Join(fmt.Errorf("open block log: %w", err), l.Close())
	}
	return l, nil
}

func (l *Log) openSegment(i int, r *bufio.Reader) error {
	s := l.segments[i]
	var err error
	if s.file, err = l.d.Open(s.name); err != nil {
		return err
	}
	return s.scan(r, i == len(l.segments)-1)
}

func (l *Log) last() *segment { return l.segments[len(l.segments)-1] }

// Next returns the height that Append takes next.
func (l *Log) Next() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.last().next()
}

// First returns the lowest height with a record, and Next when there is none.
func (l *Log) First() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.segments[0].first
}

// Append writes the record of the next block and returns when it is on disk. A record that is there
// already with the same bytes is fine; with other bytes it is ErrConflict, whatever the caller
// believes: this is where a validator is kept from signing twice. After a failed write nothing is
// known about the disk and the log refuses everything until it is opened again.
func (l *Log) Append(height uint64, data []byte) error {
	l.appending.Lock()
	defer l.appending.Unlock()
	s := l.last()
	switch next := s.next(); {
	case l.failed != nil:
		return fmt.Errorf("append height %d: %w: %w", height, ErrFailed, l.failed)
	case len(data) > MaxRecord:
		return fmt.Errorf("append height %d: %d bytes, at most %d", height, len(data), MaxRecord)
	case height > next:
		return fmt.Errorf("append height %d: %w: the next is %d", height, ErrGap, next)
	case height < next:
		there, err := l.get(height)
		if err != nil {
			return fmt.Errorf("append height %d: %w", height, err)
		}
		if !bytes.Equal(there, data) {
			return fmt.Errorf("append height %d: %w", height, ErrConflict)
		}
		return nil
	}
	if err := l.write(height, data); err != nil {
		l.failed = err
		return fmt.Errorf("append height %d: %w", height, err)
	}
	return nil
}

func (l *Log) write(height uint64, data []byte) error {
	s := l.last()
	if len(s.offsets) > 0 && s.size+headerLen+int64(len(data)) > l.limit {
		file, err := l.d.Open(segmentName(height))
		if err != nil {
			return err
		}
		s = &segment{name: segmentName(height), file: file, first: height}
		// The file's name must be as durable as the record in it. A crash before the record leaves
		// an empty file of the right name.
		if err := l.d.Sync(); err != nil {
			return errors.Join(err, file.Close())
		}
		l.mu.Lock()
		l.segments = append(l.segments, s)
		l.mu.Unlock()
	}
	l.buf = appendRecord(l.buf[:0], height, data)
	if _, err := s.file.WriteAt(l.buf, s.size); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.offsets = append(s.offsets, uint32(s.size))
	s.size += int64(len(l.buf))
	return nil
}

// Cut removes the records from height on, durably: for an owner who finds that they were never to be. A
// crash may leave some or all of them, which is as if it had not been called. After an error the log refuses
// to be appended to.
func (l *Log) Cut(height uint64) error {
	l.appending.Lock()
	defer l.appending.Unlock()
	if height < l.First() || height > l.Next() {
		return fmt.Errorf("cut from height %d: %w: the log has %d up to %d", height, ErrNotFound, l.First(), l.Next())
	}
	if err := l.cut(height); err != nil {
		l.failed = err
		return fmt.Errorf("cut from height %d: %w", height, err)
	}
	return nil
}

func (l *Log) cut(height uint64) error {
	for s := l.last(); s.first > height; s = l.last() {
		if err := errors.Join(s.file.Close(), l.d.Remove(s.name)); err != nil {
			return err
		}
		if err := l.d.Sync(); err != nil {
			return err
		}
		l.mu.Lock()
		l.segments = l.segments[:len(l.segments)-1]
		l.mu.Unlock()
	}
	s := l.last()
	if height == s.next() {
		return nil
	}
	size := int64(s.offsets[height-s.first])
	if err := s.file.Truncate(size); err != nil {
		return err
	}
	if err := s.file.Sync(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.offsets, s.size = s.offsets[:height-s.first], size
	return nil
}

// Get returns the record at height.
func (l *Log) Get(height uint64) ([]byte, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.get(height)
}

func (l *Log) get(height uint64) ([]byte, error) {
	if height < l.segments[0].first || height >= l.last().next() {
		return nil, fmt.Errorf("%w: %d, the log has %d up to %d", ErrNotFound, height, l.segments[0].first, l.last().next())
	}
	i, found := slices.BinarySearchFunc(l.segments, height, func(s *segment, h uint64) int {
		switch {
		case s.first < h:
			return -1
		case s.first > h:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	return l.segments[i].read(height)
}

// From returns the records from height to the end, in order; the sequence stops after an error. It
// holds no lock while the caller looks at a record, and records appended meanwhile are included.
func (l *Log) From(height uint64) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for ; height < l.Next(); height++ {
			data, err := l.Get(height)
			if !yield(Record{Height: height, Data: data}, err) || err != nil {
				return
			}
		}
	}
}

// Segments returns the files of the log, oldest first. All but the last never change again.
func (l *Log) Segments() []Segment {
	l.mu.RLock()
	defer l.mu.RUnlock()
	out := make([]Segment, len(l.segments))
	for i, s := range l.segments {
		out[i] = Segment{Name: s.name, First: s.first, Next: s.next(), Size: s.size}
	}
	return out
}

// Close closes the files. Everything appended is on disk already.
func (l *Log) Close() error {
	l.appending.Lock()
	defer l.appending.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, s := range l.segments {
		if s.file != nil {
			errs = append(errs, s.file.Close())
		}
	}
	l.failed = errors.New("closed")
	return errors.Join(errs...)
}
