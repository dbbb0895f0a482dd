package webhook

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Each key in use signs both ways: the independent verifier takes the v1 signature of each secret, and
// the v1a signature of each public key is Ed25519's of what Standard Webhooks 1.0 has signed.
func TestEveryKeyInUseSignsBothWays(t *testing.T) {
	now := time.Now()
	body := []byte(`{"type":"payment.settled"}`)
	first := Keys{NewKey()}
	second, err := first.Rotate(now)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		at  time.Time
		old bool
	}{
		{now, true},
		{now.Add(overlap - time.Second), true},
		{now.Add(overlap), false},
	}
	for _, tt := range tests {
		header := second.Sign("evt_1", tt.at, body)
		for i, k := range second {
			verifier, err := standardwebhooks.NewWebhook(k.Secret.Text())
			if err != nil {
				t.Fatal(err)
			}
			h := http.Header{}
			h.Set(HeaderID, "evt_1")
			h.Set(HeaderTimestamp, strconv.FormatInt(tt.at.Unix(), 10))
			h.Set(HeaderSignature, header)
			want := i == 0 || tt.old
			if err := verifier.VerifyIgnoringTimestamp(body, h); (err == nil) != want {
				t.Errorf("%v on: the independent verifier with secret %d: %v", tt.at.Sub(now), i, err)
			}
			if got := signedBy(t, k.PublicText(), "evt_1."+strconv.FormatInt(tt.at.Unix(), 10)+"."+string(body), header); got != want {
				t.Errorf("%v on: a v1a signature of key %d: %v, want %v", tt.at.Sub(now), i, got, want)
			}
			if err := VerifyPublic(k.PublicText(), "evt_1", tt.at, body, header); (err == nil) != want {
				t.Errorf("%v on: VerifyPublic with key %d: %v", tt.at.Sub(now), i, err)
			}
			if VerifyPublic(k.PublicText(), "evt_2", tt.at, body, header) == nil || VerifyPublic(k.PublicText(), "evt_1", tt.at.Add(time.Second), body, header) == nil ||
				VerifyPublic(k.PublicText(), "evt_1", tt.at, body[1:], header) == nil {
				t.Error("a signature of something else passes")
			}
		}
	}
	if until := second.Overlap(now); !until.Equal(now.Add(overlap)) {
		t.Errorf("overlaps until %v", until)
	}
	if until := second.Overlap(now.Add(overlap)); !until.IsZero() || !first.Overlap(now).IsZero() {
		t.Errorf("overlaps until %v afterwards", until)
	}
}

// signedBy checks a header's v1a signatures without this package.
func signedBy(t *testing.T, public, message, header string) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(public, "whpk_"))
	if err != nil || len(key) != 32 {
		t.Fatalf("public key %q", public)
	}
	for _, one := range strings.Split(header, " ") {
		version, text, _ := strings.Cut(one, ",")
		signature, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatalf("signature %q", one)
		}
		if version == "v1a" && ed25519.Verify(key, []byte(message), signature) {
			return true
		}
	}
	return false
}

// A rotation whose answer was lost is repeated: the key that the owner has still signs.
func TestRotationsDropNoKeyInUse(t *testing.T) {
	now := time.Now()
	keys := Keys{NewKey()}
	owner := keys[0]
	for range maxKeys - 1 {
		next, err := keys.Rotate(now)
		if err != nil {
			t.Fatal(err)
		}
		keys = next
		now = now.Add(time.Minute)
	}
	if err := VerifyPublic(owner.PublicText(), "e", now, nil, keys.Sign("e", now, nil)); err != nil {
		t.Errorf("after %d rotations: %v", maxKeys-1, err)
	}
	if _, err := keys.Rotate(now); !errors.Is(err, ErrRotations) {
		t.Errorf("one more: %v, want ErrRotations", err)
	}
	if next, err := keys.Rotate(now.Add(overlap)); err != nil || len(next) != 2 {
		t.Errorf("a day on: %d keys, %v", len(next), err)
	}
}

func TestKeysAreKept(t *testing.T) {
	keys, err := Keys{NewKey()}.Rotate(time.UnixMilli(1_773_000_000_123))
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseKeys(keys.Text())
	if err != nil || !back.Equal(keys) {
		t.Errorf("%v, %v", back, err)
	}
	line, _, _ := strings.Cut(keys.Text(), "\n")
	for _, bad := range []string{"", "\n", "x", line[:len(line)-2], line + " 1", line + "x", strings.Replace(line, "whsk_", "whpk_", 1), strings.Replace(line, "whsec_", "", 1)} {
		if _, err := ParseKeys(bad); err == nil || strings.Contains(err.Error(), "whs") && len(bad) > 20 && strings.Contains(err.Error(), bad[:20]) {
			t.Errorf("%.20q...: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "whpk_", "whpk_AAAA", back[0].PublicText()[1:]} {
		if VerifyPublic(bad, "e", time.Now(), nil, keys.Sign("e", time.Now(), nil)) == nil {
			t.Errorf("%q is a public key", bad)
		}
	}
}
