package ledger_test

import (
	"bytes"
	"fmt"
	"math/big"
	"slices"
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
