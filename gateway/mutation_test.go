package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Spoiled requests get documented answers, never a 500, and one that is refused changes nothing.
func TestMutatedRequests(t *testing.T) {
	r := newRig(t)
	r.market()
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"funding": []string{"MXN"}, "max_over_mid_bps": 300}))
	hook := r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": "https://bank.example/"})).text("id")
	bodies := []struct{ method, path, as, body string }{
		{"POST", "/v1/payments", mexican, `{"to":"EURBDEFF","deliver":{"currency":"EUR","value":"1.00","issuer":"EURBDEFF"},"send_max":{"currency":"MXN","value":"21.00"},"partial":true,"end_to_end_id":"x","uetr":"174c245f-2682-4291-ad67-2a41e530cd27","details":{"debtor":{"name":"a","account":"1"},"remittance":"r"},"not_after":"2099-01-01T00:00:00Z"}`},
		{"POST", "/v1/payments", mexican, `{"from":"BKMXMXMM","to":"EURBDEFF","send":{"currency":"MXN","value":"21.00"},"deliver_min":{"currency":"EUR","value":"1.00"}}`},
		{"POST", "/v1/payments/batch", mexican, `{"all_or_nothing":true,"payments":[{"to":"EURBDEFF","deliver":{"currency":"EUR","value":"1.00"},"send_max":{"currency":"MXN","value":"21.00"}},{"to":"EURBDEFF","send":{"currency":"MXN","value":"21.00"},"deliver_min":{"currency":"EUR","value":"1.00"}}]}`},
		{"POST", "/v1/offers", dealer, `{"give":{"currency":"EUR","value":"1.00","issuer":"EURBDEFF"},"want":{"currency":"MXN","issuer":"BKMXMXMM","value":"99.00"},"price":"20.5","expires_at":"2099-01-01T00:00:00Z"}`},
		{"POST", "/v1/quotes", mexican, `{"from":"BKMXMXMM","to":"EURBDEFF","deliver":{"currency":"EUR","value":"1.00"},"source":"MXN","target":"EUR"}`},
		{"PUT", "/v1/lines/" + dealer + "/EUR/" + german, dealer, `{"limit":"1000000.00","ripple":true,"quality_in":"1","quality_out":"1.0002"}`},
		{"PATCH", "/v1/participants/" + mexican, mexican, `{"transfer_fee":"0","require_authorization":false,"frozen":false,"ripple_default":false,"funding":["MXN","EUR@EURBDEFF"],"max_over_mid_bps":300}`},
		{"POST", "/v1/participants", "", `{"bic":"NEWXUS33","name":"n","country":"US","lei":"VIADUCT0TESTBANK0175","funding":["USD"],"max_over_mid_bps":1}`},
		{"POST", "/v1/participants/" + mexican + "/api-keys", mexican, `{"name":"n","expires_at":"2099-01-01T00:00:00Z"}`},
		{"POST", "/v1/participants/" + mexican + "/signing-keys", mexican, `{"public_key":"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}`},
		{"POST", "/v1/webhooks", mexican, `{"url":"https://bank.example/x","events":["payment.settled"]}`},
		{"PATCH", "/v1/webhooks/" + hook, mexican, `{"url":"https://bank.example/x","events":["payment.settled"],"disabled":true}`},
		{"POST", "/v1/webhooks/" + hook + "/redeliver", mexican, `{"failed":true,"from":"2026-03-13T00:00:00Z","until":"2026-03-14T00:00:00Z"}`},
		{"POST", "/v1/webhooks/" + hook + "/redeliver", mexican, `{"event_id":"evt_1_0_0"}`},
	}
	values := []any{
		nil, true, false, "", "x", 0, -1, json.Number("1e308"), json.Number("9223372036854775808"), "0", "-1", "1e9", "999999999999999999999",
		"1.0000000000001", "EUR", "MXN", "USD", "XAU", "EUR@EURBDEFF", "MXN@NOBKDEFF", german, dealer, "NOBKDEFF", "eurbdeff",
		"2020-01-01T00:00:00Z", strings.Repeat("é", 200), "\u202e\ufffd", []any{}, []any{nil}, obj{}, obj{"currency": "EUR"}, "ftp://x", "http://127.0.0.1/",
	}
	rapid.Check(t, func(rt *rapid.T) {
		b := rapid.SampledFrom(bodies).Draw(rt, "request")
		var body obj
		if err := json.Unmarshal([]byte(b.body), &body); err != nil {
			rt.Fatal(err)
		}
		for range rapid.IntRange(1, 3).Draw(rt, "changes") {
			at := body
			for {
				names := sortedKeys(at)
				if len(names) == 0 {
					break
				}
				name := rapid.SampledFrom(names).Draw(rt, "member")
				if inner, ok := at[name].(obj); ok && rapid.Bool().Draw(rt, "deeper") {
					at = inner
					continue
				}
				switch rapid.IntRange(0, 3).Draw(rt, "change") {
				case 0:
					delete(at, name)
				case 1:
					at[rapid.SampledFrom([]string{"surplus", "To", "value", "issuer", "price", "send_max"}).Draw(rt, "new")] = rapid.SampledFrom(values).Draw(rt, "value")
				default:
					at[name] = rapid.SampledFrom(values).Draw(rt, "value")
				}
				break
			}
		}
		got := r.do(b.method, b.path, b.as, body)
		if got.status >= 500 {
			rt.Fatalf("%s %s %v: %d %s", b.method, b.path, body, got.status, got.body)
		}
		if t.Failed() {
			rt.Fatalf("%s %s %v answered against the contract", b.method, b.path, body)
		}
	})
}

func sortedKeys(o obj) []string {
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// BenchmarkCreatePayment is what one order costs end to end at the gateway, over HTTP, with a node,
// its journal and SQLite on the same disk, for as many clients at once as wait for their result.
func BenchmarkCreatePayment(b *testing.B) {
	for _, clients := range []int{1, 64, 512} {
		for _, wait := range []string{"", "wait=10"} {
			b.Run(fmt.Sprintf("clients=%d/prefer=%s", clients, wait), func(b *testing.B) {
				r := newRig(b)
				r.market()
				orders := make(chan int)
				var wg sync.WaitGroup
				for range clients {
					wg.Go(func() {
						for range orders {
							got := r.do("POST", "/v1/payments", mexican, euros("0.01"), "Prefer", wait)
							if got.status >= 300 {
								b.Errorf("%d %s", got.status, got.body)
							}
						}
					})
				}
				start := time.Now()
				for i := 0; b.Loop(); i++ {
					orders <- i
				}
				close(orders)
				wg.Wait()
				b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "payments/s")
			})
		}
	}
}
