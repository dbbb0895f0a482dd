package fx

import "viaduct/ledger"

// task is what a payment asks of the graph, whatever the ledger calls its ends.
type task struct {
	amount, bound, least int64
	exactSend, partial   bool
}

// solve pushes along the cheapest paths until the task is done. The flows are what it leaves; begin
// comes before it and end after them.
func (g *graph) solve(t *task, sources, sinks []int32) ledger.Outcome {
	count, moved, outcome := 0, false, ledger.Applied
	// An exact send spends what settle gives back; that is dust, and twice is plenty.
	for range 3 {
		outcome = g.pushAll(t, sources, sinks, &count)
		moved = moved || g.f.delivered > 0
		if !g.settle() {
			return ledger.SearchLimit
		}
		if !t.exactSend || outcome != ledger.Applied || g.f.source == t.amount {
			break
		}
	}
	if outcome == ledger.SearchLimit {
		return outcome
	}
	return g.verdict(t, outcome, moved)
}

// verdict weighs what was reached against what was asked.
func (g *graph) verdict(t *task, outcome ledger.Outcome, moved bool) ledger.Outcome {
	f := &g.f
	switch {
	case !moved && outcome != ledger.Applied:
		return outcome
	case !moved:
		return ledger.BelowMinorUnit
	case t.exactSend:
		if outcome != ledger.Applied && g.worthMoving(t.amount-f.source) {
			return ledger.Shortfall
		}
		if f.delivered < t.bound {
			return ledger.DeliverMinNotMet
		}
	case t.partial:
		if f.delivered < t.least {
			return ledger.DeliverMinNotMet
		}
	case f.delivered < t.amount:
		if f.source > t.bound {
			return ledger.SendMaxExceeded
		}
		return ledger.Shortfall
	case f.source > t.bound:
		return ledger.SendMaxExceeded
	}
	return ledger.Applied
}

// worthMoving says whether what is left to spend would have delivered a unit at the last price.
func (g *graph) worthMoving(left int64) bool {
	return left > 0 && log2Floor(uint64(left)) >= g.s.bestDist
}

// pushAll augments until all is delivered or spent. It returns Applied then, NoPath when the paths
// end before, and SearchLimit when they are too many.
func (g *graph) pushAll(t *task, sources, sinks []int32, count *int) ledger.Outcome {
	f := &g.f
	for ; *count < MaxAugmentations; *count++ {
		budget, wanted := int64(ledger.MaxUnits), t.amount-f.delivered
		if t.exactSend {
			budget, wanted = t.amount-f.source, ledger.MaxUnits
		} else if t.partial {
			budget = t.bound - f.source
		} else if f.source/2 > t.bound {
			return ledger.SendMaxExceeded
		}
		if budget <= 0 || wanted <= 0 {
			return ledger.Applied
		}
		if g.n != nil {
			if !g.findNarrow(sources, sinks) {
				return ledger.NoPath
			}
		} else if g.findPath(sources, sinks) {
			g.takePath()
		} else {
			return ledger.NoPath
		}
		moved, lim := g.augment(budget, wanted)
		sharpen := g.sharpenSoon(len(g.s.settled), len(g.f.path))
		if moved == 0 && lim.kind == limitBudget {
			return ledger.Applied
		}
		if moved == 0 || !g.sharedTwice(lim) {
			g.pass(lim)
		}
		if sharpen {
			g.sharpenNow(sources, sinks)
		}
	}
	return ledger.SearchLimit
}

// sharedTwice says that the path passed places of one group more than once, so that what the group has
// left may be more than dust.
func (g *graph) sharedTwice(lim limit) bool {
	if lim.kind != limitPlace {
		return false
	}
	group, times := g.places[lim.at].group, 0
	for i := range g.f.path {
		if group >= 0 && g.places[g.f.path[i].at].group == group {
			times++
		}
	}
	return times > 1
}

