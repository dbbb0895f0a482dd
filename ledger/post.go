package ledger

import "fmt"

// postPlan posts a checked plan: the balances, the offers, the moves and postings of the result.
func (s *State) postPlan(plan *Plan, r *Result) error {
	for i := range plan.Flows {
		f := &plan.Flows[i]
		r.Moves = append(r.Moves, s.move(f))
		if f.Kind == Fill {
			s.fill(OfferIdx(f.Arc), f.Out, f.In)
			continue
		}
		s.postFlow(r, f)
	}
	s.settleShown()
	return s.touched.balanced()
}

// postFlow posts what a flow along a position changes; what ripples changes nothing by itself.
func (s *State) postFlow(r *Result, f *Flow) {
	p := PosID(f.Arc)
	own := s.assets[s.positions[p].Asset].Own
	switch f.Kind {
	case Give:
		s.post(r, PostTransfer, p, -f.Out)
		if fee := f.In - f.Out; fee > 0 {
			s.post(r, PostFee, p, -fee)
			s.post(r, PostFee, own, fee)
		}
	case Take:
		s.post(r, PostTransfer, p, f.Out)
	case Redeem:
		s.post(r, PostRedemption, p, -f.Out)
		s.post(r, PostRedemption, own, f.Out)
	case Issue:
		s.post(r, PostIssue, own, -f.Out)
		s.post(r, PostIssue, p, f.Out)
	}
}

func (s *State) move(f *Flow) Move {
	m := Move{Kind: f.Kind, In: f.In, Out: f.Out}
	if f.Kind == Fill {
		o := &s.offers[f.Arc]
		m.Holder, m.Asset, m.Want = s.participants[o.Maker].BIC, s.AssetName(o.Give), s.AssetName(o.Want)
		m.Offer, m.Price = o.ID, o.Price
		return m
	}
	pos := &s.positions[f.Arc]
	m.Holder, m.Asset = s.participants[pos.Holder].BIC, s.AssetName(pos.Asset)
	return m
}

// post changes one balance and says so in the result.
func (s *State) post(r *Result, reason PostingReason, p PosID, delta int64) {
	pos := &s.positions[p]
	purse := &s.purses[pos.Purse]
	pos.Balance += delta
	purse.Net += delta
	s.touched.position(s, p)
	s.touched.purse(s, pos.Purse)
	wrong := !pos.Own && pos.Balance < 0 || pos.Own && pos.Balance > 0
	s.touched.sum(pos.Asset, delta, wrong && !s.together)
	r.Postings = append(r.Postings, Posting{reason, p, s.participants[pos.Holder].BIC, s.AssetName(pos.Asset), delta, pos.Balance})
}

func (s *State) fill(at OfferIdx, out, in int64) {
	o := &s.offers[at]
	s.undo.filled(s, at)
	o.Remaining -= out
	o.Shown -= out
	s.count(o.Maker, o.Give, o.Want, out, in)
	if o.Remaining == 0 {
		s.unrest(at, OfferFilled)
		return
	}
	s.touched.offer(s, at)
}

// touched collects what the message under way changes: for the block's Changes, for the state hash,
// for the router, and for the check that every asset's positions still sum to zero.
type touched struct {
	participants mark[PartID]
	assets       mark[AssetID]
	positions    mark[PosID]
	purses       mark[PurseID]
	offers       mark[OfferIdx]
	stocks       mark[StockID]
	ended        []OfferChange
	holds        mark[HoldIdx]
	endedHolds   []HoldChange

	sums    []int64 // per asset: what was posted and not yet balanced
	pending []AssetID
	wrong   bool // a balance left its side of zero

	unreserved bool // more was given back than was held
}

// mark is a list of indices without repeats.
type mark[T ~int32] struct {
	list []T
	on   []bool
}

func (m *mark[T]) add(i T) bool {
	m.on = grow(m.on, int(i)+1)
	if m.on[i] {
		return false
	}
	m.on[i] = true
	m.list = append(m.list, i)
	return true
}

func (m *mark[T]) clear() {
	for _, i := range m.list {
		m.on[i] = false
	}
	m.list = m.list[:0]
}

func (t *touched) begin() {
	t.participants.clear()
	t.assets.clear()
	t.positions.clear()
	t.purses.clear()
	t.offers.clear()
	t.stocks.clear()
	t.ended = t.ended[:0]
	t.holds.clear()
	t.endedHolds = t.endedHolds[:0]
}

