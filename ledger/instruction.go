package ledger

import (
	"math/big"

	"viaduct/internal/money"
)

// Kind says what an instruction asks for. Numbers never change their meaning.
type Kind uint8

// The kinds of instruction.
const (
	KindAdmit Kind = iota + 1
	KindSetTerms
	KindSetCap
	KindSetKey
	KindSetLine
	KindControlLine
	KindPlaceOffer
	KindCancelOffer
	KindPay
	KindPlaceHold
	KindReleaseHold
	KindSetHoldTerms

	KindCancelPayment  Kind = 13
	KindReorderPayment Kind = 14

	KindSetValidators Kind = 19
	KindSetOperator   Kind = 20
	KindReplaceOffers Kind = 15
	KindSetInventory  Kind = 16
	KindSetRates      Kind = 18
)

// KindLater is the kind of a result that is not of an instruction of its block: see Later. No
// submission can hold it.
const KindLater Kind = 64

var kindNames = [...]string{
	KindAdmit: "admit", KindSetTerms: "set_terms", KindSetCap: "set_cap", KindSetKey: "set_key",
	KindSetLine: "set_line", KindControlLine: "control_line", KindPlaceOffer: "place_offer",
	KindPlaceHold: "place_hold", KindReleaseHold: "release_hold", KindSetHoldTerms: "set_hold_terms",
	KindSetValidators: "set_validators", KindSetOperator: "set_operator",
	KindCancelOffer: "cancel_offer", KindPay: "pay", KindLater: "later",
	KindCancelPayment: "cancel_payment", KindReorderPayment: "reorder_payment",
	KindReplaceOffers: "replace_offers", KindSetInventory: "set_inventory", KindSetRates: "set_rates",
}

// String returns the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return "unknown"
}

// Instruction is one thing a participant asks of the ledger. Pointers to the structs below implement it.
type Instruction interface {
	Kind() Kind
	encode(w *writer)
	decode(r *reader)
}

// Admit admits a participant; only the operator may.
type Admit struct {
	BIC     BIC
	Name    string  // 1 to 140 characters (ISO 20022 Max140Text)
	Country [2]byte // ISO 3166-1 alpha-2
	LEI     string  // ISO 17442, 20 characters, or empty
	Key     [32]byte
}

// SetTerms changes what a participant asks of those who hold its assets. Only the fields whose Set
// flag is true change.
type SetTerms struct {
	SetTransferFee, SetRequireAuthorization, SetFrozen, SetRippleDefault bool
	TransferFee                                                          int64 // parts per billion, 0..Unit
	RequireAuthorization, Frozen, RippleDefault                          bool
}

// SetCap sets a participant's net debit cap in a currency, minor units; NoCap removes it. Only the
// operator may.
type SetCap struct {
	Participant BIC
	Currency    money.Currency
	Cap         int64
}

// SetKey adds or revokes one of the signer's own signing keys; the operator may do it for anyone. The
// last key can't be revoked.
type SetKey struct {
	Participant BIC
	Key         [32]byte
	Revoke      bool
}

// SetLine sets the holder's side of its line in an asset, opening it when there is none.
type SetLine struct {
	Asset      AssetName
	Limit      int64 // minor units; at or above 0
	Ripple     bool
	QualityIn  int64 // parts per billion, 1..Unit
	QualityOut int64 // parts per billion, Unit..2*Unit
}

// ControlLine sets the issuer's side of a holder's line, opening it with limit 0 when there is none,
// so that a holder can be approved beforehand. Only the fields whose Set flag is true change.
type ControlLine struct {
	Holder                   BIC
	Currency                 money.Currency
	SetFrozen, SetAuthorized bool
	Frozen, Authorized       bool
}

// PlaceOffer puts an offer on the book, after it took what crosses it at better prices.
type PlaceOffer struct {
	ID      ID
	Give    AssetName
	Want    AssetName
	Amount  int64 // minor units of Give, transfer fees included
	Price   money.Ratio
	Expires int64 // Unix milliseconds; 0 for never
	Force   TimeInForce
}

