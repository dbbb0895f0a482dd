package ledger

import (
	"cmp"
	"slices"

	"viaduct/internal/money"
)

// A dealer may bound what its offers make of it: how long and how short it may come to be in a currency, over all
// its offers or those of one pair. What is counted is what its offers gave and took since it began to count,
// whether they were hit or took themselves; its payments are its own affair.
//
// The bounds are kept by what its offers show. The room that is left is divided over them, the best of each book
// first, and an offer is filled up to what it shows: whatever a payment takes from them together, no bound is
// passed, and neither the path search nor the check of a plan has to know of any.

// StockID is the index of one count of a dealer.
type StockID int32

// Stock is one count of a dealer, with its bounds.
type Stock struct {
	Participant PartID
	Currency    money.Currency
	Counter     money.Currency // against which it is counted; 0 for all
	Net         int64          // minor units of Currency: what offers took less what they gave
	Long, Short int64          // the most that Net and -Net may come to; NoLimit for any
}

// Bounds of inventories.
const (
	NoLimit = -1
	// MaxStocks bounds the counts of one participant.
	MaxStocks = 256
)

// SetInventory bounds what the signer's offers may make of it in a currency; a count that it has gets other
// bounds, and another value only where SetNet says so.
type SetInventory struct {
	Currency    money.Currency
	Counter     money.Currency // bounds the offers of one pair of currencies alone; 0 for all
	Long, Short int64          // minor units of Currency, or NoLimit
	SetNet      bool
	Net         int64
}

// Kind is KindSetInventory.
func (*SetInventory) Kind() Kind { return KindSetInventory }

func (i *SetInventory) encode(w *writer) {
	w.u16(uint16(i.Currency))
	w.u16(uint16(i.Counter))
	w.i64(i.Long)
	w.i64(i.Short)
	w.bool(i.SetNet)
	w.i64(i.Net)
}

func (i *SetInventory) decode(r *reader) {
	i.Currency, i.Counter = money.Currency(r.u16()), money.Currency(r.u16())
	i.Long, i.Short, i.SetNet, i.Net = r.i64(), r.i64(), r.bool(), r.i64()
}

func (s *State) setInventory(by BIC, i *SetInventory) Outcome {
	bad := func(n int64) bool { return n < NoLimit || n > MaxUnits }
	switch {
	case by == BIC{}:
		return NotAllowed
	case !s.currencies[i.Currency] || i.Counter != 0 && !s.currencies[i.Counter]:
		return UnknownCurrency
	case i.Currency == i.Counter:
		return SameAsset
	case bad(i.Long) || bad(i.Short) || i.Net < -MaxUnits || i.Net > MaxUnits || !i.SetNet && i.Net != 0:
		return BadLimit
	}
	who := s.FindParticipant(by)
	p := &s.participants[who]
	n := slices.IndexFunc(p.stocks, func(id StockID) bool {
		return s.stocks[id].Currency == i.Currency && s.stocks[id].Counter == i.Counter
	})
	if n < 0 {
		if len(p.stocks) == MaxStocks {
			return TooManyLimits
		}
		n = len(p.stocks)
		p.stocks = append(p.stocks, StockID(len(s.stocks)))
		s.stocks = append(s.stocks, Stock{Participant: who, Currency: i.Currency, Counter: i.Counter})
	}
	stock := &s.stocks[p.stocks[n]]
	stock.Long, stock.Short = i.Long, i.Short
	set(i.SetNet, &stock.Net, i.Net)
	s.touched.stock(s, p.stocks[n])
	s.stir(who)
	return Applied
}

// count notes that a dealer's offer gave out of one currency and took in of another.
func (s *State) count(maker PartID, give, want AssetID, out, in int64) {
	gave, took := s.assets[give].Currency, s.assets[want].Currency
	for _, id := range s.participants[maker].stocks {
		stock := &s.stocks[id]
		var delta int64
		if stock.Currency == gave && (stock.Counter == 0 || stock.Counter == took) {
			delta -= out
		}
		if stock.Currency == took && (stock.Counter == 0 || stock.Counter == gave) {
			delta += in
		}
		if delta != 0 {
			s.undo.counted(s, id)
			stock.Net = min(max(stock.Net+delta, -maxNet), maxNet) // who sets no bound may count for ever
			s.touched.stock(s, id)
		}
	}
	s.stir(maker)
}

// stir notes that what a dealer's offers show is to be divided again, if it has bounds.
func (s *State) stir(maker PartID) {
	if len(s.participants[maker].stocks) > 0 && !slices.Contains(s.stirred, maker) {
		s.stirred = append(s.stirred, maker)
	}
}

