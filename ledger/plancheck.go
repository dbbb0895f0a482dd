package ledger

import (
	"errors"
	"fmt"

	"viaduct/internal/money"
)

// errPlan says that a router's answer breaks a rule. Such a payment is refused as RouteFault, and the
// block carries the error as an alarm: the fault is the program's, not the payment's.
var errPlan = errors.New("plan breaks a rule")

// errFull says that a plan keeps the rules that a router knows, but would take a purse past maxNet.
var errFull = errors.New("more than a purse can hold")

// maxNet bounds what a purse may come to hold, over all its positions, so that its net debit room
// never leaves int64.
const maxNet = 4 * MaxUnits

// planCheck is scratch room: what each place of value got and passed on in the plan under check.
// Entries are reset by listing what was used, so that a check costs only its flows.
type planCheck struct {
	give, take      []through // per position
	pool            []through // per asset
	ripple, redeem  []through // per purse
	spent, got      []int64   // per purse: gross, over its giving and its taking sides
	arcs            []uint16  // per position: bit per kind already used
	fills           []bool    // per offer
	usedPos         []PosID
	usedAsset       []AssetID
	usedPurse       []PurseID
	usedOffer       []OfferIdx
	markPos, markAs []bool
	markPurse       []bool
}

type through struct{ in, out int64 }

func (c *planCheck) begin(s *State) {
	c.give, c.take = grow(c.give, len(s.positions)), grow(c.take, len(s.positions))
	c.arcs, c.markPos = grow(c.arcs, len(s.positions)), grow(c.markPos, len(s.positions))
	c.pool, c.markAs = grow(c.pool, len(s.assets)), grow(c.markAs, len(s.assets))
	c.ripple, c.redeem = grow(c.ripple, len(s.purses)), grow(c.redeem, len(s.purses))
	c.spent, c.got = grow(c.spent, len(s.purses)), grow(c.got, len(s.purses))
	c.markPurse = grow(c.markPurse, len(s.purses))
	c.fills = grow(c.fills, len(s.offers))
}

func grow[T any](v []T, n int) []T {
	if len(v) < n {
		v = append(v, make([]T, n-len(v)+n/4)...)
	}
	return v
}

func (c *planCheck) reset() {
	for _, p := range c.usedPos {
		c.give[p], c.take[p], c.arcs[p], c.markPos[p] = through{}, through{}, 0, false
	}
	for _, a := range c.usedAsset {
		c.pool[a], c.markAs[a] = through{}, false
	}
	for _, p := range c.usedPurse {
		c.ripple[p], c.redeem[p], c.spent[p], c.got[p], c.markPurse[p] = through{}, through{}, 0, 0, false
	}
	for _, o := range c.usedOffer {
		c.fills[o] = false
	}
	c.usedPos, c.usedAsset, c.usedPurse, c.usedOffer = c.usedPos[:0], c.usedAsset[:0], c.usedPurse[:0], c.usedOffer[:0]
}

func (c *planCheck) givePos(p PosID) *through { c.usePos(p); return &c.give[p] }
func (c *planCheck) takePos(p PosID) *through { c.usePos(p); return &c.take[p] }

func (c *planCheck) usePos(p PosID) {
	if !c.markPos[p] {
		c.markPos[p] = true
		c.usedPos = append(c.usedPos, p)
	}
}

func (c *planCheck) asset(a AssetID) *through {
	if !c.markAs[a] {
		c.markAs[a] = true
		c.usedAsset = append(c.usedAsset, a)
	}
	return &c.pool[a]
}

func (c *planCheck) purse(p PurseID) PurseID {
	if !c.markPurse[p] {
		c.markPurse[p] = true
		c.usedPurse = append(c.usedPurse, p)
	}
	return p
}

// checkPlan checks every rule that a plan must keep: each flow allowed and rounded as CeilCost says,
// each place passing on exactly what it got, limits, balances and caps kept gross, and the totals true
// and within the request.
func (s *State) checkPlan(req *Request, plan *Plan) error {
	c := &s.check
	c.begin(s)
	defer c.reset()
	for i := range plan.Flows {
		if err := s.checkFlow(c, req.To, &plan.Flows[i]); err != nil {
			return fmt.Errorf("flow %d (%+v): %w", i, plan.Flows[i], err)
		}
	}
	var source, delivered int64
	full := false
	for _, p := range c.usedPos {
		pos := &s.positions[p]
		paid, got := c.give[p].out-c.give[p].in, c.take[p].in-c.take[p].out
		if paid != 0 && (paid < 0 || pos.Holder != req.From || !s.carriesRequest(pos.Asset, req.Send, req.SendAsset)) {
			return fmt.Errorf("%w: giving side of position %d passes on %d more than it gets", errPlan, p, paid)
		}
		if got != 0 && (got < 0 || pos.Holder != req.To || !s.carriesRequest(pos.Asset, req.Deliver, req.DeliverAsset)) {
			return fmt.Errorf("%w: taking side of position %d keeps %d", errPlan, p, got)
		}
		if c.give[p].out > s.Available(p) {
			return fmt.Errorf("%w: position %d gives %d of %d", errPlan, p, c.give[p].out, s.Available(p))
		}
		if c.take[p].in > s.Headroom(p) {
			return fmt.Errorf("%w: position %d takes %d, room %d", errPlan, p, c.take[p].in, s.Headroom(p))
		}
		purse := c.purse(pos.Purse)
		if !add(&source, paid) || !add(&delivered, got) || !add(&c.spent[purse], c.give[p].out) || !add(&c.got[purse], c.take[p].in) {
			return fmt.Errorf("%w: sums leave int64", errPlan)
		}
	}
	for _, a := range c.usedAsset {
		if c.pool[a].in != c.pool[a].out {
			return fmt.Errorf("%w: pool of asset %d gets %d, passes on %d", errPlan, a, c.pool[a].in, c.pool[a].out)
		}
	}
	for _, p := range c.usedPurse {
		if c.ripple[p].in != c.ripple[p].out || c.redeem[p].in != c.redeem[p].out {
			return fmt.Errorf("%w: purse %d ripples %+v and %+v", errPlan, p, c.ripple[p], c.redeem[p])
		}
		if c.spent[p] > s.PurseRoom(p) {
			return fmt.Errorf("%w: purse %d spends %d, cap leaves %d", errPlan, p, c.spent[p], s.PurseRoom(p))
		}
		full = full || c.got[p] > maxNet-s.purses[p].Net-s.purses[p].HeldIn
	}
	if source != plan.Source || delivered != plan.Delivered || source <= 0 || delivered <= 0 {
		return fmt.Errorf("%w: totals %d, %d, plan says %d, %d", errPlan, source, delivered, plan.Source, plan.Delivered)
	}
	if err := withinRequest(req, source, delivered); err != nil || !full {
		return err
	}
	return errFull
}

