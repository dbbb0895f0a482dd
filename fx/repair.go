package fx

import "slices"

// The potentials make every arc's reduced cost label + pot[head] - pot[tail] zero or more, which they
// can exactly when no cycle is gainful. They let a search be Dijkstra's in spite of prices below one,
// and they find a gainful cycle where it closes: at the arc that comes.

// repair is the scratch room for keeping the potentials.
type repair struct {
	heap heap
	gen  uint32
	seen []repairMark
	done []undoPot
}

type repairMark struct {
	fall int64 // how much the place's potential must fall, below zero
	gen  uint32
	done bool
}

type undoPot struct {
	at  int32
	pot int64
}

// repair lowers potentials until the arc from tail to head at the label agrees with them. It reports
// false, with everything as it was, when that arc closes a gainful cycle. Places are taken in the
// order of how far they must fall, so each is lowered once (Cotton and Maler 2006).
func (g *graph) repair(tail, head int32, label int64) bool {
	fall := label + g.places[head].pot - g.places[tail].pot
	if fall >= 0 {
		return true
	}
	if tail == head {
		return false
	}
	r := &g.r
	r.begin(len(g.places))
	r.want(tail, fall)
	for len(r.heap) > 0 {
		it := r.heap.pop()
		m := &r.seen[it.at]
		if m.done || it.key != m.fall {
			continue
		}
		if it.at == head {
			for _, u := range r.done {
				g.places[u.at].pot = u.pot
			}
			return false
		}
		m.done = true
		p := &g.places[it.at]
		r.done = append(r.done, undoPot{it.at, p.pot})
		p.pot += m.fall
		for _, e := range g.rows[it.at] {
			fall := e.label + p.pot - g.places[e.tail].pot
			if t := &r.seen[e.tail]; fall < 0 && (t.gen != r.gen || !t.done && fall < t.fall) {
				r.want(e.tail, fall)
			}
		}
	}
	return true
}

func (r *repair) begin(places int) {
	if len(r.seen) < places {
		r.seen = append(r.seen, make([]repairMark, places-len(r.seen)+places/4)...)
	}
	r.gen++
	r.heap, r.done = r.heap[:0], r.done[:0]
}

func (r *repair) want(at int32, fall int64) {
	r.seen[at] = repairMark{fall: fall, gen: r.gen}
	r.heap.push(item{key: fall, at: at})
}

// closes says whether an arc from tail to head at the label would close a gainful cycle: a route from
// head back to tail that costs less than the label loses.
func (g *graph) closes(tail, head int32, label int64) bool {
	if label+g.places[head].pot >= g.places[tail].pot {
		return false
	}
	if !g.repair(tail, head, label) {
		return true
	}
	for _, u := range g.r.done {
		g.places[u.at].pot = u.pot
	}
	return false
}

// holdOut decides anew which offers close a gainful cycle: all come in the order of their arrival,
// and one that closes a cycle with older ones is held out. The result depends on the market alone,
// however it came about.
func (g *graph) holdOut() {
	if !g.gainful {
		return
	}
	g.held = 0
	g.t.forget()
	type entry struct {
		seq  uint64
		book int32
		tier int32
	}
	var all []entry
	for b := range g.books {
		bk := &g.books[b]
		for i := range bk.tiers {
			bk.tiers[i].held = false
		}
		if !bk.open {
			continue
		}
		if bk.row >= 0 {
			g.cut(bk.head, bk.row)
			bk.row = none
		}
		for i := range bk.tiers {
			all = append(all, entry{bk.tiers[i].seq, int32(b), int32(i)})
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		if a.seq < b.seq {
			return -1
		}
		return 1
	})
	// Without offers every arc costs par or more, so equal potentials are good.
	for i := range g.places {
		g.places[i].pot = 0
	}
	g.gainful = false
	for _, e := range all {
		bk := &g.books[e.book]
		t := &bk.tiers[e.tier]
		if bk.row >= 0 && g.rows[bk.head][bk.row].label <= t.label {
			continue
		}
		if !g.repair(bk.tail, bk.head, t.label) {
			t.held = true
			g.held++
			continue
		}
		if bk.row < 0 {
			bk.row = g.link(bk.head, edge{bk.tail, e.book, t.label})
		} else {
			g.rows[bk.head][bk.row].label = t.label
		}
	}
}
