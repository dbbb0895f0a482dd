package fx

import (
	"math"
	"math/bits"
	"slices"
	"sort"

	"viaduct/ledger"
)

const (
	none = -1
	// unlimited is the capacity of a place without one.
	unlimited = math.MaxInt64
)

// edge is an arc of the market in the row of the place it leads to, since a search runs backward from
// the destination.
type edge struct {
	tail  int32
	ref   int32 // a book, or ^FlowKind for an arc without tiers
	label int64 // log2 of the price: of the first tier that is left, for a book
}

// outArc is where an arc is in the rows.
type outArc struct {
	head, row int32
}

// tier is one offer in a book: up to room at its head for n/d each at its tail.
type tier struct {
	label, n, d int64
	room        int64
	seq         uint64
	arc         int32 // the offer's slot
	held        bool  // would close a gainful cycle with older offers
}

func (t *tier) before(u *tier) bool {
	if t.label != u.label {
		return t.label < u.label
	}
	hi1, lo1 := bits.Mul64(uint64(t.n), uint64(u.d))
	hi2, lo2 := bits.Mul64(uint64(u.n), uint64(t.d))
	if hi1 != hi2 || lo1 != lo2 {
		return hi1 < hi2 || hi1 == hi2 && lo1 < lo2
	}
	return t.seq < u.seq
}

// book is the offers between two places, cheapest first, then oldest.
type book struct {
	tail, head int32
	row        int32 // where the book's edge is in the row of head, or none
	cur        int32 // the first tier that is not used up; 0 between payments
	bottom     int32 // the flow of the first tier in this payment, or none
	top        int32 // the flow of the dearest tier in use, or none
	open       bool  // value can pass through both its ends
	tiers      []tier
}

// place is somewhere value can be, as ledger.FlowKind lists them.
type place struct {
	key   uint64 // what the place is: its kind and ledger index; ties are broken by it
	cap   int64  // how much may pass through in one payment
	used  int64  // how much the payment under way brings in
	fed   int64  // how much of that comes from the sender
	waste int64  // room that is too little to move a whole unit
	over  int64  // how much of that it does not pass on: dust of rounding
	pot   int64  // potential: no arc u to v has pot[u] > label + pot[v]
	group int32  // the purse whose cap the place shares, or none
	owner int32  // the participant whose position it is a side of, or none
	outs  int32  // first flow of the payment under way that leaves, or none
	ins   int32  // first flow that arrives, or none
	mark  uint8
	// redeems marks the giving side of a line that may not give: what it redeems has to end at the
	// issuer, for value that went on from there would be a payment to somebody else.
	redeems bool
}

// Marks of a place for one payment.
const (
	markSource  = 1 << iota // the sender's giving side in what it sends
	markSink                // the receiver's taking side in what it accepts
	markTouched             // to be reset after the payment
	markSplit               // the place is full: its two sides are searched apart
)

// What a place is, the upper half of its key. The order is the order of preference at a tie.
const (
	placeTake = iota + 1
	placeGive
	placePool
	placeRipple
	placeRedeemed
)

// graph is the market: places, the arcs between them, and the scratch room of one search. It is not
// safe for concurrent use.
type graph struct {
	places []place
	rows   [][]edge   // arcs by head
	outs   [][]outArc // the same arcs by tail
	backs  [][]int32  // where each arc of rows is in outs
	books  []book
	groups []group
	hub    []int32 // of each place, for the table
	hubs   int32
	terms  []terms // per position

	// gainful says that the arcs, offers not held included, may close a gainful cycle; holdOut then
	// decides before the next search who is held out.
	gainful bool
	risen   int64 // how often an arc went or became dearer
	held    int

	sender, receiver int32 // of the payment under way

	t rows
	s search
	r repair
	h sharpen
	f flows
	n *narrow // nil but for quotes under limits
}

// group is a limit shared by several places: a purse's net debit cap. Once full it stays so for the
// payment, whatever is undone: if it opened again for other places than those on the path that opened
// it, flows already found could be improved upon, and the search would no longer be of cheapest paths.
type group struct {
	cap, used, waste int64
	full             bool
}

func (p *group) bring(delta int64) {
	p.used += delta
	p.full = p.full || p.cap-p.used <= p.waste
}

// terms are what a position's arcs cost, in parts per billion as the ledger has them.
type terms struct {
	fee, qualityIn, qualityOut int64
}

// ratio returns the exact price of an arc without tiers.
func (g *graph) ratio(kind ledger.FlowKind, arc int32) (n, d int64) {
	switch t := &g.terms[arc]; kind {
	case ledger.Give:
		return ledger.Unit + t.fee, ledger.Unit
	case ledger.RippleIn:
		return ledger.Unit, t.qualityIn
	case ledger.RippleOut, ledger.RippleOwnOut:
		return t.qualityOut, ledger.Unit
	}
	return 1, 1
}

func (g *graph) addPlace(kind uint64, ref, owner, hub int32) int32 {
	g.hub = append(g.hub, hub)
	g.hubs = max(g.hubs, hub+1)
	g.places = append(g.places, place{
		key: kind<<32 | uint64(uint32(ref)), cap: unlimited, group: none, owner: owner, outs: none, ins: none,
	})
	g.rows, g.outs, g.backs = append(g.rows, nil), append(g.outs, nil), append(g.backs, nil)
	g.t.addHub(int32(len(g.places)), g.hubs)
	return int32(len(g.places) - 1)
}

