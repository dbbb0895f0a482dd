package ledger

import "slices"

// Two payments that name each other settle together or not at all (payment versus payment): one from a
// to b, the other from b to a, in another currency. Whichever comes first waits for the other. Names are
// read with their sender, since ids are their senders' own: the payment that a payment from a to b names
// is b's.

// partnerOf names the payment that a waiting one is linked to.
func (s *State) partnerOf(p *Pending) pendingID {
	return pendingID{s.FindParticipant(p.Pay.To), p.Pay.PvPWith}
}

// checkLink says whether the payment that a new one names can still come, or waits and is linked to it.
func (s *State) checkLink(by, to PartID, i *Pay) Outcome {
	if i.PvPWith == (ID{}) {
		return Applied
	}
	at := s.FindPending(to, i.PvPWith)
	if at == None {
		if s.seen.has(to, seenPayment, i.PvPWith) {
			return PvPEnded
		}
		return Applied
	}
	other := &s.queue.slots[at]
	if s.partnerOf(other) != (pendingID{by, i.ID}) || other.Pay.Send.Currency == i.Send.Currency {
		return PvPMismatch
	}
	return Applied
}

// await notes that a waiting payment waits for another.
func (s *State) await(at PendingIdx) {
	id := s.partnerOf(&s.queue.slots[at])
	s.queue.awaits[id] = append(s.queue.awaits[id], at)
}

func (q *pendings) forgetAwait(id pendingID, at PendingIdx) {
	left := slices.DeleteFunc(q.awaits[id], func(x PendingIdx) bool { return x == at })
	if len(left) == 0 {
		delete(q.awaits, id)
	} else {
		q.awaits[id] = left
	}
}

// endAwaiting ends what waits for a payment that came to nothing, or turned out to be linked elsewhere.
func (s *State) endAwaiting(by PartID, id ID, outcome Outcome) (ended bool) {
	for _, at := range slices.Clone(s.queue.awaits[pendingID{by, id}]) {
		if s.queue.slots[at].Live {
			s.endPending(at, outcome)
			ended = true
		}
	}
	return ended
}

// decided is told what became of a new payment that others may wait for. They end with it, unless it is
// one of theirs and waits too.
func (s *State) decided(by PartID, i *Pay, outcome Outcome) {
	if len(s.queue.awaits) == 0 {
		return
	}
	ended := false
	for _, at := range slices.Clone(s.queue.awaits[pendingID{by, i.ID}]) {
		p := &s.queue.slots[at]
		switch {
		case !p.Live:
		case outcome != Queued && outcome != Applied:
			s.endPending(at, PvPEnded)
			ended = true
		case outcome == Applied || i.PvPWith != p.ID || s.FindParticipant(i.To) != p.By:
			s.endPending(at, PvPMismatch)
			ended = true
		}
	}
	if ended {
		s.queue.compact()
	}
}

// partner returns the payment that a linked one settles with, or None while it has not come.
func (s *State) partner(at PendingIdx) PendingIdx {
	id := s.partnerOf(&s.queue.slots[at])
	return s.FindPending(id.by, id.id)
}
