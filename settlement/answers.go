package settlement

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"viaduct/fx"
	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/ledger/proof"
)

func (n *Node) answerStatus(_ []byte, send func([]byte)) {
	n.mu.Lock()
	hash, network := n.state.Hash(), n.state.Network()
	s := Status{
		Network: fmt.Sprintf("%x", network[:]), Origin: n.cfg.Genesis.Origin(),
		Height: n.state.Height(), Epoch: n.state.Epoch(), Time: n.state.Time(), StateHash: fmt.Sprintf("%x", hash[:]),
		TreeSize: n.tree.Size(),
	}
	operator, changes := n.state.Operator()
	s.Operator, s.OperatorChanges = fmt.Sprintf("%x", operator[:]), changes
	spans := n.state.Spans()
	n.mu.Unlock()
	s.Projected, _ = n.projected.get()
	all, err := policiesOf(s.Origin, spans)
	for i, p := range all {
		set := ValidatorSet{From: p.from, Announced: spans[i].Announced, Quorum: p.policy.Quorum()}
		for _, v := range p.policy.Validators() {
			set.Validators = append(set.Validators, v.String())
		}
		s.Sets = append(s.Sets, set)
	}
	reply(send, s, err)
}

// answerQuote answers the questions about the market.
func (n *Node) answerQuote(data []byte, send func([]byte)) {
	var q question
	var a any
	err := json.Unmarshal(data, &q)
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrMalformed, err)
	case q.Quote != nil:
		a, err = n.quote(q.Quote)
	case q.Hops:
		a = n.hops()
	case q.After != nil:
		a, err = n.touched(*q.After)
	default:
		a = n.fillable(q.Fillable)
	}
	reply(send, a, err)
}

// quote prices a request on the market as of the last block, for each currency it may be paid in.
func (n *Node) quote(q *QuoteRequest) (*QuoteAnswer, error) {
	if q.Amount < 1 || q.Amount > ledger.MaxUnits || q.ExactSend && q.Send.Currency == 0 {
		return nil, fmt.Errorf("%w: amount %d", ErrMalformed, q.Amount)
	}
	if q.Limits.MaxPaths < 0 || q.Limits.MaxHops < 0 || q.Limits.MaxHops > fx.MostHops {
		return nil, fmt.Errorf("%w: limits %+v", ErrMalformed, q.Limits)
	}
	from, to := n.quoter.Participant(q.From), n.quoter.Participant(q.To)
	if from == ledger.None || to == ledger.None {
		return nil, ErrNotFound
	}
	a := &QuoteAnswer{Height: n.quoter.Height(), Options: []QuoteOption{}}
	for _, send := range n.sendable(from, q) {
		req := ledger.Request{
			From: from, To: to, Send: send.Currency, Deliver: q.Deliver.Currency, SendAsset: ledger.None, DeliverAsset: ledger.None,
			Amount: q.Amount, Bound: ledger.MaxUnits, ExactSend: q.ExactSend,
		}
		if q.ExactSend {
			req.Bound = 0
		}
		o := QuoteOption{Send: send, Outcome: ledger.Applied}
		if send.Issuer != (ledger.BIC{}) {
			if req.SendAsset = n.quoter.Asset(send); req.SendAsset == ledger.None {
				o.Outcome = ledger.NoFunds
			}
		}
		if q.Deliver.Issuer != (ledger.BIC{}) {
			if req.DeliverAsset = n.quoter.Asset(q.Deliver); req.DeliverAsset == ledger.None {
				o.Outcome = ledger.NoAcceptance
			}
		}
		if from == to && req.Send == req.Deliver {
			o.Outcome = ledger.SelfPayment
		}
		if o.Outcome == ledger.Applied {
			answer, missing := n.quoter.QuoteIf(&req, q.Limits, &q.WhatIf)
			if missing >= 0 {
				return nil, ErrNotFound
			}
			a.Height = answer.Height
			o.Outcome, o.Paths, o.Candidates = answer.Outcome, answer.Paths, answer.Candidates
			o.Source, o.Delivered, o.BestFound = answer.Source.Units, answer.Delivered.Units, answer.BestFound
		}
		a.Options = append(a.Options, o)
	}
	return a, nil
}

