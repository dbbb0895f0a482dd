package fx

import (
	"cmp"
	"slices"

	"viaduct/ledger"
)

// MaxAugmentations bounds the search for one payment: a payment that needs more is refused with
// SearchLimit. It is part of the ledger's rules.
const MaxAugmentations = 1 << 14

// Router finds the flows of payments on the state it was made for. It serves ledger.Router and is
// used by the goroutine that applies messages only; Quoter serves the others.
type Router struct {
	view   View
	market *market
	dirty  dirty

	quoters []*Quoter
	feed    []change // what changed since the last Publish, for them
}

// dirty lists what changed since the market was last brought up to date.
type dirty struct {
	parts, purses, positions, offers list
}

type list struct {
	ids []int32
	on  []bool
}

func (l *list) add(id int32) {
	if on := at(&l.on, id, false); !*on {
		*on = true
		l.ids = append(l.ids, id)
	}
}

func (l *list) clear() {
	for _, id := range l.ids {
		l.on[id] = false
	}
	l.ids = l.ids[:0]
}

// New returns a router for the state, which it reads whole.
func New(view View) *Router {
	r := &Router{view: view, market: newMarket()}
	for i := range view.Participants() {
		r.dirty.parts.add(int32(i))
	}
	for i := range view.PurseTable() {
		r.dirty.purses.add(int32(i))
	}
	for i := range view.Positions() {
		r.dirty.positions.add(int32(i))
	}
	for i := range view.Offers() {
		r.dirty.offers.add(int32(i))
	}
	return r
}

// PositionChanged, PurseChanged, OfferChanged and ParticipantChanged note what is to be read again
// before the next answer.
func (r *Router) PositionChanged(p ledger.PosID) { r.dirty.positions.add(int32(p)) }

// PurseChanged notes a purse.
func (r *Router) PurseChanged(p ledger.PurseID) { r.dirty.purses.add(int32(p)) }

// OfferChanged notes an offer.
func (r *Router) OfferChanged(o ledger.OfferIdx) { r.dirty.offers.add(int32(o)) }

// ParticipantChanged notes a participant, and each position in its assets: their fee, freeze and
// authorisation are the issuer's.
func (r *Router) ParticipantChanged(p ledger.PartID) {
	r.dirty.parts.add(int32(p))
	for i := range r.market.assets {
		if a := &r.market.assets[i]; a.issuer == int32(p) {
			for _, line := range a.lines {
				r.dirty.positions.add(line)
			}
		}
	}
}

// sync brings the market up to date, but for an offer that is new, when skip names it.
func (r *Router) sync(skip int32) {
	d := &r.dirty
	for _, id := range d.parts.ids {
		r.apply(change{table: tableParticipant, id: id, bic: r.view.Participants()[id].BIC})
	}
	for _, id := range d.purses.ids {
		r.apply(r.readPurse(id))
	}
	for _, id := range d.positions.ids {
		r.apply(r.readPosition(id))
	}
	again := false
	for _, id := range d.offers.ids {
		if id == skip && (int(id) >= len(r.market.offers) || !r.market.offers[id].live) {
			again = true
			continue
		}
		r.apply(r.readOffer(id))
	}
	d.parts.clear()
	d.purses.clear()
	d.positions.clear()
	d.offers.clear()
	if again {
		d.offers.add(skip)
	}
}

func (r *Router) apply(c change) {
	r.market.apply(&c)
	if len(r.quoters) > 0 {
		r.feed = append(r.feed, c)
	}
}

func (r *Router) readPurse(id int32) change {
	p := &r.view.PurseTable()[id]
	return change{
		table: tablePurse, id: id, part: int32(p.Participant), currency: p.Currency,
		available: r.view.PurseRoom(ledger.PurseID(id)),
	}
}

func (r *Router) readPosition(id int32) change {
	p := &r.view.Positions()[id]
	a := &r.view.Assets()[p.Asset]
	issuer := &r.view.Participants()[a.Issuer]
	return change{
		table: tablePosition, id: id, part: int32(p.Holder), asset: int32(p.Asset), purse: int32(p.Purse),
		currency: a.Currency, issuer: int32(a.Issuer),
		available: r.view.Available(ledger.PosID(id)), headroom: r.view.Headroom(ledger.PosID(id)),
		terms: terms{issuer.TransferFee, p.QualityIn, p.QualityOut},
		own:   p.Own, ripple: !p.Own && r.view.Ripples(ledger.PosID(id)),
		mayGive: r.view.CanGive(ledger.PosID(id)), mayTake: r.view.CanTake(ledger.PosID(id)),
		frozen: p.Frozen || issuer.Frozen, accepts: p.Own || p.Limit > 0,
	}
}

func (r *Router) readOffer(id int32) change {
	o := &r.view.Offers()[id]
	c := change{table: tableOffer, id: id, live: r.view.Fillable(ledger.OfferIdx(id)), crossed: o.Live && o.Crossed}
	if c.live || c.crossed {
		c.give, c.want, c.price = int32(o.GivePos), int32(o.WantPos), o.Price
		c.remaining, c.seq, c.offer, c.part = r.view.OfferRoom(ledger.OfferIdx(id)), o.Seq, o.ID, int32(o.Maker)
	}
	return c
}

// Route fills plan with the cheapest flows that serve the request, or says why there are none.
func (r *Router) Route(req *ledger.Request, plan *ledger.Plan) ledger.Outcome {
	r.sync(none)
	return r.market.route(req, plan)
}

// Gainful says whether the offer closes a gainful cycle with older ones, as funds and limits are now.
func (r *Router) Gainful(at ledger.OfferIdx) bool {
	r.sync(int32(at))
	m := r.market
	m.holdOut()
	if int(at) < len(m.offers) && m.offers[at].live {
		b := m.offers[at].book
		return m.books[b].tiers[m.find(b, int32(at))].held
	}
	o := &r.view.Offers()[at]
	if !o.Live {
		return false
	}
	want, give := &m.positions[o.WantPos], &m.positions[o.GivePos]
	if !m.takeOpen(want) || !m.giveOpen(give) {
		return false
	}
	m.force(int32(o.GivePos))
	m.forceEnd(int32(o.WantPos))
	defer m.unforce()
	return m.closes(want.take, give.give, label(o.Price.N, o.Price.D))
}

// HeldOut appends the offers that close a gainful cycle with older ones and are therefore passed over
// by every search, although the ledger has not marked them; oldest first. A ledger that marks them
// after each block keeps this empty, and the search fast.
func (r *Router) HeldOut(to []ledger.OfferIdx) []ledger.OfferIdx {
	r.sync(none)
	m := r.market
	m.holdOut()
	if m.held == 0 {
		return to
	}
	start := len(to)
	for i := range m.books {
		for j := range m.books[i].tiers {
			if t := &m.books[i].tiers[j]; t.held {
				to = append(to, ledger.OfferIdx(t.arc))
			}
		}
	}
	slices.SortFunc(to[start:], func(a, b ledger.OfferIdx) int {
		return cmp.Compare(m.offers[a].seq, m.offers[b].seq)
	})
	return to
}
