package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"

	"pgregory.net/rapid"
)

var forces = map[string]ledger.TimeInForce{
	"gtc": ledger.GoodTillCancelled, "ioc": ledger.ImmediateOrCancel, "fok": ledger.FillOrKill, "passive": ledger.Passive,
}

// ladder reads "ladder MAKER base=EUR@A,EUR@B quote=USD@C sell=amount@price[,...] buy=...", the first assets of
// both sides being meant; a level's amount is of what it gives, and its price in quote for base.
func (w *world) ladder(a args) *ledger.ReplaceOffers {
	w.count++
	i := &ledger.ReplaceOffers{ID: ladderID(w.count), Force: forces[a.named["force"]]}
	for text := range strings.SplitSeq(a.named["base"], ",") {
		i.Base = append(i.Base, asset(text))
	}
	for text := range strings.SplitSeq(a.named["quote"], ",") {
		i.Quote = append(i.Quote, asset(text))
	}
	if a.has("expires") {
		i.Expires = w.now + w.ms(a.named["expires"])
	}
	for _, side := range []string{"sell", "buy"} {
		if !a.has(side) {
			continue
		}
		for text := range strings.SplitSeq(a.named[side], ",") {
			amount, price, _ := strings.Cut(text, "@")
			l := ledger.Level{Sell: side == "sell", Price: w.price(i.Base[0], i.Quote[0], price)}
			l.Amount = w.units(i.Base[0], amount)
			if !l.Sell {
				l.Amount = w.units(i.Quote[0], amount)
				l.Price.N, l.Price.D = l.Price.D, l.Price.N
			}
			i.Levels = append(i.Levels, l)
		}
	}
	i.Sort()
	return i
}

func ladderID(n int) ledger.ID {
	id := idOf(fmt.Sprint("ladder", n))
	id[14], id[15] = 0, 0
	return id
}

// book tells a book in the order in which it is hit.
func (w *world) book(give, want ledger.AssetName) (out []string) {
	for _, at := range w.state.Book(w.state.FindAsset(give), w.state.FindAsset(want)) {
		o := w.state.Offers()[at]
		out = append(out, fmt.Sprintf("  %s %s at %d/%d", w.state.Participants()[o.Maker].BIC, money.New(o.Remaining, give.Currency), o.Price.N, o.Price.D))
	}
	return out
}

// TestLaddersMatchTheModel replaces random ladders beside trades and payments. After every one: what stands
// between the ladder's assets is just its levels; a level that was there already kept its id and place; no
// level is filled past its amount or below its price (market.step), and nothing changed when it is refused.
func TestLaddersMatchTheModel(t *testing.T) {
	fewer(t, 10)
	var applied, kept, took, refused, lapsed int
	rapid.Check(t, func(rt *rapid.T) {
		m := newMarket(rt)
		var last *ledger.ReplaceOffers
		for range 4 + m.below(20, "steps") {
			if m.chance(50) {
				m.step(m.trade())
				continue
			}
			if m.chance(30) {
				m.now += 1_000
				m.apply()
				m.after()
				m.step(m.order())
				continue
			}
			by := m.names[4+m.below(2, "dealer")]
			i := m.randomLadder(last)
			last = i
			before := slices.Clone(m.state.Offers())
			m.step(by, i)
			r := m.block.Results[0]
			if r.Outcome != ledger.Applied {
				refused++
				continue
			}
			applied++
			if len(r.Moves) > 0 {
				took++
			}
			if i.Expires != 0 {
				lapsed++
			}
			kept += m.checkLadder(rt, by, i, before, &r)
		}
		if m.replay() != m.state.Hash() {
			rt.Fatal("replay gives another state hash")
		}
	})
	if applied == 0 || kept == 0 || took == 0 || refused == 0 || lapsed == 0 {
		t.Errorf("%d applied, %d levels kept, %d took at once, %d refused, %d with an expiry: want some of each", applied, kept, took, refused, lapsed)
	}
}

