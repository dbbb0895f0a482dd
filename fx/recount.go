package fx

import "viaduct/ledger"

// PathsOf tells the moves of a settled payment in the words of a quote. from is who sent it; the moves
// are what its outcome records.
//
// A record keeps neither what bound a path nor the qualities of a line: Binding is empty, and the price
// of a hop that let value ripple is what it took for what it gave. Moves that do not form paths from
// the sender to an end make no sense as a payment, and give nil.
func PathsOf(from ledger.BIC, moves []ledger.Move) []Path {
	r := &recount{moves: moves, numbers: make(map[namedPlace]uint64), leaves: make(map[uint64][]*slice)}
	left := make([]slice, len(moves))
	net := make(map[uint64]int64)
	for i := range moves {
		m := &moves[i]
		if m.In <= 0 || m.Out < 0 {
			return nil
		}
		s := &left[i]
		*s = slice{Flow: ledger.Flow{Kind: m.Kind, Arc: int32(i), In: m.In, Out: m.Out}}
		var ok bool
		if s.tail, s.head, ok = r.endsOf(m); !ok {
			return nil
		}
		r.leaves[s.tail] = append(r.leaves[s.tail], s)
		net[s.head] += m.Out
		net[s.tail] -= m.In
	}
	var to ledger.BIC
	for id, p := range r.places {
		// Value begins at the sender's giving sides and ends at the receiver's taking sides.
		n := net[uint64(id)]
		if n > 0 && to == (ledger.BIC{}) {
			to = p.who
		}
		if n < 0 && (p.kind != placeGive || p.who != from) || n > 0 && (p.kind != placeTake || p.who != to) {
			return nil
		}
		r.ends = append(r.ends, n > 0)
	}
	var all []Path
	for i := range left {
		start := &left[i]
		if net[start.tail] >= 0 {
			continue
		}
		for start.Out > 0 {
			path := follow(start, r.leaves, func(place uint64) bool { return r.ends[place] })
			if path == nil {
				return nil
			}
			measure(path)
			all = append(all, r.tell(path))
			for _, s := range path {
				s.In -= s.in
				s.Out -= s.out
			}
		}
	}
	return all
}

// recount is the graph of one payment's moves.
type recount struct {
	moves   []ledger.Move
	numbers map[namedPlace]uint64
	places  []namedPlace // by number
	ends    []bool       // by number: value stays there
	leaves  map[uint64][]*slice
}

// namedPlace is a place of value by its names: a position's side (who and asset), an asset's pool
// (asset alone), or a pool of a purse (who and the asset's currency alone).
type namedPlace struct {
	kind  uint64
	who   ledger.BIC
	asset ledger.AssetName
}

func (r *recount) number(kind uint64, who ledger.BIC, asset ledger.AssetName) uint64 {
	p := namedPlace{kind, who, asset}
	n, ok := r.numbers[p]
	if !ok {
		n = uint64(len(r.places))
		r.numbers[p] = n
		r.places = append(r.places, p)
	}
	return n
}

// endsOf returns the numbers of the places that a move connects.
func (r *recount) endsOf(m *ledger.Move) (tail, head uint64, ok bool) {
	take := func(who ledger.BIC) uint64 { return r.number(placeTake, who, m.Asset) }
	give := func(who ledger.BIC) uint64 { return r.number(placeGive, who, m.Asset) }
	purse := func(kind uint64) uint64 {
		return r.number(kind, m.Holder, ledger.AssetName{Currency: m.Asset.Currency})
	}
	pool := func() uint64 { return r.number(placePool, ledger.BIC{}, m.Asset) }
	switch m.Kind {
	case ledger.Give:
		return give(m.Holder), pool(), true
	case ledger.Take:
		return pool(), take(m.Holder), true
	case ledger.Redeem:
		return give(m.Holder), take(m.Asset.Issuer), true
	case ledger.Issue:
		return give(m.Asset.Issuer), take(m.Holder), true
	case ledger.Fill:
		return r.number(placeTake, m.Holder, m.Want), give(m.Holder), true
	case ledger.RippleIn:
		return take(m.Holder), purse(placeRipple), true
	case ledger.RippleOwnIn:
		return take(m.Holder), purse(placeRedeemed), true
	case ledger.RippleOut, ledger.RippleIssue:
		return purse(placeRipple), give(m.Holder), true
	case ledger.RippleOwnOut:
		return purse(placeRedeemed), give(m.Holder), true
	}
	return 0, 0, false
}

// tell writes a path in the words of a quote.
func (r *recount) tell(path []*slice) Path {
	last := path[len(path)-1]
	p := Path{Sent: r.sum(path[0].in, path[0].tail), Delivered: r.sum(last.out, last.head)}
	p.Price = ratio(p.Sent.Units, p.Delivered.Units)
	fee, by := &p.Fee, &p.By
	for i, s := range path {
		m := &r.moves[s.Arc]
		switch s.Kind {
		case ledger.Give:
			*fee, *by = r.sum(s.in-s.out, s.tail), Transferred
		case ledger.Redeem:
			*fee, *by = r.sum(0, s.tail), Redeemed
		case ledger.Issue:
			*fee, *by = r.sum(0, s.tail), Issued
		case ledger.Fill:
			p.Hops = append(p.Hops, Hop{Who: m.Holder, Offer: m.Offer, In: r.sum(s.in, s.tail), Out: r.sum(s.out, s.head), Price: m.Price})
		case ledger.RippleOut, ledger.RippleOwnOut, ledger.RippleIssue:
			in := path[i-1]
			p.Hops = append(p.Hops, Hop{
				Who: m.Holder, In: r.sum(in.in, in.tail), Out: r.sum(s.out, s.head),
				Price: ratio(r.moves[in.Arc].In, r.moves[s.Arc].Out),
			})
		}
		if n := len(p.Hops); n > 0 {
			fee, by = &p.Hops[n-1].Fee, &p.Hops[n-1].By
		}
	}
	return p
}

func (r *recount) sum(units int64, place uint64) Sum {
	a := r.places[place].asset
	return Sum{units, a.Currency, a.Issuer}
}
