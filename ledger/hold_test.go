package ledger_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"viaduct/ledger"
)

// holdWorld is two banks, a dealer and one offer of 1,000.00 EUR at 1.10 USD between them.
func holdWorld(t *testing.T) *world {
	w := newWorldOf(t, fxRouter)
	for _, line := range []string{
		"admit CHASUS33", "admit DEUTDEFF", "admit XCHGSGSG", "admit BNMXMXMM",
		"line XCHGSGSG USD@CHASUS33 limit=100000.00", "line XCHGSGSG EUR@DEUTDEFF limit=100000.00",
		"line BNMXMXMM USD@CHASUS33 limit=100000.00", "line BNMXMXMM EUR@DEUTDEFF limit=100000.00",
		"pay DEUTDEFF XCHGSGSG deliver=EUR@DEUTDEFF send=EUR@DEUTDEFF amount=5000.00 max=5000.00",
		"pay CHASUS33 BNMXMXMM deliver=USD@CHASUS33 send=USD@CHASUS33 amount=2000.00 max=2000.00",
		"offer XCHGSGSG o1 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=1000.00 price=1.10",
	} {
		if got := w.run(line); !strings.HasPrefix(got[0], "applied") {
			t.Fatalf("%s: %v", line, got)
		}
	}
	return w
}

func (w *world) hold(id, by string, cents, ttl int64) *ledger.PlaceHold {
	return &ledger.PlaceHold{
		ID: idOf(id), To: ledger.MustBIC("DEUTDEFF"), Mode: ledger.ExactDeliver, Send: asset("USD"), Deliver: asset("EUR"),
		Amount: cents, Bound: ledger.MaxUnits, TTL: ttl,
	}
}

func (w *world) payOn(o *ledger.PlaceHold, id string) *ledger.Pay {
	return &ledger.Pay{
		ID: idOf(id), UETR: idOf(id), UETRKind: ledger.UETRPayment, To: o.To, Mode: o.Mode, Send: o.Send, Deliver: o.Deliver,
		Amount: o.Amount, Bound: o.Bound, Quote: o.ID,
	}
}

func (w *world) expect(by string, i ledger.Instruction, want ledger.Outcome) {
	w.t.Helper()
	if r := w.do(by, i); r.Outcome != want {
		w.t.Errorf("%s: %+v: %s, want %s", by, i, r.Outcome, want)
	}
}

// TestHoldTerms: what is asked is checked in order, and nobody holds more of an offer, or for longer, than
// its maker and the operator let.
func TestHoldTerms(t *testing.T) {
	w := holdWorld(t)
	bank, dealer := "BNMXMXMM", "XCHGSGSG"
	w.expect("operator", w.hold("h", bank, 100, 1_000), ledger.NotAllowed)
	w.expect(bank, w.hold("h", bank, 0, 1_000), ledger.BadAmount)
	for _, ttl := range []int64{math.MinInt64, -1, 0, ledger.MinHold - 1, ledger.UsualHold + 1, ledger.MaxHold, math.MaxInt64} {
		w.expect(bank, w.hold("h", bank, 100, ttl), ledger.BadTTL)
	}
	for _, tt := range []struct {
		by   string
		i    ledger.SetHoldTerms
		want ledger.Outcome
	}{
		{dealer, ledger.SetHoldTerms{Participant: ledger.MustBIC(bank), SetHoldShare: true}, ledger.NotAllowed},
		{dealer, ledger.SetHoldTerms{Participant: ledger.MustBIC(dealer), SetLongestQuote: true, LongestQuote: ledger.MaxHold}, ledger.NotAllowed},
		{"operator", ledger.SetHoldTerms{Participant: ledger.MustBIC(dealer), SetHoldShare: true}, ledger.NotAllowed},
		{"operator", ledger.SetHoldTerms{Participant: ledger.MustBIC("ZZZZZZZZ"), SetLongestQuote: true, LongestQuote: ledger.MaxHold}, ledger.UnknownParticipant},
		{"operator", ledger.SetHoldTerms{Participant: ledger.MustBIC(bank), SetLongestQuote: true, LongestQuote: ledger.MaxHold + 1}, ledger.BadTTL},
		{dealer, ledger.SetHoldTerms{Participant: ledger.MustBIC(dealer), SetLongestHold: true, LongestHold: -1}, ledger.BadTTL},
		{dealer, ledger.SetHoldTerms{Participant: ledger.MustBIC(dealer), SetHoldShare: true, HoldShare: ledger.Unit + 1}, ledger.BadShare},
		{"operator", ledger.SetHoldTerms{Participant: ledger.MustBIC(bank), SetLongestQuote: true, LongestQuote: ledger.MaxHold}, ledger.Applied},
	} {
		w.expect(tt.by, &tt.i, tt.want)
	}
	w.expect(bank, w.hold("h", bank, 100, ledger.UsualHold+1), ledger.NoPath) // the dealer does not let itself be held so long
	w.expect(dealer, &ledger.SetHoldTerms{Participant: ledger.MustBIC(dealer), SetLongestHold: true, LongestHold: ledger.MaxHold}, ledger.Applied)
	w.expect(bank, w.hold("h1", bank, 300_00, ledger.MaxHold), ledger.Applied)
	w.expect(bank, w.hold("h1", bank, 100, 1_000), ledger.IDReused)
	w.expect(bank, w.hold("h2", bank, 201_00, 1_000), ledger.Shortfall) // half of 1,000.00, and 300.00 are held
	w.expect(bank, w.hold("h2", bank, 200_00, 1_000), ledger.Applied)
	w.expect(bank, w.hold("h3", bank, 1, 1_000), ledger.NoPath)
	// Others' payments get what is left, and no more.
	over := w.payOn(w.hold("", bank, 501_00, 0), "p1")
	over.Quote = ledger.ID{}
	w.expect(bank, over, ledger.Shortfall)
	rest := w.payOn(w.hold("", bank, 500_00, 0), "p2")
	rest.Quote = ledger.ID{}
	w.expect(bank, rest, ledger.Applied)
	w.expect(dealer, &ledger.SetHoldTerms{Participant: ledger.MustBIC(dealer), SetHoldShare: true, HoldShare: 0}, ledger.Applied)
	w.expect(bank, w.payOn(w.hold("h1", bank, 300_00, 0), "p3"), ledger.Applied)
	w.expect(bank, w.payOn(w.hold("h1", bank, 300_00, 0), "p4"), ledger.QuoteUsed)
	w.expect(dealer, w.payOn(w.hold("h2", bank, 200_00, 0), "p5"), ledger.UnknownQuote)
	if at := w.state.NextDeadline(); at != w.now+1_000 {
		t.Errorf("next deadline in %d ms, want 1000", at-w.now)
	}
	w.now += 1_000
	w.apply()
	if n := len(w.block.Results); n != 1 || w.block.Results[0].Kind != ledger.KindLater || w.block.Results[0].Outcome != ledger.Expired || w.block.Results[0].Later.ID != idOf("h2") {
		t.Errorf("the lapse is told as %+v", w.block.Results)
	}
	w.expect(bank, w.payOn(w.hold("h2", bank, 200_00, 0), "p6"), ledger.QuoteExpired)
	if at := w.state.NextDeadline(); at != 0 {
		t.Errorf("next deadline %d, want none", at)
	}
	if w.replay() != w.state.Hash() {
		t.Error("replay gives another state hash")
	}
}

