package fx

import (
	"bytes"
	"runtime"
	"slices"
	"testing"

	"viaduct/ledger"
)

// openMarket puts a benchmark's market into a ledger: an issuer for each asset, makers with the offers
// and what they give, a sender with some of each asset, and a receiver that accepts them all.
func openMarket(t *testing.T, b *Benchmark) (w *world, assets []ledger.AssetName, sender, receiver ledger.BIC) {
	w = newWorld(t)
	sender, receiver = bic(1), bic(2)
	const each = 5_000 // offers of one maker
	makers := []ledger.BIC{}
	for i := range (len(b.offers) + each - 1) / each {
		makers = append(makers, bic(10+i))
	}
	w.admit(append(makers, sender, receiver)...)
	funds := make([]map[ledger.BIC]int64, len(b.graph.places))
	for i, o := range b.offers {
		if funds[o.give] == nil {
			funds[o.give] = map[ledger.BIC]int64{}
		}
		funds[o.give][makers[i/each]] += o.amount
	}
	for i := range funds {
		a := assetOf([]string{"EUR", "GBP", "JPY", "USD"}[i%4], bic(100+i))
		assets = append(assets, a)
		w.admit(a.Issuer)
		for _, who := range append(makers, sender, receiver) {
			w.must(who, plainLine(a, ledger.MaxUnits/4))
		}
		w.must(a.Issuer, w.pay(sender, a, a, ledger.MaxUnits/8, ledger.MaxUnits))
		for _, maker := range makers {
			if funds[i][maker] > 0 {
				w.must(a.Issuer, w.pay(maker, a, a, funds[i][maker], ledger.MaxUnits))
			}
		}
	}
	var offers []ledger.Instruction
	for _, o := range b.offers {
		offers = append(offers, w.offer(assets[o.give], assets[o.want], o.amount, o.price.N, o.price.D))
	}
	for i, some := range slices.Collect(slices.Chunk(offers, each/10)) {
		w.must(makers[i/10], some...)
	}
	return w, assets, sender, receiver
}

// restored is the state as a node has it that starts from a snapshot.
func (w *world) restored(t *testing.T, g *ledger.Genesis) *ledger.State {
	var snapshot bytes.Buffer
	if err := w.state.WriteSnapshot(&snapshot); err != nil {
		t.Fatal(err)
	}
	s, err := ledger.RestoreSnapshot(&snapshot, g)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestKnownOptimaFromSnapshot solves the markets with known optima on a ledger. A router that saw each
// change come, one on the state restored from a snapshot, and a quoter give the same flows to the last
// byte, with one processor and with eight; and they are the optimum.
func TestKnownOptimaFromSnapshot(t *testing.T) {
	for _, name := range []string{"d20", "h50"} {
		t.Run(name, func(t *testing.T) {
			b := loadShared(t, name)
			w, assets, sender, receiver := openMarket(t, b)
			ask := func(p *BenchmarkPayment, send bool) *ledger.Request {
				pay := w.pay(receiver, assets[p.From], assets[p.To], p.Deliver, ledger.MaxUnits)
				if send {
					pay.Mode, pay.Amount, pay.Bound = ledger.ExactSend, p.Spend, 0
				}
				return w.request(sender, pay)
			}
			same := func(optimal bool) {
				t.Helper()
				fromSnapshot := New(w.restored(t, w.genesis))
				quoter := w.router.NewQuoter(w.state.Height())
				for i := range b.Payments {
					p := &b.Payments[i]
					for _, send := range []bool{false, true} {
						var first, second, third ledger.Plan
						req := ask(p, send)
						before := runtime.GOMAXPROCS(1)
						outcome := w.router.Route(req, &first)
						runtime.GOMAXPROCS(8)
						if again := fromSnapshot.Route(req, &second); again != outcome || !slices.Equal(first.Flows, second.Flows) {
							t.Fatalf("payment %d: %v %+v, from a snapshot %v %+v", i, outcome, first, again, second)
						}
						if q := quoter.Quote(req); q.Outcome != outcome || !slices.Equal(first.Flows, q.Plan.Flows) {
							t.Fatalf("payment %d: %v %+v, quoted %v %+v", i, outcome, first, q.Outcome, q.Plan)
						}
						w.router.Route(req, &third)
						runtime.GOMAXPROCS(before)
						if !slices.Equal(first.Flows, third.Flows) {
							t.Fatalf("payment %d: with eight processors %+v, with one %+v", i, third, first)
						}
						if !optimal {
							continue
						}
						above, err := Above(first.Source, p.BestSource)
						if send {
							above, err = Above(first.Delivered, p.BestDeliver)
							above = -above
						}
						if outcome != ledger.Applied || err != nil || above > max(maxAbove, 8_000_000_000_000/first.Source) {
							t.Errorf("payment %d, send %v: %v, %d ppt from the optimum, %v", i, send, outcome, above, err)
						}
					}
				}
			}
			same(true)
			for i := range 8 {
				p := &b.Payments[i]
				w.do(sender, w.pay(receiver, assets[p.From], assets[p.To], p.Deliver, ledger.MaxUnits))
			}
			same(false)
		})
	}
}
