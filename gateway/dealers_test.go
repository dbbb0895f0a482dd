package gateway

import "testing"

// Against the market's one offer (EUR for MXN at 20.50): what is to be passive takes nothing, what is to be filled
// is filled whole or not at all, and what is left of the rest is cancelled.
func TestTimeInForce(t *testing.T) {
	r := newRig(t)
	r.market()
	offer := func(status int, value, price, force string) *reply {
		t.Helper()
		return r.must(status, r.do("POST", "/v1/offers", mexican, obj{
			"give": cash("MXN", value, mexican), "want": obj{"currency": "EUR", "issuer": german}, "price": price, "time_in_force": force,
		}))
	}
	r.must(200, r.do("PUT", "/v1/lines/"+mexican+"/EUR/"+german, mexican, obj{"limit": "1000000.00"}))
	if got := offer(409, "205.00", "0.048", "passive"); got.text("code") != "would_cross" {
		t.Errorf("%s", got.body)
	}
	if got := offer(201, "205.00", "0.05", "passive"); got.text("status") != "open" {
		t.Errorf("%s", got.body)
	}
	if got := offer(409, "205000000.00", "0.048", "fill_or_kill"); got.text("code") != "not_filled" {
		t.Errorf("%s", got.body)
	}
	if got := offer(201, "205.00", "0.048", "fill_or_kill"); got.text("status") != "filled" || got.text("remaining") != "0.00" {
		t.Errorf("%s", got.body)
	}
	got := offer(201, "205000000.00", "0.048", "immediate_or_cancel")
	if got.text("status") != "cancelled" || got.text("remaining") == "205000000.00" {
		t.Errorf("%s", got.body)
	}
	bad := r.must(400, r.do("POST", "/v1/offers", mexican, obj{
		"give": cash("MXN", "205.00", mexican), "want": obj{"currency": "EUR", "issuer": german}, "price": "0.05",
		"time_in_force": "fill_or_kill", "expires_at": "2099-01-01T00:00:00Z",
	}))
	diff(t, "expiry", bad.faults(), []string{"/expires_at conflicting_fields"})
	bad = r.must(400, r.do("POST", "/v1/offers", mexican, obj{
		"give": cash("MXN", "205.00", mexican), "want": obj{"currency": "EUR", "issuer": german}, "price": "0.05", "time_in_force": "last_look",
	}))
	if len(bad.faults()) != 1 {
		t.Errorf("%s", bad.body)
	}
}
