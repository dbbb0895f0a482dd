package ledger

import (
	"cmp"
	"fmt"
	"slices"
)

// Offsetting settles payments together that none of them could alone: what matters is what is left of
// each position and purse when all of them are posted. A set is found as Bech and Soramäki do it (Bank
// of Finland discussion paper 9/2001): begin with all that wait, and as long as somebody would fall
// short take out the last of its payments. Who falls short must pay less, for what it gets only becomes
// less as others leave; so in the order of each sender's queue, whatever was taken out is in no set that
// works, and what is left is the largest.
//
// A receiver without room for what it would get is the other way not to work. Then the last of what it
// would get is passed over, and its sender's later payments are not: they are held up by somebody else.

// maxSum bounds the sum of the amounts of a set, so that no balance leaves int64 while it is posted.
const maxSum = 1 << 61

// candidate is a waiting payment that may settle with others.
type candidate struct {
	handover
	at           PendingIdx
	payer, taker PurseID
	issuer       PurseID
	before       int32 // the candidate before it of the same payer, -1 for none
	beside       int32 // the candidate before it into the same position, -1 for none
	partner      int32 // the candidate that it is linked to; noPartner, or partnerAway
	gone         bool  // taken out of the set
}

// What the partner of a candidate may be beside an index.
const (
	noPartner   = -1 // it is linked to none
	partnerAway = -2 // it is linked to one that is no candidate
)

// offsets is scratch room for finding sets.
type offsets struct {
	all       []candidate
	set, pair []int32
	under     []int32 // the set that is being found
	pairs     []pairEntry
	byPending []int32 // per slot of what waits: its candidate plus one, 0 for none
	urgent    []int32 // per purse: the first urgent payment that waits for what is in it, plus one

	pos, purse []netting
	usedPos    []PosID
	usedPurse  []PurseID
	short      []int32 // positions, and purses as -1-purse, that may fall short
	full       []PosID // positions that may lack room
	work       int     // payments looked at in the block
}

// netting is what a set does to a position or purse.
type netting struct {
	net    int64
	last   int32 // plus one: of a purse the last candidate that it pays, of a position the last into it
	used   bool
	listed bool // in short
	fulled bool // in full
	noDraw bool // of a purse: nothing may be drawn on it
}

// pairEntry is a candidate by the two purses it moves value between.
type pairEntry struct {
	key uint64
	i   int32
}

// offset settles bilateral sets, then the largest multilateral one. Linked payments are passed over when
// they hold others up, so the set is looked for without them first, and then with them.
func (s *State) offset() error {
	o := &s.offsets
	linked := s.candidates()
	if len(o.all) < 2 {
		return nil
	}
	if err := s.offsetPairs(); err != nil || s.reach == bilateral {
		return err
	}
	if err := s.offsetAll(false); err != nil || !linked {
		return err
	}
	return s.offsetAll(true)
}

func (s *State) offsetAll(linked bool) error {
	o := &s.offsets
	o.set = o.set[:0]
	for i := range o.all {
		if c := &o.all[i]; s.queue.slots[c.at].Live && (c.partner == noPartner || linked && c.partner >= 0) {
			o.set = append(o.set, int32(i))
		}
	}
	s.findSet(&o.set)
	return s.settleSet(o.set)
}

// candidates collects what waits and needs no search, in the order of the queue; linked says that there
// are payments among them that are linked to each other.
func (s *State) candidates() (linked bool) {
	o, q := &s.offsets, &s.queue
	clear(o.byPending)
	clear(o.urgent)
	o.byPending, o.urgent = grow(o.byPending, len(q.slots)), grow(o.urgent, len(s.purses))
	o.pos, o.purse = grow(o.pos, len(s.positions)), grow(o.purse, len(s.purses))
	o.all = o.all[:0]
	o.work += len(q.order)
	sum := int64(0)
	for _, at := range q.order {
		p := &q.slots[at]
		if !p.Live {
			continue
		}
		h, ok := s.direct(p.By, p.Pay)
		if ok {
			c := s.candidate(at, h)
			ok = h.in <= maxSum-sum && s.purses[c.taker].Net+s.purses[c.taker].HeldIn <= maxNet-maxSum
			if ok {
				sum += h.in
				o.all = append(o.all, c)
				o.byPending[at] = int32(len(o.all))
			}
		}
		if p.Priority == Urgent {
			if payer := s.findPurse(p.By, p.Pay.Send.Currency); payer != None && o.urgent[payer] == 0 {
				o.urgent[payer] = int32(at) + 1
			}
		}
	}
	for i := range o.all {
		c := &o.all[i]
		if q.slots[c.at].Pay.PvPWith == (ID{}) {
			continue
		}
		c.partner = partnerAway
		if other := s.partner(c.at); other != None && o.byPending[other] != 0 {
			c.partner, linked = o.byPending[other]-1, true
		}
	}
	return linked
}

