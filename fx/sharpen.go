package fx

// sharpen is the scratch room for making the potentials of a payment exact again.
type sharpen struct {
	near    []nearMark
	heap    heap
	touched []int32
	gen     uint32
	waste   int // states that searches settled beside their paths since the last time
	cost    int // states that the last time took
}

type nearMark struct {
	dist int64
	gen  uint32
	done bool
}

// sharpenSoon counts the waste of a search and says whether exact potentials would pay.
func (g *graph) sharpenSoon(settled, path int) bool {
	h := &g.h
	h.waste += max(0, settled-2*path)
	return h.waste > max(sharpenEvery*h.cost, minSharpen)
}

// sharpenEvery is how many times the cost of a sharpening the searches waste before the next: what it
// spares them goes on sparing the later ones.
const sharpenEvery = 6

// sharpenBudget bounds a sharpening by what the searches before it wasted, so that it never costs much
// more than they did. Stopped short it is still right, only less sharp.
const sharpenBudget = 4

// minSharpen keeps payments of a few searches from bothering.
const minSharpen = 48

// sharpenNow moves the potentials toward the distance from the sender in the residual graph as it is:
// Dijkstra's algorithm forward from the sender, on reduced costs, somewhat farther than the receiver
// is. Where a search goes back from the receiver, it then meets little but places on the best paths.
func (g *graph) sharpenNow(sources, sinks []int32) {
	h, s := &g.h, &g.s
	if n := 2 * len(g.places); len(h.near) < n {
		h.near = append(h.near, make([]nearMark, n-len(h.near)+n/4)...)
	}
	budget := sharpenBudget * h.waste
	h.gen++
	h.heap, h.touched = h.heap[:0], h.touched[:0]
	last := int64(-unlimited)
	for _, v := range sinks {
		last = max(last, g.potential(2*v))
	}
	radius := s.bestKey + last + 4*s.rise + 1
	for _, v := range sources {
		x := 2 * v
		if g.isFull(v) {
			x++
		}
		g.nearer(x, g.potential(x)-s.least, radius)
	}
	for len(h.heap) > 0 {
		it := h.heap.pop()
		m := &h.near[it.at]
		if m.done || it.key != m.dist {
			continue
		}
		if budget--; budget < 0 {
			radius = it.key
			break
		}
		m.done = true
		g.goOn(it.at, radius)
	}
	h.cost, h.waste = len(h.touched), 0
	for _, x := range h.touched {
		if m := &h.near[x]; m.done && m.dist < radius {
			s.states[x].pot += radius - m.dist
		}
	}
	s.bestKey -= radius
}

// goOn looks at all that a state leads to.
func (g *graph) goOn(x int32, radius int64) {
	v := x >> 1
	p := &g.places[v]
	base := g.h.near[x].dist - g.potential(x)
	full := g.isFull(v)
	if x&1 == 1 || !full {
		for f := p.ins; f >= 0; f = g.f.list[f].nextIn {
			if undo := g.inUse(f); undo >= 0 {
				fl := &g.f.list[undo]
				to := 2 * fl.tail
				g.nearer(to, base-fl.label+g.potential(to), radius)
			}
		}
	}
	if x&1 == 1 {
		return
	}
	if full && p.used > 0 {
		g.nearer(x+1, base+g.potential(x+1), radius)
	}
	if g.closed(p) {
		return
	}
	for _, o := range g.outs[v] {
		label := g.rows[o.head][o.row].label
		if label == usedUp {
			continue
		}
		to := 2 * o.head
		if g.isFull(o.head) {
			to++
		}
		g.nearer(to, base+label+g.potential(to), radius)
	}
}

func (g *graph) nearer(x int32, dist, radius int64) {
	m := &g.h.near[x]
	if dist >= radius || g.potential(x) == -farAway {
		return
	}
	if m.gen != g.h.gen {
		g.h.touched = append(g.h.touched, x)
	} else if m.done || dist >= m.dist {
		return
	}
	*m = nearMark{dist: dist, gen: g.h.gen}
	g.h.heap.push(item{key: dist, at: x})
}
