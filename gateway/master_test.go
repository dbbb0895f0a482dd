package gateway

import (
	"errors"
	"path/filepath"
	"testing"

	"viaduct/settlement/sqlstore"
)

// Whatever master key opens a store, its secrets are the same; a key that was not added, or was retired, opens
// nothing.
func TestMasterKeys(t *testing.T) {
	ctx := t.Context()
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "keys.db")
	if err := sqlstore.Migrate(ctx, dsn); err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	first, err := Unlock(ctx, store, [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	kept := first.sealed([]byte("a seed"), "use")
	opens := func(master byte, want error) {
		t.Helper()
		s, err := Unlock(ctx, store, [32]byte{master})
		if !errors.Is(err, want) {
			t.Errorf("master key %d: %v, want %v", master, err, want)
		}
		if err != nil {
			return
		}
		if plain, err := s.opened(kept, "use"); err != nil || string(plain) != "a seed" {
			t.Errorf("master key %d opens %q, %v", master, plain, err)
		}
		if string(s.cursor) != string(first.cursor) || string(s.fingerprint) != string(first.fingerprint) || string(s.token) != string(first.token) {
			t.Errorf("master key %d: other keys", master)
		}
	}
	opens(2, ErrMaster)
	for range 2 {
		if err := first.AddMaster(ctx, store, [32]byte{2}); err != nil {
			t.Fatal(err)
		}
	}
	opens(1, nil)
	opens(2, nil)
	if _, err := RetireMasters(ctx, store, [32]byte{3}); !errors.Is(err, ErrMaster) {
		t.Errorf("retire for a key that opens nothing: %v", err)
	}
	if n, err := RetireMasters(ctx, store, [32]byte{2}); n != 1 || err != nil {
		t.Errorf("retired %d, %v", n, err)
	}
	opens(1, ErrMaster)
	opens(2, nil)
	if _, err := Unlock(ctx, store, [32]byte{}); err == nil {
		t.Error("no master key opens it")
	}
	if err := first.AddMaster(ctx, store, [32]byte{}); err == nil {
		t.Error("no master key is added")
	}
}
