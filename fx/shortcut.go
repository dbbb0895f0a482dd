package fx

// maxShortcut bounds the arcs of a path that is read off the table; longer ones are searched for.
const maxShortcut = 64

// tablePath reads the first path of a payment off the table, without a search: from the receiver on over
// the one arc that the rest of the distance allows. Where that arc is there, the table was exact and no
// other path costs as little, so a search would have found this one; it reports false where the table is
// out of date, two arcs are as good, or the place may not be passed.
func (g *graph) tablePath(sources, sinks []int32) bool {
	s := &g.s
	if len(sources) > 1 || len(sinks) > 1 || g.isFull(sources[0]) || g.isFull(sinks[0]) {
		return false
	}
	from, v := sources[0], sinks[0]
	rest := s.base[g.hub[v]]
	dist := rest
	if rest >= farAway {
		return false
	}
	s.states[2*v].next = none
	for range maxShortcut {
		if v == from {
			s.best, s.bestDist, s.settled = 2*from, dist, s.settled[:0]
			before := s.bestKey
			s.bestKey = dist - s.least
			s.rise = max(s.rise/2, 4*(s.bestKey-before))
			return rest == 0
		}
		if g.closed(&g.places[v]) {
			return false
		}
		i := g.onlyArc(v, rest)
		if i < 0 {
			return false
		}
		e := &g.rows[v][i]
		if g.isFull(e.tail) || g.places[e.tail].redeems {
			return false
		}
		st := &s.states[2*e.tail]
		st.next, st.via = 2*v, i
		rest -= e.label
		v = e.tail
	}
	return false
}

// onlyArc returns the arc to a place over which the sender is that far, or none when it is nearer or as
// far over others.
func (g *graph) onlyArc(v int32, rest int64) int32 {
	base, hub, row := g.s.base, g.hub, g.rows[v]
	only := int32(none)
	for i := range row {
		e := &row[i]
		if base[hub[e.tail]]+e.label > rest {
			continue
		}
		switch far := e.label - g.potential(2*e.tail); {
		case far > rest:
		case far < rest || only >= 0:
			return none
		default:
			only = int32(i)
		}
	}
	return only
}
