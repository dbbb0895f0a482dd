package ledger

// pay checks a payment in the order of the cases below, asks the router for its flows, checks those
// in full, and posts them: all of them, or none. From the point where it is found to be no duplicate,
// its ids count as used, whatever its outcome.
func (s *State) pay(by BIC, i *Pay, r *Result) (Outcome, error) {
	req := &s.request
	var outcome Outcome
	if *req, outcome = s.checkPay(by, i); outcome != Applied {
		return outcome, nil
	}
	s.seen.add(req.From, seenPayment, i.ID)
	s.seen.add(req.From, seenUETR(i.UETRKind), i.UETR)
	s.seen.later(req.From, seenMessage, i.MessageID)
	if i.Mode == Covered {
		return Applied, nil // its cover moves the money
	}

	if outcome := s.narrow(req, i); outcome != Applied {
		return outcome, nil
	}
	if outcome := s.router.Route(req, &s.plan); outcome != Applied {
		return outcome, nil
	}
	if err := s.checkPlan(req, &s.plan); err == errFull {
		return Shortfall, nil
	} else if err != nil {
		s.block.Faults = append(s.block.Faults, err)
		return RouteFault, nil
	}
	if leafHead+movesLen(s.plan.Flows) > MaxLeaf {
		return Oversized, nil
	}
	r.Source, r.Delivered = s.plan.Source, s.plan.Delivered
	return Applied, s.postPlan(&s.plan, r)
}

func (s *State) checkPay(by BIC, i *Pay) (Request, Outcome) {
	req := Request{
		From: s.FindParticipant(by), To: s.FindParticipant(i.To),
		Send: i.Send.Currency, Deliver: i.Deliver.Currency,
		SendAsset: None, DeliverAsset: None,
		Amount: i.Amount, Bound: i.Bound, ExactSend: i.Mode == ExactSend,
		Partial: i.Partial, Least: i.Least,
	}
	switch {
	case by == BIC{}:
		return req, NotAllowed
	case i.Mode < ExactDeliver || i.Mode > Covered || i.UETRKind < UETRPayment || i.UETRKind > UETRAdvice:
		return req, UnknownMode
	case i.UETRKind == UETRAdvice && i.Mode != Covered || i.UETRKind == UETRCover && i.Mode == Covered:
		return req, UnknownMode
	case !amountsFit(i):
		return req, BadAmount
	case !termsFit(i):
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
	case i.Quote != ID{}:
		return req, UnknownQuote
	case i.waits():
		return req, QueueFull
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
		return !i.waits() && !(quoted && i.Mode == Covered)
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