// CancelOffer takes an offer of the signer off the book.
type CancelOffer struct {
	ID ID
}

// CancelPayment cancels a payment of the signer that waits.
type CancelPayment struct {
	ID ID
}

// ReorderPayment moves a waiting payment of the signer among those that wait of its sender, and may give it
// another priority: before another one of that priority, or behind them all where Before is zero.
type ReorderPayment struct {
	ID       ID
	Priority Priority
	Before   ID
}

// Mode says which side of a payment is exact.
type Mode uint8

// The modes.
const (
	ExactDeliver Mode = 1 // Amount arrives; Bound is send_max
	ExactSend    Mode = 2 // at most Amount is spent, on the most it can deliver; Bound is deliver_min
	// Covered announces that Amount of Deliver's currency comes by another payment with the same UETR,
	// its cover. Nothing moves for it, so it has no Bound, and Send is as Deliver.
	Covered Mode = 3
)

// UETRKind says which of the messages that share a UETR this is.
type UETRKind uint8

// The kinds of use of a UETR: a cover shares the UETR of the payment it covers and is no duplicate, nor
// is the advice of a payment.
const (
	UETRPayment UETRKind = 1
	UETRCover   UETRKind = 2
	UETRReturn  UETRKind = 3
	UETRAdvice  UETRKind = 4
)

// OnShortfall says what becomes of a payment that cannot settle for want of liquidity.
type OnShortfall uint8

// What a payment may do on a shortfall.
const (
	RefuseOnShortfall OnShortfall = 0
	QueueOnShortfall  OnShortfall = 1 // it waits, until NotAfter at the latest
)

// Priority is a payment's place among those of its sender that wait.
type Priority uint8

// The priorities: what is urgent goes before what is normal, and within one the order is that of arrival.
const (
	Normal Priority = 0
	Urgent Priority = 1
)

// Pay delivers an amount from the signer to a participant.
type Pay struct {
	ID   ID
	To   BIC
	Mode Mode
	// Partial lets an exact delivery settle for less, down to Least.
	Partial bool
	// Send and Deliver name what is spent and what arrives; without an issuer, any asset of the
	// currency will do.
	Send, Deliver AssetName
	Amount, Bound int64
	Least         int64
	NotAfter      int64    // ledger time after which it can never settle; 0 for never
	UETR          [16]byte // RFC 9562 version 4; never zero
	UETRKind      UETRKind
	MessageID     [16]byte // digest of the ISO 20022 MsgId that carried it; zero for none
	Quote         ID       // of the hold that a firm quote made, whose price it takes; zero for none
	OnShortfall   OnShortfall
	Priority      Priority
	PvPWith       ID // the payment of another currency that settles with it or not at all; zero for none
	// Commitment is the salted SHA-256 of the confidential details, which never come here.
	Commitment Hash
}

// Kind methods name each instruction.
func (*Admit) Kind() Kind          { return KindAdmit }
func (*SetTerms) Kind() Kind       { return KindSetTerms }
func (*SetCap) Kind() Kind         { return KindSetCap }
func (*SetKey) Kind() Kind         { return KindSetKey }
func (*SetLine) Kind() Kind        { return KindSetLine }
func (*ControlLine) Kind() Kind    { return KindControlLine }
func (*PlaceOffer) Kind() Kind     { return KindPlaceOffer }
func (*CancelOffer) Kind() Kind    { return KindCancelOffer }
func (*Pay) Kind() Kind            { return KindPay }
func (*CancelPayment) Kind() Kind  { return KindCancelPayment }
func (*ReorderPayment) Kind() Kind { return KindReorderPayment }

