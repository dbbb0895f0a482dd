package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"viaduct/ledger"
)

// A payment in mode Covered is announced and moves nothing: it is held until its cover has settled, and
// then settled with it. Its cover is a payment with its UETR that brought its receiver at least its
// amount in its currency, and that its sender paid: itself, or through banks that were each paid with that
// UETR. One cover settles one transfer, so that money counts once. All of it follows from the blocks in
// their order, whichever of the two came first.

// settleCovered settles what the block completed, and returns what there is to tell of it.
func settleCovered(ctx context.Context, t tx, p *Projection) ([]Event, error) {
	waiting, err := waitingFor(ctx, t, p)
	if err != nil {
		return nil, err
	}
	var events []Event
	told := map[int]int{} // by result, how many of its parties' places are taken
	for _, uetr := range waiting {
		found, err := list(ctx, t.query, "payments", scanPayment, `SELECT `+paymentColumns+` FROM payments
			WHERE uetr = $1 AND status IN ('held', 'settled') ORDER BY height, idx`, uetr[:])
		if err != nil {
			return nil, err
		}
		for i := range found {
			w := &found[i]
			if w.Mode != ledger.Covered || w.Status != StatusHeld {
				continue
			}
			c := coverOf(found, w)
			if c == nil {
				continue
			}
			n, err := t.exec(ctx, `UPDATE payments SET status = 'settled', delivered = amount, settled = $1, cover = $2
				WHERE id = $3 AND sender = $4 AND status = 'held'`, p.block.Time, c.ID[:], w.ID[:], w.From.String())
			if err != nil {
				return nil, fmt.Errorf("settle covered transfer: %w", err)
			}
			if n == 0 {
				continue
			}
			index := lastIn(found, w, p.block.Height)
			w.Status, w.Delivered, w.Settled, w.Cover = StatusSettled, w.Amount, p.block.Time, c.ID
			for _, e := range paymentEvents(w) {
				place := eventPlace{p.block.Height, index, partyCovered + told[index] + e.place.party}
				events = append(events, paymentEvent(w, e.Type, place, e.Participant))
			}
			told[index] += 2
		}
	}
	return events, nil
}

// waitingFor returns the UETRs of a block's payments that a held transfer has, each once, in the order of
// the block's results. Mostly nothing is held, and then that is all it looks at.
func waitingFor(ctx context.Context, t tx, p *Projection) (waiting [][16]byte, err error) {
	held, err := list(ctx, t.query, "held payments", scanValue[int],
		`SELECT 1 FROM payments WHERE status = 'held' LIMIT 1`)
	if err != nil || len(held) == 0 {
		return nil, err
	}
	found := map[[16]byte]bool{}
	size, numbered := t.bulk()
	decided := slices.Concat(p.payments, p.ended)
	for some := range slices.Chunk(decided, size) {
		n := insertion{}
		var uetrs []any
		for i := range some {
			uetrs = append(uetrs, some[i].UETR[:])
		}
		n.row(uetrs...)
		held, err := list(ctx, t.query, "held payments", func(r *sql.Rows, u *[16]byte) error { return r.Scan(toFixed(u[:])) },
			`SELECT uetr FROM payments WHERE status = 'held' AND uetr IN `+n.places(1, numbered), n.args...)
		if err != nil {
			return nil, err
		}
		for _, u := range held {
			found[u] = true
		}
	}
	for i := range decided {
		if u := decided[i].UETR; found[u] {
			delete(found, u)
			waiting = append(waiting, u)
		}
	}
	return waiting, nil
}

// coverOf returns the settled payment among those of one UETR that covers w; nil when there is none yet.
func coverOf(all []Payment, w *Payment) *Payment {
	paid := map[ledger.BIC]bool{w.From: true} // who was paid with this UETR by w's sender, or by one who was
	for more := true; more; {
		more = false
		for i := range all {
			if c := &all[i]; moved(c) && paid[c.From] && !paid[c.To] && c.To != w.To {
				paid[c.To], more = true, true
			}
		}
	}
	var cover *Payment
	for i := range all {
		c := &all[i]
		used := slices.ContainsFunc(all, func(u Payment) bool {
			return u.Mode == ledger.Covered && u.Cover == c.ID
		})
		returned := slices.ContainsFunc(all, func(r Payment) bool {
			return r.UETRKind == ledger.UETRReturn && r.Status == StatusSettled && r.From == c.To && r.To == c.From
		})
		if !moved(c) || used || returned || !paid[c.From] || c.To != w.To || c.Deliver.Currency != w.Deliver.Currency || c.Delivered < w.Amount {
			continue
		}
		if cover == nil || cover.From != w.From && c.From == w.From {
			cover = c
		}
	}
	return cover
}

// moved tells a settled payment that money moved for, and not back.
func moved(c *Payment) bool {
	return c.Status == StatusSettled && c.Mode != ledger.Covered && c.UETRKind != ledger.UETRReturn
}

// lastIn returns the index of the last of a UETR's results in a block: the one that completed w.
func lastIn(all []Payment, w *Payment, height uint64) (index int) {
	for i := range all {
		if c := &all[i]; c.Height == height && (moved(c) || c == w) {
			index = max(index, c.Index)
		}
	}
	return index
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
