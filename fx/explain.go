package fx

import (
	"viaduct/internal/money"
	"viaduct/ledger"
)

// Sum is an amount of one asset in minor units; without an issuer, of several assets of the currency.
type Sum struct {
	Units    int64
	Currency money.Currency
	Issuer   ledger.BIC
}

// Handover tells how value gets from one participant to the next.
type Handover uint8

// The handovers.
const (
	Transferred Handover = iota + 1 // between two holders, for the issuer's transfer fee
	Redeemed                        // to the issuer
	Issued                          // by the issuer
)

// String returns the handover's word.
func (h Handover) String() string { return [...]string{"", "transfer", "redemption", "issue"}[h] }

// Path is one slice of a payment: what the sender gives, whose hands it passes, what arrives.
type Path struct {
	Sent      Sum // fee included
	Fee       Sum // the issuer's transfer fee for what the sender gives
	By        Handover
	Hops      []Hop
	Delivered Sum
	Price     money.Ratio // minor units sent for those delivered
	Binding   []Bound     // what keeps the path from carrying more; empty when only the amount does
}

// Hop is a participant that takes one asset and gives another.
type Hop struct {
	Who   ledger.BIC
	Offer ledger.ID // zero when the value ripples
	In    Sum
	Out   Sum         // fee included
	Price money.Ratio // of the offer; of the line's qualities when the value ripples
	Fee   Sum         // the issuer's transfer fee for what is given
	By    Handover    // how it gets to the next
}

// BoundKind says what a bound is.
type BoundKind uint8

// The kinds of bound: what a payment runs into, and what keeps a route closed.
const (
	OfferUsedUp      BoundKind = iota + 1 // the offer gives no more
	BalanceSpent                          // the holder has no more of the asset
	LimitReached                          // the holder's line takes no more
	CapReached                            // the net debit cap of the holder in the currency
	AllRedeemed                           // the issuer owes no more of the asset
	Frozen                                // the line, or the issuer's whole asset
	NotAuthorised                         // the issuer has not approved the holder
	NotRippling                           // the holder does not let value pass through the line
	OfferHeldOut                          // the offer would close a gainful cycle
	OfferHeld                             // firm quotes hold the offer, or a part of it
	InventoryReached                      // the maker's offers made it as long or short as it lets them
)

var boundWords = [...]string{
	"", "offer_used_up", "balance_spent", "limit_reached", "net_debit_cap_reached", "all_redeemed", "frozen",
	"not_authorized", "not_rippling", "offer_held_out", "offer_held", "inventory_reached",
}

// String returns the bound's slug.
func (k BoundKind) String() string { return boundWords[k] }

// Bound is one thing that stops a path: of what kind, whose, in which asset; for an offer, which.
type Bound struct {
	Kind  BoundKind
	Who   ledger.BIC
	Asset ledger.AssetName
	Offer ledger.ID
}

// slice is what is left of a flow while a plan is taken apart.
type slice struct {
	ledger.Flow
	tail, head uint64 // keys of the places
	in, out    int64  // of the path under way
}

// paths takes a plan apart and tells it.
func (m *market) paths(req *ledger.Request, plan *ledger.Plan) []Path {
	used := m.usage(plan)
	var all []Path
	for _, path := range m.slices(req, plan) {
		p := m.tell(path)
		p.Binding = m.binding(path, used)
		all = append(all, p)
	}
	return all
}

// slices takes a plan apart: each path uses up at least one of its flows, and the paths together are
// the plan to the last unit.
func (m *market) slices(req *ledger.Request, plan *ledger.Plan) [][]slice {
	left := make([]slice, len(plan.Flows))
	leaves := make(map[uint64][]*slice, len(left))
	gets := make(map[uint64]int64)
	for i, f := range plan.Flows {
		left[i] = slice{Flow: f}
		s := &left[i]
		s.tail, s.head = m.endsOf(f)
		leaves[s.tail] = append(leaves[s.tail], s)
		gets[s.head] += s.Out
		gets[s.tail] -= s.In
	}
	var all [][]slice
	for i := range left {
		start := &left[i]
		if gets[start.tail] >= 0 || m.ownerOf(start.tail) != int32(req.From) {
			continue
		}
		for start.Out > 0 {
			path := follow(start, leaves, func(place uint64) bool { return gets[place] > 0 })
			if path == nil {
				break
			}
			measure(path)
			one := make([]slice, len(path))
			for j, s := range path {
				one[j] = *s
				s.In -= s.in
				s.Out -= s.out
			}
			all = append(all, one)
		}
	}
	return all
}

// follow goes on from a flow along what is left, visiting no place twice, to where value stays. A ring
// that is left over is on no path; nil says that the flow leads nowhere else.
func follow(start *slice, leaves map[uint64][]*slice, stays func(place uint64) bool) []*slice {
	path := []*slice{start}
	been := map[uint64]bool{start.tail: true, start.head: true}
	next := []int{0} // which way to try from the head of each step
	for len(path) > 0 {
		top := len(path) - 1
		at := path[top].head
		ways := leaves[at]
		i := next[top]
		for i < len(ways) && (ways[i].Out <= 0 || been[ways[i].head]) {
			i++
		}
		if i == len(ways) {
			if stays(at) {
				return path
			}
			path, next = path[:top], next[:top]
			continue
		}
		next[top] = i + 1
		been[ways[i].head] = true
		path, next = append(path, ways[i]), append(next, 0)
	}
	return nil
}

