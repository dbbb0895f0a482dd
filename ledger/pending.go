package ledger

import (
	"cmp"
	"slices"
)

// Bounds of what waits. A block that ends all of it stays well within a block log's record.
const (
	MaxQueued    = 1024  // payments of one participant
	MaxQueuedAll = 16384 // of all of them
	// DefaultWait is how long a payment without a not_after waits, MaxWait how long one waits at most,
	// in milliseconds of the ledger's time.
	DefaultWait = 24 * 3600 * 1000
	MaxWait     = 7 * 24 * 3600 * 1000
)

// PendingIdx is the slot of a payment that waits; slots are reused, last freed first.
type PendingIdx int32

// Pending is a payment that waits for liquidity, or for the one it is linked to.
type Pending struct {
	Origin
	Pay *Pay
	// Priority is the payment's own until its sender gives it another.
	Priority Priority
	// Seq is its place: lower goes first within a priority. It is the sender's to exchange among its own.
	Seq uint64
	// Born tells it from others that stand in the slot earlier or later.
	Born uint64
	// Deadline is the last moment at which it may settle, Unix milliseconds.
	Deadline int64
	// Tried is what the ledger had changed, as a count, when a search for it last failed.
	Tried uint64
	Live  bool // the slot is in use
}

// pendings is what waits, and in which order.
type pendings struct {
	slots    []Pending
	nextFree []PendingIdx // per slot: the next free one
	free     PendingIdx   // head of the free slots
	seq      uint64       // the last Seq given
	born     uint64       // the last Born given

	// changes counts whatever changes in the ledger that a waiting payment could settle by; done is the
	// count at which nothing more could be settled. While they differ there is work left.
	changes, done uint64
	from          place // where the searches of the next block go on

	// What follows from the slots.
	order  []PendingIdx // by priority, then Seq
	byID   map[pendingID]PendingIdx
	awaits map[pendingID][]PendingIdx // who waits for a payment, by that payment
	heap   expiryHeap
	count  []int             // per participant
	lanes  map[uint64][2]int // by sender and currency, per priority: what waits in turn
}

// pendingID names a payment: ids are their senders' own.
type pendingID struct {
	by PartID
	id ID
}

// place is a place in the order of what waits.
type place struct {
	behind uint8 // 0 for urgent, 1 for normal
	seq    uint64
}

func (p *Pending) place() place { return place{uint8(Urgent - p.Priority), p.Seq} }

func (a place) compare(b place) int {
	return cmp.Or(cmp.Compare(a.behind, b.behind), cmp.Compare(a.seq, b.seq))
}

func newPendings() pendings {
	return pendings{free: None, byID: make(map[pendingID]PendingIdx), awaits: make(map[pendingID][]PendingIdx), lanes: make(map[uint64][2]int)}
}

// Queue returns the slots of the payments that wait, in their order: urgent ones first, then as they
// came. Like Pendings it is the state's own.
func (s *State) Queue() []PendingIdx { return s.queue.order }

// Pendings returns the slots of waiting payments; one that is not Live is free.
func (s *State) Pendings() []Pending { return s.queue.slots }

// FindPending returns the slot of a participant's waiting payment, or None.
func (s *State) FindPending(by PartID, id ID) PendingIdx {
	if at, ok := s.queue.byID[pendingID{by, id}]; ok {
		return at
	}
	return None
}

// queueRoom says whether one more payment of a participant may wait.
func (s *State) queueRoom(by PartID) bool {
	return len(s.queue.order) < MaxQueuedAll && (int(by) >= len(s.queue.count) || s.queue.count[by] < MaxQueued)
}

// enqueue has the payment of the instruction under way wait.
func (s *State) enqueue(by PartID, i *Pay) {
	q := &s.queue
	q.seq++
	q.born++
	pay := *i
	p := Pending{
		Origin: s.origin(by, i.ID), Pay: &pay, Priority: i.Priority, Seq: q.seq, Born: q.born,
		Deadline: s.time + DefaultWait, Live: true,
	}
	if i.NotAfter != 0 {
		p.Deadline = min(i.NotAfter, s.time+MaxWait)
	}
	at := q.free
	if at != None {
		q.free = q.nextFree[at]
		q.nextFree[at] = None
		q.slots[at] = p
	} else {
		at = PendingIdx(len(q.slots))
		q.slots = append(q.slots, p)
		q.nextFree = append(q.nextFree, None)
	}
	q.index(at)
	turn, _ := q.find(p.place())
	q.order = slices.Insert(q.order, turn, at)
	if i.PvPWith != (ID{}) {
		s.await(at)
	}
	s.touchPending(at)
}

// index enters a slot where it is looked for, but for its place in the order.
func (q *pendings) index(at PendingIdx) {
	p := &q.slots[at]
	q.byID[pendingID{p.By, p.ID}] = at
	q.count = grow(q.count, int(p.By)+1)
	q.count[p.By]++
	q.inLane(p, 1)
	if len(q.heap) > 2*len(q.order)+64 {
		q.heap = q.heap[:0]
		for _, other := range q.order {
			o := &q.slots[other]
			q.heap.push(expiring{o.Deadline, o.Born, int32(other)})
		}
	}
	q.heap.push(expiring{p.Deadline, p.Born, int32(at)})
}

// inLane counts a payment in or out of its sender's turn in its currency. One that waits for another
// payment holds up nobody.
func (q *pendings) inLane(p *Pending, n int) {
	if p.Pay.PvPWith != (ID{}) {
		return
	}
	lane := pair(int32(p.By), int32(p.Pay.Send.Currency))
	waiting := q.lanes[lane]
	if waiting[p.Priority] += n; waiting == ([2]int{}) {
		delete(q.lanes, lane)
		return
	}
	q.lanes[lane] = waiting
}

