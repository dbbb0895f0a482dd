package ledger

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"viaduct/internal/money"
)

// A later result stands behind the results of the message's instructions, whose indices a client works
// out from the message alone; its leaf tells who, what and where it began, under the first salt.
func TestLaterResult(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	public := [32]byte(key.Public().(ed25519.PublicKey))
	usd := money.MustCurrency("USD")
	var b Block
	s, err := New(&Genesis{Name: "test", Time: 1, Operator: public, Rules: RulesVersion, Validators: []Validator{{Name: "v", Key: public}}, Currencies: []money.Currency{usd}}, &b)
	if err != nil {
		t.Fatal(err)
	}
	bank := MustBIC("CHASUS33")
	submit := func(sub Submission, in ...Instruction) {
		t.Helper()
		sub.Network = s.Network()
		signed, err := Sign(&sub, in, key)
		if err != nil {
			t.Fatal(err)
		}
		var m Message
		if err := DecodeMessage(EncodeMessage(nil, s.Height()+1, 1, s.LastMessage(), 1, [][]byte{signed}), &m); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(&m, &b); err != nil {
			t.Fatal(err)
		}
		s.under.sub = &m.Submissions[0]
	}
	submit(Submission{Key: []byte("1")}, &Admit{BIC: bank, Name: "Chase", Country: [2]byte{'U', 'S'}, Key: public})
	about := &Pay{ID: ID{1}, UETR: ID{2}, To: bank, Send: AssetName{Currency: usd}, Deliver: AssetName{Currency: usd}, Amount: 7}
	salt := Hash{9}
	submit(Submission{Key: []byte("2"), Participant: bank, Salt: salt}, about, about)
	if got := b.Results; len(got) != 2 || b.Header.Results != 2 {
		t.Fatalf("%d results", len(got))
	}
	s.under.entry, s.under.index = 1, 1
	origin := s.origin(0, about.ID)
	if origin.First != (Place{2, 1}) || origin.Salt != salt {
		t.Errorf("origin %+v", origin)
	}

	var w writer
	origin.encode(&w)
	var kept Origin
	r := reader{b: w.b}
	if kept.decode(&r); !r.done() || kept.First != origin.First || kept.Salt != salt || kept.Kind != KindPay || !bytes.Equal(kept.Body, origin.Body) {
		t.Errorf("kept as %+v, %v", kept, r.bad)
	}
	for n := range w.b {
		cut := reader{b: w.b[:n]}
		if new(Origin).decode(&cut); cut.done() {
			t.Errorf("an origin cut to %d bytes reads", n)
		}
	}

	s.tellLater(kept, about, Expired)
	submit(Submission{Key: []byte("3"), Participant: bank, Salt: Hash{5}}, &SetTerms{SetFrozen: true})
	if len(b.Results) != 2 || b.Header.Results != 2 || len(b.Leaves) != 3 {
		t.Fatalf("%d results, %d leaves", len(b.Results), len(b.Leaves))
	}
	if got := &b.Results[1]; got.Kind != KindLater || got.Outcome != Expired || got.Participant != bank || got.Submission != -1 || got.Instruction != Instruction(about) || got.Later.ID != about.ID {
		t.Errorf("result %+v", got)
	}
	leaf, err := DecodeLeaf(b.Leaves[1])
	if err != nil {
		t.Fatal(err)
	}
	later, ok := DecodeLater(leaf.Body)
	if !ok || leaf.Kind != KindLater || leaf.Salt != salt || leaf.Participant != bank || leaf.Height != 3 || leaf.Index != 1 || leaf.Outcome != Expired ||
		later.Kind != KindPay || later.ID != about.ID || later.First != (Place{2, 1}) {
		t.Errorf("leaf %+v of %+v", leaf, later)
	}
	kind, body := leaf.About()
	if in, ok := DecodeInstruction(kind, body); !ok || *in.(*Pay) != *about {
		t.Errorf("about %v %+v", kind, in)
	}

	submit(Submission{Key: []byte("4"), Participant: bank}, about)
	if len(b.Results) != 1 {
		t.Errorf("the next block tells it again: %d results", len(b.Results))
	}
}

// Nobody can instruct what only follows.
func TestLaterIsNoInstruction(t *testing.T) {
	l := Later{Kind: KindPay, ID: ID{1}}
	if _, ok := DecodeInstruction(KindLater, l.Encode()); ok {
		t.Error("a later result reads as an instruction")
	}
	if _, ok := DecodeLater((&Later{Kind: KindLater}).Encode()); ok {
		t.Error("a later result concerns a later result")
	}
	if _, ok := DecodeLater((&Later{Kind: KindPay, Body: make([]byte, MaxBody+1)}).Encode()); ok {
		t.Error("a body of more than MaxBody reads")
	}
	leaf := Leaf{Kind: KindLater, Body: []byte{1}}
	if kind, _ := leaf.About(); kind != KindLater {
		t.Errorf("a later leaf that does not read is about %s", kind)
	}
}
