package ledger_test

import "viaduct/ledger"

// naive is a router for these tests: it knows a hand-over of one asset, and one offer between two
// hand-overs. It is slow, obvious and single path; it is there so that the ledger's own rules can be
// told without a path search.
type naive struct{ s *ledger.State }

func (n naive) PositionChanged(ledger.PosID)                   {}
func (n naive) PurseChanged(ledger.PurseID)                    {}
func (n naive) OfferChanged(ledger.OfferIdx)                   {}
func (n naive) ParticipantChanged(ledger.PartID)               {}
func (n naive) Gainful(ledger.OfferIdx) bool                   { return false }
func (n naive) HeldOut(to []ledger.OfferIdx) []ledger.OfferIdx { return to }
func (n naive) pos(p ledger.PosID) ledger.Position             { return n.s.Positions()[p] }

// handover returns the flows that bring out from one position of an asset to another and what the
// giver pays, or false.
func (n naive) handover(from, to ledger.PosID, out int64) (flows []ledger.Flow, in int64, ok bool) {
	s := n.s
	in = out
	switch {
	case n.pos(to).Own:
		flows = []ledger.Flow{{Kind: ledger.Redeem, Arc: int32(from), In: out, Out: out}}
	case n.pos(from).Own:
		flows = []ledger.Flow{{Kind: ledger.Issue, Arc: int32(to), In: out, Out: out}}
		ok = s.CanTake(to)
	default:
		in, _ = s.CeilCost(ledger.Give, int32(from), out)
		flows = []ledger.Flow{{Kind: ledger.Give, Arc: int32(from), In: in, Out: out}, {Kind: ledger.Take, Arc: int32(to), In: out, Out: out}}
		ok = s.CanTake(to) && s.CanGive(from)
	}
	ok = ok || n.pos(to).Own
	ok = ok && in <= s.Available(from) && in <= s.PurseRoom(n.pos(from).Purse) && out <= s.Headroom(to)
	return flows, in, ok
}

func (n naive) positions(p ledger.PartID, c func(ledger.Position) bool) (out []ledger.PosID) {
	for i, pos := range n.s.Positions() {
		if pos.Holder == p && c(pos) {
			out = append(out, ledger.PosID(i))
		}
	}
	return out
}

func (n naive) Route(r *ledger.Request, plan *ledger.Plan) ledger.Outcome {
	s := n.s
	sources := n.positions(r.From, func(p ledger.Position) bool {
		a := s.Assets()[p.Asset]
		return a.Currency == r.Send && (r.SendAsset == ledger.None || r.SendAsset == p.Asset)
	})
	sinks := n.positions(r.To, func(p ledger.Position) bool {
		a := s.Assets()[p.Asset]
		return a.Currency == r.Deliver && (r.DeliverAsset == ledger.None || r.DeliverAsset == p.Asset)
	})
	if len(sinks) == 0 {
		return ledger.NoAcceptance
	}
	if len(sources) == 0 {
		return ledger.NoFunds
	}
	if r.ExactSend || r.Partial {
		return ledger.NoPath // not what these tests are about
	}
	outcome := ledger.NoPath
	try := func(flows []ledger.Flow, cost int64, ok bool) bool {
		if !ok {
			return false
		}
		if cost > r.Bound {
			outcome = ledger.SendMaxExceeded
			return false
		}
		*plan = ledger.Plan{Flows: flows, Source: cost, Delivered: r.Amount}
		return true
	}
	for _, from := range sources {
		for _, to := range sinks {
			if from != to && n.pos(from).Asset == n.pos(to).Asset {
				if outcome == ledger.NoPath {
					outcome = ledger.Shortfall
				}
				if try(n.handover(from, to, r.Amount)) {
					return ledger.Applied
				}
			}
			for i, o := range s.Offers() {
				if !s.Fillable(ledger.OfferIdx(i)) || o.Give != n.pos(to).Asset || o.Want != n.pos(from).Asset || o.Remaining < r.Amount || o.Maker == r.From || o.Maker == r.To {
					continue
				}
				last, paid, ok := n.handover(o.GivePos, to, r.Amount)
				if !ok {
					continue
				}
				cost, _ := s.CeilCost(ledger.Fill, int32(i), paid)
				first, in, ok := n.handover(from, o.WantPos, cost)
				flows := append(append(first, ledger.Flow{Kind: ledger.Fill, Arc: int32(i), In: cost, Out: paid}), last...)
				if try(flows, in, ok && paid <= o.Remaining) {
					return ledger.Applied
				}
			}
		}
	}
	return outcome
}
