package gateway

import (
	"testing"
)

// firm asks for a firm quote of EUR to the German bank.
func firm(value string, more obj) obj {
	body := obj{"to": german, "deliver": cash("EUR", value), "firm": true}
	for k, v := range more {
		body[k] = v
	}
	return body
}

// A firm quote is held, told, and used once, at its price, whatever its makers did since.
func TestFirmQuote(t *testing.T) {
	r := newRig(t)
	r.market()
	q := r.must(201, r.do("POST", "/v1/quotes", mexican, firm("1000.00", nil), "Idempotency-Key", "firm-1"))
	id := q.text("id")
	if q.text("status") != "held" || q.text("expires_at") == "" || q.text("held", "source", "value") != "20500.00" || q.text("held", "spread_bps") != "250" ||
		q.text("held", "mid", "source") == "" || q.text("held", "paths", "0", "hops", "0", "participant") != dealer || q.text("options", "0", "source", "value") != "20500.00" {
		t.Errorf("%s", q.body)
	}
	for _, b := range r.must(200, r.do("GET", "/v1/balances", dealer, nil)).json["data"].([]any) {
		if b := b.(obj); b["currency"] == "EUR" && b["value"] != "500000.00" || b["currency"] == "EUR" && b["available"] != "499000.00" {
			t.Errorf("1000.00 EUR are held of the dealer's, yet %v", b)
		}
	}
	again := r.do("POST", "/v1/quotes", mexican, firm("1000.00", nil), "Idempotency-Key", "firm-1")
	if again.header.Get("Idempotent-Replayed") != "true" || string(again.body) != string(q.body) {
		t.Errorf("the same key again: %s", again.body)
	}
	if got := r.must(200, r.do("GET", "/v1/quotes/"+id, mexican, nil)); got.text("status") != "held" || got.text("held", "source", "value") != "20500.00" || got.header.Get("ETag") == "" {
		t.Errorf("%s", got.body)
	}
	for _, o := range r.must(200, r.do("GET", "/v1/offers?open=true", dealer, nil)).json["data"].([]any) {
		r.must(200, r.do("DELETE", "/v1/offers/"+o.(obj)["id"].(string), dealer, nil))
	}
	for _, tt := range []struct {
		body obj
		want []string
	}{
		{obj{"to": german, "deliver": cash("EUR", "999.99"), "quote_id": id}, []string{"/deliver quote_mismatch AM12"}},
		{obj{"to": german, "send": cash("MXN", "20500.00"), "quote_id": id}, []string{"/send quote_mismatch AM12"}},
		{obj{"to": romanian, "deliver": cash("EUR", "1000.00"), "quote_id": id}, []string{"/to quote_mismatch AM12"}},
		{obj{"to": german, "deliver": cash("EUR", "1000.00"), "send_max": cash("EUR", "1000.00"), "quote_id": id}, []string{"/send_max quote_mismatch AM12"}},
		{obj{"to": german, "deliver": cash("EUR", "1000.00"), "partial": true, "quote_id": id}, []string{"/partial conflicting_fields"}},
		{obj{"to": german, "deliver": cash("EUR", "1000.00"), "quote_id": "00000000-0000-7000-8000-000000000000"}, []string{"/quote_id unknown_quote AG01"}},
	} {
		diff(t, "faults", r.must(400, r.do("POST", "/v1/payments", mexican, tt.body)).faults(), tt.want)
	}
	pay := obj{"to": german, "deliver": cash("EUR", "1000.00"), "quote_id": id}
	diff(t, "another's", r.must(400, r.do("POST", "/v1/payments", romanian, pay)).faults(), []string{"/quote_id unknown_quote AG01"})
	paid := r.must(201, r.do("POST", "/v1/payments", mexican, pay, "Prefer", "wait=10"))
	if paid.text("status") != "settled" || paid.text("source", "value") != "20500.00" || paid.text("delivered", "value") != "1000.00" {
		t.Errorf("%s", paid.body)
	}
	if second := r.must(201, r.do("POST", "/v1/payments", mexican, pay, "Prefer", "wait=10")); second.text("status") != "rejected" || second.text("code") != "quote_used" {
		t.Errorf("%s", second.body)
	}
	if got := r.must(200, r.do("GET", "/v1/quotes/"+id, mexican, nil)); got.text("status") != "used" {
		t.Errorf("%s", got.body)
	}
	if got := r.must(409, r.do("DELETE", "/v1/quotes/"+id, mexican, nil)); got.text("code") != "quote_used" {
		t.Errorf("%s", got.body)
	}
}

