package ledger_test

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"viaduct/ledger"

	"pgregory.net/rapid"
)

// quoted is a hold as its owner knows it.
type quoted struct {
	by      string
	order   *ledger.PlaceHold
	result  ledger.Result // its own copy
	expires int64
	end     string // how it ended: used, released, or nothing
}

// holds is a random market with firm quotes, and how often what happened.
type holds struct {
	*market
	all  []*quoted
	seen map[string]int
}

func (h *holds) happened(what string, when bool) {
	if when {
		h.seen[what]++
	}
}

// quote asks for a firm quote of a random payment.
func (h *holds) quote() {
	by, in := h.order()
	p := in.(*ledger.Pay)
	if p.Partial {
		p.Partial, p.Least = false, 0
	}
	order := &ledger.PlaceHold{
		ID: p.ID, To: p.To, Mode: p.Mode, Send: p.Send, Deliver: p.Deliver, Amount: p.Amount, Bound: p.Bound,
		TTL: h.number("ttl", 1_000, 5_000, 30_000, 30_000, 60_000),
	}
	r := h.batch(by, []ledger.Instruction{order})[0]
	h.happened("quote "+r.Outcome.String(), true)
	if r.Outcome != ledger.Applied {
		return
	}
	if len(r.Postings) != 0 {
		h.rt.Fatalf("a hold posts %+v", r.Postings)
	}
	h.checkTerms(by, order, &r)
	r.Moves = slices.Clone(r.Moves)
	h.all = append(h.all, &quoted{by: by, order: order, result: r, expires: h.now + order.TTL})
}

// checkTerms checks what a new hold takes of each dealer against the dealer's terms, all of the owner's
// holds together.
func (h *holds) checkTerms(by string, order *ledger.PlaceHold, r *ledger.Result) {
	owner := h.state.FindParticipant(ledger.MustBIC(by))
	mine := map[ledger.ID]int64{}
	for _, x := range h.state.Holds() {
		if x.Live && x.By == owner {
			for _, f := range x.Flows {
				mine[f.Offer] += f.Out
			}
		}
	}
	for _, m := range r.Moves {
		dealer := h.state.Participants()[h.state.FindParticipant(m.Holder)]
		switch m.Kind {
		case ledger.Fill:
			o := h.state.Offers()[h.state.FindOffer(m.Offer)]
			if order.TTL > dealer.LongestHold || mine[m.Offer] > most(o.Remaining, dealer.HoldShare) {
				h.rt.Fatalf("%s holds %d of %d for %d ms: %+v", by, mine[m.Offer], o.Remaining, order.TTL, dealer)
			}
		case ledger.RippleIn, ledger.RippleOut, ledger.RippleOwnIn, ledger.RippleOwnOut, ledger.RippleIssue:
			if order.TTL > dealer.LongestHold {
				h.rt.Fatalf("%s holds lines of %s for %d ms", by, m.Holder, order.TTL)
			}
		}
	}
}

// barred says whether a freeze or an authorisation stands in the way of a hold, found by the names in its
// result alone.
func (h *holds) barred(q *quoted) bool {
	for _, m := range q.result.Moves {
		if m.Kind == ledger.Fill {
			continue
		}
		issuer := h.state.Participants()[h.state.FindParticipant(m.Asset.Issuer)]
		p := h.state.Positions()[h.state.FindPosition(h.state.FindParticipant(m.Holder), h.state.FindAsset(m.Asset))]
		unapproved := issuer.RequireAuthorization && !p.Authorized
		frozen := issuer.Frozen || p.Frozen
		switch m.Kind {
		case ledger.Give:
			if frozen || unapproved {
				return true
			}
		case ledger.Redeem:
			if (frozen || unapproved) && q.order.To != m.Asset.Issuer {
				return true
			}
		case ledger.Take, ledger.Issue:
			if unapproved {
				return true
			}
		}
	}
	return false
}

// pay settles on a random quote, which may be anything by now.
func (h *holds) pay() {
	if len(h.all) > 0 {
		h.payOn(draw(h.market, "quote", h.all))
	}
}

