package fx

import "viaduct/ledger"

// usage is how much a plan gives and takes at each position, gives from each purse, and fills.
type usage struct {
	give, take, purse, fill map[int32]int64
}

func (m *market) usage(plan *ledger.Plan) *usage {
	u := &usage{map[int32]int64{}, map[int32]int64{}, map[int32]int64{}, map[int32]int64{}}
	for _, f := range plan.Flows {
		tail, head := m.endsOf(f)
		if tail>>32 == placeGive {
			id := int32(uint32(tail))
			u.give[id] += f.In
			u.purse[m.positions[id].purse] += f.In
		}
		if head>>32 == placeTake {
			u.take[int32(uint32(head))] += f.Out
		}
		if f.Kind == ledger.Fill {
			u.fill[f.Arc] += f.Out
		}
	}
	return u
}

// binding returns what keeps a path from carrying more, in the order of the path.
func (m *market) binding(path []slice, u *usage) []Bound {
	var found []Bound
	for _, s := range path {
		if s.tail>>32 == placeGive {
			id := int32(uint32(s.tail))
			pos := &m.positions[id]
			if u.give[id] >= pos.available {
				found = append(found, m.boundAt(BalanceSpent, id))
			}
			if u.purse[pos.purse] >= m.groups[pos.purse].cap {
				found = append(found, m.boundAt(CapReached, id))
			}
		}
		if s.head>>32 == placeTake {
			if id := int32(uint32(s.head)); u.take[id] >= m.positions[id].headroom {
				found = append(found, m.boundAt(LimitReached, id))
			}
		}
		if s.Kind == ledger.Fill && u.fill[s.Arc] >= m.offers[s.Arc].remaining {
			found = append(found, m.boundOf(OfferUsedUp, s.Arc))
		}
	}
	return found
}

// boundAt is a bound at a position; an issuer's own has no limit but what it owes.
func (m *market) boundAt(kind BoundKind, id int32) Bound {
	pos := &m.positions[id]
	a := &m.assets[pos.asset]
	b := Bound{Kind: kind, Who: m.parts[pos.part].bic, Asset: ledger.AssetName{Currency: a.currency, Issuer: m.parts[a.issuer].bic}}
	if kind == LimitReached && pos.own {
		b.Kind = AllRedeemed
	}
	if kind == CapReached {
		b.Asset.Issuer = ledger.BIC{}
	}
	return b
}

func (m *market) boundOf(kind BoundKind, id int32) Bound {
	o := &m.offers[id]
	b := m.boundAt(kind, o.give)
	b.Offer = o.offer
	return b
}
