package ledger

// What one block does for the queue at most; the rest is carried on in the next one, which comes at once
// (see NextDeadline). A search takes as long as some thousands of the payments that need none.
const (
	maxQueueWork   = 1 << 17 // payments looked at, in all rounds together
	maxQueueSearch = 16
)

// reach is how far settling what waits goes.
type reach uint8

const (
	multilateral reach = iota
	bilateral
	gross
)

// workQueue settles what can be settled of what waits, once the instructions of a block are decided:
// each by itself, then pairs, then as many together as can be; again as long as anything settles.
func (s *State) workQueue() error {
	q := &s.queue
	s.offsets.work, s.searches = 0, 0
	for q.done != q.changes {
		if len(q.order) == 0 {
			q.done = q.changes
			return nil
		}
		before := q.changes
		left, err := s.settleGross()
		q.compact()
		if err == nil && s.reach != gross {
			err = s.offset()
			q.compact()
		}
		if err != nil {
			return err
		}
		switch {
		case q.changes == before && !left:
			q.done = q.changes
		case left || s.offsets.work > maxQueueWork:
			return nil
		}
	}
	return nil
}

// settleGross goes through the queue and settles each payment that can be settled by itself. Where a
// sender's own funds do not do for one, its later ones of the currency wait their turn; what is held up by
// anything else is passed over. left says that searches were put off.
func (s *State) settleGross() (left bool, err error) {
	q := &s.queue
	s.offsets.work += len(q.order)
	s.closed = grow(s.closed, len(s.purses))
	clear(s.closed)
	restart := true
	for _, at := range q.order {
		p := &q.slots[at]
		if !p.Live {
			continue // settled with the one it is linked to
		}
		purse := s.findPurse(p.By, p.Pay.Send.Currency)
		if purse == None || s.closed[purse] {
			continue
		}
		if p.Pay.PvPWith != (ID{}) {
			if err := s.settleLinked(at); err != nil {
				return left, err
			}
			continue
		}
		if h, ok := s.direct(p.By, p.Pay); ok && s.fits(&h) {
			s.plan = Plan{Flows: h.appendFlows(s.plan.Flows[:0]), Source: h.in, Delivered: h.out}
			if err := s.settlePending(at); err != nil {
				return left, err
			}
			continue
		}
		switch {
		case !s.couldFund(purse, p.Pay):
			s.closed[purse] = true
		case p.Tried == q.changes:
		case p.place().compare(q.from) < 0 || s.searches == maxQueueSearch:
			if s.searches == maxQueueSearch && restart && p.place().compare(q.from) >= 0 {
				q.from, restart = p.place(), false
			}
			left = true
			s.closed[purse] = true
		default:
			s.searches++
			if s.findPlan(p.By, p.Pay) == Applied {
				if err := s.settlePending(at); err != nil {
					return left, err
				}
				continue
			}
			p.Tried = q.changes
			s.trees[tablePending].touch(int(at))
		}
	}
	if restart {
		q.from = place{} // all behind the cursor was looked at: the next pass begins at the front
	}
	return left, nil
}

// couldFund says whether a sender has what a payment takes at the least, in all its assets of the currency.
func (s *State) couldFund(purse PurseID, i *Pay) bool {
	need := int64(1)
	if i.Mode == ExactDeliver && i.Send.Currency == i.Deliver.Currency {
		need = i.Amount
		if i.Partial {
			need = max(1, i.Least)
		}
	}
	u := &s.purses[purse]
	if need > s.PurseRoom(purse) {
		return false
	}
	if i.Send.Issuer != (BIC{}) {
		asset := s.FindAsset(i.Send)
		if asset == None {
			return false
		}
		pos := s.FindPosition(u.Participant, asset)
		return pos != None && need <= s.Available(pos)
	}
	for _, pos := range u.positions {
		if need -= min(need, s.Available(pos)); need == 0 {
			return true
		}
	}
	return false
}

// settleLinked settles a payment with the one it is linked to, if both can.
func (s *State) settleLinked(at PendingIdx) error {
	o := &s.offsets
	other := s.partner(at)
	if other == None {
		return nil
	}
	o.all = o.all[:0]
	for _, leg := range [...]PendingIdx{at, other} {
		p := &s.queue.slots[leg]
		h, ok := s.direct(p.By, p.Pay)
		if !ok {
			return nil
		}
		o.all = append(o.all, s.candidate(leg, h))
	}
	o.all[0].partner, o.all[1].partner = 1, 0
	o.pos, o.purse = grow(o.pos, len(s.positions)), grow(o.purse, len(s.purses))
	o.set = append(o.set[:0], 0, 1)
	s.findSet(&o.set)
	return s.settleSet(o.set)
}
