package ledger_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// vectorInstructions has one instruction of each kind with a distinct value in every field.
func vectorInstructions() []ledger.Instruction {
	return []ledger.Instruction{
		&ledger.Admit{BIC: ledger.MustBIC("BNMXMXMM"), Name: "Banco Néctar", Country: [2]byte{'M', 'X'}, LEI: "549300ABCDEFGHIJKL12", Key: public(keyOf("BNMXMXMM"))},
		&ledger.SetTerms{SetTransferFee: true, SetFrozen: true, TransferFee: 2_500_000, Frozen: true},
		&ledger.SetCap{Participant: ledger.MustBIC("BNMXMXMM"), Currency: money.MustCurrency("USD"), Cap: 1_000_000},
		&ledger.SetKey{Participant: ledger.MustBIC("BNMXMXMM"), Key: public(keyOf("other")), Revoke: true},
		&ledger.SetLine{Asset: asset("USD@CHASUS33"), Limit: 5, Ripple: true, QualityIn: 999_000_000, QualityOut: 1_001_000_000},
		&ledger.ControlLine{Holder: ledger.MustBIC("HSBCGB2LXYZ"), Currency: money.MustCurrency("KWD"), SetAuthorized: true, Authorized: true},
		&ledger.PlaceOffer{ID: idOf("o"), Give: asset("EUR@DEUTDEFF"), Want: asset("USD@CHASUS33"), Amount: 10, Price: money.Ratio{N: 10873, D: 10000}, Expires: start + 1, Force: ledger.FillOrKill},
		&ledger.CancelOffer{ID: idOf("o")},
		&ledger.SetValidators{
			Number: 1, After: 2, Set: []ledger.Validator{{Name: "v1", Key: public(keyOf("v1"))}, {Name: "v2", Key: public(keyOf("v2"))}},
			Approvals: []ledger.Approval{{By: 0, Signature: [64]byte{1}}, {By: 3, Signature: [64]byte{2}}}, Consents: [][64]byte{{3}},
		},
		&ledger.SetOperator{Number: 4, Key: public(keyOf("other")), Proof: [64]byte{5}},
		&ledger.ReplaceOffers{
			ID: ledger.ID{1, 2}, Base: []ledger.AssetName{asset("EUR@CHASUS33"), asset("EUR@DEUTDEFF")}, Quote: []ledger.AssetName{asset("USD@CHASUS33")}, Expires: start + 2, Force: ledger.Passive,
			Levels: []ledger.Level{
				{Sell: true, Amount: 3, Price: money.Ratio{N: 10873, D: 10000}},
				{Sell: true, Base: 1, Amount: 4, Price: money.Ratio{N: 10877, D: 10000}},
				{Amount: 5, Price: money.Ratio{N: 10000, D: 10871}},
			},
		},
		&ledger.CancelPayment{ID: idOf("p")},
		&ledger.ReorderPayment{ID: idOf("p"), Priority: ledger.Urgent, Before: idOf("b")},
		&ledger.PlaceHold{
			ID: idOf("h"), To: ledger.MustBIC("HSBCGB2L"), Mode: ledger.ExactSend, Send: asset("MXN"), Deliver: asset("EUR@DEUTDEFF"),
			Amount: 1, Bound: 2, TTL: ledger.UsualHold,
		},
		&ledger.ReleaseHold{ID: idOf("h")},
		&ledger.SetHoldTerms{
			Participant: ledger.MustBIC("CHASUS33"), SetLongestHold: true, SetHoldShare: true, LongestHold: 5, HoldShare: 6,
		},
		&ledger.SetInventory{Currency: money.MustCurrency("EUR"), Counter: money.MustCurrency("USD"), Long: 7, Short: ledger.NoLimit, SetNet: true, Net: -3},
		&ledger.SetRates{Rates: ledger.Rates{Source: "A bank", At: start, Base: money.MustCurrency("EUR"), Rates: []ledger.Rate{{Currency: money.MustCurrency("JPY"), Price: money.Price{Mantissa: 18285, Scale: 2}}, {Currency: money.MustCurrency("USD"), Price: money.Price{Mantissa: 11476, Scale: 4}}}}},
		&ledger.Pay{
			ID: idOf("p"), To: ledger.MustBIC("HSBCGB2L"), Mode: ledger.ExactDeliver, Partial: true, Send: asset("MXN"), Deliver: asset("EUR@DEUTDEFF"),
			Amount: 1, Bound: 2, Least: 1, NotAfter: start + 5, UETR: idOf("u"), UETRKind: ledger.UETRCover, MessageID: idOf("m"),
			Quote: idOf("q"), OnShortfall: ledger.QueueOnShortfall, Priority: ledger.Urgent, PvPWith: idOf("v"),
			Commitment: ledger.Commit(ledger.Hash{1}, []byte("details")),
		},
	}
}

