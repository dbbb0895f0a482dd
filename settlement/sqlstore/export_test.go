package sqlstore

import (
	"context"
	"errors"

	"viaduct/ledger"
)

// AddDelivery adds an event and a pending delivery of it, as a block would.
func (s *Store) AddDelivery(ctx context.Context, webhook, payment ledger.ID, body []byte, due int64) (seq int64, event string, err error) {
	err = s.writer.do(ctx, func(ctx context.Context, t tx) error {
		_, err := t.exec(ctx, `UPDATE delivery_counter SET seq = seq + 1 WHERE id = 1`)
		counted, err2 := t.query(ctx, `SELECT seq FROM delivery_counter WHERE id = 1`)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		counted.Next()
		if err := errors.Join(counted.Scan(&seq), counted.Close()); err != nil {
			return err
		}
		event = eventPlace{uint64(seq), 0, 0}.String()
		_, err = t.exec(ctx, `INSERT INTO events (height, idx, party, participant, type, payment, sender, time, body)
			VALUES ($1, 0, 0, '', 'payment.settled', $2, '', $3, $4)`, seq, payment[:], due, body)
		_, err2 = t.exec(ctx, `INSERT INTO deliveries (seq, webhook, height, idx, party, payment, sender, state, attempts, due)
			VALUES ($1, $2, $1, 0, 0, $3, '', 'pending', 0, $4)`, seq, webhook[:], payment[:], due)
		return errors.Join(err, err2)
	})
	return seq, event, err
}
