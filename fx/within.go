package fx

import (
	"cmp"
	"slices"

	"viaduct/ledger"
)

// Limits narrow a quote. Zero is none.
type Limits struct {
	MaxPaths int `json:"max_paths"` // different ways from the sender to the receiver; offers of one hop count once
	MaxHops  int `json:"max_hops"`  // conversions on one path
}

const (
	// DefaultHops is the limit on hops that a quote has when nothing else is said: the best routes of
	// credit-line markets have up to nine.
	DefaultHops = 12
	// MostHops bounds what may be asked for.
	MostHops = 100
)

// maxTries bounds the sets of paths that a limit on their number is tried with.
const maxTries = 8

// routeWithin is route under limits. When the cheapest answer of all keeps to them it is the answer.
// Otherwise bestFound says that it may not be the cheapest there is: such a problem has no exact search
// that ends in useful time.
func (m *market) routeWithin(req *ledger.Request, plan *ledger.Plan, limits Limits) (outcome ledger.Outcome, bestFound bool) {
	outcome = m.route(req, plan)
	if outcome != ledger.Applied {
		return outcome, false // what cannot be done cannot be done within limits either
	}
	ways := m.ways(req, plan)
	if limits.keptBy(ways) {
		return outcome, false
	}
	defer func() { m.n = nil }()
	if limits.MaxPaths <= 0 {
		m.n = &narrow{hops: limits.MaxHops}
		return m.route(req, plan), true
	}
	return m.fewerPaths(req, plan, ways, limits), true
}

// keptBy says whether the ways keep to the limits.
func (l Limits) keptBy(ways []way) bool {
	return (l.MaxPaths <= 0 || len(ways) <= l.MaxPaths) && (l.MaxHops <= 0 || !slices.ContainsFunc(ways, l.tooLong))
}

func (l Limits) tooLong(w way) bool { return l.MaxHops > 0 && w.hops > l.MaxHops }

// way is what a plan moves along one sequence of places.
type way struct {
	places    []uint64
	hops      int
	delivered int64
}

// ways takes a plan apart by the places its paths pass, those that deliver most first.
func (m *market) ways(req *ledger.Request, plan *ledger.Plan) []way {
	var all []way
	for _, path := range m.slices(req, plan) {
		w := way{delivered: path[len(path)-1].out}
		for _, s := range path {
			w.places = append(w.places, s.tail)
			if s.Kind == ledger.Fill || converts(s.Kind) {
				w.hops++
			}
		}
		w.places = append(w.places, path[len(path)-1].head)
		if i := slices.IndexFunc(all, w.sameAs); i >= 0 {
			all[i].delivered += w.delivered
		} else {
			all = append(all, w)
		}
	}
	slices.SortStableFunc(all, func(a, b way) int { return cmp.Compare(b.delivered, a.delivered) })
	return all
}

func (w way) sameAs(o way) bool { return slices.Equal(o.places, w.places) }

// fewerPaths lets the search use only the arcs of a few ways: each known one in turn with the largest
// others. Of the answers that do what is asked the best is taken.
func (m *market) fewerPaths(req *ledger.Request, plan *ledger.Plan, ways []way, limits Limits) ledger.Outcome {
	ways = m.widerWays(req, plan, ways, limits)
	var best, try ledger.Plan
	found, outcome := false, ledger.Shortfall
	for i := range min(len(ways), maxTries) {
		set := []way{ways[i]}
		for j := 0; len(set) < min(limits.MaxPaths, len(ways)); j++ {
			if j != i {
				set = append(set, ways[j])
			}
		}
		for len(set) > 0 {
			m.n = &narrow{hops: limits.MaxHops, only: arcsOf(set)}
			got := m.route(req, &try)
			if got != ledger.Applied {
				if got != ledger.NoPath {
					outcome = got
				}
				break
			}
			used := m.ways(req, &try)
			if limits.keptBy(used) {
				if !found || better(req, &try, &best) {
					best, try, found = try, best, true
				}
				break
			}
			// The arcs of a few ways can make more of them.
			set = set[:len(set)-1]
		}
	}
	if !found {
		plan.Flows, plan.Source, plan.Delivered = plan.Flows[:0], 0, 0
		return outcome
	}
	*plan = best
	return ledger.Applied
}

// widerWays returns the ways of the cheapest answer that are short enough, behind those that would each
// carry a fair share of the payment: the cheapest answer of all need not use any that does.
func (m *market) widerWays(req *ledger.Request, plan *ledger.Plan, ways []way, limits Limits) []way {
	most := *req
	most.ExactSend, most.Partial = false, true
	most.Amount, most.Bound, most.Least = plan.Delivered, ledger.MaxUnits, 0
	var wide ledger.Plan
	var all []way
	for paths := int64(1); paths <= min(int64(limits.MaxPaths), maxTries/2); paths++ {
		m.n = &narrow{hops: limits.MaxHops, size: log2Floor(uint64(max(1, plan.Delivered/paths)))}
		if m.route(&most, &wide) != ledger.Applied {
			continue
		}
		for _, w := range m.ways(&most, &wide) {
			if !slices.ContainsFunc(all, w.sameAs) && !limits.tooLong(w) {
				all = append(all, w)
			}
		}
	}
	all = all[:min(len(all), maxTries/2)]
	for _, w := range ways {
		if !slices.ContainsFunc(all, w.sameAs) && !limits.tooLong(w) {
			all = append(all, w)
		}
	}
	return all
}

func better(req *ledger.Request, a, b *ledger.Plan) bool {
	if req.ExactSend || a.Delivered != b.Delivered {
		return a.Delivered > b.Delivered
	}
	return a.Source < b.Source
}

func arcsOf(set []way) map[arc]bool {
	arcs := make(map[arc]bool)
	for _, w := range set {
		for i, at := range w.places[1:] {
			arcs[arc{w.places[i], at}] = true
		}
	}
	return arcs
}
