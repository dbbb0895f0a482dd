package fx

import (
	"slices"
	"testing"

	"viaduct/ledger"
)

// TestRandomLedgers runs random changes and payments through a ledger with the router attached. The
// ledger checks every plan in full; a router built anew from the state must give the same answers,
// to payments and about gainful cycles, byte for byte.
func TestRandomLedgers(t *testing.T) {
	var applied, multi int
	for seed := range uint64(60) {
		x := newRandom(t, seed, 3+int(seed%5), 30, 20, int(seed%3)*25)
		for range 60 {
			x.change(int(seed%3) * 25)
			fresh := New(x.state)
			for range 4 {
				by, pay := x.payment()
				var a, b ledger.Plan
				req := x.request(by, pay)
				got, want := x.router.Route(req, &a), fresh.Route(req, &b)
				for _, m := range []*market{x.router.market, fresh.market} {
					if m.ends(req) == ledger.Applied {
						m.start(req)
						if bad := m.badPotential(); bad != "" {
							t.Fatalf("seed %d, fresh %v: %s", seed, m == fresh.market, bad)
						}
						m.finish()
					}
				}
				if got != want || a.Source != b.Source || a.Delivered != b.Delivered || !slices.Equal(a.Flows, b.Flows) {
					t.Fatalf("seed %d, %+v: incremental graph says %v %+v, rebuilt %v %+v", seed, *req, got, a, want, b)
				}
				if got == ledger.Applied {
					applied++
					if fills := count(a.Flows, ledger.Fill); fills > 1 {
						multi++
					}
				}
			}
			if a, b := x.router.market.arcs(), fresh.market.arcs(); !slices.Equal(a, b) {
				for _, e := range a {
					if !slices.Contains(b, e) {
						t.Errorf("only in the incremental graph: %s", e)
					}
				}
				for _, e := range b {
					if !slices.Contains(a, e) {
						t.Errorf("only in the rebuilt graph: %s", e)
					}
				}
				t.Fatalf("seed %d: graphs differ", seed)
			}
			for i, o := range x.state.Offers() {
				if o.Live && x.router.Gainful(ledger.OfferIdx(i)) != fresh.Gainful(ledger.OfferIdx(i)) {
					t.Fatalf("seed %d: offer %d is gainful in one graph only: %+v %v %v", seed, i, o, x.router.Gainful(ledger.OfferIdx(i)), x.router.market.held)
				}
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d payments had a route, %d of them through several offers", applied, multi)
	if applied < 1000 || multi < 100 {
		t.Errorf("the random ledgers are too poor to show anything")
	}
}

func count(flows []ledger.Flow, kind ledger.FlowKind) (n int) {
	for _, f := range flows {
		if f.Kind == kind {
			n++
		}
	}
	return n
}
