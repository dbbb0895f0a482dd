package sqlstore

import (
	"context"
	"fmt"

	"viaduct/ledger"
)

// Redelivery says which of a webhook's deliveries are to be made again.
type Redelivery struct {
	Event  string // the delivery of this event alone; empty for all
	Failed bool   // only those that were given up
	From   int64  // only of events at or after this time; 0 for any
	Until  int64  // only of events before it; 0 for any
}

func (r *Redelivery) narrow(w *where) error {
	if r.Event != "" {
		p, err := parseEvent(r.Event)
		if err != nil {
			return err
		}
		w.add(" AND d.height = ? AND d.idx = ? AND d.party = ?", int64(p.height), p.index, p.party)
	}
	if r.Failed {
		w.add(" AND d.state = 'failed'")
	}
	if r.From != 0 {
		w.add(" AND e.time >= ?", r.From)
	}
	if r.Until != 0 {
		w.add(" AND e.time < ?", r.Until)
	}
	return nil
}

// Redeliver makes deliveries of a participant's webhook due at now, as if they had never been tried:
// the limit oldest of those that are meant. It returns how many, and the time of the first event that
// was left out, 0 when none was.
func (s *Store) Redeliver(ctx context.Context, participant ledger.BIC, webhook ledger.ID, r Redelivery, now int64, limit int) (count, next int64, err error) {
	err = s.writer.do(ctx, func(ctx context.Context, t tx) error {
		const meant = ` FROM deliveries d JOIN webhooks w ON w.id = d.webhook JOIN events e ON e.height = d.height AND e.idx = d.idx AND e.party = d.party
			WHERE d.webhook = ? AND w.participant = ?`
		var rest where
		rest.add("SELECT e.time"+meant, webhook[:], participant.String())
		if err := r.narrow(&rest); err != nil {
			return err
		}
		rest.add(" ORDER BY d.seq LIMIT 1 OFFSET ?", limit)
		left, err := list(ctx, t.query, "deliveries", scanValue[int64], string(rest.text), rest.args...)
		if err != nil {
			return err
		}
		next = 0
		if len(left) > 0 {
			next = left[0]
		}
		var change where
		change.add("UPDATE deliveries SET state = 'pending', attempts = 0, due = ? WHERE seq IN (SELECT d.seq"+meant, now, webhook[:], participant.String())
		if err := r.narrow(&change); err != nil {
			return err
		}
		change.add(" ORDER BY d.seq LIMIT ?)", limit)
		count, err = t.exec(ctx, string(change.text), change.args...)
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("redeliver: %w", err)
	}
	return count, next, nil
}
