package fx

import "viaduct/ledger"

// A search runs backward from the receiver's taking sides to the sender's giving sides, over the
// residual graph: an arc's cost is its label, undoing a flow costs minus its label. It is Dijkstra's
// algorithm on reduced costs; the potentials come from the graph and are moved on after each search,
// so that they stay good for the arcs that the augmentation adds.
//
// A place that is full has two sides: what leads to it may be undone, what leaves it may be undone,
// and nothing new passes. State 2v is the place, or its outer side while it is full; state 2v+1 is
// its inner side then.

// hop is the weight of a conversion in a state's depth; each arc adds one more. Depth breaks ties: at
// equal cost fewer hops, then fewer arcs.
const hop = 1 << 16

type search struct {
	states  []state
	heap    heap
	settled []int32
	gen     uint32 // of the search
	pay     uint32 // of the payment
	least   int64  // least potential of the sender's places
	rise    int64  // how much dearer the next path may be expected to be
	bound   int64  // keys above it are not looked at
	cut     bool   // there were some
	single  bool   // the sender has one place, so the first path to it is the best

	near  []nearArc // of the lists
	lists []nearList

	base []int64 // distance of each hub from the sender
	row  *row    // whose it is, of several the last
	from []int64 // room for base when the sender has several hubs

	best     int32 // the sender's state where the best path starts, or none
	bestDist int64
	bestKey  int64
}

type state struct {
	dist  int64 // log2 of what one unit delivered costs here
	pot   int64 // potential of the payment under way
	gen   uint32
	pay   uint32
	depth int32
	next  int32 // the state toward the receiver
	via   int32 // how: an index in next's row; undoFlow; or none, to the place's other side
	done  bool
}

// undoFlow codes a flow that is undone as a via, and back.
func undoFlow(f int32) int32 { return -2 - f }

// begin starts a payment.
func (g *graph) begin(sources []int32) {
	s := &g.s
	g.aim(sources)
	if n := 2 * len(g.places); len(s.states) < n {
		s.states = append(s.states, make([]state, n-len(s.states)+n/4)...)
		s.lists = append(s.lists, make([]nearList, len(s.states)/2-len(s.lists))...)
	}
	s.pay++
	s.near = s.near[:0]
	s.bestKey, s.rise = 0, 0
	g.h.waste, g.h.cost = 0, 0
	g.f.begin()
}

// isFull says whether nothing more can pass through the place, and splits or joins its sides.
func (g *graph) isFull(v int32) bool {
	p := &g.places[v]
	if p.mark&markSplit == 0 && p.group < 0 && p.cap-p.used > p.waste {
		return false
	}
	return g.splitFull(v, p)
}

func (g *graph) splitFull(v int32, p *place) bool {
	full := p.cap-p.used <= p.waste || p.group >= 0 && g.groups[p.group].full
	if full == (p.mark&markSplit != 0) {
		return full
	}
	g.touch(v)
	p.mark ^= markSplit
	if full {
		in := &g.s.states[2*v+1]
		in.pot, in.pay = g.potential(2*v), g.s.pay
	}
	return full
}

// potential returns a state's potential, which the payment keeps from its first use on.
func (g *graph) potential(x int32) int64 {
	st := &g.s.states[x]
	if st.pay != g.s.pay {
		st.pay = g.s.pay
		st.pot = -g.nearest(x >> 1)
	}
	return st.pot
}

// nearest is the distance from the sender's hub. The giving sides of a hub differ in what leads to
// them, so for them the row of arcs is looked at once, which spares the searches all dealers but the
// few that may be on a path. Nothing flows at a place before its potential is asked for.
func (g *graph) nearest(v int32) int64 {
	p := &g.places[v]
	base := g.s.base
	if p.key>>32 != placeGive || p.mark&markSource != 0 {
		return base[g.hub[v]]
	}
	nearest := int64(farAway)
	for i := range g.rows[v] {
		e := &g.rows[v][i]
		if d := base[g.hub[e.tail]]; d < farAway {
			nearest = min(nearest, d+e.label)
		}
	}
	return nearest
}

// findPath searches the cheapest path; it reports whether there is one. A first try looks no farther
// than the last path would cost now, or than the table says. What it finds is the cheapest path; when
// it finds nothing, the second try has no bound.
func (g *graph) findPath(sources, sinks []int32) bool {
	s := &g.s
	s.least = unlimited
	for _, v := range sources {
		s.least = min(s.least, g.potential(2*v))
		if g.isFull(v) {
			s.least = min(s.least, g.potential(2*v+1))
		}
	}
	s.single = len(sources) == 1 && !g.isFull(sources[0])
	if len(g.f.list) == 0 && g.tablePath(sources, sinks) {
		return true
	}
	s.bound = g.expect(sources, sinks)
	if found := g.search(sinks); found || !s.cut {
		return found
	}
	s.bound = unlimited
	return g.search(sinks)
}

