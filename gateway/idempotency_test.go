package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"viaduct/ledger"
	"viaduct/settlement"
)

// The same key and content gets the first answer byte for byte; other content is refused.
func TestReplay(t *testing.T) {
	r := newRig(t)
	r.market()
	key := []string{"Idempotency-Key", "once", "Prefer", "wait=10"}
	first := r.must(201, r.do("POST", "/v1/payments", mexican, euros("10.00"), key...))
	if first.header.Get("Idempotent-Replayed") != "" {
		t.Error("the first answer says that it was given before")
	}
	// White space, the order of members and what is preferred are no content.
	spaced := `{ "send_max": {"value":"900000.00","currency":"MXN"}, "deliver": {"value":"10.00","currency":"EUR"}, "to": "EURBDEFF" }`
	for _, body := range []any{euros("10.00"), spaced} {
		again := r.must(201, r.do("POST", "/v1/payments", mexican, body, "Idempotency-Key", "once"))
		if string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("replayed %s, want %s", again.body, first.body)
		}
	}
	other := r.must(422, r.do("POST", "/v1/payments", mexican, euros("10.01"), key...))
	if other.text("code") != "idempotency_key_reused" {
		t.Errorf("%s", other.body)
	}
	diff(t, "faults", other.faults(), []string{"header:Idempotency-Key idempotency_key_reused DUPL"})
	// Keys are each participant's own.
	r.must(201, r.do("POST", "/v1/payments", german, obj{
		"to": dealer, "deliver": cash("EUR", "1.00", german), "send_max": cash("EUR", "1.00"),
	}, key...))
	// What was refused with a 4xx bound no key.
	r.must(400, r.do("POST", "/v1/payments", mexican, euros("0.00"), "Idempotency-Key", "free"))
	r.must(201, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Idempotency-Key", "free", "Prefer", "wait=10"))
	// An accepted answer stays accepted when it is asked for again.
	accepted := r.must(202, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Idempotency-Key", "later"))
	later := r.must(202, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Idempotency-Key", "later", "Prefer", "wait=10"))
	if string(later.body) != string(accepted.body) {
		t.Errorf("replayed %s, want %s", later.body, accepted.body)
	}
}

// An order that was ordered although the reply was lost is settled once, whenever its key comes again.
func TestReplyLost(t *testing.T) {
	r := newRig(t)
	r.market()
	lost := fmt.Errorf("%w: the line went dead", settlement.ErrUnknown)
	r.engine.after.Store(&lost)
	got := r.must(503, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Idempotency-Key", "k"))
	if got.text("code") != "outcome_unknown" || got.text("retryable") != "true" || got.header.Get("Retry-After") == "" {
		t.Errorf("%s", got.body)
	}
	r.engine.after.Store(nil)
	// Someone may still be at it, until the lease is over.
	flying := r.must(409, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Idempotency-Key", "k"))
	if flying.text("code") != "request_in_flight" || flying.header.Get("Retry-After") == "" {
		t.Errorf("%s", flying.body)
	}
	r.must(422, r.do("POST", "/v1/payments", mexican, euros("11.00"), "Idempotency-Key", "k"))
	r.clock.Store(int64(leaseTime + time.Second))
	again := r.must(201, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Idempotency-Key", "k", "Prefer", "wait=10"))
	if again.text("status") != "settled" {
		t.Errorf("%s", again.body)
	}
	if all := r.must(200, r.do("GET", "/v1/payments", mexican, nil)).json["data"].([]any); len(all) != 1 {
		t.Errorf("%d payments: %v", len(all), all)
	}
	if owed := r.must(200, r.do("GET", "/v1/balances", mexican, nil)).text("data", "0", "value"); owed != "205.00" {
		t.Errorf("the sender owes %s after one payment of 10.00", owed)
	}
}

// What the journal acknowledged and lost, so that another block has its height, is submitted again: nobody is
// told another's result.
func TestAcknowledgedAndLost(t *testing.T) {
	r := newRig(t)
	r.market()
	r.engine.lost.Store(1)
	paid := r.must(201, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Prefer", "wait=10"))
	if paid.text("status") != "settled" {
		t.Errorf("%s", paid.body)
	}
	r.engine.lost.Store(1)
	r.must(201, r.do("POST", "/v1/participants", "", obj{"bic": "CHASUS33", "name": "Chase", "country": "US"}))
	r.must(200, r.do("GET", "/v1/participants/CHASUS33", "", nil))
	// A journal that goes on losing is told of, and the key goes on from there.
	r.engine.lost.Store(submitTries)
	got := r.must(503, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Idempotency-Key", "k", "Prefer", "wait=10"))
	if got.text("code") != "outcome_unknown" || got.header.Get("Retry-After") == "" {
		t.Errorf("%s", got.body)
	}
	r.clock.Store(int64(leaseTime + time.Second))
	again := r.must(201, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Idempotency-Key", "k", "Prefer", "wait=10"))
	if again.text("status") != "settled" || r.engine.lost.Load() != 0 {
		t.Errorf("%s", again.body)
	}
	if owed := r.must(200, r.do("GET", "/v1/balances", mexican, nil)).text("data", "0", "value"); owed != "410.00" {
		t.Errorf("the sender owes %s after two payments of 10.00", owed)
	}
}

// What was surely not ordered leaves nothing behind and frees its key.
func TestEngineAway(t *testing.T) {
	r := newRig(t)
	r.market()
	away := settlement.ErrUnavailable
	r.engine.before.Store(&away)
	got := r.must(503, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Idempotency-Key", "k"))
	if got.text("code") != "unavailable" || got.header.Get("Retry-After") == "" {
		t.Errorf("%s", got.body)
	}
	if all := r.must(200, r.do("GET", "/v1/payments", mexican, nil)).json["data"].([]any); len(all) != 0 {
		t.Errorf("left behind: %v", all)
	}
	r.engine.before.Store(nil)
	r.must(201, r.do("POST", "/v1/payments", mexican, euros("12.00"), "Idempotency-Key", "k", "Prefer", "wait=10"))
}

// One key used by many at once makes one payment; everyone else is told to wait, or gets its answer.
func TestOneKeyManyClients(t *testing.T) {
	r := newRig(t)
	r.market()
	const clients = 50
	answers := make([]*reply, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			answers[i] = r.do("POST", "/v1/payments", mexican, euros("10.00"), "Idempotency-Key", "k", "Prefer", "wait=10")
		})
	}
	wg.Wait()
	ids := map[string]int{}
	for _, a := range answers {
		switch a.status {
		case 201, 202:
			ids[a.text("id")]++
		case 409:
		default:
			t.Errorf("%d: %s", a.status, a.body)
		}
	}
	if len(ids) != 1 {
		t.Errorf("payments: %v", ids)
	}
	if owed := r.must(200, r.do("GET", "/v1/balances", mexican, nil)).text("data", "0", "value"); owed != "205.00" {
		t.Errorf("the sender owes %s after one payment of 10.00", owed)
	}
}

// A caller that hangs up while its order is under way finds the answer when it asks again.
func TestCallerHangsUp(t *testing.T) {
	r := newRig(t)
	r.market()
	hold := make(chan struct{})
	r.engine.held.Store(&hold)
	body, err := json.Marshal(euros("10.00"))
	r.ok(err)
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", r.url+"/v1/payments", bytes.NewReader(body))
	r.ok(err)
	req.Header.Set("Authorization", "Bearer "+r.keys[mexican])
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", "k")
	gone := make(chan error)
	go func() {
		_, err := r.client.Do(req)
		gone <- err
	}()
	for !r.began(mexican, "k") {
		runtime.Gosched()
	}
	hangUp()
	if err := <-gone; err == nil {
		t.Fatal("the caller got an answer")
	}
	r.engine.held.Store(nil)
	close(hold)
	for {
		got := r.do("POST", "/v1/payments", mexican, euros("10.00"), "Idempotency-Key", "k")
		if got.status == 409 {
			continue // until its work is done
		}
		r.must(202, got)
		if got.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s", got.body)
		}
		break
	}
	if all := r.must(200, r.do("GET", "/v1/payments", mexican, nil)).json["data"].([]any); len(all) != 1 {
		t.Errorf("%d payments", len(all))
	}
}

func (r *rig) began(bic, key string) bool {
	_, err := r.store.Request(r.t.Context(), ledger.MustBIC(bic), key)
	return err == nil
}

// The ledger refuses the same UETR a second time, under whatever key it comes.
func TestDuplicateUETR(t *testing.T) {
	r := newRig(t)
	r.market()
	order := euros("10.00")
	order["uetr"] = "174c245f-2682-4291-ad67-2a41e530cd27"
	r.must(201, r.do("POST", "/v1/payments", mexican, order, "Prefer", "wait=10"))
	got := r.must(201, r.do("POST", "/v1/payments", mexican, order, "Prefer", "wait=10"))
	if got.text("status") != "rejected" || got.text("code") != "duplicate_uetr" || got.text("iso_reason") != "DUPL" {
		t.Errorf("%s", got.body)
	}
}