// settleShown divides again what is to be. It runs before anything is routed or taken.
func (s *State) settleShown() {
	for _, maker := range s.stirred {
		s.divideShown(maker)
	}
	s.stirred = s.stirred[:0]
}

// rooms is what is left of a dealer's bounds, stock by stock.
type rooms struct{ give, take []int64 }

// rooms returns what a dealer's bounds leave it to give and to take.
func (s *State) rooms(maker PartID) rooms {
	stocks := s.participants[maker].stocks
	r := rooms{make([]int64, len(stocks)), make([]int64, len(stocks))}
	for n, id := range stocks {
		stock := &s.stocks[id]
		r.give[n], r.take[n] = MaxUnits, MaxUnits
		if stock.Short != NoLimit {
			r.give[n] = max(0, stock.Short+stock.Net)
		}
		if stock.Long != NoLimit {
			r.take[n] = max(0, stock.Long-stock.Net)
		}
	}
	if len(stocks) > 0 {
		s.leaveHeld(maker, r)
	}
	return r
}

// leaveHeld takes off the rooms what firm quotes hold of a dealer's offers, which will be filled whatever its
// bounds say by then.
func (s *State) leaveHeld(maker PartID, r rooms) {
	for _, at := range s.participants[maker].offers {
		o := &s.offers[at]
		if o.Held == 0 {
			continue
		}
		cost, err := o.Price.Cost(o.Held, money.RoundUp)
		if err != nil {
			cost = MaxUnits
		}
		s.each(maker, s.assets[o.Give].Currency, s.assets[o.Want].Currency, func(n int, gives bool) {
			if gives {
				r.give[n] = max(0, r.give[n]-o.Held)
			} else {
				r.take[n] = max(0, r.take[n]-cost)
			}
		})
	}
}

// each calls f with the places of the rooms that an offer between two currencies gives from and takes into.
func (s *State) each(maker PartID, gave, took money.Currency, f func(n int, gives bool)) {
	for n, id := range s.participants[maker].stocks {
		stock := &s.stocks[id]
		if stock.Currency == gave && (stock.Counter == 0 || stock.Counter == took) {
			f(n, true)
		}
		if stock.Currency == took && (stock.Counter == 0 || stock.Counter == gave) {
			f(n, false)
		}
	}
}

// least returns how much an offer between two currencies may give and take within the rooms.
func (s *State) least(r rooms, maker PartID, gave, took money.Currency) (give, take int64) {
	give, take = MaxUnits, MaxUnits
	s.each(maker, gave, took, func(n int, gives bool) {
		if gives {
			give = min(give, r.give[n])
		} else {
			take = min(take, r.take[n])
		}
	})
	return give, take
}

// divideShown says anew what each of a dealer's offers shows: the first of each book in the order of their
// arrival, then the second of each, and so on, each as much as the rooms have left.
func (s *State) divideShown(maker PartID) {
	offers := append(s.shownOrder[:0], s.participants[maker].offers...)
	s.shownOrder = offers
	slices.SortFunc(offers, func(a, b OfferIdx) int {
		x, y := &s.offers[a], &s.offers[b]
		return cmp.Or(cmp.Compare(x.Give, y.Give), cmp.Compare(x.Want, y.Want), s.compareOffers(a, b))
	})
	rank := int64(0)
	ranks := make(map[OfferIdx]int64, len(offers))
	for n, at := range offers {
		if n > 0 && (s.offers[at].Give != s.offers[offers[n-1]].Give || s.offers[at].Want != s.offers[offers[n-1]].Want) {
			rank = 0
		}
		ranks[at] = rank
		rank++
	}
	slices.SortFunc(offers, func(a, b OfferIdx) int {
		return cmp.Or(cmp.Compare(ranks[a], ranks[b]), cmp.Compare(s.offers[a].Seq, s.offers[b].Seq))
	})
	left := s.rooms(maker)
	for _, at := range offers {
		o := &s.offers[at]
		gave, took := s.assets[o.Give].Currency, s.assets[o.Want].Currency
		give, take := s.least(left, maker, gave, took)
		shown := min(o.Remaining-o.Held, give)
		if n, _, err := money.MulDiv(take, o.Price.D, o.Price.N, money.RoundDown); err == nil {
			shown = min(shown, n)
		}
		cost, err := o.Price.Cost(shown, money.RoundUp)
		if err != nil {
			shown, cost = 0, 0
		}
		s.each(maker, gave, took, func(n int, gives bool) {
			if gives {
				left.give[n] -= shown
			} else {
				left.take[n] -= cost
			}
		})
		if o.Shown != shown {
			o.Shown = shown
			s.touched.offer(s, at)
		}
	}
}
