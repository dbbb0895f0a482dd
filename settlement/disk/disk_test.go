package disk

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestDir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "er")
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := OpenDir(path); !errors.Is(err, ErrInUse) {
		t.Errorf("opening it again = %v, %v, want ErrInUse", other, err)
	}
	f, err := d.Open("b")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("hello"), 3); err != nil {
		t.Fatal(err)
	}
	if size, err := f.Size(); err != nil || size != 8 {
		t.Errorf("Size() = %d, %v, want 8", size, err)
	}
	if err := f.Truncate(5); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Sync(), d.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Open("a"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(path, "c"), 0o700); err != nil {
		t.Fatal(err)
	}
	if names, err := d.List(); err != nil || !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("List() = %q, %v", names, err)
	}
	if err := errors.Join(d.Rename("a", "x"), d.Remove("x"), d.Sync()); err != nil {
		t.Fatal(err)
	}
	if names, err := d.List(); err != nil || !slices.Equal(names, []string{"b"}) {
		t.Errorf("after a removal List() = %q, %v", names, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}

	if d, err = OpenDir(path); err != nil {
		t.Fatalf("opening it after Close: %v", err)
	}
	defer d.Close()
	if f, err = d.Open("b"); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 9)
	if n, err := f.ReadAt(b, 0); n != 5 || !errors.Is(err, io.EOF) || string(b[:n]) != "\x00\x00\x00he" {
		t.Errorf("ReadAt = %q, %v", b[:n], err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory's mode is %v, %v", info.Mode(), err)
	}
}

func TestOpenDirRefusesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Join(path, "below")} {
		if d, err := OpenDir(p); err == nil {
			_ = d.Close()
			t.Errorf("OpenDir(%s) succeeds", p)
		}
	}
}
