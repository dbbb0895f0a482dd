package gateway

import (
	"math/big"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
)

// A fence keeps a dealer's slipped digit off the book: of the pairs that have one, a price further from the
// mid-market rate than it allows is refused. The mid is no ledger state, so the fence stands at the gateway,
// which looks at offers however they come: as JSON, as a ladder, or signed by the participant itself.

// FencedPair names two currencies, in ascending order of their codes.
type FencedPair [2]money.Currency

// NewFencedPair returns the pair of two currencies, in either order.
func NewFencedPair(a, b money.Currency) FencedPair {
	if a > b {
		a, b = b, a
	}
	return FencedPair{a, b}
}

// fenced records a price that is too far off mid. Without a mid that is fresh it cannot tell, and says so.
func (g *Gateway) fenced(give, want money.Currency, price money.Ratio, at string, f *faults) error {
	bps, ok := g.cfg.Fences[NewFencedPair(give, want)]
	if !ok || price.N <= 0 || price.D <= 0 {
		return nil
	}
	table, err := g.mids()
	if err != nil || g.stale(table) {
		return refuse(openapi.ErrorCodeNoFreshMid, "offers of "+give.String()+" for "+want.String()+" are fenced around a rate that is not there")
	}
	mid, err := table.Mid(give, want)
	if err != nil {
		return refuse(openapi.ErrorCodeNoFreshMid, "there is no mid-market rate of "+give.String()+" in "+want.String())
	}
	if !near(price, mid.Ratio, bps) {
		f.add(at, openapi.ErrorCodeOutsideFence, "more than "+bpsText(bps)+" off the mid-market rate, "+mid.Decimal().String(), "")
	}
	return nil
}

// near says whether a price is at most bps off mid, up or down.
func near(price, mid money.Ratio, bps int64) bool {
	product := func(f ...int64) *big.Int {
		p := big.NewInt(1)
		for _, n := range f {
			p.Mul(p, big.NewInt(n))
		}
		return p
	}
	is := product(price.N, mid.D, 10_000)
	return is.Cmp(product(mid.N, price.D, 10_000+bps)) <= 0 && is.Cmp(product(mid.N, price.D, 10_000-min(bps, 10_000))) >= 0
}

// bpsText tells basis points as a percentage.
func bpsText(bps int64) string { return money.Price{Mantissa: bps, Scale: 2}.String() + "%" }

// fencedSubmission looks at the offers of a submission that its participant signed.
func (g *Gateway) fencedSubmission(instructions []ledger.Instruction, f *faults) error {
	for n, one := range instructions {
		at := "/submission/" + itoa(n)
		switch i := one.(type) {
		case *ledger.PlaceOffer:
			if err := g.fenced(i.Give.Currency, i.Want.Currency, i.Price, at, f); err != nil {
				return err
			}
		case *ledger.ReplaceOffers:
			for l := range i.Levels {
				give, want := i.Between(l)
				if err := g.fenced(give.Currency, want.Currency, i.Levels[l].Price, at, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
