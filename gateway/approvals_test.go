package gateway

import (
	"context"
	"strings"
	"testing"
	"time"

	"viaduct/internal/testenv"
	"viaduct/ledger"
	"viaduct/settlement"
)

const fourEyes = "FOURMXMM"

// fourEyesBank admits a bank whose payments above 100 pesos wait for a second key, and that can pay the
// dealer in pesos of its own. The second key is known to the rig as "second".
func (r *rig) fourEyesBank() {
	r.t.Helper()
	r.admit(fourEyes)
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/MXN/"+fourEyes, dealer, obj{"limit": "10000000.00"}))
	r.must(200, r.do("PATCH", "/v1/participants/"+fourEyes, fourEyes, obj{"approval_above": []obj{cash("MXN", "100.00")}}))
	r.keys["second"] = r.must(201, r.do("POST", "/v1/participants/"+fourEyes+"/api-keys", fourEyes, obj{"name": "second"})).text("key")
}

func pesos(value string) obj {
	return obj{"to": dealer, "deliver": cash("MXN", value, fourEyes), "send_max": cash("MXN", value)}
}

func (r *rig) approve(id, as string, yes bool) *reply {
	r.t.Helper()
	return r.call(call{method: "POST", path: "/v1/payments/" + id + "/approve", as: as, body: obj{"approve": yes}, noKey: true, header: map[string]string{"Prefer": "wait=10"}})
}

// A payment above the bound is not ordered before another key than the one that made it says so.
func TestFourEyes(t *testing.T) {
	r := newRig(t)
	r.market()
	r.fourEyesBank()
	if got := r.must(201, r.do("POST", "/v1/payments", fourEyes, pesos("100.00"), "Prefer", "wait=10")); got.text("status") != "settled" {
		t.Errorf("at the bound: %s", got.body)
	}
	before, err := r.engine.Status(t.Context())
	r.ok(err)
	held := r.must(202, r.do("POST", "/v1/payments", fourEyes, pesos("100.01"), "Idempotency-Key", "big", "Prefer", "wait=10"))
	again := r.must(202, r.do("POST", "/v1/payments", fourEyes, pesos("100.01"), "Idempotency-Key", "big", "Prefer", "wait=10"))
	id := held.text("id")
	if held.text("status") != "held" || string(again.body) != string(held.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s, then %s", held.body, again.body)
	}
	if got := r.must(200, r.do("GET", "/v1/payments/"+id, fourEyes, nil)); got.text("status") != "held" {
		t.Errorf("%s", got.body)
	}
	r.must(404, r.do("GET", "/v1/payments/"+id, dealer, nil))
	if got := r.must(403, r.approve(id, fourEyes, true)); got.text("code") != "not_allowed" {
		t.Errorf("%s", got.body)
	}
	r.must(404, r.approve(id, dealer, true))
	r.must(404, r.approve(id, "", true))
	if after, err := r.engine.Status(t.Context()); err != nil || after.Height != before.Height {
		t.Errorf("something was ordered: %d, %d, %v", before.Height, after.Height, err)
	}
	if got := r.must(200, r.approve(id, "second", true)); got.text("status") != "settled" {
		t.Errorf("%s", got.body)
	}
	if got := r.must(200, r.approve(id, "second", true)); got.text("status") != "settled" {
		t.Errorf("approved again: %s", got.body)
	}
	if got := r.must(409, r.approve(id, fourEyes, false)); got.text("code") != "not_held" {
		t.Errorf("refused after it was approved: %s", got.body)
	}

	// A batch waits as a whole; whoever ordered it may take it back; another currency waits whatever its amount.
	batch := r.must(202, r.do("POST", "/v1/payments/batch", fourEyes, obj{"payments": []obj{pesos("1.00"), pesos("200.00")}}, "Prefer", "wait=10"))
	small, big := batch.text("data", "0", "id"), batch.text("data", "1", "id")
	if batch.text("data", "0", "status") != "held" || batch.text("data", "1", "status") != "held" {
		t.Errorf("%s", batch.body)
	}
	r.must(200, r.approve(small, fourEyes, false))
	for _, one := range []string{small, big} {
		if got := r.must(200, r.do("GET", "/v1/payments/"+one, fourEyes, nil)); got.text("status") != "cancelled" {
			t.Errorf("%s", got.body)
		}
	}
	r.must(409, r.approve(big, "second", true))
	euros := r.must(202, r.do("POST", "/v1/payments", fourEyes, obj{"to": german, "deliver": cash("EUR", "0.01"), "send_max": cash("USD", "1.00")}))
	if euros.text("status") != "held" {
		t.Errorf("%s", euros.body)
	}

	// No key lifts the rule it is under; the operator does.
	path := "/v1/participants/" + fourEyes
	r.must(403, r.do("PATCH", path, "second", obj{"approval_above": []obj{}}))
	diff(t, "a bad rule", r.must(400, r.do("PATCH", path, "", obj{"approval_above": []obj{cash("MXN", "-1"), cash("MXN", "1", german)}})).faults(),
		[]string{"/approval_above/0/value invalid_amount", "/approval_above/1/issuer invalid_value", "/approval_above/1/currency invalid_value"})
	if got := r.must(200, r.do("PATCH", path, "", obj{"approval_above": []obj{cash("MXN", "500.00")}})); got.text("approval_above", "0", "value") != "500.00" {
		t.Errorf("%s", got.body)
	}
	r.must(201, r.do("POST", "/v1/payments", fourEyes, pesos("400.00"), "Prefer", "wait=10"))
}

