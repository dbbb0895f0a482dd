package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Every kind of bad input gets its own stable code, a pointer and, where there is one, the ISO reason;
// nothing is recorded, and no key is bound.
func TestBadInput(t *testing.T) {
	r := newRig(t)
	r.market()
	// good is a payment that is refused by no one; each case spoils it.
	good := func(change func(o obj)) obj {
		o := euros("10.00")
		change(o)
		return o
	}
	deliver := func(m obj) obj { return good(func(o obj) { o["deliver"] = m }) }
	long := strings.Repeat("x", maxBody)
	tests := []struct {
		name   string
		body   any
		media  string
		header map[string]string
		status int
		code   string
		faults []string
	}{
		{"malformed JSON", `{"to":`, "", nil, 400, "malformed_json", []string{"/to malformed_json FF01"}},
		{"nothing", ``, "", nil, 400, "malformed_json", []string{" malformed_json FF01"}},
		{"not an object", `[]`, "", nil, 400, "wrong_type", []string{" wrong_type CH16"}},
		{"trailing data", `{} {}`, "", nil, 400, "trailing_data", []string{" trailing_data FF01"}},
		{"duplicate key", `{"to":"EURBDEFF","to":"EURBDEFF","deliver":{"currency":"EUR","value":"1"},"send_max":{"currency":"MXN","value":"1"}}`, "", nil, 400, "duplicate_key", []string{"/to duplicate_key FF01"}},
		{"not UTF-8", "{\"to\":\"\xff\"}", "", nil, 400, "invalid_utf8", []string{" invalid_utf8 FF01"}},
		{"half a surrogate pair", `{"to":"\ud800"}`, "", nil, 400, "invalid_utf8", []string{"/to invalid_utf8 FF01"}},
		{"deep nesting", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), "", nil, 400, "too_deep", []string{strings.Repeat("/a", 33) + " too_deep FF01"}},
		{"wrong content type", euros("1.00"), "text/plain", nil, 415, "unsupported_media_type", nil},
		{"wrong charset", euros("1.00"), "application/json; charset=latin1", nil, 415, "unsupported_media_type", nil},
		{"body over 1 MiB", obj{"to": long}, "", nil, 413, "too_large", nil},

		{"unknown field", good(func(o obj) { o["amount"] = 1 }), "", nil, 400, "unknown_field", []string{"/amount unknown_field CH17"}},
		{"unknown field within", deliver(obj{"currency": "EUR", "value": "1.00", "Value": "2.00"}), "", nil, 400, "unknown_field", []string{"/deliver/Value unknown_field CH17"}},
		{"missing field", good(func(o obj) { delete(o, "to") }), "", nil, 400, "missing_field", []string{"/to missing_field CH21"}},
		{"wrong type", good(func(o obj) { o["partial"] = "yes" }), "", nil, 400, "wrong_type", []string{"/partial wrong_type CH16"}},
		{"null", good(func(o obj) { o["uetr"] = nil }), "", nil, 400, "invalid_value", []string{"/uetr invalid_value CH16"}},
		{"wrong BIC", good(func(o obj) { o["to"] = "EURBDEF" }), "", nil, 400, "invalid_bic", []string{"/to invalid_bic RC01"}},
		{"wrong currency", deliver(cash("XYZ", "1.00")), "", nil, 400, "invalid_currency", []string{"/deliver/currency invalid_currency CURR"}},
		{"too many decimals", deliver(cash("EUR", "1.001")), "", nil, 400, "too_many_decimals", []string{"/deliver/value too_many_decimals AM12"}},
		{"decimals of a currency without", deliver(cash("JPY", "1.0")), "", nil, 400, "too_many_decimals", []string{"/deliver/value too_many_decimals AM12"}},
		{"negative amount", deliver(cash("EUR", "-1.00")), "", nil, 400, "invalid_amount", []string{"/deliver/value invalid_amount AM12"}},
		{"zero amount", deliver(cash("EUR", "0.00")), "", nil, 400, "invalid_amount", []string{"/deliver/value invalid_amount AM01"}},
		{"amount with an exponent", deliver(cash("EUR", "1e2000000")), "", nil, 400, "invalid_amount", []string{"/deliver/value invalid_amount AM12"}},
		{"amount above int64", deliver(cash("EUR", "92233720368547758.08")), "", nil, 400, "amount_out_of_range", []string{"/deliver/value amount_out_of_range AM12"}},
		{"amount above the ledger's", deliver(cash("EUR", "20000000000000000.00")), "", nil, 400, "amount_out_of_range", []string{"/deliver/value amount_out_of_range AM12"}},
		{"amount as a number", deliver(obj{"currency": "EUR", "value": 1}), "", nil, 400, "wrong_type", []string{"/deliver/value wrong_type CH16"}},
		{"unknown participant", good(func(o obj) { o["to"] = "NOBKDEFF" }), "", nil, 400, "unknown_receiver", []string{"/to unknown_receiver RC04"}},
		{"unknown issuer", deliver(cash("EUR", "1.00", "NOBKDEFF")), "", nil, 400, "unknown_issuer", []string{"/deliver/issuer unknown_issuer RC01"}},
		{"another's money", good(func(o obj) { o["from"] = german }), "", nil, 400, "unknown_participant", []string{"/from unknown_participant RC03"}},
		{"to oneself", good(func(o obj) { o["to"] = mexican; o["deliver"] = cash("MXN", "1.00") }), "", nil, 400, "self_payment", []string{"/to self_payment AG01"}},
		{"expired not_after", good(func(o obj) { o["not_after"] = time.Now().Add(-time.Second).UTC().Format(time.RFC3339) }), "", nil, 400, "past_not_after", []string{"/not_after past_not_after TM01"}},
		{"not a time", good(func(o obj) { o["not_after"] = "tomorrow" }), "", nil, 400, "invalid_time", []string{"/not_after invalid_time DT01"}},
		{"wrong UETR", good(func(o obj) { o["uetr"] = "174c245f-2682-1291-ad67-2a41e530cd27" }), "", nil, 400, "invalid_uetr", []string{"/uetr invalid_uetr CH16"}},
		{"deliver and send", good(func(o obj) { o["send"] = cash("MXN", "1.00") }), "", nil, 400, "conflicting_fields", []string{"/send conflicting_fields"}},
		{"neither", good(func(o obj) { delete(o, "deliver") }), "", nil, 400, "missing_field", []string{"/deliver missing_field CH21"}},
		{"too long", good(func(o obj) { o["end_to_end_id"] = strings.Repeat("x", 36) }), "", nil, 400, "invalid_value", []string{"/end_to_end_id invalid_value CH16"}},
		{"missing idempotency key", euros("1.00"), "", map[string]string{"Idempotency-Key": ""}, 400, "missing_idempotency_key", []string{"header:Idempotency-Key missing_idempotency_key"}},
		{"idempotency key too long", euros("1.00"), "", map[string]string{"Idempotency-Key": strings.Repeat("k", 256)}, 400, "invalid_value", []string{"header:Idempotency-Key invalid_value"}},
		{"idempotency key of other characters", euros("1.00"), "", map[string]string{"Idempotency-Key": "schlüssel"}, 400, "invalid_value", []string{"header:Idempotency-Key invalid_value"}},
		{"NUL in a text", `{"to":"EURBDEFF","deliver":{"currency":"EUR","value":"1"},"send_max":{"currency":"MXN","value":"1"},"end_to_end_id":"a\u0000b"}`, "", nil, 400, "invalid_value", []string{"/end_to_end_id invalid_value CH16"}},

		// All faults at once, of every sort, in the order in which they are found.
		{"all at once", obj{
			"to": "x", "deliver": cash("EUR", "1.001"), "send_max": cash("XYZ", "-1"), "partial": 7, "surplus": true,
			"details": obj{"debtor": obj{"name": ""}}, "not_after": "2020-01-01T00:00:00Z", "uetr": "u",
		}, "", map[string]string{"Idempotency-Key": ""}, 400, "invalid_request", []string{
			"header:Idempotency-Key missing_idempotency_key",
			"/send_max/currency invalid_currency CURR", "/to invalid_bic RC01", "/uetr invalid_uetr CH16",
			"/details/debtor/name invalid_value CH16", "/partial wrong_type CH16", "/surplus unknown_field CH17",
			"/deliver/value too_many_decimals AM12", "/not_after past_not_after TM01",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.t = t
			got := r.call(call{method: "POST", path: "/v1/payments", as: mexican, body: tt.body, media: tt.media, header: tt.header})
			r.must(tt.status, got)
			if got.text("code") != tt.code || got.text("retryable") != "false" || got.text("request_id") != got.header.Get("X-Request-Id") {
				t.Errorf("problem %s, want code %s", got.body, tt.code)
			}
			diff(t, "faults", got.faults(), tt.faults)
			if got.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("content type %s", got.header.Get("Content-Type"))
			}
		})
	}
	r.t = t
	if n := len(r.must(200, r.do("GET", "/v1/payments", mexican, nil)).json["data"].([]any)); n != 0 {
		t.Errorf("%d payments came of bad input", n)
	}
}