// sendable returns the assets or currencies a quote is tried with: the one it names, or each in which
// the sender has a balance or issues.
func (n *Node) sendable(from ledger.PartID, q *QuoteRequest) []ledger.AssetName {
	if q.Send.Currency != 0 {
		return []ledger.AssetName{q.Send}
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	var out []ledger.AssetName
	for _, id := range n.state.Participants()[from].Purses() {
		purse := &n.state.PurseTable()[id]
		able := purse.Own != ledger.None
		for _, p := range purse.Positions() {
			able = able || n.state.Available(p) > 0
		}
		if able && (q.From != q.To || purse.Currency != q.Deliver.Currency) {
			out = append(out, ledger.AssetName{Currency: purse.Currency})
		}
	}
	return out
}

// fillable tells how much of each offer can be had now.
func (n *Node) fillable(ids []ledger.ID) *Fillable {
	n.mu.RLock()
	defer n.mu.RUnlock()
	a := &Fillable{Height: n.state.Height(), Offers: make([]FillableOffer, len(ids))}
	for i, id := range ids {
		if at := n.state.FindOffer(id); at != ledger.None {
			a.Offers[i] = n.fillableOffer(at)
		}
	}
	return a
}

func (n *Node) fillableOffer(at ledger.OfferIdx) FillableOffer {
	s := n.state
	o := &s.Offers()[at]
	f := FillableOffer{Units: o.Remaining}
	limit := func(kind fx.BoundKind, asset ledger.AssetName, units int64) {
		if f.Units = min(f.Units, units); units < o.Remaining {
			f.Bounds = append(f.Bounds, fx.Bound{Kind: kind, Who: s.Participants()[o.Maker].BIC, Asset: asset})
		}
	}
	give, want := s.AssetName(o.Give), s.AssetName(o.Want)
	if limit(fx.OfferHeld, give, o.Remaining-o.Held); len(f.Bounds) > 0 {
		f.Bounds[0].Offer = o.ID
	}
	limit(fx.InventoryReached, give, o.Shown)
	if o.Crossed {
		limit(fx.OfferHeldOut, give, 0)
		f.Bounds[len(f.Bounds)-1].Offer = o.ID
		return f
	}
	giver, taker := &s.Positions()[o.GivePos], &s.Positions()[o.WantPos]
	limit(fx.BalanceSpent, give, s.Available(o.GivePos))
	limit(fx.CapReached, ledger.AssetName{Currency: give.Currency}, s.PurseRoom(giver.Purse))
	room, kind := s.Headroom(o.WantPos), fx.LimitReached
	if taker.Own {
		kind = fx.AllRedeemed
	}
	// The most whose cost, rounded up, still fits.
	if units, _, err := money.MulDiv(room, o.Price.D, o.Price.N, money.RoundDown); err == nil {
		limit(kind, want, units)
	}
	if !s.CanTake(o.WantPos) {
		limit(fx.NotAuthorised, want, 0)
	}
	if !s.CanGive(o.GivePos) {
		kind := fx.NotAuthorised
		if giver.Frozen || s.Participants()[s.Assets()[o.Give].Issuer].Frozen {
			kind = fx.Frozen
		}
		f.Bounds = append(f.Bounds, fx.Bound{Kind: kind, Who: s.Participants()[o.Maker].BIC, Asset: give})
	}
	return f
}

func (n *Node) answerReceipt(data []byte, send func([]byte)) {
	var r receiptRequest
	if err := json.Unmarshal(data, &r); err != nil {
		reply(send, nil, fmt.Errorf("%w: %w", ErrMalformed, err))
		return
	}
	final, _ := n.final.get()
	if r.Change && r.Height <= final {
		var err error
		if r.Index, _, err = n.changeIn(r.Height); err != nil {
			reply(send, nil, err)
			return
		}
	}
	switch {
	case r.Change && r.Height > final:
		reply(send, nil, ErrNotFound)
	case r.Height <= final:
		receipt, err := n.receipt(r.Height, r.Index)
		reply(send, receiptAnswer{string(receipt)}, err)
	case r.Height > final+maxPending:
		reply(send, nil, ErrNotFound)
	default: // a projector may have had the certificate a moment sooner
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), receiptWait)
			defer cancel()
			if n.final.wait(ctx, r.Height) != nil {
				reply(send, nil, ErrNotFound)
				return
			}
			receipt, err := n.receipt(r.Height, r.Index)
			reply(send, receiptAnswer{string(receipt)}, err)
		}()
	}
}

// receiptWait bounds the wait for a certificate that is on its way.
const receiptWait = 2 * time.Second

// receipt proves the leaf of one result in the log as it was at the end of its block, so that asking
// again gives the same bytes.
func (n *Node) receipt(height uint64, index int) ([]byte, error) {
	rec, _, err := n.record(height)
	if err != nil {
		return nil, fmt.Errorf("receipt of height %d: %w", height, err)
	}
	if index < 0 || index >= len(rec.Leaves) {
		return nil, ErrNotFound
	}
	at := rec.TreeSize - uint64(len(rec.Leaves)) + uint64(index)
	var hashes []proof.Hash
	if hashes, err = n.tree.Inclusion(at, rec.TreeSize); err != nil {
		return nil, fmt.Errorf("prove leaf %d: %w", at, err)
	}
	signed, err := n.certificates.get(height)
	if err != nil {
		return nil, fmt.Errorf("receipt of height %d: %w", height, err)
	}
	return proof.BuildReceipt(rec.Leaves[index], at, hashes, signed, n.policy(height))
}

