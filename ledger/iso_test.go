package ledger

import (
	"regexp"
	"testing"
)

func TestISOReason(t *testing.T) {
	code := regexp.MustCompile(`^[A-Z0-9]{4}$`) // ExternalStatusReason1Code is of 1 to 4 characters, all in use have 4
	noPayment := map[Outcome]bool{
		Applied: true, Repeated: true, ParticipantExists: true, BadParticipant: true, BadFee: true, TooManyKeys: true,
		OwnAsset: true, BadLimit: true, BadPrice: true, SameAsset: true, NoLine: true, OfferExpired: true,
		WouldCross: true, NotFilled: true, LadderCrosses: true, TooManyLimits: true, StaleRates: true,
		ChangePending: true, StaleChange: true, BadValidators: true, NotApproved: true, KeyNotProven: true,
		UnknownOffer: true, TooManyOffers: true, BadTTL: true, BadShare: true, TooManyHolds: true, Queued: true, UnknownPayment: true,
	}
	for _, o := range Outcomes() {
		got := ISOReason(o)
		if noPayment[o] != (got == "") || got != "" && !code.MatchString(got) {
			t.Errorf("ISOReason(%s) = %q, ends a payment: %v", o, got, !noPayment[o])
		}
	}
	if got := ISOReason(outcomeEnd); got != "" {
		t.Errorf("ISOReason of no outcome = %q", got)
	}
}

func TestEveryOutcomeHasWords(t *testing.T) {
	said := map[string]Outcome{}
	for _, o := range Outcomes() {
		text := o.Words()
		if text == "" || text != WordsOf(o.String()) {
			t.Errorf("%s: %q, by its slug %q", o, text, WordsOf(o.String()))
		}
		if other, twice := said[text]; twice {
			t.Errorf("%s and %s are both %q", o, other, text)
		}
		said[text] = o
	}
	if got := WordsOf("no such slug"); got != "" {
		t.Errorf("no slug is %q", got)
	}
}