// TestHoldsAreBounded: a participant keeps no more than MaxHolds open.
func TestHoldsAreBounded(t *testing.T) {
	w := holdWorld(t)
	w.trusting = true
	var all []ledger.Instruction
	for i := range ledger.MaxHolds + 1 {
		all = append(all, w.hold(fmt.Sprint("h", i), "", 1_00, 5_000))
	}
	results := w.apply(w.submission("BNMXMXMM", all...))
	for i := range results {
		want := ledger.Applied
		if i == ledger.MaxHolds {
			want = ledger.TooManyHolds
		}
		if results[i].Outcome != want {
			t.Fatalf("hold %d: %s, want %s", i, results[i].Outcome, want)
		}
	}
	w.expect("BNMXMXMM", &ledger.ReleaseHold{ID: idOf("h7")}, ledger.Applied)
	w.expect("BNMXMXMM", w.hold("more", "", 1_00, 5_000), ledger.Applied)
}

// TestHoldsAllOrNone: what a refused batch used of quotes is held again, what it was refused for stays
// released, and one batch uses a quote once.
func TestHoldsAllOrNone(t *testing.T) {
	w := holdWorld(t)
	bank := "BNMXMXMM"
	one, two, three := w.hold("h1", bank, 100_00, 9_000), w.hold("h2", bank, 150_00, 9_000), w.hold("h3", bank, 50_00, 9_000)
	for _, h := range []*ledger.PlaceHold{one, two, three} {
		w.expect(bank, h, ledger.Applied)
	}
	plain := w.payOn(w.hold("", bank, 10_00, 0), "a3")
	plain.Quote = ledger.ID{}
	got := outcomes(w.apply(w.whole(bank, w.payOn(one, "a1"), w.payOn(two, "a2"), plain, w.payOn(one, "a4"))))
	if want := []string{"batch_refused", "batch_refused", "batch_refused", "quote_used"}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	late := w.payOn(three, "b2")
	late.NotAfter = w.now - 1
	got = outcomes(w.apply(w.whole(bank, w.payOn(one, "b1"), late)))
	if want := []string{"batch_refused", "past_not_after"}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	w.expect(bank, w.payOn(three, "c1"), ledger.QuoteReleased)
	w.run("cancel XCHGSGSG o1")
	got = outcomes(w.apply(w.whole(bank, w.payOn(one, "d1"), w.payOn(two, "d2"))))
	if want := []string{"applied", "applied"}; !slices.Equal(got, want) {
		t.Errorf("outcomes %v, want %v", got, want)
	}
	w.expect(bank, w.payOn(two, "e1"), ledger.QuoteUsed)
	for i, p := range w.state.Positions() {
		if p.HeldIn != 0 || p.HeldOut != 0 {
			t.Errorf("position %d still holds %d and %d", i, p.HeldOut, p.HeldIn)
		}
	}
	if w.replay() != w.state.Hash() {
		t.Error("replay gives another state hash")
	}
}
