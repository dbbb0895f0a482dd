package sqlstore

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClientKeys(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		key := ClientKey{ID: idOf(1), Participant: bbva, Kind: SignatureKey, Public: [32]byte{1}, Name: "x", Created: 5}
		for i, want := range []error{nil, ErrExists} {
			if err := s.PutClientKey(ctx, key); !errors.Is(err, want) {
				t.Errorf("put %d: %v, want %v", i, err, want)
			}
		}
		if err := s.PutAPIKey(ctx, APIKey{ID: idOf(9), Prefix: "vk", Participant: bbva}); err != nil {
			t.Fatal(err)
		}
		asks := func(signature, pinned bool) {
			t.Helper()
			c, err := s.Credential(ctx, "vk")
			if err != nil || c.RequireSignature != signature || c.Pinned != pinned || c.Participant != bbva {
				t.Errorf("credential = %+v, %v, want %v and %v", c, err, signature, pinned)
			}
		}
		asks(false, false)
		if err := errors.Join(s.PutSettings(ctx, Settings{Participant: bbva, RequireSignature: true}), s.PutSettings(ctx, Settings{Participant: kbc}),
			s.PutClientKey(ctx, ClientKey{ID: idOf(2), Participant: kbc, Kind: CertificateKey, Public: [32]byte{2}})); err != nil {
			t.Fatal(err)
		}
		asks(true, false)
		if err := s.PutClientKey(ctx, ClientKey{ID: idOf(3), Participant: bbva, Kind: CertificateKey, Public: [32]byte{2}}); err != nil {
			t.Fatal(err)
		}
		asks(true, true)
		if got, err := s.ClientKey(ctx, bbva, key.ID); err != nil || !cmp.Equal(got, key) {
			t.Errorf("key = %+v, %v", got, err)
		}
		if _, err := s.ClientKey(ctx, kbc, key.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("another's key: %v", err)
		}
		if got, err := s.ClientKeys(ctx, bbva); err != nil || len(got) != 2 || got[0] != key {
			t.Errorf("keys = %+v, %v", got, err)
		}
		for i := 2; i < MaxClientKeys; i++ {
			if err := s.PutClientKey(ctx, ClientKey{ID: idOf(100 + i), Participant: bbva, Kind: SignatureKey, Public: [32]byte{byte(i), 9}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.PutClientKey(ctx, ClientKey{ID: idOf(200), Participant: bbva, Kind: SignatureKey, Public: [32]byte{99}}); !errors.Is(err, ErrFull) {
			t.Errorf("one more: %v, want ErrFull", err)
		}
		for i, want := range []error{ErrNotFound, nil, ErrNotFound} {
			by := bbva
			if i == 0 {
				by = kbc
			}
			if err := s.DeleteClientKey(ctx, by, key.ID); !errors.Is(err, want) {
				t.Errorf("delete %d: %v, want %v", i, err, want)
			}
		}
		if _, err := s.Credential(ctx, "none"); !errors.Is(err, ErrNotFound) {
			t.Errorf("no key: %v", err)
		}
	})
}

// A nonce is used once with each key until it expires.
func TestNonces(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		for i, tt := range []struct {
			key   int
			nonce string
			now   int64
			want  error
		}{{1, "a", 10, nil}, {1, "a", 10, ErrExists}, {2, "a", 10, nil}, {1, "b", 10, nil}, {1, "a", 99, ErrExists}, {1, "a", 100, nil}} {
			if err := s.UseNonce(ctx, idOf(tt.key), tt.nonce, 100, tt.now); !errors.Is(err, tt.want) {
				t.Errorf("%d: %v, want %v", i, err, tt.want)
			}
		}
	})
}