func (h *holds) payOn(q *quoted) {
	h.count++
	id := idOf(fmt.Sprint("pay", h.count))
	p := &ledger.Pay{
		ID: id, UETR: id, UETRKind: ledger.UETRPayment, To: q.order.To, Mode: q.order.Mode, Send: q.order.Send, Deliver: q.order.Deliver,
		Amount: q.order.Amount, Bound: q.order.Bound, Quote: q.order.ID,
	}
	by, want := q.by, ledger.Applied
	switch {
	case q.end == "used":
		want = ledger.QuoteUsed
	case q.end == "released":
		want = ledger.QuoteReleased
	case q.expires <= h.now:
		want = ledger.QuoteExpired
	}
	open := want == ledger.Applied
	switch h.below(12, "what") {
	case 0:
		p.Amount++
		if open {
			want = ledger.QuoteMismatch
		}
	case 1:
		if other := h.name("other"); other != by && other != p.To.String() {
			by, want = other, ledger.UnknownQuote
		}
	case 2:
		p.NotAfter, want = h.now-1, ledger.PastNotAfter
	case 3:
		if p.Mode == ledger.ExactDeliver && q.result.Source > 1 {
			p.Bound = q.result.Source - 1
			if open {
				want = ledger.SendMaxExceeded
			}
		}
	}
	barred := want == ledger.Applied && h.barred(q)
	r := h.batch(by, []ledger.Instruction{p})[0]
	h.happened("pay "+r.Outcome.String(), true)
	if barred {
		if r.Outcome != ledger.LineFrozen && r.Outcome != ledger.NotAuthorized {
			h.rt.Fatalf("%s: %+v is barred, yet %s", by, p, r.Outcome)
		}
		q.end = "released"
		return
	}
	if r.Outcome != want {
		h.rt.Fatalf("%s: %+v at %d: %s, want %s (expires %d)", by, p, h.now, r.Outcome, want, q.expires)
	}
	switch {
	case want == ledger.PastNotAfter && open:
		q.end = "released"
	case want == ledger.Applied:
		q.end = "used"
		h.checkSettled(by, p, q, &r)
	}
}

// checkSettled: what a payment on a quote costs, brings and moves is what was quoted.
func (h *holds) checkSettled(by string, p *ledger.Pay, q *quoted, r *ledger.Result) {
	if r.Source != q.result.Source || r.Delivered != q.result.Delivered || !slices.Equal(r.Moves, q.result.Moves) {
		h.rt.Fatalf("%s: %+v: %d for %d by %+v; quoted were %d for %d by %+v", by, p, r.Delivered, r.Source, r.Moves, q.result.Delivered, q.result.Source, q.result.Moves)
	}
	h.checkPay(r.Participant, p, r, newDeltas(r))
}

// disturb changes something that an open hold was made of.
func (h *holds) disturb() {
	var open []*quoted
	for _, q := range h.all {
		if q.end == "" && q.expires > h.now {
			open = append(open, q)
		}
	}
	if len(open) == 0 {
		return
	}
	q := draw(h.market, "open", open)
	m := draw(h.market, "move", q.result.Moves)
	if fill := slices.IndexFunc(q.result.Moves, func(m ledger.Move) bool { return m.Kind == ledger.Fill }); fill >= 0 && h.chance(40) {
		m = q.result.Moves[fill]
	}
	gives := slices.DeleteFunc(slices.Clone(q.result.Moves), func(m ledger.Move) bool { return m.Kind != ledger.Give })
	holder, issuer := m.Holder.String(), m.Asset.Issuer.String()
	fee := &ledger.SetTerms{SetTransferFee: true, TransferFee: h.number("fee", 0, 5_000_000, 50_000_000)}
	switch what := h.below(10, "disturb"); {
	case m.Kind == ledger.Fill && what < 5:
		if h.state.FindOffer(m.Offer) != ledger.None {
			h.happened("offer cancelled", true)
			h.step(holder, &ledger.CancelOffer{ID: m.Offer})
		}
	case what < 3 && holder != issuer:
		h.happened("limit lowered", true)
		h.step(holder, &ledger.SetLine{Asset: m.Asset, Limit: 0, Ripple: false, QualityIn: ledger.Unit / 2, QualityOut: 2 * ledger.Unit})
	case what < 5:
		h.happened("fee changed", true)
		h.step(issuer, fee)
	case what == 5:
		h.happened("cap set", true)
		h.step("operator", &ledger.SetCap{Participant: m.Holder, Currency: m.Asset.Currency, Cap: 0})
	case what >= 6 && what < 8 && len(gives) > 0:
		m := draw(h.market, "give", gives)
		h.happened("line frozen", true)
		h.step(m.Asset.Issuer.String(), &ledger.ControlLine{Holder: m.Holder, Currency: m.Asset.Currency, SetFrozen: true, Frozen: h.chance(70)})
	case what >= 7:
		h.happened("authorisation asked", true)
		h.step(issuer, &ledger.SetTerms{SetRequireAuthorization: true, RequireAuthorization: h.chance(70)})
	}
	if h.chance(50) {
		h.happened("pay after a change", true)
		h.payOn(q)
	}
}

func (h *holds) release() {
	if len(h.all) == 0 {
		return
	}
	q := draw(h.market, "release", h.all)
	want := map[string]ledger.Outcome{"used": ledger.QuoteUsed, "released": ledger.QuoteReleased}[q.end]
	if want == ledger.Applied && q.expires <= h.now {
		want = ledger.QuoteExpired
	}
	r := h.batch(q.by, []ledger.Instruction{&ledger.ReleaseHold{ID: q.order.ID}})[0]
	h.happened("release "+r.Outcome.String(), true)
	if r.Outcome != want {
		h.rt.Fatalf("release of %+v: %s, want %s", q.order, r.Outcome, want)
	}
	if want == ledger.Applied {
		q.end = "released"
	}
}