// What a hostile body costs is bounded, and so is the answer.
func TestFloodOfFaults(t *testing.T) {
	r := newRig(t)
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ",%q:1", fmt.Sprint("k", i))
		}
		return "{" + b.String()[1:] + "}"
	}
	got := r.must(400, r.do("POST", "/v1/payments", mexican, []byte(many(maxMembers)), "Idempotency-Key", "flood-1"))
	if n := len(got.faults()); n != maxFaults {
		t.Errorf("%d faults told, want %d", n, maxFaults)
	}
	got = r.must(400, r.do("POST", "/v1/payments", mexican, []byte(many(80_000)), "Idempotency-Key", "flood-2"))
	if n := len(got.faults()); n != 1 {
		t.Errorf("%d faults told, want 1", n)
	}
}

// An integer in another spelling is a faulty field, not our fault; a text that controls is refused.
func TestWhatTheContractAllowsAndWeDoNot(t *testing.T) {
	r := newRig(t)
	for body, want := range map[string]string{
		`{"max_over_mid_bps":1e2}`:   "/max_over_mid_bps wrong_type CH16",
		`{"max_over_mid_bps":100.0}`: "/max_over_mid_bps wrong_type CH16",
	} {
		got := r.must(400, r.do("PATCH", "/v1/participants/"+mexican, mexican, []byte(body)))
		diff(t, body, got.faults(), []string{want})
	}
	body := `{"to":"EURBDEFF","deliver":{"currency":"EUR","value":"1.00"},"end_to_end_id":"a\u0001b"}`
	got := r.must(400, r.do("POST", "/v1/payments", mexican, []byte(body), "Idempotency-Key", "control"))
	diff(t, body, got.faults(), []string{"/end_to_end_id invalid_value CH16"})
}

