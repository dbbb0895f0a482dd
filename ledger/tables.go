package ledger

import "viaduct/internal/money"

// Dense indices into the state's tables. They are assigned in the order of the journal, never reused
// (but for the slots of offers and holds), and the same on every node.
type (
	// PartID is a participant's index.
	PartID int32
	// AssetID is an asset's index.
	AssetID int32
	// PosID is a position's index.
	PosID int32
	// PurseID is the index of one participant's positions in one currency, taken together.
	PurseID int32
	// HoldIdx is the slot of an open hold, reused likewise.
	HoldIdx int32
	// OfferIdx is the slot of a standing offer; slots are reused, last freed first.
	OfferIdx int32
)

// None is the index of nothing.
const None = -1

// Unit is the fixed point of fees and qualities: parts per billion.
const Unit = 1_000_000_000

// Participant is an admitted institution.
type Participant struct {
	BIC     BIC
	Name    string
	LEI     string // 20 characters, or none
	Country [2]byte
	// TransferFee is what the participant charges, as issuer, when its assets move between two
	// holders; parts per billion of what the taker receives, in 0..Unit.
	TransferFee int64
	// RequireAuthorization makes each holder of its assets wait for its approval.
	RequireAuthorization bool
	// Frozen stops moves of its assets between holders; redemption and issue go on.
	Frozen bool
	// RippleDefault is the ripple flag of lines the participant opens from now on.
	RippleDefault bool
	// LongestQuote is the longest time, in milliseconds, that the operator lets its firm quotes stand.
	LongestQuote int64
	// LongestHold is the longest time, in milliseconds, that the participant lets its offers and
	// rippling lines be held; HoldShare is how much of one of its offers one participant may hold at
	// once, in parts per billion of what the offer has left.
	LongestHold, HoldShare int64
	// Keys are the Ed25519 public keys that may sign for the participant, oldest first.
	Keys [][32]byte

	purses []PurseID
	offers []OfferIdx // standing, oldest first
	holds  []HoldIdx  // open, oldest first
	stocks []StockID
}

// Purses returns the participant's purses in the order of their opening.
func (p *Participant) Purses() []PurseID { return p.purses }

// Asset is a claim on Issuer in one currency.
type Asset struct {
	Issuer   PartID
	Currency money.Currency
	Own      PosID // the issuer's position
}

// Position is one participant's stand in one asset: a line, or the issuer's own position.
type Position struct {
	Holder  PartID
	Asset   AssetID
	Purse   PurseID
	Balance int64 // minor units; >= 0 for a line, <= 0 for the issuer's own position
	Limit   int64 // the most the holder accepts; unused for the issuer's own position
	// QualityIn, in 1..Unit: one unit taken into the line by rippling counts for QualityIn/Unit.
	QualityIn int64
	// QualityOut, in Unit..2*Unit: one unit given from the line by rippling costs QualityOut/Unit.
	QualityOut int64
	Own        bool // the issuer's own position
	Ripple     bool // set by the holder: value may pass through the line
	Frozen     bool // set by the issuer: the line may only receive and redeem
	Authorized bool // set by the issuer; asked only where it requires authorisation
	// HeldOut and HeldIn are what open holds will give from the position and bring to it, gross. They
	// are the sums over the holds, and follow from them.
	HeldOut, HeldIn int64
}

// Purse is one participant's positions in one currency.
type Purse struct {
	Participant PartID
	Currency    money.Currency
	Net         int64 // sum of its positions' balances: claims held minus obligations issued
	Cap         int64 // net debit cap: -Net may not exceed it; NoCap when there is none
	Own         PosID // the position in the participant's own asset of the currency, or None
	// HeldOut and HeldIn are the sums of its positions'.
	HeldOut, HeldIn int64

	positions []PosID
}

// NoCap is the Cap of a purse without one.
const NoCap = -1

// Positions returns the purse's positions in the order of their opening.
func (p *Purse) Positions() []PosID { return p.positions }

// Offer is a dealer's standing promise: it gives up to Remaining of Give, x units of it for
// ceil(x*Price.N/Price.D) of Want. Where a transfer fee falls due on what it gives, the x units
// include it: whoever takes pays for it at the offer's price.
type Offer struct {
	ID        ID
	Maker     PartID
	Give      AssetID
	Want      AssetID
	GivePos   PosID // the maker's positions in the two assets
	WantPos   PosID
	Price     money.Ratio
	Remaining int64 // minor units of Give
	Held      int64 // of them, what open holds have reserved; follows from the holds
	// Shown is how much of Remaining the maker's inventory limits let it show: all of it without any. It follows
	// from the tables and is not hashed.
	Shown   int64
	Expires int64  // ledger time in Unix milliseconds; 0 for never
	Seq     uint64 // order of arrival: first in, first out within a price
	// Crossed marks an offer that would close a gainful cycle; it is passed over until it no longer does.
	Crossed bool
	Live    bool // the slot is in use
}

// The read side, for the path search, the projection and the tests. Slices are the state's own:
// read them only between messages, and never write.

// Participants returns the table of participants.
func (s *State) Participants() []Participant { return s.participants }

// Assets returns the table of assets.
func (s *State) Assets() []Asset { return s.assets }

// Positions returns the table of positions.
func (s *State) Positions() []Position { return s.positions }

// PurseTable returns the table of purses.
func (s *State) PurseTable() []Purse { return s.purses }

// Stocks returns the table of dealers' counts.
func (s *State) Stocks() []Stock { return s.stocks }

