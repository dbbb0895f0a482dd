package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"viaduct/gateway/webhook"
	"viaduct/ledger"
	"viaduct/settlement/sqlstore"
)

// Deliveries is the part of the store that webhooks are sent from, and that keeps their log; *sqlstore.Store
// serves it.
type Deliveries interface {
	DueWebhooks(ctx context.Context, now int64, limit int) (ids []ledger.ID, next int64, err error)
	ClaimDeliveries(ctx context.Context, webhook ledger.ID, now, until int64, limit int) (sqlstore.Webhook, []sqlstore.Delivery, error)
	RecordAttempt(ctx context.Context, a sqlstore.Attempt) error
	Deliveries(ctx context.Context, participant ledger.BIC, webhook ledger.ID, state string, before int64, limit int) ([]sqlstore.Delivery, error)
	Attempts(ctx context.Context, participant ledger.BIC, webhook ledger.ID, from, to int64, last int) ([]sqlstore.Attempt, error)
	Redeliver(ctx context.Context, participant ledger.BIC, webhook ledger.ID, r sqlstore.Redelivery, now int64, limit int) (count, next int64, err error)
}

// Dispatcher returns what sends the store's pending deliveries; its Run is the caller's to start. wake
// is signalled after events were projected.
func (g *Gateway) Dispatcher(wake <-chan struct{}) *webhook.Dispatcher {
	return webhook.NewDispatcher(webhook.Config{
		Store: deliveries{g}, Sender: g.cfg.Sender, Wake: wake, Nudge: g.nudge, Now: g.cfg.Now, Jitter: webhook.Jitter, Log: g.cfg.Log,
	})
}

// deliveries serves webhook.Store from the gateway's store, and opens the sealed secrets on the way.
type deliveries struct{ g *Gateway }

// Endpoints returns the webhooks with something due.
func (d deliveries) Endpoints(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
	ids, next, err := d.g.cfg.Store.DueWebhooks(ctx, now.UnixMilli(), limit)
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = idText(id)
	}
	if next == 0 {
		return texts, time.Time{}, err
	}
	return texts, time.UnixMilli(next), err
}

// Claim takes due deliveries of one webhook.
func (d deliveries) Claim(ctx context.Context, endpoint string, now, until time.Time, limit int) (webhook.Endpoint, []webhook.Delivery, error) {
	id, err := uuid.Parse(endpoint)
	if err != nil {
		return webhook.Endpoint{}, nil, fmt.Errorf("webhook %q: %w", endpoint, err)
	}
	hook, claimed, err := d.g.cfg.Store.ClaimDeliveries(ctx, ledger.ID(id), now.UnixMilli(), until.UnixMilli(), limit)
	if err != nil || len(claimed) == 0 {
		return webhook.Endpoint{}, nil, err
	}
	events := make([]*sqlstore.Event, len(claimed))
	for i := range claimed {
		events[i] = &claimed[i].Event
	}
	if err := d.g.withMessages(ctx, events); err != nil {
		return webhook.Endpoint{}, nil, err
	}
	keys, err := d.g.webhookKeys(&hook)
	if err != nil {
		return webhook.Endpoint{}, nil, err
	}
	out := make([]webhook.Delivery, len(claimed))
	for i := range claimed {
		c := &claimed[i]
		out[i] = webhook.Delivery{
			Seq: c.Seq, EventID: c.Event.ID, Subject: c.Subject(), Body: c.Event.Body, Attempts: c.Attempts, Claim: time.UnixMilli(c.Due),
		}
		out[i].TraceParent, out[i].Trace = d.g.deliveryTrace(ctx, &c.Event)
	}
	return webhook.Endpoint{ID: endpoint, URL: hook.URL, Keys: keys}, out, nil
}

// Record notes an attempt. The outcomes' numbers are the same on both sides.
func (d deliveries) Record(ctx context.Context, a webhook.Attempt) error {
	d.g.cfg.Meters.Stage("notified", a.Took)
	if one := a.Delivery; one != nil && one.Trace != "" {
		d.g.traceDelivery(one.TraceParent, one.Trace, one.EventID, a.Status, a.Outcome == webhook.Delivered, a.At, a.Took)
	}
	kept := sqlstore.Attempt{
		Seq: a.Seq, Claim: a.Claim.UnixMilli(), Number: a.Number, At: a.At.UnixMilli(), Took: a.Took.Milliseconds(),
		Status: a.Status, Reason: a.Reason, Outcome: sqlstore.AttemptOutcome(a.Outcome),
	}
	if !a.Due.IsZero() {
		kept.Due = a.Due.UnixMilli()
	}
	return d.g.cfg.Store.RecordAttempt(ctx, kept)
}