// A firm quote can be given back, and then holds nothing and prices nothing.
func TestFirmQuoteReleased(t *testing.T) {
	r := newRig(t)
	r.market()
	id := r.must(201, r.do("POST", "/v1/quotes", mexican, firm("1000.00", obj{"source": "MXN", "ttl": 10, "send_max": cash("MXN", "21000.00")}))).text("id")
	if got := r.must(200, r.do("DELETE", "/v1/quotes/"+id, mexican, nil)); got.text("status") != "released" {
		t.Errorf("%s", got.body)
	}
	late := r.must(201, r.do("POST", "/v1/payments", mexican, obj{"to": german, "deliver": cash("EUR", "1000.00"), "quote_id": id}, "Prefer", "wait=10"))
	if late.text("status") != "rejected" || late.text("code") != "quote_released" || late.text("iso_reason") != "AG01" {
		t.Errorf("%s", late.body)
	}
	sent := r.must(201, r.do("POST", "/v1/quotes", mexican, obj{"to": german, "send": cash("MXN", "20500.00"), "target": "EUR", "firm": true}))
	paid := r.must(201, r.do("POST", "/v1/payments", mexican, obj{"to": german, "send": cash("MXN", "20500.00"), "quote_id": sent.text("id")}, "Prefer", "wait=10"))
	if paid.text("status") != "settled" || paid.text("delivered", "value") != "1000.00" {
		t.Errorf("%s", paid.body)
	}
}

// What a firm quote may not be is told with pointers; what the ledger does not hold is an answer.
func TestFirmQuoteRefused(t *testing.T) {
	r := newRig(t)
	r.market()
	for _, tt := range []struct {
		body obj
		want []string
	}{
		{firm("1.00", obj{"ttl": 31}), []string{"/ttl bad_ttl"}},
		{firm("1.00", obj{"ttl": 0}), []string{"/ttl invalid_value CH16"}},
		{firm("1.00", obj{"ttl": 1801}), []string{"/ttl invalid_value CH16"}},
		{firm("1.00", obj{"max_paths": 1, "max_hops": 2}), []string{"/max_paths conflicting_fields", "/max_hops conflicting_fields"}},
		{firm("1.00", obj{"source": "USD", "send_max": cash("MXN", "1.00")}), []string{"/send_max conflicting_fields"}},
		{obj{"to": german, "send": cash("MXN", "1.00"), "target": "EUR", "send_max": cash("MXN", "1.00"), "firm": true}, []string{"/send_max conflicting_fields"}},
		{obj{"to": german, "deliver": cash("EUR", "1.00"), "ttl": 5, "send_max": cash("MXN", "1.00")}, []string{"/ttl conflicting_fields", "/send_max conflicting_fields"}},
	} {
		diff(t, "faults", r.must(400, r.do("POST", "/v1/quotes", mexican, tt.body)).faults(), tt.want)
	}
	diff(t, "no key", r.must(400, r.do("POST", "/v1/quotes", mexican, firm("1.00", nil), "Idempotency-Key", "")).faults(), []string{"header:Idempotency-Key missing_idempotency_key"})
	r.must(403, r.do("POST", "/v1/quotes", "", firm("1.00", obj{"from": mexican})))
	dear := r.must(201, r.do("POST", "/v1/quotes", mexican, firm("1.00", obj{"send_max": cash("MXN", "1.00")})))
	if dear.text("status") != "refused" || dear.text("code") != "send_max_exceeded" || dear.text("iso_reason") != "AM14" || dear.text("message") == "" || dear.text("id") != "" {
		t.Errorf("%s", dear.body)
	}
	// The dealer lets itself be held no more, and says so.
	shown := r.must(200, r.do("PATCH", "/v1/participants/"+dealer, dealer, obj{"longest_hold": 0, "hold_share": "0.25"}))
	if shown.text("hold_share") != "0.25" || shown.text("longest_quote") != "30" {
		t.Errorf("%s", shown.body)
	}
	if got := r.must(201, r.do("POST", "/v1/quotes", mexican, firm("1.00", nil))); got.text("status") != "refused" || got.text("code") != "no_path" {
		t.Errorf("%s", got.body)
	}
	diff(t, "share", r.must(400, r.do("PATCH", "/v1/participants/"+dealer, dealer, obj{"hold_share": "1.1"})).faults(), []string{"/hold_share bad_share"})
	r.must(403, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"longest_quote": 60}))
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, "", obj{"longest_quote": 60}))
	r.must(200, r.do("PATCH", "/v1/participants/"+dealer, dealer, obj{"longest_hold": 60}))
	r.must(201, r.do("POST", "/v1/quotes", mexican, firm("1.00", obj{"ttl": 60})))
	// A key that may only look holds nothing.
	reader := r.newAPIKey(mexican, obj{"scopes": []string{"quotes:read"}}).text("key")
	r.keys["reader"] = reader
	if got := r.must(403, r.do("POST", "/v1/quotes", "reader", firm("1.00", nil))); got.text("code") != "insufficient_scope" {
		t.Errorf("%s", got.body)
	}
}
