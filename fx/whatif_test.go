package fx

import (
	"slices"
	"testing"

	"viaduct/ledger"
)

// TestLimitsThatMightBe asks what another limit would do, makes the change for real in the ledger, and
// compares the answers.
func TestLimitsThatMightBe(t *testing.T) {
	mattered, same := 0, 0
	for seed := range uint64(40) {
		x := newRandom(t, seed, 4+int(seed%4), 60, 40, 0)
		q := x.router.NewQuoter(x.state.Height())
		for range 20 {
			pos := &x.state.Positions()[x.r.IntN(len(x.state.Positions()))]
			if pos.Own {
				continue
			}
			holder, asset := x.state.Participants()[pos.Holder].BIC, x.state.AssetName(pos.Asset)
			limit := x.amount()
			if x.chance(20) {
				limit = 0
			}
			by, pay := x.payment()
			req := x.request(by, pay)
			now := q.Quote(req)
			if pos.Frozen || !x.state.CanTake(x.find(holder, asset)) && pos.Limit > 0 {
				continue
			}
			w := &WhatIf{Limits: []LimitChange{{Holder: holder, Asset: asset, Limit: limit, Was: pos.Limit}}}
			if pos.Limit == 0 {
				continue // a line of limit zero takes nothing whoever approves it
			}
			then, missing := q.QuoteIf(req, Limits{}, w)
			if missing >= 0 {
				t.Fatalf("seed %d: no line of %s in %s", seed, holder, asset)
			}
			if again := q.Quote(req); again.Outcome != now.Outcome || !slices.Equal(again.Plan.Flows, now.Plan.Flows) {
				t.Fatalf("seed %d: the question left a trace: %+v, before %+v", seed, again, now)
			}
			x.must(holder, &ledger.SetLine{Asset: asset, Limit: limit, QualityIn: pos.QualityIn, QualityOut: pos.QualityOut, Ripple: pos.Ripple})
			x.router.Publish(x.state.Height())
			truth := q.Quote(req)
			if then.Outcome != truth.Outcome || then.Source != truth.Source || then.Delivered != truth.Delivered {
				t.Errorf("seed %d: %s in %s at %d: %s %v for %v, in truth %s %v for %v", seed, holder, asset, limit,
					then.Outcome, then.Source, then.Delivered, truth.Outcome, truth.Source, truth.Delivered)
			}
			if now.Outcome != then.Outcome || now.Source != then.Source {
				mattered++
			} else {
				same++
			}
		}
	}
	if mattered < 5 || same < 50 {
		t.Errorf("a limit mattered %d times, and did not %d times", mattered, same)
	}
}

func (x *random) find(holder ledger.BIC, asset ledger.AssetName) ledger.PosID {
	for i := range x.state.Positions() {
		p := &x.state.Positions()[i]
		if x.state.Participants()[p.Holder].BIC == holder && x.state.AssetName(p.Asset) == asset {
			return ledger.PosID(i)
		}
	}
	return ledger.None
}

// TestWithoutABank takes a bank out of the market: no way leads over it or its paper, and it is back after.
func TestWithoutABank(t *testing.T) {
	moved, gone := 0, 0
	for seed := range uint64(40) {
		x := newRandom(t, seed, 4+int(seed%4), 60, 40, 0)
		q := x.router.NewQuoter(x.state.Height())
		for range 20 {
			by, pay := x.payment()
			req := x.request(by, pay)
			now := q.Quote(req)
			bank := x.bank()
			if bank == by || bank == pay.To || now.Outcome != ledger.Applied {
				continue
			}
			then, _ := q.QuoteIf(req, Limits{}, &WhatIf{Without: []ledger.BIC{bank}})
			if then.Outcome == ledger.Applied {
				for _, p := range then.Paths {
					for _, h := range p.Hops {
						if h.Who == bank || h.In.Issuer == bank || h.Out.Issuer == bank {
							t.Errorf("seed %d: %s is still on the way: %+v", seed, bank, p)
						}
					}
				}
				if then.Source.Units != now.Source.Units {
					moved++
				}
			} else {
				gone++
			}
			if again := q.Quote(req); !slices.Equal(again.Plan.Flows, now.Plan.Flows) || again.Source != now.Source {
				t.Errorf("seed %d: the question left a trace", seed)
			}
		}
	}
	if moved < 3 || gone < 3 {
		t.Errorf("a bank's absence cost something %d times, and everything %d times", moved, gone)
	}
}

func TestWhatIfOfNothing(t *testing.T) {
	c := newCorridor(t)
	q := c.router.NewQuoter(c.state.Height())
	req := c.request(c.sender, c.pay(c.bank, c.usd, c.eur, 1_000, ledger.MaxUnits))
	if _, missing := q.QuoteIf(req, Limits{}, &WhatIf{Limits: []LimitChange{{Holder: c.bank, Asset: c.eur, Limit: 5}, {Holder: c.bank, Asset: c.usd, Limit: 5}}}); missing != 1 {
		t.Errorf("missing %d, want the second", missing)
	}
}