func vectors(t *testing.T) map[string][]byte {
	g := testGenesis()
	sub := &ledger.Submission{Network: g.Network(), Participant: ledger.MustBIC("CHASUS33"), Key: []byte("key-1"), Fingerprint: ledger.Hash{2}, Salt: ledger.Hash{3}}
	signed, err := ledger.Sign(sub, vectorInstructions(), keyOf("CHASUS33"))
	if err != nil {
		t.Fatal(err)
	}
	all := vectorInstructions()
	pay := all[len(all)-1]
	whole := *sub
	whole.Whole = true
	together, err := ledger.Sign(&whole, []ledger.Instruction{pay, pay}, keyOf("CHASUS33"))
	if err != nil {
		t.Fatal(err)
	}
	header := ledger.Header{Network: g.Network(), Height: 1, Epoch: 2, Prev: ledger.Hash{4}, Message: ledger.Hash{5}, Time: start, Rules: 1, State: ledger.Hash{6}, Validators: ledger.Hash{7}, Results: 9}
	leaf := ledger.Leaf{
		Network: g.Network(), Height: 1, Index: 3, Time: start, Salt: ledger.Hash{3}, Participant: ledger.MustBIC("CHASUS33"), Kind: ledger.KindPay,
		Body: []byte("body"), Outcome: ledger.Shortfall, Source: 7, Delivered: 8,
		Moves: []ledger.Move{
			{Kind: ledger.Fill, Holder: ledger.MustBIC("XCHGSGSG"), Asset: asset("EUR@DEUTDEFF"), Want: asset("USD@CHASUS33"), Offer: idOf("o"), Price: money.Ratio{N: 3, D: 2}, In: 3, Out: 2},
			{Kind: ledger.Redeem, Holder: ledger.MustBIC("XCHGSGSG"), Asset: asset("EUR@DEUTDEFF"), In: 2, Out: 2},
		},
	}
	later := ledger.Later{Kind: ledger.KindPay, ID: idOf("p"), First: ledger.Place{Height: 1, Index: 2}, Body: []byte("body")}
	return map[string][]byte{
		"later":      later.Encode(),
		"genesis":    g.Encode(),
		"submission": signed,
		"whole":      together,
		"message":    ledger.EncodeMessage(nil, 1, 2, g.Network(), start, [][]byte{signed}),
		"header":     header.Encode(),
		"leaf":       leaf.Encode(),
	}
}

// decoders read each structure and write it again.
func decoders() map[string]func([]byte) ([]byte, error) {
	return map[string]func([]byte) ([]byte, error){
		"genesis": func(b []byte) ([]byte, error) {
			g, err := ledger.DecodeGenesis(b)
			if err != nil {
				return nil, err
			}
			return g.Encode(), nil
		},
		"submission": signedAgain,
		"whole":      signedAgain,
		"message": func(b []byte) ([]byte, error) {
			var m ledger.Message
			if err := ledger.DecodeMessage(b, &m); err != nil {
				return nil, err
			}
			return b, nil
		},
		"later": func(b []byte) ([]byte, error) {
			l, ok := ledger.DecodeLater(b)
			if !ok {
				return nil, ledger.ErrEncoding
			}
			return l.Encode(), nil
		},
		"header": func(b []byte) ([]byte, error) {
			h, err := ledger.DecodeHeader(b)
			return h.Encode(), err
		},
		"leaf": func(b []byte) ([]byte, error) {
			l, err := ledger.DecodeLeaf(b)
			if err != nil {
				return nil, err
			}
			return l.Encode(), nil
		},
	}
}

// signedAgain reads a submission and signs what it read.
func signedAgain(b []byte) ([]byte, error) {
	var s ledger.Submission
	if err := ledger.DecodeSubmission(b, &s); err != nil {
		return nil, err
	}
	var all []ledger.Instruction
	for _, e := range s.Entries {
		i, ok := ledger.DecodeInstruction(e.Kind, e.Body)
		if !ok {
			return nil, ledger.ErrEncoding
		}
		all = append(all, i)
	}
	return ledger.Sign(&s, all, keyOf("CHASUS33"))
}

const vectorFile = "testdata/vectors.txt"

var vectorNames = []string{"genesis", "submission", "whole", "message", "header", "leaf", "later"}

