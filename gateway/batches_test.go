package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"viaduct/settlement"
)

func batch(whole bool, payments ...obj) obj {
	b := obj{"payments": payments}
	if whole {
		b["all_or_nothing"] = true
	}
	return b
}

// statuses tells each result of a batch, with its code.
func (r *reply) statuses() (all []string) {
	list, _ := r.json["data"].([]any)
	for _, x := range list {
		p := x.(obj)
		s := fmt.Sprint(p["status"])
		if code, ok := p["code"]; ok {
			s += fmt.Sprintf(" %v", code)
		}
		all = append(all, s)
	}
	return all
}

// Each payment of a batch has its own result, and the batch is one request: one key, one answer.
func TestBatch(t *testing.T) {
	r := newRig(t)
	r.market()
	tooMuch := obj{"to": german, "deliver": cash("EUR", "5.00"), "send_max": cash("MXN", "1.00"), "end_to_end_id": "TOO-MUCH"}
	body := batch(false, euros("10.00"), tooMuch, euros("20.00"))
	key := []string{"Idempotency-Key", "batch", "Prefer", "wait=10"}
	first := r.must(201, r.do("POST", "/v1/payments/batch", mexican, body, key...))
	diff(t, "results", first.statuses(), []string{"settled", "rejected send_max_exceeded", "settled"})
	if got := first.text("data", "1", "end_to_end_id"); got != "TOO-MUCH" {
		t.Errorf("the second result is of %q", got)
	}
	if a, b := first.text("data", "0", "height"), first.text("data", "2", "height"); a != b || a == "" {
		t.Errorf("the payments lie in blocks %s and %s", a, b)
	}
	again := r.must(201, r.do("POST", "/v1/payments/batch", mexican, body, key...))
	if string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("replayed %s, want %s", again.body, first.body)
	}
	other := r.must(422, r.do("POST", "/v1/payments/batch", mexican, batch(true, euros("10.00"), tooMuch, euros("20.00")), key...))
	diff(t, "other content", other.text("code"), "idempotency_key_reused")
	if got := r.must(200, r.do("GET", "/v1/payments", mexican, nil)); len(got.statuses()) != 3 {
		t.Errorf("the list has %v", got.statuses())
	}
	one := r.must(200, r.do("GET", "/v1/payments/"+first.text("data", "0", "id"), german, nil))
	diff(t, "receiver sees", one.text("delivered", "value"), "10.00")

	waits := r.must(202, r.do("POST", "/v1/payments/batch", mexican, batch(false, euros("1.00"), euros("1.00"))))
	diff(t, "without Prefer", waits.statuses(), []string{"accepted", "accepted"})
}

func TestBatchAllOrNothing(t *testing.T) {
	r := newRig(t)
	r.market()
	before := r.must(200, r.do("GET", "/v1/balances", mexican, nil)).text("data")
	tooMuch := obj{"to": german, "deliver": cash("EUR", "5.00"), "send_max": cash("MXN", "1.00")}
	none := r.must(201, r.do("POST", "/v1/payments/batch", mexican, batch(true, euros("10.00"), tooMuch, euros("20.00")), "Prefer", "wait=10"))
	diff(t, "results", none.statuses(), []string{"rejected batch_refused", "rejected send_max_exceeded", "rejected batch_refused"})
	if after := r.must(200, r.do("GET", "/v1/balances", mexican, nil)).text("data"); after != before {
		t.Errorf("none settled, and balances went from %s to %s", before, after)
	}
	proof := r.must(200, r.do("GET", "/v1/payments/"+none.text("data", "0", "id")+"/receipt", mexican, nil))
	if !strings.Contains(string(proof.body), "extra ") {
		t.Errorf("no receipt of a payment that its batch took back: %s", proof.body)
	}
	all := r.must(201, r.do("POST", "/v1/payments/batch", mexican, batch(true, euros("10.00"), euros("20.00")), "Prefer", "wait=10"))
	diff(t, "results", all.statuses(), []string{"settled", "settled"})
}

// A fault in one order refuses the batch, points at it, binds no key and orders nothing.
func TestBatchFaults(t *testing.T) {
	r := newRig(t)
	r.market()
	bad := euros("10.001")
	stranger := euros("1.00")
	stranger["to"] = "NOBKDEFF"
	unbounded := obj{"to": german, "deliver": cash("EUR", "1.00")}
	got := r.must(400, r.do("POST", "/v1/payments/batch", mexican, batch(false, euros("1.00"), bad, stranger, unbounded), "Idempotency-Key", "free"))
	diff(t, "faults", got.faults(), []string{
		"/payments/1/deliver/value too_many_decimals AM12", "/payments/2/to unknown_receiver RC04", "/payments/3 no_price_bound",
	})
	got = r.must(422, r.do("POST", "/v1/payments/batch", mexican, batch(false, unbounded), "Idempotency-Key", "free"))
	diff(t, "code", got.text("code"), "no_price_bound")
	got = r.must(400, r.do("POST", "/v1/payments/batch", mexican, batch(false), "Idempotency-Key", "free"))
	diff(t, "none", got.faults(), []string{"/payments invalid_value CH16"})
	got = r.must(400, r.do("POST", "/v1/payments/batch", mexican, obj{"payments": []any{euros("1.00"), obj{"to": german, "note": "x"}, 7}}, "Idempotency-Key", "free"))
	diff(t, "contract", got.faults(), []string{"/payments/1/note unknown_field CH17", "/payments/2 wrong_type CH16"})
	var many []obj
	for range 1001 {
		many = append(many, euros("1.00"))
	}
	got = r.must(400, r.do("POST", "/v1/payments/batch", mexican, batch(false, many...), "Idempotency-Key", "free"))
	diff(t, "1,001", got.faults(), []string{"/payments invalid_value CH16"})
	if list := r.must(200, r.do("GET", "/v1/payments", mexican, nil)); len(list.statuses()) != 0 {
		t.Errorf("refused batches left %v", list.statuses())
	}
	r.must(403, r.do("POST", "/v1/payments/batch", "", batch(false, euros("1.00"))))
	r.must(201, r.do("POST", "/v1/payments/batch", mexican, batch(false, euros("1.00")), "Idempotency-Key", "free", "Prefer", "wait=10"))
}

// A full batch goes through, and a repeat after a lost answer changes nothing.
func TestBatchOfThousand(t *testing.T) {
	r := newRig(t)
	r.market()
	var many []obj
	for i := range 1000 {
		p := euros("0.10")
		p["details"] = obj{"remittance": fmt.Sprintf("Salary %d", i)}
		many = append(many, p)
	}
	lost := error(settlement.ErrUnknown)
	r.engine.after.Store(&lost)
	r.must(503, r.do("POST", "/v1/payments/batch", mexican, batch(false, many...), "Idempotency-Key", "pay-day", "Prefer", "wait=30"))
	r.engine.after.Store(nil)
	r.clock.Add(int64(leaseTime + time.Second))
	start := time.Now()
	got := r.must(http.StatusCreated, r.do("POST", "/v1/payments/batch", mexican, batch(false, many...), "Idempotency-Key", "pay-day", "Prefer", "wait=30"))
	t.Logf("the repeat took %v", time.Since(start))
	settled := 0
	for _, s := range got.statuses() {
		if s == "settled" {
			settled++
		}
	}
	if settled != 1000 {
		t.Errorf("%d of 1000 settled; the first: %s", settled, got.text("data", "0"))
	}
	balance := r.must(200, r.do("GET", "/v1/lines/"+dealer+"/EUR/"+german, dealer, nil)).text("balance")
	diff(t, "the dealer's euros", balance, "499900.00")
}
