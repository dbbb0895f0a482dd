package fx

import (
	"slices"
	"sync"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// corridor is a market told by hand: a Mexican and a Japanese importer's bank, two correspondents in
// dollars, a dealer, and a bank in Frankfurt.
type corridor struct {
	*world
	sender, dealer, bank ledger.BIC
	usd, eur             ledger.AssetName // claims on the correspondents
}

func newCorridor(t testing.TB) *corridor {
	c := &corridor{world: newWorld(t), sender: bic(1), dealer: bic(2), bank: bic(3)}
	chase, deutsche := bic(8), bic(9)
	c.admit(c.sender, c.dealer, c.bank, chase, deutsche)
	c.usd, c.eur = assetOf("USD", chase), assetOf("EUR", deutsche)
	c.must(c.sender, plainLine(c.usd, 1_000_000))
	c.must(c.dealer, plainLine(c.usd, 500_000), plainLine(c.eur, 1_000_000))
	c.must(c.bank, plainLine(c.eur, 300_000))
	c.must(chase, c.pay(c.sender, c.usd, c.usd, 400_000, ledger.MaxUnits))
	c.must(deutsche, c.pay(c.dealer, c.eur, c.eur, 200_000, ledger.MaxUnits))
	return c
}

func TestQuoteTellsThePath(t *testing.T) {
	c := newCorridor(t)
	chase, deutsche := bic(8), bic(9)
	c.must(chase, &ledger.SetTerms{SetTransferFee: true, TransferFee: 1_000_000})    // 10 bp
	c.must(deutsche, &ledger.SetTerms{SetTransferFee: true, TransferFee: 2_000_000}) // 20 bp
	placed := c.offer(c.eur, c.usd, 150_000, 11, 10)
	c.must(c.dealer, placed)
	q := c.router.NewQuoter(c.state.Height())
	a := q.Quote(c.request(c.sender, c.pay(c.bank, assetOf("USD", ledger.BIC{}), assetOf("EUR", ledger.BIC{}), 100_000, ledger.MaxUnits)))
	if a.Outcome != ledger.Applied || len(a.Paths) != 1 || len(a.Paths[0].Hops) != 1 {
		t.Fatalf("%+v", a)
	}
	// 100,000 and 20 bp on them in EUR: 100,200; at 1.1 in USD: 110,220; and 10 bp on those: 110,330.22.
	p, h := a.Paths[0], a.Paths[0].Hops[0]
	if p.Sent.Units != 110_331 || p.Fee.Units != 111 || p.By != Transferred || p.Delivered.Units != 100_000 || a.Source.Units != 110_331 {
		t.Errorf("path %+v", p)
	}
	if h.Who != c.dealer || h.Offer != placed.ID || h.In.Units != 110_220 || h.Out.Units != 100_200 || h.Fee.Units != 200 || h.Price != (money.Ratio{N: 11, D: 10}) {
		t.Errorf("hop %+v", h)
	}
	if len(p.Binding) != 0 {
		t.Errorf("only the amount binds, the quote says %+v", p.Binding)
	}
	// More than the offer gives: what there is, and what binds.
	a = q.Quote(c.request(c.sender, c.pay(c.bank, c.usd, c.eur, 200_000, ledger.MaxUnits)))
	if a.Outcome != ledger.Shortfall || a.Delivered.Units < 149_600 || len(a.Paths) != 1 || len(a.Paths[0].Binding) != 1 || a.Paths[0].Binding[0].Kind != OfferUsedUp {
		t.Errorf("shortfall: %+v", a)
	}
	a = q.Quote(c.request(c.sender, c.pay(c.bank, c.usd, c.eur, 100_000, 50_000)))
	if a.Outcome != ledger.SendMaxExceeded || a.Source.Units != 110_331 {
		t.Errorf("over send_max: %+v", a)
	}
}

func TestQuoteSaysWhatStopsIt(t *testing.T) {
	stop := map[string]struct {
		change func(c *corridor)
		kind   BoundKind
		who    ledger.BIC
	}{
		"the dealer has nothing": {func(c *corridor) {
			c.must(c.dealer, c.pay(bic(9), c.eur, c.eur, 200_000, ledger.MaxUnits))
		}, BalanceSpent, bic(2)},
		"the dealer takes no more": {func(c *corridor) { c.must(c.dealer, plainLine(c.usd, 0)) }, LimitReached, bic(2)},
		"the dealer's line is frozen": {func(c *corridor) {
			c.must(bic(9), &ledger.ControlLine{Holder: bic(2), Currency: c.eur.Currency, SetFrozen: true, Frozen: true})
		}, Frozen, bic(2)},
		"the dealer is at its cap": {func(c *corridor) {
			// The claim of 200,000 counts against what it owes; a debt of as much leaves no room.
			own := assetOf("EUR", c.dealer)
			c.must(c.bank, plainLine(own, 1_000_000))
			c.must(ledger.BIC{}, &ledger.SetCap{Participant: c.dealer, Currency: own.Currency, Cap: 0})
			c.must(c.dealer, c.pay(c.bank, own, own, 200_000, ledger.MaxUnits))
		}, CapReached, bic(2)},
		"the receiver is not approved": {func(c *corridor) {
			c.must(bic(9), &ledger.SetTerms{SetRequireAuthorization: true, RequireAuthorization: true})
		}, NotAuthorised, bic(2)},
	}
	for name, tt := range stop {
		t.Run(name, func(t *testing.T) {
			c := newCorridor(t)
			c.must(c.dealer, c.offer(c.eur, c.usd, 150_000, 11, 10))
			tt.change(c)
			q := c.router.NewQuoter(c.state.Height())
			a := q.Quote(c.request(c.sender, c.pay(c.bank, c.usd, c.eur, 1_000, ledger.MaxUnits)))
			if a.Outcome == ledger.Applied || len(a.Candidates) == 0 {
				t.Fatalf("%+v", a)
			}
			first := a.Candidates[0]
			if !slices.ContainsFunc(first.Stopped, func(b Bound) bool { return b.Kind == tt.kind && b.Who == tt.who }) {
				t.Errorf("%v: candidate %+v, want it stopped by %s at %s", a.Outcome, first, tt.kind, tt.who)
			}
		})
	}
}

// TestLimits asks for fewer paths and hops than the cheapest answer has: what comes keeps to them, is no
// cheaper, and says that it is the best found.
func TestLimits(t *testing.T) {
	narrowed, kept := 0, 0
	for seed := range uint64(30) {
		x := newRandom(t, seed, 4+int(seed%4), 60, 40, 0)
		q := x.router.NewQuoter(x.state.Height())
		for range 40 {
			by, pay := x.payment()
			req := x.request(by, pay)
			free := q.Quote(req)
			if free.Outcome != ledger.Applied || free.BestFound {
				continue
			}
			for _, limits := range []Limits{{MaxPaths: 1}, {MaxPaths: 2}, {MaxHops: 1}, {MaxPaths: 1, MaxHops: 2}} {
				a := q.QuoteWithin(req, limits)
				if ways := q.market.ways(req, &a.Plan); limits.MaxPaths > 0 && len(ways) > limits.MaxPaths {
					t.Errorf("seed %d, %+v: %d paths", seed, limits, len(ways))
				}
				for _, p := range a.Paths {
					if limits.MaxHops > 0 && len(p.Hops) > limits.MaxHops {
						t.Errorf("seed %d, %+v: path with %d hops", seed, limits, len(p.Hops))
					}
				}
				same := a.Outcome == free.Outcome && slices.Equal(a.Plan.Flows, free.Plan.Flows)
				if !same && !a.BestFound {
					t.Errorf("seed %d, %+v: another answer than without limits, and does not say why: %+v", seed, limits, a)
				}
				if a.BestFound {
					narrowed++
				}
				if a.Outcome == ledger.Applied && a.BestFound {
					kept++
					// Each arc rounds up once, so fewer of them may cost a few units less.
					slack := int64(len(free.Plan.Flows))
					if !req.ExactSend && a.Delivered == free.Delivered && a.Source.Units < free.Source.Units-slack {
						t.Errorf("seed %d, %+v: %d, cheaper than the cheapest %d", seed, limits, a.Source.Units, free.Source.Units)
					}
				}
			}
			if again := q.Quote(req); !slices.Equal(again.Plan.Flows, free.Plan.Flows) {
				t.Errorf("seed %d: limits left a trace", seed)
			}
		}
	}
	if narrowed < 50 || kept < 10 {
		t.Errorf("limits mattered %d times, and were kept to %d times", narrowed, kept)
	}
}

// TestPathsAddUp takes apart the plans of random ledgers: the paths together are the plan.
func TestPathsAddUp(t *testing.T) {
	several := 0
	for seed := range uint64(30) {
		x := newRandom(t, seed, 4+int(seed%4), 60, 40, 0)
		q := x.router.NewQuoter(x.state.Height())
		for range 40 {
			by, pay := x.payment()
			req := x.request(by, pay)
			a := q.Quote(req)
			if a.Outcome != ledger.Applied {
				continue
			}
			var sent, delivered int64
			for _, p := range a.Paths {
				sent += p.Sent.Units
				delivered += p.Delivered.Units
				if p.By == 0 || slices.ContainsFunc(p.Hops, func(h Hop) bool { return h.By == 0 || h.Who == by || h.Who == pay.To }) {
					t.Errorf("seed %d: path %+v", seed, p)
				}
			}
			if sent != a.Source.Units || delivered != a.Delivered.Units {
				t.Errorf("seed %d: paths carry %d to %d, the plan %d to %d", seed, sent, delivered, a.Source.Units, a.Delivered.Units)
			}
			if len(a.Paths) > 1 {
				several++
			}
		}
	}
	if several < 20 {
		t.Errorf("only %d plans had several paths", several)
	}
}

// TestQuotersFollow has quoters answer from other goroutines while blocks are applied, and compares
// each with the router at the end.
func TestQuotersFollow(t *testing.T) {
	x := newRandom(t, 7, 6, 60, 40, 0)
	q := x.router.NewQuoter(x.state.Height())
	by, pay := x.payment()
	req := x.request(by, pay)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					q.Quote(req)
				}
			}
		})
	}
	for range 100 {
		x.change(0)
		x.router.Publish(x.state.Height())
	}
	close(stop)
	wg.Wait()
	for range 50 {
		by, pay := x.payment()
		var plan ledger.Plan
		req := x.request(by, pay)
		want := x.router.Route(req, &plan)
		got := q.Quote(req)
		if got.Height != x.state.Height() || got.Outcome != want || want == ledger.Applied && !slices.Equal(got.Plan.Flows, plan.Flows) {
			t.Errorf("%+v: quoter says %v %+v, router %v %+v", *req, got.Outcome, got.Plan, want, plan)
		}
	}
}
