package fx

import (
	"viaduct/internal/money"
	"viaduct/ledger"
)

// View is what the path search reads of the ledger; *ledger.State serves it.
type View interface {
	Participants() []ledger.Participant
	Assets() []ledger.Asset
	Positions() []ledger.Position
	PurseTable() []ledger.Purse
	Offers() []ledger.Offer
	CanTake(ledger.PosID) bool
	CanGive(ledger.PosID) bool
	Available(ledger.PosID) int64
	Headroom(ledger.PosID) int64
	PurseRoom(ledger.PurseID) int64
	Ripples(ledger.PosID) bool
	OfferRoom(ledger.OfferIdx) int64
	Fillable(ledger.OfferIdx) bool
}

// change is one entry of the ledger as it is after a change: all that the market keeps of it.
type change struct {
	table tableID
	id    int32

	bic                           ledger.BIC     // participants
	part, asset, purse            int32          // positions; part of purses
	currency                      money.Currency // purses, positions
	issuer                        int32
	available, headroom           int64 // positions; available of purses: their room
	terms                         terms
	own, ripple, mayGive, mayTake bool
	frozen, accepts               bool // why not, for the answer: the issuer froze it, the limit is above zero

	live       bool // offers: they may be filled
	crossed    bool // they stand, and are held out for a gainful cycle; such are only told of
	give, want int32
	price      money.Ratio
	remaining  int64
	seq        uint64
	offer      ledger.ID
}

// tableID is one of the ledger's, in the order in which changes are applied: entries name earlier tables.
type tableID uint8

const (
	tableParticipant tableID = iota
	tablePurse
	tablePosition
	tableOffer
	tableCount
)

// market is the graph of a ledger: a copy of what matters in each entry, and its places and arcs.
type market struct {
	graph
	parts     []party
	assets    []asset
	positions []position
	purses    []purse
	offers    []offer
	byBIC     map[ledger.BIC]int32
	byPurse   map[uint64]int32 // participant and currency

	sources, sinks []int32
	forced         []int32
}

type party struct {
	bic ledger.BIC
}

type asset struct {
	issuer   int32
	currency money.Currency
	own      int32 // position, or none while it is not known
	pool     int32
	takers   int32 // hub of the pool and the lines' taking sides
	givers   int32 // hub of the lines' giving sides
	lines    []int32
}

type position struct {
	change
	take, give       int32   // places
	takeHub, giveHub int32   // while the line may not take or give; none before that
	gives            []int32 // books of offers that give from the position
	wants            []int32 // books of offers that take into it
	crossed          []int32 // offers that would give from it, but are held out
	forced           bool    // the sender's, for the payment under way
	ends             bool    // the receiver's
	takes            bool    // at the last refresh, something could be taken
	offers           bool    // and given
}

type purse struct {
	part             int32
	currency         money.Currency
	positions        []int32
	own              int32
	ripple, redeemed int32 // places, or none until a line of the purse ripples
	rippling         int   // lines that do
}

type offer struct {
	change
	book int32
}

func newMarket() *market {
	m := &market{byBIC: make(map[ledger.BIC]int32), byPurse: make(map[uint64]int32)}
	m.sender, m.receiver = none, none
	return m
}

func at[T any](list *[]T, i int32, zero T) *T {
	for int(i) >= len(*list) {
		*list = append(*list, zero)
	}
	return &(*list)[i]
}

func (m *market) apply(c *change) {
	switch c.table {
	case tableParticipant:
		at(&m.parts, c.id, party{}).bic = c.bic
		m.byBIC[c.bic] = c.id
	case tablePurse:
		m.setPurse(c)
	case tablePosition:
		m.setPosition(c)
	case tableOffer:
		m.setOffer(c)
	}
}

var noPurse = purse{part: none, own: none, ripple: none, redeemed: none}

func (m *market) setPurse(c *change) {
	p := at(&m.purses, c.id, noPurse)
	group := at(&m.groups, c.id, group{})
	wasOpen := group.cap > 0
	p.part, p.currency = c.part, c.currency
	m.byPurse[pair(c.part, int32(c.currency))] = c.id
	group.cap = c.available
	if group.cap >= ledger.MaxUnits {
		group.cap = unlimited
	}
	group.full = group.cap <= 0
	if wasOpen != (group.cap > 0) {
		for _, pos := range p.positions {
			m.refresh(pos)
		}
	}
}

