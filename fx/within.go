package fx

import (
	"cmp"
	"slices"

	"viaduct/ledger"
)

// Limits narrow a quote. Zero is none.
type Limits struct {
	MaxPaths int // different ways from the sender to the receiver; offers of one hop count once
	MaxHops  int // conversions on one path
}

// maxTries bounds the sets of paths that a limit on their number is tried with.
const maxTries = 8

// routeWithin is route under limits. bestFound says that a limit stood in the way, so that the answer
// is the best found and perhaps not the cheapest there is: such a problem has no exact search that
// ends in useful time.
func (m *market) routeWithin(req *ledger.Request, plan *ledger.Plan, limits Limits) (outcome ledger.Outcome, bestFound bool) {
	s := &m.s
	s.maxHops, s.limited = int32(limits.MaxHops), false
	defer func() { s.maxHops, s.only = 0, nil }()
	outcome = m.route(req, plan)
	if outcome != ledger.Applied || limits.MaxPaths <= 0 {
		return outcome, s.limited
	}
	ways := m.ways(req, plan)
	if len(ways) <= limits.MaxPaths {
		return outcome, s.limited
	}
	return m.fewerPaths(req, plan, ways, limits.MaxPaths), true
}

// way is what a plan moves along one sequence of places.
type way struct {
	places    []uint64
	delivered int64
}

// ways takes a plan apart by the places its paths pass, those that deliver most first.
func (m *market) ways(req *ledger.Request, plan *ledger.Plan) []way {
	var all []way
	for _, path := range m.slices(req, plan) {
		w := way{delivered: path[len(path)-1].out}
		for _, s := range path {
			w.places = append(w.places, s.tail)
		}
		w.places = append(w.places, path[len(path)-1].head)
		if i := slices.IndexFunc(all, func(o way) bool { return slices.Equal(o.places, w.places) }); i >= 0 {
			all[i].delivered += w.delivered
		} else {
			all = append(all, w)
		}
	}
	slices.SortStableFunc(all, func(a, b way) int { return cmp.Compare(b.delivered, a.delivered) })
	return all
}

// fewerPaths lets the search use only the arcs of a few of the ways: each in turn with the largest
// others. Of those that do what is asked the best is taken.
func (m *market) fewerPaths(req *ledger.Request, plan *ledger.Plan, ways []way, most int) ledger.Outcome {
	var best ledger.Plan
	var try ledger.Plan
	found := false
	outcome := ledger.Shortfall
	for i := range min(len(ways), maxTries) {
		set := []way{ways[i]}
		for j := 0; len(set) < most; j++ {
			if j != i {
				set = append(set, ways[j])
			}
		}
		for {
			m.s.only = arcsOf(set)
			got := m.route(req, &try)
			if got != ledger.Applied {
				if i == 0 && got != ledger.NoPath {
					outcome = got
				}
				break
			}
			used := m.ways(req, &try)
			if len(used) <= most {
				if !found || better(req, &try, &best) {
					best, try, found = try, best, true
				}
				break
			}
			// The arcs of a few ways can make more of them; the smallest goes.
			set = used[:most]
			if most == len(set) && sameArcs(m.s.only, arcsOf(set)) {
				break
			}
		}
	}
	if !found {
		plan.Flows, plan.Source, plan.Delivered = plan.Flows[:0], 0, 0
		return outcome
	}
	*plan = best
	return ledger.Applied
}

func better(req *ledger.Request, a, b *ledger.Plan) bool {
	if req.ExactSend || a.Delivered != b.Delivered {
		return a.Delivered > b.Delivered
	}
	return a.Source < b.Source
}

// arc is an arc by the places it connects.
type arc struct{ tail, head uint64 }

func arcsOf(set []way) map[arc]bool {
	arcs := make(map[arc]bool)
	for _, w := range set {
		for i, at := range w.places[1:] {
			arcs[arc{w.places[i], at}] = true
		}
	}
	return arcs
}

func sameArcs(a, b map[arc]bool) bool {
	if len(a) != len(b) {
		return false
	}
	for x := range a {
		if !b[x] {
			return false
		}
	}
	return true
}
