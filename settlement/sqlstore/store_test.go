package sqlstore

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viaduct/internal/testenv"
	"viaduct/ledger"
)

func TestOpenRefuses(t *testing.T) {
	ctx := context.Background()
	for _, dsn := range []string{"", "mysql://localhost/x", "redis:x", "postgres://%zz"} {
		if s, err := Open(ctx, dsn); err == nil {
			t.Errorf("Open(%q) succeeded", dsn)
			s.Close()
		}
	}
	if _, err := Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "new.db")); !errors.Is(err, ErrSchema) {
		t.Errorf("Open of an empty file: %v, want ErrSchema", err)
	}
	if _, err := Open(ctx, filepath.Join(t.TempDir(), "none", "new.db")); err == nil {
		t.Error("Open in a folder that isn't there succeeded")
	}
}

func TestOpenRefusesAnEmptyPostgres(t *testing.T) {
	if _, err := Open(context.Background(), testenv.Postgres(t)); !errors.Is(err, ErrSchema) {
		t.Errorf("Open: %v, want ErrSchema", err)
	}
}

// A path is a path, whatever characters are in it, and what was written is there after a reopening.
func TestSQLitePaths(t *testing.T) {
	ctx := context.Background()
	for _, name := range []string{"plain.db", "with space.db", "a?b#c%41.db", "ü.db"} {
		path := filepath.Join(t.TempDir(), name)
		s := newStore(t, path)
		if err := s.PutSettings(ctx, Settings{Participant: bbva, Funding: []string{"EUR"}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.PutSettings(ctx, Settings{Participant: bbva}); err == nil {
			t.Error("a closed store took a write")
		}
		if found, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.db")); err != nil || len(found) != 1 || found[0] != path {
			t.Errorf("files %q, want %q", found, path)
		}
		again := newStore(t, "sqlite:"+path)
		if v, err := again.Settings(ctx, bbva); err != nil || !cmp.Equal(v.Funding, []string{"EUR"}) {
			t.Errorf("after reopening: %+v, %v", v, err)
		}
	}
}

func TestSQLiteIsDurable(t *testing.T) {
	s := newStore(t, filepath.Join(t.TempDir(), "viaduct.db"))
	w := s.writer.(*sqliteWriter)
	var mode string
	var level int
	if err := errors.Join(w.conn.QueryRowContext(context.Background(), "PRAGMA journal_mode").Scan(&mode),
		w.conn.QueryRowContext(context.Background(), "PRAGMA synchronous").Scan(&level)); err != nil || mode != "wal" || level != 2 {
		t.Errorf("journal_mode %s, synchronous %d, %v, want wal and 2 (FULL)", mode, level, err)
	}
	if _, err := s.reads.Exec("DELETE FROM settings"); err == nil {
		t.Error("a reading connection can write")
	}
}

func TestKeysAndSettings(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		key := APIKey{ID: idOf(1), Prefix: "vk_abc", Hash: ledger.Hash{3}, Participant: bbva, Name: "hub", Scopes: []string{"pay", "read"}, Created: 5, Expires: 50}
		for i, want := range []error{nil, ErrExists} {
			if err := s.PutAPIKey(ctx, key); !errors.Is(err, want) {
				t.Errorf("put %d: %v, want %v", i, err, want)
			}
		}
		if err := s.PutAPIKey(ctx, APIKey{ID: idOf(2), Prefix: "vk_op"}); err != nil {
			t.Fatal(err)
		}
		if err := s.TouchAPIKey(ctx, key.ID, 9); err != nil {
			t.Fatal(err)
		}
		if err := s.RevokeAPIKey(ctx, kbc, key.ID, 10); !errors.Is(err, ErrNotFound) {
			t.Errorf("another's key: %v, want ErrNotFound", err)
		}
		for _, now := range []int64{11, 12} {
			if err := s.RevokeAPIKey(ctx, bbva, key.ID, now); err != nil {
				t.Fatal(err)
			}
		}
		key.LastUsed, key.Revoked = 9, 11
		if got, err := s.APIKeyByPrefix(ctx, "vk_abc"); err != nil || !cmp.Equal(got, key) {
			t.Errorf("key = %+v, %v", got, err)
		}
		if got, err := s.APIKeys(ctx, bbva); err != nil || !cmp.Equal(got, []APIKey{key}) {
			t.Errorf("keys = %+v, %v", got, err)
		}
		if got, err := s.APIKeyByPrefix(ctx, "vk_op"); err != nil || got.Participant != (ledger.BIC{}) || got.Scopes != nil {
			t.Errorf("operator's key = %+v, %v", got, err)
		}

		old, young := SigningKey{[32]byte{1}, bbva, []byte("sealed"), 1}, SigningKey{[32]byte{2}, bbva, []byte("sealed too"), 2}
		if err := errors.Join(s.PutSigningKey(ctx, old), s.PutSigningKey(ctx, young)); err != nil {
			t.Fatal(err)
		}
		if got, err := s.SigningKeys(ctx, bbva); err != nil || !cmp.Equal(got, []SigningKey{young, old}) {
			t.Errorf("signing keys = %+v, %v", got, err)
		}
		if err := s.DeleteSigningKey(ctx, kbc, old.Public); !errors.Is(err, ErrNotFound) {
			t.Errorf("another's signing key: %v", err)
		}
		if err := s.DeleteSigningKey(ctx, bbva, old.Public); err != nil {
			t.Fatal(err)
		}

		if got, err := s.Settings(ctx, bbva); err != nil || !cmp.Equal(got, Settings{Participant: bbva}) {
			t.Errorf("settings before any: %+v, %v", got, err)
		}
		for _, v := range []Settings{{bbva, []string{"USD", "EUR@CHASUS33"}, 25, "iso", 7}, {bbva, nil, 0, "", 8}} {
			if err := s.PutSettings(ctx, v); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Settings(ctx, bbva); err != nil || !cmp.Equal(got, v) {
				t.Errorf("settings = %+v, %v, want %+v", got, err, v)
			}
		}
		if err := s.Ping(ctx); err != nil {
			t.Error(err)
		}
	})
}
