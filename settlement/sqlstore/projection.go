package sqlstore

import (
	"viaduct/ledger"
)

// Projection is what SQL will hold of one block. It is a copy: the ledger may go on while it is
// written, and it may be written again.
type Projection struct {
	// Checkpoint is the block's signed tree head, once there is a quorum.
	Checkpoint []byte

	block        Block
	prev         ledger.Hash
	network      ledger.Hash
	leafHashes   []ledger.Hash
	leaves       [][]byte // of results with postings or a payment; nil for the others
	participants []Participant
	lines        []Line
	caps         []Cap
	offers       []offerChange
	holds        []Hold
	payments     []Payment // decided with their sender's authority
	strays       []Payment // refused before the sender was known to be who it says
	ended        []Payment // that waited, by this block or an earlier one
	postings     []posting
	nets         []netChange
	fills        []Fill
	inventories  []Inventory
	events       []Event
}

type offerChange struct {
	Offer
	placed bool // in this block
}

type posting struct {
	index, seq int
	ledger.Posting
}

// NewProjection copies what a block and the state right after it say. firstLeaf is the index of the
// block's first leaf in the chain-wide log.
func NewProjection(b *ledger.Block, s *ledger.State, firstLeaf uint64) *Projection {
	h := &b.Header
	p := &Projection{
		block: Block{
			Height: h.Height, Epoch: h.Epoch, Time: h.Time, Header: h.Encode(), Hash: h.Hash(),
			Message: h.Message, State: h.State, FirstLeaf: firstLeaf, Leaves: len(b.LeafHashes),
		},
		prev:       h.Prev,
		network:    h.Network,
		leafHashes: append([]ledger.Hash(nil), b.LeafHashes...),
		leaves:     make([][]byte, len(b.LeafHashes)),
	}
	placed := p.addResults(b, s.Rates())
	p.addChanges(&b.Changes, s, placed)
	p.addNets(b)
	return p
}

// Height returns the block's height.
func (p *Projection) Height() uint64 { return p.block.Height }

// Lines returns the positions that the block changed, as they stand after it.
func (p *Projection) Lines() []Line { return p.lines }

type offerKey struct {
	maker ledger.BIC
	id    ledger.ID
}

func (p *Projection) addResults(b *ledger.Block, rates *ledger.Rates) (placed map[offerKey]int64) {
	placed = make(map[offerKey]int64)
	seen := make(map[offerKey]bool) // payments of this block, by sender and id
	for i := range b.Results {
		r := &b.Results[i]
		for seq := range r.Postings {
			p.postings = append(p.postings, posting{i, seq, r.Postings[seq]})
		}
		p.fills = append(p.fills, fills(r, rates, p.block.Height, i, p.block.Time)...)
		p.events = append(p.events, fillEvents(r, p.block.Height, i, p.block.Time)...)
		keep := len(r.Postings) > 0
		switch instruction := r.Instruction.(type) {
		case *ledger.PlaceOffer:
			if r.Outcome == ledger.Applied {
				placed[offerKey{r.Participant, instruction.ID}] = instruction.Amount
			}
		case *ledger.ReplaceOffers:
			if r.Outcome == ledger.Applied {
				for n := range instruction.Levels {
					placed[offerKey{r.Participant, instruction.LevelID(n)}] = instruction.Levels[n].Amount
				}
			}
		case *ledger.PlaceHold:
			keep = r.Kind != ledger.KindLater && r.Outcome == ledger.Applied
		case *ledger.Pay:
			if r.Kind == ledger.KindLater {
				p.endPayment(r, instruction, i)
				keep = true
				break
			}
			keep = p.addPayment(r, instruction, i, seen) || keep
		}
		if keep {
			p.leaves[i] = append([]byte(nil), b.Leaves[i]...)
		}
	}
	return placed
}

// addPayment adds what became of a payment, and its events; false when this result is not the one
// that decides it.
func (p *Projection) addPayment(r *ledger.Result, i *ledger.Pay, index int, seen map[offerKey]bool) bool {
	key := offerKey{r.Participant, i.ID}
	if r.Outcome == ledger.Repeated || r.Participant == (ledger.BIC{}) || i.ID == (ledger.ID{}) {
		return false // the first answer stands; or nobody's payment
	}
	pay := p.paymentOf(r, i, index)
	switch {
	case r.Outcome == ledger.Queued:
		pay.Status, pay.Settled = StatusQueued, 0
	case r.Outcome != ledger.Applied:
		pay.Status, pay.Code, pay.ISOReason = StatusRejected, r.Outcome.String(), ledger.ISOReason(r.Outcome)
	case i.Mode == ledger.Covered:
		pay.Status, pay.Settled = StatusHeld, 0
	}
	switch r.Outcome {
	case ledger.BadSignature, ledger.WrongNetwork, ledger.UnknownParticipant, ledger.UnknownKey:
		// Anyone can send such a thing in anyone's name, so it makes no row, and no leaf for a payment.
		p.strays = append(p.strays, pay)
		return false
	}
	if seen[key] {
		return false // the same id again in one block: the first result decides it
	}
	seen[key] = true
	p.payments = append(p.payments, pay)
	p.events = append(p.events, paymentEvents(&pay)...)
	return true
}