// inTurn says whether no earlier payment of the sender waits for the same currency: what comes now goes
// behind those of its priority and of a higher one.
func (q *pendings) inTurn(by PartID, i *Pay) bool {
	if len(q.lanes) == 0 {
		return true
	}
	waiting := q.lanes[pair(int32(by), int32(i.Send.Currency))]
	return waiting[Urgent] == 0 && (i.Priority == Urgent || waiting[Normal] == 0)
}

func (q *pendings) find(at place) (int, bool) {
	return slices.BinarySearchFunc(q.order, at, func(i PendingIdx, at place) int { return q.slots[i].place().compare(at) })
}

// touchPending notes that a slot changed, and with it what there may be to settle.
func (s *State) touchPending(at PendingIdx) {
	s.trees[tablePending].touch(int(at))
	s.queue.changes++
}

// unqueue takes a payment that ended out of the queue, but for the order, which compact clears of all
// that ended at once.
func (s *State) unqueue(at PendingIdx) {
	q := &s.queue
	p := &q.slots[at]
	delete(q.byID, pendingID{p.By, p.ID})
	q.count[p.By]--
	q.inLane(p, -1)
	if p.Pay.PvPWith != (ID{}) {
		q.forgetAwait(s.partnerOf(p), at)
	}
	q.slots[at] = Pending{}
	q.nextFree[at] = q.free
	q.free = at
	s.touchPending(at)
}

// compact takes what ended out of the order. Until it ran, no slot is used again.
func (q *pendings) compact() {
	q.order = slices.DeleteFunc(q.order, func(at PendingIdx) bool { return !q.slots[at].Live })
}

// endPending ends a waiting payment without settling it, and the one that waits for it.
func (s *State) endPending(at PendingIdx, outcome Outcome) {
	p := s.queue.slots[at]
	s.unqueue(at)
	s.tellLater(p.Origin, p.Pay, outcome)
	s.endAwaiting(p.By, p.ID, PvPEnded)
}

// lapseQueue ends what has waited for too long.
func (s *State) lapseQueue() {
	q := &s.queue
	ended := false
	for len(q.heap) > 0 && q.heap[0].at < s.time {
		if e := q.heap.pop(); q.waits(e) {
			s.endPending(PendingIdx(e.slot), Expired)
			ended = true
		}
	}
	if ended {
		q.compact()
	}
}

// waits says whether the payment of a deadline is still there.
func (q *pendings) waits(e expiring) bool {
	p := &q.slots[e.slot]
	return p.Live && p.Born == e.seq
}

// queueDeadline returns when the queue wants a block by itself, 0 for never: now while there is work
// left, then when the first payment has waited for too long.
func (s *State) queueDeadline() int64 {
	q := &s.queue
	if len(q.order) > 0 && q.done != q.changes {
		return s.time
	}
	for len(q.heap) > 0 && !q.waits(q.heap[0]) {
		q.heap.pop()
	}
	if len(q.heap) == 0 {
		return 0
	}
	return q.heap[0].at + 1
}

func (s *State) cancelPayment(by BIC, i *CancelPayment) Outcome {
	at := s.FindPending(s.FindParticipant(by), i.ID)
	if by == (BIC{}) || at == None {
		return UnknownPayment
	}
	s.endPending(at, Cancelled)
	s.queue.compact()
	return Applied
}

// reorderPayment moves a payment among its sender's. Another priority puts it last of those. Within a
// priority the sender's payments keep the places they have together, so that nobody else's wait changes:
// the payment takes that of Before, or the last one, and those between move up by one.
func (s *State) reorderPayment(by BIC, i *ReorderPayment) Outcome {
	q := &s.queue
	me := s.FindParticipant(by)
	at := s.FindPending(me, i.ID)
	if by == (BIC{}) || at == None {
		return UnknownPayment
	}
	before := PendingIdx(None)
	if i.Before != (ID{}) {
		if before = s.FindPending(me, i.Before); before == None {
			return UnknownPayment
		}
	}
	if i.Priority > Urgent || before == at || before != None && q.slots[before].Priority != i.Priority {
		return TermsConflict
	}
	p := &q.slots[at]
	if p.Priority != i.Priority {
		q.seq++
		q.inLane(p, -1)
		p.Priority, p.Seq = i.Priority, q.seq
		q.inLane(p, 1)
		q.sort()
	}
	var mine []PendingIdx // of the priority, in order, and behind it their places
	for _, other := range q.order {
		if o := &q.slots[other]; o.By == me && o.Priority == i.Priority {
			mine = append(mine, other)
		}
	}
	seqs := make([]uint64, len(mine))
	for n, other := range mine {
		seqs[n] = q.slots[other].Seq
	}
	mine = slices.DeleteFunc(mine, func(x PendingIdx) bool { return x == at })
	to := len(mine)
	if before != None {
		to = slices.Index(mine, before)
	}
	for n, other := range slices.Insert(mine, to, at) {
		if q.slots[other].Seq != seqs[n] {
			q.slots[other].Seq = seqs[n]
			s.touchPending(other)
		}
	}
	s.touchPending(at)
	q.sort()
	return Applied
}

func (q *pendings) sort() {
	slices.SortFunc(q.order, func(a, b PendingIdx) int { return q.slots[a].place().compare(q.slots[b].place()) })
}
