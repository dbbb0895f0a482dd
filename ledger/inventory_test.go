package ledger_test

import (
	"fmt"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"

	"pgregory.net/rapid"
)

// inventory reads "inventory DEALER CURRENCY [against=CURRENCY] [long=amount] [short=amount] [net=amount]".
func (w *world) inventory(a args) *ledger.SetInventory {
	i := &ledger.SetInventory{Currency: money.MustCurrency(a.words[2]), Long: ledger.NoLimit, Short: ledger.NoLimit}
	of := ledger.AssetName{Currency: i.Currency}
	if a.has("against") {
		i.Counter = money.MustCurrency(a.named["against"])
	}
	if a.has("long") {
		i.Long = w.units(of, a.named["long"])
	}
	if a.has("short") {
		i.Short = w.units(of, a.named["short"])
	}
	if i.SetNet = a.has("net"); i.SetNet {
		i.Net = w.units(of, a.named["net"])
	}
	return i
}

// stocks tells every count, and what the offers of those who count show.
func (w *world) stocks() (out []string) {
	limit := func(n int64, c money.Currency) string {
		if n == ledger.NoLimit {
			return "any"
		}
		return money.New(n, c).Value()
	}
	for _, p := range w.state.Stocks() {
		pair := p.Currency.String()
		if p.Counter != 0 {
			pair += "/" + p.Counter.String()
		}
		out = append(out, fmt.Sprintf("%s %-8s %s, long %s, short %s", w.state.Participants()[p.Participant].BIC, pair, money.New(p.Net, p.Currency).Value(), limit(p.Long, p.Currency), limit(p.Short, p.Currency)))
	}
	for _, o := range w.state.Offers() {
		if o.Live {
			give := w.state.AssetName(o.Give)
			out = append(out, fmt.Sprintf("  %s %s at %d/%d shows %s of %s", w.state.Participants()[o.Maker].BIC, give.Currency, o.Price.N, o.Price.D, money.New(o.Shown, give.Currency).Value(), money.New(o.Remaining, give.Currency).Value()))
		}
	}
	return out
}

// TestInventoriesHold sets random bounds beside trades, ladders and payments. After every step: a count moved by
// just what the moves say of the dealer's offers; no fill took it past a bound, or further past one that was
// lowered behind it; and a replay agrees, a restored snapshot included.
func TestInventoriesHold(t *testing.T) {
	fewer(t, 10)
	var moved, bound int
	rapid.Check(t, func(rt *rapid.T) {
		m := newMarket(rt)
		var last *ledger.ReplaceOffers
		for range 4 + m.below(30, "steps") {
			before := map[ledger.StockID]ledger.Stock{}
			for id, s := range m.state.Stocks() {
				before[ledger.StockID(id)] = s
			}
			set := false
			switch m.below(10, "step") {
			case 0, 1, 2:
				set = true
				i := &ledger.SetInventory{Currency: m.asset("currency").Currency, Long: m.number("long", -1, 0, 500, 100_000), Short: m.number("short", -1, 0, 500, 100_000)}
				if c := m.asset("counter").Currency; c != i.Currency && m.chance(50) {
					i.Counter = c
				}
				if i.SetNet = m.chance(20); i.SetNet {
					i.Net = m.number("net", -600, 0, 1_000)
				}
				m.step(m.names[4+m.below(2, "dealer")], i)
			case 3, 4:
				last = m.randomLadder(last)
				m.step(m.names[4+m.below(2, "dealer")], last)
			case 5, 6:
				m.step(m.trade())
			default:
				m.step(m.order())
			}
			want := map[ledger.StockID]int64{}
			r := &m.block.Results[0]
			for _, f := range r.Moves {
				if f.Kind == ledger.Fill {
					m.expect(want, f.Holder, f.Asset.Currency, f.Want.Currency, f.Out, f.In)
				}
			}
			if o, ok := r.Instruction.(*ledger.PlaceOffer); ok && r.Delivered > 0 {
				m.expect(want, r.Participant, o.Give.Currency, o.Want.Currency, r.Source, r.Delivered)
			}
			for id, s := range m.state.Stocks() {
				id := ledger.StockID(id)
				was, old := before[id]
				if _, ladder := r.Instruction.(*ledger.ReplaceOffers); set || !old || ladder && s.Participant == m.state.FindParticipant(r.Participant) {
					continue // its own doing, or what it took with fees beside
				}
				if s.Net != was.Net+want[id] {
					rt.Fatalf("count %+v, before %+v, the moves bring %d", s, was, want[id])
				}
				if s.Net != was.Net {
					moved++
				}
				over := s.Long != ledger.NoLimit && s.Net > max(s.Long, was.Net) || s.Short != ledger.NoLimit && s.Net < min(-s.Short, was.Net)
				if over {
					rt.Fatalf("count %+v went past its bound, before %+v: %+v", s, was, r)
				}
			}
			for _, o := range m.state.Offers() {
				if o.Live && o.Shown < o.Remaining {
					bound++
				}
			}
		}
		if m.replay() != m.state.Hash() {
			rt.Fatal("replay gives another state hash")
		}
	})
	if moved == 0 || bound == 0 {
		t.Errorf("%d counts moved, %d offers bounded: want some of each", moved, bound)
	}
}

// expect adds what an offer that gave and took brings to its maker's counts.
func (m *market) expect(want map[ledger.StockID]int64, maker ledger.BIC, gave, took money.Currency, out, in int64) {
	for id, s := range m.state.Stocks() {
		if m.state.Participants()[s.Participant].BIC != maker {
			continue
		}
		if s.Currency == gave && (s.Counter == 0 || s.Counter == took) {
			want[ledger.StockID(id)] -= out
		}
		if s.Currency == took && (s.Counter == 0 || s.Counter == gave) {
			want[ledger.StockID(id)] += in
		}
	}
}
