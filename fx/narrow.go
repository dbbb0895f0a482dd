package fx

import (
	"cmp"
	"slices"

	"viaduct/ledger"
)

// narrow is the search under limits. It looks for the cheapest path that keeps to them over what is
// left, again and again, and undoes nothing: what it finds is good, and need not be the cheapest.
type narrow struct {
	hops int          // most conversions on any path of the answer, 0 for any number
	only map[arc]bool // the arcs that may be used, nil for all
	size int64        // log2 of what each arc has to have room for, in units delivered; 0 for any

	labels []narrowLabel
	heap   heap
	fewest map[int32]int32 // per place: the fewest hops of the labels settled
	before map[int32]int   // hops of the longest way in use from the sender to the place
	after  map[int32]int   // and from it to the receiver
}

// arc is an arc by the places it connects.
type arc struct{ tail, head uint64 }

// narrowLabel is a way from a place to the receiver. A place keeps several: dearer ones with fewer hops.
type narrowLabel struct {
	dist int64
	at   int32
	hops int32 // of the longest way from here to the receiver, those in use included
	next int32 // label, or none at the receiver
	row  int32 // of the arc that leads there
}

// findNarrow finds the next path and makes it the one under way; it reports whether there is one.
func (g *graph) findNarrow(sources, sinks []int32) bool {
	n := g.n
	n.measure(g)
	n.labels, n.heap, n.fewest = n.labels[:0], n.heap[:0], make(map[int32]int32)
	g.s.settled = g.s.settled[:0]
	for _, v := range sinks {
		if !g.isFull(v) {
			n.reach(g, v, 0, 0, none, none)
		}
	}
	for len(n.heap) > 0 {
		it := n.heap.pop()
		l := n.labels[it.at]
		if fewest, seen := n.fewest[l.at]; seen && fewest <= l.hops {
			continue
		}
		n.fewest[l.at] = l.hops
		p := &g.places[l.at]
		if p.mark&markSource != 0 {
			n.take(g, it.at)
			return true
		}
		if !g.closed(p) {
			n.expand(g, it.at)
		}
	}
	return false
}

// expand looks at what leads to a label's place, in an order that depends on what the places are.
func (n *narrow) expand(g *graph, at int32) {
	l := n.labels[at]
	key := g.places[l.at].key
	onward := g.places[l.at].owner != g.receiver
	row := g.rows[l.at]
	order := make([]int32, 0, len(row))
	for i := range row {
		e := &row[i]
		if e.label == usedUp || onward && e.ref == ^int32(ledger.Redeem) && g.places[e.tail].redeems ||
			n.only != nil && !n.only[arc{g.places[e.tail].key, key}] || g.isFull(e.tail) {
			continue
		}
		order = append(order, int32(i))
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(g.places[row[a].tail].key, g.places[row[b].tail].key) })
	for _, i := range order {
		e := &row[i]
		hops := l.hops
		if e.ref >= 0 || converts(ledger.FlowKind(^e.ref)) {
			hops++
		}
		if n.fits(g, l.at, e, l.dist) {
			n.reach(g, e.tail, l.dist+e.label, hops, at, i)
		}
	}
}

func (n *narrow) reach(g *graph, v int32, dist int64, hops, next, row int32) {
	pot := g.potential(2 * v)
	hops = max(hops, int32(n.after[v]))
	if pot == -farAway || n.hops > 0 && int(hops)+n.before[v] > n.hops {
		return
	}
	if fewest, seen := n.fewest[v]; seen && fewest <= hops {
		return
	}
	n.labels = append(n.labels, narrowLabel{dist: dist, at: v, hops: hops, next: next, row: row})
	n.heap.push(item{key: dist - pot, depth: hops, at: int32(len(n.labels) - 1)})
}

// fits says whether the arc has room for what each has to have: at its head, where a unit delivered is
// 2^dist units, and at its tail.
func (n *narrow) fits(g *graph, head int32, e *edge, dist int64) bool {
	if n.size == 0 {
		return true
	}
	enough := func(room, dist int64) bool { return room > 0 && log2Floor(uint64(room)) >= n.size+dist }
	if p := &g.places[head]; !enough(p.cap-p.used, dist) {
		return false
	}
	if p := &g.places[e.tail]; !enough(p.cap-p.used, dist+e.label) {
		return false
	}
	if e.ref < 0 {
		return true
	}
	bk := &g.books[e.ref]
	var room int64
	for i := range bk.tiers {
		if t := &bk.tiers[i]; !t.held {
			room = min(room, ledger.MaxUnits) + t.room
		}
	}
	return enough(room, dist)
}

// take makes the label's way the path under way.
func (n *narrow) take(g *graph, at int32) {
	path := g.f.path[:0]
	g.s.bestDist = n.labels[at].dist
	for l := n.labels[at]; ; {
		if l.next < 0 {
			path = append(path, step{at: l.at, flow: none})
			break
		}
		to := n.labels[l.next]
		path = append(path, step{at: l.at, flow: g.flowOf(to.at, g.rows[to.at][l.row])})
		l = to
	}
	g.f.path = path
}

// measure finds the longest ways over what flows, as far as they matter: a new path joins with them
// where it meets them, and the answer can be taken apart along either.
func (n *narrow) measure(g *graph) {
	n.before, n.after = make(map[int32]int), make(map[int32]int)
	if n.hops == 0 {
		return
	}
	for range 4 * (n.hops + 1) { // a hop is at most four arcs
		for i := range g.f.list {
			f := &g.f.list[i]
			if f.out == 0 {
				continue
			}
			hop := 0
			if f.book >= 0 || converts(f.kind) {
				hop = 1
			}
			n.before[f.head] = max(n.before[f.head], n.before[f.tail]+hop)
			n.after[f.tail] = max(n.after[f.tail], n.after[f.head]+hop)
		}
	}
}
