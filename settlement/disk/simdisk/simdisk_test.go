package simdisk

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"testing"

	"viaduct/settlement/disk"
)

// read returns the whole content of a file, "" for one that is not there.
func read(t *testing.T, d *Disk, name string) string {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, d *Disk, name, data string, off int64) disk.File {
	t.Helper()
	f, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte(data), off); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSyncedStays(t *testing.T) {
	for seed := range uint64(100) {
		d := New()
		f := write(t, d, "a", "synced", 0)
		if err := errors.Join(f.Sync(), d.Sync()); err != nil {
			t.Fatal(err)
		}
		after := d.Restart(seed)
		if got := read(t, after, "a"); got != "synced" {
			t.Fatalf("seed %d: %q", seed, got)
		}
		if _, err := d.List(); !errors.Is(err, ErrPower) {
			t.Errorf("the old disk still lives: %v", err)
		}
		if _, err := f.WriteAt(nil, 0); !errors.Is(err, ErrPower) {
			t.Errorf("the old file still lives: %v", err)
		}
	}
}

// TestUnsyncedMeetsEveryFate wants each way to lose a write to happen, and nothing else to.
func TestUnsyncedMeetsEveryFate(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 2*SectorSize)
	var lost, whole, cut, holed, gone int
	for seed := range uint64(300) {
		d := New()
		write(t, d, "a", string(data), 100)
		after := d.Restart(seed)
		names, err := after.List()
		if err != nil {
			t.Fatal(err)
		}
		if len(names) == 0 {
			gone++
			continue
		}
		got := []byte(read(t, after, "a"))
		if len(got) > 100 {
			got = got[100:]
		} else {
			got = nil
		}
		for i, c := range got {
			if c != 0 && c != 'x' {
				t.Fatalf("seed %d: byte %d is %q", seed, i, c)
			}
		}
		switch {
		case len(got) == 0:
			lost++
		case bytes.Equal(got, data):
			whole++
		case len(got) < len(data):
			cut++
		default:
			holed++
		}
	}
	if lost == 0 || whole == 0 || cut == 0 || holed == 0 || gone == 0 {
		t.Errorf("lost %d, whole %d, cut short %d, with holes %d, no file %d: want some of each", lost, whole, cut, holed, gone)
	}
}

func TestSameSeedSameDisk(t *testing.T) {
	for seed := range uint64(50) {
		var got [2]string
		for i := range got {
			d := New()
			f := write(t, d, "a", "0123456789", 0)
			if err := errors.Join(f.Sync(), d.Sync(), f.Truncate(4)); err != nil {
				t.Fatal(err)
			}
			write(t, d, "a", "ABCDEF", 4)
			got[i] = read(t, d.Restart(seed), "a")
		}
		if got[0] != got[1] {
			t.Fatalf("seed %d gives %q and %q", seed, got[0], got[1])
		}
	}
}

func TestFaultsStrikeOnTime(t *testing.T) {
	full := errors.New("full")
	d := New()
	f := write(t, d, "a", "abcd", 0)
	d.FailAt(2, full)
	if _, err := f.WriteAt([]byte("ef"), 4); err != nil {
		t.Fatal(err)
	}
	if n, err := f.WriteAt([]byte("ghij"), 6); !errors.Is(err, full) || n != 2 {
		t.Errorf("the failing write wrote %d, %v", n, err)
	}
	if got := read(t, d, "a"); got != "abcdefgh" {
		t.Errorf("the file holds %q", got)
	}
	d.PowerAt(1)
	if err := f.Sync(); !errors.Is(err, ErrPower) {
		t.Errorf("Sync when the power goes: %v", err)
	}
	if _, err := f.Size(); !errors.Is(err, ErrPower) {
		t.Errorf("Size after that: %v", err)
	}
}

// TestRenamesAndRemovals: until the directory is synced a name stands for the old file or the new one,
// and for nothing else; afterwards for the new one.
func TestRenamesAndRemovals(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(200) {
		d := New()
		for _, name := range []string{"a", "b", "c"} {
			if err := write(t, d, name, name, 0).Sync(); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(d.Sync(), d.Rename("a", "b"), d.Remove("c")); err != nil {
			t.Fatal(err)
		}
		if names, err := d.List(); err != nil || !slices.Equal(names, []string{"b"}) || read(t, d, "b") != "a" {
			t.Fatalf("now: %v, %v", names, err)
		}
		synced := seed%2 == 0
		if synced {
			if err := d.Sync(); err != nil {
				t.Fatal(err)
			}
		}
		after := d.Restart(seed)
		names, err := after.List()
		if err != nil {
			t.Fatal(err)
		}
		found := ""
		for _, name := range names {
			found += name + "=" + read(t, after, name) + " "
		}
		if synced && found != "b=a " {
			t.Fatalf("seed %d: synced, and found as %s", seed, found)
		}
		seen[found]++
	}
	for _, want := range []string{"b=a ", "b=a c=c ", "a=a b=b ", "a=a b=b c=c "} {
		if seen[want] == 0 {
			t.Errorf("never found as %q: %v", want, seen)
		}
		delete(seen, want)
	}
	if len(seen) > 0 {
		t.Errorf("found as %v", seen)
	}
	d := New()
	if err := d.Rename("a", "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Rename of nothing: %v", err)
	}
	if err := d.Remove("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Remove of nothing: %v", err)
	}
}
