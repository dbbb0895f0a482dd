package ledger

import "viaduct/internal/money"

// narrowed is what the makers of offers and those who let value ripple offer less while a hold is
// sought, because of the terms they have for holds.
type narrowed struct {
	rooms  map[OfferIdx]int64 // the most of an offer
	still  map[PartID]bool    // whose lines do not ripple
	mine   map[OfferIdx]int64 // what the participant holds already
	makers []PartID
	idle   []PartID // as still
}

func newNarrowed() narrowed {
	return narrowed{rooms: make(map[OfferIdx]int64), still: make(map[PartID]bool), mine: make(map[OfferIdx]int64)}
}

// maxNarrowings bounds the searches for one hold.
const maxNarrowings = 32

// planHold leaves the flows of a hold in the plan. It searches the market as it is, and only when the
// answer takes more of somebody than its terms allow again, with those kept to them: what is cheapest in
// the wider market and keeps to all terms is cheapest.
func (s *State) planHold(by PartID, i *PlaceHold) Outcome {
	pay := i.payment()
	req := Request{
		From: by, To: s.FindParticipant(i.To), Send: i.Send.Currency, Deliver: i.Deliver.Currency,
		SendAsset: None, DeliverAsset: None, Amount: i.Amount, Bound: i.Bound, ExactSend: i.Mode == ExactSend,
	}
	if outcome := s.narrow(&req, &pay); outcome != Applied {
		return outcome
	}
	defer s.widen()
	for _, h := range s.participants[by].holds {
		for n := range s.holds[h].Flows {
			if at := s.standing(&s.holds[h].Flows[n]); at != None {
				s.narrowed.mine[at] += s.holds[h].Flows[n].Out
			}
		}
	}
	for range maxNarrowings {
		if outcome := s.router.Route(&req, &s.plan); outcome != Applied {
			return outcome
		}
		if s.keepToTerms(i.TTL) {
			return s.checkedHold(&req)
		}
	}
	return SearchLimit
}

func (s *State) checkedHold(req *Request) Outcome {
	if err := s.checkPlan(req, &s.plan); err == errFull {
		return Shortfall
	} else if err != nil {
		s.block.Faults = append(s.block.Faults, err)
		return RouteFault
	}
	if len(s.plan.Flows) > MaxHoldFlows || leafHead+movesLen(s.plan.Flows) > MaxLeaf {
		return Oversized
	}
	return Applied
}

// keepToTerms says whether the plan keeps to everybody's terms; whoever it takes too much from offers no
// more than its terms allow from now on, until widen.
func (s *State) keepToTerms(ttl int64) bool {
	kept := true
	for i := range s.plan.Flows {
		f := &s.plan.Flows[i]
		switch f.Kind {
		case Fill:
			if at := OfferIdx(f.Arc); f.Out > s.holdable(at, ttl) {
				kept = false
				s.narrowOffers(s.offers[at].Maker, ttl)
			}
		case RippleIn, RippleOut, RippleOwnIn, RippleOwnOut, RippleIssue:
			if holder := s.positions[f.Arc].Holder; ttl > s.participants[holder].LongestHold {
				kept = false
				s.narrowLines(holder)
			}
		}
	}
	return kept
}

// holdable returns how much of an offer the participant may hold for so long, besides what it holds.
func (s *State) holdable(at OfferIdx, ttl int64) int64 {
	o := &s.offers[at]
	maker := &s.participants[o.Maker]
	if ttl > maker.LongestHold {
		return 0
	}
	most, _, err := money.MulDiv(o.Remaining, maker.HoldShare, Unit, money.RoundDown)
	if err != nil {
		return 0
	}
	return max(0, most-s.narrowed.mine[at])
}

func (s *State) narrowOffers(maker PartID, ttl int64) {
	offers := s.participants[maker].offers
	if _, done := s.narrowed.rooms[offers[0]]; done {
		return
	}
	s.narrowed.makers = append(s.narrowed.makers, maker)
	for _, at := range offers {
		s.narrowed.rooms[at] = s.holdable(at, ttl)
		s.router.OfferChanged(at)
	}
}

func (s *State) narrowLines(holder PartID) {
	if s.narrowed.still[holder] {
		return
	}
	s.narrowed.still[holder] = true
	s.narrowed.idle = append(s.narrowed.idle, holder)
	s.linesChanged(holder)
}

func (s *State) linesChanged(holder PartID) {
	for _, purse := range s.participants[holder].purses {
		for _, p := range s.purses[purse].positions {
			s.router.PositionChanged(p)
		}
	}
}

// widen ends what was narrowed for one hold.
func (s *State) widen() {
	n := &s.narrowed
	clear(n.mine)
	clear(n.rooms)
	clear(n.still)
	for _, maker := range n.makers {
		for _, at := range s.participants[maker].offers {
			s.router.OfferChanged(at)
		}
	}
	for _, holder := range n.idle {
		s.linesChanged(holder)
	}
	n.makers, n.idle = n.makers[:0], n.idle[:0]
}
