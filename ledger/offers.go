package ledger

import (
	"slices"

	"viaduct/internal/money"
)

// MaxOffers bounds the standing offers of one participant: room for ten ladders of 1,000 levels.
const MaxOffers = 10_000

func (s *State) placeOffer(by BIC, i *PlaceOffer, r *Result) (Outcome, error) {
	giver, wanted := s.FindParticipant(i.Give.Issuer), s.FindParticipant(i.Want.Issuer)
	maker := s.FindParticipant(by)
	switch {
	case by == BIC{}:
		return NotAllowed, nil
	case giver == None || wanted == None:
		return UnknownIssuer, nil
	case !s.currencies[i.Give.Currency] || !s.currencies[i.Want.Currency]:
		return UnknownCurrency, nil
	case i.Amount < 1 || i.Amount > MaxUnits || i.ID == ID{}:
		return BadAmount, nil
	case !goodPrice(i.Price, i.Amount):
		return BadPrice, nil
	case i.Give == i.Want:
		return SameAsset, nil
	case !s.carries(maker, giver, i.Give.Currency) || !s.carries(maker, wanted, i.Want.Currency):
		return NoLine, nil
	case s.seen.has(None, seenOffer, i.ID) || s.seen.has(None, seenOffer, ladderOf(i.ID)) || s.FindOffer(i.ID) != None:
		return IDReused, nil
	case i.Expires != 0 && i.Expires <= s.time:
		return OfferExpired, nil
	case len(s.participants[maker].offers) == MaxOffers:
		return TooManyOffers, nil
	}
	o := Offer{
		ID: i.ID, Maker: maker, Give: s.FindAsset(i.Give), Want: s.FindAsset(i.Want), Price: i.Price, Remaining: i.Amount,
		Expires: i.Expires, Live: true,
	}
	o.GivePos, o.WantPos = s.FindPosition(maker, o.Give), s.FindPosition(maker, o.Want)
	switch {
	case i.Force == Passive && s.wouldTake(&o):
		return WouldCross, nil
	case i.Force == FillOrKill && (o.GivePos == None || o.WantPos == None):
		return NotFilled, nil // an asset that nobody opened yet has no book
	}
	if o.Give, o.Want = s.openAsset(giver, i.Give.Currency), s.openAsset(wanted, i.Want.Currency); o.GivePos == None || o.WantPos == None {
		o.GivePos, o.WantPos = s.FindPosition(maker, o.Give), s.FindPosition(maker, o.Want)
	}
	if i.Force == FillOrKill {
		s.undo.begin(s)
	}
	s.offerSeq++
	o.Seq = s.offerSeq
	room := MaxLeaf - leafHead
	if err := s.cross(&o, r, &room); err != nil {
		return Applied, err
	}
	if i.Force == FillOrKill {
		killed := o.Remaining > 0
		if err := s.undo.end(s, killed, len(s.block.Results)-1); err != nil || killed {
			s.offerSeq--
			return NotFilled, err
		}
	}
	s.seen.add(None, seenOffer, i.ID) // whoever places it: fills and cancellations name an offer by its id alone
	s.rest(o, i.Force)
	return Applied, nil
}

// goodPrice refuses ratios that are not canonical or make the whole offer cost nothing or too much.
func goodPrice(price money.Ratio, amount int64) bool {
	if !lowest(price) || price.N > MaxUnits || price.D > MaxUnits {
		return false
	}
	cost, err := price.Cost(amount, money.RoundUp)
	return err == nil && cost <= MaxUnits
}

// carries says whether p can hold the asset: as its issuer, or on a line.
func (s *State) carries(p, issuer PartID, c money.Currency) bool {
	if p == issuer {
		return true
	}
	purse := s.findPurse(issuer, c)
	if purse == None || s.purses[purse].Own == None {
		return false
	}
	return s.FindPosition(p, s.positions[s.purses[purse].Own].Asset) != None
}

// rest puts what is left of a new offer on the book, unless it was to be taken at once.
func (s *State) rest(o Offer, force TimeInForce) {
	at := s.freeOffer
	if at != None {
		s.freeOffer = s.nextFree[at]
		s.nextFree[at] = None
		s.offers[at] = o
	} else {
		at = OfferIdx(len(s.offers))
		s.offers = append(s.offers, o)
		s.nextFree = append(s.nextFree, None)
	}
	maker := &s.participants[o.Maker]
	maker.offers = append(maker.offers, at)
	s.byOffer[o.ID] = at
	switch {
	case o.Remaining == 0:
		s.unrest(at, OfferFilled)
		return
	case force == ImmediateOrCancel:
		s.unrest(at, OfferCancelled)
		return
	}
	s.enterBook(at)
	s.show(at)
	if o.Expires != 0 {
		s.pushDeadline(expiring{o.Expires, o.Seq, int32(at)})
	}
	s.touched.offer(s, at)
	// What a bounded dealer's offer shows is divided when the instruction ends; until the block ends, the search
	// itself holds out what closes a gainful cycle.
	if s.offers[at].Shown > 0 && s.router != nil && s.router.Gainful(at) {
		s.markCrossed(at)
	}
}

