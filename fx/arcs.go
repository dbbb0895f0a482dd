package fx

import (
	"slices"

	"viaduct/ledger"
)

// refresh makes all arcs at a position agree with what it may do now. Arcs into a giving side or out
// of a taking side are there only while something can move, so that a closed position closes no
// gainful cycle either.
func (m *market) refresh(id int32) {
	pos := &m.positions[id]
	pos.takes, pos.offers = m.takeOpen(pos), m.giveOpen(pos)
	m.refreshRipple(pos)
	for _, b := range pos.gives {
		m.refreshTaking(m.positionAt(m.books[b].tail), m.refreshBook(b))
	}
	for _, b := range pos.wants {
		m.refreshBook(b)
		m.refreshGiving(m.positionAt(m.books[b].head))
	}
	m.refreshGiving(id)
	m.refreshTaking(id, true)
}

// positionAt returns the position that a place is a side of.
func (m *market) positionAt(v int32) int32 { return int32(uint32(m.places[v].key)) }

// refreshTaking sets the arcs into a line's taking side, which are there only while it leads
// somewhere, or the payment under way ends there: a pool has many holders, and few of them deal.
func (m *market) refreshTaking(id int32, changed bool) {
	pos := &m.positions[id]
	if pos.own || !changed {
		return
	}
	a := &m.assets[pos.asset]
	present := pos.mayTake && (pos.ends || m.leads(pos))
	m.setEdge(a.pool, pos.take, ledger.Take, 0, present)
	if a.own >= 0 {
		m.setEdge(m.positions[a.own].give, pos.take, ledger.Issue, 0, present)
	}
}

// leads says whether a line's taking side leads somewhere, offers held out included.
func (m *market) leads(pos *position) bool {
	return pos.ripple && m.takeOpen(pos) || m.anyOpen(pos.wants)
}

// refreshRipple sets the arcs between a position and the pools of its purse.
func (m *market) refreshRipple(pos *position) {
	p := &m.purses[pos.purse]
	if p.ripple < 0 {
		return
	}
	take, give := m.takeOpen(pos), m.giveOpen(pos)
	if pos.own {
		m.setEdge(pos.take, p.redeemed, ledger.RippleOwnIn, 0, take && p.rippling > 0)
		m.setEdge(p.ripple, pos.give, ledger.RippleIssue, 0, give && p.rippling > 0)
		return
	}
	in, out := label(ledger.Unit, pos.terms.qualityIn), label(pos.terms.qualityOut, ledger.Unit)
	m.setEdge(pos.take, p.ripple, ledger.RippleIn, in, pos.ripple && take)
	m.setEdge(p.ripple, pos.give, ledger.RippleOut, out, pos.ripple && give)
	m.setEdge(p.redeemed, pos.give, ledger.RippleOwnOut, out, pos.ripple && give)
}

// refreshBook connects a book or cuts it off; it reports whether that changed what its ends do.
func (m *market) refreshBook(b int32) bool {
	bk := &m.books[b]
	want, give := &m.positions[m.positionAt(bk.tail)], &m.positions[m.positionAt(bk.head)]
	before := bk.open
	m.connect(b, m.takeOpen(want) && m.giveOpen(give))
	return before != bk.open
}

// refreshOffer is refreshBook for a book whose offers changed.
func (m *market) refreshOffer(b int32) {
	m.refreshBook(b)
	m.refreshGiving(m.positionAt(m.books[b].head))
	m.refreshTaking(m.positionAt(m.books[b].tail), true)
}

// refreshGiving sets the arcs out of a line's giving side, which are there only while something leads
// to it, or the payment under way starts at it: a pool has many holders, and few of them give.
func (m *market) refreshGiving(id int32) {
	pos := &m.positions[id]
	if pos.own {
		return
	}
	a := &m.assets[pos.asset]
	active := pos.forced || m.active(pos)
	m.places[pos.give].redeems = !pos.mayGive
	m.setEdge(pos.give, a.pool, ledger.Give, label(ledger.Unit+pos.terms.fee, ledger.Unit), active && pos.mayGive)
	if a.own >= 0 {
		m.setEdge(pos.give, m.positions[a.own].take, ledger.Redeem, 0, active)
	}
}

// force lets a line give although nothing leads to it, until unforce.
func (m *market) force(id int32) {
	if pos := &m.positions[id]; !pos.own && !m.active(pos) {
		pos.forced = true
		m.forced = append(m.forced, id)
		m.refreshGiving(id)
	}
}

// forceEnd lets a line take although it leads nowhere, until unforce.
func (m *market) forceEnd(id int32) {
	if pos := &m.positions[id]; !pos.own && !m.leads(pos) {
		pos.ends = true
		m.forced = append(m.forced, id)
		m.refreshTaking(id, true)
	}
}

func (m *market) unforce() {
	for _, id := range m.forced {
		pos := &m.positions[id]
		if pos.forced {
			pos.forced = false
			m.refreshGiving(id)
		}
		if pos.ends {
			pos.ends = false
			m.refreshTaking(id, true)
		}
	}
	m.forced = m.forced[:0]
}

func (m *market) setOffer(c *change) {
	o := at(&m.offers, c.id, offer{book: none})
	if o.live && c.live && o.seq == c.seq {
		o.remaining = c.remaining
		m.books[o.book].tiers[m.find(o.book, c.id)].room = c.remaining
		return
	}
	if o.live {
		m.remove(o.book, m.find(o.book, c.id))
		m.refreshOffer(o.book)
	}
	if o.crossed {
		pos := &m.positions[o.give]
		pos.crossed = slices.DeleteFunc(pos.crossed, func(id int32) bool { return id == c.id })
	}
	o.change = *c
	if c.crossed {
		pos := &m.positions[c.give]
		pos.crossed = append(pos.crossed, c.id)
	}
	if !c.live {
		return
	}
	o.book = m.bookOf(c.want, c.give)
	m.insert(o.book, tier{
		label: label(c.price.N, c.price.D), n: c.price.N, d: c.price.D, room: c.remaining, seq: c.seq, arc: c.id,
	})
	m.refreshOffer(o.book)
}

// active says whether something leads to a line's giving side, offers held out included.
func (m *market) active(pos *position) bool {
	return pos.ripple && m.giveOpen(pos) || m.anyOpen(pos.gives)
}

func (m *market) anyOpen(books []int32) bool {
	for _, b := range books {
		if m.books[b].open && len(m.books[b].tiers) > 0 {
			return true
		}
	}
	return false
}

// bookOf returns the book of offers that take into want and give from give, making it if need be.
func (m *market) bookOf(want, give int32) int32 {
	tail, head := m.positions[want].take, m.positions[give].give
	for _, b := range m.positions[give].gives {
		if m.books[b].tail == tail {
			return b
		}
	}
	b := m.addBook(tail, head)
	m.positions[give].gives = append(m.positions[give].gives, b)
	m.positions[want].wants = append(m.positions[want].wants, b)
	return b
}
