package gateway

import (
	"strings"
	"testing"
	"time"
)

// Every operation by everyone: the participant concerned, another one, the operator, and whoever has
// no good key. Another's looks like what is not there; who may not is told so where that tells nothing.
func TestAuthorisation(t *testing.T) {
	r := newRig(t)
	r.market()
	paid := r.must(201, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Prefer", "wait=10")).text("id")
	offer := r.must(201, r.do("POST", "/v1/offers", dealer, obj{
		"give": cash("EUR", "1.00", german), "want": cash("MXN", "30.00", mexican),
	})).text("id")
	hook := r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": "http://127.0.0.1:1/x"})).text("id")
	apiKey := r.must(201, r.do("POST", "/v1/participants/"+mexican+"/api-keys", mexican, obj{"name": "second"})).text("id")
	line := "/v1/lines/" + dealer + "/EUR/" + german
	newKey := obj{"public_key": "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}

	tests := []struct {
		method, path         string
		body                 any
		owner                string // whose it is
		own, other, operator int
	}{
		{"POST", "/v1/participants", obj{"bic": "NEWBUS33", "name": "New", "country": "US"}, mexican, 403, 403, 201},
		{"GET", "/v1/participants", nil, mexican, 200, 200, 200},
		{"GET", "/v1/participants/" + mexican, nil, mexican, 200, 200, 200},
		{"PATCH", "/v1/participants/" + mexican, obj{"max_over_mid_bps": 10}, mexican, 200, 404, 403},
		{"PATCH", "/v1/participants/" + mexican, obj{"net_debit_caps": []any{cash("MXN", "5000000.00")}}, mexican, 403, 404, 200},
		{"POST", "/v1/participants/" + mexican + "/api-keys", obj{"name": "x"}, mexican, 201, 404, 201},
		{"GET", "/v1/participants/" + mexican + "/api-keys", nil, mexican, 200, 404, 200},
		{"POST", "/v1/participants/" + mexican + "/signing-keys", newKey, mexican, 201, 404, 201},
		{"GET", "/v1/participants/" + mexican + "/signing-keys", nil, mexican, 200, 404, 200},
		{"GET", "/v1/lines", nil, dealer, 200, 200, 400},
		{"GET", "/v1/lines?participant=" + dealer, nil, dealer, 200, 404, 200},
		{"GET", line, nil, dealer, 200, 404, 200},
		{"PUT", line, obj{"limit": "900000.00"}, dealer, 200, 404, 403},
		{"POST", "/v1/offers", obj{"give": cash("EUR", "1.00", german), "want": cash("MXN", "31.00", mexican)}, dealer, 201, 409, 403},
		{"GET", "/v1/offers", nil, dealer, 200, 200, 400},
		{"GET", "/v1/offers/" + offer, nil, dealer, 200, 404, 404},
		{"POST", "/v1/payments", euros("1.00"), mexican, 202, 202, 403},
		{"GET", "/v1/payments", nil, mexican, 200, 200, 400},
		{"GET", "/v1/payments/" + paid, nil, mexican, 200, 404, 404},
		{"GET", "/v1/payments/" + paid + "/receipt", nil, mexican, 200, 404, 404},
		{"GET", "/v1/balances", nil, mexican, 200, 200, 400},
		{"GET", "/v1/balances?participant=" + mexican, nil, mexican, 200, 404, 200},
		{"GET", "/v1/blocks", nil, mexican, 200, 200, 200},
		{"GET", "/v1/blocks/1", nil, mexican, 200, 200, 200},
		{"GET", "/v1/validators", nil, mexican, 200, 200, 200},
		{"GET", "/v1/rates", nil, mexican, 200, 200, 200},
		{"GET", "/v1/book/EUR@" + german + "/MXN@" + mexican, nil, mexican, 200, 200, 200},
		{"POST", "/v1/webhooks", obj{"url": "http://127.0.0.1:1/y"}, mexican, 201, 201, 403},
		{"GET", "/v1/webhooks", nil, mexican, 200, 200, 200},
		// What takes away comes last, and the others try first.
		{"GET", "/v1/webhooks/" + hook, nil, mexican, 200, 404, 404},
		{"PATCH", "/v1/webhooks/" + hook, obj{"disabled": false}, mexican, 200, 404, 404},
		{"GET", "/v1/webhooks/" + hook + "/deliveries", nil, mexican, 200, 404, 404},
		{"POST", "/v1/webhooks/" + hook + "/redeliver", obj{"failed": true}, mexican, 202, 404, 404},
		{"POST", "/v1/webhooks/" + hook + "/rotate-secret", nil, mexican, 200, 404, 404},
		{"POST", "/v1/webhooks/" + hook + "/test", nil, mexican, 200, 404, 404},
		{"DELETE", "/v1/webhooks/" + hook, nil, mexican, 204, 404, 404},
		{"DELETE", "/v1/participants/" + mexican + "/api-keys/" + apiKey, nil, mexican, 204, 404, 204},
		{"DELETE", "/v1/offers/" + offer, nil, dealer, 200, 404, 404},
		{"DELETE", line, nil, dealer, 200, 404, 403},
	}
	for _, tt := range tests {
		for _, as := range []struct {
			who  string
			want int
		}{{romanian, tt.other}, {"", tt.operator}, {tt.owner, tt.own}} {
			got := r.do(tt.method, tt.path, as.who, tt.body)
			if got.status != as.want {
				t.Errorf("%s as %q: %d, want %d: %s", got.what, as.who, got.status, as.want, got.body)
			}
		}
		for _, token := range []string{"Bearer ", "Bearer vdk_000000000000_" + strings.Repeat("A", 43), "Basic " + r.keys[tt.owner]} {
			got := r.call(call{method: tt.method, path: tt.path, body: tt.body, token: token})
			if got.status != 401 || got.text("code") != "unauthorized" || got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s with %.12q: %d %s", got.what, token, got.status, got.body)
			}
		}
	}
	// Health asks for no key.
	for _, path := range []string{"/healthz", "/readyz", "/openapi.yaml"} {
		r.must(200, r.call(call{method: "GET", path: path, token: "none"}))
	}
}

// A key ends when it expires or is revoked, and one character less or other is no key.
func TestKeysEnd(t *testing.T) {
	r := newRig(t)
	until := time.Now().Add(time.Hour)
	made := r.must(201, r.do("POST", "/v1/participants/"+mexican+"/api-keys", mexican, obj{
		"name": "short", "expires_at": until.UTC().Format(time.RFC3339),
	}))
	key := made.text("key")
	try := func(key string) int {
		return r.call(call{method: "GET", path: "/v1/balances", token: "Bearer " + key}).status
	}
	if got := try(key); got != 200 {
		t.Fatalf("a fresh key: %d", got)
	}
	listed := r.must(200, r.do("GET", "/v1/participants/"+mexican+"/api-keys", mexican, nil))
	if strings.Contains(string(listed.body), key) || !strings.Contains(string(listed.body), "last_used_at") {
		t.Errorf("listed: %s", listed.body)
	}
	last := byte('A')
	if key[len(key)-2] == last {
		last = 'B'
	}
	for _, bad := range []string{key[:len(key)-1], key + "A", key[:len(key)-2] + string(last) + key[len(key)-1:], strings.ToUpper(key)} {
		if got := try(bad); got != 401 {
			t.Errorf("key %q instead of %q: %d", bad, key, got)
		}
	}
	r.clock.Store(int64(2 * time.Hour))
	if got := try(key); got != 401 {
		t.Errorf("an expired key: %d", got)
	}
	r.clock.Store(0)
	r.must(204, r.do("DELETE", "/v1/participants/"+mexican+"/api-keys/"+made.text("id"), mexican, nil))
	if got := try(key); got != 401 {
		t.Errorf("a revoked key: %d", got)
	}
	r.must(400, r.do("POST", "/v1/participants/"+mexican+"/api-keys", mexican, obj{"name": "late", "expires_at": "2020-01-01T00:00:00Z"}))
}
