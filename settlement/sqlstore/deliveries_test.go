package sqlstore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viaduct/gateway/webhook"
	"viaduct/gateway/webhook/webhooktest"
	"viaduct/internal/testenv"
	"viaduct/ledger"
	"viaduct/settlement/sqlstore"
)

// What the dispatcher of webhooks asks of a store is written down, as tests, where the dispatcher is;
// this store keeps it through the thinnest adapter.
func TestKeepsTheDispatchersPromises(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		webhooktest.Run(t, func(t *testing.T) webhooktest.Store { return adapt(t, filepath.Join(t.TempDir(), "viaduct.db")) })
	})
	t.Run("postgres", func(t *testing.T) {
		webhooktest.Run(t, func(t *testing.T) webhooktest.Store { return adapt(t, testenv.Postgres(t)) })
	})
}

var owner = ledger.MustBIC("BBVAMXMM")

type adapter struct {
	s      *sqlstore.Store
	events map[string]string // the suite's names of events, by id
}

func adapt(t *testing.T, dsn string) *adapter {
	ctx := context.Background()
	if err := sqlstore.Migrate(ctx, dsn); err != nil {
		t.Fatal(err)
	}
	s, err := sqlstore.Open(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &adapter{s, make(map[string]string)}
}

func named(name string) (id ledger.ID) { copy(id[:], name); return id }
func nameOf(id ledger.ID) string       { return strings.TrimRight(string(id[:]), "\x00") }

func (a *adapter) AddEndpoint(ctx context.Context, e webhook.Endpoint) error {
	return a.s.PutWebhook(ctx, sqlstore.Webhook{ID: named(e.ID), Participant: owner, URL: e.URL, Secret: []byte(e.Keys.Text())}, 100)
}

func (a *adapter) AddDelivery(ctx context.Context, endpoint, eventID, subject string, body []byte, now time.Time) (int64, error) {
	seq, event, err := a.s.AddDelivery(ctx, named(endpoint), named(subject), body, now.UnixMilli())
	a.events[event] = eventID
	return seq, err
}

func (a *adapter) Log(ctx context.Context) ([]webhook.Attempt, error) {
	var all []webhook.Attempt
	for _, endpoint := range []string{"one", "two", "three"} {
		log, err := a.s.Attempts(ctx, owner, named(endpoint), 0, 1<<62, 100)
		if err != nil {
			return nil, err
		}
		for _, v := range log {
			all = append(all, webhook.Attempt{
				Seq: v.Seq, Claim: time.UnixMilli(v.Claim), Number: v.Number, At: time.UnixMilli(v.At),
				Took: time.Duration(v.Took) * time.Millisecond, Status: v.Status, Reason: v.Reason, Outcome: webhook.Outcome(v.Outcome), Due: timeOf(v.Due),
			})
		}
	}
	return all, nil
}

func timeOf(ms int64) (t time.Time) {
	if ms != 0 {
		t = time.UnixMilli(ms)
	}
	return t
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func (a *adapter) Endpoints(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
	ids, next, err := a.s.DueWebhooks(ctx, now.UnixMilli(), limit)
	var names []string
	for _, id := range ids {
		names = append(names, nameOf(id))
	}
	return names, timeOf(next), err
}

func (a *adapter) Claim(ctx context.Context, endpoint string, now, until time.Time, limit int) (webhook.Endpoint, []webhook.Delivery, error) {
	w, found, err := a.s.ClaimDeliveries(ctx, named(endpoint), now.UnixMilli(), until.UnixMilli(), limit)
	if err != nil || w.ID == (ledger.ID{}) {
		return webhook.Endpoint{}, nil, err
	}
	keys, err := webhook.ParseKeys(string(w.Secret))
	var claimed []webhook.Delivery
	for _, d := range found {
		subject := d.Subject()
		if want := fmt.Sprintf("/%x", d.Event.Payment); subject != want {
			return webhook.Endpoint{}, nil, fmt.Errorf("subject %q, want %q", subject, want)
		}
		claimed = append(claimed, webhook.Delivery{
			Seq: d.Seq, EventID: a.events[d.Event.ID], Subject: nameOf(d.Event.Payment), Body: d.Event.Body, Attempts: d.Attempts, Claim: time.UnixMilli(d.Due),
		})
	}
	return webhook.Endpoint{ID: nameOf(w.ID), URL: w.URL, Keys: keys}, claimed, err
}

func (a *adapter) Record(ctx context.Context, v webhook.Attempt) error {
	return a.s.RecordAttempt(ctx, sqlstore.Attempt{
		Seq: v.Seq, Claim: v.Claim.UnixMilli(), Number: v.Number, At: v.At.UnixMilli(), Took: v.Took.Milliseconds(), Status: v.Status,
		Reason: v.Reason, Outcome: sqlstore.AttemptOutcome(v.Outcome), Due: millis(v.Due),
	})
}
