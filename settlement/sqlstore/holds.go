package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"viaduct/ledger"
)

// Hold is a firm quote: what its owner can have a payment settle for until it expires.
type Hold struct {
	ID                ledger.ID
	Owner, To         ledger.BIC
	Mode              ledger.Mode
	Send, Deliver     ledger.AssetName
	Amount            int64
	Source, Delivered int64  // what the payment will cost and bring
	Status            string // held, used, released or expired
	Placed, Expires   int64
	Ended             int64 // 0 while it is held
	Seq               uint64
	Height            uint64 // where the result is that placed it
	Index             int
}

const holdColumns = `seq, id, owner, receiver, mode, send_currency, send_issuer, deliver_currency, deliver_issuer, amount, source, delivered,
	placed, expires, status, ended, height, idx`

func scanHold(r *sql.Rows, h *Hold) error {
	return r.Scan(&h.Seq, toID(&h.ID), toBIC(&h.Owner), toBIC(&h.To), &h.Mode, toCurrency(&h.Send.Currency), toBIC(&h.Send.Issuer),
		toCurrency(&h.Deliver.Currency), toBIC(&h.Deliver.Issuer), &h.Amount, &h.Source, &h.Delivered, &h.Placed, &h.Expires,
		&h.Status, &h.Ended, &h.Height, &h.Index)
}

// Hold returns a firm quote of its owner.
func (s *Store) Hold(ctx context.Context, owner ledger.BIC, id ledger.ID) (Hold, error) {
	return one(ctx, s.read, "hold", scanHold, `SELECT `+holdColumns+` FROM holds WHERE owner = $1 AND id = $2
		ORDER BY seq DESC LIMIT 1`, owner.String(), id[:])
}

// Holds returns the firm quotes of a participant that are held, oldest first. The ledger bounds them.
func (s *Store) Holds(ctx context.Context, owner ledger.BIC) ([]Hold, error) {
	return list(ctx, s.read, "holds", scanHold, `SELECT `+holdColumns+` FROM holds WHERE owner = $1 AND status = 'held' ORDER BY seq`, owner.String())
}

// addHolds copies what became of holds in a block.
func (p *Projection) addHolds(changes []ledger.HoldChange) {
	for n := range changes {
		c := &changes[n]
		h := &c.Hold
		v := Hold{
			ID: h.ID, Owner: c.Owner, To: h.Order.To, Mode: h.Order.Mode, Send: h.Order.Send, Deliver: h.Order.Deliver,
			Amount: h.Order.Amount, Source: h.Source, Delivered: h.Delivered, Status: c.End.String(),
			Placed: h.Expires - h.Order.TTL, Expires: h.Expires, Seq: h.Seq, Height: h.First.Height, Index: int(h.First.Index),
		}
		if c.End != ledger.HoldStands {
			v.Ended = p.block.Time
		}
		p.holds = append(p.holds, v)
	}
}

// writeHolds writes holds that were placed, and how others ended; one may do both in a block.
func writeHolds(ctx context.Context, t tx, p *Projection) error {
	n := insertion{
		into: "holds (" + holdColumns + ")",
		tail: "ON CONFLICT (seq) DO UPDATE SET status = excluded.status, ended = excluded.ended",
	}
	for i := range p.holds {
		v := &p.holds[i]
		n.row(int64(v.Seq), v.ID[:], v.Owner.String(), v.To.String(), int64(v.Mode), v.Send.Currency.String(), v.Send.Issuer.String(),
			v.Deliver.Currency.String(), v.Deliver.Issuer.String(), v.Amount, v.Source, v.Delivered, v.Placed, v.Expires, v.Status,
			v.Ended, int64(v.Height), v.Index)
	}
	if err := n.run(ctx, t); err != nil {
		return fmt.Errorf("write holds: %w", err)
	}
	return nil
}
