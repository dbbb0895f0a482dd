package fx

import (
	"slices"
	"testing"

	"viaduct/ledger"
)

func (c *corridor) quoter() *Quoter { return c.router.NewQuoter(c.state.Height()) }

// dealers puts a dealer between the corridor's two assets: what it gives and at which price in percent.
func (c *corridor) dealers(amounts, percent []int64) {
	for i, amount := range amounts {
		who := bic(20 + i)
		c.admit(who)
		c.must(who, plainLine(c.usd, 500_000), plainLine(c.eur, 500_000))
		c.must(bic(9), c.pay(who, c.eur, c.eur, amount, ledger.MaxUnits))
		c.must(who, c.offer(c.eur, c.usd, amount, percent[i], 100))
	}
}

// One path has to carry all of it, so the cheap ones that are too narrow do not serve.
func TestMaxPathsTakesTheWideWay(t *testing.T) {
	c := newCorridor(t)
	c.dealers([]int64{10_000, 10_000, 10_000, 10_000, 90_000, 80_000}, []int64{110, 111, 112, 113, 121, 120})
	q := c.quoter()
	for _, tt := range []struct {
		paths, amount, source int64
		bestFound             bool
	}{
		{0, 40_000, 44_600, false},
		{4, 40_000, 44_600, false},
		{1, 10_000, 11_000, false},
		{1, 40_000, 48_000, true}, // 80,000 at 120
		{1, 85_000, 102_850, true},
		{2, 40_000, 47_000, true}, // 10,000 at 110 and 30,000 at 120
	} {
		req := c.request(c.sender, c.pay(c.bank, c.usd, c.eur, tt.amount, ledger.MaxUnits))
		a := q.QuoteWithin(req, Limits{MaxPaths: int(tt.paths)})
		if a.Outcome != ledger.Applied || a.Source.Units != tt.source || a.BestFound != tt.bestFound {
			t.Errorf("%d over %d paths: %v for %d, best found %v; want %d, %v", tt.amount, tt.paths, a.Outcome, a.Source.Units, a.BestFound, tt.source, tt.bestFound)
		}
		// The same the other way: what is spent brings as much.
		pay := c.pay(c.bank, c.usd, c.eur, tt.source, 0)
		pay.Mode = ledger.ExactSend
		a = q.QuoteWithin(c.request(c.sender, pay), Limits{MaxPaths: int(tt.paths)})
		if a.Outcome != ledger.Applied || a.Delivered.Units != tt.amount {
			t.Errorf("%d spent over %d paths: %v, brings %d, want %d", tt.source, tt.paths, a.Outcome, a.Delivered.Units, tt.amount)
		}
	}
	req := c.request(c.sender, c.pay(c.bank, c.usd, c.eur, 100_000, ledger.MaxUnits))
	if a := q.QuoteWithin(req, Limits{MaxPaths: 1}); a.Outcome != ledger.Shortfall || !a.BestFound {
		t.Errorf("more than any path carries: %+v", a)
	}
}

// A cheap long way that reaches a place first does not hide the short one.
func TestMaxHopsTakesTheShortWay(t *testing.T) {
	c := newCorridor(t)
	// Dollars to euros by two hops at 1.2, or by three at 1.1: both lead through the same middle asset.
	mid, far := assetOf("GBP", bic(7)), assetOf("JPY", bic(6))
	a, b, d, e := bic(20), bic(21), bic(22), bic(23)
	c.admit(bic(6), bic(7), a, b, d, e)
	deal := func(who ledger.BIC, give, want ledger.AssetName, n int64) {
		c.must(who, plainLine(give, 1_000_000), plainLine(want, 1_000_000))
		c.do(give.Issuer, c.pay(who, give, give, 500_000, ledger.MaxUnits))
		c.must(who, c.offer(give, want, 500_000, n, 100))
	}
	deal(a, far, c.usd, 100)
	deal(b, mid, far, 100)
	deal(d, mid, c.usd, 110)
	deal(e, c.eur, mid, 110)
	q := c.quoter()
	req := c.request(c.sender, c.pay(c.bank, c.usd, c.eur, 10_000, ledger.MaxUnits))
	for _, tt := range []struct {
		hops      int
		source    int64
		bestFound bool
	}{{0, 11_000, false}, {3, 11_000, false}, {2, 12_100, true}} {
		got := q.QuoteWithin(req, Limits{MaxHops: tt.hops})
		if got.Outcome != ledger.Applied || got.Source.Units != tt.source || got.BestFound != tt.bestFound {
			t.Errorf("%d hops: %v for %d, best found %v; want %d, %v", tt.hops, got.Outcome, got.Source.Units, got.BestFound, tt.source, tt.bestFound)
		}
	}
	if got := q.QuoteWithin(req, Limits{MaxHops: 1}); got.Outcome != ledger.NoPath || !got.BestFound {
		t.Errorf("no way is that short: %+v", got)
	}
}