func (i *Admit) encode(w *writer) {
	w.raw(i.BIC[:])
	w.name(i.Name)
	w.raw(i.Country[:])
	w.text(i.LEI)
	w.raw(i.Key[:])
}

func (i *Admit) decode(r *reader) {
	i.BIC, i.Name = r.bic(), r.name()
	r.fill(i.Country[:])
	i.LEI = r.text()
	r.fill(i.Key[:])
}

func (i *SetTerms) encode(w *writer) {
	w.bool(i.SetTransferFee)
	w.bool(i.SetRequireAuthorization)
	w.bool(i.SetFrozen)
	w.bool(i.SetRippleDefault)
	w.i64(i.TransferFee)
	w.bool(i.RequireAuthorization)
	w.bool(i.Frozen)
	w.bool(i.RippleDefault)
}

func (i *SetTerms) decode(r *reader) {
	i.SetTransferFee, i.SetRequireAuthorization, i.SetFrozen, i.SetRippleDefault = r.bool(), r.bool(), r.bool(), r.bool()
	i.TransferFee = r.i64()
	i.RequireAuthorization, i.Frozen, i.RippleDefault = r.bool(), r.bool(), r.bool()
}

func (i *SetCap) encode(w *writer) {
	w.raw(i.Participant[:])
	w.u16(uint16(i.Currency))
	w.i64(i.Cap)
}

func (i *SetCap) decode(r *reader) {
	i.Participant, i.Currency, i.Cap = r.bic(), money.Currency(r.u16()), r.i64()
}

func (i *SetKey) encode(w *writer) {
	w.raw(i.Participant[:])
	w.raw(i.Key[:])
	w.bool(i.Revoke)
}

func (i *SetKey) decode(r *reader) {
	i.Participant = r.bic()
	r.fill(i.Key[:])
	i.Revoke = r.bool()
}

func (i *SetLine) encode(w *writer) {
	w.asset(i.Asset)
	w.i64(i.Limit)
	w.bool(i.Ripple)
	w.i64(i.QualityIn)
	w.i64(i.QualityOut)
}

func (i *SetLine) decode(r *reader) {
	i.Asset, i.Limit, i.Ripple, i.QualityIn, i.QualityOut = r.asset(), r.i64(), r.bool(), r.i64(), r.i64()
}

func (i *ControlLine) encode(w *writer) {
	w.raw(i.Holder[:])
	w.u16(uint16(i.Currency))
	w.bool(i.SetFrozen)
	w.bool(i.SetAuthorized)
	w.bool(i.Frozen)
	w.bool(i.Authorized)
}

func (i *ControlLine) decode(r *reader) {
	i.Holder, i.Currency = r.bic(), money.Currency(r.u16())
	i.SetFrozen, i.SetAuthorized, i.Frozen, i.Authorized = r.bool(), r.bool(), r.bool(), r.bool()
}

func (i *PlaceOffer) encode(w *writer) {
	w.raw(i.ID[:])
	w.asset(i.Give)
	w.asset(i.Want)
	w.i64(i.Amount)
	w.i64(i.Price.N)
	w.i64(i.Price.D)
	w.i64(i.Expires)
	w.u8(uint8(i.Force))
}

func (i *PlaceOffer) decode(r *reader) {
	r.fill(i.ID[:])
	i.Give, i.Want, i.Amount = r.asset(), r.asset(), r.i64()
	i.Price.N, i.Price.D, i.Expires = r.i64(), r.i64(), r.i64()
	i.Force = TimeInForce(r.u8())
	r.bad = r.bad || i.Force >= timeInForceEnd
}

func (i *CancelOffer) encode(w *writer) { w.raw(i.ID[:]) }
func (i *CancelOffer) decode(r *reader) { r.fill(i.ID[:]) }

func (i *CancelPayment) encode(w *writer) { w.raw(i.ID[:]) }
func (i *CancelPayment) decode(r *reader) { r.fill(i.ID[:]) }