// What waits goes on waiting at another gateway; what nobody approves expires; and what was approved by a
// gateway that then could not submit is ordered later, once.
func TestApprovalsLast(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testApprovalsLast(newRig(t), t) })
	t.Run("postgres", func(t *testing.T) { testApprovalsLast(newRig(t, testenv.Postgres(t)), t) })
}

func testApprovalsLast(r *rig, t *testing.T) {
	r.market()
	r.fourEyesBank()
	order := func() string {
		t.Helper()
		return r.must(202, r.do("POST", "/v1/payments", fourEyes, pesos("150.00"))).text("id")
	}
	status := func(id string) string {
		t.Helper()
		return r.must(200, r.do("GET", "/v1/payments/"+id, fourEyes, nil)).text("status")
	}
	late, lost, lostToo, other := order(), order(), order(), order()
	if got := r.another().approve(other, "second", true); got.status != 200 || got.text("status") != "settled" {
		t.Errorf("at another gateway: %d %s", got.status, got.body)
	}
	away := settlement.ErrUnavailable
	r.engine.before.Store(&away)
	for _, id := range []string{lost, lostToo} {
		if got := r.must(503, r.approve(id, "second", true)); got.text("code") != "unavailable" {
			t.Errorf("%s", got.body)
		}
		if got := status(id); got != "received" && got != "accepted" {
			t.Errorf("approved and not ordered: %s", got)
		}
	}
	r.engine.before.Store(nil)
	r.clock.Store(int64(2 * approvalGrace))
	usual := r.gateway.cfg.Engine
	r.gateway.cfg.Engine = &failsOnce{Engine: usual}
	for _, want := range []int{1, 2} { // of the two, one can't be ordered by the first sweep
		r.gateway.sweep(t.Context())
		ordered := 0
		for _, id := range []string{lost, lostToo} {
			placed, err := r.store.Payment(t.Context(), ledger.MustBIC(fourEyes), parsedID(t, id))
			r.ok(err)
			if placed.Height == 0 {
				continue
			}
			ordered++
			r.ok(r.engine.WaitFinal(t.Context(), placed.Height))
			if got := status(id); got != "settled" {
				t.Errorf("after the sweep: %s", got)
			}
		}
		if ordered != want {
			t.Errorf("%d were ordered, want %d", ordered, want)
		}
	}
	r.gateway.cfg.Engine = usual
	r.clock.Store(int64(approvalTime + time.Minute))
	r.gateway.sweep(t.Context())
	if got := status(late); got != "expired" {
		t.Errorf("a day later: %s", got)
	}
	r.must(409, r.approve(late, "second", true))
	lines, _, err := r.store.Balances(t.Context(), ledger.MustBIC(dealer))
	r.ok(err)
	found := false
	for i := range lines {
		if strings.HasSuffix(lines[i].Asset.String(), fourEyes) {
			found = true
			if lines[i].Balance != 3*150_00 {
				t.Errorf("the dealer has %d, want three payments", lines[i].Balance)
			}
		}
	}
	if !found {
		t.Error("the dealer has no line")
	}
}

// failsOnce is an engine whose first submission does not get through.
type failsOnce struct {
	Engine
	failed bool
}

func (f *failsOnce) Submit(ctx context.Context, data []byte) (settlement.Accepted, error) {
	if !f.failed {
		f.failed = true
		return settlement.Accepted{}, settlement.ErrUnavailable
	}
	return f.Engine.Submit(ctx, data)
}

func parsedID(t *testing.T, text string) ledger.ID {
	t.Helper()
	id, err := parseID(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}
