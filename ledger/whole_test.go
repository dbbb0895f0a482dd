package ledger_test

import (
	"slices"
	"testing"

	"viaduct/fx"
	"viaduct/ledger"

	"pgregory.net/rapid"
)

// whole signs payments of which all settle or none.
func (w *world) whole(by string, all ...ledger.Instruction) []byte {
	w.t.Helper()
	w.count++
	s := ledger.Submission{Network: w.genesis.Network(), Participant: ledger.MustBIC(by), Key: []byte{byte(w.count >> 16), byte(w.count >> 8), byte(w.count), 1}, Whole: true}
	out, err := ledger.Sign(&s, all, keyOf(by))
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func outcomes(results []ledger.Result) (all []string) {
	for i := range results {
		all = append(all, results[i].Outcome.String())
	}
	return all
}

func TestAllOrNone(t *testing.T) {
	w := newWorldOf(t, fxRouter)
	for _, line := range []string{"admit CHASUS33", "admit DEUTDEFF", "admit BNMXMXMM"} {
		w.run(line)
	}
	usd := asset("USD@CHASUS33")
	for _, holder := range []string{"DEUTDEFF", "BNMXMXMM"} {
		w.do(holder, &ledger.SetLine{Asset: usd, Limit: 1000, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
	}
	pay := func(id, to string, amount int64) *ledger.Pay {
		return &ledger.Pay{ID: idOf(id), To: ledger.MustBIC(to), Mode: ledger.ExactDeliver, Send: usd, Deliver: usd, Amount: amount, Bound: amount, UETRKind: ledger.UETRPayment, UETR: idOf(id)}
	}
	before := w.state.TablesHash()
	// The third is over the holder's limit only with the first.
	got := outcomes(w.apply(w.whole("CHASUS33", pay("a", "DEUTDEFF", 600), pay("b", "BNMXMXMM", 1), pay("c", "DEUTDEFF", 600), pay("d", "BNMXMXMM", 1))))
	if want := []string{"batch_refused", "batch_refused", "shortfall", "batch_refused"}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	if w.state.TablesHash() != before {
		t.Error("none settled, yet the tables changed")
	}
	for _, r := range w.block.Results {
		if len(r.Postings) > 0 || len(r.Moves) > 0 || r.Source != 0 || r.Delivered != 0 {
			t.Errorf("result %d tells of moves that were taken back: %+v", r.Entry, r)
		}
	}
	if n := len(w.block.Leaves); n != 5 {
		t.Errorf("%d leaves, want four and the header", n)
	}
	for i := range 4 {
		leaf, err := ledger.DecodeLeaf(w.block.Leaves[i])
		if err != nil || leaf.Outcome != w.block.Results[i].Outcome || int(leaf.Index) != i {
			t.Errorf("leaf %d: %+v, %v", i, leaf, err)
		}
	}
	// What was tried has used its ids, what was not tried has not.
	got = outcomes(w.apply(w.submission("CHASUS33", pay("a", "DEUTDEFF", 1), pay("d", "BNMXMXMM", 1))))
	if want := []string{"id_reused", "applied"}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	good := w.whole("CHASUS33", pay("e", "DEUTDEFF", 600), pay("f", "DEUTDEFF", 400))
	if got := outcomes(w.apply(good)); !slices.Equal(got, []string{"applied", "applied"}) {
		t.Errorf("all are good, yet %v", got)
	}
	if got := outcomes(w.apply(good)); !slices.Equal(got, []string{"repeated", "repeated"}) {
		t.Errorf("again: %v", got)
	}
	// Each payment of an ordinary submission stands for itself.
	if got := outcomes(w.apply(w.submission("CHASUS33", pay("g", "DEUTDEFF", 1), pay("h", "BNMXMXMM", 2)))); !slices.Equal(got, []string{"shortfall", "applied"}) {
		t.Errorf("ordinary: %v", got)
	}
	s := ledger.Submission{Network: w.genesis.Network(), Participant: ledger.MustBIC("CHASUS33"), Key: []byte("k"), Whole: true}
	if _, err := ledger.Sign(&s, []ledger.Instruction{pay("i", "DEUTDEFF", 1), &ledger.SetTerms{SetFrozen: true}}, keyOf("CHASUS33")); err == nil {
		t.Error("a submission of all or none takes what is no payment")
	}
	if w.replay() != w.state.Hash() {
		t.Error("replay gives another state")
	}
}

// TestAllOrNoneLeavesNoTrace: in random markets a batch of which one payment cannot settle changes no
// table, and the search goes on as one that never heard of it.
func TestAllOrNoneLeavesNoTrace(t *testing.T) {
	fewer(t, 50)
	undone, settled, emptied := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		m := newMarket(rt)
		for range 4 {
			by, _ := m.position("by", m.canGive)
			var all []ledger.Instruction
			for size := 1 + m.below(6, "size"); len(all) < size; {
				if from, i := m.order(); from == by {
					all = append(all, i)
				} else if len(all) == 0 || m.chance(50) {
					_, send := m.position("send", m.canGive)
					to, deliver := m.position("to", m.canTake)
					all = append(all, m.payment(ledger.MustBIC(to), ledger.AssetName{Currency: send.Currency}, deliver, m.amount()))
				}
			}
			if m.chance(60) {
				all = append(all, m.payment(ledger.MustBIC(by), m.assets[0], m.assets[0], 1)) // to itself
			}
			before := m.state.TablesHash()
			results := m.apply(m.whole(by, all...))
			m.after()
			applied := 0
			for i := range results {
				if results[i].Outcome == ledger.Applied {
					applied++
				} else if results[i].Outcome == ledger.BatchRefused && i > 0 && results[0].Outcome == ledger.BatchRefused {
					undone++
				}
			}
			switch {
			case applied == len(results):
				settled++
			case applied > 0:
				rt.Fatalf("%v: some settled", outcomes(results))
			case m.state.TablesHash() != before:
				rt.Fatalf("%v: the tables changed", outcomes(results))
			}
			m.sameSearch()
			m.step(m.trade())
			emptied += len(m.block.Changes.Offers)
			m.step(m.order())
		}
		if m.replay() != m.state.Hash() {
			rt.Fatal("replay gives another state")
		}
	})
	if undone == 0 || settled == 0 || emptied == 0 {
		t.Errorf("the test is too kind: %d payments undone, %d batches settled, %d offers changed", undone, settled, emptied)
	}
}

// sameSearch asks the router that lived through it all and a new one the same.
func (m *market) sameSearch() {
	fresh := fx.New(m.state)
	for range 3 {
		by, i := m.order()
		p := i.(*ledger.Pay)
		req := ledger.Request{
			From: m.state.FindParticipant(ledger.MustBIC(by)), To: m.state.FindParticipant(p.To),
			Send: p.Send.Currency, Deliver: p.Deliver.Currency, SendAsset: ledger.None, DeliverAsset: ledger.None,
			Amount: p.Amount, Bound: ledger.MaxUnits,
		}
		if req.From == req.To && req.Send == req.Deliver {
			continue
		}
		var a, b ledger.Plan
		x, y := m.search.Route(&req, &a), fresh.Route(&req, &b)
		if x != y || !slices.Equal(a.Flows, b.Flows) {
			m.rt.Fatalf("%+v: the search finds %s %v, a new one %s %v", req, x, a.Flows, y, b.Flows)
		}
	}
}