// paymentOf returns the payment that a result decides, settled.
func (p *Projection) paymentOf(r *ledger.Result, i *ledger.Pay, index int) Payment {
	return Payment{
		ID: i.ID, From: r.Participant, To: i.To, Kind: KindSubmission,
		Status: StatusSettled, Mode: i.Mode, Partial: i.Partial, Send: i.Send, Deliver: i.Deliver,
		Amount: i.Amount, Bound: i.Bound, Least: i.Least, Source: r.Source, Delivered: r.Delivered,
		DeliveredIssuer: arrivedFrom(r, i),
		NotAfter:        i.NotAfter, UETR: i.UETR, UETRKind: i.UETRKind, Commitment: i.Commitment,
		Created: p.block.Time, Accepted: p.block.Time, Settled: p.block.Time,
		Height: p.block.Height, Index: index,
	}
}

// endPayment adds how a payment ended that waited.
func (p *Projection) endPayment(r *ledger.Result, i *ledger.Pay, index int) {
	pay := p.paymentOf(r, i, index)
	switch r.Outcome {
	case ledger.Applied:
	case ledger.Cancelled:
		pay.Status = StatusCancelled
	case ledger.Expired:
		pay.Status = StatusExpired
	default:
		pay.Status = StatusRejected
	}
	if r.Outcome != ledger.Applied {
		pay.Code, pay.ISOReason = r.Outcome.String(), ledger.ISOReason(r.Outcome)
	}
	p.ended = append(p.ended, pay)
	p.events = append(p.events, paymentEvents(&pay)...)
}

// arrivedFrom returns the issuer of what a payment brought its receiver, zero when its receiver took
// several assets of the currency, or nothing.
func arrivedFrom(r *ledger.Result, i *ledger.Pay) (issuer ledger.BIC) {
	for n := range r.Postings {
		p := &r.Postings[n]
		if p.Holder != i.To || p.Delta <= 0 || p.Asset.Currency != i.Deliver.Currency || p.Reason == ledger.PostFee {
			continue
		}
		if issuer != (ledger.BIC{}) && issuer != p.Asset.Issuer {
			return ledger.BIC{}
		}
		issuer = p.Asset.Issuer
	}
	return issuer
}

func (p *Projection) addChanges(c *ledger.Changes, s *ledger.State, placed map[offerKey]int64) {
	for n := range c.Participants {
		i := &c.Participants[n]
		p.participants = append(p.participants, Participant{
			BIC: i.BIC, Name: i.Name, LEI: i.LEI, Country: string(i.Country[:]), TransferFee: i.TransferFee,
			RequireAuthorization: i.RequireAuthorization, Frozen: i.Frozen, RippleDefault: i.RippleDefault,
			LongestQuote: i.LongestQuote, LongestHold: i.LongestHold, HoldShare: i.HoldShare,
			Keys: append([][32]byte(nil), i.Keys...), Admitted: p.block.Time, Height: p.block.Height,
		})
	}
	for n := range c.Positions {
		i := &c.Positions[n]
		p.lines = append(p.lines, Line{
			Pos: i.ID, Holder: i.Holder, Asset: i.Name, Own: i.Own, Balance: i.Balance,
			Limit: i.Limit, HeldOut: i.HeldOut, HeldIn: i.HeldIn, QualityIn: i.QualityIn, QualityOut: i.QualityOut, Ripple: i.Ripple, Frozen: i.Frozen,
			Authorized: i.Authorized, Height: p.block.Height,
		})
	}
	for n := range c.Purses {
		i := &c.Purses[n]
		p.caps = append(p.caps, Cap{
			Participant: s.Participants()[i.Participant].BIC, Currency: i.Currency, Net: i.Net, Cap: i.Cap, Height: p.block.Height,
		})
	}
	p.addHolds(c.Holds)
	for n := range c.Stocks {
		i := &c.Stocks[n]
		p.inventories = append(p.inventories, Inventory{
			Dealer: i.Owner, Currency: i.Currency, Counter: i.Counter, Net: i.Net, Long: i.Long, Short: i.Short, Height: p.block.Height,
		})
	}
	for n := range c.Offers {
		i := &c.Offers[n]
		o := &i.Offer
		amount, fresh := placed[offerKey{i.Maker, o.ID}]
		p.offers = append(p.offers, offerChange{placed: fresh, Offer: Offer{
			ID: o.ID, Maker: i.Maker, Give: i.Give, Want: i.Want, Amount: amount, Remaining: o.Remaining, Held: o.Held, Price: o.Price,
			Expires: o.Expires, Seq: o.Seq, Crossed: o.Crossed, Status: i.End.String(), Placed: p.block.Time, Height: p.block.Height,
		}})
	}
}
