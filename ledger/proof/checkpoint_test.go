package proof

import (
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"

	"viaduct/ledger"
)

func TestHashesOfRFC6962(t *testing.T) {
	// The empty log's root and the hash of an empty leaf are the two values everyone can look up.
	if got, want := EmptyRoot().String(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="; got != want {
		t.Errorf("EmptyRoot() = %s, want %s", got, want)
	}
	if got, want := LeafHash(nil).String(), "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0="; got != want {
		t.Errorf("LeafHash(nil) = %s, want %s", got, want)
	}
}

func TestCheckpointRoundTrip(t *testing.T) {
	for _, c := range []Checkpoint{
		{Origin: testOrigin, Size: 0, Root: EmptyRoot()},
		{Origin: "x", Size: 1<<64 - 1, Root: LeafHash([]byte("x"))},
	} {
		body, err := c.Body()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseCheckpoint(body); err != nil || got != c {
			t.Errorf("ParseCheckpoint(%q) = %v, %v, want %v", body, got, err, c)
		}
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	root := EmptyRoot().String()
	for name, body := range map[string]string{
		"nothing":            "",
		"no origin":          "\n5\n" + root + "\n",
		"space in origin":    "a b\n5\n" + root + "\n",
		"plus in origin":     "a+b\n5\n" + root + "\n",
		"control character":  "a\r\n5\n" + root + "\n",
		"not ASCII":          "zürich\n5\n" + root + "\n",
		"leading zero":       "a\n05\n" + root + "\n",
		"negative":           "a\n-5\n" + root + "\n",
		"over 64 bits":       "a\n18446744073709551616\n" + root + "\n",
		"short root":         "a\n5\nAAAA\n",
		"root with newline":  "a\n5\n" + root[:8] + "\r" + root[8:] + "\n",
		"stray bits":         "a\n5\n" + root[:42] + "V=\n",
		"url-safe alphabet":  "a\n5\n" + strings.ReplaceAll(root, "/", "_") + "\n",
		"no end":             "a\n5\n" + root,
		"extension line":     "a\n5\n" + root + "\nmore\n",
		"second newline":     "a\n5\n" + root + "\n\n",
		"origin of 256":      strings.Repeat("a", 256) + "\n5\n" + root + "\n",
		"empty line between": "a\n\n5\n" + root + "\n",
	} {
		if _, err := ParseCheckpoint(body); !errors.Is(err, ErrForm) {
			t.Errorf("%s: ParseCheckpoint(%q) = %v, want ErrForm", name, body, err)
		}
	}
}

func TestValidatorKeyText(t *testing.T) {
	v := testSigners(t, 1)[0].Validator()
	back, err := ParseValidator(v.String())
	if err != nil || !back.Equal(v) {
		t.Fatalf("ParseValidator(%s) = %v, %v", v, back, err)
	}
	text := v.String()
	for i := range len(text) {
		for _, c := range []byte{text[i] ^ 1, text[i] ^ 0x20, '+', '\n'} {
			if c == text[i] {
				continue
			}
			mutant := text[:i] + string([]byte{c}) + text[i+1:]
			if got, err := ParseValidator(mutant); err == nil {
				t.Errorf("ParseValidator(%q) = %v, want an error", mutant, got)
			}
		}
	}
}

func TestNewPolicyRefuses(t *testing.T) {
	s := testSigners(t, 4)
	a, b := s[0].Validator(), s[1].Validator()
	twin, err := NewValidator("other", a.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		origin string
		vs     []Validator
		quorum int
	}{
		"no validators":  {testOrigin, nil, 0},
		"quorum of none": {testOrigin, []Validator{a}, 0},
		"quorum too big": {testOrigin, []Validator{a}, 2},
		"same name":      {testOrigin, []Validator{a, b, a}, 3},
		"same key":       {testOrigin, []Validator{a, twin}, 2},
		"zero validator": {testOrigin, []Validator{a, {}}, 1},
		"bad origin":     {"two words", []Validator{a}, 1},
	} {
		if _, err := NewPolicy(tt.origin, tt.vs, tt.quorum); !errors.Is(err, ErrForm) {
			t.Errorf("%s: NewPolicy = %v, want ErrForm", name, err)
		}
	}
}

func TestSignAndVerifyCheckpoint(t *testing.T) {
	signers := testSigners(t, 4)
	p := testPolicy(t, signers)
	c := newTestTree(7).checkpoint(7)
	all := cosignAll(t, signers, c)

	signed, err := SignCheckpoint(c, all, p)
	if err != nil {
		t.Fatal(err)
	}
	got, sigs, err := VerifyCheckpoint(signed, p)
	if err != nil || got != c || len(sigs) != 3 {
		t.Fatalf("VerifyCheckpoint = %v, %d signatures, %v", got, len(sigs), err)
	}
	slices.Reverse(all)
	if again, err := SignCheckpoint(c, all, p); err != nil || string(again) != string(signed) {
		t.Errorf("the order in which signatures arrive changed the note: %v\n%s%s", err, signed, again)
	}
	for _, n := range []int{1, 4} {
		s := testSigners(t, n)
		one, err := SignCheckpoint(c, cosignAll(t, s, c), testPolicy(t, s))
		if err != nil {
			t.Fatal(err)
		}
		if _, sigs, err := VerifyCheckpoint(one, testPolicy(t, s)); err != nil || len(sigs) != ledger.Quorum(n) {
			t.Errorf("%d validators: %d signatures, %v", n, len(sigs), err)
		}
	}
	if _, _, err := VerifyCheckpoint(signed, Policy{}); !errors.Is(err, ErrSignature) {
		t.Errorf("the zero policy accepts: %v", err)
	}
}

func TestSignCheckpointRefuses(t *testing.T) {
	signers := testSigners(t, 4)
	p := testPolicy(t, signers)
	c := newTestTree(7).checkpoint(7)
	all := cosignAll(t, signers, c)
	forged := all[0]
	forged.Time++
	other := c
	other.Size++
	elsewhere := c
	elsewhere.Origin = "viaduct.example/other"
	for name, tt := range map[string]struct {
		c    Checkpoint
		sigs []Cosignature
	}{
		"too few":          {c, all[:2]},
		"one twice":        {c, []Cosignature{all[0], all[1], all[1]}},
		"time changed":     {c, []Cosignature{forged, all[1], all[2]}},
		"other checkpoint": {other, all},
		"other network":    {elsewhere, cosignAll(t, signers, elsewhere)},
		"stranger":         {c, cosignAll(t, testSigners(t, 5), c)},
	} {
		if note, err := SignCheckpoint(tt.c, tt.sigs, p); err == nil {
			t.Errorf("%s: SignCheckpoint = %q, want an error", name, note)
		}
	}
}

func TestCosignRefusesTimesBefore1970(t *testing.T) {
	s := testSigners(t, 1)[0]
	for _, at := range []int64{0, -1} {
		if _, err := s.Cosign(newTestTree(1).checkpoint(1), at); !errors.Is(err, ErrForm) {
			t.Errorf("Cosign at %d = %v, want ErrForm", at, err)
		}
	}
	if _, err := NewSigner("x", ed25519.PrivateKey{1}); !errors.Is(err, ErrForm) {
		t.Errorf("NewSigner with a short key = %v, want ErrForm", err)
	}
}
