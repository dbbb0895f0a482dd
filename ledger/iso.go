package ledger

// isoReasons holds ISO 20022 ExternalStatusReason1Code codes. Only what can end a payment is in it: a
// line or an offer that is refused has no payment status to report.
var isoReasons = [outcomeEnd]string{
	BadSignature:       "DS0E", // IncorrectSignerCertificate
	UnknownKey:         "DS0E",
	WrongNetwork:       "AG01", // TransactionForbidden
	UnknownParticipant: "RC03", // InvalidDebtorBankIdentifier
	KeyReused:          "DUPL", // DuplicatePayment
	NotAllowed:         "AG01",
	UnknownIssuer:      "RC01", // BankIdentifierIncorrect
	UnknownCurrency:    "CURR", // IncorrectCurrency
	BadAmount:          "AM12", // InvalidAmount
	IDReused:           "DUPL",
	UnknownReceiver:    "RC04", // InvalidCreditorBankIdentifier
	SelfPayment:        "AG01",
	PastNotAfter:       "TM01", // InvalidCutOffTime
	DuplicateUETR:      "DUPL",
	DuplicateMessage:   "DU01", // DuplicateMessageID
	NoAcceptance:       "AM03", // NotAllowedCurrency
	NoFunds:            "AM04", // InsufficientFunds
	NoPath:             "ED05", // SettlementFailed
	Shortfall:          "AM04",
	SendMaxExceeded:    "AM14", // AmountExceedsAgreedLimit
	DeliverMinNotMet:   "AM06", // TooLowAmount
	BelowMinorUnit:     "AM06",
	SearchLimit:        "ED05",
	LineFrozen:         "AC06", // BlockedAccount
	CapExceeded:        "AM13", // AmountExceedsClearingSystemLimit
	BadInstruction:     "FF01", // InvalidFileFormat
	Oversized:          "ED05",
	NotAuthorized:      "AG01",
	UnknownMode:        "FF01",
	RouteFault:         "ED05",
	BatchRefused:       "AG01",
	NoUETR:             "CH21", // RequiredCompulsoryElementMissing
	QueueFull:          "ED05",
	Cancelled:          "DS02", // OrderCancelled
	Expired:            "TM01",
	TermsConflict:      "FF01",
	UnknownQuote:       "AG01",
	PvPMismatch:        "AG01",
	PvPEnded:           "ED05",
	QuoteExpired:       "TM01",
	QuoteUsed:          "DUPL",
	QuoteReleased:      "AG01",
	QuoteMismatch:      "AM12",
}

// ISOReason returns the ISO 20022 status reason of a payment that ended with the outcome, or nothing
// when no payment ends so.
func ISOReason(o Outcome) string {
	if int(o) < len(isoReasons) {
		return isoReasons[o]
	}
	return ""
}
