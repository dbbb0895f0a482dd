package sqlstore

import (
	"context"
	"errors"
	"testing"
)

// The first data key is the only first one; others are the same under another master key; and the last one
// that opens anything is never forgotten.
func TestDataKeys(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		is := func(master, want string) {
			t.Helper()
			got, err := s.DataKey(ctx, []byte(master))
			if want == "" && !errors.Is(err, ErrNotFound) || want != "" && (err != nil || string(got) != want) {
				t.Errorf("data key of %s = %q, %v, want %q", master, got, err, want)
			}
		}
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		is("a", "")
		ok(s.FirstDataKey(ctx, []byte("a"), []byte("1")))
		ok(s.FirstDataKey(ctx, []byte("b"), []byte("2")))
		is("a", "1")
		is("b", "")
		for range 2 {
			ok(s.AddDataKey(ctx, []byte("b"), []byte("3")))
		}
		ok(s.AddDataKey(ctx, []byte("b"), []byte("4")))
		is("a", "1")
		is("b", "3")
		if n, err := s.RetireDataKeys(ctx, []byte("c")); n != 0 || err != nil {
			t.Errorf("retired %d, %v for a master key that opens nothing", n, err)
		}
		if n, err := s.RetireDataKeys(ctx, []byte("b")); n != 1 || err != nil {
			t.Errorf("retired %d, %v, want 1", n, err)
		}
		is("a", "")
		is("b", "3")
		ok(s.FirstDataKey(ctx, []byte("a"), []byte("5")))
		is("a", "")
	})
}
