package gateway

import (
	"bytes"
	"testing"

	"viaduct/ledger"
)

func testSecrets(t *testing.T, master byte) *Secrets {
	t.Helper()
	s, err := newSecrets([32]byte{master})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealing(t *testing.T) {
	s, other := testSecrets(t, 1), testSecrets(t, 2)
	sealed := s.sealed([]byte("a signing key"), "signing-key:01")
	if again := s.sealed([]byte("a signing key"), "signing-key:01"); bytes.Equal(sealed, again) {
		t.Error("the same twice")
	}
	if plain, err := s.opened(sealed, "signing-key:01"); err != nil || string(plain) != "a signing key" {
		t.Errorf("opened %q, %v", plain, err)
	}
	if _, err := s.opened(sealed, "signing-key:02"); err == nil {
		t.Error("opened for another use")
	}
	if _, err := other.opened(sealed, "signing-key:01"); err == nil {
		t.Error("opened with another master key")
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := s.opened(bad, "signing-key:01"); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
	}
	if _, err := s.opened(nil, ""); err == nil {
		t.Error("opened nothing")
	}
}

func TestCursors(t *testing.T) {
	s := testSecrets(t, 1)
	c := s.cursorFor("payments:A", []byte{1, 2, 3})
	if at, ok := s.positionOf("payments:A", c, 3); !ok || !bytes.Equal(at, []byte{1, 2, 3}) {
		t.Errorf("position %v, %v", at, ok)
	}
	for _, bad := range []struct {
		list, cursor string
		size         int
	}{{"payments:B", c, 3}, {"payments:A", c[:len(c)-2], 3}, {"payments:A", c, 4}, {"payments:A", "!", 3}, {"payments:A", "", 3}} {
		if _, ok := s.positionOf(bad.list, bad.cursor, bad.size); ok {
			t.Errorf("cursor %q taken for %s", bad.cursor, bad.list)
		}
	}
	other := testSecrets(t, 2)
	if _, ok := other.positionOf("payments:A", c, 3); ok {
		t.Error("cursor of another gateway's key taken")
	}
}

// A fingerprint tells apart what differs in any part, also where parts run together.
func TestFingerprint(t *testing.T) {
	s := testSecrets(t, 1)
	a, b := ledger.MustBIC(mexican), ledger.MustBIC(german)
	seen := map[ledger.Hash]bool{}
	for _, f := range []ledger.Hash{
		s.fingerprintOf("POST", "/v1/payments", a, []byte("{}")),
		s.fingerprintOf("PUT", "/v1/payments", a, []byte("{}")),
		s.fingerprintOf("POST", "/v1/payment", a, []byte("s{}")),
		s.fingerprintOf("POST", "/v1/payments", b, []byte("{}")),
		s.fingerprintOf("POST", "/v1/payments", a, nil),
	} {
		if seen[f] {
			t.Error("two requests, one fingerprint")
		}
		seen[f] = true
	}
	if again := testSecrets(t, 1); !seen[again.fingerprintOf("POST", "/v1/payments", a, []byte("{}"))] {
		t.Error("one request, two fingerprints")
	}
}
