package gateway

import (
	"strings"
	"testing"
)

// Participants are admitted once, change their own terms, and page by BIC.
func TestParticipants(t *testing.T) {
	r := newRig(t)
	if got := r.must(409, r.do("POST", "/v1/participants", "", obj{"bic": mexican, "name": "Again", "country": "MX"})); got.text("code") != "participant_exists" {
		t.Errorf("%s", got.body)
	}
	bad := r.must(400, r.do("POST", "/v1/participants", "", obj{"bic": "BANKFRPP", "name": "", "country": "DE", "lei": "x", "colour": 1}))
	diff(t, "faults", bad.faults(), []string{
		"/lei invalid_lei", "/colour unknown_field CH17", "/name invalid_value CH16", "/country country_mismatch",
	})
	changed := r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{
		"transfer_fee": "0.0015", "require_authorization": true, "ripple_default": true, "funding": []string{"MXN", "USD@" + german},
		"max_over_mid_bps": 0,
	}))
	for field, want := range map[string]string{
		"transfer_fee": "0.0015", "require_authorization": "true", "frozen": "false", "ripple_default": "true", "max_over_mid_bps": "0",
	} {
		if changed.text(field) != want {
			t.Errorf("%s = %s, want %s", field, changed.text(field), want)
		}
	}
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, "", obj{"net_debit_caps": []any{cash("MXN", "500.00")}}))
	seen := r.must(200, r.do("GET", "/v1/participants/"+mexican, mexican, nil))
	if seen.text("net_debit_caps", "0", "value") != "500.00" {
		t.Errorf("cap: %s", seen.body)
	}
	public := r.must(200, r.do("GET", "/v1/participants/"+mexican, german, nil))
	for _, hidden := range []string{"net_debit_caps", "funding", "max_over_mid_bps"} {
		if _, shown := public.json[hidden]; shown {
			t.Errorf("others see %s", hidden)
		}
	}
	fee := r.must(400, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"transfer_fee": "1.0000000001", "net_debit_caps": []any{}}))
	diff(t, "faults", fee.faults(), []string{"/transfer_fee bad_fee"})
	r.must(400, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{}))

	var got []string
	path := "/v1/participants?limit=3"
	for {
		page := r.must(200, r.do("GET", path, mexican, nil))
		for _, p := range page.json["data"].([]any) {
			got = append(got, p.(obj)["bic"].(string))
		}
		if page.text("next_cursor") == "" {
			break
		}
		path = "/v1/participants?limit=3&cursor=" + page.text("next_cursor")
	}
	diff(t, "participants", got, []string{mexican, romanian, german, dealer})
}

// Each side sets its own half of a line; what is left out stays.
func TestLines(t *testing.T) {
	r := newRig(t)
	path := "/v1/lines/" + dealer + "/EUR/" + german
	r.must(404, r.do("GET", path, dealer, nil))
	r.must(200, r.do("PUT", path, dealer, obj{"limit": "1000.00", "ripple": true, "quality_out": "1.0002"}))
	set := r.must(200, r.do("PUT", path, german, obj{"frozen": true, "authorized": true}))
	for field, want := range map[string]string{
		"limit": "1000.00", "ripple": "true", "quality_in": "1", "quality_out": "1.0002", "frozen": "true", "authorized": "true", "balance": "0.00",
	} {
		if set.text(field) != want {
			t.Errorf("%s = %s, want %s", field, set.text(field), want)
		}
	}
	less := r.must(200, r.do("PUT", path, dealer, obj{"limit": "5.00"}))
	if less.text("ripple") != "true" || less.text("quality_out") != "1.0002" || less.text("limit") != "5.00" {
		t.Errorf("%s", less.body)
	}
	both := r.must(400, r.do("PUT", path, dealer, obj{"limit": "-1", "frozen": true, "quality_in": "0", "quality_out": "2.1"}))
	diff(t, "faults", both.faults(), []string{
		"/frozen not_allowed", "/limit bad_limit", "/quality_in bad_fee", "/quality_out bad_fee",
	})
	diff(t, "the issuer's faults", r.must(403, r.do("PUT", path, german, obj{"limit": "1", "ripple": true})).faults(), []string{"/limit not_allowed", "/ripple not_allowed"})
	own := r.must(400, r.do("PUT", "/v1/lines/"+dealer+"/EUR/"+dealer, dealer, obj{"limit": "1"}))
	diff(t, "one's own asset", own.faults(), []string{"path:issuer own_asset"})
	unknown := r.must(400, r.do("PUT", "/v1/lines/"+dealer+"/EUR/NOBKDEFF", dealer, obj{"limit": "1"}))
	diff(t, "unknown issuer", unknown.faults(), []string{"path:issuer unknown_issuer"})
	closed := r.must(200, r.do("DELETE", path, dealer, nil))
	if closed.text("limit") != "0.00" || closed.text("ripple") != "false" || closed.text("frozen") != "true" {
		t.Errorf("%s", closed.body)
	}
	if n := len(r.must(200, r.do("GET", "/v1/lines", german, nil)).json["data"].([]any)); n != 1 {
		t.Errorf("the issuer sees %d lines", n)
	}
}

