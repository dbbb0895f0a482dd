package fx

import (
	"viaduct/internal/money"
	"viaduct/ledger"
)

// Candidate is a route that a refused payment would take if what stops it did not.
type Candidate struct {
	Hops    []CandidateHop
	Stopped []Bound
}

// CandidateHop is one conversion of a candidate: who would take what for what.
type CandidateHop struct {
	Who     ledger.BIC
	Offer   ledger.ID // zero when the value would ripple
	In, Out ledger.AssetName
	Price   money.Ratio
}

const (
	// maxCandidates is how many routes a refusal shows: an operator reads the first and glances at
	// the rest.
	maxCandidates = 3
	// obstacle is what a bound weighs in a candidate's cost, more than any price: the candidates are
	// those with the fewest things in the way, then the cheapest.
	obstacle = 1 << 52
)

// wayStep is an arc of the market as it would be if nothing were closed, with what closes it.
type wayStep struct {
	from    uint64
	kind    ledger.FlowKind
	arc     int32
	label   int64
	stopped []Bound
}

// candidates looks for routes through the market with everything open, those with the least in the
// way first. Each later one avoids the first obstacle of those before it. It reads tables, not the
// graph, and is for answering people: no payment waits for it.
func (m *market) candidates(req *ledger.Request) []Candidate {
	var all []Candidate
	avoid := map[Bound]bool{}
	for range maxCandidates {
		c, ok := m.candidate(req, avoid)
		if !ok || len(c.Stopped) == 0 {
			break
		}
		all = append(all, c)
		avoid[c.Stopped[0]] = true
	}
	return all
}

func (m *market) candidate(req *ledger.Request, avoid map[Bound]bool) (Candidate, bool) {
	type reached struct {
		cost int64
		step wayStep
		to   uint64
		done bool
	}
	best := map[uint64]*reached{}
	keys := []uint64{}
	var queue heap
	offer := func(to uint64, cost int64, s wayStep) {
		for _, b := range s.stopped {
			if avoid[b] {
				return
			}
		}
		r := best[s.from]
		if r == nil {
			r = &reached{}
			best[s.from] = r
		} else if r.done || r.cost <= cost {
			return
		}
		r.cost, r.step, r.to = cost, s, to
		keys = append(keys, s.from)
		queue.push(item{key: cost, at: int32(len(keys) - 1)})
	}
	const arrived = 0
	for _, id := range m.ids(req.To, req.Deliver, req.DeliverAsset) {
		s := wayStep{from: placeKey(placeTake, id)}
		if m.positions[id].headroom <= 0 {
			s.stopped = append(s.stopped, m.boundAt(LimitReached, id))
		}
		offer(arrived, int64(len(s.stopped))*obstacle, s)
	}
	starts := map[uint64]bool{}
	for _, id := range m.ids(req.From, req.Send, req.SendAsset) {
		starts[placeKey(placeGive, id)] = true
	}
	for len(queue) > 0 {
		it := queue.pop()
		at := keys[it.at]
		r := best[at]
		if r.done || r.cost != it.key {
			continue
		}
		r.done = true
		if starts[at] {
			var c Candidate
			for at := at; at != arrived; at = best[at].to {
				m.addStep(&c, &best[at].step, best[at].to)
			}
			return c, true
		}
		for _, s := range m.waysTo(at, req) {
			offer(at, r.cost+s.label+int64(len(s.stopped))*obstacle, s)
		}
	}
	return Candidate{}, false
}

func placeKey(kind uint64, ref int32) uint64 { return kind<<32 | uint64(uint32(ref)) }

