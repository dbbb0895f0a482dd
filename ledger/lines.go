package ledger

import "viaduct/internal/money"

func (s *State) setLine(by BIC, i *SetLine) Outcome {
	issuer := s.FindParticipant(i.Asset.Issuer)
	switch {
	case by == BIC{}:
		return NotAllowed
	case issuer == None:
		return UnknownIssuer
	case !s.currencies[i.Asset.Currency]:
		return UnknownCurrency
	case by == i.Asset.Issuer:
		return OwnAsset
	case i.Limit < 0 || i.Limit > MaxUnits:
		return BadLimit
	case i.QualityIn < 1 || i.QualityIn > Unit || i.QualityOut < Unit || i.QualityOut > 2*Unit:
		return BadFee
	}
	id := s.openLine(s.FindParticipant(by), issuer, i.Asset.Currency)
	line := &s.positions[id]
	line.Limit, line.Ripple, line.QualityIn, line.QualityOut = i.Limit, i.Ripple, i.QualityIn, i.QualityOut
	s.touched.position(s, id)
	return Applied
}

func (s *State) controlLine(by BIC, i *ControlLine) Outcome {
	holder := s.FindParticipant(i.Holder)
	switch {
	case by == BIC{}:
		return NotAllowed
	case holder == None:
		return UnknownParticipant
	case !s.currencies[i.Currency]:
		return UnknownCurrency
	case by == i.Holder:
		return OwnAsset
	}
	id := s.openLine(holder, s.FindParticipant(by), i.Currency)
	line := &s.positions[id]
	set(i.SetFrozen, &line.Frozen, i.Frozen)
	set(i.SetAuthorized, &line.Authorized, i.Authorized)
	s.touched.position(s, id)
	return Applied
}

// openLine returns holder's line in issuer's asset, opening both when there are none.
func (s *State) openLine(holder, issuer PartID, c money.Currency) PosID {
	asset := s.openAsset(issuer, c)
	if id := s.FindPosition(holder, asset); id != None {
		return id
	}
	id := s.openPosition(holder, asset, s.openPurse(holder, c))
	s.positions[id].Ripple = s.participants[holder].RippleDefault
	return id
}