// expect returns a key within which the best path probably is.
func (g *graph) expect(sources, sinks []int32) int64 {
	s := &g.s
	path := g.f.path
	if len(path) == 0 {
		if len(sources) > 1 {
			return unlimited
		}
		nearest := int64(unlimited)
		for _, v := range sinks {
			nearest = min(nearest, s.base[g.hub[v]])
		}
		return nearest - s.least
	}
	var dist int64
	for i := range path[:len(path)-1] {
		st := &path[i]
		fl := &g.f.list[st.flow]
		switch {
		case st.undo:
			undo := g.inUse(st.flow)
			if undo < 0 {
				return s.bestKey + s.rise
			}
			dist -= g.f.list[undo].label
		case g.isFull(st.at) || fl.book >= 0 && g.rows[fl.head][g.books[fl.book].row].label == usedUp:
			return s.bestKey + s.rise
		case fl.book >= 0:
			dist += g.rows[fl.head][g.books[fl.book].row].label
		default:
			dist += fl.label
		}
	}
	return dist - s.least
}

func (g *graph) search(sinks []int32) bool {
	s := &g.s
	s.cut = false
	before := s.bestKey
	s.gen++
	s.heap, s.settled, s.best = s.heap[:0], s.settled[:0], none
	for _, v := range sinks {
		if !g.isFull(v) {
			g.reach(2*v, 0, 0, none, none)
		}
	}
	for len(s.heap) > 0 {
		it := s.heap.pop()
		st := &s.states[it.at]
		if st.done || it.depth != st.depth || it.key != st.dist-g.potential(it.at) {
			continue
		}
		if s.best >= 0 && (it.key > s.bestKey || s.single) {
			break
		}
		st.done = true
		s.settled = append(s.settled, it.at)
		g.expand(it.at)
	}
	if s.best < 0 {
		return false
	}
	s.rise = max(s.rise/2, 4*(s.bestKey-before))
	if len(g.f.path) == 0 {
		s.row.wasted += int64(max(0, len(s.settled)-2*int(s.states[s.best].depth%hop)))
	}
	for _, x := range s.settled {
		st := &s.states[x]
		if st.dist-g.potential(x) < s.bestKey {
			st.pot, st.pay = st.dist-s.bestKey, s.pay
		}
	}
	return true
}

// expand looks at all that leads to a state.
func (g *graph) expand(x int32) {
	v := x >> 1
	p := &g.places[v]
	st := &g.s.states[x]
	full := g.isFull(v)
	outer, inner := x&1 == 0, x&1 == 1 || !full
	if p.mark&markSource != 0 && inner {
		g.offerStart(x)
	}
	if g.closed(p) {
		return
	}
	if outer {
		for f := p.outs; f >= 0; f = g.f.list[f].nextOut {
			undo := g.inUse(f)
			if undo == none {
				continue
			}
			fl := &g.f.list[undo]
			to := 2 * fl.head
			if g.isFull(fl.head) {
				to++
			}
			g.reach(to, st.dist-fl.label, st.depth+1, x, undoFlow(undo))
		}
	}
	if !inner {
		return
	}
	if x&1 == 1 && p.used > 0 {
		g.reach(2*v, st.dist, st.depth+1, x, none)
	}
	g.expandRow(x, g.rows[v])
}

// expandRow looks at the arcs that lead to a place. It is where the time goes, so it repeats what
// reach does.
func (g *graph) expandRow(x int32, row []edge) {
	s := &g.s
	states, gen, pay, bound := s.states, s.gen, s.pay, s.bound
	dist, depth := states[x].dist, states[x].depth+1
	onward := g.places[x>>1].owner != g.receiver
	var near []nearArc
	count, limit := len(row), int64(0)
	if count >= worthListing && bound < unlimited {
		limit = bound + s.least - dist
		near = g.nearby(x>>1, limit)
		count = len(near)
	}
	for k := range count {
		i := int32(k)
		if near != nil {
			if near[k].far > limit {
				s.cut = true
				break
			}
			i = near[k].row
		}
		e := &row[i]
		if e.label == usedUp || onward && e.ref == ^int32(ledger.Redeem) && g.places[e.tail].redeems {
			continue
		}
		to := 2 * e.tail
		st := &states[to]
		if st.pay != pay {
			g.potential(to)
		}
		d := dist + e.label
		key := d - st.pot
		if key > bound {
			s.cut = s.cut || st.pot != -farAway
			continue
		}
		at := depth
		if e.ref >= 0 || converts(ledger.FlowKind(^e.ref)) {
			at += hop
		}
		if st.gen == gen {
			if st.done || d > st.dist || d == st.dist && at > st.depth {
				continue
			}
			if d == st.dist && at == st.depth {
				if g.precedes(x, i, st.next, st.via) {
					st.next, st.via = x, i
				}
				continue
			}
		} else if st.pot == -farAway {
			continue
		}
		st.gen, st.done = gen, false
		st.dist, st.depth, st.next, st.via = d, at, x, i
		s.heap.push(item{key, at, to})
	}
}

// closed says that the payment does not pass through the place: neither party is a hop of its own
// payment, so nothing comes back to the sender or goes on from the receiver.
func (g *graph) closed(p *place) bool {
	switch p.key >> 32 {
	case placeTake:
		return p.owner == g.sender && p.mark&markSink == 0
	case placeGive:
		return p.owner == g.receiver && p.mark&markSource == 0
	}
	return false
}