func (h *holds) terms() {
	by := h.name("dealer")
	h.step(by, &ledger.SetHoldTerms{
		Participant: ledger.MustBIC(by), SetLongestHold: h.chance(60), LongestHold: h.number("longest", 0, 4_000, 30_000, 60_000, ledger.MaxHold),
		SetHoldShare: h.chance(60), HoldShare: h.number("share", 0, ledger.Unit/3, ledger.Unit/2, ledger.Unit),
	})
}

func (h *holds) change() {
	switch h.below(13, "change") {
	case 0, 1, 2:
		h.quote()
	case 3, 4, 5:
		h.pay()
	case 6, 7:
		h.disturb()
	case 8:
		h.release()
	case 9:
		h.terms()
	case 10, 11:
		h.now += h.number("wait", 1, 999, 4_000, 20_000)
		h.apply()
		h.after()
		for i := range h.block.Results {
			h.happened("lapsed", h.block.Results[i].Kind == ledger.KindLater && h.block.Results[i].Outcome == ledger.Expired)
		}
	default: // among others, payments that compete for what is held
		h.market.change()
	}
}

// nothingHeld says that nothing is reserved anywhere.
func (h *holds) nothingHeld() {
	for i, p := range h.state.Positions() {
		if p.HeldIn != 0 || p.HeldOut != 0 {
			h.rt.Fatalf("position %d still holds %d and %d", i, p.HeldOut, p.HeldIn)
		}
	}
	for i, p := range h.state.PurseTable() {
		if p.HeldIn != 0 || p.HeldOut != 0 {
			h.rt.Fatalf("purse %d still holds %d and %d", i, p.HeldOut, p.HeldIn)
		}
	}
	for i, o := range h.state.Offers() {
		if o.Held != 0 {
			h.rt.Fatalf("offer %d still has %d held", i, o.Held)
		}
	}
}

// TestRandomHolds runs random firm quotes, payments on them and changes of all they are made of on random
// markets. A quote that has not expired settles at its price, unit for unit and move for move, whatever
// became of offers, limits, caps, fees and qualities; only a freeze, a lost authorisation or not_after
// refuses it, and releases the hold. After every block what is reserved is the sum of the holds (see
// CheckInvariants); after the last expiry nothing is. A replay, and a snapshot with the messages behind
// it, give the same state.
func TestRandomHolds(t *testing.T) {
	fewer(t, 10)
	seen := map[string]int{}
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		h := &holds{market: newMarket(rt), seen: seen}
		var caps []ledger.Instruction
		for _, name := range h.names {
			caps = append(caps, &ledger.SetHoldTerms{Participant: ledger.MustBIC(name), SetLongestQuote: true, LongestQuote: 60_000})
		}
		h.batch("operator", caps)
		var snapshot bytes.Buffer
		var leaves ledger.Hash
		steps, behind := 10+h.below(40, "steps"), 0
		for i := range steps {
			h.change()
			if i == steps/2 {
				if err := h.state.WriteSnapshot(&snapshot); err != nil {
					rt.Fatal(err)
				}
				leaves, behind = h.leaves, len(h.messages)
			}
		}
		last := int64(0)
		for _, q := range h.all {
			last = max(last, q.expires)
		}
		if h.now = max(h.now, last); h.now > 0 {
			h.apply()
			h.after()
		}
		h.nothingHeld()
		if h.replay() != h.state.Hash() {
			rt.Fatal("replay gives another state hash")
		}
		s, err := ledger.RestoreSnapshot(&snapshot, h.genesis)
		if err != nil {
			rt.Fatal(err)
		}
		s.Attach(h.router(s))
		if h.follow(s, leaves, h.messages[behind:]) != h.state.Hash() {
			rt.Fatal("a snapshot and what follows give another state hash")
		}
	})
	t.Logf("%d markets: %v", runs, seen)
	if runs < 100 {
		return
	}
	// In a hundred markets, at least: half of what is usual, so that no run falls short by chance.
	for what, least := range map[string]int{
		"quote applied": 100, "quote shortfall": 5, "pay applied": 50, "pay quote_used": 5, "pay quote_expired": 5, "pay quote_released": 3,
		"pay quote_mismatch": 3, "pay unknown_quote": 3, "pay past_not_after": 3, "pay send_max_exceeded": 1, "pay line_frozen": 1,
		"pay not_authorized": 1, "pay after a change": 20, "release applied": 10, "lapsed": 7, "offer cancelled": 4, "limit lowered": 5, "fee changed": 5, "cap set": 2, "line frozen": 1,
	} {
		if got := seen[what]; got < least*runs/100 {
			t.Errorf("%q happened %d times in %d markets, want %d", what, got, runs, least*runs/100)
		}
	}
}

// most is a share of an amount, rounded down.
func most(amount, share int64) int64 {
	n := new(big.Int).Mul(big.NewInt(amount), big.NewInt(share))
	return n.Quo(n, big.NewInt(ledger.Unit)).Int64()
}

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
