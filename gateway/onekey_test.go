package gateway

import (
	"strings"
	"sync"
	"testing"
	"time"

	"viaduct/internal/testenv"
)

// Show: 100 clients send one order under one key to two gateways at once, and again until they have an
// answer: one payment, one answer.
func TestOneKeyTwoGateways(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{
		"sqlite": nil, "postgres": func(t testing.TB) string { return testenv.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			var r *rig
			if database == nil {
				r = newRig(t)
			} else {
				r = newRig(t, database(t))
			}
			r.market()
			gates := []*rig{r, r.another()}
			const clients = 100
			bodies := make([]string, clients)
			waited, fresh := 0, 0
			var mu sync.Mutex
			var all sync.WaitGroup
			start := time.Now()
			for i := range clients {
				all.Go(func() {
					for {
						got := gates[i%2].do("POST", "/v1/payments", mexican, euros("10.00"), "Idempotency-Key", "one", "Prefer", "wait=10")
						mu.Lock()
						switch {
						case got.status == 409 && got.text("code") == "request_in_flight" && got.header.Get("Retry-After") != "":
							waited++
						case got.status == 201:
							bodies[i] = string(got.body)
							if got.header.Get("Idempotent-Replayed") != "true" {
								fresh++
							}
						default:
							t.Errorf("%d: %s", got.status, got.body)
						}
						mu.Unlock()
						if got.status != 409 {
							return
						}
					}
				})
			}
			all.Wait()
			t.Logf("%d clients answered in %v after being told to wait %d times", clients, time.Since(start).Round(time.Millisecond), waited)
			for i, body := range bodies {
				if body != bodies[0] {
					t.Errorf("client %d got %s, the first %s", i, body, bodies[0])
				}
			}
			if fresh != 1 {
				t.Errorf("%d answers say that they are the first", fresh)
			}
			if list := r.must(200, r.do("GET", "/v1/payments", mexican, nil)).statuses(); len(list) != 1 {
				t.Errorf("%d payments: %v", len(list), list)
			}
			if owed := gates[1].must(200, gates[1].do("GET", "/v1/balances", mexican, nil)).text("data", "0", "value"); owed != "205.00" {
				t.Errorf("the sender owes %s after one payment of 10.00", owed)
			}
		})
	}
}

// An answer outlives its gateway: another one on the same database gives it, byte for byte, for seven
// days. So does the answer to what was refused, and to what only changed settings.
func TestReplayElsewhere(t *testing.T) {
	r := newRig(t)
	r.market()
	settings := obj{"funding": []string{"MXN"}, "max_over_mid_bps": 300}
	requests := []struct {
		name, method, path, as string
		body                   any
		status                 int
	}{
		{"payment", "POST", "/v1/payments", mexican, euros("10.00"), 201},
		{"batch", "POST", "/v1/payments/batch", mexican, batch(true, euros("1.00")), 201},
		{"rejected payment", "POST", "/v1/payments", mexican, obj{"to": german, "deliver": cash("EUR", "5.00"), "send_max": cash("MXN", "1.00")}, 201},
		{"offer", "POST", "/v1/offers", dealer, obj{"give": cash("EUR", "1.00", german), "want": obj{"currency": "MXN", "issuer": mexican}, "price": "21"}, 201},
		{"refused offer", "POST", "/v1/offers", romanian, obj{"give": cash("EUR", "1.00", german), "want": obj{"currency": "MXN", "issuer": mexican}, "price": "21"}, 409},
		{"line", "PUT", "/v1/lines/" + romanian + "/EUR/" + german, romanian, obj{"limit": "5.00"}, 200},
		{"closed line", "DELETE", "/v1/lines/" + romanian + "/EUR/" + german, romanian, nil, 200},
		{"settings", "PATCH", "/v1/participants/" + mexican, mexican, settings, 200},
		{"terms", "PATCH", "/v1/participants/" + mexican, mexican, obj{"transfer_fee": "0.001"}, 200},
		{"caps", "PATCH", "/v1/participants/" + mexican, "", obj{"net_debit_caps": []any{obj{"currency": "MXN", "value": "1000000.00"}}}, 200},
		{"admission", "POST", "/v1/participants", "", obj{"bic": "NEWXUS33", "name": "New", "country": "US"}, 201},
	}
	firsts := make([]*reply, len(requests))
	send := func(to *rig, i int, body any) *reply {
		q := requests[i]
		return to.do(q.method, q.path, q.as, body, "Idempotency-Key", "k-"+strings.ReplaceAll(q.name, " ", "-"), "Prefer", "wait=10")
	}
	for i, q := range requests {
		firsts[i] = r.must(q.status, send(r, i, q.body))
	}
	// What was set since is not set back by a repeat of what came before.
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"max_over_mid_bps": 7}))
	r.clock.Add(int64(7*24*time.Hour - time.Minute))
	elsewhere := r.another()
	r.gateway.sweep(t.Context())
	for i, q := range requests {
		got := elsewhere.must(q.status, send(elsewhere, i, q.body))
		if string(got.body) != string(firsts[i].body) || got.header.Get("Idempotent-Replayed") != "true" || got.header.Get("Content-Type") != firsts[i].header.Get("Content-Type") {
			t.Errorf("%s: replayed %s\nfirst %s", q.name, got.body, firsts[i].body)
		}
		if firsts[i].header.Get("Idempotent-Replayed") != "" {
			t.Errorf("%s: the first answer says that it was given before", q.name)
		}
		if q.body != nil {
			other := elsewhere.must(422, send(elsewhere, i, changed(q.body.(obj))))
			diff(t, q.name, other.text("code"), "idempotency_key_reused")
		}
	}
	diff(t, "max_over_mid_bps", elsewhere.must(200, elsewhere.do("GET", "/v1/participants/"+mexican, mexican, nil)).text("max_over_mid_bps"), "7")
	// Past the time that answers are kept, the key is free.
	r.clock.Add(int64(2 * 24 * time.Hour))
	r.gateway.sweep(t.Context())
	if got := send(elsewhere, 7, settings); got.status != 200 || got.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("after nine days: %d %s", got.status, got.body)
	}
}

// changed returns a body with other content that is as good.
func changed(body obj) obj {
	out := obj{}
	for name, v := range body {
		out[name] = v
	}
	switch {
	case body["deliver"] != nil:
		out["deliver"] = cash("EUR", "3.00")
	case body["payments"] != nil:
		out["payments"] = []obj{euros("4.00")}
	case body["price"] != nil:
		out["price"] = "22"
	case body["limit"] != nil:
		out["limit"] = "6.00"
	case body["name"] != nil:
		out["name"] = "Another"
	case body["net_debit_caps"] != nil:
		out["net_debit_caps"] = []any{obj{"currency": "MXN", "value": "2.00"}}
	default:
		out["transfer_fee"] = "0.002"
	}
	return out
}
