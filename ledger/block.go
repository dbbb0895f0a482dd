package ledger

import (
	"crypto/sha256"
	"fmt"

	"viaduct/internal/money"
)

// Block is one journal message applied: its results and their leaves, the header last. Its memory is
// reused from block to block; whoever keeps a part copies it.
type Block struct {
	Header  Header
	Results []Result
	// Leaves are the leaves' bytes, one per result in order and the header last; LeafHashes their
	// hashes in RFC 6962 form (section 2.1: SHA-256 over 0x00 and the leaf).
	Leaves     [][]byte
	LeafHashes []Hash
	Changes    Changes
	// Faults are what the operator is to be alarmed about: answers of the router that broke a rule.
	Faults []error

	leafBytes []byte
	leafEnds  []int
}

// Header is the last leaf of a block.
type Header struct {
	Network    Hash
	Height     uint64
	Epoch      uint64
	Prev       Hash // SHA-256 of the previous header's bytes
	Message    Hash // of the journal message; of the genesis at height 0
	Time       int64
	Rules      uint16
	State      Hash
	Validators Hash // SHA-256 of the canonical validator set
	Results    uint32
}

// Encode returns the header's canonical bytes.
func (h *Header) Encode() []byte {
	var w writer
	w.tag('V', 'H', 1)
	w.raw(h.Network[:])
	w.u64(h.Height)
	w.u64(h.Epoch)
	w.raw(h.Prev[:])
	w.raw(h.Message[:])
	w.i64(h.Time)
	w.u16(h.Rules)
	w.raw(h.State[:])
	w.raw(h.Validators[:])
	w.u32(h.Results)
	return w.b
}

// Hash returns the hash that the next header names.
func (h *Header) Hash() Hash { return sha256.Sum256(h.Encode()) }

// DecodeHeader reads a header's canonical bytes.
func DecodeHeader(data []byte) (h Header, err error) {
	r := reader{b: data}
	r.tag('V', 'H', 1)
	r.fill(h.Network[:])
	h.Height, h.Epoch = r.u64(), r.u64()
	r.fill(h.Prev[:])
	r.fill(h.Message[:])
	h.Time, h.Rules = r.i64(), r.u16()
	r.fill(h.State[:])
	r.fill(h.Validators[:])
	h.Results = r.u32()
	if !r.done() {
		return Header{}, fmt.Errorf("block header: %w", ErrEncoding)
	}
	return h, nil
}

// Result is what became of one instruction, or (Kind is KindLater) of what an earlier one began. The
// results of the message's instructions come first, in their order, then the later ones.
type Result struct {
	Kind        Kind
	Outcome     Outcome
	Participant BIC // who signed; zero for the operator
	Submission  int // index in the message; -1 for a later result
	Entry       int // index in the submission; -1 for a later result
	// Instruction is the decoded instruction, or nil when its bytes were not canonical; of a later result
	// the one that began what it tells of. It is valid until the next block.
	Instruction Instruction
	Later       Later // what a later result concerns
	// Source and Delivered are what a payment cost the sender and brought the receiver; for
	// PlaceOffer, what was given and what was taken at once.
	Source, Delivered int64
	Moves             []Move
	Postings          []Posting
}

// Move is a Flow told with names that stay: what the leaf holds and what a person reads.
type Move struct {
	Kind FlowKind
	// Holder is whose position the value passes; Asset the position's asset. For a Fill, Holder is
	// the maker, Asset what it gives, Want what it takes, and Offer and Price its offer's.
	Holder  BIC
	Asset   AssetName
	Want    AssetName
	Offer   ID
	Price   money.Ratio
	In, Out int64
}

// Posting is one change of one balance. The postings of a result sum to zero, asset by asset.
type Posting struct {
	Reason  PostingReason
	Pos     PosID
	Holder  BIC
	Asset   AssetName
	Delta   int64
	Balance int64 // after the posting
}

// PostingReason says why a balance changed.
type PostingReason uint8

// The reasons.
const (
	PostTransfer   PostingReason = iota + 1 // between two holders
	PostIssue                               // the issuer's obligation rises
	PostRedemption                          // the issuer's obligation falls
	PostFee                                 // the issuer's transfer fee, redeemed
)

// String returns the reason's word.
func (r PostingReason) String() string {
	return [...]string{"", "transfer", "issue", "redemption", "fee"}[r]
}

// Changes holds the entries a block changed, each once, as they stood at the block's end, in the order
// of the first change. They are copies: a reader needs no lock on the state. The participants,
// assets and purses that an id names never change their BIC, issuer, currency or holder.
type Changes struct {
	Participants []Participant
	Positions    []PositionChange
	Purses       []PurseChange
	Stocks       []StockChange
	// Offers tells of each offer that was placed, filled, or taken off.
	Offers []OfferChange
	// Holds tells of each hold that was placed, and of each that ended.
	Holds []HoldChange
}

// StockChange is a dealer's count after a block, with its name.
type StockChange struct {
	Owner BIC
	Stock
}

// PurseChange is a purse after a block, with its participant's name.
type PurseChange struct {
	ID    PurseID
	Owner BIC
	Purse
}

// PositionChange is a position after a block, with its names.
type PositionChange struct {
	ID     PosID
	Holder BIC
	Name   AssetName
	Position
}

// OfferChange is an offer after a block; Offer.Live is false when it left the book.
type OfferChange struct {
	Offer Offer
	Maker BIC
	Give  AssetName
	Want  AssetName
	// End says why it left: filled, cancelled or expired.
	End OfferEnd
}

// OfferEnd is why an offer left the book.
type OfferEnd uint8

// The ends of an offer.
const (
	OfferStands OfferEnd = iota
	OfferFilled
	OfferCancelled
	OfferLapsed
)

// String returns the offer's status.
func (e OfferEnd) String() string {
	return [...]string{"open", "filled", "cancelled", "expired"}[e]
}

func (b *Block) reset() {
	b.Header = Header{}
	b.Results = b.Results[:0]
	b.Faults = b.Faults[:0]
	b.Leaves = b.Leaves[:0]
	b.LeafHashes = b.LeafHashes[:0]
	b.leafBytes = b.leafBytes[:0]
	b.leafEnds = b.leafEnds[:0]
	c := &b.Changes
	c.Participants, c.Positions, c.Purses, c.Offers = c.Participants[:0], c.Positions[:0], c.Purses[:0], c.Offers[:0]
	c.Holds = c.Holds[:0]
	c.Stocks = c.Stocks[:0]
}

// addLeaf closes the leaf written since the last one.
func (b *Block) addLeaf(leaf []byte) {
	b.leafBytes = leaf
	b.leafEnds = append(b.leafEnds, len(leaf))
}

// seal cuts the leaves and hashes them; the bytes stop moving only here.
func (b *Block) seal() {
	at := 0
	for _, end := range b.leafEnds {
		// Each leaf was written behind one zero byte, RFC 6962's prefix for a leaf.
		b.Leaves = append(b.Leaves, b.leafBytes[at+1:end:end])
		b.LeafHashes = append(b.LeafHashes, sha256.Sum256(b.leafBytes[at:end]))
		at = end
	}
}
