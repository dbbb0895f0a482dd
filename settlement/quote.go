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
	Candidates []fx.Candidate `json:"candidates"` // when there is no path: the nearest routes and what stops each
}
