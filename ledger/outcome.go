package ledger

import "fmt"

// Outcome is what became of an instruction: Applied or the reason it was refused. A number never
// changes its meaning; new ones are added at the end.
type Outcome uint16

// The outcomes, in the order in which the checks run within their group.
const (
	Applied Outcome = iota

	// The submission: one of these is the outcome of all its instructions.
	BadSignature       // the signature does not verify
	WrongNetwork       // signed for another network
	UnknownParticipant // the signer's BIC is not admitted
	UnknownKey         // the key is not one of the participant's
	Repeated           // same key, same content, seen before: the first answer stands
	KeyReused          // same key, other content

	// Participants.
	NotAllowed        // only the operator, or the asset's issuer, may do this
	ParticipantExists // already admitted
	BadParticipant    // name, country, LEI or key out of bounds
	BadFee            // a fee or quality out of bounds
	TooManyKeys       // a participant keeps at most MaxKeys signing keys

	// Lines.
	UnknownIssuer   // the asset's issuer is not admitted
	UnknownCurrency // not in the genesis currency table
	OwnAsset        // an issuer keeps no line in its own asset
	BadLimit        // a limit below zero

	// Offers.
	BadAmount     // an amount out of bounds
	BadPrice      // a price out of bounds
	SameAsset     // gives and wants one asset
	NoLine        // the maker keeps no line to take or to give the asset
	IDReused      // the id was used before
	OfferExpired  // expires at or before the ledger's time
	UnknownOffer  // no such offer of this participant
	TooManyOffers // a participant keeps at most MaxOffers

	// Payments.
	UnknownReceiver  // the receiver is not admitted
	SelfPayment      // to oneself in the same currency
	PastNotAfter     // the ledger's time is past not_after
	DuplicateUETR    // the participant sent this UETR before
	DuplicateMessage // the participant sent this message id before
	NoAcceptance     // the receiver accepts no such asset
	NoFunds          // the sender has nothing of what it would send
	NoPath           // no route, whatever the amount
	Shortfall        // a route, but not enough of it for this amount
	SendMaxExceeded  // the route costs more than send_max
	DeliverMinNotMet // the route delivers less than deliver_min
	BelowMinorUnit   // the amount is too small to move along any route
	SearchLimit      // the route takes more augmentations than the rules allow
	LineFrozen       // every asset the sender could send is frozen
	CapExceeded      // the net debit cap refuses every asset the sender could issue
	BadInstruction   // the instruction's bytes are not canonical
	Oversized        // the outcome would exceed MaxLeaf bytes
	NotAuthorized    // the issuer has not authorised the holder
	UnknownMode      // neither exact deliver nor exact send
	RouteFault       // the router broke a rule: a fault of the program, nothing was posted
	BatchRefused     // another payment of its submission of all or none was refused
	NoUETR           // the payment has no UETR, by which it could be told from others

	// The network.
	ChangePending // the change before it has not taken effect yet
	StaleChange   // its number is not the next one
	BadValidators // not a set of validators, or the present one, or a height out of bounds
	NotApproved   // not signed by a quorum of the present validators
	KeyNotProven  // a new key's signature is missing or wrong
	// What waits. Queued is the first result of a payment; how it ended is told by a later one.
	Queued         // it waits for liquidity, or for the payment it is linked to
	QueueFull      // the participant, or the ledger, keeps as many waiting payments as it may
	Cancelled      // its sender cancelled it while it waited
	Expired        // it waited until its not_after
	UnknownPayment // the participant has no such payment waiting
	TermsConflict  // what the payment asks for excludes each other
	UnknownQuote   // the participant has no such firm quote
	PvPMismatch    // the payment it is linked to is not linked to it, or not of another currency
	PvPEnded       // the payment it is linked to came to nothing

	// Offers, again.
	WouldCross    // a passive offer would take what stands
	NotFilled     // what stands does not fill all of an offer that is to be filled at once
	LadderCrosses // two levels of one ladder cross each other
	// Firm quotes.
	QuoteExpired  // its hold ended by itself before the payment
	QuoteUsed     // another payment took it
	QuoteReleased // it was given back, or refused for a freeze, an authorisation or a not_after
	QuoteMismatch // the payment is not the one that was quoted
	BadTTL        // a time to hold out of bounds
	BadShare      // a share out of bounds
	TooManyHolds  // a participant keeps at most MaxHolds

	// Dealers and rates.
	TooManyLimits // a participant keeps at most MaxStocks
	StaleRates    // rates that are no newer than those in use, or of a time to come
	outcomeEnd
)

