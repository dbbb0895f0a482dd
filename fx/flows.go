package fx

import (
	"viaduct/internal/money"
	"viaduct/ledger"
)

// flows are what the payment under way moves, arc by arc: all that a payment keeps about itself. An
// arc's in is always the cost of its out, rounded up once.
type flows struct {
	list    []flow
	touched []int32 // places to be reset
	used    []int32 // books to be reset
	path    []step

	source, delivered int64
}

type flow struct {
	tail, head      int32
	nextOut, nextIn int32 // the next flow that leaves the same tail, that arrives at the same head
	book, tier      int32 // or none
	below, above    int32 // the flows of the tiers before and after in the same book, or none
	arc             int32
	kind            ledger.FlowKind
	stuck           bool // too little is left to be undone in whole units
	label           int64
	n, d, room      int64
	in, out         int64
}

// step is one step of a path, from the sender on.
type step struct {
	at   int32 // the place it leaves
	flow int32
	undo bool
}

func (fs *flows) begin() {
	fs.list, fs.path = fs.list[:0], fs.path[:0]
	fs.source, fs.delivered = 0, 0
}

func (g *graph) touch(v int32) {
	if p := &g.places[v]; p.mark&markTouched == 0 {
		p.mark |= markTouched
		g.f.touched = append(g.f.touched, v)
	}
}

// end puts the graph back as it was before the payment.
func (g *graph) end() {
	for _, v := range g.f.touched {
		p := &g.places[v]
		if p.group >= 0 {
			grp := &g.groups[p.group]
			grp.used, grp.waste, grp.full = 0, 0, grp.cap <= 0
		}
		p.used, p.fed, p.waste, p.over, p.outs, p.ins, p.mark = 0, 0, 0, 0, none, none, 0
	}
	for _, b := range g.f.used {
		bk := &g.books[b]
		bk.cur, bk.top, bk.bottom = 0, none, none
		for i := range bk.tiers {
			if !bk.tiers[i].held {
				g.rows[bk.head][bk.row].label = bk.tiers[i].label
				break
			}
		}
	}
	g.f.touched, g.f.used = g.f.touched[:0], g.f.used[:0]
}

// inUse returns the flow that stands for f when it is to be undone: the dearest tier in use of its
// book; none when nothing flows that can be.
func (g *graph) inUse(f int32) int32 {
	b := g.f.list[f].book
	if b >= 0 {
		f = g.books[b].top
	}
	for f >= 0 {
		fl := &g.f.list[f]
		if fl.out > 0 && !fl.stuck {
			return f
		}
		if b < 0 {
			break
		}
		f = fl.below
	}
	return none
}

// flowOf returns the flow of an edge, making it if the payment did not use the edge before.
func (g *graph) flowOf(head int32, e edge) int32 {
	if e.ref >= 0 {
		return g.tierFlow(e.ref)
	}
	kind := ledger.FlowKind(^e.ref)
	// The shorter list is scanned: a pool has many flows, a position's side few.
	if kind == ledger.Give || kind == ledger.Redeem || kind == ledger.RippleIn || kind == ledger.RippleOwnIn {
		for f := g.places[e.tail].outs; f >= 0; f = g.f.list[f].nextOut {
			if g.f.list[f].head == head && g.f.list[f].kind == kind {
				return f
			}
		}
	} else {
		for f := g.places[head].ins; f >= 0; f = g.f.list[f].nextIn {
			if g.f.list[f].tail == e.tail && g.f.list[f].kind == kind {
				return f
			}
		}
	}
	at := head
	if kind == ledger.Give || kind == ledger.Redeem || kind == ledger.RippleIn || kind == ledger.RippleOwnIn {
		at = e.tail
	}
	fl := flow{tail: e.tail, head: head, book: none, kind: kind, label: e.label, room: ledger.MaxUnits}
	fl.arc = int32(uint32(g.places[at].key))
	fl.n, fl.d = g.ratio(kind, fl.arc)
	return g.addFlow(fl)
}

