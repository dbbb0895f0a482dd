package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// Types of event.
const (
	PaymentSettled  = "payment.settled"
	PaymentRejected = "payment.rejected"
	RecallRequested = "recall.requested" // a bank asks for what it paid
	RecallAnswered  = "recall.answered"
	// OfferFilled tells a maker that somebody took from its offer; Payment is then the offer's id.
	OfferFilled = "offer.filled"
)

// Event tells a participant that something of its own is final. Its id follows from its place in the
// chain, so it is the same after the database was built again, and serves as the cursor.
type Event struct {
	ID          string
	Participant ledger.BIC
	Type        string
	Payment     ledger.ID
	Body        []byte // JSON, sent as it is to whoever asks
	Height      uint64
	Time        int64
	Message     ledger.ID // what it passes on; zero for nothing

	place  eventPlace
	sender ledger.BIC
}

// eventPlace is where an event lies in the chain; party tells the events of one result apart.
type eventPlace struct {
	height uint64
	index  int
	party  int
}

// The parties of a payment.
const (
	partySender = iota
	partyReceiver
	partyCovered // and the next one: of a transfer that the result completed with its cover; pairs go on from here
)

// beyondResults is where in a block's place the events begin that no result of it made: they happened
// between this block and the next.
const beyondResults = 1 << 20

func (p eventPlace) String() string { return fmt.Sprintf("evt_%d_%d_%d", p.height, p.index, p.party) }

// parseEvent reads an event's id; the empty text is before all events.
func parseEvent(id string) (p eventPlace, err error) {
	if id == "" {
		return p, nil
	}
	if _, err := fmt.Sscanf(id, "evt_%d_%d_%d", &p.height, &p.index, &p.party); err != nil || p.String() != id || p.height > 1<<62 {
		return p, fmt.Errorf("%w: %.40q", ErrCursor, id)
	}
	return p, nil
}

type eventBody struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      any    `json:"data"`
}

type eventData struct {
	PaymentID string       `json:"payment_id"`
	Status    Status       `json:"status"`
	Code      string       `json:"code,omitempty"`
	Message   string       `json:"message,omitempty"` // the code in words
	ISOReason string       `json:"iso_reason,omitempty"`
	From      string       `json:"from"`
	To        string       `json:"to"`
	Source    *eventAmount `json:"source,omitempty"` // what it cost is the sender's alone to know
	Delivered *eventAmount `json:"delivered,omitempty"`
	UETR      string       `json:"uetr,omitempty"`
	Height    uint64       `json:"height"`
	Index     int          `json:"index"`
}

type eventAmount struct {
	Currency string `json:"currency"`
	Value    string `json:"value"`
	Issuer   string `json:"issuer,omitempty"`
}

func assetAmount(units int64, a ledger.AssetName) *eventAmount {
	return &eventAmount{a.Currency.String(), money.New(units, a.Currency).Value(), a.Issuer.String()}
}

func idText(id ledger.ID) string { return uuid.UUID(id).String() }

// paymentEvents returns what a decided payment tells its parties: a settlement both of them, a refusal
// the sender alone, for its receiver never heard of it. What waits, and what its sender ended or let expire, tells
// nobody anything.
func paymentEvents(p *Payment) []Event {
	place := eventPlace{p.Height, p.Index, partySender}
	switch p.Status {
	case StatusHeld, StatusQueued, StatusCancelled, StatusExpired:
		return nil
	case StatusRejected:
		return []Event{paymentEvent(p, PaymentRejected, place, p.From)}
	}
	events := []Event{paymentEvent(p, PaymentSettled, place, p.From)}
	if p.To != p.From {
		place.party = partyReceiver
		events = append(events, paymentEvent(p, PaymentSettled, place, p.To))
	}
	return events
}

// eventDataOf tells of a payment; what it cost is the sender's alone to know, and a covered transfer
// cost nothing.
func eventDataOf(p *Payment, toSender bool) eventData {
	data := eventData{
		PaymentID: idText(p.ID), Status: p.Status, Code: p.Code, Message: ledger.WordsOf(p.Code), ISOReason: p.ISOReason,
		From: p.From.String(), To: p.To.String(), Height: p.Height, Index: p.Index,
	}
	if p.UETR != ([16]byte{}) {
		data.UETR = uuid.UUID(p.UETR).String()
	}
	if p.Status == StatusSettled {
		data.Delivered = assetAmount(p.Delivered, p.Arrived())
		if toSender && p.Source != 0 {
			data.Source = assetAmount(p.Source, p.Send)
		}
	}
	return data
}