// Parameters are checked as bodies are.
func TestBadParameters(t *testing.T) {
	r := newRig(t)
	for path, want := range map[string]string{
		"/v1/payments?limit=0":             "query:limit invalid_value",
		"/v1/payments?limit=x":             "query:limit wrong_type",
		"/v1/payments?limit=1&limit=2":     "query:limit invalid_value",
		"/v1/payments?currency=XYZ":        "query:currency invalid_currency",
		"/v1/payments?uetr=1":              "query:uetr invalid_uetr",
		"/v1/payments?status=done":         "query:status invalid_value",
		"/v1/payments?end_to_end_id=a%00b": "query:end_to_end_id invalid_value",
		"/v1/payments?end_to_end_id=a%ffb": "query:end_to_end_id invalid_value",
		"/v1/payments?colour=red":          "query:colour unknown_field",
		"/v1/payments?status=rejected;x":   "query: invalid_value",
		"/v1/payments?limit=%zz":           "query: invalid_value",
		"/v1/payments?cursor=AAAA":         "query:cursor invalid_cursor",
		"/v1/participants/EURB":            "path:bic invalid_bic",
		"/v1/lines/EURBDEFF/EURO/EURBDEFF": "path:currency invalid_currency",
		"/v1/blocks/-1":                    "path:height invalid_value",
		"/v1/book/EUR@X/MXN":               "path:give invalid_asset",
	} {
		got := r.must(400, r.do("GET", path, mexican, nil))
		diff(t, path, got.faults(), []string{want})
	}
	// A path is matched as it is meant, however it was encoded.
	r.must(200, r.do("GET", "/v1/participants/EURB%44EFF", mexican, nil))
	r.must(404, r.do("GET", "/v1/payments/not-an-id", mexican, nil))
	r.must(404, r.do("GET", "/v1/blocks/999999", mexican, nil))
	if got := r.must(404, r.do("GET", "/v2", mexican, nil)); got.text("code") != "not_found" {
		t.Errorf("%s", got.body)
	}
	if got := r.must(405, r.do("DELETE", "/v1/payments", mexican, nil)); got.text("code") != "method_not_allowed" || strings.Join(got.header.Values("Allow"), ", ") != "GET, POST" {
		t.Errorf("%s", got.body)
	}
}