// randomLadder is the last one with a level more or less, or any.
func (m *market) randomLadder(last *ledger.ReplaceOffers) *ledger.ReplaceOffers {
	m.count++
	if last != nil && m.chance(60) {
		again := *last
		again.ID, again.Expires = ladderID(m.count), 0
		again.Levels = slices.DeleteFunc(slices.Clone(last.Levels), func(ledger.Level) bool { return m.chance(20) })
		return &again
	}
	i := &ledger.ReplaceOffers{ID: ladderID(m.count), Force: draw(m, "force", []ledger.TimeInForce{0, 0, 0, ledger.Passive})}
	base, quote := m.asset("base"), m.asset("quote")
	for base.Currency == quote.Currency {
		base, quote = m.asset("base"), m.asset("quote")
	}
	for _, a := range m.assets {
		if a.Currency == base.Currency && (a == base || m.chance(50)) {
			i.Base = append(i.Base, a)
		}
		if a.Currency == quote.Currency && (a == quote || m.chance(50)) {
			i.Quote = append(i.Quote, a)
		}
	}
	byIssuer := func(a, b ledger.AssetName) int { return strings.Compare(a.Issuer.String(), b.Issuer.String()) }
	slices.SortFunc(i.Base, byIssuer)
	slices.SortFunc(i.Quote, byIssuer)
	if m.chance(30) {
		i.Expires = m.now + m.number("expires", 1, 1_000, 3_600_000)
	}
	skew := m.number("skew", -40, 0, 0, 40) // below mid one way, and as much above it the other
	for range m.below(8, "levels") {
		l := ledger.Level{Sell: m.chance(50), Base: uint8(m.below(len(i.Base), "base")), Quote: uint8(m.below(len(i.Quote), "quote")), Amount: m.number("amount", 100, 1_000)}
		give, want := worth[base.Currency.String()], worth[quote.Currency.String()]
		if !l.Sell {
			give, want = want, give
		}
		over := m.number("per mille", -20, 1, 2, 3, 10) + skew
		if !l.Sell {
			over -= 2 * skew
		}
		l.Price, _ = ledger.NewPrice(give*(1_000+over), want*1_000)
		i.Levels = append(i.Levels, l)
	}
	i.Sort()
	i.Levels = slices.CompactFunc(i.Levels, func(a, b ledger.Level) bool {
		return a.Sell == b.Sell && a.Base == b.Base && a.Quote == b.Quote && a.Price == b.Price
	})
	return i
}

// checkLadder compares what stands with the levels, and returns how many of them were there before.
func (m *market) checkLadder(rt *rapid.T, by string, i *ledger.ReplaceOffers, before []ledger.Offer, r *ledger.Result) (kept int) {
	given := map[ledger.ID]int64{} // by the levels, at once
	maker := m.state.FindParticipant(ledger.MustBIC(by))
	var sell, buy *ledger.Offer
	levels := map[string]int{}
	for n := range i.Levels {
		give, want := i.Between(n)
		levels[fmt.Sprint(give, want, i.Levels[n].Price)] = n
	}
	standing := map[int]bool{}
	for at := range m.state.Offers() {
		o := &m.state.Offers()[at]
		if !o.Live || o.Maker != maker {
			continue
		}
		give, want := m.state.AssetName(o.Give), m.state.AssetName(o.Want)
		sells := slices.Contains(i.Base, give) && slices.Contains(i.Quote, want)
		if !sells && !(slices.Contains(i.Quote, give) && slices.Contains(i.Base, want)) {
			continue
		}
		n, ok := levels[fmt.Sprint(give, want, o.Price)]
		if !ok || standing[n] || o.Remaining > i.Levels[n].Amount || o.Expires != i.Expires {
			rt.Fatalf("an offer stands that is no level of the ladder: %+v", o)
		}
		standing[n] = true
		old := slices.IndexFunc(before, func(b ledger.Offer) bool { return b.Live && b.ID == o.ID })
		was := slices.ContainsFunc(before, func(b ledger.Offer) bool {
			return b.Live && b.Maker == maker && b.Give == o.Give && b.Want == o.Want && b.Price == o.Price && b.Remaining == i.Levels[n].Amount
		})
		switch {
		case was != (old >= 0):
			rt.Fatalf("level %d was there: %v; kept: %v", n, was, old >= 0)
		case old >= 0 && (before[old].Seq != o.Seq || o.Remaining != i.Levels[n].Amount):
			rt.Fatalf("level %d was kept, and lost its place: %+v, now %+v", n, before[old], o)
		case old >= 0:
			kept++
		case o.ID != i.LevelID(n):
			rt.Fatalf("level %d has id %x", n, o.ID)
		}
		given[o.ID] = i.Levels[n].Amount - o.Remaining
		best := &buy
		if sells {
			best = &sell
		}
		if *best == nil || float64(o.Price.N)/float64(o.Price.D) < float64((*best).Price.N)/float64((*best).Price.D) {
			*best = o
		}
	}
	if len(r.Moves) == 0 && len(standing) != len(i.Levels) {
		rt.Fatalf("%d of %d levels stand, and nothing was taken", len(standing), len(i.Levels))
	}
	if sell != nil && buy != nil && float64(sell.Price.N)*float64(buy.Price.N) < float64(sell.Price.D)*float64(buy.Price.D)*(1-1e-12) {
		rt.Fatalf("the ladder crosses itself: %v, %v", sell.Price, buy.Price)
	}
	return kept
}

