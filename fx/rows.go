package fx

import "viaduct/ledger"

// A hub stands for places that all lead to the same others at the same cost: the pool of an asset with
// the taking sides of its lines, the giving sides of its lines, each side of an issuer's own position,
// each pool of a purse; in a benchmark, each pool. A line that is frozen or not approved has hubs of
// its own while it is.
//
// rows bounds every route from below: for each hub that payments start at, the cheapest log2 price to
// every other over the first tiers, as if limits were nothing. Minus that distance is a good potential,
// and a search with it looks at little else than the best path.
//
// Offers that are used up only make prices rise, so a row goes on bounding; it is computed anew when
// searches have wasted more than that costs. Arcs that come or become cheaper repair it. No answer
// depends on how old a row is, only how fast it comes.
type rows struct {
	at       []int32 // per hub: its row, or none
	list     []row
	oldest   int       // of the list, once it is full
	members  [][]int32 // per hub: its places that lead to other hubs
	memberAt []int32   // per place: where it is in members, or none

	pending []pendingArc

	heap heap
	work int64 // arcs looked at by the propagation under way
}

type pendingArc struct{ tail, head, ref int32 }

type row struct {
	hub    int32
	dist   []int64
	cost   int64 // arcs that computing it looked at
	wasted int64 // states that searches settled beside their paths since then
	risen  int64 // the graph's count then
	spoilt bool  // not computed yet
}

const (
	// farAway is the distance of what no route reaches; sums of two of them stay in int64.
	farAway = 1 << 60
	// The rows may have minRowCells, 32 MB of them, or so many for each place that they take about a third
	// of what the market does; beyond that the oldest goes for each new one.
	minRowCells   = 1 << 22
	cellsPerPlace = 16
	minRows       = 16
	// maxPending is how many arcs are worth taking in one by one.
	maxPending = 4096
	// A row is as good as new while fewer arcs than this went or became dearer.
	minRisen = 32
	// A state that a search settles looks at about as many arcs as this.
	arcsPerState = 16
)

// addHub makes room for what is kept per hub and place.
func (t *rows) addHub(places, hubs int32) {
	for int32(len(t.memberAt)) < places {
		t.memberAt = append(t.memberAt, none)
	}
	for int32(len(t.at)) < hubs {
		t.at, t.members = append(t.at, none), append(t.members, nil)
	}
}

// forget drops all rows.
func (t *rows) forget() {
	for i := range t.list {
		t.at[t.list[i].hub] = none
	}
	t.list, t.pending = t.list[:0], t.pending[:0]
}

// join lists a place as one of its hub's that lead elsewhere; leave takes it off.
func (t *rows) join(place, hub int32) {
	if t.memberAt[place] < 0 {
		t.memberAt[place] = int32(len(t.members[hub]))
		t.members[hub] = append(t.members[hub], place)
	}
}

func (t *rows) leave(place, hub int32) {
	i := t.memberAt[place]
	if i < 0 {
		return
	}
	list := t.members[hub]
	last := list[len(list)-1]
	list[i], t.memberAt[last] = last, i
	t.memberAt[place], t.members[hub] = none, list[:len(list)-1]
}

// cheaper notes an arc that came or became cheaper; the rows take it in when the next payment begins,
// when all that changed with it is in place too.
func (g *graph) cheaper(tail, head, ref int32) {
	t := &g.t
	if g.hub[tail] == g.hub[head] || len(t.list) == 0 {
		return
	}
	if len(t.pending) == maxPending {
		t.forget()
		return
	}
	t.pending = append(t.pending, pendingArc{tail, head, ref})
}

// improve takes in the arcs noted, as they are now.
func (g *graph) improve() {
	for _, p := range g.t.pending {
		at := int32(none)
		if p.ref >= 0 {
			at = g.books[p.ref].row
		} else {
			at = g.findEdge(p.head, p.tail, ledger.FlowKind(^p.ref))
		}
		if at < 0 {
			continue
		}
		from, to, label := g.hub[p.tail], g.hub[p.head], g.rows[p.head][at].label
		for i := range g.t.list {
			r := &g.t.list[i]
			if r.spoilt || int(from) >= len(r.dist) || r.dist[from] >= farAway {
				continue
			}
			r.extend(g.hubs)
			if d := r.dist[from] + label; d < r.dist[to] {
				r.dist[to] = d
				g.spread(r, to)
			}
		}
	}
	g.t.pending = g.t.pending[:0]
}

func (r *row) extend(hubs int32) {
	for int32(len(r.dist)) < hubs {
		r.dist = append(r.dist, farAway)
	}
}

// spread carries a shorter distance on from a hub. It ends because no cycle of the graph is gainful.
func (g *graph) spread(r *row, start int32) {
	t := &g.t
	t.heap, t.work = t.heap[:0], 0
	t.heap.push(item{key: r.dist[start], at: start})
	for len(t.heap) > 0 {
		it := t.heap.pop()
		if it.key != r.dist[it.at] {
			continue
		}
		for _, v := range t.members[it.at] {
			for _, o := range g.outs[v] {
				t.work++
				e := &g.rows[o.head][o.row]
				to := g.hub[o.head]
				if d := it.key + e.label; d < r.dist[to] {
					r.dist[to] = d
					t.heap.push(item{key: d, at: to})
				}
				if e.ref == ^int32(ledger.Issue) {
					break // an issuer leads to all its asset's lines alike
				}
			}
		}
	}
}

// rowOf returns the row of a hub, computing it if need be.
func (g *graph) rowOf(hub int32) *row {
	t := &g.t
	if t.at[hub] < 0 {
		at := len(t.list)
		switch {
		case at >= max(minRows, max(minRowCells, cellsPerPlace*len(g.places))/int(g.hubs)):
			t.oldest = (t.oldest + 1) % at
			at = t.oldest
			t.at[t.list[at].hub] = none
		case at < cap(t.list):
			t.list = t.list[:at+1]
		default:
			t.list = append(t.list, row{})
		}
		t.at[hub] = int32(at)
		r := &t.list[at]
		r.hub, r.spoilt = hub, true
	}
	r := &t.list[t.at[hub]]
	r.extend(g.hubs)
	if r.spoilt || r.wasted*arcsPerState > r.cost && g.risen-r.risen > minRisen {
		for i := range r.dist {
			r.dist[i] = farAway
		}
		r.dist[hub] = 0
		g.spread(r, hub)
		r.cost, r.wasted, r.risen, r.spoilt = t.work+int64(g.hubs), 0, g.risen, false
	}
	return r
}

// aim chooses the potentials of a payment: for each hub, the distance from the nearest of the sender's.
func (g *graph) aim(sources []int32) {
	s := &g.s
	g.improve()
	r := g.rowOf(g.hub[sources[0]])
	s.base, s.row = r.dist, r
	if len(sources) == 1 {
		return
	}
	s.from = append(s.from[:0], r.dist...)
	s.base = s.from
	last := g.hub[sources[0]]
	for _, v := range sources[1:] {
		if g.hub[v] == last {
			continue
		}
		last = g.hub[v]
		for j, d := range g.rowOf(last).dist {
			s.base[j] = min(s.base[j], d)
		}
	}
	s.row = &g.t.list[g.t.at[last]]
}