func (t *touched) participant(s *State, p PartID) {
	s.queue.changes++
	if t.participants.add(p) {
		s.trees[tableParticipants].touch(int(p))
	}
	if s.router != nil {
		s.router.ParticipantChanged(p)
	}
}

func (t *touched) asset(s *State, a AssetID) {
	if t.assets.add(a) {
		s.trees[tableAssets].touch(int(a))
	}
}

func (t *touched) position(s *State, p PosID) {
	s.queue.changes++
	if t.positions.add(p) {
		s.trees[tablePositions].touch(int(p))
	}
	if s.router != nil {
		s.router.PositionChanged(p)
	}
}

func (t *touched) purse(s *State, p PurseID) {
	s.queue.changes++
	if t.purses.add(p) {
		s.trees[tablePurses].touch(int(p))
	}
	if s.router != nil {
		s.router.PurseChanged(p)
	}
}

func (t *touched) offer(s *State, o OfferIdx) {
	s.queue.changes++
	if t.offers.add(o) {
		s.trees[tableOffers].touch(int(o))
	}
	if s.router != nil {
		s.router.OfferChanged(o)
	}
}

func (t *touched) stock(s *State, id StockID) {
	if t.stocks.add(id) {
		s.trees[tableStocks].touch(int(id))
	}
}

// offerEnd tells of an offer that leaves the book; the state still has it in its slot.
func (t *touched) offerEnd(s *State, o OfferIdx, end OfferEnd) {
	t.ended = append(t.ended, s.offerChange(o, end))
	t.offer(s, o)
}

func (t *touched) hold(s *State, h HoldIdx) {
	if t.holds.add(h) {
		s.trees[tableHolds].touch(int(h))
	}
}

// holdEnd tells of a hold that ends; the state still has it in its slot.
func (t *touched) holdEnd(s *State, h HoldIdx, end HoldEnd) {
	t.endedHolds = append(t.endedHolds, s.holdChange(h, end))
	t.hold(s, h)
}

// sum adds a posting to its asset's open sum.
func (t *touched) sum(a AssetID, delta int64, wrong bool) {
	t.sums = grow(t.sums, int(a)+1)
	t.sums[a] += delta
	t.pending = append(t.pending, a)
	t.wrong = t.wrong || wrong
}

// balanced closes the open sums; each must be zero, whatever was posted, and stays so for the block.
func (t *touched) balanced() error {
	for _, a := range t.pending {
		if t.sums[a] != 0 {
			return fmt.Errorf("%w: asset %d is off by %d", ErrBroken, a, t.sums[a])
		}
	}
	t.pending = t.pending[:0]
	if t.wrong {
		return fmt.Errorf("%w: a balance left its side of zero", ErrBroken)
	}
	return nil
}

// collect writes the block's Changes.
func (t *touched) collect(s *State, b *Block) {
	c := &b.Changes
	for _, p := range t.participants.list {
		c.Participants = append(c.Participants, s.participants[p])
	}
	for _, p := range t.positions.list {
		pos := &s.positions[p]
		c.Positions = append(c.Positions, PositionChange{p, s.participants[pos.Holder].BIC, s.AssetName(pos.Asset), *pos})
	}
	for _, p := range t.purses.list {
		purse := &s.purses[p]
		c.Purses = append(c.Purses, PurseChange{p, s.participants[purse.Participant].BIC, *purse})
	}
	for _, id := range t.stocks.list {
		c.Stocks = append(c.Stocks, StockChange{s.participants[s.stocks[id].Participant].BIC, s.stocks[id]})
	}
	c.Offers = append(c.Offers, t.ended...)
	for _, o := range t.offers.list {
		if s.offers[o].Live {
			c.Offers = append(c.Offers, s.offerChange(o, OfferStands))
		}
	}
	c.Holds = append(c.Holds, t.endedHolds...)
	for _, h := range t.holds.list {
		if s.holds[h].Live {
			c.Holds = append(c.Holds, s.holdChange(h, HoldStands))
		}
	}
}

func (s *State) offerChange(at OfferIdx, end OfferEnd) OfferChange {
	o := &s.offers[at]
	return OfferChange{*o, s.participants[o.Maker].BIC, s.AssetName(o.Give), s.AssetName(o.Want), end}
}
