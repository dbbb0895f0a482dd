package ledger

// pay checks a payment in the order of the cases below, asks the router for its flows, checks those
// in full, and posts them: all of them, or none. From the point where it is found to be no duplicate,
// its ids count as used, whatever its outcome.
func (s *State) pay(by BIC, i *Pay, r *Result) (Outcome, error) {
	req, outcome := s.checkPay(by, i)
	if outcome != Applied {
		return outcome, s.tooLateFor(req.From, i, outcome)
	}
	s.seen.add(req.From, seenPayment, i.ID)
	s.seen.add(req.From, seenUETR(i.UETRKind), i.UETR)
	s.seen.later(req.From, seenMessage, i.MessageID)
	if i.Quote != (ID{}) {
		outcome, err := s.payQuoted(req.From, i, r)
		s.decided(req.From, i, outcome)
		return outcome, err
	}
	if i.Mode != Covered { // else its cover moves the money
		outcome = s.decide(req.From, req.To, i)
	}
	switch {
	case outcome == Queued:
		s.enqueue(req.From, i)
	case outcome == Applied && i.Mode != Covered:
		r.Source, r.Delivered = s.plan.Source, s.plan.Delivered
		if err := s.postPlan(&s.plan, r); err != nil {
			return Applied, err
		}
	}
	s.decided(req.From, i, outcome)
	return outcome, nil
}

// decide says whether a payment settles now, by the plan it leaves, or waits. What may wait goes behind
// what waits already, and does not where it could never settle.
func (s *State) decide(from, to PartID, i *Pay) Outcome {
	if i.PvPWith != (ID{}) {
		if outcome := s.checkLink(from, to, i); outcome != Applied {
			return outcome
		}
		if _, ok := s.direct(from, i); !ok {
			return NoPath
		}
		return s.queuedOrFull(from)
	}
	outcome := s.findPlan(from, i)
	if i.OnShortfall == QueueOnShortfall && (outcome == Applied && !s.queue.inTurn(from, i) || outcome.forWant()) {
		return s.queuedOrFull(from)
	}
	return outcome
}

func (s *State) queuedOrFull(from PartID) Outcome {
	if s.queueRoom(from) {
		return Queued
	}
	return QueueFull
}

// forWant says whether a payment failed for want of liquidity, which may come: funds, room, offers or
// better prices.
func (o Outcome) forWant() bool {
	switch o {
	case NoFunds, NoPath, Shortfall, SendMaxExceeded, DeliverMinNotMet, CapExceeded:
		return true
	}
	return false
}

// findPlan asks for the flows of a payment that passed checkPay, and checks them; the plan is there when
// it answers Applied.
func (s *State) findPlan(by PartID, i *Pay) Outcome {
	req := &s.request
	*req = s.requestOf(by, i)
	if outcome := s.narrow(req, i); outcome != Applied {
		return outcome
	}
	if outcome := s.router.Route(req, &s.plan); outcome != Applied {
		return outcome
	}
	if err := s.checkPlan(req, &s.plan); err == errFull {
		return Shortfall
	} else if err != nil {
		s.block.Faults = append(s.block.Faults, err)
		return RouteFault
	}
	if leafHead+movesLen(s.plan.Flows) > MaxLeaf {
		return Oversized
	}
	return Applied
}

func (s *State) requestOf(by PartID, i *Pay) Request {
	return Request{
		From: by, To: s.FindParticipant(i.To),
		Send: i.Send.Currency, Deliver: i.Deliver.Currency,
		SendAsset: None, DeliverAsset: None,
		Amount: i.Amount, Bound: i.Bound, ExactSend: i.Mode == ExactSend,
		Partial: i.Partial, Least: i.Least,
	}
}

func (s *State) checkPay(by BIC, i *Pay) (Request, Outcome) {
	req := s.requestOf(s.FindParticipant(by), i)
	switch {
	case by == BIC{}:
		return req, NotAllowed
	case i.Mode < ExactDeliver || i.Mode > Covered || i.UETRKind < UETRPayment || i.UETRKind > UETRAdvice:
		return req, UnknownMode
	case i.UETRKind == UETRAdvice && i.Mode != Covered || i.UETRKind == UETRCover && i.Mode == Covered:
		return req, UnknownMode
	case !amountsFit(i):
		return req, BadAmount
	case !termsFit(i) || i.waits() && s.under.sub.Whole:
		return req, TermsConflict
	case i.UETR == [16]byte{}:
		return req, NoUETR
	case req.To == None:
		return req, UnknownReceiver
	case !s.currencies[i.Send.Currency] || !s.currencies[i.Deliver.Currency]:
		return req, UnknownCurrency
	case s.unknownIssuer(i.Send) || s.unknownIssuer(i.Deliver):
		return req, UnknownIssuer
	case req.From == req.To && req.Send == req.Deliver:
		return req, SelfPayment
	case s.seen.has(req.From, seenPayment, i.ID) || i.ID == ID{}:
		return req, IDReused
	case i.NotAfter != 0 && s.time > i.NotAfter:
		return req, PastNotAfter
	case s.seen.has(req.From, seenUETR(i.UETRKind), i.UETR):
		return req, DuplicateUETR
	case s.seen.has(req.From, seenMessage, i.MessageID):
		return req, DuplicateMessage
	}
	return req, Applied
}

// narrow names the assets of a payment that asks for some; one that nobody opened yet has no holder.
func (s *State) narrow(req *Request, i *Pay) Outcome {
	if i.Send.Issuer != (BIC{}) {
		if req.SendAsset = s.FindAsset(i.Send); req.SendAsset == None {
			return NoFunds
		}
	}
	if i.Deliver.Issuer != (BIC{}) {
		if req.DeliverAsset = s.FindAsset(i.Deliver); req.DeliverAsset == None {
			return NoAcceptance
		}
	}
	return Applied
}

func amountsFit(i *Pay) bool {
	if i.Amount < 1 || i.Amount > MaxUnits || i.Bound < 0 || i.Bound > MaxUnits || i.Least < 0 || i.NotAfter < 0 {
		return false
	}
	switch i.Mode {
	case ExactSend:
		return !i.Partial && i.Least == 0
	case Covered:
		return !i.Partial && i.Least == 0 && i.Bound == 0 && i.Send == i.Deliver
	}
	return i.Bound > 0 && i.Least <= i.Amount && (i.Partial || i.Least == 0)
}

// termsFit says whether what a payment asks for goes together. A transfer that its cover settles waits
// for nothing else, and one with a firm quote has its liquidity.
func termsFit(i *Pay) bool {
	quoted, linked := i.Quote != ID{}, i.PvPWith != ID{}
	switch {
	case i.OnShortfall > QueueOnShortfall || i.Priority > Urgent:
		return false
	case i.Mode == Covered || quoted:
		return !i.waits() && !(quoted && (i.Mode == Covered || i.Partial))
	case linked:
		return i.PvPWith != i.ID && i.Send.Currency == i.Deliver.Currency && !i.Partial
	}
	return true
}

// waits says whether a payment may have to wait.
func (i *Pay) waits() bool { return i.OnShortfall == QueueOnShortfall || i.PvPWith != ID{} }

func (s *State) unknownIssuer(a AssetName) bool {
	return a.Issuer != (BIC{}) && s.FindParticipant(a.Issuer) == None
}

func seenUETR(k UETRKind) seenTag {
	if k == UETRAdvice {
		return seenAdvice
	}
	return seenTag(k)
}
