package blocklog

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"viaduct/settlement/disk/simdisk"
)

// shown is everything a log has ever shown to be there: what Append returned for, and what was
// found after an Open. A validator may have signed it, so it must be there for ever.
type shown map[uint64][]byte

func (s shown) look(l *Log) error {
	for r, err := range l.From(l.First()) {
		if err != nil {
			return err
		}
		if was, ok := s[r.Height]; ok && !bytes.Equal(was, r.Data) {
			return fmt.Errorf("height %d has changed", r.Height)
		}
		s[r.Height] = r.Data
	}
	for h := range s {
		if h >= l.Next() {
			return fmt.Errorf("height %d is gone, the log ends before %d", h, l.Next())
		}
	}
	return nil
}

// TestCrashBetweenAllWrites cuts the power at every change the log makes to the disk, several times
// in a row, also while it recovers from the last cut. Each life writes other bytes at the heights it
// comes to: what an earlier life has shown must still be there and be what it was.
func TestCrashBetweenAllWrites(t *testing.T) {
	const heights, seeds = 12, 25
	whole := simdisk.New()
	l := mustOpen(t, whole, 1)
	fill(t, l, 1, heights)
	changes := whole.Changes()

	lives := 0
	for seed := range uint64(seeds) {
		for at := 1; at <= changes; at++ {
			seen := shown{}
			d := simdisk.New()
			for life := range 4 {
				lives++
				// The first cut walks over all changes, the later ones come soon after a restart.
				d.PowerAt([]int{at, 1 + at%3, 1 + at%5, 1 + int(seed%4)}[life])
				if err := live(d, seen, heights, byte(life)); err != nil && !errors.Is(err, simdisk.ErrPower) {
					t.Fatalf("seed %d, power cut at change %d, life %d: %v", seed, at, life, err)
				}
				d = d.Restart(seed*1000 + uint64(life))
			}
			if err := live(d, seen, heights, 'x'); err != nil {
				t.Fatalf("seed %d, power cut at change %d, last life: %v", seed, at, err)
			}
			if len(seen) != heights-1 {
				t.Fatalf("seed %d, power cut at change %d: %d heights, want %d", seed, at, len(seen), heights-1)
			}
		}
	}
	t.Logf("%d lives, %d changes to the disk in an undisturbed one", lives, changes)
}

// live opens the log, looks at it, and appends up to heights until something fails.
func live(d *simdisk.Disk, seen shown, heights uint64, mine byte) error {
	l, err := open(d, 1, smallSegment)
	if err != nil {
		return err
	}
	if err := seen.look(l); err != nil {
		return err
	}
	for h := l.Next(); h < heights; h++ {
		data := append(block(h), mine)
		if err := l.Append(h, data); err != nil {
			return err
		}
		seen[h] = data
	}
	return seen.look(l)
}

// TestKilledProcess is a crash of the process alone: what it wrote without syncing is in memory, the
// next one finds it, and then the power goes.
func TestKilledProcess(t *testing.T) {
	for seed := range uint64(50) {
		d := simdisk.New()
		l := mustOpen(t, d, 1)
		fill(t, l, 1, 5)
		d.FailAt(2, errors.New("killed")) // the write is done, its sync is not
		if err := l.Append(5, block(5)); err == nil {
			t.Fatal("Append returned without a sync")
		}
		l = mustOpen(t, d, 1)
		seen := shown{}
		if err := seen.look(l); err != nil {
			t.Fatal(err)
		}
		if err := seen.look(mustOpen(t, d.Restart(seed), 1)); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func TestDiskFull(t *testing.T) {
	full := errors.New("no space left on device")
	for at := 1; at <= 4; at++ {
		d := simdisk.New()
		l := mustOpen(t, d, 1)
		fill(t, l, 1, 6)
		d.FailAt(at, full)
		var failed uint64
		for h := uint64(6); failed == 0; h++ {
			if err := l.Append(h, block(h)); err != nil {
				if !errors.Is(err, full) {
					t.Fatal(err)
				}
				failed = h
			}
		}
		// Until it is opened again, nobody knows what the disk has.
		if err := l.Append(failed, block(failed)); !errors.Is(err, ErrFailed) {
			t.Errorf("change %d: Append after a failed one: %v, want ErrFailed", at, err)
		}
		check(t, l, 1, failed)
		l = mustOpen(t, d, 1)
		fill(t, l, l.Next(), 12)
		check(t, l, 1, 12)
	}
}

// TestTornTail cuts the last record at every byte, and leaves every sector of it out.
func TestTornTail(t *testing.T) {
	d := simdisk.New()
	l := mustOpen(t, d, 1)
	fill(t, l, 1, 4)
	last := l.Segments()[len(l.Segments())-1]
	base := last.Size
	if err := l.Append(4, block(4)); err != nil { // 1,588 bytes: begins the next file
		t.Fatal(err)
	}
	name := l.Segments()[len(l.Segments())-1].Name
	size := l.last().size
	if name == last.Name {
		t.Fatalf("block 4 shares a file with the ones before; %d bytes", base)
	}
	var record []byte
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if record, err = readAll(f, 0, size); err != nil {
		t.Fatal(err)
	}
	try := func(what string, tail []byte) {
		t.Helper()
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(tail, 0); err != nil {
			t.Fatal(err)
		}
		l, err := open(d, 1, smallSegment)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		check(t, l, 1, 4)
		if n, err := f.Size(); err != nil || n != 0 {
			t.Fatalf("%s: %d bytes are left, %v", what, n, err)
		}
	}
	for n := range record {
		try(fmt.Sprintf("%d bytes", n), record[:n])
	}
	for at := 0; at < len(record); at += simdisk.SectorSize {
		missing := bytes.Clone(record)
		clear(missing[at:min(at+simdisk.SectorSize, len(missing))])
		try(fmt.Sprintf("without the sector at %d", at), missing)
	}
}

// TestDamageIsAnError flips bits all over the log. No record may be lost to it silently, be it the
// last one, and no altered record may come out.
func TestDamageIsAnError(t *testing.T) {
	d := simdisk.New()
	l := mustOpen(t, d, 1)
	fill(t, l, 1, 12)
	tried := 0
	for _, s := range l.Segments() {
		for off := int64(0); off < s.Size; off += 1 + off%7 {
			for _, xor := range []byte{0x01, 0x80, 0xff} {
				tried++
				d.Damage(s.Name, off, xor)
				if _, err := open(d, 1, smallSegment); !errors.Is(err, ErrDamaged) {
					t.Fatalf("%s, byte %d changed by %#x: Open = %v, want ErrDamaged", s.Name, off, xor, err)
				}
				found := false
				for h := s.First; h < s.Next; h++ {
					got, err := l.Get(h)
					if errors.Is(err, ErrDamaged) {
						found = true
					} else if err != nil || !bytes.Equal(got, block(h)) {
						t.Fatalf("%s, byte %d: Get(%d) gives something else, %v", s.Name, off, h, err)
					}
				}
				if !found {
					t.Fatalf("%s, byte %d: no record is damaged", s.Name, off)
				}
				d.Damage(s.Name, off, xor)
			}
		}
	}
	check(t, mustOpen(t, d, 1), 1, 12)
	t.Logf("%d damaged bytes", tried)
}
