package fx

import "viaduct/ledger"

// refresh makes all arcs at a position agree with what it may do now. Arcs into a giving side or out
// of a taking side are there only while something can move, so that a closed position closes no
// gainful cycle either.
func (m *market) refresh(id int32) {
	pos := &m.positions[id]
	pos.takes, pos.offers = m.takeOpen(pos), m.giveOpen(pos)
	m.refreshTaking(pos)
	m.refreshRipple(pos)
	for _, b := range pos.gives {
		m.refreshBook(b)
	}
	m.refreshGiving(id)
	for _, b := range pos.wants {
		m.refreshGiving(m.refreshBook(b))
	}
}

// refreshTaking sets the arcs into a line's taking side.
func (m *market) refreshTaking(pos *position) {
	a := &m.assets[pos.asset]
	if pos.own {
		return
	}
	m.setEdge(a.pool, pos.take, ledger.Take, 0, pos.mayTake)
	if a.own >= 0 {
		m.setEdge(m.positions[a.own].give, pos.take, ledger.Issue, 0, pos.mayTake)
	}
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

// refreshBook connects a book or cuts it off; it returns the giver, whose own arcs may follow.
func (m *market) refreshBook(b int32) int32 {
	bk := &m.books[b]
	giver := int32(uint32(m.places[bk.head].key))
	want, give := &m.positions[int32(uint32(m.places[bk.tail].key))], &m.positions[giver]
	m.connect(b, m.takeOpen(want) && m.giveOpen(give))
	return giver
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

func (m *market) unforce() {
	for _, id := range m.forced {
		m.positions[id].forced = false
		m.refreshGiving(id)
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
		m.refreshGiving(m.refreshBook(o.book))
	}
	o.change = *c
	if !c.live {
		return
	}
	o.book = m.bookOf(c.want, c.give)
	m.insert(o.book, tier{
		label: label(c.price.N, c.price.D), n: c.price.N, d: c.price.D, room: c.remaining, seq: c.seq, arc: c.id,
	})
	m.refreshGiving(m.refreshBook(o.book))
}

// active says whether something leads to a line's giving side, offers held out included.
func (m *market) active(pos *position) bool {
	if pos.ripple && m.giveOpen(pos) {
		return true
	}
	for _, b := range pos.gives {
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