func (g *graph) addBook(tail, head int32) int32 {
	g.books = append(g.books, book{tail: tail, head: head, row: none, bottom: none, top: none})
	return int32(len(g.books) - 1)
}

// insert puts a tier in its place in the book; the book's edge is refreshed by the caller.
func (g *graph) insert(b int32, t tier) {
	tiers := g.books[b].tiers
	i := sort.Search(len(tiers), func(i int) bool { return t.before(&tiers[i]) })
	g.books[b].tiers = slices.Insert(tiers, i, t)
}

// find returns the place of an offer's tier in its book.
func (g *graph) find(b, arc int32) int {
	for i := range g.books[b].tiers {
		if g.books[b].tiers[i].arc == arc {
			return i
		}
	}
	return none
}

func (g *graph) remove(b int32, i int) {
	tiers := g.books[b].tiers
	g.gainful = g.gainful || g.held > 0
	if tiers[i].held {
		g.held--
	}
	copy(tiers[i:], tiers[i+1:])
	g.books[b].tiers = tiers[:len(tiers)-1]
}

// connect makes the book's edge agree with its first tier that may be used: none at all when open is
// false.
func (g *graph) connect(b int32, open bool) {
	bk := &g.books[b]
	g.gainful = g.gainful || g.held > 0 && open != bk.open
	bk.open = open
	first := none
	for i := range bk.tiers {
		if !bk.tiers[i].held {
			first = i
			break
		}
	}
	if !open || first < 0 {
		if bk.row >= 0 {
			g.cut(bk.head, bk.row)
			bk.row = none
		}
		return
	}
	label := bk.tiers[first].label
	if bk.row < 0 {
		bk.row = g.link(bk.head, edge{bk.tail, b, label})
	} else {
		old := g.rows[bk.head][bk.row].label
		g.rows[bk.head][bk.row].label = label
		if old <= label {
			g.risen++
			return
		}
	}
	g.check(bk.tail, bk.head, b, label)
}

// link adds an edge to a row.
func (g *graph) link(head int32, e edge) int32 {
	i := int32(len(g.rows[head]))
	g.backs[head] = append(g.backs[head], int32(len(g.outs[e.tail])))
	g.outs[e.tail] = append(g.outs[e.tail], outArc{head, i})
	g.rows[head] = append(g.rows[head], e)
	if hub := g.hub[e.tail]; hub != g.hub[head] {
		g.t.join(e.tail, hub)
	}
	return i
}

// cut takes an edge out of a row, moving the last one into its slot.
func (g *graph) cut(head, i int32) {
	row, backs := g.rows[head], g.backs[head]
	g.gainful = g.gainful || g.held > 0 && len(g.rows[row[i].tail]) > 0 && len(g.outs[head]) > 0
	g.risen++
	outs := g.outs[row[i].tail]
	end := len(outs) - 1
	outs[backs[i]] = outs[end]
	g.backs[outs[end].head][outs[end].row] = backs[i]
	g.outs[row[i].tail] = outs[:end]
	if end == 0 {
		g.t.leave(row[i].tail, g.hub[row[i].tail])
	}

	last := int32(len(row) - 1)
	if i < last {
		row[i], backs[i] = row[last], backs[last]
		g.outs[row[i].tail][backs[i]].row = i
		if row[i].ref >= 0 {
			g.books[row[i].ref].row = i
		}
	}
	g.rows[head], g.backs[head] = row[:last], backs[:last]
}

// findEdge returns where in the row of head the edge without tiers is, or none.
func (g *graph) findEdge(head, tail int32, kind ledger.FlowKind) int32 {
	row := g.rows[head]
	for i := len(row) - 1; i >= 0; i-- {
		if row[i].tail == tail && row[i].ref == ^int32(kind) {
			return int32(i)
		}
	}
	return none
}

// setEdge makes the edge without tiers present at the label, or absent.
func (g *graph) setEdge(tail, head int32, kind ledger.FlowKind, label int64, present bool) {
	i := g.findEdge(head, tail, kind)
	switch {
	case !present:
		if i >= 0 {
			g.cut(head, i)
		}
		return
	case i < 0:
		g.link(head, edge{tail, ^int32(kind), label})
	default:
		old := g.rows[head][i].label
		g.rows[head][i].label = label
		g.gainful = g.gainful || g.held > 0 && old != label
		if old <= label {
			return
		}
	}
	g.check(tail, head, ^int32(kind), label)
}

// check keeps the potentials good after an arc came or became cheaper. A place that nothing leads to
// closes no cycle, nor does one that leads nowhere.
func (g *graph) check(tail, head, ref int32, label int64) {
	if len(g.rows[tail]) == 0 {
		g.places[tail].pot = min(g.places[tail].pot, label+g.places[head].pot)
		g.cheaper(tail, head, ref)
		return
	}
	if len(g.outs[head]) == 0 {
		g.places[head].pot = max(g.places[head].pot, g.places[tail].pot-label)
		g.cheaper(tail, head, ref)
		return
	}
	if g.held > 0 || g.gainful || !g.repair(tail, head, label) {
		g.gainful = true
		g.t.forget()
		return
	}
	g.cheaper(tail, head, ref)
}
