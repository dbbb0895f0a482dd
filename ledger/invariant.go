package ledger

import (
	"fmt"

	"viaduct/internal/money"
)

// CheckInvariants checks the whole state, entry by entry: every asset's positions sum to zero, every
// balance is on its side of zero, every purse's net is the sum of its positions, the books hold just
// the live offers, in order, what is reserved is the sum of the holds, and the state hash equals one made from nothing. It is the slow twin of
// the checks that every block runs.
func (s *State) CheckInvariants() error {
	sums := make([]int64, len(s.assets))
	nets := make([]int64, len(s.purses))
	for i := range s.positions {
		p := &s.positions[i]
		sums[p.Asset] += p.Balance
		nets[p.Purse] += p.Balance
		if p.Own && p.Balance > 0 || !p.Own && p.Balance < 0 {
			return fmt.Errorf("%w: position %d has balance %d", ErrBroken, i, p.Balance)
		}
	}
	for a, sum := range sums {
		if sum != 0 {
			return fmt.Errorf("%w: the positions of asset %d sum to %d", ErrBroken, a, sum)
		}
	}
	for i, net := range nets {
		if s.purses[i].Net != net {
			return fmt.Errorf("%w: purse %d says %d, its positions %d", ErrBroken, i, s.purses[i].Net, net)
		}
	}
	if err := s.checkBooks(); err != nil {
		return err
	}
	if err := s.checkQueue(); err != nil {
		return err
	}
	if err := s.checkHolds(); err != nil {
		return err
	}
	if err := s.checkShown(); err != nil {
		return err
	}
	if got, want := s.Hash(), s.hashAfresh(); got != want {
		return fmt.Errorf("%w: state hash %x, from nothing %x", ErrBroken, got, want)
	}
	return nil
}

func (s *State) checkBooks() error {
	live, listed := 0, 0
	for i := range s.offers {
		if s.offers[i].Live {
			live++
		}
	}
	for _, book := range s.books {
		listed += len(book)
		for i, at := range book {
			if !s.offers[at].Live || i > 0 && s.compareOffers(book[i-1], at) >= 0 {
				return fmt.Errorf("%w: offer %d out of place", ErrBroken, at)
			}
		}
	}
	if live != listed || live != len(s.byOffer) {
		return fmt.Errorf("%w: %d offers, %d on books, %d by id", ErrBroken, live, listed, len(s.byOffer))
	}
	return nil
}

// checkHolds adds up the open holds: what is reserved of each position, purse and offer is just that, and
// no position has less.
func (s *State) checkHolds() error {
	type two struct{ out, in int64 }
	positions, purses, offers := make([]two, len(s.positions)), make([]two, len(s.purses)), make([]int64, len(s.offers))
	at := func(p PosID, out, in int64) {
		for _, t := range []*two{&positions[p], &purses[s.positions[p].Purse]} {
			t.out += out
			t.in += in
		}
	}
	open := 0
	for i := range s.holds {
		h := &s.holds[i]
		if !h.Live {
			continue
		}
		open++
		for j := range h.Flows {
			f := &h.Flows[j]
			if f.Kind == Fill {
				if o := s.standing(f); o != None {
					offers[o] += f.Out
				}
				continue
			}
			p := PosID(f.Arc)
			own := s.assets[s.positions[p].Asset].Own
			switch f.Kind {
			case Give:
				at(p, f.In, 0)
			case Take:
				at(p, 0, f.Out)
			case Redeem:
				at(p, f.In, 0)
				at(own, 0, f.In)
			case Issue:
				at(own, f.Out, 0)
				at(p, 0, f.Out)
			}
		}
	}
	for i := range s.positions {
		p := &s.positions[i]
		if (two{p.HeldOut, p.HeldIn}) != positions[i] || s.Available(PosID(i)) < 0 || p.Own && s.Headroom(PosID(i)) < 0 {
			return fmt.Errorf("%w: position %d has %d and %d held of %d, its holds %+v", ErrBroken, i, p.HeldOut, p.HeldIn, p.Balance, positions[i])
		}
	}
	for i := range s.purses {
		if p := &s.purses[i]; (two{p.HeldOut, p.HeldIn}) != purses[i] {
			return fmt.Errorf("%w: purse %d has %d and %d held, its holds %+v", ErrBroken, i, p.HeldOut, p.HeldIn, purses[i])
		}
	}
	for i := range s.offers {
		if o := &s.offers[i]; o.Held != offers[i] || o.Held > o.Remaining {
			return fmt.Errorf("%w: offer %d has %d held of %d, its holds %d", ErrBroken, i, o.Held, o.Remaining, offers[i])
		}
	}
	if open != len(s.byHold) {
		return fmt.Errorf("%w: %d holds, %d by id", ErrBroken, open, len(s.byHold))
	}
	return nil
}

// checkShown checks that what each dealer's offers show, all taken, keeps its bounds.
func (s *State) checkShown() error {
	for i := range s.participants {
		p := &s.participants[i]
		left := s.rooms(PartID(i))
		for _, at := range p.offers {
			o := &s.offers[at]
			cost, err := o.Price.Cost(o.Shown, money.RoundUp)
			if err != nil || o.Shown < 0 || o.Shown > o.Remaining || len(p.stocks) == 0 && o.Shown != o.Remaining {
				return fmt.Errorf("%w: offer %d shows %d of %d", ErrBroken, at, o.Shown, o.Remaining)
			}
			s.each(PartID(i), s.assets[o.Give].Currency, s.assets[o.Want].Currency, func(n int, gives bool) {
				if gives {
					left.give[n] -= o.Shown
				} else {
					left.take[n] -= cost
				}
			})
		}
		for n, id := range p.stocks {
			if left.give[n] < 0 || left.take[n] < 0 {
				return fmt.Errorf("%w: the offers of participant %d show more than its bound %d", ErrBroken, i, id)
			}
		}
	}
	return nil
}

// hashAfresh returns the state hash with every page hashed again.
func (s *State) hashAfresh() Hash {
	kept := s.trees
	s.trees = [tableCount]tree{}
	for table, n := range s.tableLengths() {
		for i := 0; i < n; i += pageEntries {
			s.trees[table].touch(i)
		}
	}
	h := s.Hash()
	s.trees = kept
	return h
}
