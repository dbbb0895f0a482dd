package ledger

import "viaduct/internal/money"

// MaxUnits bounds every balance, limit, obligation and amount, in minor units, so that sums of a few
// of them never leave int64.
const MaxUnits = 1 << 60

// FlowKind says which way value moves along a Flow.
type FlowKind uint8

// The kinds of flow. In is what enters at the tail, Out what leaves at the head, both in minor units.
// Value is in one of these places: the giving side of a position, the pool of an asset between two
// holders, the taking side of a position, or the pool of a purse while it ripples. Each place of a
// payment must get exactly as much as it passes on; only the sender's giving sides and the
// receiver's taking sides are open ends.
const (
	// Give: a line's giving side to the asset's pool, on the way to another holder.
	// In = Out + ceil(Out*TransferFee/Unit); the fee is redeemed.
	Give FlowKind = iota + 1
	// Take: the asset's pool to a line's taking side. In = Out.
	Take
	// Redeem: a line's giving side to the taking side of its issuer. In = Out.
	Redeem
	// Issue: the issuer's giving side to a line's taking side. In = Out.
	Issue
	// Fill: the maker's taking side of Want to its giving side of Give. In = ceil(Out*N/D).
	Fill
	// RippleIn: a line's taking side to the pool of its purse. In = ceil(Out*Unit/QualityIn).
	RippleIn
	// RippleOut: the purse's pool to a line's giving side. In = ceil(Out*QualityOut/Unit).
	RippleOut
	// RippleOwnIn: the issuer's own taking side to the purse's redeemed pool. In = Out. What was
	// redeemed leaves only by RippleOwnOut: it never becomes the same asset again.
	RippleOwnIn
	// RippleOwnOut: the purse's redeemed pool to a line's giving side. In = ceil(Out*QualityOut/Unit).
	RippleOwnOut
	// RippleIssue: the purse's pool to the issuer's own giving side. In = Out.
	RippleIssue
)

var flowNames = [...]string{
	Give: "give", Take: "take", Redeem: "redeem", Issue: "issue", Fill: "fill", RippleIn: "ripple_in",
	RippleOut: "ripple_out", RippleOwnIn: "ripple_own_in", RippleOwnOut: "ripple_own_out", RippleIssue: "ripple_issue",
}

// String returns the kind's name.
func (k FlowKind) String() string {
	if int(k) < len(flowNames) && k != 0 {
		return flowNames[k]
	}
	return "unknown"
}

// Flow is the whole use one payment makes of one arc of the market; no arc appears twice in a plan.
type Flow struct {
	Kind FlowKind
	// Arc is the PosID of the line for Give, Take, Redeem, Issue and the ripples (the issuer's own
	// position for RippleOwnIn and RippleIssue), the OfferIdx for Fill.
	Arc     int32
	In, Out int64
}

// CeilCost returns what out costs along the flow's arc, the one rounding rule of the ledger; false
// when the product leaves the bounds.
func (s *State) CeilCost(kind FlowKind, arc int32, out int64) (int64, bool) {
	var n, d int64
	switch kind {
	case Give:
		fee := s.issuerOf(&s.positions[arc]).TransferFee
		if fee == 0 {
			return out, true
		}
		n, d = Unit+fee, Unit
	case Fill:
		price := s.offers[arc].Price
		n, d = price.N, price.D
	case RippleIn:
		n, d = Unit, s.positions[arc].QualityIn
	case RippleOut, RippleOwnOut:
		n, d = s.positions[arc].QualityOut, Unit
	default:
		return out, true
	}
	in, _, err := money.MulDiv(out, n, d, money.RoundUp)
	return in, err == nil && in <= MaxUnits
}

// Request asks a Router for a route.
type Request struct {
	From, To PartID
	// Send is the currency that is spent and Deliver the one that arrives; SendAsset and
	// DeliverAsset narrow them to one asset, or are None.
	Send, Deliver           money.Currency
	SendAsset, DeliverAsset AssetID
	// Amount and Bound: for an exact delivery, what must arrive and the most it may cost; for an
	// exact send (ExactSend), the most to spend and the least that must arrive.
	Amount, Bound int64
	ExactSend     bool
	// Partial lets an exact delivery settle for less, but not less than Least.
	Partial bool
	Least   int64
}

// Plan is a Router's answer: the flows of one payment, in the order the path search found them, with
// what they cost the sender and bring the receiver, each summed over its assets.
type Plan struct {
	Flows     []Flow
	Source    int64
	Delivered int64
}

// Router finds the flows of a payment. It reads the state it was made for and is told of every change
// of it, so that it can keep a graph; its answer must depend on the state alone. What it answers is
// checked in full before anything is posted.
type Router interface {
	// Route fills plan (reusing its memory) and returns Applied, or why there is none: NoAcceptance,
	// NoFunds, LineFrozen, NotAuthorized, CapExceeded, NoPath, Shortfall, SendMaxExceeded,
	// DeliverMinNotMet, BelowMinorUnit, SearchLimit.
	Route(req *Request, plan *Plan) Outcome
	// Gainful says whether filling the offer would close a cycle that ends with more than it began.
	Gainful(offer OfferIdx) bool
	// HeldOut appends the offers that the search passes over because they close a gainful cycle
	// although they are not marked Crossed, oldest first.
	HeldOut(to []OfferIdx) []OfferIdx
	// PositionChanged, PurseChanged and OfferChanged tell of a changed or new entry (an offer whose
	// slot is no longer Live has left); ParticipantChanged of a changed fee, freeze or authorisation
	// rule of an issuer.
	PositionChanged(PosID)
	PurseChanged(PurseID)
	OfferChanged(OfferIdx)
	ParticipantChanged(PartID)
}