func (s *State) candidate(at PendingIdx, h handover) candidate {
	purse := func(p PosID) PurseID { return s.positions[p].Purse }
	return candidate{handover: h, at: at, payer: purse(h.from), taker: purse(h.to), issuer: purse(h.own), partner: noPartner}
}

// offsetPairs settles what two participants owe each other in one currency. Within a pair the order is
// that of the queue; payments to others do not hold it up, but what an urgent one of them waits for is
// not drawn on.
func (s *State) offsetPairs() error {
	o := &s.offsets
	o.pairs = o.pairs[:0]
	for i := range o.all {
		if c := &o.all[i]; c.partner == noPartner {
			o.pairs = append(o.pairs, pairEntry{pair(int32(min(c.payer, c.taker)), int32(max(c.payer, c.taker))), int32(i)})
		}
	}
	slices.SortFunc(o.pairs, func(a, b pairEntry) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.i, b.i)) })
	for i := 0; i < len(o.pairs); {
		n := i + 1
		both := false
		for ; n < len(o.pairs) && o.pairs[n].key == o.pairs[i].key; n++ {
			both = both || o.all[o.pairs[n].i].payer != o.all[o.pairs[i].i].payer
		}
		if both {
			o.pair = o.pair[:0]
			for _, e := range o.pairs[i:n] {
				o.pair = append(o.pair, e.i)
			}
			first := &o.all[o.pair[0]]
			s.guardUrgent(first.payer, first.taker)
			s.guardUrgent(first.taker, first.payer)
			s.findSet(&o.pair)
			o.purse[first.payer].noDraw, o.purse[first.taker].noDraw = false, false
			if err := s.settleSet(o.pair); err != nil {
				return err
			}
		}
		i = n
	}
	return nil
}

// guardUrgent sees to it that a pair draws nothing from a purse whose first urgent payment goes elsewhere.
func (s *State) guardUrgent(payer, taker PurseID) {
	o := &s.offsets
	at := o.urgent[payer] - 1
	if at < 0 || !s.queue.slots[at].Live {
		return
	}
	i := o.byPending[at]
	o.purse[payer].noDraw = i == 0 || o.all[i-1].taker != taker
}

// findSet takes out of a set, which is in the order of the queue, what keeps it from working.
func (s *State) findSet(set *[]int32) {
	o := &s.offsets
	o.work += len(*set)
	o.under = *set
	for _, i := range *set {
		c := &o.all[i]
		c.gone = false
		payer, into := s.usePurse(c.payer), s.usePos(c.to)
		c.before, payer.last = payer.last-1, i+1
		c.beside, into.last = into.last-1, i+1
		s.usePurse(c.taker)
		s.usePurse(c.issuer)
		s.usePos(c.from)
		s.usePos(c.own)
		s.weigh(c, 1)
	}
	for _, p := range o.usedPos {
		s.list(p)
		s.listFull(p)
	}
	for _, u := range o.usedPurse {
		s.listPurse(u)
	}
	for {
		if n := len(o.short); n > 0 {
			at := o.short[n-1]
			o.short = o.short[:n-1]
			s.relieve(at)
		} else if n := len(o.full); n > 0 {
			p := o.full[n-1]
			o.full = o.full[:n-1]
			s.makeRoom(p)
		} else {
			break
		}
	}
	*set = slices.DeleteFunc(*set, func(i int32) bool { return o.all[i].gone })
	for _, p := range o.usedPos {
		o.pos[p] = netting{}
	}
	for _, u := range o.usedPurse {
		o.purse[u] = netting{noDraw: o.purse[u].noDraw}
	}
	o.usedPos, o.usedPurse = o.usedPos[:0], o.usedPurse[:0]
}

func (s *State) usePos(p PosID) *netting {
	n := &s.offsets.pos[p]
	if !n.used {
		n.used = true
		s.offsets.usedPos = append(s.offsets.usedPos, p)
	}
	return n
}

func (s *State) usePurse(u PurseID) *netting {
	n := &s.offsets.purse[u]
	if !n.used {
		n.used = true
		s.offsets.usedPurse = append(s.offsets.usedPurse, u)
	}
	return n
}

