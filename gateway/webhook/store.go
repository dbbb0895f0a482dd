package webhook

import (
	"context"
	"time"
)

// Endpoint is where a participant wants its events sent.
type Endpoint struct {
	ID   string
	URL  string
	Keys Keys
}

// Delivery is one event on its way to one endpoint. It is pending until an Attempt ends it.
type Delivery struct {
	// Seq is the store's key; it grows in the order in which the events happened.
	Seq int64
	// EventID is the same in each attempt and at each endpoint: by it a receiver knows a repeat.
	EventID string
	// Subject is what order is kept for: the payment's id.
	Subject string
	// Body is the event as it is sent, byte for byte.
	Body []byte
	// Attempts counts the attempts recorded so far.
	Attempts int
	// Claim is the end of the claim under which the delivery was handed out.
	Claim time.Time
	// Trace is the traceparent that the attempt sends along, and TraceParent the one above it; both empty
	// when the event is not traced.
	Trace, TraceParent string
}

// Outcome is what an attempt means for its delivery.
type Outcome uint8

// The outcomes. Their numbers are stored and never change meaning.
const (
	Delivered Outcome = iota + 1 // the endpoint took it
	Retry                        // pending still, due again at Attempt.Due
	Failed                       // given up: it was the last attempt
	Gone                         // given up, and the endpoint disabled: it answered 410
)

// String returns the outcome's name.
func (o Outcome) String() string {
	switch o {
	case Delivered:
		return "delivered"
	case Retry:
		return "retry"
	case Failed:
		return "failed"
	case Gone:
		return "gone"
	}
	return "unknown"
}

// Attempt is one try at a delivery, for the delivery log.
type Attempt struct {
	Seq     int64     // the delivery's
	Claim   time.Time // the delivery's, as it was handed out
	Number  int       // from 1
	At      time.Time // when it began
	Took    time.Duration
	Status  int    // the HTTP status, 0 when there was no answer
	Reason  string // why it was not delivered, one of a few fixed texts; never what our network said
	Outcome Outcome
	Due     time.Time // when the next attempt is due, for Retry
	// Delivery is what was attempted.
	Delivery *Delivery
}

// Store keeps endpoints and deliveries durably. Times are exact to the millisecond.
//
// A pending delivery is due at a time when its due time has come, its endpoint is enabled, and no
// delivery of the same endpoint and subject with a smaller Seq is pending. A new delivery's due time is
// the time at which it is stored. webhooktest.Run says the same as tests.
type Store interface {
	// Endpoints returns the ids of at most limit endpoints that have something due at now, the one
	// that has been due longest first; and the earliest due time after now among the pending
	// deliveries of enabled endpoints, zero when there is none.
	Endpoints(ctx context.Context, now time.Time, limit int) (ids []string, next time.Time, err error)

	// Claim returns at most limit of the endpoint's due deliveries, smallest Seq first, and in the same
	// transaction moves the due time of each to until, which it sets as Delivery.Claim. So nobody else
	// gets them, and nothing later of their subjects, before until; and if no Record follows because
	// the claimer died, they are due again then. An endpoint that is unknown or disabled has none.
	Claim(ctx context.Context, endpoint string, now, until time.Time, limit int) (Endpoint, []Delivery, error)

	// Record logs the attempt and, in the same transaction, applies its outcome if the delivery is
	// still pending and its due time still is Attempt.Claim: its Attempts becomes Attempt.Number and it
	// is delivered, failed, or due again. If the claim lapsed and somebody else has the delivery now,
	// only Delivered is applied. Gone also disables the endpoint, whose other deliveries stay pending.
	// Recording the same Attempt (Seq, Claim) twice is harmless and logs it once.
	Record(ctx context.Context, a Attempt) error
}
