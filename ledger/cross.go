package ledger

import (
	"fmt"

	"viaduct/internal/money"
)

// cross lets a new offer take what stands at its price or better, each at the standing price, oldest
// first within a price. What can't be filled now (no funds, no room, or too small to keep the new
// offer's own price) is passed over; it ends where its leaf has no more room.
func (s *State) cross(o *Offer, r *Result, room *int) error {
	for i := 0; o.Remaining > 0; {
		book := s.Book(o.Want, o.Give)
		if i == len(book) {
			return nil
		}
		at := book[i]
		standing := &s.offers[at]
		if cmpProduct(standing.Price.N, o.Price.N, standing.Price.D, o.Price.D) > 0 {
			return nil
		}
		if standing.Maker == o.Maker || !s.Fillable(at) {
			i++
			continue
		}
		x := s.crossable(o, at)
		if x.take == 0 {
			i++
			continue
		}
		s.plan.Flows = s.appendHandover(s.plan.Flows[:0], o.GivePos, standing.WantPos, x.cost)
		s.plan.Flows = append(s.plan.Flows, Flow{Fill, int32(at), x.cost, x.out})
		s.plan.Flows = s.appendHandover(s.plan.Flows, standing.GivePos, o.WantPos, x.take)
		s.plan.Source, s.plan.Delivered = x.in, x.take
		if movesLen(s.plan.Flows) > *room {
			return nil
		}
		req := Request{
			From: o.Maker, To: o.Maker, Send: s.assets[o.Give].Currency, Deliver: s.assets[o.Want].Currency,
			SendAsset: o.Give, DeliverAsset: o.Want,
		}
		if err := s.checkPlan(&req, &s.plan); err == errFull {
			i++
			continue
		} else if err != nil {
			s.block.Faults = append(s.block.Faults, fmt.Errorf("offer that crosses: %w", err))
			return nil
		}
		if x.out < standing.Remaining {
			i++ // it stays on the book, though all that is left of it may be held
		}
		if err := s.postPlan(&s.plan, r); err != nil {
			return err
		}
		s.count(o.Maker, o.Give, o.Want, x.in, x.take)
		*room -= movesLen(s.plan.Flows)
		r.Source += x.in
		r.Delivered += x.take
		o.Remaining -= x.in
	}
	return nil
}

// crossing is how much changes hands between a new offer and a standing one: the new one's maker gives
// in, its fee included, of which cost arrives; the standing one's gives out, of which take arrives.
type crossing struct{ in, cost, out, take int64 }

// crossable returns how much of a standing offer the new one takes now; zero for nothing.
func (s *State) crossable(o *Offer, at OfferIdx) crossing {
	standing := &s.offers[at]
	if !s.mayHandOver(o.GivePos, standing.WantPos) || !s.mayHandOver(standing.GivePos, o.WantPos) {
		return crossing{}
	}
	give, take := s.least(s.rooms(o.Maker), o.Maker, s.assets[o.Give].Currency, s.assets[o.Want].Currency)
	budget := min(s.arriving(o.GivePos, standing.WantPos, min(o.Remaining, give, s.givable(o.GivePos))), s.Headroom(standing.WantPos))
	out, _, err := money.MulDiv(budget, standing.Price.D, standing.Price.N, money.RoundDown)
	if err != nil {
		out = MaxUnits
	}
	out = min(out, s.OfferRoom(at), s.givable(standing.GivePos))
	for range 2 {
		var x crossing
		x.take = min(s.arriving(standing.GivePos, o.WantPos, out), s.Headroom(o.WantPos), take)
		x.out = s.leaving(standing.GivePos, o.WantPos, x.take)
		x.cost, err = standing.Price.Cost(x.out, money.RoundUp)
		x.in = s.leaving(o.GivePos, standing.WantPos, x.cost)
		if err != nil || x.take <= 0 {
			break
		}
		if x.cost <= budget && cmpProduct(x.in, o.Price.N, x.take, o.Price.D) <= 0 {
			return x
		}
		// The unit it is rounded up by is too much for the new offer's price; whole multiples of the
		// standing one's need none.
		out = x.out - x.out%standing.Price.D
	}
	return crossing{}
}

// mayHandOver says whether value may move from one position of an asset to another.
func (s *State) mayHandOver(from, to PosID) bool {
	return s.CanGive(from) && s.CanTake(to)
}

// givable returns how much a position can give now, the issuer's fee included.
func (s *State) givable(p PosID) int64 {
	return min(s.Available(p), s.PurseRoom(s.positions[p].Purse))
}

// arriving returns how much arrives at one position of an asset when another gives so much, its fee
// included; leaving is the other way round.
func (s *State) arriving(from, to PosID, gross int64) int64 {
	fee := s.issuerOf(&s.positions[from]).TransferFee
	if fee == 0 || s.positions[from].Own || s.positions[to].Own {
		return gross
	}
	net, _, _ := money.MulDiv(gross, Unit, Unit+fee, money.RoundDown)
	return net
}

func (s *State) leaving(from, to PosID, net int64) int64 {
	if s.positions[from].Own || s.positions[to].Own {
		return net
	}
	gross, _ := s.CeilCost(Give, int32(from), net)
	return gross
}

// appendHandover appends the flows that bring out from one position of an asset to another.
func (s *State) appendHandover(flows []Flow, from, to PosID, out int64) []Flow {
	switch {
	case s.positions[to].Own:
		return append(flows, Flow{Redeem, int32(from), out, out})
	case s.positions[from].Own:
		return append(flows, Flow{Issue, int32(to), out, out})
	}
	return append(flows, Flow{Give, int32(from), s.leaving(from, to, out), out}, Flow{Take, int32(to), out, out})
}