func pair(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

func (m *market) setPosition(c *change) {
	pos := at(&m.positions, c.id, position{take: none, give: none, takeHub: none, giveHub: none})
	old := pos.change
	pos.change = *c
	*at(&m.terms, c.id, terms{}) = c.terms
	fresh := pos.take < 0
	if fresh {
		m.open(c)
		old = change{}
	}
	m.places[pos.take].cap, m.places[pos.give].cap = c.headroom, c.available
	if old.ripple != c.ripple {
		m.setRippling(c)
	}
	m.setHubs(pos)
	old.available, old.headroom = c.available, c.headroom // amounts change no arc, but for zero
	if old != *c || pos.takes != m.takeOpen(pos) || pos.offers != m.giveOpen(pos) {
		m.refresh(c.id)
	}
	if fresh && c.own {
		// Lines that came before their issuer's position could not be connected to it.
		for _, line := range m.assets[c.asset].lines {
			m.refresh(line)
		}
	}
}

// open makes the places of a new position.
func (m *market) open(c *change) {
	a := at(&m.assets, c.asset, asset{own: none, pool: none})
	if a.pool < 0 {
		a.issuer, a.currency = c.issuer, c.currency
		a.takers, a.givers = m.hubs, m.hubs+1
		a.pool = m.addPlace(placePool, c.asset, none, a.takers)
		m.hubs++
	}
	takeHub, giveHub := a.takers, a.givers
	if c.own {
		takeHub, giveHub = m.hubs, m.hubs+1
	}
	pos := &m.positions[c.id]
	pos.take = m.addPlace(placeTake, c.id, c.part, takeHub)
	pos.give = m.addPlace(placeGive, c.id, c.part, giveHub)
	m.places[pos.give].group = c.purse
	p := at(&m.purses, c.purse, noPurse)
	at(&m.groups, c.purse, group{})
	p.positions = append(p.positions, c.id)
	if c.own {
		a.own, p.own = c.id, c.id
	} else {
		a.lines = append(a.lines, c.id)
	}
}

// setHubs gives the sides of a line that is frozen or not approved hubs of their own while it is: only
// then does a hub stand for places that all lead to the same others.
func (m *market) setHubs(pos *position) {
	if pos.own {
		return
	}
	a := &m.assets[pos.asset]
	m.setHub(pos.take, a.takers, &pos.takeHub, pos.mayTake)
	m.setHub(pos.give, a.givers, &pos.giveHub, pos.mayGive)
}

func (m *market) setHub(place, common int32, alone *int32, may bool) {
	hub := common
	if !may {
		if *alone < 0 {
			*alone = m.hubs
			m.hubs++
		}
		hub = *alone
	}
	if m.hub[place] != hub {
		m.t.leave(place, m.hub[place])
		m.hub[place] = hub
		m.t.addHub(int32(len(m.places)), m.hubs)
		if len(m.outs[place]) > 0 {
			m.t.join(place, hub)
		}
		m.t.forget()
	}
}

// setRippling counts the rippling lines of a purse, whose own position ripples with the first.
func (m *market) setRippling(c *change) {
	p := &m.purses[c.purse]
	if c.own {
		return
	}
	if p.ripple < 0 {
		p.ripple = m.addPlace(placeRipple, c.purse, c.part, m.hubs)
		p.redeemed = m.addPlace(placeRedeemed, c.purse, c.part, m.hubs)
	}
	before := p.rippling
	if c.ripple {
		p.rippling++
	} else {
		p.rippling--
	}
	if p.own >= 0 && (before == 0 || p.rippling == 0) {
		m.refresh(p.own)
	}
}

func (m *market) takeOpen(pos *position) bool { return pos.headroom > 0 }

func (m *market) giveOpen(pos *position) bool {
	return pos.available > 0 && m.groups[pos.purse].cap > 0
}
