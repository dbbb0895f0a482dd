package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"viaduct/ledger"
)

// Webhook is where a participant wants its events sent.
type Webhook struct {
	ID          ledger.ID
	Participant ledger.BIC
	URL         string
	Types       []string // of event; none for all
	Secret      []byte   // sealed
	Created     int64
	Disabled    int64 // when; 0 while it is on
	Reason      string
}

const webhookColumns = "w.id, w.participant, w.url, w.types, w.secret, w.created, w.disabled, w.reason"

func (w *Webhook) columns() []any {
	return []any{toID(&w.ID), toBIC(&w.Participant), &w.URL, toWords(&w.Types), &w.Secret, &w.Created, &w.Disabled, &w.Reason}
}

func scanWebhook(r *sql.Rows, w *Webhook) error { return r.Scan(w.columns()...) }

// PutWebhook adds a webhook; ErrExists when its id is taken.
func (s *Store) PutWebhook(ctx context.Context, w Webhook) error {
	types := ""
	if len(w.Types) > 0 {
		types = "," + strings.Join(w.Types, ",") + "," // so that a type is found between commas
	}
	return s.create(ctx, "put webhook", `INSERT INTO webhooks (id, participant, url, types, secret, created, disabled, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, w.ID[:], w.Participant.String(), w.URL, types, blob(w.Secret), w.Created, w.Disabled, w.Reason)
}

// Webhook returns a webhook of a participant.
func (s *Store) Webhook(ctx context.Context, participant ledger.BIC, id ledger.ID) (Webhook, error) {
	return one(ctx, s.read, "webhook", scanWebhook,
		`SELECT `+webhookColumns+` FROM webhooks w WHERE w.id = $1 AND w.participant = $2`, id[:], participant.String())
}

// Webhooks returns a participant's webhooks, oldest first.
func (s *Store) Webhooks(ctx context.Context, participant ledger.BIC) ([]Webhook, error) {
	return list(ctx, s.read, "webhooks", scanWebhook,
		`SELECT `+webhookColumns+` FROM webhooks w WHERE w.participant = $1 ORDER BY w.created, w.id`, participant.String())
}

// DisableWebhook stops deliveries to a webhook; what is pending stays pending.
func (s *Store) DisableWebhook(ctx context.Context, participant ledger.BIC, id ledger.ID, reason string, now int64) error {
	return s.changeOne(ctx, "disable webhook", `UPDATE webhooks SET disabled = $1, reason = $2 WHERE id = $3 AND participant = $4`,
		now, reason, id[:], participant.String())
}

// DeleteWebhook forgets a webhook, its deliveries and their log.
func (s *Store) DeleteWebhook(ctx context.Context, participant ledger.BIC, id ledger.ID) error {
	return s.writer.do(ctx, func(ctx context.Context, t tx) error {
		n, err := t.exec(ctx, `DELETE FROM webhooks WHERE id = $1 AND participant = $2`, id[:], participant.String())
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		for _, text := range []string{
			`DELETE FROM delivery_attempts WHERE seq IN (SELECT seq FROM deliveries WHERE webhook = $1)`,
			`DELETE FROM deliveries WHERE webhook = $1`,
		} {
			if err == nil {
				_, err = t.exec(ctx, text, id[:])
			}
		}
		if err != nil {
			return fmt.Errorf("delete webhook: %w", err)
		}
		return nil
	})
}

// fanOut adds a pending delivery of each of a block's events for each webhook that wants it. It takes
// the counter's row first, so that numbers follow the order of the events.
func fanOut(ctx context.Context, t tx, height uint64) error {
	_, err := t.exec(ctx, `UPDATE delivery_counter SET seq = seq WHERE id = 1`)
	if err != nil {
		return fmt.Errorf("count deliveries: %w", err)
	}
	n, err := t.exec(ctx, `INSERT INTO deliveries (seq, webhook, height, idx, party, payment, sender, state, attempts, due)
		SELECT (SELECT seq FROM delivery_counter WHERE id = 1) + ROW_NUMBER() OVER (ORDER BY e.idx, e.party, w.id),
			w.id, e.height, e.idx, e.party, e.payment, e.sender, 'pending', 0, e.time
		FROM events e JOIN webhooks w ON w.participant = e.participant
		WHERE e.height = $1 AND w.disabled = 0 AND (w.types = '' OR w.types LIKE '%,' || e.type || ',%')`, int64(height))
	if err == nil && n > 0 {
		_, err = t.exec(ctx, `UPDATE delivery_counter SET seq = seq + $1 WHERE id = 1`, n)
	}
	if err != nil {
		return fmt.Errorf("insert deliveries: %w", err)
	}
	return nil
}