// nearList is those arcs to a place that a payment may have use for, the nearest to the sender first:
// all over which it is no farther than the limit.
type nearList struct {
	limit   int64
	at, n   int32 // in search.near
	pay     uint32
	gen     uint32 // of the sharpening
	farther bool   // there are others
}

// nearArc is an arc to a place, and how far the sender is over it at least.
type nearArc struct {
	far int64
	row int32
}

// nearby returns the arcs to a place over which the sender is no farther than the limit, and perhaps
// some more. Paths get only dearer in the course of a payment, so distances found before bound those of
// now, and most arcs of a place that many lead to are looked at once.
func (g *graph) nearby(v int32, limit int64) []nearArc {
	s := &g.s
	l := &s.lists[v]
	if l.pay != s.pay || l.gen != g.h.gen || l.limit < limit {
		g.listNear(v, l, limit)
	}
	s.cut = s.cut || l.farther
	return s.near[l.at : l.at+l.n]
}

// worthListing is the least number of arcs at a place that a list spares work at.
const worthListing = 8

// margin is how much farther than it has to a list goes, about three basis points.
const margin = 1 << (labelBits - 11)

func (g *graph) listNear(v int32, l *nearList, limit int64) {
	s := &g.s
	used := len(g.f.used) > 0
	*l = nearList{limit: limit + margin, at: int32(len(s.near)), pay: s.pay, gen: g.h.gen}
	row := g.rows[v]
	near := s.near
	for i := range row {
		e := &row[i]
		st := &s.states[2*e.tail]
		if st.pay != s.pay {
			g.potential(2 * e.tail)
		}
		far := s.least - st.pot
		if far >= farAway/2 {
			continue
		}
		if used && e.ref >= 0 {
			far += g.firstLabel(e)
		} else {
			far += e.label
		}
		if far > l.limit {
			l.farther = true
			continue
		}
		near = append(near, nearArc{far, int32(i)})
		for j := len(near) - 1; j > int(l.at) && near[j-1].far > far; j-- {
			near[j-1], near[j] = near[j], near[j-1]
		}
	}
	s.near = near
	l.n = int32(len(near)) - l.at
}

// firstLabel is the label of a book's edge as it was before the payment.
func (g *graph) firstLabel(e *edge) int64 {
	bk := &g.books[e.ref]
	if bk.bottom < 0 {
		return e.label
	}
	for i := range bk.tiers {
		if !bk.tiers[i].held {
			return bk.tiers[i].label
		}
	}
	return usedUp
}

// usedUp is the label of a book's edge when all its tiers are used up.
const usedUp = unlimited

// converts says whether the arc ends a hop: rippling out of a purse, as filling an offer does.
func converts(k ledger.FlowKind) bool {
	return k == ledger.RippleOut || k == ledger.RippleOwnOut || k == ledger.RippleIssue
}

// reach offers a state a path.
func (g *graph) reach(x int32, dist int64, depth, next, via int32) {
	s := &g.s
	st := &s.states[x]
	if st.gen == s.gen {
		if st.done || dist > st.dist || dist == st.dist && depth > st.depth {
			return
		}
		if dist == st.dist && depth == st.depth {
			if g.precedes(next, via, st.next, st.via) {
				st.next, st.via = next, via
			}
			return
		}
	}
	pot := g.potential(x)
	if pot == -farAway {
		return
	}
	if dist-pot > s.bound {
		s.cut = true
		return
	}
	st.gen, st.done = s.gen, false
	st.dist, st.depth, st.next, st.via = dist, depth, next, via
	s.heap.push(item{dist - pot, depth, x})
}

// precedes breaks a tie between two steps out of one state: by what the next places are, and undoing
// before using.
func (g *graph) precedes(next1, via1, next2, via2 int32) bool {
	if k1, k2 := g.places[next1>>1].key, g.places[next2>>1].key; k1 != k2 {
		return k1 < k2
	}
	return via1 < via2
}

// offerStart makes x the start of the best path if it is: at equal cost the sender redeems, then
// spends what it holds, then issues; then fewer hops, then by what the place is.
func (g *graph) offerStart(x int32) {
	s := &g.s
	st := &s.states[x]
	if s.best >= 0 {
		b := &s.states[s.best]
		if st.dist != b.dist {
			if st.dist > b.dist {
				return
			}
		} else if r1, r2 := g.rank(st), g.rank(b); r1 != r2 {
			if r1 > r2 {
				return
			}
		} else if st.depth != b.depth {
			if st.depth > b.depth {
				return
			}
		} else if g.places[x>>1].key >= g.places[s.best>>1].key {
			return
		}
	}
	s.best, s.bestDist, s.bestKey = x, st.dist, st.dist-s.least
}

// rank orders the first arcs of a path: redeem, holdings, issue.
func (g *graph) rank(st *state) int {
	if st.next < 0 || st.via < 0 {
		return 0
	}
	switch e := g.rows[st.next>>1][st.via]; ledger.FlowKind(^e.ref) {
	case ledger.Redeem:
		return 1
	case ledger.Give:
		return 2
	}
	return 3
}
