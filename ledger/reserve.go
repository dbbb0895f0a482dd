package ledger

import "fmt"

// reserve adds what a hold's flows take of positions and purses to what is reserved there (sign 1), or
// takes it off (-1): gross, as the plan was checked. A flow reserves at the place where it posts: what a
// giver gives, the fee included, what a taker takes, and of a redemption or an issue the issuer's side
// too. Rippling posts nothing: what passes through is reserved where it comes in and goes out.
func (s *State) reserve(h *Hold, sign int64) {
	for i := range h.Flows {
		f := &h.Flows[i]
		if f.Kind == Fill {
			continue
		}
		p := PosID(f.Arc)
		own := s.assets[s.positions[p].Asset].Own
		switch f.Kind {
		case Give:
			s.reserveAt(p, sign*f.In, 0)
		case Take:
			s.reserveAt(p, 0, sign*f.Out)
		case Redeem:
			s.reserveAt(p, sign*f.In, 0)
			s.reserveAt(own, 0, sign*f.Out)
		case Issue:
			s.reserveAt(own, sign*f.In, 0)
			s.reserveAt(p, 0, sign*f.Out)
		}
	}
}

func (s *State) reserveAt(p PosID, out, in int64) {
	pos := &s.positions[p]
	purse := &s.purses[pos.Purse]
	pos.HeldOut += out
	pos.HeldIn += in
	purse.HeldOut += out
	purse.HeldIn += in
	s.touched.position(s, p)
	s.touched.purse(s, pos.Purse)
	s.touched.unreserved = s.touched.unreserved || pos.HeldOut < 0 || pos.HeldIn < 0 || purse.HeldOut < 0 || purse.HeldIn < 0
}

// reserveOffers does the same for the offers that still stand. What is held of one that left the book
// goes back to nobody.
func (s *State) reserveOffers(h *Hold, sign int64) {
	for i := range h.Flows {
		f := &h.Flows[i]
		if at := s.standing(f); at != None {
			o := &s.offers[at]
			o.Held += sign * f.Out
			s.stir(o.Maker)
			s.touched.offer(s, at)
			s.touched.unreserved = s.touched.unreserved || o.Held < 0 || o.Held > o.Remaining
		}
	}
}

// standing returns the slot of the offer that a held fill takes from, or None when it left the book.
func (s *State) standing(f *HeldFlow) OfferIdx {
	if f.Kind == Fill && s.offers[f.Arc].Live && s.offers[f.Arc].Seq == f.OfferSeq {
		return OfferIdx(f.Arc)
	}
	return None
}

// reservedRight says whether all that was given back had been reserved.
func (t *touched) reservedRight() error {
	if t.unreserved {
		return fmt.Errorf("%w: more was given back than was held", ErrBroken)
	}
	return nil
}

// payQuoted settles a payment by the flows of its hold, at their terms; what those who made them did
// since changes nothing. Only a freeze or a lost authorisation refuses it, and releases the hold.
func (s *State) payQuoted(by PartID, i *Pay, r *Result) (Outcome, error) {
	at, outcome := s.findHold(by, i.Quote)
	if outcome != Applied {
		return outcome, nil
	}
	h := &s.holds[at]
	if outcome := h.priceOf(i); outcome != Applied {
		return outcome, nil
	}
	if outcome := s.barred(h); outcome != Applied {
		return outcome, s.endHold(at, HoldReleased)
	}
	for n := range h.Flows {
		if o := s.standing(&h.Flows[n]); o != None {
			s.undo.filled(s, o)
		}
	}
	s.reserve(h, -1)
	s.reserveOffers(h, -1)
	r.Source, r.Delivered = h.Source, h.Delivered
	for n := range h.Flows {
		f := &h.Flows[n]
		r.Moves = append(r.Moves, s.heldMove(f))
		if f.Kind != Fill {
			s.postFlow(r, &f.Flow)
		} else if o := s.standing(f); o != None {
			s.fill(o, f.Out, f.In)
		} else { // the offer has left; its maker is filled all the same
			give, want := &s.positions[f.GivePos], &s.positions[f.WantPos]
			s.count(give.Holder, give.Asset, want.Asset, f.Out, f.In)
		}
	}
	if err := s.touched.balanced(); err != nil {
		return Applied, err
	}
	return Applied, s.endHold(at, HoldUsed)
}

// priceOf says whether a payment is the one that was quoted, and accepts what it costs and brings.
func (h *Hold) priceOf(i *Pay) Outcome {
	o := h.Order
	switch {
	case i.To != o.To || i.Mode != o.Mode || i.Amount != o.Amount || i.Send != o.Send || i.Deliver != o.Deliver:
		return QuoteMismatch
	case i.Mode == ExactDeliver && i.Bound < h.Source:
		return SendMaxExceeded
	case i.Mode == ExactSend && i.Bound > h.Delivered:
		return DeliverMinNotMet
	}
	return Applied
}

// barred asks of each flow what the check of a plan asks apart from amounts, and not what a holder sets
// for itself: the hold has that.
func (s *State) barred(h *Hold) Outcome {
	to := s.FindParticipant(h.Order.To)
	for i := range h.Flows {
		f := &h.Flows[i]
		p := PosID(f.Arc)
		allowed := true
		switch f.Kind {
		case Give:
			allowed = s.CanGive(p)
		case Redeem:
			allowed = s.CanGive(p) || s.assets[s.positions[p].Asset].Issuer == to
		case Take, Issue:
			allowed = s.CanTake(p)
		}
		if allowed {
			continue
		}
		if pos := &s.positions[p]; f.Kind != Take && f.Kind != Issue && (pos.Frozen || s.issuerOf(pos).Frozen) {
			return LineFrozen
		}
		return NotAuthorized
	}
	return Applied
}

func (s *State) heldMove(f *HeldFlow) Move {
	if f.Kind != Fill {
		return s.move(&f.Flow)
	}
	give, want := &s.positions[f.GivePos], &s.positions[f.WantPos]
	return Move{
		Kind: Fill, Holder: s.participants[give.Holder].BIC, Asset: s.AssetName(give.Asset), Want: s.AssetName(want.Asset),
		Offer: f.Offer, Price: f.Price, In: f.In, Out: f.Out,
	}
}

// tooLateFor releases the hold of a payment that is refused for its not_after.
func (s *State) tooLateFor(by PartID, i *Pay, refusal Outcome) error {
	if refusal != PastNotAfter || i.Quote == (ID{}) {
		return nil
	}
	at, outcome := s.findHold(by, i.Quote)
	if outcome != Applied {
		return nil
	}
	return s.endHold(at, HoldReleased)
}
