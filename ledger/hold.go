package ledger

import "viaduct/internal/money"

// Bounds of holds.
const (
	// UsualHold is how long a firm quote stands at most, and how long a dealer lets itself be held, until
	// the operator and the dealer say otherwise: milliseconds.
	UsualHold = 30_000
	// MinHold and MaxHold bound what they may say.
	MinHold = 1_000
	MaxHold = 30 * 60 * 1_000
	// UsualShare is how much of an offer one participant may hold until its maker says otherwise: half,
	// so that nobody locks a market for nothing.
	UsualShare = Unit / 2
	// MaxHolds bounds the open holds of one participant.
	MaxHolds = 100
	// MaxHoldFlows bounds the flows of a hold; one over more is refused as Oversized.
	MaxHoldFlows = 256
)

// PlaceHold asks for a firm quote: the ledger finds the flows that a payment would settle by at that
// moment, and reserves for TTL all that they use. A Pay that names the hold takes them as they were.
type PlaceHold struct {
	ID            ID
	To            BIC
	Mode          Mode // ExactDeliver or ExactSend
	Send, Deliver AssetName
	Amount, Bound int64 // as of a Pay
	TTL           int64 // milliseconds of the ledger's time, MinHold to the participant's LongestQuote
}

// ReleaseHold gives back a hold of the signer before its time.
type ReleaseHold struct {
	ID ID
}

// SetHoldTerms says how long and how much may be held. The operator sets a participant's LongestQuote,
// a participant its own LongestHold and Share. Only the fields whose Set flag is true change.
type SetHoldTerms struct {
	Participant                                   BIC
	SetLongestQuote, SetLongestHold, SetHoldShare bool
	LongestQuote                                  int64 // milliseconds, MinHold to MaxHold
	LongestHold                                   int64 // milliseconds, 0 (never) to MaxHold
	HoldShare                                     int64 // parts per billion, 0..Unit
}

// Kind methods name each instruction.
func (*PlaceHold) Kind() Kind    { return KindPlaceHold }
func (*ReleaseHold) Kind() Kind  { return KindReleaseHold }
func (*SetHoldTerms) Kind() Kind { return KindSetHoldTerms }

func (i *PlaceHold) encode(w *writer) {
	w.raw(i.ID[:])
	w.raw(i.To[:])
	w.u8(uint8(i.Mode))
	w.asset(i.Send)
	w.asset(i.Deliver)
	w.i64(i.Amount)
	w.i64(i.Bound)
	w.i64(i.TTL)
}

func (i *PlaceHold) decode(r *reader) {
	r.fill(i.ID[:])
	i.To, i.Mode = r.bic(), Mode(r.u8())
	i.Send, i.Deliver = r.asset(), r.asset()
	i.Amount, i.Bound, i.TTL = r.i64(), r.i64(), r.i64()
}

func (i *ReleaseHold) encode(w *writer) { w.raw(i.ID[:]) }
func (i *ReleaseHold) decode(r *reader) { r.fill(i.ID[:]) }

func (i *SetHoldTerms) encode(w *writer) {
	w.raw(i.Participant[:])
	w.bool(i.SetLongestQuote)
	w.bool(i.SetLongestHold)
	w.bool(i.SetHoldShare)
	w.i64(i.LongestQuote)
	w.i64(i.LongestHold)
	w.i64(i.HoldShare)
}

func (i *SetHoldTerms) decode(r *reader) {
	i.Participant = r.bic()
	i.SetLongestQuote, i.SetLongestHold, i.SetHoldShare = r.bool(), r.bool(), r.bool()
	i.LongestQuote, i.LongestHold, i.HoldShare = r.i64(), r.i64(), r.i64()
}

// Hold is what a firm quote reserved, on terms that nothing changes any more.
type Hold struct {
	Origin
	Order             *PlaceHold // which Origin has in canonical bytes
	Expires           int64      // ledger time, Unix milliseconds: from then on it is no more
	Seq               uint64     // order of arrival
	Source, Delivered int64      // what the payment will cost and bring
	Flows             []HeldFlow
	Live              bool // the slot is in use

	ends HoldEnd // it is used or released, and waits for the end of its submission of all or none
}

// HeldFlow is a flow that a hold reserved. For a Fill it keeps the offer as it was, which may have left
// the book since.
type HeldFlow struct {
	Flow
	Offer            ID
	OfferSeq         uint64
	GivePos, WantPos PosID
	Price            money.Ratio
}

// HoldEnd is what became of a hold.
type HoldEnd uint8

// The ends of a hold.
const (
	HoldStands HoldEnd = iota
	HoldUsed
	HoldReleased
	HoldLapsed
)

// String returns the hold's status.
func (e HoldEnd) String() string {
	return [...]string{"held", "used", "released", "expired"}[e]
}

// HoldChange is a hold after a block; Hold.Live is false when it ended, and End says how.
type HoldChange struct {
	Hold  Hold
	Owner BIC
	End   HoldEnd
}

func (s *State) holdChange(at HoldIdx, end HoldEnd) HoldChange {
	h := s.holds[at]
	h.Live = end == HoldStands
	return HoldChange{h, s.participants[h.By].BIC, end}
}

func (h *Hold) encode(w *writer) {
	w.u8(bit(h.Live))
	if !h.Live {
		return
	}
	h.Origin.encode(w)
	w.i64(h.Expires)
	w.u64(h.Seq)
	w.i64(h.Source)
	w.i64(h.Delivered)
	w.u16(uint16(len(h.Flows)))
	for i := range h.Flows {
		f := &h.Flows[i]
		w.u8(uint8(f.Kind))
		w.u32(uint32(f.Arc))
		w.i64(f.In)
		w.i64(f.Out)
		if f.Kind == Fill {
			w.raw(f.Offer[:])
			w.u64(f.OfferSeq)
			w.u32(uint32(f.GivePos))
			w.u32(uint32(f.WantPos))
			w.i64(f.Price.N)
			w.i64(f.Price.D)
		}
	}
}

func (h *Hold) decode(r *reader) {
	if h.Live = r.bool(); !h.Live {
		return
	}
	h.Origin.decode(r)
	h.Order = new(PlaceHold)
	r.bad = r.bad || h.Kind != KindPlaceHold || !decodeInto(h.Order, h.Body)
	h.Expires, h.Seq, h.Source, h.Delivered = r.i64(), r.u64(), r.i64(), r.i64()
	n := int(r.u16())
	r.bad = r.bad || n > MaxHoldFlows
	for range n {
		f := HeldFlow{Flow: Flow{FlowKind(r.u8()), int32(r.u32()), r.i64(), r.i64()}}
		if f.Kind == Fill {
			r.fill(f.Offer[:])
			f.OfferSeq, f.GivePos, f.WantPos = r.u64(), PosID(r.u32()), PosID(r.u32())
			f.Price = money.Ratio{N: r.i64(), D: r.i64()}
		}
		if r.bad {
			return
		}
		h.Flows = append(h.Flows, f)
	}
}