// A plan with a ring in it is taken apart to its end.
func TestSlicesLeaveARing(t *testing.T) {
	c := newCorridor(t)
	c.must(c.dealer, c.offer(c.eur, c.usd, 150_000, 11, 10), c.offer(c.usd, c.eur, 1_000, 1, 1))
	q := c.quoter()
	req := c.request(c.sender, c.pay(c.bank, c.usd, c.eur, 1_000, ledger.MaxUnits))
	a := q.Quote(req)
	if a.Outcome != ledger.Applied {
		t.Fatalf("%+v", a)
	}
	m := q.market
	var forth, back int32 = none, none
	for i := range m.offers {
		if o := &m.offers[i]; m.assets[m.positions[o.want].asset].currency == c.usd.Currency {
			forth = int32(i)
		} else {
			back = int32(i)
		}
	}
	dealer := func(f int32) int32 { return m.offers[f].give }
	// The dealer's euros go to itself, and its dollars too: a ring through the payment's own places.
	ring := []ledger.Flow{
		{Kind: ledger.Give, Arc: dealer(forth), In: 3, Out: 3}, {Kind: ledger.Take, Arc: dealer(forth), In: 3, Out: 3},
		{Kind: ledger.Fill, Arc: back, In: 3, Out: 3}, {Kind: ledger.Give, Arc: dealer(back), In: 3, Out: 3},
	}
	for _, flows := range [][]ledger.Flow{append(slices.Clone(ring), a.Plan.Flows...), append(slices.Clone(a.Plan.Flows), ring...)} {
		plan := ledger.Plan{Flows: flows, Source: a.Plan.Source, Delivered: a.Plan.Delivered}
		var delivered int64
		for _, p := range m.paths(req, &plan) {
			delivered += p.Delivered.Units
		}
		if delivered != 1_000 {
			t.Errorf("the paths of %+v bring %d", flows, delivered)
		}
	}
}

// An offer that is held out for a gainful cycle is told as what stops the route through it.
func TestQuoteShowsWhatIsHeldOut(t *testing.T) {
	c := newCorridor(t)
	other, pounds := bic(20), assetOf("GBP", bic(7))
	c.admit(other, bic(7))
	c.must(other, plainLine(c.usd, 500_000), plainLine(c.eur, 500_000), plainLine(pounds, 500_000))
	c.must(bic(8), c.pay(other, c.usd, c.usd, 100_000, ledger.MaxUnits))
	c.must(bic(7), c.pay(other, pounds, pounds, 100_000, ledger.MaxUnits))
	c.must(other, c.offer(pounds, c.eur, 50_000, 80, 100), c.offer(c.usd, pounds, 50_000, 100, 100))
	held := c.offer(c.eur, c.usd, 50_000, 110, 100) // a dollar buys a pound for 0.80 euro, and that costs 0.88
	r := c.do(c.dealer, held)
	q := c.quoter()
	a := q.Quote(c.request(c.sender, c.pay(c.bank, c.usd, c.eur, 1_000, ledger.MaxUnits)))
	if a.Outcome == ledger.Applied || len(a.Candidates) == 0 {
		t.Fatalf("%+v %+v", r, a)
	}
	if !slices.ContainsFunc(a.Candidates[0].Stopped, func(b Bound) bool { return b.Kind == OfferHeldOut && b.Offer == held.ID }) {
		t.Errorf("candidates %+v, want one stopped by offer %x held out", a.Candidates, held.ID)
	}
	// When the other offer goes the route opens, and it is told no longer.
	for i, o := range c.state.Offers() {
		if o.Maker == c.state.FindParticipant(other) {
			c.must(other, &ledger.CancelOffer{ID: c.state.Offers()[i].ID})
		}
	}
	c.router.Publish(c.state.Height())
	if a := q.Quote(c.request(c.sender, c.pay(c.bank, c.usd, c.eur, 1_000, ledger.MaxUnits))); a.Outcome != ledger.Applied {
		t.Errorf("with the cycle open: %+v", a)
	}
	for i := range q.market.positions {
		if len(q.market.positions[i].crossed) > 0 {
			t.Errorf("position %d still has %v held out", i, q.market.positions[i].crossed)
		}
	}
}