// show lets a new offer show all it has, but one of a dealer with bounds nothing yet.
func (s *State) show(at OfferIdx) {
	o := &s.offers[at]
	if o.Shown = o.Remaining; len(s.participants[o.Maker].stocks) > 0 {
		o.Shown = 0
		s.stir(o.Maker)
	}
}

func (s *State) enterBook(at OfferIdx) {
	key := pair(int32(s.offers[at].Give), int32(s.offers[at].Want))
	book := s.books[key]
	i, _ := slices.BinarySearchFunc(book, at, func(a, b OfferIdx) int { return s.compareOffers(a, b) })
	s.books[key] = slices.Insert(book, i, at)
}

// compareOffers orders a book: better price for the taker, then older.
func (s *State) compareOffers(a, b OfferIdx) int {
	x, y := &s.offers[a], &s.offers[b]
	if c := cmpProduct(x.Price.N, y.Price.D, y.Price.N, x.Price.D); c != 0 {
		return c
	}
	if x.Seq < y.Seq {
		return -1
	}
	return bool2int(x.Seq > y.Seq)
}

func bool2int(v bool) int {
	if v {
		return 1
	}
	return 0
}

// unrest takes an offer off the book and frees its slot.
func (s *State) unrest(at OfferIdx, end OfferEnd) {
	o := &s.offers[at]
	key := pair(int32(o.Give), int32(o.Want))
	book := s.books[key]
	if i := slices.Index(book, at); i >= 0 {
		if s.books[key] = slices.Delete(book, i, i+1); len(book) == 1 {
			delete(s.books, key)
		}
		if o.Expires > s.time {
			s.stale++
		}
	}
	if o.Crossed {
		s.crossed = slices.DeleteFunc(s.crossed, func(x OfferIdx) bool { return x == at })
	}
	maker := &s.participants[o.Maker]
	n := slices.Index(maker.offers, at)
	maker.offers = slices.Delete(maker.offers, n, n+1)
	delete(s.byOffer, o.ID)
	s.stir(o.Maker)
	o.Live = false
	s.touched.offerEnd(s, at, end)
	s.offers[at] = Offer{}
	s.nextFree[at] = s.freeOffer
	s.freeOffer = at
}

func (s *State) cancelOffer(by BIC, i *CancelOffer) Outcome {
	at := s.FindOffer(i.ID)
	if by == (BIC{}) || at == None || s.participants[s.offers[at].Maker].BIC != by {
		return UnknownOffer
	}
	s.unrest(at, OfferCancelled)
	return Applied
}

func (s *State) markCrossed(at OfferIdx) {
	s.setCrossed(at)
	s.touched.offer(s, at)
}

// setCrossed puts a mark on an offer and the offer among those that have one.
func (s *State) setCrossed(at OfferIdx) {
	s.offers[at].Crossed = true
	i, _ := slices.BinarySearchFunc(s.crossed, at, func(a, b OfferIdx) int { return bool2int(s.offers[a].Seq > s.offers[b].Seq)*2 - 1 })
	s.crossed = slices.Insert(s.crossed, i, at)
}

// recheckCrossed keeps the market free of gainful cycles after a block: a marked offer that no longer
// closes one is let go, oldest first; an offer that closes one now, because somebody came into funds or
// room or terms changed, is marked.
func (s *State) recheckCrossed() {
	if s.router == nil {
		return
	}
	let := s.let[:0]
	for i := 0; i < len(s.crossed); {
		at := s.crossed[i]
		if s.router.Gainful(at) {
			i++
			continue
		}
		s.offers[at].Crossed = false
		s.crossed = slices.Delete(s.crossed, i, i+1)
		s.router.OfferChanged(at)
		let = append(let, at)
	}
	s.heldOut = s.router.HeldOut(s.heldOut[:0])
	for _, at := range s.heldOut {
		if slices.Contains(let, at) {
			s.setCrossed(at) // as it was when the block began: nothing changed, and nothing is counted as a change
			s.router.OfferChanged(at)
			continue
		}
		s.markCrossed(at)
	}
	for _, at := range let {
		if !s.offers[at].Crossed {
			s.touched.offer(s, at)
		}
	}
	s.let = let
}