// tierFlow returns the flow of the book's first tier that is left.
func (g *graph) tierFlow(b int32) int32 {
	bk := &g.books[b]
	for bk.tiers[bk.cur].held {
		bk.cur++
	}
	f := bk.top
	for f >= 0 && g.f.list[f].tier > bk.cur {
		f = g.f.list[f].below
	}
	if f >= 0 && g.f.list[f].tier == bk.cur {
		return f
	}
	next := bk.bottom
	if f >= 0 {
		next = g.f.list[f].above
	}
	if next >= 0 && g.f.list[next].tier == bk.cur {
		return next
	}
	t := &bk.tiers[bk.cur]
	n := g.addFlow(flow{
		tail: bk.tail, head: bk.head, book: b, tier: bk.cur, kind: ledger.Fill, arc: t.arc,
		label: t.label, n: t.n, d: t.d, room: t.room, below: f, above: next,
	})
	if f >= 0 {
		g.f.list[f].above = n
	} else {
		if bk.bottom < 0 {
			g.f.used = append(g.f.used, b)
		}
		bk.bottom = n
	}
	if next >= 0 {
		g.f.list[next].below = n
	}
	return n
}

// addFlow adds a flow; a book's first stands for all its tiers in the lists of its ends.
func (g *graph) addFlow(fl flow) int32 {
	f := int32(len(g.f.list))
	fl.nextOut, fl.nextIn = none, none
	if fl.book < 0 || g.books[fl.book].bottom < 0 {
		g.touch(fl.tail)
		g.touch(fl.head)
		fl.nextOut, g.places[fl.tail].outs = g.places[fl.tail].outs, f
		fl.nextIn, g.places[fl.head].ins = g.places[fl.head].ins, f
	}
	g.f.list = append(g.f.list, fl)
	return f
}

// bring changes how much comes into a place.
func (g *graph) bring(v int32, delta int64) {
	p := &g.places[v]
	p.used += delta
	if p.group >= 0 {
		g.groups[p.group].bring(delta)
	}
}

// more makes the flow carry out more at its head and returns what that costs at its tail.
func (g *graph) more(f int32, out int64) int64 {
	fl := &g.f.list[f]
	in := fl.in
	fl.out += out
	fl.in = fl.cost(fl.out)
	if fl.book >= 0 {
		bk := &g.books[fl.book]
		if bk.top < 0 || g.f.list[bk.top].tier < fl.tier {
			bk.top = f
		}
		fl.stuck = false
		if fl.out == fl.room {
			g.advance(fl.book)
		}
	}
	return fl.in - in
}

// less makes the flow carry out less at its head and returns what that frees at its tail.
func (g *graph) less(f int32, out int64) int64 {
	fl := &g.f.list[f]
	in := fl.in
	fl.out -= out
	fl.in = fl.cost(fl.out)
	if fl.book >= 0 {
		g.retreat(f)
	}
	return in - fl.in
}

// drop is less for settling: what the flow gives up it does not take again.
func (g *graph) drop(f int32, out int64) int64 {
	fl := &g.f.list[f]
	in := fl.in
	fl.out -= out
	fl.room -= out
	fl.in = fl.cost(fl.out)
	if fl.book >= 0 {
		g.lower(&g.books[fl.book])
	}
	return in - fl.in
}

// lower moves the top of a book down to a tier in use.
func (g *graph) lower(bk *book) {
	for bk.top >= 0 && g.f.list[bk.top].out == 0 {
		bk.top = g.f.list[bk.top].below
	}
}

// advance moves the book on to its next tier that may be used.
func (g *graph) advance(b int32) {
	bk := &g.books[b]
	for bk.cur++; int(bk.cur) < len(bk.tiers) && bk.tiers[bk.cur].held; bk.cur++ {
	}
	label := int64(usedUp)
	if int(bk.cur) < len(bk.tiers) {
		label = bk.tiers[bk.cur].label
	}
	g.rows[bk.head][bk.row].label = label
}

// retreat makes the tier of a flow that carries less the book's first again.
func (g *graph) retreat(f int32) {
	fl := &g.f.list[f]
	bk := &g.books[fl.book]
	bk.cur = fl.tier
	g.rows[bk.head][bk.row].label = fl.label
	g.lower(bk)
}

func (fl *flow) cost(out int64) int64 {
	if fl.n == fl.d {
		return out
	}
	in, _, err := money.MulDiv(out, fl.n, fl.d, money.RoundUp)
	if err != nil {
		return unlimited
	}
	return in
}

// buys returns the most that arrives for in, what already flows included.
func (fl *flow) buys(in int64) int64 {
	if fl.n == fl.d {
		return in
	}
	out, _, err := money.MulDiv(in, fl.d, fl.n, money.RoundDown)
	if err != nil {
		return unlimited
	}
	return out
}