// TestLadderOfAThousand replaces the largest ladder there may be, with all its assets.
func TestLadderOfAThousand(t *testing.T) {
	w := newWorldOf(t, fxRouter)
	var banks []string
	for n := range 8 {
		banks = append(banks, "BANK"+string(rune('A'+n))+"A2L")
	}
	for _, b := range append(banks, "XCHGSGSG") {
		w.run("admit " + b)
	}
	i := &ledger.ReplaceOffers{}
	for _, b := range banks {
		i.Base, i.Quote = append(i.Base, asset("EUR@"+b)), append(i.Quote, asset("USD@"+b))
		w.run("line XCHGSGSG EUR@" + b + " limit=1000.00")
		w.run("line XCHGSGSG USD@" + b + " limit=1000.00")
	}
	for n := range ledger.MaxLevels {
		l := ledger.Level{Sell: n%2 == 0, Base: uint8(n / 2 % 8), Quote: uint8(n / 16 % 8), Amount: 100 + int64(n)}
		l.Price, _ = ledger.NewPrice(2_000_003+int64(n), 1_000_003)
		if !l.Sell {
			l.Price, _ = ledger.NewPrice(1_000_003+int64(n), 2_000_003)
		}
		i.Levels = append(i.Levels, l)
	}
	i.Sort()
	for round := range 3 {
		i.ID = ladderID(round)
		for n := range i.Levels {
			i.Levels[n].Amount += int64(n % 2) // every other level is another one
		}
		if r := w.do("XCHGSGSG", i); r.Outcome != ledger.Applied || len(w.block.Leaves[0]) > ledger.MaxLeaf {
			t.Fatalf("%s, leaf of %d bytes", r.Outcome, len(w.block.Leaves[0]))
		}
		fresh := 0
		for _, o := range w.state.Offers() {
			if o.Live && o.ID[14]&0xfc == 0 && ladderID(round) == [16]byte(append(slices.Clone(o.ID[:14]), 0, 0)) {
				fresh++
			}
		}
		if want := []int{1000, 500, 500}[round]; fresh != want {
			t.Errorf("round %d: %d new offers, want %d", round, fresh, want)
		}
	}
	i.ID, i.Levels = ladderID(9), nil
	if r := w.do("XCHGSGSG", i); r.Outcome != ledger.Applied || len(w.state.Participants()[w.state.FindParticipant(ledger.MustBIC("XCHGSGSG"))].Purses()) == 0 {
		t.Error(r.Outcome)
	}
	for _, o := range w.state.Offers() {
		if o.Live {
			t.Fatal("an empty ladder leaves an offer")
		}
	}
}
