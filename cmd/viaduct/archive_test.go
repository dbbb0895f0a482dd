package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestArchiveMovesADataDirectory exports the demo's ledger, proves it, imports it into a directory that
// has nothing but the keys, and starts there: the state hash is the same.
func TestArchiveMovesADataDirectory(t *testing.T) {
	old, there, archive := t.TempDir(), filepath.Join(t.TempDir(), "new"), filepath.Join(t.TempDir(), "ledger.vx")
	p := launch(t, "demo", "--data", old)
	if out := command(t, 1, "export", archive, "--data", old); !strings.Contains(out, "in use") {
		t.Errorf("exporting while it runs: %s", out)
	}
	height, hash := stateHash(t, p, 0)
	p.interrupt(t)
	command(t, 0, "export", archive, "--data", old)
	if out := command(t, 1, "export", archive, "--data", old); !strings.Contains(out, "there already") {
		t.Errorf("exporting over an archive: %s", out)
	}
	out := command(t, 0, "import", archive, "--check")
	if !strings.Contains(out, fmt.Sprintf("height      %d\ncertified   %d\n", height, height)) {
		t.Errorf("checked: %s, want height %d, certified", out, height)
	}
	if again := command(t, 0, "import", archive, "--data", there); !strings.Contains(again, out) {
		t.Errorf("imported: %s, checked: %s", again, out)
	}
	if out := command(t, 1, "import", archive, "--data", there); !strings.Contains(out, "there is a network in it") {
		t.Errorf("imported twice: %s", out)
	}
	for _, key := range []string{operatorFile, keyFile(0), keyFile(1), keyFile(2), keyFile(3), masterFile, masterCheckFile} {
		data, err := os.ReadFile(filepath.Join(old, key))
		if err == nil {
			err = os.WriteFile(filepath.Join(there, key), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p = launch(t, "up", "--data", there)
	if _, moved := stateHash(t, p, height); moved != hash {
		t.Errorf("at height %d the moved ledger is at %s, the old one at %s", height, moved, hash)
	}
	p.interrupt(t)
}

// TestImportKeepsNothingOfADamagedArchive: neither blocks nor a genesis; a whole archive goes in after.
func TestImportKeepsNothingOfADamagedArchive(t *testing.T) {
	data, archive := t.TempDir(), filepath.Join(t.TempDir(), "ledger.vx")
	p := launch(t, "up", "--data", data)
	p.interrupt(t)
	command(t, 0, "export", archive, "--data", data)
	whole, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	damaged, there := archive+".damaged", t.TempDir()
	if err := os.WriteFile(damaged, whole[:len(whole)-9], 0o600); err != nil {
		t.Fatal(err)
	}
	if out := command(t, 1, "import", damaged, "--data", there); !strings.Contains(out, "not imported: ") {
		t.Errorf("a damaged archive: %s", out)
	}
	for _, name := range []string{genesisFile, blocksDir} {
		if _, err := os.Stat(filepath.Join(there, name)); err == nil {
			t.Errorf("a damaged archive left %s", name)
		}
	}
	command(t, 0, "import", archive, "--data", there)
	command(t, 2, "import", archive)
	command(t, 2, "import", archive+".none", "--check")
	command(t, 2, "import", archive, "--data", there, "--check")
	command(t, 1, "export", archive+".2", "--data", t.TempDir())
}

// command runs a subcommand in this process and returns what it wrote.
func command(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(context.Background(), args, &out, &errs); got != code {
		t.Fatalf("%v: exit code %d, want %d\n%s%s", args, got, code, out.String(), errs.String())
	}
	return out.String() + errs.String()
}
