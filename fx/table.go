package fx

// table bounds every route from below: the cheapest log2 price from one hub to another over the first
// tiers, as if balances, limits and freezes were nothing. A hub is an asset or the pool of a purse, in
// a benchmark a pool; above maxHubs of them it is a currency. Every arc leads from hub to hub or stays
// within one at par or worse, so minus the distance from the sender's hub is a good potential, and a
// search with it looks at little else than the best path.
//
// Offers that are used up only make prices rise, so the table goes on bounding; it is built anew when
// searches have wasted more than that costs. Arcs that come or become cheaper repair it. No answer
// depends on how old it is, only how fast it comes.
type table struct {
	n      int32
	stride int32
	dist   []int64 // row by row: from hub, to hub
	good   bool
	wasted int64 // work of searches beyond their paths, since it was built
	arcs   int64 // hub to hub, when it was built

	// scratch of build
	heads, next []int32
	tails       []int32
	labels      []int64
	queue       []int32
	queued      []bool
}

const (
	maxHubs = 1024
	// farAway is the distance of what no route reaches; sums of two of them stay in int64.
	farAway = 1 << 60
)

// row returns the distances from a hub.
func (t *table) row(hub int32) []int64 { return t.dist[hub*t.stride : hub*t.stride+t.n] }

// grow makes room for n hubs; new ones are far away from all.
func (t *table) grow(n int32) {
	if n > t.stride {
		stride := max(16, n+n/4)
		dist := make([]int64, stride*stride)
		for i := range dist {
			dist[i] = farAway
		}
		for i := range t.n {
			copy(dist[i*stride:], t.row(i))
		}
		t.stride, t.dist = stride, dist
	}
	for ; t.n < n; t.n++ {
		t.dist[t.n*t.stride+t.n] = 0
	}
}

// improve takes in an arc that came or became cheaper: one look at each pair of hubs at most.
func (t *table) improve(from, to int32, label int64) {
	if !t.good || from == to || t.dist[from*t.stride+to] <= label {
		return
	}
	onward := t.row(to)
	if onward[from]+label < 0 {
		// A gainful cycle, or there would have been one with an arc that has gone since.
		t.good = false
		return
	}
	for i := range t.n {
		row := t.row(i)
		reach := row[from] + label
		if row[from] >= farAway || reach >= row[to] {
			continue
		}
		for j, d := range onward {
			if d < farAway && reach+d < row[j] {
				row[j] = reach + d
			}
		}
	}
}

// build computes the table from the graph's arcs: from each hub backward, label by label. The graph has
// no gainful cycle then, so it ends.
func (g *graph) buildTable() {
	t := &g.tab
	t.grow(g.hubs)
	for i := range t.n {
		row := t.row(i)
		for j := range row {
			row[j] = farAway
		}
		row[i] = 0
	}
	t.collect(g)
	for target := range t.n {
		t.backward(target)
	}
	t.good, t.wasted = true, 0
}

// collect lists the arcs between hubs by their head.
func (t *table) collect(g *graph) {
	t.heads, t.next = t.heads[:0], t.next[:0]
	t.tails, t.labels = t.tails[:0], t.labels[:0]
	for range t.n {
		t.heads = append(t.heads, none)
	}
	for v := range g.rows {
		head := g.hub[v]
		for _, e := range g.rows[v] {
			if tail := g.hub[e.tail]; tail != head {
				t.tails, t.labels = append(t.tails, tail), append(t.labels, e.label)
				t.next = append(t.next, t.heads[head])
				t.heads[head] = int32(len(t.next) - 1)
			}
		}
	}
	t.arcs = int64(len(t.next))
	if len(t.queued) < int(t.n) {
		t.queued = make([]bool, t.stride)
	}
}

func (t *table) backward(target int32) {
	queue := append(t.queue[:0], target)
	for i := 0; i < len(queue); i++ {
		v := queue[i]
		t.queued[v] = false
		d := t.dist[v*t.stride+target]
		for a := t.heads[v]; a >= 0; a = t.next[a] {
			u := t.tails[a]
			if at := &t.dist[u*t.stride+target]; d+t.labels[a] < *at {
				*at = d + t.labels[a]
				if !t.queued[u] {
					t.queued[u] = true
					queue = append(queue, u)
				}
			}
		}
	}
	t.queue = queue
}

// aim chooses the potentials of a payment: the table's, from the nearest of the sender's hubs, or the
// graph's own when the table would be too large.
func (g *graph) aim(sources []int32) {
	s := &g.s
	s.base = nil
	if g.hubs > maxHubs || g.gainful {
		return
	}
	t := &g.tab
	if !t.good || t.wasted > 8*int64(t.n)*(t.arcs+int64(t.n)) {
		g.buildTable()
	} else if t.n < g.hubs {
		t.grow(g.hubs)
	}
	s.base = t.row(g.hub[sources[0]])
	for i, v := range sources[1:] {
		if i == 0 {
			s.from = append(s.from[:0], s.base...)
			s.base = s.from
		}
		for j, d := range t.row(g.hub[v]) {
			s.base[j] = min(s.base[j], d)
		}
	}
}
