package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
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
		key := APIKey{ID: idOf(1), Prefix: "vk_abc", Hash: ledger.Hash{3}, Participant: bbva, Name: "hub", Scopes: []string{"pay", "read"}, Networks: []string{"10.0.0.0/8"}, Created: 5, Expires: 50}
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
		if got, err := s.APIKeys(ctx, bbva, ledger.ID{}, 9); err != nil || !cmp.Equal(got, []APIKey{key}) {
			t.Errorf("keys = %+v, %v", got, err)
		}
		if got, err := s.APIKeys(ctx, bbva, key.ID, 9); err != nil || len(got) > 0 {
			t.Errorf("keys behind the last = %+v, %v", got, err)
		}
		if got, err := s.APIKey(ctx, bbva, key.ID); err != nil || !cmp.Equal(got, key) {
			t.Errorf("key = %+v, %v", got, err)
		}
		if _, err := s.APIKey(ctx, kbc, key.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("another's key: %v, want ErrNotFound", err)
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
		for _, v := range []Settings{{bbva, []string{"USD", "EUR@CHASUS33"}, 25, true, "iso", 7}, {bbva, nil, 0, false, "", 8}} {
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

// A key that is replaced ends when it is told to, or before; one that has ended is replaced no more.
func TestReplaceAPIKey(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		put := func(n byte, expires int64) ledger.ID {
			t.Helper()
			if err := s.PutAPIKey(ctx, APIKey{ID: idOf(int(n)), Prefix: fmt.Sprint(n), Participant: bbva, Created: 5, Expires: expires}); err != nil {
				t.Fatal(err)
			}
			return idOf(int(n))
		}
		next := byte(100)
		replace := func(id ledger.ID, by ledger.BIC, until, now int64) error {
			next++
			return s.ReplaceAPIKey(ctx, id, until, APIKey{ID: idOf(int(next)), Prefix: fmt.Sprint(next), Participant: by, Created: now})
		}
		forever, short, ended, revoked := put(1, 0), put(2, 50), put(3, 8), put(4, 0)
		if err := s.RevokeAPIKey(ctx, bbva, revoked, 9); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			id    ledger.ID
			by    ledger.BIC
			until int64
			want  error
			ends  int64
		}{
			{forever, bbva, 70, nil, 70}, {forever, bbva, 60, nil, 60}, {forever, bbva, 90, nil, 60}, {short, bbva, 70, nil, 50},
			{ended, bbva, 70, ErrNotFound, 8}, {revoked, bbva, 70, ErrNotFound, 0}, {short, kbc, 20, ErrNotFound, 50},
		} {
			if err := replace(tt.id, tt.by, tt.until, 10); !errors.Is(err, tt.want) {
				t.Errorf("replace %x: %v, want %v", tt.id[:], err, tt.want)
			}
			if got, err := s.APIKey(ctx, bbva, tt.id); err != nil || got.Expires != tt.ends {
				t.Errorf("key %x expires %d, want %d (%v)", tt.id[:], got.Expires, tt.ends, err)
			}
		}
	})
}

// A participant's good keys are bounded, however many add one at once.
func TestAPIKeysAreBounded(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		settledWorld(t, s, "keys")
		var wg sync.WaitGroup
		errs := make([]error, MaxAPIKeys+20)
		for i := range errs {
			wg.Go(func() {
				errs[i] = s.PutAPIKey(ctx, APIKey{ID: idOf(i), Prefix: fmt.Sprint(i), Participant: bbva, Created: 5})
			})
		}
		wg.Wait()
		put, full := 0, 0
		for _, err := range errs {
			switch {
			case err == nil:
				put++
			case errors.Is(err, ErrFull):
				full++
			default:
				t.Error(err)
			}
		}
		if put != MaxAPIKeys || full != 20 {
			t.Errorf("%d put and %d refused, want %d and 20", put, full, MaxAPIKeys)
		}
		if err := s.PutAPIKey(ctx, APIKey{ID: idOf(200), Prefix: "other", Participant: kbc}); err != nil {
			t.Errorf("another's key: %v", err)
		}
	})
}
