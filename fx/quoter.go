package fx

import (
	"sync"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// Quoter answers quotes on a market of its own, which follows a router's block by block: what it says
// is true at one height, and asking it never holds up the goroutine that applies messages. It is safe
// for concurrent use; questions to one Quoter wait for each other, so a busy gateway makes several.
type Quoter struct {
	mail mailbox

	mu     sync.Mutex // over what follows
	market *market
	height uint64
	taken  [tableCount][]change
	plan   ledger.Plan
}

// mailbox is what the router has published and the quoter has not yet applied: each entry once, as it
// is now, so that a quoter nobody asks holds no more than the ledger does.
type mailbox struct {
	mu      sync.Mutex
	changes [tableCount][]change
	at      [tableCount]map[int32]int
	height  uint64
}

func (b *mailbox) put(c *change) {
	if b.at[c.table] == nil {
		b.at[c.table] = make(map[int32]int)
	}
	if i, ok := b.at[c.table][c.id]; ok {
		b.changes[c.table][i] = *c
		return
	}
	b.at[c.table][c.id] = len(b.changes[c.table])
	b.changes[c.table] = append(b.changes[c.table], *c)
}

// NewQuoter returns a quoter at the given height of the state. It is called by the goroutine that
// applies messages, between two of them.
func (r *Router) NewQuoter(height uint64) *Quoter {
	r.sync(none)
	q := &Quoter{market: newMarket(), height: height}
	q.mail.height = height
	for i, p := range r.view.Participants() {
		q.market.apply(&change{table: tableParticipant, id: int32(i), bic: p.BIC})
	}
	for i := range r.view.PurseTable() {
		c := r.readPurse(int32(i))
		q.market.apply(&c)
	}
	for i := range r.view.Positions() {
		c := r.readPosition(int32(i))
		q.market.apply(&c)
	}
	for i := range r.view.Offers() {
		c := r.readOffer(int32(i))
		q.market.apply(&c)
	}
	r.quoters = append(r.quoters, q)
	return q
}

// Publish lets the quoters see the state as it is, at the given height. The goroutine that applies
// messages calls it after each; it copies what changed and waits for no search.
func (r *Router) Publish(height uint64) {
	r.sync(none)
	for _, q := range r.quoters {
		q.mail.mu.Lock()
		for i := range r.feed {
			q.mail.put(&r.feed[i])
		}
		q.mail.height = height
		q.mail.mu.Unlock()
	}
	r.feed = r.feed[:0]
}

// catchUp applies what was published; q.mu is held.
func (q *Quoter) catchUp() {
	q.mail.mu.Lock()
	q.height = q.mail.height
	for i := range q.taken {
		q.taken[i], q.mail.changes[i] = q.mail.changes[i], q.taken[i][:0]
		clear(q.mail.at[i])
	}
	q.mail.mu.Unlock()
	for i := range q.taken {
		for j := range q.taken[i] {
			q.market.apply(&q.taken[i][j])
		}
	}
}

// Quote is the answer to a request: the flows that would settle it at that height and what they are
// in words, or why there is no route.
type Quote struct {
	Height  uint64
	Outcome ledger.Outcome
	// BestFound says that a limit made the answer the best found; otherwise it is the cheapest there is.
	BestFound bool
	// Plan is empty when Outcome is not Applied.
	Plan ledger.Plan
	// Source and Delivered are the totals; Price is minor units of source for those delivered. When
	// the outcome is Shortfall, SendMaxExceeded or DeliverMinNotMet they and Paths tell what could be
	// had instead: all there is, what the whole would cost, or what it would bring.
	Source, Delivered Sum
	Price             money.Ratio
	Paths             []Path
	// Candidates are the routes that come nearest when there is none, and what stops each.
	Candidates []Candidate
}

// Quote prices a request as a payment would settle it.
func (q *Quoter) Quote(req *ledger.Request) Quote { return q.QuoteWithin(req, Limits{}) }

// QuoteWithin prices a request under limits, which a payment does not have: its plan is what the sender
// may choose, not what the ledger would.
func (q *Quoter) QuoteWithin(req *ledger.Request, limits Limits) Quote {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.catchUp()
	return q.quote(req, limits)
}

// quote prices on the market as it is; q.mu is held.
func (q *Quoter) quote(req *ledger.Request, limits Limits) Quote {
	m := q.market
	a := Quote{Height: q.height}
	a.Outcome, a.BestFound = m.routeWithin(req, &q.plan, limits)
	switch a.Outcome {
	case ledger.Applied:
		a.Plan = ledger.Plan{
			Flows: append([]ledger.Flow(nil), q.plan.Flows...), Source: q.plan.Source, Delivered: q.plan.Delivered,
		}
		q.tell(&a, req)
	case ledger.Shortfall, ledger.SendMaxExceeded, ledger.DeliverMinNotMet:
		instead := *req
		switch {
		case a.Outcome == ledger.DeliverMinNotMet && req.ExactSend:
			instead.Bound = 0
		case req.ExactSend: // what is left over is the shortfall
			instead.ExactSend, instead.Partial = false, true
			instead.Amount, instead.Bound, instead.Least = ledger.MaxUnits, req.Amount, 0
		case a.Outcome == ledger.SendMaxExceeded:
			instead.Bound = ledger.MaxUnits
		default:
			instead.Partial, instead.Least = true, 0
		}
		if outcome, _ := m.routeWithin(&instead, &q.plan, limits); outcome == ledger.Applied {
			q.tell(&a, req)
		}
		if a.Outcome == ledger.Shortfall && len(a.Paths) == 0 {
			a.Candidates = m.candidates(req)
		}
	case ledger.NoPath, ledger.NoFunds, ledger.LineFrozen, ledger.NotAuthorized, ledger.CapExceeded:
		a.Candidates = m.candidates(req)
	}
	return a
}

// tell fills in the words for q.plan.
func (q *Quoter) tell(a *Quote, req *ledger.Request) {
	a.Source = Sum{Units: q.plan.Source, Currency: req.Send}
	a.Delivered = Sum{Units: q.plan.Delivered, Currency: req.Deliver}
	a.Price = ratio(q.plan.Source, q.plan.Delivered)
	a.Paths = q.market.paths(req, &q.plan)
}

// Height returns the height at which the next answer will be true, or a later one.
func (q *Quoter) Height() uint64 {
	q.mail.mu.Lock()
	defer q.mail.mu.Unlock()
	return q.mail.height
}

// Participant returns the index of an admitted participant, or None, as far as it was published.
func (q *Quoter) Participant(bic ledger.BIC) ledger.PartID {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.catchUp()
	if id, ok := q.market.byBIC[bic]; ok {
		return ledger.PartID(id)
	}
	return ledger.None
}

// Asset returns the index of an asset, or None, as far as it was published.
func (q *Quoter) Asset(name ledger.AssetName) ledger.AssetID {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.catchUp()
	m := q.market
	issuer, ok := m.byBIC[name.Issuer]
	if !ok {
		return ledger.None
	}
	p, ok := m.byPurse[pair(issuer, int32(name.Currency))]
	if !ok || m.purses[p].own < 0 {
		return ledger.None
	}
	return ledger.AssetID(m.positions[m.purses[p].own].asset)
}
