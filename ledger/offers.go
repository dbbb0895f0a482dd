package ledger

import (
	"fmt"
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
	case !s.goodPrice(i):
		return BadPrice, nil
	case i.Give == i.Want:
		return SameAsset, nil
	case !s.carries(maker, giver, i.Give.Currency) || !s.carries(maker, wanted, i.Want.Currency):
		return NoLine, nil
	case s.seen.has(None, seenOffer, i.ID) || s.FindOffer(i.ID) != None:
		return IDReused, nil
	case i.Expires != 0 && i.Expires <= s.time:
		return OfferExpired, nil
	case len(s.participants[maker].offers) == MaxOffers:
		return TooManyOffers, nil
	}
	s.seen.add(None, seenOffer, i.ID) // whoever places it: fills and cancellations name an offer by its id alone
	give, want := s.openAsset(giver, i.Give.Currency), s.openAsset(wanted, i.Want.Currency)
	s.offerSeq++
	o := Offer{
		ID: i.ID, Maker: maker, Give: give, Want: want, Price: i.Price, Remaining: i.Amount,
		GivePos: s.FindPosition(maker, give), WantPos: s.FindPosition(maker, want),
		Expires: i.Expires, Seq: s.offerSeq, Live: true,
	}
	if err := s.cross(&o, r); err != nil {
		return Applied, err
	}
	s.rest(o)
	return Applied, nil
}