// TestVectors compares the canonical bytes with the ones on file, reads them back, and checks that no
// shorter or longer text reads.
func TestVectors(t *testing.T) {
	got := vectors(t)
	var text strings.Builder
	for _, name := range vectorNames {
		fmt.Fprintf(&text, "%s %s\n", name, hex.EncodeToString(got[name]))
	}
	if *update {
		if err := os.WriteFile(vectorFile, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text.String() {
		t.Errorf("canonical bytes changed:\n%s\nwant:\n%s", text.String(), want)
	}
	for name, decode := range decoders() {
		again, err := decode(got[name])
		if err != nil || !bytes.Equal(again, got[name]) {
			t.Errorf("%s reads back as %x, %v", name, again, err)
		}
		for n := range got[name] {
			if name == "later" {
				break // its last part has no length before it: the leaf's has
			}
			if _, err := decode(got[name][:n]); err == nil {
				t.Errorf("%s cut to %d bytes reads", name, n)
			}
		}
		if _, err := decode(append(bytes.Clone(got[name]), 0)); err == nil && name != "later" {
			t.Errorf("%s with a byte behind it reads", name)
		}
	}
}

// TestSignatureCoversEveryByte flips each byte of a submission: it must no longer verify, or no longer
// read.
func TestSignatureCoversEveryByte(t *testing.T) {
	signed := vectors(t)["submission"]
	var s ledger.Submission
	if err := ledger.DecodeSubmission(signed, &s); err != nil || !s.Verify() {
		t.Fatalf("the vector does not verify: %v", err)
	}
	for i := range signed {
		bad := bytes.Clone(signed)
		bad[i] ^= 1
		if ledger.DecodeSubmission(bad, &s) == nil && s.Verify() {
			t.Errorf("byte %d flipped, and it verifies", i)
		}
	}
}

func TestMessagesThatAreNoOps(t *testing.T) {
	w := newWorld(t)
	w.run("admit CHASUS33")
	for name, tt := range map[string]struct {
		ahead, epoch uint64 // ahead of the state
		forked       bool
		time         int64
		want         error
	}{
		"stale epoch": {1, 0, false, start, ledger.ErrStaleEpoch},
		"height":      {2, 1, false, start, ledger.ErrWrongHeight},
		"prev":        {1, 1, true, start, ledger.ErrWrongPrev},
		"time":        {1, 1, false, start - 1, ledger.ErrTimeBack},
	} {
		w.apply()
		hash := w.state.Hash()
		prev := w.state.LastMessage()
		if tt.forked {
			prev = ledger.Hash{}
		}
		var m ledger.Message
		if err := ledger.DecodeMessage(ledger.EncodeMessage(nil, w.state.Height()+tt.ahead, tt.epoch, prev, tt.time, nil), &m); err != nil {
			t.Fatal(err)
		}
		if err := w.state.Apply(&m, &w.block); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
		if w.state.Hash() != hash {
			t.Errorf("%s: the state changed", name)
		}
		if len(w.block.Results) != 0 || len(w.block.Leaves) != 0 || w.block.Header.Height != 0 {
			t.Errorf("%s: the block tells of height %d", name, w.block.Header.Height)
		}
	}
}

func TestSubmissionVerdicts(t *testing.T) {
	w := newWorld(t)
	w.run("admit CHASUS33")
	sign := func(by string, key string, mutate func(*ledger.Submission)) []byte {
		s := ledger.Submission{Network: w.genesis.Network(), Participant: ledger.MustBIC(by), Key: []byte("k")}
		if mutate != nil {
			mutate(&s)
		}
		out, err := ledger.Sign(&s, []ledger.Instruction{&ledger.SetTerms{SetFrozen: true}}, keyOf(key))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	tests := []struct {
		name string
		data []byte
		want ledger.Outcome
	}{
		{"stranger", sign("DEUTDEFF", "DEUTDEFF", nil), ledger.UnknownParticipant},
		{"another's key", sign("CHASUS33", "DEUTDEFF", nil), ledger.UnknownKey},
		{"another network", sign("CHASUS33", "CHASUS33", func(s *ledger.Submission) { s.Network[0]++ }), ledger.WrongNetwork},
		{"operator by a bank", sign("CHASUS33", "CHASUS33", func(s *ledger.Submission) { s.Participant = ledger.BIC{} }), ledger.UnknownKey},
		{"first", sign("CHASUS33", "CHASUS33", nil), ledger.Applied},
		{"again", sign("CHASUS33", "CHASUS33", nil), ledger.Repeated},
		{"same key, other content", sign("CHASUS33", "CHASUS33", func(s *ledger.Submission) { s.Fingerprint[0]++ }), ledger.KeyReused},
	}
	for _, tt := range tests {
		if got := w.apply(tt.data)[0].Outcome; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	w.now += ledger.KeyMemory + 1
	w.apply()
	if got := w.apply(tests[4].data)[0].Outcome; got != ledger.Applied {
		t.Errorf("after %d ms the key is still remembered: %s", int64(ledger.KeyMemory), got)
	}
}

func TestOutcomesHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range ledger.Outcomes() {
		s := o.String()
		if s == "" || strings.HasPrefix(s, "outcome_") || seen[s] {
			t.Errorf("outcome %d is called %q", o, s)
		}
		seen[s] = true
	}
}

func FuzzDecode(f *testing.F) {
	t := &testing.T{}
	for _, name := range vectorNames {
		f.Add(vectors(t)[name])
	}
	all := decoders()
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, decode := range all {
			if name == "submission" || name == "whole" {
				continue // signs again with another key; read through "message"
			}
			if again, err := decode(data); err == nil && !bytes.Equal(again, data) {
				t.Errorf("%s: %x reads and is written as %x", name, data, again)
			}
		}
		var s ledger.Submission
		_ = ledger.DecodeSubmission(data, &s)
	})
}
