package ledger

import "fmt"

// append writes what the queue holds beside its slots.
func (q *pendings) append(w *writer) {
	w.u32(uint32(q.free))
	w.u64(q.seq)
	w.u64(q.born)
	w.u64(q.changes)
	w.u64(q.done)
	w.u8(q.from.behind)
	w.u64(q.from.seq)
}

func (q *pendings) read(r *reader) {
	q.free = PendingIdx(r.u32())
	q.seq, q.born, q.changes, q.done = r.u64(), r.u64(), r.u64(), r.u64()
	q.from = place{r.u8(), r.u64()}
}

func (p *Pending) encode(w *writer) {
	p.Origin.encode(w)
	w.u8(uint8(p.Priority))
	w.u64(p.Seq)
	w.u64(p.Born)
	w.i64(p.Deadline)
	w.u64(p.Tried)
}

func (p *Pending) decode(r *reader) {
	p.Origin.decode(r)
	p.Live, p.Priority = true, Priority(r.u8())
	p.Seq, p.Born, p.Deadline, p.Tried = r.u64(), r.u64(), r.i64(), r.u64()
	p.Pay = new(Pay)
	r.bad = r.bad || p.Kind != KindPay || !decodeInto(p.Pay, p.Body)
}

// linkQueue makes the indexes of what waits.
func (s *State) linkQueue() error {
	q := &s.queue
	seqs, borns := make(map[uint64]bool), make(map[uint64]bool)
	free := 0
	for i := range q.slots {
		p, at := &q.slots[i], PendingIdx(i)
		if !p.Live {
			free++
			continue
		}
		if q.nextFree[i] != None || !within(p.By, len(s.participants)) || p.ID != p.Pay.ID || p.ID == (ID{}) || s.FindParticipant(p.Pay.To) == None ||
			s.FindPending(p.By, p.ID) != None || p.Priority > Urgent || seqs[p.Seq] || borns[p.Born] || p.Seq > q.seq || p.Born > q.born ||
			p.Deadline < s.time || !s.queueRoom(p.By) {
			return unlinked(tablePending, i)
		}
		seqs[p.Seq], borns[p.Born] = true, true
		q.order = append(q.order, at)
		q.index(at)
		if p.Pay.PvPWith != (ID{}) {
			s.await(at)
		}
	}
	q.sort()
	return walkFree("waiting payments", q.free, q.nextFree, free, func(at PendingIdx) bool { return q.slots[at].Live })
}

// checkQueue compares what follows from the slots with what is kept.
func (s *State) checkQueue() error {
	q := &s.queue
	live, counted, turns, awaited := 0, 0, 0, 0
	for i := range q.slots {
		p := &q.slots[i]
		if !p.Live {
			continue
		}
		live++
		if s.FindPending(p.By, p.ID) != PendingIdx(i) {
			return fmt.Errorf("%w: waiting payment %d is not found by its id", ErrBroken, i)
		}
		if p.Deadline < s.time {
			return fmt.Errorf("%w: waiting payment %d waits beyond %d", ErrBroken, i, p.Deadline)
		}
	}
	for _, n := range q.count {
		counted += n
	}
	for _, n := range q.lanes {
		turns += n[Normal] + n[Urgent]
	}
	for _, list := range q.awaits {
		awaited += len(list)
	}
	if live != len(q.order) || live != len(q.byID) || live != counted || live != turns+awaited || live > len(q.heap) {
		return fmt.Errorf("%w: %d payments wait, %d in order, %d by id, %d by sender, %d in turn, %d linked", ErrBroken, live, len(q.order), len(q.byID), counted, turns, awaited)
	}
	for i, at := range q.order {
		if !q.slots[at].Live || i > 0 && q.slots[q.order[i-1]].place().compare(q.slots[at].place()) >= 0 {
			return fmt.Errorf("%w: waiting payment %d is out of place", ErrBroken, at)
		}
	}
	return nil
}
