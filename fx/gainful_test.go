package fx

import (
	"testing"

	"viaduct/ledger"
)

// TestGainfulOfNewOffer: whether a new offer closes a gainful cycle does not depend on which market the router
// read before. One had not come to the slot yet, the other still had in it what stood there; and the offer's
// maker deals in nothing else, so that the arcs into its line come with it.
func TestGainfulOfNewOffer(t *testing.T) {
	w := newWorld(t)
	usd, eur, gbp := assetOf("USD", bic(1)), assetOf("EUR", bic(2)), assetOf("GBP", bic(3))
	one, other := bic(4), bic(5)
	w.admit(bic(1), bic(2), bic(3), one, other)
	for _, who := range []ledger.BIC{one, other} {
		for _, a := range []ledger.AssetName{usd, eur, gbp} {
			w.must(who, plainLine(a, 1_000_000))
			w.must(a.Issuer, w.pay(who, a, a, 100_000, 100_000))
		}
	}
	w.must(one, w.offer(eur, usd, 10_000, 1, 1), w.offer(gbp, eur, 10_000, 1, 1))
	old, closing := w.offer(usd, gbp, 10_000, 3, 1), w.offer(usd, gbp, 10_000, 9, 10)
	w.must(other, old)
	for _, known := range []bool{false, true} {
		router := New(w.state)
		if known {
			router.sync(none)
		}
		w.state.Attach(blind{router})
		w.must(other, &ledger.CancelOffer{ID: old.ID}, closing)
		at := w.state.FindOffer(closing.ID)
		if !router.Gainful(at) {
			t.Errorf("slot known %v: the offer closes no gainful cycle", known)
		}
		old, closing = closing, w.offer(usd, gbp, 10_000, 9, 10)
	}
}

// blind is a router that tells of no gainful cycle, so that no offer is marked.
type blind struct{ *Router }

func (blind) Gainful(ledger.OfferIdx) bool                   { return false }
func (blind) HeldOut(to []ledger.OfferIdx) []ledger.OfferIdx { return to }
