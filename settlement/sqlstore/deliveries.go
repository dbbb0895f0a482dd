package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"viaduct/ledger"
)

// Delivery is one event on its way to one webhook.
type Delivery struct {
	Seq      int64 // grows in the order of the events
	Webhook  ledger.ID
	Event    Event
	State    string // DeliveryPending, DeliveryDelivered or DeliveryFailed
	Attempts int
	Due      int64 // when pending: next attempt, or the end of the claim on it
}

// The states of a delivery.
const (
	DeliveryPending   = "pending"
	DeliveryDelivered = "delivered"
	DeliveryFailed    = "failed"
)

// Subject returns what order is kept for: the event's payment, among those of its sender.
func (d *Delivery) Subject() string {
	return d.Event.sender.String() + fmt.Sprintf("/%x", d.Event.Payment)
}

// AttemptOutcome is what an attempt means for its delivery; the numbers are stored.
type AttemptOutcome uint8

// The outcomes of an attempt.
const (
	AttemptDelivered AttemptOutcome = iota + 1
	AttemptRetry                    // pending still, due again at Attempt.Due
	AttemptFailed                   // given up
	AttemptGone                     // given up, and the webhook disabled
)

// Attempt is one try at a delivery.
type Attempt struct {
	Seq     int64 // the delivery's
	Claim   int64 // the end of the claim it was made under
	Number  int   // from 1
	At      int64
	Took    int64 // milliseconds
	Status  int   // HTTP; 0 without an answer
	Reason  string
	Outcome AttemptOutcome
	Due     int64 // for AttemptRetry
}

// pendingFirst holds for a delivery d before which nothing of its webhook and payment is pending.
const pendingFirst = `d.state = 'pending' AND NOT EXISTS (SELECT 1 FROM deliveries f WHERE f.webhook = d.webhook
	AND f.payment = d.payment AND f.sender = d.sender AND f.state = 'pending' AND f.seq < d.seq)`

// DueWebhooks returns the webhooks that are on and have a delivery due, the longest due first, and
// when the next pending delivery after now falls due, 0 for none.
func (s *Store) DueWebhooks(ctx context.Context, now int64, limit int) (ids []ledger.ID, next int64, err error) {
	ids, err = list(ctx, s.read, "due deliveries", func(r *sql.Rows, id *ledger.ID) error { return r.Scan(toID(id)) },
		`SELECT w.id FROM deliveries d JOIN webhooks w ON w.id = d.webhook
		WHERE w.disabled = 0 AND d.due <= $1 AND `+pendingFirst+` GROUP BY w.id ORDER BY MIN(d.due), w.id LIMIT $2`, now, limit)
	if err != nil {
		return nil, 0, err
	}
	next, err = one(ctx, s.read, "due deliveries", scanValue[int64],
		`SELECT COALESCE(MIN(d.due), 0) FROM deliveries d JOIN webhooks w ON w.id = d.webhook
		WHERE w.disabled = 0 AND d.state = 'pending' AND d.due > $1`, now)
	return ids, next, err
}

