package ledger

import "fmt"

// CheckInvariants checks the whole state, entry by entry: every asset's positions sum to zero, every
// balance is on its side of zero, every purse's net is the sum of its positions, the books hold just
// the live offers, in order, and the state hash equals one made from nothing. It is the slow twin of
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