// add adds n to a sum and says whether that stays within int64.
func add(sum *int64, n int64) (ok bool) {
	*sum, ok = money.AddInt64(*sum, n)
	return ok
}

// withinRequest checks the totals against what was asked; a request with no amount bounds nothing.
func withinRequest(req *Request, source, delivered int64) error {
	ok := true
	switch {
	case req.Amount == 0:
	case req.ExactSend:
		ok = source <= req.Amount && delivered >= req.Bound
	case req.Partial:
		ok = source <= req.Bound && delivered <= req.Amount && delivered >= req.Least
	default:
		ok = source <= req.Bound && delivered == req.Amount
	}
	if !ok {
		return fmt.Errorf("%w: source %d, delivered %d for %+v", errPlan, source, delivered, *req)
	}
	return nil
}

func (s *State) carriesRequest(asset AssetID, c money.Currency, only AssetID) bool {
	if only != None {
		return asset == only
	}
	return s.assets[asset].Currency == c
}

func (s *State) checkFlow(c *planCheck, to PartID, f *Flow) error {
	limit := len(s.positions)
	if f.Kind == Fill {
		limit = len(s.offers)
	}
	if f.Arc < 0 || int(f.Arc) >= limit || f.Kind < Give || f.Kind > RippleIssue {
		return fmt.Errorf("%w: no such arc", errPlan)
	}
	if in, ok := s.CeilCost(f.Kind, f.Arc, f.Out); f.Out <= 0 || !ok || in != f.In {
		return fmt.Errorf("%w: costs %d", errPlan, in)
	}
	if f.Kind == Fill {
		return s.checkFill(c, f)
	}
	p := PosID(f.Arc)
	pos := &s.positions[p]
	own := s.assets[pos.Asset].Own
	c.usePos(p)
	if c.arcs[p]&(1<<f.Kind) != 0 {
		return fmt.Errorf("%w: arc used twice", errPlan)
	}
	c.arcs[p] |= 1 << f.Kind
	if wantOwn := f.Kind == RippleOwnIn || f.Kind == RippleIssue; pos.Own != wantOwn {
		return fmt.Errorf("%w: the issuer's own position is %v", errPlan, pos.Own)
	}
	var from, into *through
	allowed := true
	switch f.Kind {
	case Give:
		from, into, allowed = c.givePos(p), c.asset(pos.Asset), s.CanGive(p)
	case Take:
		from, into, allowed = c.asset(pos.Asset), c.takePos(p), s.CanTake(p)
	case Redeem:
		// A holder that may not give may redeem, but not pay others through the issuer.
		from, into, allowed = c.givePos(p), c.takePos(own), s.CanGive(p) || s.assets[pos.Asset].Issuer == to
	case Issue:
		from, into, allowed = c.givePos(own), c.takePos(p), s.CanTake(p)
	case RippleIn:
		from, into, allowed = c.takePos(p), &c.ripple[c.purse(pos.Purse)], pos.Ripple
	case RippleOut:
		from, into, allowed = &c.ripple[c.purse(pos.Purse)], c.givePos(p), pos.Ripple
	case RippleOwnIn:
		from, into = c.takePos(p), &c.redeem[c.purse(pos.Purse)]
	case RippleOwnOut:
		from, into, allowed = &c.redeem[c.purse(pos.Purse)], c.givePos(p), pos.Ripple
	case RippleIssue:
		from, into = &c.ripple[c.purse(pos.Purse)], c.givePos(p)
	}
	if !allowed {
		return fmt.Errorf("%w: not allowed", errPlan)
	}
	return move(from, into, f)
}

func (s *State) checkFill(c *planCheck, f *Flow) error {
	o := OfferIdx(f.Arc)
	offer := &s.offers[o]
	if c.fills[o] || !s.Fillable(o) || f.Out > s.OfferRoom(o) {
		return fmt.Errorf("%w: offer used twice, not fillable, or gives only %d", errPlan, s.OfferRoom(o))
	}
	c.fills[o] = true
	c.usedOffer = append(c.usedOffer, o)
	return move(c.takePos(offer.WantPos), c.givePos(offer.GivePos), f)
}

func move(from, into *through, f *Flow) error {
	if !add(&from.out, f.In) || !add(&into.in, f.Out) {
		return fmt.Errorf("%w: sums leave int64", errPlan)
	}
	return nil
}