// ids returns a party's positions in what the request sends or delivers.
func (m *market) ids(who ledger.PartID, c money.Currency, only ledger.AssetID) []int32 {
	var ids []int32
	if p, ok := m.byPurse[pair(int32(who), int32(c))]; ok {
		for _, id := range m.purses[p].positions {
			if only < 0 || m.positions[id].asset == int32(only) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// waysTo returns all that could lead to a place.
func (m *market) waysTo(at uint64, req *ledger.Request) []wayStep {
	id := int32(uint32(at))
	switch at >> 32 {
	case placePool:
		return m.waysToPool(id)
	case placeTake:
		return m.waysToTake(id, req)
	case placeGive:
		return m.waysToGive(id, req)
	}
	// A purse's pools: what ripples in.
	var ways []wayStep
	for _, line := range m.purses[id].positions {
		pos := &m.positions[line]
		s := wayStep{from: placeKey(placeTake, line), kind: ledger.RippleIn, arc: line, label: label(ledger.Unit, max(1, pos.terms.qualityIn))}
		switch {
		case at>>32 == placeRedeemed && pos.own:
			s.kind, s.label = ledger.RippleOwnIn, 0
		case at>>32 == placeRedeemed || pos.own:
			continue
		case !pos.ripple:
			s.stopped = append(s.stopped, m.boundAt(NotRippling, line))
		}
		ways = append(ways, s)
	}
	return ways
}

func (m *market) waysToPool(id int32) []wayStep {
	var ways []wayStep
	for _, line := range m.assets[id].lines {
		if pos := &m.positions[line]; pos.available > 0 || len(pos.gives) > 0 {
			s := m.giving(line)
			s.kind, s.label = ledger.Give, label(ledger.Unit+pos.terms.fee, ledger.Unit)
			if !pos.mayGive {
				s.stopped = append(s.stopped, m.barred(line))
			}
			ways = append(ways, s)
		}
	}
	return ways
}

// giving is a step out of a position's giving side.
func (m *market) giving(id int32) wayStep {
	s := wayStep{from: placeKey(placeGive, id), arc: id}
	if pos := &m.positions[id]; pos.available <= 0 {
		s.stopped = append(s.stopped, m.boundAt(BalanceSpent, id))
	} else if m.groups[pos.purse].cap <= 0 {
		s.stopped = append(s.stopped, m.boundAt(CapReached, id))
	}
	return s
}

func (m *market) barred(id int32) Bound {
	if m.positions[id].frozen {
		return m.boundAt(Frozen, id)
	}
	return m.boundAt(NotAuthorised, id)
}

func (m *market) waysToTake(id int32, req *ledger.Request) []wayStep {
	pos := &m.positions[id]
	a := &m.assets[pos.asset]
	if pos.own {
		var ways []wayStep
		for _, line := range a.lines {
			if p := &m.positions[line]; p.available > 0 || len(p.gives) > 0 || p.part == int32(req.From) {
				s := m.giving(line)
				s.kind = ledger.Redeem
				ways = append(ways, s)
			}
		}
		return ways
	}
	take := wayStep{from: placeKey(placePool, pos.asset), kind: ledger.Take, arc: id}
	ways := []wayStep{take}
	if a.own >= 0 {
		issue := m.giving(a.own)
		issue.kind, issue.arc = ledger.Issue, id
		ways = append(ways, issue)
	}
	if !pos.mayTake {
		for i := range ways {
			ways[i].stopped = append(ways[i].stopped, m.boundAt(NotAuthorised, id))
		}
	}
	return ways
}

func (m *market) waysToGive(id int32, req *ledger.Request) []wayStep {
	pos := &m.positions[id]
	if pos.part == int32(req.From) || pos.part == int32(req.To) {
		return nil // neither party is a hop of its own payment
	}
	var ways []wayStep
	full := func(s *wayStep, take int32) {
		if m.positions[take].headroom <= 0 {
			s.stopped = append(s.stopped, m.boundAt(LimitReached, take))
		}
	}
	for _, b := range pos.gives {
		for i := range m.books[b].tiers {
			t := &m.books[b].tiers[i]
			o := &m.offers[t.arc]
			s := wayStep{from: placeKey(placeTake, o.want), kind: ledger.Fill, arc: t.arc, label: t.label}
			full(&s, o.want)
			if t.held {
				s.stopped = append(s.stopped, m.boundOf(OfferHeldOut, t.arc))
			}
			ways = append(ways, s)
			if !t.held {
				break
			}
		}
	}
	for _, offer := range pos.crossed {
		o := &m.offers[offer]
		s := wayStep{from: placeKey(placeTake, o.want), kind: ledger.Fill, arc: offer, label: label(o.price.N, o.price.D)}
		full(&s, o.want)
		s.stopped = append(s.stopped, m.boundOf(OfferHeldOut, offer))
		ways = append(ways, s)
	}
	s := wayStep{from: placeKey(placeRipple, pos.purse), kind: ledger.RippleIssue, arc: id}
	if pos.own {
		return append(ways, s)
	}
	s.kind, s.label = ledger.RippleOut, label(max(pos.terms.qualityOut, ledger.Unit), ledger.Unit)
	if !pos.ripple {
		s.stopped = append(s.stopped, m.boundAt(NotRippling, id))
	}
	own := s
	own.from, own.kind = placeKey(placeRedeemed, pos.purse), ledger.RippleOwnOut
	return append(ways, s, own)
}

// addStep adds a step to a candidate, from the sender on.
func (m *market) addStep(c *Candidate, s *wayStep, to uint64) {
	for _, b := range s.stopped {
		seen := false
		for _, old := range c.Stopped {
			seen = seen || old == b
		}
		if !seen {
			c.Stopped = append(c.Stopped, b)
		}
	}
	name := func(id int32) ledger.AssetName {
		a := &m.assets[m.positions[id].asset]
		return ledger.AssetName{Currency: a.currency, Issuer: m.parts[a.issuer].bic}
	}
	switch s.kind {
	case ledger.Fill:
		o := &m.offers[s.arc]
		c.Hops = append(c.Hops, CandidateHop{Who: m.parts[o.part].bic, Offer: o.offer, In: name(o.want), Out: name(o.give), Price: o.price})
	case ledger.RippleIn, ledger.RippleOwnIn:
		n, d := int64(ledger.Unit), int64(ledger.Unit)
		if s.kind == ledger.RippleIn {
			d = m.positions[s.arc].terms.qualityIn
		}
		c.Hops = append(c.Hops, CandidateHop{Who: m.parts[m.positions[s.arc].part].bic, In: name(s.arc), Price: money.Ratio{N: n, D: d}})
	case ledger.RippleOut, ledger.RippleOwnOut, ledger.RippleIssue:
		h := &c.Hops[len(c.Hops)-1]
		h.Out = name(s.arc)
		if s.kind != ledger.RippleIssue {
			h.Price.N = m.positions[s.arc].terms.qualityOut
		}
		h.Price = ratio(h.Price.N, h.Price.D)
	}
}
