package webhooktest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"viaduct/gateway/webhook"
)

// Store is what Run works on: a webhook.Store with the two ways in that its owner has.
type Store interface {
	webhook.Store
	AddEndpoint(ctx context.Context, e webhook.Endpoint) error
	AddDelivery(ctx context.Context, endpoint, eventID, subject string, body []byte, now time.Time) (seq int64, err error)
	Log(ctx context.Context) ([]webhook.Attempt, error)
}

// Run checks that the stores that open returns, each new and empty, keep webhook.Store's promises.
func Run(t *testing.T, open func(t *testing.T) Store) {
	tests := []struct {
		name string
		test func(b *bench)
	}{
		{"nothing due", nothingDue},
		{"a claim hands out what was stored", claimHandsOut},
		{"order within a subject", orderWithinSubject},
		{"a claim lapses", claimLapses},
		{"a retry is due when it says", retryIsDue},
		{"given up lets the next pass", givenUp},
		{"gone disables the endpoint", gone},
		{"a lapsed claim changes nothing but a delivery", lapsedRecord},
		{"recorded twice", recordedTwice},
		{"the longest due endpoint first", longestDueFirst},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := &bench{T: t, store: open(t), keys: webhook.Keys{webhook.NewKey()}}
			tt.test(b)
		})
	}
}

// start is when each test's clock begins; every other time is a wait after it.
var start = time.Date(2026, time.March, 13, 14, 0, 0, 0, time.UTC)

func at(wait time.Duration) time.Time { return start.Add(wait) }

const lease = 30 * time.Second

type bench struct {
	*testing.T
	store Store
	keys  webhook.Keys
}

func (b *bench) endpoint(id string) {
	b.Helper()
	err := b.store.AddEndpoint(context.Background(), webhook.Endpoint{ID: id, URL: "https://bank.example/" + id, Keys: b.keys})
	if err != nil {
		b.Fatalf("AddEndpoint(%s): %v", id, err)
	}
}

func (b *bench) add(endpoint, event, subject string, wait time.Duration) int64 {
	b.Helper()
	seq, err := b.store.AddDelivery(context.Background(), endpoint, event, subject, []byte(`{"event":"`+event+`"}`), at(wait))
	if err != nil {
		b.Fatalf("AddDelivery(%s): %v", event, err)
	}
	return seq
}

// wantDue checks what Endpoints says at a time; next < 0 means that nothing is due later.
func (b *bench) wantDue(wait time.Duration, next time.Duration, want ...string) {
	b.Helper()
	ids, later, err := b.store.Endpoints(context.Background(), at(wait), 10)
	if err != nil {
		b.Fatalf("Endpoints: %v", err)
	}
	if !slices.Equal(ids, want) && len(ids)+len(want) > 0 {
		b.Errorf("after %v: due endpoints %v, want %v", wait, ids, want)
	}
	if next < 0 && !later.IsZero() || next >= 0 && !later.Equal(at(next)) {
		b.Errorf("after %v: next due %v, want %v after %v", wait, later, next, start)
	}
}

// claim claims and checks which events it got.
func (b *bench) claim(endpoint string, wait time.Duration, limit int, want ...string) []webhook.Delivery {
	b.Helper()
	_, got, err := b.store.Claim(context.Background(), endpoint, at(wait), at(wait+lease), limit)
	if err != nil {
		b.Fatalf("Claim(%s): %v", endpoint, err)
	}
	var events []string
	for _, d := range got {
		events = append(events, d.EventID)
	}
	if !slices.Equal(events, want) {
		b.Fatalf("after %v: claimed %v, want %v", wait, events, want)
	}
	return got
}

func (b *bench) record(d webhook.Delivery, o webhook.Outcome, due time.Duration) {
	b.Helper()
	a := webhook.Attempt{
		Seq: d.Seq, Claim: d.Claim, Number: d.Attempts + 1, At: d.Claim.Add(-lease), Took: 250 * time.Millisecond,
		Status: 500, Reason: "status 500", Outcome: o,
	}
	if o == webhook.Retry {
		a.Due = at(due)
	}
	if err := b.store.Record(context.Background(), a); err != nil {
		b.Fatalf("Record(%d, %v): %v", d.Seq, o, err)
	}
}

func (b *bench) log() []webhook.Attempt {
	b.Helper()
	log, err := b.store.Log(context.Background())
	if err != nil {
		b.Fatalf("Log: %v", err)
	}
	return log
}

func nothingDue(b *bench) {
	b.wantDue(0, -1)
	b.endpoint("one")
	b.wantDue(0, -1)
	b.claim("one", 0, 4)
	b.claim("unknown", 0, 4)
	b.add("one", "e1", "p1", time.Minute)
	b.wantDue(0, time.Minute)
	b.claim("one", 0, 4)
	b.wantDue(time.Minute, -1, "one")
}