// An offer is priced by a price or by two amounts, fills at once what crosses, and can be taken back.
func TestOffers(t *testing.T) {
	r := newRig(t)
	r.market()
	give, want := cash("EUR", "1000.00", german), cash("MXN", "20480.00", mexican)
	placed := r.must(201, r.do("POST", "/v1/offers", dealer, obj{"give": give, "want": want}, "Idempotency-Key", "o"))
	for field, expect := range map[string]string{"status": "open", "price": "20.48", "remaining": "1000.00", "want/value": "20480.00", "maker": dealer} {
		if got := placed.text(strings.Split(field, "/")...); got != expect {
			t.Errorf("%s = %s, want %s", field, got, expect)
		}
	}
	again := r.must(201, r.do("POST", "/v1/offers", dealer, obj{"give": give, "want": want}, "Idempotency-Key", "o"))
	if string(again.body) != string(placed.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("replayed %s", again.body)
	}
	book := r.must(200, r.do("GET", "/v1/book/EUR@"+german+"/MXN@"+mexican, romanian, nil))
	if len(book.json["data"].([]any)) != 2 || book.text("data", "0", "id") != placed.text("id") {
		t.Errorf("book: %s", book.body)
	}
	r.must(201, r.do("POST", "/v1/payments", mexican, euros("400.00"), "Prefer", "wait=10"))
	if left := r.must(200, r.do("GET", "/v1/offers/"+placed.text("id"), dealer, nil)).text("remaining"); left != "600.00" {
		t.Errorf("remaining %s", left)
	}
	gone := r.must(200, r.do("DELETE", "/v1/offers/"+placed.text("id"), dealer, nil))
	if gone.text("status") != "cancelled" {
		t.Errorf("%s", gone.body)
	}
	if twice := r.must(404, r.do("DELETE", "/v1/offers/"+placed.text("id"), dealer, nil)); twice.text("code") != "unknown_offer" {
		t.Errorf("%s", twice.body)
	}
	open := r.must(200, r.do("GET", "/v1/offers?open=true", dealer, nil))
	if len(open.json["data"].([]any)) != 1 || len(r.must(200, r.do("GET", "/v1/offers", dealer, nil)).json["data"].([]any)) != 2 {
		t.Errorf("open: %s", open.body)
	}
	for name, tt := range map[string]struct {
		offer  obj
		faults []string
	}{
		"both":       {obj{"give": give, "want": want, "price": "20"}, []string{"/price conflicting_fields"}},
		"neither":    {obj{"give": give, "want": obj{"currency": "MXN", "issuer": mexican}}, []string{"/price missing_field CH21"}},
		"price":      {obj{"give": give, "want": obj{"currency": "MXN", "issuer": mexican}, "price": "0"}, []string{"/price bad_price"}},
		"same asset": {obj{"give": give, "want": obj{"currency": "EUR", "issuer": german}, "price": "1"}, []string{"/want same_asset"}},
		"expired":    {obj{"give": give, "want": want, "expires_at": "2020-01-01T00:00:00Z"}, []string{"/expires_at offer_expired DT01"}},
	} {
		diff(t, name, r.must(400, r.do("POST", "/v1/offers", dealer, tt.offer)).faults(), tt.faults)
	}
	// A maker without a line is refused by the ledger; the refusal is the key's answer.
	for range 2 {
		if got := r.must(409, r.do("POST", "/v1/offers", romanian, obj{"give": give, "want": want}, "Idempotency-Key", "n")); got.text("code") != "no_line" {
			t.Errorf("%s", got.body)
		}
	}
}
