package ledger

// words say each outcome to a person.
var words = [outcomeEnd]string{
	Applied:            "applied",
	BadSignature:       "the signature does not verify",
	WrongNetwork:       "signed for another network",
	UnknownParticipant: "the signer is not admitted",
	UnknownKey:         "the key is not one of the participant's",
	Repeated:           "the same request was decided before",
	KeyReused:          "the key was used for another request",
	NotAllowed:         "only the operator, or the asset's issuer, may do this",
	ParticipantExists:  "the participant is admitted already",
	BadParticipant:     "the name, country, LEI or key is out of bounds",
	BadFee:             "a fee or quality is out of bounds",
	TooManyKeys:        "the participant has as many signing keys as it may",
	UnknownIssuer:      "the asset's issuer is not admitted",
	UnknownCurrency:    "the network does not settle the currency",
	OwnAsset:           "an issuer keeps no line in its own asset",
	BadLimit:           "the limit is out of bounds",
	BadAmount:          "the amount is out of bounds",
	BadPrice:           "the price is out of bounds",
	SameAsset:          "an offer gives one asset for another",
	NoLine:             "the maker keeps no line to take or to give the asset",
	IDReused:           "the id was used before",
	OfferExpired:       "the offer's last moment has passed",
	UnknownOffer:       "the participant has no such offer",
	TooManyOffers:      "the participant has as many offers as it may",
	UnknownReceiver:    "the receiver is not admitted",
	SelfPayment:        "a participant does not pay itself in one currency",
	PastNotAfter:       "the ledger's time is past not_after",
	DuplicateUETR:      "the sender used this UETR before",
	DuplicateMessage:   "the sender used this message id before",
	NoAcceptance:       "the receiver accepts no such asset",
	NoFunds:            "the sender has nothing of what it would send",
	NoPath:             "no route leads there, whatever the amount",
	Shortfall:          "the routes there are do not carry so much",
	SendMaxExceeded:    "the cheapest route costs more than send_max",
	DeliverMinNotMet:   "what is sent brings less than deliver_min",
	BelowMinorUnit:     "the amount is too small to move along any route",
	SearchLimit:        "the split takes more steps than the rules allow; ask for less",
	LineFrozen:         "all that the sender could send is frozen",
	CapExceeded:        "the sender's net debit cap leaves it nothing to send",
	BadInstruction:     "the instruction's bytes are not canonical",
	Oversized:          "the route takes more hops than one result has room for; ask for less",
	NotAuthorized:      "an issuer has not approved the sender or the receiver",
	UnknownMode:        "neither an exact delivery nor an exact send",
	RouteFault:         "the search broke a rule; nothing was posted, and the operator knows",
	NoUETR:             "the payment has no UETR to tell it from others",
	Queued:             "it waits for liquidity, or for the payment it is linked to",
	QueueFull:          "as many payments wait as may",
	Cancelled:          "its sender cancelled it while it waited",
	Expired:            "it waited until its not_after",
	UnknownPayment:     "the participant has no such payment waiting",
	TermsConflict:      "what the payment asks for excludes each other",
	UnknownQuote:       "the participant has no such firm quote",
	PvPMismatch:        "the linked payment does not name this one, or is not of another currency",
	PvPEnded:           "the linked payment came to nothing",
	QuoteExpired:       "the firm quote's time has passed",
	QuoteUsed:          "the firm quote was used by another payment",
	QuoteReleased:      "the firm quote was given back, or a payment on it refused",
	QuoteMismatch:      "the payment is not the one that was quoted",
	BadTTL:             "the time to hold is out of bounds",
	BadShare:           "the share is out of bounds",
	TooManyHolds:       "the participant holds as many firm quotes as it may",
	BatchRefused:       "another payment of its batch was refused, and all or none were asked for",
	ChangePending:      "the change announced before has not taken effect yet",
	StaleChange:        "the change's number is not the next one",
	BadValidators:      "not a set of validators, or the present one, or the delay is out of bounds",
	NotApproved:        "not signed by a quorum of the present validators",
	KeyNotProven:       "a new key's own signature is missing or wrong",
	WouldCross:         "the offer is to be passive, and would take what stands",
	NotFilled:          "what stands does not fill all of the offer now",
	LadderCrosses:      "two levels of the ladder cross each other",
	TooManyLimits:      "the participant has as many inventory limits as it may",
	StaleRates:         "the rates are no newer than those in use, or of a time to come",
}

// Words says the outcome to a person. The slug is what a program reads.
func (o Outcome) Words() string {
	if int(o) < len(words) {
		return words[o]
	}
	return o.String()
}

// WordsOf says the outcome with a slug to a person; nothing for what is no outcome's slug.
func WordsOf(slug string) string {
	for o, s := range slugs {
		if s == slug {
			return words[o]
		}
	}
	return ""
}