func claimHandsOut(b *bench) {
	b.endpoint("one")
	seq := b.add("one", "e1", "p1", 0)
	to, got, err := b.store.Claim(context.Background(), "one", at(0), at(lease), 4)
	if err != nil || len(got) != 1 {
		b.Fatalf("Claim = %v, %v", got, err)
	}
	if to.ID != "one" || to.URL != "https://bank.example/one" || !to.Keys.Equal(b.keys) {
		b.Errorf("endpoint %q, %q, or other keys", to.ID, to.URL)
	}
	d := got[0]
	if d.Seq != seq || d.EventID != "e1" || d.Subject != "p1" || string(d.Body) != `{"event":"e1"}` || d.Attempts != 0 || !d.Claim.Equal(at(lease)) {
		b.Errorf("delivery %+v", d)
	}
	b.record(d, webhook.Delivered, 0)
	b.wantDue(time.Hour, -1)
	log := b.log()
	if len(log) != 1 || log[0].Seq != seq || log[0].Number != 1 || log[0].Outcome != webhook.Delivered ||
		log[0].Took != 250*time.Millisecond || log[0].Status != 500 || log[0].Reason != "status 500" || !log[0].At.Equal(at(0)) {
		b.Errorf("log %+v", log)
	}
}

func orderWithinSubject(b *bench) {
	b.endpoint("one")
	b.endpoint("two")
	b.add("one", "e1", "p1", 0)
	b.add("two", "e1", "p1", 0)
	b.add("one", "e2", "p1", 0)
	b.add("one", "e3", "p2", 0)
	b.add("one", "e4", "p3", 0)
	first := b.claim("one", 0, 2, "e1", "e3")
	b.claim("two", 0, 2, "e1") // the other endpoint's e1 is its own
	b.claim("one", 0, 4, "e4")
	b.claim("one", time.Second, 4)
	b.record(first[0], webhook.Delivered, 0)
	b.wantDue(time.Second, lease, "one")
	b.claim("one", time.Second, 4, "e2")
}

func claimLapses(b *bench) {
	b.endpoint("one")
	b.add("one", "e1", "p1", 0)
	b.add("one", "e2", "p1", 0)
	b.claim("one", 0, 4, "e1")
	b.wantDue(lease-time.Millisecond, lease)
	b.claim("one", lease-time.Millisecond, 4)
	b.wantDue(lease, -1, "one")
	if again := b.claim("one", lease, 4, "e1"); again[0].Attempts != 0 {
		b.Errorf("a lapsed claim counted as %d attempts", again[0].Attempts)
	}
}

func retryIsDue(b *bench) {
	b.endpoint("one")
	b.add("one", "e1", "p1", 0)
	b.add("one", "e2", "p1", 0)
	b.record(b.claim("one", 0, 4, "e1")[0], webhook.Retry, 5*time.Minute)
	b.wantDue(time.Minute, 5*time.Minute)
	b.claim("one", 5*time.Minute-time.Millisecond, 4)
	if again := b.claim("one", 5*time.Minute, 4, "e1"); again[0].Attempts != 1 {
		b.Errorf("after one attempt: %d", again[0].Attempts)
	}
}

func givenUp(b *bench) {
	b.endpoint("one")
	b.add("one", "e1", "p1", 0)
	b.add("one", "e2", "p1", 0)
	b.record(b.claim("one", 0, 4, "e1")[0], webhook.Failed, 0)
	b.claim("one", 0, 4, "e2")
}

func gone(b *bench) {
	b.endpoint("one")
	b.endpoint("two")
	b.add("one", "e1", "p1", 0)
	b.add("one", "e2", "p2", time.Minute)
	b.add("two", "e1", "p1", 0)
	b.record(b.claim("one", 0, 4, "e1")[0], webhook.Gone, 0)
	b.wantDue(time.Hour, -1, "two")
	b.claim("one", time.Hour, 4)
}

func lapsedRecord(b *bench) {
	b.endpoint("one")
	b.add("one", "e1", "p1", 0)
	lapsed := b.claim("one", 0, 4, "e1")[0]
	held := b.claim("one", lease, 4, "e1")[0]
	b.record(lapsed, webhook.Retry, time.Second)
	b.record(lapsed, webhook.Failed, 0)
	b.wantDue(lease+time.Second, 2*lease)

	// It did arrive, whoever says so; and what the holder then says changes that no more.
	b.add("one", "e2", "p2", 0)
	late := b.claim("one", 0, 4, "e2")[0]
	b.claim("one", lease, 4, "e2")
	b.record(late, webhook.Delivered, 0)
	b.record(held, webhook.Delivered, 0)
	b.record(held, webhook.Retry, 0)
	b.wantDue(time.Hour, -1)
}

func recordedTwice(b *bench) {
	b.endpoint("one")
	b.add("one", "e1", "p1", 0)
	d := b.claim("one", 0, 4, "e1")[0]
	b.record(d, webhook.Retry, 5*time.Minute)
	b.record(d, webhook.Retry, 5*time.Minute)
	if log := b.log(); len(log) != 1 {
		b.Errorf("%d attempts logged, want 1", len(log))
	}
	if again := b.claim("one", 5*time.Minute, 4, "e1"); again[0].Attempts != 1 {
		b.Errorf("counted %d attempts, want 1", again[0].Attempts)
	}
}

func longestDueFirst(b *bench) {
	for i := range 5 {
		id := fmt.Sprintf("e%d", i)
		b.endpoint(id)
		b.add(id, "event", "p1", time.Duration(5-i)*time.Second)
	}
	b.wantDue(time.Minute, -1, "e4", "e3", "e2", "e1", "e0")
	b.wantDue(2*time.Second, 3*time.Second, "e4", "e3")
	ids, _, err := b.store.Endpoints(context.Background(), at(time.Minute), 2)
	if err != nil || !slices.Equal(ids, []string{"e4", "e3"}) {
		b.Errorf("two of five: %v, %v", ids, err)
	}
}