func paymentEvent(p *Payment, kind string, place eventPlace, to ledger.BIC) Event {
	data := eventDataOf(p, to == p.From)
	e := Event{Participant: to, Type: kind, Payment: p.ID, Height: place.height, Time: p.Settled, sender: p.From, place: place}
	e.seal(data)
	return e
}

// seal gives the event its id, and its body, which never changes after.
func (e *Event) seal(data any) {
	e.ID = e.place.String()
	// Strings and numbers alone always marshal.
	e.Body, _ = json.Marshal(eventBody{e.ID, e.Type, time.UnixMilli(e.Time).UTC().Format("2006-01-02T15:04:05.000Z"), data})
}

// writeEvents adds a block's events, and a delivery for each webhook that wants one. A refusal that did
// not decide its payment is no event.
func writeEvents(ctx context.Context, t tx, height uint64, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	n := insertion{into: "events (height, idx, party, participant, type, payment, sender, time, body)"}
	refused := false
	for i := range events {
		e := &events[i]
		n.row(int64(e.place.height), e.place.index, e.place.party, e.Participant.String(), e.Type, e.Payment[:], e.sender.String(), e.Time, e.Body)
		refused = refused || e.Type == PaymentRejected
	}
	if err := n.run(ctx, t); err != nil {
		return err
	}
	if refused {
		if _, err := t.exec(ctx, `DELETE FROM events WHERE height = $1 AND type = 'payment.rejected' AND NOT EXISTS (SELECT 1 FROM payments p
			WHERE p.id = events.payment AND p.sender = events.sender AND p.height = events.height AND p.idx = events.idx)`, int64(height)); err != nil {
			return fmt.Errorf("delete events: %w", err)
		}
	}
	return fanOut(ctx, t, eventPlace{height: height})
}

// Sender returns whose payment the event is about.
func (e *Event) Sender() ledger.BIC { return e.sender }

// tell adds an event that passes a message on, unless its receiver was told before. Its place is behind
// whatever the last block told, and before what the next one will, so that who reads on misses none.
func tell(ctx context.Context, t tx, kind string, message ledger.ID, p Payment, to ledger.BIC, now int64) error {
	// No block is projected meanwhile.
	if _, err := t.exec(ctx, `UPDATE projection SET id = id WHERE id = 1`); err != nil {
		return err
	}
	told, err := list(ctx, t.query, "event", scanValue[int],
		`SELECT 1 FROM events WHERE message = $1 AND length(message) > 0 AND participant = $2`, message[:], to.String())
	if err != nil || len(told) > 0 {
		return err
	}
	place, err := one(ctx, t.query, "place of an event", func(r *sql.Rows, p *eventPlace) error { return r.Scan(&p.height, &p.index) },
		`SELECT p.height, (SELECT COALESCE(MAX(e.idx) + 1, $1) FROM events e WHERE e.height = p.height AND e.idx >= $1) FROM projection p WHERE p.id = 1`,
		beyondResults)
	if err != nil {
		return err
	}
	e := Event{Type: kind, Time: now, place: place}
	e.seal(eventDataOf(&p, to == p.From))
	n := insertion{into: "events (height, idx, party, participant, type, payment, sender, time, body, message)"}
	n.row(int64(place.height), place.index, place.party, to.String(), kind, p.ID[:], p.From.String(), now, e.Body, message[:])
	if err := n.run(ctx, t); err != nil {
		return err
	}
	return fanOut(ctx, t, place)
}

// Events returns a participant's events after one of them, oldest first; after the empty id, from the
// first one.
func (s *Store) Events(ctx context.Context, participant ledger.BIC, after string, limit int) ([]Event, error) {
	p, err := parseEvent(after)
	if err != nil {
		return nil, err
	}
	return list(ctx, s.read, "events", func(r *sql.Rows, e *Event) error { return scanEvent(r, e) },
		`SELECT `+eventColumns+` FROM events e WHERE e.participant = $1 AND (e.height, e.idx, e.party) > ($2, $3, $4)
		ORDER BY e.height, e.idx, e.party LIMIT $5`, participant.String(), int64(p.height), p.index, p.party, limit)
}

const eventColumns = "e.height, e.idx, e.party, e.participant, e.type, e.payment, e.sender, e.time, e.body, e.message"

// scanEvent reads eventColumns, and what stands behind them into more.
func scanEvent(r *sql.Rows, e *Event, more ...any) error {
	err := r.Scan(append([]any{&e.place.height, &e.place.index, &e.place.party, toBIC(&e.Participant), &e.Type, toID(&e.Payment),
		toBIC(&e.sender), &e.Time, &e.Body, toID(&e.Message)}, more...)...)
	e.Height, e.ID = e.place.height, e.place.String()
	return err
}
