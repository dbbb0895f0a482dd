package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"viaduct/ledger"
)

// A transfer that settles by cover (KindCovered, KindAdvice) is held from the moment it is announced.
// Its cover is the first payment with its UETR that brings its receiver at least its amount in its
// currency; with it the transfer is settled, and no money moves for it besides.

type covered struct {
	sender, receiver ledger.BIC
	id               ledger.ID
	amount           int64
	height           uint64
	index            int
	settled          int64
}

// settleCovered settles what waits for a cover that settled in the block at height, or, when an id is
// given, that one transfer if its cover settled in any block. It returns what there is to tell.
func settleCovered(ctx context.Context, t tx, height uint64, only ledger.ID) ([]Event, error) {
	query := `SELECT w.sender, w.receiver, w.id, w.amount, c.height, c.idx, c.settled FROM payments w
		JOIN payments c ON c.uetr = w.uetr AND c.receiver = w.receiver AND c.deliver_currency = w.deliver_currency
		WHERE w.status = 'held' AND c.status = 'settled' AND c.kind NOT IN ('covered', 'advice') AND c.uetr_kind IN (1, 2)
			AND c.delivered >= w.amount AND `
	args := []any{int64(height)}
	if only == (ledger.ID{}) {
		query += `c.height = $1`
	} else {
		query += `w.id = $1`
		args = []any{only[:]}
	}
	found, err := list(ctx, t.query, "covered transfers", func(r *sql.Rows, c *covered) error {
		return r.Scan(toBIC(&c.sender), toBIC(&c.receiver), toID(&c.id), &c.amount, &c.height, &c.index, &c.settled)
	}, query+` ORDER BY c.height, c.idx, w.created, w.id`, args...)
	if err != nil {
		return nil, err
	}
	var events []Event
	told := map[eventPlace]bool{} // a result has room for one transfer's events
	for i := range found {
		c := &found[i]
		at := eventPlace{c.height, c.index, partyCoveredSender}
		if told[at] {
			continue
		}
		n, err := t.exec(ctx, `UPDATE payments SET status = 'settled', delivered = amount, settled = $1, height = $2, idx = $3
			WHERE id = $4 AND sender = $5 AND status = 'held'`, c.settled, int64(c.height), c.index, c.id[:], c.sender.String())
		if err != nil {
			return nil, fmt.Errorf("settle covered transfer: %w", err)
		}
		if n == 0 {
			continue
		}
		told[at] = true
		p, err := one(ctx, t.query, "payment", scanPayment, `SELECT `+paymentColumns+` FROM payments WHERE id = $1 AND sender = $2`, c.id[:], c.sender.String())
		if err != nil {
			return nil, err
		}
		for _, e := range paymentEvents(&p) {
			events = append(events, paymentEvent(&p, e.Type, e.place.party+partyCoveredSender, e.Participant))
		}
	}
	return events, nil
}

// SettleCovered settles a transfer whose cover came before it. Nobody is told but who asks: the block's
// events have gone out.
func (s *Store) SettleCovered(ctx context.Context, id ledger.ID) error {
	return s.writer.do(ctx, func(ctx context.Context, t tx) error {
		// No block is projected meanwhile, so that its cover cannot slip between the two of us.
		if _, err := t.exec(ctx, `UPDATE projection SET id = id WHERE id = 1`); err != nil {
			return err
		}
		_, err := settleCovered(ctx, t, 0, id)
		return err
	})
}

// CancelHeld cancels what sender announced and what waits; false when it waits no more.
func (s *Store) CancelHeld(ctx context.Context, sender ledger.BIC, id ledger.ID, now int64) (cancelled bool, err error) {
	err = s.writer.do(ctx, func(ctx context.Context, t tx) error {
		n, err := t.exec(ctx, `UPDATE payments SET status = 'cancelled', settled = $1 WHERE id = $2 AND sender = $3 AND status = 'held'`,
			now, id[:], sender.String())
		cancelled = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cancel: %w", err)
	}
	return cancelled, nil
}