var slugs = [...]string{
	Applied: "applied", BadSignature: "bad_signature", WrongNetwork: "wrong_network",
	UnknownParticipant: "unknown_participant", UnknownKey: "unknown_signing_key", Repeated: "repeated",
	KeyReused: "idempotency_key_reused", NotAllowed: "not_allowed", ParticipantExists: "participant_exists",
	BadParticipant: "bad_participant", BadFee: "bad_fee", TooManyKeys: "too_many_keys",
	UnknownIssuer: "unknown_issuer", UnknownCurrency: "unknown_currency", OwnAsset: "own_asset",
	BadLimit: "bad_limit", BadAmount: "bad_amount", BadPrice: "bad_price", SameAsset: "same_asset",
	NoLine: "no_line", IDReused: "id_reused", OfferExpired: "offer_expired", UnknownOffer: "unknown_offer",
	TooManyOffers: "too_many_offers", UnknownReceiver: "unknown_receiver", SelfPayment: "self_payment",
	PastNotAfter: "past_not_after", DuplicateUETR: "duplicate_uetr", DuplicateMessage: "duplicate_message",
	NoAcceptance: "not_accepted_by_receiver", NoFunds: "no_funds", NoPath: "no_path", Shortfall: "shortfall",
	SendMaxExceeded: "send_max_exceeded", DeliverMinNotMet: "deliver_min_not_met",
	BelowMinorUnit: "below_minor_unit", SearchLimit: "search_limit", LineFrozen: "line_frozen",
	CapExceeded: "net_debit_cap_exceeded", BadInstruction: "bad_instruction", Oversized: "oversized",
	NotAuthorized: "not_authorized", UnknownMode: "unknown_mode",
	RouteFault: "route_fault", BatchRefused: "batch_refused", NoUETR: "no_uetr",
	ChangePending: "change_pending", StaleChange: "stale_change", BadValidators: "bad_validators",
	NotApproved: "not_approved", KeyNotProven: "key_not_proven",
	Queued: "queued", QueueFull: "queue_full", Cancelled: "cancelled", Expired: "expired",
	UnknownPayment: "unknown_payment", TermsConflict: "terms_conflict", UnknownQuote: "unknown_quote",
	PvPMismatch: "pvp_mismatch", PvPEnded: "pvp_ended",
	WouldCross: "would_cross", NotFilled: "not_filled", LadderCrosses: "ladder_crosses", TooManyLimits: "too_many_limits", StaleRates: "stale_rates",
	QuoteExpired: "quote_expired", QuoteUsed: "quote_used", QuoteReleased: "quote_released",
	QuoteMismatch: "quote_mismatch", BadTTL: "bad_ttl", BadShare: "bad_share", TooManyHolds: "too_many_holds",
}

// String returns the outcome's slug, the code that callers see.
func (o Outcome) String() string {
	if int(o) < len(slugs) {
		return slugs[o]
	}
	return fmt.Sprintf("outcome_%d", uint16(o))
}

// Outcomes returns every outcome, for tables that must be complete.
func Outcomes() []Outcome {
	all := make([]Outcome, outcomeEnd)
	for i := range all {
		all[i] = Outcome(i)
	}
	return all
}
