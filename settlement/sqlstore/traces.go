package sqlstore

import (
	"context"

	"viaduct/ledger"
)

// writeTraces notes which trace the payments of a traced request belong to.
func (b *Begin) writeTraces(ctx context.Context, t tx) error {
	n := insertion{into: "payment_traces (payment, sender, created, trace)", tail: "ON CONFLICT DO NOTHING"}
	for i := range b.Payments {
		n.row(b.Payments[i].ID[:], b.Payments[i].From.String(), b.Request.Created, b.Request.Trace)
	}
	return n.run(ctx, t)
}

// PaymentTrace returns the traceparent of the request that ordered a payment of sender's; nothing when it
// was not traced.
func (s *Store) PaymentTrace(ctx context.Context, sender ledger.BIC, payment ledger.ID) (string, error) {
	found, err := list(ctx, s.read, "trace", scanValue[string], `SELECT trace FROM payment_traces WHERE payment = $1 AND sender = $2`,
		payment[:], sender.String())
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}
