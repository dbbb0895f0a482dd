package blocklog

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"viaduct/settlement/disk"
	"viaduct/settlement/disk/simdisk"
)

// smallSegment makes tests begin a new file every few records.
const smallSegment = 2000

// block returns the bytes of a made-up block; lengths go from nothing to several sectors.
func block(height uint64) []byte {
	n := height * 397 % 1700
	return bytes.Repeat([]byte{byte(height) | 1, byte(height >> 8), 0xa5}, int(n/3))
}

func openDir(t testing.TB, path string) *disk.Dir {
	t.Helper()
	d, err := disk.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() }) // closed by the test already, or not
	return d
}

func mustOpen(t testing.TB, d disk.Disk, first uint64) *Log {
	t.Helper()
	l, err := open(d, first, smallSegment)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func fill(t testing.TB, l *Log, from, to uint64) {
	t.Helper()
	for h := from; h < to; h++ {
		if err := l.Append(h, block(h)); err != nil {
			t.Fatal(err)
		}
	}
}

// check compares the whole log with the blocks it should have.
func check(t testing.TB, l *Log, first, next uint64) {
	t.Helper()
	if l.First() != first || l.Next() != next {
		t.Fatalf("the log has %d up to %d, want %d up to %d", l.First(), l.Next(), first, next)
	}
	want := first
	for r, err := range l.From(first) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Height != want || !bytes.Equal(r.Data, block(want)) {
			t.Fatalf("record %d is not what was written at %d", r.Height, want)
		}
		want++
	}
	if want != next {
		t.Fatalf("From ends before %d, want %d", want, next)
	}
}

func TestAppendGetReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "blocks")
	d := openDir(t, path)
	l := mustOpen(t, d, 5)
	check(t, l, 5, 5)
	fill(t, l, 5, 60)
	check(t, l, 5, 60)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	d = openDir(t, path)
	l = mustOpen(t, d, 1) // a log with records knows where it begins
	check(t, l, 5, 60)
	fill(t, l, 60, 70)
	check(t, l, 5, 70)
	for _, h := range []uint64{0, 4, 70, 1 << 60} {
		if _, err := l.Get(h); !errors.Is(err, ErrNotFound) {
			t.Errorf("Get(%d) = %v, want ErrNotFound", h, err)
		}
	}
	segments := l.Segments()
	if len(segments) < 10 {
		t.Errorf("%d segments, want many", len(segments))
	}
	for i, s := range segments {
		if s.Size > smallSegment || s.Name != fmt.Sprintf("%020d.blocks", s.First) || i > 0 && s.First != segments[i-1].Next {
			t.Errorf("segment %d is %+v", i, s)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(70, nil); !errors.Is(err, ErrFailed) {
		t.Errorf("Append to a closed log = %v, want ErrFailed", err)
	}
}

func TestNeverTwoRecordsAtOneHeight(t *testing.T) {
	d := simdisk.New()
	l := mustOpen(t, d, 1)
	fill(t, l, 1, 20)
	changes := d.Changes()
	for h := uint64(1); h < 20; h++ {
		if err := l.Append(h, block(h)); err != nil {
			t.Errorf("the same record again at %d: %v", h, err)
		}
		if err := l.Append(h, append(block(h), 0)); !errors.Is(err, ErrConflict) {
			t.Errorf("another record at %d: %v, want ErrConflict", h, err)
		}
	}
	for _, h := range []uint64{21, 22, 1 << 40} {
		if err := l.Append(h, nil); !errors.Is(err, ErrGap) {
			t.Errorf("a record at %d: %v, want ErrGap", h, err)
		}
	}
	if err := l.Append(0, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("a record before the first: %v, want ErrNotFound", err)
	}
	if err := l.Append(20, make([]byte, MaxRecord+1)); err == nil {
		t.Error("a record over the limit is accepted")
	}
	if d.Changes() != changes {
		t.Error("a refused record touched the disk")
	}
	fill(t, l, 20, 25)
	check(t, l, 1, 25)
}

func TestArchivedSegments(t *testing.T) {
	d := simdisk.New()
	l := mustOpen(t, d, 1)
	fill(t, l, 1, 40)
	segments := l.Segments()

	kept := copyFiles(t, d, segments[3:])
	check(t, mustOpen(t, kept, 1), segments[3].First, 40)

	holed := copyFiles(t, d, slices.Delete(slices.Clone(segments), 2, 3))
	if _, err := open(holed, 1, smallSegment); !errors.Is(err, ErrDamaged) {
		t.Errorf("a log without its third file: %v, want ErrDamaged", err)
	}
}

// TestOlderFilesAreNeverCut shortens a file that is not the last one. It was complete once, so what
// is missing is damage, and what is left is evidence.
func TestOlderFilesAreNeverCut(t *testing.T) {
	d := simdisk.New()
	l := mustOpen(t, d, 1)
	fill(t, l, 1, 40)
	s := l.Segments()[2]
	f, err := d.Open(s.Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{s.Size - 1, s.Size / 2, 5} {
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if _, err := open(d, 1, smallSegment); !errors.Is(err, ErrDamaged) {
			t.Errorf("Open with %s cut to %d bytes = %v, want ErrDamaged", s.Name, size, err)
		}
		if got, err := f.Size(); err != nil || got != size {
			t.Errorf("Open has changed %s from %d to %d bytes, %v", s.Name, size, got, err)
		}
	}
}

// TestFileOfOtherHeights puts a file in the place of another: every checksum is right.
func TestFileOfOtherHeights(t *testing.T) {
	d := simdisk.New()
	l := mustOpen(t, d, 1)
	fill(t, l, 1, 10)
	s := l.Segments()[0]
	from, err := d.Open(s.Name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := readAll(from, 0, s.Size)
	if err != nil {
		t.Fatal(err)
	}
	moved := simdisk.New()
	to, err := moved.Open(segmentName(7))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.WriteAt(b, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := open(moved, 1, smallSegment); !errors.Is(err, ErrDamaged) {
		t.Errorf("Open = %v, want ErrDamaged", err)
	}
}

// copyFiles returns a disk with some of d's segments.
func copyFiles(t *testing.T, d disk.Disk, segments []Segment) *simdisk.Disk {
	t.Helper()
	out := simdisk.New()
	for _, s := range segments {
		from, err := d.Open(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := readAll(from, 0, s.Size)
		if err != nil {
			t.Fatal(err)
		}
		to, err := out.Open(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.WriteAt(b, 0); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestReadersRunBesideAppend(t *testing.T) {
	l := mustOpen(t, openDir(t, t.TempDir()), 1)
	defer l.Close()
	done := make(chan error, 1)
	go func() {
		var err error
		for h := uint64(1); h < 80 && err == nil; h++ {
			err = l.Append(h, block(h))
		}
		done <- err
	}()
	for len(done) == 0 { // every height below Next is whole, whenever one looks
		next := l.Next()
		for h := uint64(1); h < next; h++ {
			if got, err := l.Get(h); err != nil || !bytes.Equal(got, block(h)) {
				t.Fatalf("Get(%d) beside Append gives something else, %v", h, err)
			}
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	check(t, l, 1, 80)
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1 << 10, 128 << 10} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			d := openDir(b, b.TempDir())
			l, err := Open(d, 1)
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			data := bytes.Repeat([]byte{1}, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Append(l.Next(), data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	d := simdisk.New()
	l, err := Open(d, 1)
	if err != nil {
		b.Fatal(err)
	}
	data := bytes.Repeat([]byte{1}, 64<<10)
	for h := range uint64(512) {
		if err := l.Append(h+1, data); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(512 * 64 << 10)
	for b.Loop() {
		if _, err := Open(d, 1); err != nil {
			b.Fatal(err)
		}
	}
}
