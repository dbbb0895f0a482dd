package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDataDirKeepsWhatItBegan(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	d, err := openDataDir(path, "first", 1, time.UnixMilli(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openDataDir(path, "first", 1, time.UnixMilli(1)); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice: %v", err)
	}
	d.apiKeys.Operator = "key"
	if err := d.saveAPIKeys(); err != nil {
		t.Fatal(err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	again, err := openDataDir(path, "another name", 1, time.UnixMilli(2))
	if err != nil {
		t.Fatal(err)
	}
	defer again.close()
	if again.genesis.Network() != d.genesis.Network() || again.master != d.master || again.apiKeys.Operator != "key" {
		t.Error("a second opening finds another network")
	}
	for _, secret := range []string{operatorFile, validatorFile, masterFile, apiKeysFile} {
		info, err := os.Stat(filepath.Join(path, secret))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want readable by its owner alone", secret, info.Mode(), err)
		}
	}
}

func TestDataDirRefusesWhatIsNotItsOwn(t *testing.T) {
	for file, content := range map[string]string{
		genesisFile:   "junk",
		operatorFile:  strings.Repeat("00", 32),
		validatorFile: strings.Repeat("00", 32), // a key, but another one than the genesis names
		masterFile:    strings.Repeat("00", 32),
		apiKeysFile:   "{",
	} {
		path := t.TempDir()
		d, err := openDataDir(path, "test", 1, time.UnixMilli(1))
		if err != nil {
			t.Fatal(err)
		}
		if err := d.close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openDataDir(path, "test", 1, time.UnixMilli(1)); err == nil {
			t.Errorf("%s damaged, and the directory opens", file)
		}
		if file == apiKeysFile || file == genesisFile {
			continue // made anew; without a genesis it is another network's directory
		}
		if err := os.Remove(filepath.Join(path, file)); err != nil {
			t.Fatal(err)
		}
		if _, err := openDataDir(path, "test", 1, time.UnixMilli(1)); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("%s removed, and the directory opens: %v", file, err)
		}
	}
}

func TestKeysShowMakesNothing(t *testing.T) {
	path := t.TempDir()
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"keys", "show", "--data", path}, &out, &errs); code != 1 {
		t.Errorf("exit code %d, %s%s", code, out.String(), errs.String())
	}
	if entries, err := filepath.Glob(filepath.Join(path, "*.key")); err != nil || len(entries) > 0 {
		t.Errorf("it made %v, %v", entries, err)
	}
}