func (i *ReorderPayment) encode(w *writer) {
	w.raw(i.ID[:])
	w.u8(uint8(i.Priority))
	w.raw(i.Before[:])
}

func (i *ReorderPayment) decode(r *reader) {
	r.fill(i.ID[:])
	i.Priority = Priority(r.u8())
	r.fill(i.Before[:])
}

func (i *Pay) encode(w *writer) {
	w.raw(i.ID[:])
	w.raw(i.To[:])
	w.u8(uint8(i.Mode))
	w.bool(i.Partial)
	w.asset(i.Send)
	w.asset(i.Deliver)
	w.i64(i.Amount)
	w.i64(i.Bound)
	w.i64(i.Least)
	w.i64(i.NotAfter)
	w.raw(i.UETR[:])
	w.u8(uint8(i.UETRKind))
	w.raw(i.MessageID[:])
	w.raw(i.Quote[:])
	w.u8(uint8(i.OnShortfall))
	w.u8(uint8(i.Priority))
	w.raw(i.PvPWith[:])
	w.raw(i.Commitment[:])
}

func (i *Pay) decode(r *reader) {
	r.fill(i.ID[:])
	i.To, i.Mode, i.Partial = r.bic(), Mode(r.u8()), r.bool()
	i.Send, i.Deliver = r.asset(), r.asset()
	i.Amount, i.Bound, i.Least, i.NotAfter = r.i64(), r.i64(), r.i64(), r.i64()
	r.fill(i.UETR[:])
	i.UETRKind = UETRKind(r.u8())
	r.fill(i.MessageID[:])
	r.fill(i.Quote[:])
	i.OnShortfall, i.Priority = OnShortfall(r.u8()), Priority(r.u8())
	r.fill(i.PvPWith[:])
	r.fill(i.Commitment[:])
}

// DecodeInstruction reads an instruction of the kind from its canonical body; false when the kind is
// unknown or the bytes are not canonical.
func DecodeInstruction(kind Kind, body []byte) (Instruction, bool) {
	var i Instruction
	switch kind {
	case KindAdmit:
		i = new(Admit)
	case KindSetTerms:
		i = new(SetTerms)
	case KindSetCap:
		i = new(SetCap)
	case KindSetKey:
		i = new(SetKey)
	case KindSetLine:
		i = new(SetLine)
	case KindControlLine:
		i = new(ControlLine)
	case KindPlaceOffer:
		i = new(PlaceOffer)
	case KindCancelOffer:
		i = new(CancelOffer)
	case KindPay:
		i = new(Pay)
	case KindCancelPayment:
		i = new(CancelPayment)
	case KindReorderPayment:
		i = new(ReorderPayment)
	case KindPlaceHold:
		i = new(PlaceHold)
	case KindReleaseHold:
		i = new(ReleaseHold)
	case KindSetHoldTerms:
		i = new(SetHoldTerms)
	case KindSetValidators:
		i = new(SetValidators)
	case KindSetOperator:
		i = new(SetOperator)
	case KindReplaceOffers:
		i = new(ReplaceOffers)
	case KindSetInventory:
		i = new(SetInventory)
	case KindSetRates:
		i = new(SetRates)
	default:
		return nil, false
	}
	return i, decodeInto(i, body)
}

func decodeInto(i Instruction, body []byte) bool {
	r := reader{b: body}
	i.decode(&r)
	return r.done()
}

// lowest reports whether a ratio is positive and in lowest terms, the one canonical form of a price.
func lowest(p money.Ratio) bool {
	if p.N <= 0 || p.D <= 0 {
		return false
	}
	a, b := p.N, p.D
	for b != 0 {
		a, b = b, a%b
	}
	return a == 1
}

// NewPrice returns n/d in lowest terms, for offers stated as two amounts.
func NewPrice(want, give int64) (money.Ratio, error) {
	return money.NewRatio(big.NewInt(want), big.NewInt(give))
}
