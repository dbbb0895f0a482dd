package ledger

import "slices"

// Holds returns the slots of the open holds; a slot that is not Live is free.
func (s *State) Holds() []Hold { return s.holds }

// placeHold checks what is asked in the order of checkHold's cases, finds the flows that a payment would
// take now, and reserves them.
func (s *State) placeHold(by BIC, i *PlaceHold, r *Result) Outcome {
	owner := s.FindParticipant(by)
	if outcome := s.checkHold(owner, i); outcome != Applied {
		return outcome
	}
	if outcome := s.planHold(owner, i); outcome != Applied {
		return outcome
	}
	s.seen.add(None, seenHold, i.ID)
	s.holdSeq++
	h := Hold{
		Origin: s.origin(owner, i.ID), Order: i, Expires: s.time + i.TTL, Seq: s.holdSeq,
		Source: s.plan.Source, Delivered: s.plan.Delivered, Live: true,
		Flows: make([]HeldFlow, len(s.plan.Flows)),
	}
	r.Source, r.Delivered = h.Source, h.Delivered
	for n := range s.plan.Flows {
		f := &s.plan.Flows[n]
		r.Moves = append(r.Moves, s.move(f))
		h.Flows[n].Flow = *f
		if f.Kind == Fill {
			o := &s.offers[f.Arc]
			h.Flows[n] = HeldFlow{*f, o.ID, o.Seq, o.GivePos, o.WantPos, o.Price}
		}
	}
	s.openHold(h)
	return Applied
}

func (s *State) checkHold(owner PartID, i *PlaceHold) Outcome {
	pay := i.payment()
	to := s.FindParticipant(i.To)
	switch {
	case owner == None:
		return NotAllowed
	case i.Mode != ExactDeliver && i.Mode != ExactSend:
		return UnknownMode
	case !amountsFit(&pay):
		return BadAmount
	case i.TTL < MinHold || i.TTL > s.participants[owner].LongestQuote:
		return BadTTL
	case to == None:
		return UnknownReceiver
	case !s.currencies[i.Send.Currency] || !s.currencies[i.Deliver.Currency]:
		return UnknownCurrency
	case s.unknownIssuer(i.Send) || s.unknownIssuer(i.Deliver):
		return UnknownIssuer
	case owner == to && i.Send.Currency == i.Deliver.Currency:
		return SelfPayment
	case i.ID == ID{} || s.seen.has(None, seenHold, i.ID):
		return IDReused
	case len(s.participants[owner].holds) >= MaxHolds:
		return TooManyHolds
	}
	return Applied
}

// payment returns the payment that a firm quote is for, as far as the quote knows it.
func (i *PlaceHold) payment() Pay {
	return Pay{To: i.To, Mode: i.Mode, Send: i.Send, Deliver: i.Deliver, Amount: i.Amount, Bound: i.Bound}
}

// openHold puts a hold into a slot and reserves what it uses.
func (s *State) openHold(h Hold) {
	at := s.freeHold
	if at != None {
		s.freeHold = s.nextHold[at]
		s.nextHold[at] = None
		s.holds[at] = h
	} else {
		at = HoldIdx(len(s.holds))
		s.holds = append(s.holds, h)
		s.nextHold = append(s.nextHold, None)
	}
	s.linkHold(at)
	s.touched.hold(s, at)
}

// linkHold makes what follows from an open hold.
func (s *State) linkHold(at HoldIdx) {
	h := &s.holds[at]
	s.byHold[h.ID] = at
	owner := &s.participants[h.By]
	owner.holds = append(owner.holds, at)
	s.reserve(h, 1)
	s.reserveOffers(h, 1)
	if len(s.holdExpiry) > 64+2*len(s.byHold) {
		s.pruneHoldDeadlines()
	}
	s.holdExpiry.push(expiring{h.Expires, h.Seq, int32(at)})
}

func (s *State) pruneHoldDeadlines() {
	s.holdExpiry = slices.DeleteFunc(s.holdExpiry, func(e expiring) bool { return !s.holding(e) })
	slices.SortFunc(s.holdExpiry, func(a, b expiring) int { return bool2int(b.less(a)) - bool2int(a.less(b)) })
}

// holding says whether the hold of a deadline is still there, and not another one in its slot.
func (s *State) holding(e expiring) bool {
	h := &s.holds[e.slot]
	return h.Live && h.Seq == e.seq
}

func (s *State) holdDeadline() int64 {
	for len(s.holdExpiry) > 0 {
		if s.holding(s.holdExpiry[0]) {
			return s.holdExpiry[0].at
		}
		s.holdExpiry.pop()
	}
	return 0
}