// goodPrice refuses ratios that are not canonical or make the whole offer cost nothing or too much.
func (s *State) goodPrice(i *PlaceOffer) bool {
	if !lowest(i.Price) || i.Price.N > MaxUnits || i.Price.D > MaxUnits {
		return false
	}
	cost, err := i.Price.Cost(i.Amount, money.RoundUp)
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

// cross lets a new offer take what stands at its price or better, each at the standing price, oldest
// first within a price. What can't be filled now (no funds, no room, or too small to keep the new
// offer's own price) is passed over; it ends where its leaf is full.
func (s *State) cross(o *Offer, r *Result) error {
	room := MaxLeaf - leafHead
	for i := 0; o.Remaining > 0; {
		book := s.Book(o.Want, o.Give)
		if i == len(book) {
			return nil
		}
		at := book[i]
		standing := &s.offers[at]
		if cmpProduct(standing.Price.N, o.Price.N, standing.Price.D, o.Price.D) > 0 {
			return nil
		}
		if standing.Maker == o.Maker || !s.Fillable(at) {
			i++
			continue
		}
		take, cost := s.crossable(o, standing)
		if take == 0 {
			i++
			continue
		}
		s.plan.Flows = s.appendHandover(s.plan.Flows[:0], o.GivePos, standing.WantPos, cost)
		s.plan.Flows = append(s.plan.Flows, Flow{Fill, int32(at), cost, take})
		s.plan.Flows = s.appendHandover(s.plan.Flows, standing.GivePos, o.WantPos, take)
		s.plan.Source, s.plan.Delivered = s.plan.Flows[0].In, take
		if movesLen(s.plan.Flows) > room {
			return nil
		}
		req := Request{
			From: o.Maker, To: o.Maker, Send: s.assets[o.Give].Currency, Deliver: s.assets[o.Want].Currency,
			SendAsset: o.Give, DeliverAsset: o.Want,
		}
		if err := s.checkPlan(&req, &s.plan); err == errFull {
			i++
			continue
		} else if err != nil {
			s.block.Faults = append(s.block.Faults, fmt.Errorf("offer that crosses: %w", err))
			return nil
		}
		if take < standing.Remaining {
			i++ // it stays on the book
		}
		if err := s.postPlan(&s.plan, r); err != nil {
			return err
		}
		room -= movesLen(s.plan.Flows)
		r.Source += s.plan.Source
		r.Delivered += take
		o.Remaining -= cost
	}
	return nil
}

// crossable returns how much of a standing offer the new one takes now and what that costs.
func (s *State) crossable(o, standing *Offer) (take, cost int64) {
	if !s.mayHandOver(o.GivePos, standing.WantPos) || !s.mayHandOver(standing.GivePos, o.WantPos) {
		return 0, 0
	}
	budget := min(o.Remaining, s.givable(o.GivePos, standing.WantPos), s.Headroom(standing.WantPos))
	affordable, _, err := money.MulDiv(budget, standing.Price.D, standing.Price.N, money.RoundDown)
	if err != nil {
		affordable = MaxUnits
	}
	take = min(affordable, standing.Remaining, s.givable(standing.GivePos, o.WantPos), s.Headroom(o.WantPos))
	if take <= 0 {
		return 0, 0
	}
	for range 2 {
		cost, err = standing.Price.Cost(take, money.RoundUp)
		if err == nil && cost <= budget && cmpProduct(cost, o.Price.N, take, o.Price.D) <= 0 {
			return take, cost
		}
		// The unit it is rounded up by is too much for the new offer's price; whole multiples of the
		// standing one's need none.
		take -= take % standing.Price.D
		if take == 0 {
			break
		}
	}
	return 0, 0
}

// mayHandOver says whether value may move from one position of an asset to another.
func (s *State) mayHandOver(from, to PosID) bool {
	return s.CanGive(from) && s.CanTake(to)
}

// givable returns how much can arrive at to when from gives all it can, its fee paid.
func (s *State) givable(from, to PosID) int64 {
	amount := min(s.Available(from), s.PurseRoom(s.positions[from].Purse))
	fee := s.issuerOf(&s.positions[from]).TransferFee
	if fee == 0 || s.positions[from].Own || s.positions[to].Own {
		return amount
	}
	net, _, _ := money.MulDiv(amount, Unit, Unit+fee, money.RoundDown)
	return net
}

// appendHandover appends the flows that bring out from one position of an asset to another.
func (s *State) appendHandover(flows []Flow, from, to PosID, out int64) []Flow {
	switch {
	case s.positions[to].Own:
		return append(flows, Flow{Redeem, int32(from), out, out})
	case s.positions[from].Own:
		return append(flows, Flow{Issue, int32(to), out, out})
	}
	in, _ := s.CeilCost(Give, int32(from), out)
	return append(flows, Flow{Give, int32(from), in, out}, Flow{Take, int32(to), out, out})
}

// rest puts what is left of a new offer on the book.
func (s *State) rest(o Offer) {
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
	if o.Remaining == 0 {
		s.unrest(at, OfferFilled)
		return
	}
	key := pair(int32(o.Give), int32(o.Want))
	book := s.books[key]
	i, _ := slices.BinarySearchFunc(book, at, func(a, b OfferIdx) int { return s.compareOffers(a, b) })
	s.books[key] = slices.Insert(book, i, at)
	if o.Expires != 0 {
		s.pushDeadline(expiring{o.Expires, o.Seq, at})
	}
	s.touched.offer(s, at)
	if s.router != nil && s.router.Gainful(at) {
		s.markCrossed(at)
	}
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
	maker.offers = slices.DeleteFunc(maker.offers, func(x OfferIdx) bool { return x == at })
	delete(s.byOffer, o.ID)
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

// lapse takes off the offers that expire at or before the ledger's time.
func (s *State) lapse() {
	for len(s.expiry) > 0 && s.expiry[0].at <= s.time {
		e := s.expiry.pop()
		if s.stands(e) {
			s.unrest(e.offer, OfferLapsed)
		} else {
			s.stale--
		}
	}
}

// stands says whether the offer of a deadline is still there, and not another one in its slot.
func (s *State) stands(e expiring) bool {
	o := &s.offers[e.offer]
	return o.Live && o.Seq == e.seq
}

// pushDeadline adds a deadline. When most of the heap's are of offers that have left, those go first:
// who places and cancels offers that expire in a thousand years must not fill the memory.
func (s *State) pushDeadline(e expiring) {
	if s.stale > 64 && 2*s.stale > len(s.expiry) {
		kept := s.expiry[:0]
		for _, x := range s.expiry {
			if s.stands(x) {
				kept = append(kept, x)
			}
		}
		slices.SortFunc(kept, func(a, b expiring) int { return bool2int(b.less(a)) - bool2int(a.less(b)) })
		s.expiry, s.stale = kept, 0
	}
	s.expiry.push(e)
}

func (s *State) markCrossed(at OfferIdx) {
	s.offers[at].Crossed = true
	i, _ := slices.BinarySearchFunc(s.crossed, at, func(a, b OfferIdx) int { return bool2int(s.offers[a].Seq > s.offers[b].Seq)*2 - 1 })
	s.crossed = slices.Insert(s.crossed, i, at)
	s.touched.offer(s, at)
}

// recheckCrossed keeps the market free of gainful cycles after a block: a marked offer that no longer
// closes one is let go, oldest first; an offer that closes one now, because somebody came into funds or
// room or terms changed, is marked.
func (s *State) recheckCrossed() {
	if s.router == nil {
		return
	}
	for i := 0; i < len(s.crossed); {
		at := s.crossed[i]
		if s.router.Gainful(at) {
			i++
			continue
		}
		s.offers[at].Crossed = false
		s.crossed = slices.Delete(s.crossed, i, i+1)
		s.touched.offer(s, at)
	}
	s.heldOut = s.router.HeldOut(s.heldOut[:0])
	for _, at := range s.heldOut {
		s.markCrossed(at)
	}
}

// expiring is an offer's place in the heap of deadlines; a slot used again has another seq.
type expiring struct {
	at    int64
	seq   uint64
	offer OfferIdx
}

// expiryHeap is a binary heap, earliest first, then oldest.
type expiryHeap []expiring

func (e expiring) less(f expiring) bool {
	return e.at < f.at || e.at == f.at && e.seq < f.seq
}

func (h *expiryHeap) push(e expiring) {
	*h = append(*h, e)
	x := *h
	for i := len(x) - 1; i > 0; {
		up := (i - 1) / 2
		if !x[i].less(x[up]) {
			break
		}
		x[i], x[up] = x[up], x[i]
		i = up
	}
}

func (h *expiryHeap) pop() expiring {
	x := *h
	top := x[0]
	last := len(x) - 1
	x[0] = x[last]
	x = x[:last]
	*h = x
	for i := 0; ; {
		c := 2*i + 1
		if c+1 < last && x[c+1].less(x[c]) {
			c++
		}
		if c >= last || !x[c].less(x[i]) {
			return top
		}
		x[i], x[c] = x[c], x[i]
		i = c
	}
}
