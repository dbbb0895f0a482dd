package fx

import (
	"slices"

	"viaduct/ledger"
)

// WhatIf is a market that is not: what a Quoter changes in its own copy for one question. Nothing of it
// reaches the ledger, or the next question.
type WhatIf struct {
	Limits  []LimitChange `json:"limits,omitempty"`
	Without []ledger.BIC  `json:"without,omitempty"` // participants that take no part: no line of theirs, on them, or offer
}

// LimitChange is another limit of one line that is there.
type LimitChange struct {
	Holder ledger.BIC       `json:"holder"`
	Asset  ledger.AssetName `json:"asset"`
	Limit  int64            `json:"limit"`
	// Was is the limit now, which the copy does not keep.
	Was int64 `json:"was"`
}

// empty says that nothing is to be changed.
func (w *WhatIf) empty() bool { return len(w.Limits)+len(w.Without) == 0 }

// QuoteIf prices a request on the market as it would be. The caller is told of the change that names a line
// that is not there by its place in Limits; -1 when all are.
func (q *Quoter) QuoteIf(req *ledger.Request, limits Limits, w *WhatIf) (Quote, int) {
	if w.empty() {
		return q.QuoteWithin(req, limits), -1
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.catchUp()
	changes, missing := q.market.imagine(w)
	if missing >= 0 {
		return Quote{}, missing
	}
	var undo []change
	for i := range changes {
		undo = append(undo, q.market.entry(&changes[i]))
		q.market.apply(&changes[i])
	}
	a := q.quote(req, limits)
	for _, c := range slices.Backward(undo) {
		q.market.apply(&c)
	}
	return a, -1
}

// entry is what the market now has in the place of a change.
func (m *market) entry(c *change) change {
	if c.table == tableOffer {
		return m.offers[c.id].change
	}
	return m.positions[c.id].change
}

// imagine lists the entries that a WhatIf changes, as it would have them.
func (m *market) imagine(w *WhatIf) (changes []change, missing int) {
	out := make(map[int32]bool)
	for _, bic := range w.Without {
		if id, ok := m.byBIC[bic]; ok {
			out[id] = true
		}
	}
	for i := range m.offers {
		o := &m.offers[i]
		if (o.live || o.crossed) && (out[o.part] || m.excluded(o.give, out) || m.excluded(o.want, out)) {
			c := o.change
			c.live, c.crossed = false, false
			changes = append(changes, c)
		}
	}
	for i := range m.positions {
		if p := &m.positions[i]; p.take >= 0 && m.excluded(int32(i), out) {
			c := p.change
			c.available, c.headroom, c.mayGive, c.mayTake, c.ripple = 0, 0, false, false, false
			changes = append(changes, c)
		}
	}
	for i, l := range w.Limits {
		id := m.line(l.Holder, l.Asset)
		if id < 0 {
			return nil, i
		}
		if m.excluded(id, out) {
			continue
		}
		c := m.positions[id].change
		c.headroom = max(0, min(ledger.MaxUnits, c.headroomUnder(l.Was, l.Limit)))
		c.accepts = l.Limit > 0
		changes = append(changes, c)
	}
	return changes, -1
}

// headroomUnder is what a line could take with another limit: a line that is over its limit has none, so
// what it holds, rather than its headroom, is what counts.
func (c *change) headroomUnder(was, limit int64) int64 {
	if c.headroom > 0 {
		return c.headroom + limit - was
	}
	return limit - max(c.available, was)
}

// excluded says whether a position is of a participant that takes no part, or a claim on one.
func (m *market) excluded(pos int32, out map[int32]bool) bool {
	p := &m.positions[pos]
	return out[p.part] || out[p.issuer]
}

// line returns the position of a holder in another's asset, or none.
func (m *market) line(holder ledger.BIC, name ledger.AssetName) int32 {
	part, ok := m.byBIC[holder]
	issuer, ok2 := m.byBIC[name.Issuer]
	p, ok3 := m.byPurse[pair(part, int32(name.Currency))]
	if !ok || !ok2 || !ok3 {
		return none
	}
	for _, id := range m.purses[p].positions {
		if pos := &m.positions[id]; pos.issuer == issuer && !pos.own {
			return id
		}
	}
	return none
}
