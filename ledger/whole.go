package ledger

import "slices"

// undo remembers what the payments of a submission of all or none do to the offers, so that a refusal
// of one takes back those before it. Their balances are taken back from the results' postings. Ids that
// were used stay used, as those of every refused payment do.
type undo struct {
	on    bool
	fills []offerBefore
	holds []HoldIdx // that the submission used or released
	ended int       // how many offers had left when the submission began
	nets  []netBefore
}

// offerBefore is an offer as it stood before a fill.
type offerBefore struct {
	at    OfferIdx
	place int // in its maker's list
	offer Offer
}

func (u *undo) begin(s *State) {
	u.on, u.fills, u.ended, u.nets = true, u.fills[:0], len(s.touched.ended), u.nets[:0]
	u.holds = u.holds[:0]
}

// netBefore is a dealer's count as it stood before a fill.
type netBefore struct {
	id  StockID
	net int64
}

// counted is told of each count before it changes.
func (u *undo) counted(s *State, id StockID) {
	if u.on {
		u.nets = append(u.nets, netBefore{id, s.stocks[id].Net})
	}
}

// filled is told of each fill before it happens.
func (u *undo) filled(s *State, at OfferIdx) {
	if u.on {
		o := s.offers[at]
		u.fills = append(u.fills, offerBefore{at, slices.Index(s.participants[o.Maker].offers, at), o})
	}
}

// end closes the submission whose results begin at first, and when one was refused takes back what the
// others did, last first, so that each step finds what it left.
func (u *undo) end(s *State, refused bool, first int) error {
	u.on = false
	if !refused {
		return s.closeHolds(u.holds, false)
	}
	results := s.block.Results[first:]
	for i := len(results) - 1; i >= 0; i-- {
		r := &results[i]
		if r.Outcome != Applied {
			continue
		}
		for _, p := range slices.Backward(r.Postings) {
			s.unpost(p)
		}
		r.Outcome, r.Source, r.Delivered = BatchRefused, 0, 0
		r.Moves, r.Postings = r.Moves[:0], r.Postings[:0]
	}
	for _, f := range slices.Backward(u.fills) {
		s.unfill(&f)
	}
	for _, n := range slices.Backward(u.nets) {
		s.stocks[n.id].Net = n.net
		s.stir(s.stocks[n.id].Participant)
	}
	s.settleShown()
	s.touched.ended = s.touched.ended[:u.ended]
	if err := s.closeHolds(u.holds, true); err != nil {
		return err
	}
	return s.touched.balanced()
}

func (s *State) unpost(p Posting) {
	pos := &s.positions[p.Pos]
	purse := &s.purses[pos.Purse]
	pos.Balance -= p.Delta
	purse.Net -= p.Delta
	s.touched.position(s, p.Pos)
	s.touched.purse(s, pos.Purse)
	s.touched.sum(pos.Asset, -p.Delta, !pos.Own && pos.Balance < 0 || pos.Own && pos.Balance > 0)
}

// unfill puts an offer back as it stood. One that had left the book finds its slot on top of the free
// ones: nothing is placed while payments run.
func (s *State) unfill(f *offerBefore) {
	gone := !s.offers[f.at].Live
	s.offers[f.at] = f.offer
	if gone {
		s.freeOffer, s.nextFree[f.at] = s.nextFree[f.at], None
		maker := &s.participants[f.offer.Maker]
		maker.offers = slices.Insert(maker.offers, f.place, f.at)
		s.byOffer[f.offer.ID] = f.at
		s.enterBook(f.at)
		if f.offer.Expires > s.time {
			s.stale--
		}
	}
	s.touched.offer(s, f.at)
}