// ClaimDeliveries hands out at most limit due deliveries of a webhook, the smallest Seq first, and
// moves their due time to until: nobody else gets them before. A webhook that is off has none.
func (s *Store) ClaimDeliveries(ctx context.Context, webhook ledger.ID, now, until int64, limit int) (w Webhook, claimed []Delivery, err error) {
	err = s.writer.do(ctx, func(ctx context.Context, t tx) error {
		found, err := list(ctx, t.query, "webhook", scanWebhook, `SELECT `+webhookColumns+` FROM webhooks w WHERE w.id = $1 AND w.disabled = 0`, webhook[:])
		if err != nil || len(found) == 0 {
			w, claimed = Webhook{}, nil
			return err
		}
		// Another dispatcher may be at the same rows: whoever comes second sees the first one's due time.
		taken, err := list(ctx, t.query, "claim", scanValue[int64],
			`UPDATE deliveries SET due = $1 WHERE state = 'pending' AND due <= $2 AND seq IN (SELECT d.seq FROM deliveries d
				WHERE d.webhook = $3 AND d.due <= $2 AND `+pendingFirst+` ORDER BY d.seq LIMIT $4) RETURNING seq`, until, now, webhook[:], limit)
		if err != nil {
			return err
		}
		w, claimed = found[0], make([]Delivery, 0, len(taken))
		for _, seq := range taken {
			d, err := one(ctx, t.query, "delivery", scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries d
				JOIN events e ON e.height = d.height AND e.idx = d.idx AND e.party = d.party WHERE d.seq = $1`, seq)
			if err != nil {
				return err
			}
			claimed = append(claimed, d)
		}
		return nil
	})
	if err != nil {
		return Webhook{}, nil, fmt.Errorf("claim deliveries: %w", err)
	}
	slices.SortFunc(claimed, func(a, b Delivery) int { return cmp.Compare(a.Seq, b.Seq) })
	return w, claimed, nil
}

const deliveryColumns = eventColumns + ", d.seq, d.webhook, d.state, d.attempts, d.due"

func scanDelivery(r *sql.Rows, d *Delivery) error {
	return scanEvent(r, &d.Event, &d.Seq, toID(&d.Webhook), &d.State, &d.Attempts, &d.Due)
}

// RecordAttempt logs an attempt, once, and applies its outcome if the delivery is still pending under
// the attempt's claim; if the claim lapsed, only a delivery that came about counts.
func (s *Store) RecordAttempt(ctx context.Context, a Attempt) error {
	err := s.writer.do(ctx, func(ctx context.Context, t tx) error {
		if _, err := t.exec(ctx, `INSERT INTO delivery_attempts (seq, claim, number, at, took, status, reason, outcome, due)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (seq, claim) DO NOTHING`,
			a.Seq, a.Claim, a.Number, a.At, a.Took, a.Status, a.Reason, int64(a.Outcome), a.Due); err != nil {
			return err
		}
		state, due := DeliveryFailed, a.Claim
		switch a.Outcome {
		case AttemptDelivered:
			state = DeliveryDelivered
		case AttemptRetry:
			state, due = DeliveryPending, a.Due
		}
		n, err := t.exec(ctx, `UPDATE deliveries SET state = $1, attempts = $2, due = $3
			WHERE seq = $4 AND state = 'pending' AND (due = $5 OR $6)`, state, a.Number, due, a.Seq, a.Claim, a.Outcome == AttemptDelivered)
		if err != nil || n == 0 || a.Outcome != AttemptGone {
			return err
		}
		_, err = t.exec(ctx, `UPDATE webhooks SET disabled = $1, reason = $2 WHERE id = (SELECT webhook FROM deliveries WHERE seq = $3)`,
			a.At, a.Reason, a.Seq)
		return err
	})
	if err != nil {
		return fmt.Errorf("record attempt: %w", err)
	}
	return nil
}

// Deliveries returns a page of a webhook's deliveries below a Seq, newest first; below 0, from the
// newest; in any state, or in one.
func (s *Store) Deliveries(ctx context.Context, participant ledger.BIC, webhook ledger.ID, state string, before int64, limit int) ([]Delivery, error) {
	var w where
	w.add(`SELECT `+deliveryColumns+` FROM deliveries d
		JOIN webhooks w ON w.id = d.webhook JOIN events e ON e.height = d.height AND e.idx = d.idx AND e.party = d.party
		WHERE d.webhook = ? AND w.participant = ?`, webhook[:], participant.String())
	switch state { // written out, so that the indexes of these states serve
	case DeliveryPending:
		w.add(" AND d.state = 'pending'")
	case DeliveryFailed:
		w.add(" AND d.state = 'failed'")
	case DeliveryDelivered:
		w.add(" AND d.state = 'delivered'")
	}
	if before != 0 {
		w.add(" AND d.seq < ?", before)
	}
	w.add(" ORDER BY d.seq DESC LIMIT ?", limit)
	return list(ctx, s.read, "deliveries", scanDelivery, string(w.text), w.args...)
}

// Attempts returns the last attempts at each of a webhook's deliveries from one Seq to another, both
// included, in the order of the deliveries and oldest first.
func (s *Store) Attempts(ctx context.Context, participant ledger.BIC, webhook ledger.ID, from, to int64, last int) ([]Attempt, error) {
	return list(ctx, s.read, "attempts", func(r *sql.Rows, a *Attempt) error {
		return r.Scan(&a.Seq, &a.Claim, &a.Number, &a.At, &a.Took, &a.Status, &a.Reason, &a.Outcome, &a.Due)
	}, `SELECT seq, claim, number, at, took, status, reason, outcome, due FROM (
			SELECT a.*, ROW_NUMBER() OVER (PARTITION BY a.seq ORDER BY a.claim DESC) AS back
			FROM delivery_attempts a JOIN deliveries d ON d.seq = a.seq JOIN webhooks w ON w.id = d.webhook
			WHERE d.webhook = $1 AND w.participant = $2 AND d.seq BETWEEN $3 AND $4) AS recent
		WHERE back <= $5 ORDER BY seq, claim`,
		webhook[:], participant.String(), from, to, last)
}
