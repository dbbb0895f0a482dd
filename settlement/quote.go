package settlement

import (
	"viaduct/fx"
	"viaduct/ledger"
)

// QuoteRequest asks what a payment would cost now. Nothing is reserved.
type QuoteRequest struct {
	From ledger.BIC `json:"from"`
	To   ledger.BIC `json:"to"`
	// Send narrows what is spent: an asset, a currency, or (zero) every currency that the sender has
	// a balance in or may issue. An exact send must name a currency.
	Send      ledger.AssetName `json:"send"`
	Deliver   ledger.AssetName `json:"deliver"` // at least the currency
	Amount    int64            `json:"amount"`  // of Deliver; of Send for an exact send
	ExactSend bool             `json:"exact_send"`
	Limits    fx.Limits        `json:"limits"`
	// WhatIf asks about a market that is not; its zero about the one that is.
	WhatIf fx.WhatIf `json:"what_if,omitzero"`
}

// QuoteAnswer holds one option per way of paying, in the order of the sender's currencies.
type QuoteAnswer struct {
	Height  uint64        `json:"height"` // the block the quote is true at
	Options []QuoteOption `json:"options"`
}

// QuoteOption is one way of paying, or why it is none.
type QuoteOption struct {
	Send    ledger.AssetName `json:"send"`
	Outcome ledger.Outcome   `json:"outcome"`
	// Source and Delivered are the totals; when the outcome is a shortfall, of what could be had.
	Source     int64          `json:"source"`
	Delivered  int64          `json:"delivered"`
	Paths      []fx.Path      `json:"paths"`
	BestFound  bool           `json:"best_found"` // a limit stood in the way: it may not be the cheapest there is
	Candidates []fx.Candidate `json:"candidates"` // when there is no path: the nearest routes and what stops each
}

// Fillable tells how much of standing offers can be had now.
type Fillable struct {
	Height uint64          `json:"height"` // the block it is true at
	Offers []FillableOffer `json:"offers"` // in the order they were asked for
}

// FillableOffer is what anyone can have of an offer now, at most.
type FillableOffer struct {
	Units int64 `json:"units"` // of what it gives; zero when it no longer stands
	// Bounds are what keeps the offer from being had whole, by whoever takes it. A maker whose asset is
	// frozen can still give it to the issuer.
	Bounds []fx.Bound `json:"bounds"`
}

// question is one question about the market: the field that is set.
type question struct {
	Quote    *QuoteRequest `json:"quote,omitempty"`
	Fillable []ledger.ID   `json:"fillable,omitempty"`
	Hops     bool          `json:"hops,omitempty"`
	After    *uint64       `json:"after,omitempty"` // what the blocks after this one touched
}

// hops are the participants that a route can lead through: who makes offers or lets value ripple. A
// participant that is none of these matters to its own payments only.
type hops struct {
	Height   uint64       `json:"height"`
	Names    []ledger.BIC `json:"names"`
	Expiries []int64      `json:"expiries"` // ledger times at which offers lapse, the earliest, ascending
	More     bool         `json:"more"`     // others lapse after the last of Expiries
}

// touched is what consecutive blocks did to the market.
type touched struct {
	Height uint64 `json:"height"` // of the last of them
	Time   int64  `json:"time"`
	// Market means that offers, terms or caps changed, or that value passed through hops.
	Market   bool         `json:"market"`
	Names    []ledger.BIC `json:"names"` // whose positions changed otherwise
	Hops     []ledger.BIC `json:"hops"`  // who may be a hop from now on
	Expiries []int64      `json:"expiries"`
}