// measure finds how much the path carries: all of its narrowest flow, and of the others what that is
// or needs.
func measure(path []*slice) {
	narrow := 0
	for range len(path) + 1 {
		s := path[narrow]
		s.in, s.out = s.In, s.Out
		for i := narrow - 1; i >= 0; i-- {
			s := path[i]
			s.out = path[i+1].in
			if s.out > s.Out {
				s.out = s.Out
			}
			s.in = share(s.out, s.In, s.Out)
		}
		wider := true
		for i := narrow + 1; i < len(path); i++ {
			s := path[i]
			if s.in = path[i-1].out; s.in > s.In {
				narrow, wider = i, false
				break
			}
			s.out = share(s.in, s.Out, s.In)
		}
		if wider {
			return
		}
	}
}

// share returns whole*part/of, all of whole for all of the part.
func share(part, whole, of int64) int64 {
	if part >= of {
		return whole
	}
	v, _, _ := money.MulDiv(part, whole, of, money.RoundDown)
	return v
}

// endsOf returns the keys of the places that a flow connects.
func (m *market) endsOf(f ledger.Flow) (tail, head uint64) {
	key := func(kind uint64, ref int32) uint64 { return kind<<32 | uint64(uint32(ref)) }
	if f.Kind == ledger.Fill {
		o := &m.offers[f.Arc]
		return key(placeTake, o.want), key(placeGive, o.give)
	}
	p := &m.positions[f.Arc]
	take, give := key(placeTake, f.Arc), key(placeGive, f.Arc)
	own, pool := m.assets[p.asset].own, key(placePool, p.asset)
	ripple, redeemed := key(placeRipple, p.purse), key(placeRedeemed, p.purse)
	switch f.Kind {
	case ledger.Give:
		return give, pool
	case ledger.Take:
		return pool, take
	case ledger.Redeem:
		return give, key(placeTake, own)
	case ledger.Issue:
		return key(placeGive, own), take
	case ledger.RippleIn:
		return take, ripple
	case ledger.RippleOwnIn:
		return take, redeemed
	case ledger.RippleOwnOut:
		return redeemed, give
	}
	return ripple, give // RippleOut, RippleIssue
}

func (m *market) ownerOf(key uint64) int32 {
	if kind := key >> 32; kind == placeTake || kind == placeGive {
		return m.positions[int32(uint32(key))].part
	}
	return none
}

func (m *market) sum(units int64, position int32) Sum {
	a := &m.assets[m.positions[position].asset]
	return Sum{units, a.currency, m.parts[a.issuer].bic}
}

// tell writes a path in the words of a payment.
func (m *market) tell(path []slice) Path {
	last := path[len(path)-1]
	p := Path{
		Sent:      m.sum(path[0].in, int32(uint32(path[0].tail))),
		Delivered: m.sum(last.out, int32(uint32(last.head))),
	}
	p.Price = ratio(path[0].in, last.out)
	fee, by := &p.Fee, &p.By
	for i, s := range path {
		switch s.Kind {
		case ledger.Give:
			*fee, *by = m.sum(s.in-s.out, s.Arc), Transferred
		case ledger.Redeem:
			*fee, *by = m.sum(0, s.Arc), Redeemed
		case ledger.Issue:
			*fee, *by = m.sum(0, s.Arc), Issued
		case ledger.Fill:
			o := &m.offers[s.Arc]
			p.Hops = append(p.Hops, Hop{
				Who: m.parts[o.part].bic, Offer: o.offer, In: m.sum(s.in, o.want), Out: m.sum(s.out, o.give), Price: o.price,
			})
		case ledger.RippleOut, ledger.RippleOwnOut, ledger.RippleIssue:
			from := path[i-1]
			in, out := &m.positions[from.Arc], &m.positions[s.Arc]
			n, d := int64(ledger.Unit), int64(ledger.Unit)
			if from.Kind == ledger.RippleIn {
				d = in.terms.qualityIn
			}
			if s.Kind != ledger.RippleIssue {
				n = out.terms.qualityOut
			}
			p.Hops = append(p.Hops, Hop{
				Who: m.parts[out.part].bic, In: m.sum(from.in, from.Arc), Out: m.sum(s.out, s.Arc), Price: ratio(n, d),
			})
		}
		if n := len(p.Hops); n > 0 {
			fee, by = &p.Hops[n-1].Fee, &p.Hops[n-1].By
		}
	}
	return p
}

// ratio returns n/d in lowest terms, zero when either is.
func ratio(n, d int64) money.Ratio {
	if n <= 0 || d <= 0 {
		return money.Ratio{}
	}
	a, b := n, d
	for b != 0 {
		a, b = b, a%b
	}
	return money.Ratio{N: n / a, D: d / a}
}