// route answers a request of the ledger.
func (m *market) route(req *ledger.Request, plan *ledger.Plan) ledger.Outcome {
	m.holdOut()
	plan.Flows, plan.Source, plan.Delivered = plan.Flows[:0], 0, 0
	if outcome := m.ends(req); outcome != ledger.Applied {
		return outcome
	}
	m.start(req)
	defer m.finish()
	outcome := m.solve(&task{
		amount: req.Amount, bound: req.Bound, least: req.Least, exactSend: req.ExactSend, partial: req.Partial,
	}, m.sources, m.sinks)
	if outcome == ledger.NoPath {
		return m.whyNoPath(req)
	}
	if outcome != ledger.Applied {
		return outcome
	}
	plan.Source, plan.Delivered = m.f.source, m.f.delivered
	plan.Flows = m.flows(plan.Flows)
	return ledger.Applied
}

// flows appends what the payment under way moves, in the order in which the search found it.
func (g *graph) flows(to []ledger.Flow) []ledger.Flow {
	for i := range g.f.list {
		if f := &g.f.list[i]; f.out > 0 {
			to = append(to, ledger.Flow{Kind: f.kind, Arc: f.arc, In: f.in, Out: f.out})
		}
	}
	return to
}

// start marks the ends of a payment, and lets the sender's lines give although nothing leads to them.
func (m *market) start(req *ledger.Request) {
	m.sender, m.receiver = int32(req.From), int32(req.To)
	for i, id := range m.sources {
		pos := &m.positions[id]
		m.force(id)
		m.sources[i] = pos.give
		m.touch(pos.give)
		m.places[pos.give].mark |= markSource
	}
	for _, id := range m.sinks {
		m.forceEnd(id)
	}
	m.begin(m.sources)
	for i, id := range m.sinks {
		m.sinks[i] = m.positions[id].take
		m.touch(m.sinks[i])
		m.places[m.sinks[i]].mark |= markSink
	}
}

func (m *market) finish() {
	m.end()
	m.unforce()
	m.sender, m.receiver = none, none
}

// ends collects the positions that the payment may start and end at; anything but Applied says that
// one end has none.
func (m *market) ends(req *ledger.Request) ledger.Outcome {
	m.sources, m.sinks = m.sources[:0], m.sinks[:0]
	accepted, authorized := false, false
	if p, ok := m.byPurse[pair(int32(req.To), int32(req.Deliver))]; ok {
		for _, id := range m.purses[p].positions {
			pos := &m.positions[id]
			if req.DeliverAsset >= 0 && pos.asset != int32(req.DeliverAsset) || !pos.accepts {
				continue
			}
			accepted, authorized = true, authorized || pos.mayTake
			if pos.mayTake && m.takeOpen(pos) {
				m.sinks = append(m.sinks, id)
			}
		}
	}
	switch {
	case !accepted:
		return ledger.NoAcceptance
	case !authorized:
		return ledger.NotAuthorized
	}
	funds, room := false, false
	if p, ok := m.byPurse[pair(int32(req.From), int32(req.Send))]; ok {
		for _, id := range m.purses[p].positions {
			pos := &m.positions[id]
			if req.SendAsset >= 0 && pos.asset != int32(req.SendAsset) || pos.available <= 0 {
				continue
			}
			funds = true
			if m.giveOpen(pos) {
				room = true
				m.sources = append(m.sources, id)
			}
		}
	}
	switch {
	case !funds:
		return ledger.NoFunds
	case !room:
		return ledger.CapExceeded
	case len(m.sinks) == 0:
		return ledger.Shortfall
	}
	return ledger.Applied
}

// whyNoPath tells a route that nothing opens from one that a freeze or a missing authorisation of all
// the sender's assets closed.
func (m *market) whyNoPath(req *ledger.Request) ledger.Outcome {
	frozen, barred := 0, 0
	for _, v := range m.sources {
		if pos := &m.positions[int32(uint32(m.places[v].key))]; !pos.mayGive {
			barred++
			if pos.frozen {
				frozen++
			}
		}
	}
	switch {
	case barred < len(m.sources):
		return ledger.NoPath
	case frozen > 0:
		return ledger.LineFrozen
	}
	return ledger.NotAuthorized
}
