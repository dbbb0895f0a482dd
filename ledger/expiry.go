package ledger

import "slices"

// lapse takes off the offers that expire at or before the ledger's time.
func (s *State) lapse() {
	for len(s.expiry) > 0 && s.expiry[0].at <= s.time {
		e := s.expiry.pop()
		if s.stands(e) {
			s.unrest(OfferIdx(e.slot), OfferLapsed)
		} else {
			s.stale--
		}
	}
}

// stands says whether the offer of a deadline is still there and has it still, and is not another one in its
// slot.
func (s *State) stands(e expiring) bool {
	o := &s.offers[e.slot]
	return o.Live && o.Seq == e.seq && o.Expires == e.at
}

// pushDeadline adds a deadline. When most of the heap's are of offers that have left, those go first:
// who places and cancels offers that expire in a thousand years must not fill the memory.
func (s *State) pushDeadline(e expiring) {
	if s.stale > 64 && 2*s.stale > len(s.expiry) {
		kept := s.expiry[:0]
		for _, x := range s.expiry {
			if s.stands(x) {
				kept = append(kept, x)
			}
		}
		slices.SortFunc(kept, func(a, b expiring) int { return bool2int(b.less(a)) - bool2int(a.less(b)) })
		s.expiry, s.stale = kept, 0
	}
	s.expiry.push(e)
}

// expiring is the place of an offer or a hold in its heap of deadlines; a slot used again has another seq.
type expiring struct {
	at   int64
	seq  uint64
	slot int32
}

// expiryHeap is a binary heap, earliest first, then oldest.
type expiryHeap []expiring

func (e expiring) less(f expiring) bool {
	return e.at < f.at || e.at == f.at && e.seq < f.seq
}

func (h *expiryHeap) push(e expiring) {
	*h = append(*h, e)
	x := *h
	for i := len(x) - 1; i > 0; {
		up := (i - 1) / 2
		if !x[i].less(x[up]) {
			break
		}
		x[i], x[up] = x[up], x[i]
		i = up
	}
}

func (h *expiryHeap) pop() expiring {
	x := *h
	top := x[0]
	last := len(x) - 1
	x[0] = x[last]
	x = x[:last]
	*h = x
	for i := 0; ; {
		c := 2*i + 1
		if c+1 < last && x[c+1].less(x[c]) {
			c++
		}
		if c >= last || !x[c].less(x[i]) {
			return top
		}
		x[i], x[c] = x[c], x[i]
		i = c
	}
}