// weigh adds a candidate to what the set does, or takes it out again.
func (s *State) weigh(c *candidate, sign int64) {
	o := &s.offsets
	o.pos[c.from].net -= sign * c.in
	o.purse[c.payer].net -= sign * c.in
	o.pos[c.to].net += sign * c.out
	o.purse[c.taker].net += sign * c.out
	if fee := c.in - c.out; fee != 0 {
		o.pos[c.own].net += sign * fee
		o.purse[c.issuer].net += sign * fee
	}
}

func (s *State) list(p PosID) {
	if n := &s.offsets.pos[p]; !n.listed {
		n.listed = true
		s.offsets.short = append(s.offsets.short, int32(p))
	}
}

func (s *State) listPurse(u PurseID) {
	if n := &s.offsets.purse[u]; !n.listed {
		n.listed = true
		s.offsets.short = append(s.offsets.short, -1-int32(u))
	}
}

func (s *State) listFull(p PosID) {
	if n := &s.offsets.pos[p]; !n.fulled {
		n.fulled = true
		s.offsets.full = append(s.offsets.full, p)
	}
}

// relieve takes the last payments of whoever falls short at a position or purse out of the set, until it
// does not.
func (s *State) relieve(at int32) {
	o := &s.offsets
	var payer PurseID
	var short func() bool
	if at < 0 {
		payer = PurseID(-1 - at)
		n := &o.purse[payer]
		n.listed = false
		room := s.PurseRoom(payer)
		if n.noDraw {
			room = 0
		}
		short = func() bool { return n.net < 0 && -n.net > room }
	} else {
		n := &o.pos[at]
		n.listed = false
		payer = s.positions[at].Purse
		short = func() bool { return n.net < 0 && -n.net > s.Available(PosID(at)) }
	}
	for short() {
		last := s.lastOf(payer)
		if last < 0 {
			s.takeAll()
			return
		}
		s.takeOut(last)
	}
}

// lastOf returns the last candidate of a payer that is in the set, -1 for none.
func (s *State) lastOf(payer PurseID) int32 {
	o := &s.offsets
	n := &o.purse[payer]
	for n.last > 0 && o.all[n.last-1].gone {
		n.last = o.all[n.last-1].before + 1
	}
	return n.last - 1
}

// makeRoom takes the last of what comes into a position out of the set, until it has room for the rest.
func (s *State) makeRoom(p PosID) {
	o := &s.offsets
	n := &o.pos[p]
	n.fulled = false
	for n.net > 0 && n.net > s.Headroom(p) {
		for n.last > 0 && o.all[n.last-1].gone {
			n.last = o.all[n.last-1].beside + 1
		}
		if n.last == 0 {
			s.takeAll()
			return
		}
		s.takeOut(n.last - 1)
	}
}

// takeOut takes a candidate out of the set, and with it the one that it is linked to.
func (s *State) takeOut(i int32) {
	c := &s.offsets.all[i]
	c.gone = true
	s.weigh(c, -1)
	s.list(c.to)
	s.listPurse(c.taker)
	s.listFull(c.from)
	if c.in != c.out {
		s.listPurse(c.issuer)
	}
	if c.partner >= 0 && !s.offsets.all[c.partner].gone {
		s.takeOut(c.partner)
	}
}

func (s *State) takeAll() {
	for _, i := range s.offsets.under {
		if !s.offsets.all[i].gone {
			s.takeOut(i)
		}
	}
}

// settleSet posts a set that works, each payment with a result of its own, in the order of the queue. In
// between a balance may be on the wrong side of zero; behind the last payment none is.
func (s *State) settleSet(set []int32) error {
	o := &s.offsets
	s.together = true
	for _, i := range set {
		c := &o.all[i]
		s.plan = Plan{Flows: c.appendFlows(s.plan.Flows[:0]), Source: c.in, Delivered: c.out}
		if err := s.settlePending(c.at); err != nil {
			return err
		}
	}
	s.together = false
	for _, i := range set {
		c := &o.all[i]
		for _, p := range [...]PosID{c.from, c.to, c.own} {
			if pos := &s.positions[p]; !pos.Own && pos.Balance < 0 || pos.Own && pos.Balance > 0 {
				return fmt.Errorf("%w: position %d is left with %d by a set", ErrBroken, p, pos.Balance)
			}
		}
	}
	return nil
}

// settlePending posts the plan for a waiting payment, which leaves the queue.
func (s *State) settlePending(at PendingIdx) error {
	p := s.queue.slots[at]
	s.unqueue(at)
	r := s.later(&p.Origin, p.Pay)
	r.Source, r.Delivered = s.plan.Source, s.plan.Delivered
	err := s.postPlan(&s.plan, r)
	s.writeLater(&p.Origin)
	return err
}
