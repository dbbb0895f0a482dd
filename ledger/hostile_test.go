package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"strings"
	"testing"

	"viaduct/ledger"
)

// resign changes the bytes of a submission and signs them again, as its author could.
func resign(t *testing.T, data []byte, by string, change func([]byte) []byte) []byte {
	t.Helper()
	body := change(bytes.Clone(data[:len(data)-ed25519.SignatureSize]))
	return append(body, ed25519.Sign(keyOf(by), append([]byte("viaduct/submission/v1\x00"), body...))...)
}

// TestAnInstructionIsNeverTooLongForItsLeaf: whoever signs a long body of no meaning gets no leaf that
// nobody can read; the submission is not one.
func TestAnInstructionIsNeverTooLongForItsLeaf(t *testing.T) {
	w := newWorld(t)
	w.run("admit CHASUS33")
	junk := func(n int) *ledger.Raw { return &ledger.Raw{K: ledger.KindPay, Body: make([]byte, n)} }
	r := w.do("CHASUS33", junk(ledger.MaxBody))
	if _, err := ledger.DecodeLeaf(w.block.Leaves[0]); r.Outcome != ledger.BadInstruction || err != nil {
		t.Errorf("%d bytes: %s, its leaf: %v", ledger.MaxBody, r.Outcome, err)
	}
	s := ledger.Submission{Network: w.genesis.Network(), Participant: ledger.MustBIC("CHASUS33"), Key: []byte("k")}
	if _, err := ledger.Sign(&s, []ledger.Instruction{junk(ledger.MaxBody + 1)}, keyOf("CHASUS33")); !errors.Is(err, ledger.ErrEncoding) {
		t.Errorf("signing a byte more: %v", err)
	}
	long := resign(t, w.submission("CHASUS33", junk(0)), "CHASUS33", func(b []byte) []byte {
		return append(append(b[:len(b)-2], 60_000>>8, 60_000&0xff), make([]byte, 60_000)...)
	})
	if err := ledger.DecodeSubmission(long, &s); !errors.Is(err, ledger.ErrEncoding) {
		t.Errorf("reading 60,000 bytes: %v", err)
	}
}

// TestNamesOfAnyScript: 140 characters can take 560 bytes.
func TestNamesOfAnyScript(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		want ledger.Outcome
	}{
		{strings.Repeat("行", 140), ledger.Applied},
		{strings.Repeat("行", 141), ledger.BadParticipant},
	} {
		in := &ledger.Admit{BIC: ledger.MustBIC("BKCHCNBJ"), Name: tt.name, Country: [2]byte{'C', 'N'}, Key: public(keyOf("BKCHCNBJ"))}
		if tt.want != ledger.Applied {
			in.BIC = ledger.MustBIC("BOTKJPJT")
		}
		r := w.do("operator", in)
		if r.Outcome != tt.want {
			t.Errorf("%d characters: %s, want %s", len([]rune(tt.name)), r.Outcome, tt.want)
		}
	}
	if got := w.state.Participants()[0].Name; got != strings.Repeat("行", 140) {
		t.Errorf("the name is kept as %q", got)
	}
}
