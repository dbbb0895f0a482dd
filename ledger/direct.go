package ledger

// handover is a payment that needs no search: its sender gives an asset that it holds or issues, or
// redeems one, and the receiver takes it. In leaves the sender, the transfer fee included; out arrives.
type handover struct {
	from, to, own PosID
	in, out       int64
}

// direct finds the hand-over of a payment. Of several assets it takes the first that would do at
// once, in the order in which a path search prefers them: redeem, then holdings, then issue. When none
// would, it is the one that could do best with other payments: an asset that the payment names, or else
// of the holdings the one with most in it, or else the sender's own asset. Amounts aside, every rule is
// kept.
func (s *State) direct(by PartID, i *Pay) (best handover, ok bool) {
	only, good := s.namedAsset(i)
	from, to := s.findPurse(by, i.Send.Currency), s.findPurse(s.FindParticipant(i.To), i.Deliver.Currency)
	if !good || i.Mode != ExactDeliver || i.Partial || i.Send.Currency != i.Deliver.Currency || from == None || to == None {
		return best, false
	}
	sender, receiver := &s.purses[from], &s.purses[to]
	most := int64(-1) // in the holding of best
	try := func(pos PosID, fallback bool, weight int64) (done bool) {
		if pos == None {
			return false
		}
		end := s.FindPosition(receiver.Participant, s.positions[pos].Asset)
		if end == None {
			return false
		}
		h, allowed := s.handover(pos, end, i.Amount)
		if !allowed || h.in > i.Bound {
			return false
		}
		if s.fits(&h) {
			best, ok = h, true
			return true
		}
		if fallback && weight > most && (h.to == h.own || s.positions[end].Limit >= h.out) {
			best, ok, most = h, true, weight
		}
		return false
	}
	if only != None {
		try(s.FindPosition(by, only), true, 0)
		return best, ok
	}
	s.offsets.work += len(sender.positions)
	if receiver.Own != None && try(s.FindPosition(by, s.positions[receiver.Own].Asset), false, 0) {
		return best, true
	}
	for _, pos := range sender.positions {
		if pos != sender.Own && s.assets[s.positions[pos].Asset].Issuer != receiver.Participant && try(pos, true, s.Available(pos)) {
			return best, true
		}
	}
	try(sender.Own, !ok, MaxUnits)
	return best, ok
}

// namedAsset returns the one asset that a payment names, or None; false when it names two, or one that
// nobody has opened yet.
func (s *State) namedAsset(i *Pay) (AssetID, bool) {
	name := i.Send
	if name.Issuer == (BIC{}) {
		name = i.Deliver
	}
	if name.Issuer == (BIC{}) {
		return None, true
	}
	asset := s.FindAsset(name)
	return asset, asset != None && (i.Deliver.Issuer == (BIC{}) || i.Deliver.Issuer == name.Issuer)
}

// handover makes the hand-over of an amount between two positions of an asset; false when it is not
// allowed.
func (s *State) handover(from, to PosID, out int64) (h handover, ok bool) {
	h = handover{from: from, to: to, own: s.assets[s.positions[from].Asset].Own, in: out, out: out}
	switch {
	case to == h.own: // the holder may always redeem with the receiver
		return h, true
	case from == h.own:
		return h, s.CanTake(to)
	}
	h.in, ok = s.CeilCost(Give, int32(from), out)
	return h, ok && s.CanGive(from) && s.CanTake(to)
}

// fits says whether a hand-over keeps within balances, limits and caps by itself.
func (s *State) fits(h *handover) bool {
	taker := &s.purses[s.positions[h.to].Purse]
	return h.in <= s.givable(h.from) && h.out <= s.Headroom(h.to) && taker.Net+taker.HeldIn <= maxNet-h.out
}

// appendFlows appends the hand-over's flows.
func (h *handover) appendFlows(flows []Flow) []Flow {
	switch {
	case h.to == h.own:
		return append(flows, Flow{Redeem, int32(h.from), h.in, h.out})
	case h.from == h.own:
		return append(flows, Flow{Issue, int32(h.to), h.in, h.out})
	}
	return append(flows, Flow{Give, int32(h.from), h.in, h.out}, Flow{Take, int32(h.to), h.out, h.out})
}