const (
	// scanChunk is how many entries are read between two chances for the next block to be applied.
	scanChunk = 8192
	// maxExpiries and maxTouched bound an answer; who needs more asks again.
	maxExpiries = 4096
	maxTouched  = 256 // blocks
)

// hops reads who can be a hop. It looks at the tables piece by piece and lets blocks be applied in
// between: what they change is told again by touched, and too many hops do no harm.
func (n *Node) hops() *hops {
	h := &hops{Height: n.quoter.Height()}
	seen := make(map[ledger.PartID]bool)
	add := func(p ledger.PartID) {
		if !seen[p] {
			seen[p] = true
			h.Names = append(h.Names, n.state.Participants()[p].BIC)
		}
	}
	scan(n, n.state.Offers, func(o *ledger.Offer) {
		if o.Live {
			add(o.Maker)
			if o.Expires != 0 {
				h.Expiries = append(h.Expiries, o.Expires)
			}
		}
	})
	scan(n, n.state.Positions, func(p *ledger.Position) {
		if p.Ripple {
			add(p.Holder)
		}
	})
	slices.Sort(h.Expiries)
	h.Expiries = slices.Compact(h.Expiries)
	if len(h.Expiries) > maxExpiries {
		h.Expiries, h.More = h.Expiries[:maxExpiries], true
	}
	return h
}

// scan calls look for each entry of a table that grows at its end.
func scan[T any](n *Node, table func() []T, look func(*T)) {
	for from := 0; ; from += scanChunk {
		n.mu.RLock()
		all := table()
		for i := from; i < min(from+scanChunk, len(all)); i++ {
			look(&all[i])
		}
		done := from+scanChunk >= len(all)
		n.mu.RUnlock()
		if done {
			return
		}
	}
}

// touched reads from the block log what the final blocks after a height touched.
func (n *Node) touched(after uint64) (*touched, error) {
	final, _ := n.final.get()
	t := &touched{Height: after}
	for height := after + 1; height <= min(final, after+maxTouched); height++ {
		rec, header, err := n.record(height)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", height, err)
		}
		t.Height, t.Time = height, header.Time
		for _, data := range rec.Leaves[:len(rec.Leaves)-1] {
			leaf, err := ledger.DecodeLeaf(data)
			if err != nil {
				return nil, fmt.Errorf("block %d: %w", height, err)
			}
			if leaf.Outcome == ledger.Applied || leaf.Kind == ledger.KindLater { // what lapses gives back what it held
				t.add(leaf)
			}
		}
	}
	slices.SortFunc(t.Names, func(a, b ledger.BIC) int { return bytes.Compare(a[:], b[:]) })
	t.Names = slices.Compact(t.Names)
	return t, nil
}

// add notes what an applied instruction touched. What it does not know it takes for a change of the
// market.
func (t *touched) add(leaf *ledger.Leaf) {
	in, ok := ledger.DecodeInstruction(leaf.About())
	if !ok {
		t.Market = true
		return
	}
	switch in := in.(type) {
	case *ledger.Admit, *ledger.SetKey:
	case *ledger.SetLine:
		t.Names = append(t.Names, leaf.Participant, in.Asset.Issuer)
		if in.Ripple {
			t.Hops = append(t.Hops, leaf.Participant)
		}
	case *ledger.ControlLine:
		t.Names = append(t.Names, leaf.Participant, in.Holder)
	case *ledger.Pay:
		for i := range leaf.Moves {
			switch m := &leaf.Moves[i]; m.Kind {
			case ledger.Give, ledger.Take, ledger.Redeem, ledger.Issue:
				t.Names = append(t.Names, m.Holder, m.Asset.Issuer)
			default:
				t.Market = true
			}
		}
	case *ledger.PlaceOffer:
		t.Market = true
		t.Hops = append(t.Hops, leaf.Participant)
		if in.Expires != 0 {
			t.Expiries = append(t.Expiries, in.Expires)
		}
	case *ledger.ReplaceOffers:
		t.Market = true
		t.Hops = append(t.Hops, leaf.Participant)
		if in.Expires != 0 {
			t.Expiries = append(t.Expiries, in.Expires)
		}
	default:
		t.Market = true
	}
}
