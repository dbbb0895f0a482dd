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

func scanWebhook(r *sql.Rows, w *Webhook) error {
	return r.Scan(toID(&w.ID), toBIC(&w.Participant), &w.URL, toWords(&w.Types), &w.Secret, &w.Created, &w.Disabled, &w.Reason)
}

// PutWebhook adds a webhook; ErrExists when its id is taken, ErrFull when its participant has most
// webhooks already.
func (s *Store) PutWebhook(ctx context.Context, w Webhook, most int) error {
	err := s.writer.do(ctx, func(ctx context.Context, t tx) error {
		// The counter's row first, so that two at a time count one another.
		if _, err := t.exec(ctx, `UPDATE delivery_counter SET seq = seq WHERE id = 1`); err != nil {
			return err
		}
		had, err := one(ctx, t.query, "webhooks", scanValue[int],
			`SELECT COUNT(*) FROM webhooks WHERE participant = $1`, w.Participant.String())
		switch {
		case err != nil:
			return err
		case had >= most:
			return ErrFull
		}
		n, err := t.exec(ctx, `INSERT INTO webhooks (id, participant, url, types, secret, created, disabled, reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`, w.ID[:], w.Participant.String(), w.URL, typesText(w.Types), blob(w.Secret), w.Created, w.Disabled, w.Reason)
		if err == nil && n == 0 {
			err = ErrExists
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("put webhook: %w", err)
	}
	return nil
}

// typesText has a comma on both sides of each type, so that one is found between commas.
func typesText(types []string) string {
	if len(types) == 0 {
		return ""
	}
	return "," + strings.Join(types, ",") + ","
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

// WebhookChange has what changes of a webhook; what is nil or empty stays.
type WebhookChange struct {
	URL      string
	Types    *[]string
	Disabled *int64 // when; 0 turns it on
	Reason   string // of Disabled
}

// ChangeWebhook changes a participant's webhook and returns it as it is then. What is pending stays so.
func (s *Store) ChangeWebhook(ctx context.Context, participant ledger.BIC, id ledger.ID, c WebhookChange) (w Webhook, err error) {
	err = s.writer.do(ctx, func(ctx context.Context, t tx) error {
		var text where
		text.add("UPDATE webhooks SET id = id")
		if c.URL != "" {
			text.add(", url = ?", c.URL)
		}
		if c.Types != nil {
			text.add(", types = ?", typesText(*c.Types))
		}
		if c.Disabled != nil {
			text.add(", disabled = ?, reason = ?", *c.Disabled, c.Reason)
		}
		text.add(" WHERE id = ? AND participant = ?", id[:], participant.String())
		if _, err := t.exec(ctx, string(text.text), text.args...); err != nil {
			return err
		}
		w, err = one(ctx, t.query, "webhook", scanWebhook,
			`SELECT `+webhookColumns+` FROM webhooks w WHERE w.id = $1 AND w.participant = $2`, id[:], participant.String())
		return err
	})
	if err != nil {
		return Webhook{}, fmt.Errorf("change webhook: %w", err)
	}
	return w, nil
}

// ReplaceWebhookSecret puts a sealed secret in the place of the one that was read; ErrNotFound when it
// is not there any more.
func (s *Store) ReplaceWebhookSecret(ctx context.Context, id ledger.ID, old, secret []byte) error {
	return s.changeOne(ctx, "replace webhook secret", `UPDATE webhooks SET secret = $1 WHERE id = $2 AND secret = $3`, blob(secret), id[:], blob(old))
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

// fanOut adds a pending delivery of each of a block's events, from a place in it on, for each webhook that
// wants it. It takes the counter's row first, so that numbers follow the order of the events.
func fanOut(ctx context.Context, t tx, from eventPlace) error {
	_, err := t.exec(ctx, `UPDATE delivery_counter SET seq = seq WHERE id = 1`)
	if err != nil {
		return fmt.Errorf("count deliveries: %w", err)
	}
	n, err := t.exec(ctx, `INSERT INTO deliveries (seq, webhook, height, idx, party, payment, sender, state, attempts, due)
		SELECT (SELECT seq FROM delivery_counter WHERE id = 1) + ROW_NUMBER() OVER (ORDER BY e.idx, e.party, w.id),
			w.id, e.height, e.idx, e.party, e.payment, e.sender, 'pending', 0, e.time
		FROM events e JOIN webhooks w ON w.participant = e.participant
		WHERE e.height = $1 AND e.idx >= $2 AND w.disabled = 0 AND (w.types = '' OR w.types LIKE '%,' || e.type || ',%')`, int64(from.height), from.index)
	if err == nil && n > 0 {
		_, err = t.exec(ctx, `UPDATE delivery_counter SET seq = seq + $1 WHERE id = 1`, n)
	}
	if err != nil {
		return fmt.Errorf("insert deliveries: %w", err)
	}
	return nil
}