// maxLapses bounds the holds that one block tells the end of, so that its record stays small. Those left
// over are due at once in the next block, and no payment can use them meanwhile.
const maxLapses = 4096

// lapseHolds gives back what is held by those that expire at or before the ledger's time.
func (s *State) lapseHolds() error {
	for n := 0; n < maxLapses && len(s.holdExpiry) > 0 && s.holdExpiry[0].at <= s.time; {
		e := s.holdExpiry.pop()
		if !s.holding(e) {
			continue
		}
		n++
		h := &s.holds[e.slot]
		s.tellLater(h.Origin, h.Order, Expired)
		if err := s.dropHold(HoldIdx(e.slot), HoldLapsed); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) releaseHold(by BIC, i *ReleaseHold) (Outcome, error) {
	at, outcome := s.findHold(s.FindParticipant(by), i.ID)
	if outcome != Applied {
		return outcome, nil
	}
	return Applied, s.endHold(at, HoldReleased)
}

// findHold returns the slot of an open hold of the participant, or why there is none.
func (s *State) findHold(by PartID, id ID) (HoldIdx, Outcome) {
	if at, ok := s.byHold[id]; ok && s.holds[at].By == by {
		h := &s.holds[at]
		switch {
		case h.ends == HoldUsed:
			return None, QuoteUsed
		case h.ends == HoldReleased:
			return None, QuoteReleased
		case h.Expires <= s.time:
			return None, QuoteExpired
		}
		return at, Applied
	}
	switch {
	case s.seen.has(by, seenQuoteUsed, id):
		return None, QuoteUsed
	case s.seen.has(by, seenQuoteExpired, id):
		return None, QuoteExpired
	case s.seen.has(by, seenQuoteReleased, id):
		return None, QuoteReleased
	}
	return None, UnknownQuote
}

// endHold ends a hold; in a submission of all or none, when that is decided.
func (s *State) endHold(at HoldIdx, end HoldEnd) error {
	if s.undo.on {
		s.holds[at].ends = end
		s.undo.holds = append(s.undo.holds, at)
		return nil
	}
	return s.dropHold(at, end)
}

// dropHold frees the slot of a hold, and of one that was not used what it reserved.
func (s *State) dropHold(at HoldIdx, end HoldEnd) error {
	h := &s.holds[at]
	tag := seenQuoteUsed
	if end != HoldUsed {
		s.reserve(h, -1)
		s.reserveOffers(h, -1)
		tag = seenQuoteReleased
		if end == HoldLapsed {
			tag = seenQuoteExpired
		}
	}
	s.seen.add(h.By, tag, h.ID)
	delete(s.byHold, h.ID)
	owner := &s.participants[h.By]
	owner.holds = slices.DeleteFunc(owner.holds, func(x HoldIdx) bool { return x == at })
	s.touched.holdEnd(s, at, end)
	s.holds[at] = Hold{}
	s.nextHold[at] = s.freeHold
	s.freeHold = at
	return s.touched.reservedRight()
}

// closeHolds ends the holds of a submission of all or none that was decided. A refused one used none of
// them: those are held again.
func (s *State) closeHolds(all []HoldIdx, refused bool) error {
	for _, at := range all {
		h := &s.holds[at]
		end := h.ends
		if h.ends = HoldStands; refused && end == HoldUsed {
			s.reserve(h, 1) // what it has of offers came back with them
			continue
		}
		if err := s.dropHold(at, end); err != nil {
			return err
		}
	}
	return nil
}

func (s *State) setHoldTerms(by BIC, i *SetHoldTerms) Outcome {
	id := s.FindParticipant(i.Participant)
	operator := by == BIC{}
	switch {
	case operator && (i.SetLongestHold || i.SetHoldShare) || !operator && (i.SetLongestQuote || by != i.Participant):
		return NotAllowed
	case id == None:
		return UnknownParticipant
	case i.SetLongestQuote && (i.LongestQuote < MinHold || i.LongestQuote > MaxHold):
		return BadTTL
	case i.SetLongestHold && (i.LongestHold < 0 || i.LongestHold > MaxHold):
		return BadTTL
	case i.SetHoldShare && (i.HoldShare < 0 || i.HoldShare > Unit):
		return BadShare
	}
	p := &s.participants[id]
	set(i.SetLongestQuote, &p.LongestQuote, i.LongestQuote)
	set(i.SetLongestHold, &p.LongestHold, i.LongestHold)
	set(i.SetHoldShare, &p.HoldShare, i.HoldShare)
	s.touched.participant(s, id)
	return Applied
}
