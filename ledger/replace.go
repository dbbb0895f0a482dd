package ledger

import "slices"

func (s *State) replaceOffers(by BIC, i *ReplaceOffers, r *Result) (Outcome, error) {
	maker := s.FindParticipant(by)
	if outcome := s.checkLadder(by, maker, i); outcome != Applied {
		return outcome, nil
	}
	levels := s.ladderOffers(maker, i)
	standing := s.ladderStanding(maker, i)
	switch {
	case len(s.participants[maker].offers)-len(standing)+len(levels) > MaxOffers:
		return TooManyOffers, nil
	case i.Force == Passive && slices.ContainsFunc(levels, func(o Offer) bool { return s.wouldTake(&o) }):
		return WouldCross, nil
	}
	s.seen.add(None, seenOffer, i.ID)
	for _, at := range standing {
		if level := i.levelOf(s, at); level != None && levels[level].Remaining == s.offers[at].Remaining {
			levels[level].Remaining = 0 // it stands already
			s.extend(at, i.Expires)
			continue
		}
		s.unrest(at, OfferCancelled)
	}
	room := i.leafRoom()
	for n := range levels {
		o := &levels[n]
		if o.Remaining == 0 {
			continue
		}
		s.open(o, i, n)
		if err := s.cross(o, r, &room); err != nil {
			return Applied, err
		}
		s.rest(*o, i.Force)
	}
	r.Source, r.Delivered = 0, 0 // they would mix what went both ways; the moves tell
	return Applied, nil
}

// checkLadder runs the checks of a ladder in the order of an offer's.
func (s *State) checkLadder(by BIC, maker PartID, i *ReplaceOffers) Outcome {
	if by == (BIC{}) {
		return NotAllowed
	}
	var carried [2][MaxLadderAssets]bool
	for side, assets := range [][]AssetName{i.Base, i.Quote} {
		for n, a := range assets {
			issuer := s.FindParticipant(a.Issuer)
			switch {
			case issuer == None:
				return UnknownIssuer
			case !s.currencies[a.Currency]:
				return UnknownCurrency
			}
			carried[side][n] = s.carries(maker, issuer, a.Currency)
		}
	}
	for n := range i.Levels {
		if l := &i.Levels[n]; l.Amount < 1 || l.Amount > MaxUnits {
			return BadAmount
		} else if !goodPrice(l.Price, l.Amount) {
			return BadPrice
		}
	}
	switch {
	case i.ID == ID{}:
		return BadAmount
	case slices.ContainsFunc(i.Base, func(a AssetName) bool { return slices.Contains(i.Quote, a) }):
		return SameAsset
	case slices.ContainsFunc(i.Levels, func(l Level) bool { return !carried[0][l.Base] || !carried[1][l.Quote] }):
		return NoLine
	case s.ladderUsed(i):
		return IDReused
	case i.Expires != 0 && i.Expires <= s.time:
		return OfferExpired
	case i.crossesItself():
		return LadderCrosses
	}
	return Applied
}

func (s *State) ladderUsed(i *ReplaceOffers) bool {
	if s.seen.has(None, seenOffer, i.ID) {
		return true
	}
	for n := range i.Levels {
		if id := i.LevelID(n); s.seen.has(None, seenOffer, id) || s.FindOffer(id) != None {
			return true
		}
	}
	return false
}

// crossesItself says whether who takes the best level one way and gives back on the best the other way
// would gain.
func (i *ReplaceOffers) crossesItself() bool {
	var best [2]*Level
	for n := range i.Levels {
		l := &i.Levels[n]
		b := &best[bit(l.Sell)]
		if *b == nil || cmpProduct(l.Price.N, (*b).Price.D, (*b).Price.N, l.Price.D) < 0 {
			*b = l
		}
	}
	return best[0] != nil && best[1] != nil && cmpProduct(best[0].Price.N, best[1].Price.N, best[0].Price.D, best[1].Price.D) < 0
}

// ladderOffers returns the offers that the levels would make, in their order. An asset that nobody opened
// yet has no book either.
func (s *State) ladderOffers(maker PartID, i *ReplaceOffers) []Offer {
	offers := make([]Offer, len(i.Levels))
	for n := range offers {
		give, want := i.Between(n)
		o := Offer{
			ID: i.LevelID(n), Maker: maker, Give: s.FindAsset(give), Want: s.FindAsset(want), Price: i.Levels[n].Price,
			Remaining: i.Levels[n].Amount, Expires: i.Expires, Live: true,
		}
		o.GivePos, o.WantPos = s.FindPosition(maker, o.Give), s.FindPosition(maker, o.Want)
		offers[n] = o
	}
	return offers
}

// open gives a level that goes on the book what it lacks.
func (s *State) open(o *Offer, i *ReplaceOffers, level int) {
	give, want := i.Between(level)
	o.Give, o.Want = s.openAsset(s.FindParticipant(give.Issuer), give.Currency), s.openAsset(s.FindParticipant(want.Issuer), want.Currency)
	o.GivePos, o.WantPos = s.FindPosition(o.Maker, o.Give), s.FindPosition(o.Maker, o.Want)
	s.offerSeq++
	o.Seq = s.offerSeq
}

// ladderStanding returns the maker's offers between the ladder's assets, oldest first.
func (s *State) ladderStanding(maker PartID, i *ReplaceOffers) []OfferIdx {
	var standing []OfferIdx
	for _, at := range s.participants[maker].offers {
		give, want := s.AssetName(s.offers[at].Give), s.AssetName(s.offers[at].Want)
		if slices.Contains(i.Base, give) && slices.Contains(i.Quote, want) || slices.Contains(i.Quote, give) && slices.Contains(i.Base, want) {
			standing = append(standing, at)
		}
	}
	return standing
}

// levelOf returns the level with the direction, the assets and the price of an offer, or None.
func (i *ReplaceOffers) levelOf(s *State, at OfferIdx) int {
	o := &s.offers[at]
	give, want := s.AssetName(o.Give), s.AssetName(o.Want)
	l := Level{Sell: slices.Contains(i.Base, give), Price: o.Price}
	if !l.Sell {
		give, want = want, give
	}
	l.Base, l.Quote = uint8(slices.Index(i.Base, give)), uint8(slices.Index(i.Quote, want))
	n, found := slices.BinarySearchFunc(i.Levels, l, func(a, b Level) int { return a.compare(&b) })
	if !found {
		return None
	}
	return n
}

// extend gives a standing offer another expiry.
func (s *State) extend(at OfferIdx, expires int64) {
	o := &s.offers[at]
	if o.Expires == expires {
		return
	}
	if o.Expires > s.time {
		s.stale++
	}
	if o.Expires = expires; expires != 0 {
		s.pushDeadline(expiring{expires, o.Seq, int32(at)})
	}
	s.touched.offer(s, at)
}

// wouldTake says whether a new offer would take something of what stands.
func (s *State) wouldTake(o *Offer) bool {
	if o.Give == None || o.Want == None {
		return false
	}
	for _, at := range s.Book(o.Want, o.Give) {
		standing := &s.offers[at]
		if cmpProduct(standing.Price.N, o.Price.N, standing.Price.D, o.Price.D) > 0 {
			return false
		}
		if standing.Maker != o.Maker && s.Fillable(at) && s.crossable(o, at).take > 0 {
			return true
		}
	}
	return false
}