// Offers returns the offers' slots; a slot that is not Live is free.
func (s *State) Offers() []Offer { return s.offers }

// Time returns the ledger's time, Unix milliseconds: the time of the last message applied.
func (s *State) Time() int64 { return s.time }

// Height returns the height of the last message applied; the genesis is 0.
func (s *State) Height() uint64 { return s.height }

// FindParticipant returns the index of bic, or None.
func (s *State) FindParticipant(bic BIC) PartID {
	if id, ok := s.byBIC[bic]; ok {
		return id
	}
	return None
}

// FindAsset returns the index of the asset, or None.
func (s *State) FindAsset(name AssetName) AssetID {
	issuer := s.FindParticipant(name.Issuer)
	if issuer == None {
		return None
	}
	if purse := s.findPurse(issuer, name.Currency); purse != None {
		if own := s.purses[purse].Own; own != None {
			return s.positions[own].Asset
		}
	}
	return None
}

// FindPosition returns the index of holder's position in asset, or None.
func (s *State) FindPosition(holder PartID, asset AssetID) PosID {
	if id, ok := s.byHolding[pair(int32(holder), int32(asset))]; ok {
		return id
	}
	return None
}

// FindPurse returns the index of the participant's purse in the currency, or None.
func (s *State) FindPurse(p PartID, c money.Currency) PurseID { return s.findPurse(p, c) }

// FindOffer returns the slot of a standing offer, or None.
func (s *State) FindOffer(id ID) OfferIdx {
	if i, ok := s.byOffer[id]; ok {
		return i
	}
	return None
}

// AssetName returns the written form of an asset.
func (s *State) AssetName(a AssetID) AssetName {
	asset := &s.assets[a]
	return AssetName{asset.Currency, s.participants[asset.Issuer].BIC}
}

func (s *State) findPurse(p PartID, c money.Currency) PurseID {
	if id, ok := s.byPurse[pair(int32(p), int32(c))]; ok {
		return id
	}
	return None
}

func pair(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

// Book returns the offers that give one asset for another, best price first, then oldest.
func (s *State) Book(give, want AssetID) []OfferIdx { return s.books[pair(int32(give), int32(want))] }

// What a position may do, apart from amounts. The rules are written here once; the path search asks
// them, and so does the check of every plan.

// CanTake says whether the position accepts more of its asset at all: the issuer's own always does
// (that is redemption), a line when its issuer does not require authorisation or gave it.
func (s *State) CanTake(p PosID) bool {
	pos := &s.positions[p]
	return pos.Own || pos.Authorized || !s.issuerOf(pos).RequireAuthorization
}

// CanGive says whether the position may give its asset to another holder: neither the line nor the
// issuer's assets are frozen, and the holder is authorised where that is required. Without it, the
// position may still redeem in payments whose receiver is the issuer. The issuer may always issue.
func (s *State) CanGive(p PosID) bool {
	pos := &s.positions[p]
	if pos.Own {
		return true
	}
	issuer := s.issuerOf(pos)
	return !pos.Frozen && !issuer.Frozen && (pos.Authorized || !issuer.RequireAuthorization)
}

// Available returns how much the position can give: a line's balance; for an issuer, as much as
// leaves its obligation representable; in both cases without what holds have reserved. A net debit
// cap is the purse's matter: see PurseRoom.
func (s *State) Available(p PosID) int64 {
	pos := &s.positions[p]
	if pos.Own {
		return pos.Balance + MaxUnits - pos.HeldOut
	}
	return pos.Balance - pos.HeldOut
}

// Headroom returns how much the position can still take: limit minus balance for a line, all it has
// issued for the issuer's own position; in both cases without what holds will bring.
func (s *State) Headroom(p PosID) int64 {
	pos := &s.positions[p]
	if pos.Own {
		return -pos.Balance - pos.HeldIn
	}
	return max(0, pos.Limit-pos.Balance-pos.HeldIn)
}

// PurseRoom returns how much the purse may give, gross, within its net debit cap and besides what holds
// will give; MaxUnits without a cap.
func (s *State) PurseRoom(p PurseID) int64 {
	purse := &s.purses[p]
	if purse.Cap == NoCap {
		return MaxUnits
	}
	return max(0, purse.Cap+purse.Net-purse.HeldOut)
}

// Ripples says whether the holder lets value pass through the line; while a hold is sought, whether it
// may for that hold.
func (s *State) Ripples(p PosID) bool {
	pos := &s.positions[p]
	return pos.Ripple && !s.narrowed.still[pos.Holder]
}

// OfferRoom returns how much of an offer can be taken: what is left of it and not held, within what its maker's
// inventory limits let it show; while a hold is sought, what its maker lets that hold have.
func (s *State) OfferRoom(o OfferIdx) int64 {
	room := min(s.offers[o].Shown, s.offers[o].Remaining-s.offers[o].Held)
	if most, ok := s.narrowed.rooms[o]; ok {
		return min(room, most)
	}
	return room
}

// Fillable says whether an offer stands, is not held whole, and may be hit at the ledger's time, apart
// from its funds.
func (s *State) Fillable(o OfferIdx) bool {
	offer := &s.offers[o]
	return offer.Live && !offer.Crossed && (offer.Expires == 0 || offer.Expires > s.time) && s.OfferRoom(o) > 0
}

func (s *State) issuerOf(pos *Position) *Participant {
	return &s.participants[s.assets[pos.Asset].Issuer]
}
