package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Two demos at a time have names of their own, and neither takes the other's away.
func TestDemosKeepTheirFilesApart(t *testing.T) {
	dir := t.TempDir()
	claim := func(want string) *demoFiles {
		t.Helper()
		d, err := claimDemoFiles(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := filepath.Base(d.env.Name()); got != want {
			t.Errorf("claimed %s, want %s", got, want)
		}
		return d
	}
	first := claim("viaduct-demo.env")
	second := claim("viaduct-demo-2.env")
	if err := second.remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first.env.Name()); err != nil {
		t.Errorf("the first one's file: %v", err)
	}
	second = claim("viaduct-demo-2.env")
	if err := first.remove(); err != nil {
		t.Fatal(err)
	}
	first = claim("viaduct-demo.env")
	// A killed demo's file stays, and is taken over.
	if err := first.env.Close(); err != nil {
		t.Fatal(err)
	}
	first = claim("viaduct-demo.env")
	for _, d := range []*demoFiles{first, second} {
		if err := d.remove(); err != nil {
			t.Fatal(err)
		}
	}
	// Nothing is written through a link.
	other := filepath.Join(t.TempDir(), "other")
	if err := os.Symlink(other, filepath.Join(dir, "viaduct-demo.env")); err != nil {
		t.Fatal(err)
	}
	claim("viaduct-demo-2.env")
	if _, err := os.Stat(other); err == nil {
		t.Error("a link was followed")
	}
	if _, err := claimDemoFiles(filepath.Join(dir, "none")); err == nil {
		t.Error("a directory that is not there")
	}
}

// What is mistyped at the start is said then.
func TestUpSaysWhatIsMissing(t *testing.T) {
	code, _, problem := cli(t, "up", "--http", "127.0.0.1:0", "--data", t.TempDir(), "--rates", "no-such-file.xml")
	if code != 2 || !strings.Contains(problem, "--rates") || !strings.Contains(problem, "no-such-file.xml") {
		t.Errorf("rates that are not there: %d %s", code, problem)
	}
	p := launch(t, "up", "--data", t.TempDir(), "--redis-url", "redis://127.0.0.1:1/0")
	out := p.output()
	p.interrupt(t)
	if !strings.Contains(out, "redis does not answer") || !strings.Contains(out, "mid rates     none") {
		t.Errorf("it says\n%s", out)
	}
	p = launch(t, "up", "--data", t.TempDir(), "--rates", "../../examples/rates/eurofxref-2026-03-13.xml")
	out = p.output()
	p.interrupt(t)
	if strings.Contains(out, "none") || !strings.Contains(out, "2026-03-13") {
		t.Errorf("it says\n%s", out)
	}
}
