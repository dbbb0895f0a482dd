package gateway

import (
	"bytes"
	"strings"
	"testing"

	"viaduct/ledger"
	"viaduct/ledger/proof"
)

// A payment in euros by a bank that has only pesos: it crosses two hops, shows how, and is proven.
func TestPaymentEndToEnd(t *testing.T) {
	r := newRig(t)
	r.market()
	order := euros("1000.00")
	order["end_to_end_id"] = "INV-118"
	order["details"] = obj{"debtor": obj{"name": "Tienda Azul"}, "remittance": "Invoice 118"}
	paid := r.must(201, r.do("POST", "/v1/payments", mexican, order, "Prefer", "wait=10"))
	if paid.text("status") != "settled" {
		t.Fatalf("not settled: %s", paid.body)
	}
	for field, want := range map[string]string{
		"source/value": "20500.00", "source/currency": "MXN", "delivered/value": "1000.00", "end_to_end_id": "INV-118",
		"details/remittance": "Invoice 118", "from": mexican, "to": german,
	} {
		if got := paid.text(strings.Split(field, "/")...); got != want {
			t.Errorf("%s = %q, want %q", field, got, want)
		}
	}
	var kinds []string
	for _, h := range paid.json["hops"].([]any) {
		kinds = append(kinds, h.(obj)["kind"].(string))
	}
	diff(t, "hops", kinds, []string{"issue", "fill", "redeem"})

	// The way it went, in the words of a quote.
	for field, want := range map[string]string{
		"source/value": "20500.00", "handover": "issue", "delivered/value": "1000.00", "price": "20.5", "hops/0/participant": dealer,
		"hops/0/way": "offer", "hops/0/in/value": "20500.00", "hops/0/out/value": "1000.00", "hops/0/price": "20.5", "hops/0/handover": "redemption",
	} {
		if got := paid.text(append([]string{"paths", "0"}, strings.Split(field, "/")...)...); got != want {
			t.Errorf("paths/0/%s = %q, want %q", field, got, want)
		}
	}

	id := paid.text("id")
	again := r.must(200, r.do("GET", "/v1/payments/"+id, mexican, nil))
	diff(t, "the payment read again", again.json, paid.json)

	// The receiver learns what arrived and what it is for, not what it cost.
	theirs := r.must(200, r.do("GET", "/v1/payments/"+id, german, nil))
	if theirs.text("delivered", "value") != "1000.00" || theirs.text("details", "remittance") != "Invoice 118" {
		t.Errorf("the receiver sees %s", theirs.body)
	}
	for _, hidden := range []string{"source", "send_max", "paths", "hops", "mid"} {
		if _, shown := theirs.json[hidden]; shown {
			t.Errorf("the receiver sees %s: %s", hidden, theirs.body)
		}
	}
	// Whoever is no party sees nothing.
	r.must(404, r.do("GET", "/v1/payments/"+id, dealer, nil))
	r.must(404, r.do("GET", "/v1/payments/"+id+"/receipt", dealer, nil))

	receipt := r.must(200, r.do("GET", "/v1/payments/"+id+"/receipt", mexican, nil))
	proven, err := proof.VerifyReceipt(receipt.body, r.policy)
	if err != nil {
		t.Fatalf("receipt: %v\n%s", err, receipt.body)
	}
	leaf, err := ledger.DecodeLeaf(proven.Leaf)
	if err != nil || leaf.Outcome != ledger.Applied || leaf.Delivered != 100_000 || leaf.Source != 2_050_000 {
		t.Errorf("proven: %+v, %v", leaf, err)
	}
	if bytes.Contains(proven.Leaf, []byte("Tienda")) || bytes.Contains(proven.Leaf, []byte("Invoice")) {
		t.Error("confidential details are in the leaf")
	}

	owed := r.must(200, r.do("GET", "/v1/balances", mexican, nil))
	diff(t, "the sender's balances", owed.json["data"], []any{obj{
		"currency": "MXN", "issuer": mexican, "kind": "obligation", "value": "20500.00",
	}})
	held := r.must(200, r.do("GET", "/v1/balances?participant="+dealer, "", nil))
	if !strings.Contains(string(held.body), `"value":"499000.00"`) || !strings.Contains(string(held.body), `"value":"20500.00"`) {
		t.Errorf("the dealer's balances: %s", held.body)
	}
	block := r.must(200, r.do("GET", "/v1/blocks/"+paid.text("height"), german, nil))
	if block.text("checkpoint") == "" || len(block.json["leaf_hashes"].([]any)) != 2 {
		t.Errorf("block: %s", block.body)
	}
}

// Without Prefer the answer is 202 and accepted, and a read after it never says 404.
func TestAcceptedThenFinal(t *testing.T) {
	r := newRig(t)
	r.market()
	got := r.must(202, r.do("POST", "/v1/payments", mexican, euros("10.00")))
	if got.text("status") != "accepted" || got.text("height") == "" || got.text("source", "value") != "" {
		t.Errorf("accepted: %s", got.body)
	}
	if s := r.must(200, r.do("GET", "/v1/payments/"+got.text("id"), mexican, nil)).text("status"); s != "accepted" && s != "settled" {
		t.Errorf("read at once: %s", s)
	}
}

// What the ledger refuses is a payment with a code and an ISO reason, not an HTTP error.
func TestRefusedByTheLedger(t *testing.T) {
	r := newRig(t)
	r.market()
	frozen := func(on bool) {
		r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/EUR/"+german, german, obj{"frozen": on}))
	}
	// A bank that holds only frozen euros: the German bank pays it, then freezes the line.
	r.must(200, r.do("PUT", "/v1/lines/"+romanian+"/EUR/"+german, romanian, obj{"limit": "100.00"}))
	r.must(201, r.do("POST", "/v1/payments", german, obj{
		"to": romanian, "deliver": cash("EUR", "50.00", german), "send_max": cash("EUR", "50.00"),
	}, "Prefer", "wait=10"))
	r.must(200, r.do("PUT", "/v1/lines/"+romanian+"/EUR/"+german, german, obj{"frozen": true}))

	tests := []struct {
		name      string
		as        string
		order     obj
		code, iso string
	}{
		{"shortfall", mexican, obj{"to": german, "deliver": cash("EUR", "100000.01"), "send_max": cash("MXN", "90000000.00")}, "shortfall", "AM04"},
		{"too dear", mexican, obj{"to": german, "deliver": cash("EUR", "1000.00"), "send_max": cash("MXN", "20499.99")}, "send_max_exceeded", "AM14"},
		{"no path", mexican, obj{"to": romanian, "deliver": cash("RON", "1.00"), "send_max": cash("MXN", "100.00")}, "", ""},
		{"too little arrives", mexican, obj{"to": german, "send": cash("MXN", "20500.00"), "deliver_min": cash("EUR", "1000.01")}, "deliver_min_not_met", "AM06"},
		{"frozen line", romanian, obj{"to": dealer, "deliver": cash("EUR", "10.00"), "send_max": cash("EUR", "10.00")}, "line_frozen", "AC06"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := r.must(200, r.do("GET", "/v1/balances", tt.as, nil)).json["data"]
			got := r.must(201, r.do("POST", "/v1/payments", tt.as, tt.order, "Prefer", "wait=10"))
			if got.text("status") != "rejected" || got.text("code") == "" {
				t.Fatalf("%s", got.body)
			}
			if tt.code != "" && (got.text("code") != tt.code || got.text("iso_reason") != tt.iso) {
				t.Errorf("code %s, iso %s, want %s, %s", got.text("code"), got.text("iso_reason"), tt.code, tt.iso)
			}
			diff(t, "balances after a refusal", r.must(200, r.do("GET", "/v1/balances", tt.as, nil)).json["data"], before)
			r.must(200, r.do("GET", "/v1/payments/"+got.text("id")+"/receipt", tt.as, nil))
			r.must(404, r.do("GET", "/v1/payments/"+got.text("id"), tt.order["to"].(string), nil))
		})
	}
	frozen(true)
	got := r.must(201, r.do("POST", "/v1/payments", mexican, obj{"to": romanian, "deliver": cash("EUR", "1.00"), "send_max": cash("MXN", "100.00")}, "Prefer", "wait=10"))
	if got.text("status") != "rejected" {
		t.Errorf("over a frozen line: %s", got.body)
	}
}

// An exact send delivers what it can, and a partial delivery settles for less.
func TestSendAndPartial(t *testing.T) {
	r := newRig(t)
	r.market()
	sent := r.must(201, r.do("POST", "/v1/payments", mexican, obj{
		"to": german, "send": cash("MXN", "20500.00"), "deliver_min": cash("EUR", "999.00"),
	}, "Prefer", "wait=10"))
	if sent.text("status") != "settled" || sent.text("delivered", "value") != "1000.00" || sent.text("send", "value") != "20500.00" {
		t.Errorf("exact send: %s", sent.body)
	}
	part := r.must(201, r.do("POST", "/v1/payments", mexican, obj{
		"to": german, "deliver": cash("EUR", "200000.00"), "send_max": cash("MXN", "9000000.00"), "partial": true,
		"deliver_min": cash("EUR", "1000.00"),
	}, "Prefer", "wait=10"))
	if part.text("status") != "settled" || part.text("delivered", "value") != "99000.00" {
		t.Errorf("partial: %s", part.body)
	}
}

// An order without send_max is bounded by the participant's funding and the mid-market rate.
func TestPriceBound(t *testing.T) {
	r := newRig(t)
	r.market()
	order := obj{"to": german, "deliver": cash("EUR", "1000.00")}
	none := r.must(422, r.do("POST", "/v1/payments", mexican, order))
	if none.text("code") != "no_price_bound" {
		t.Errorf("%s", none.body)
	}
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"funding": []string{"USD", "MXN"}, "max_over_mid_bps": 249}))
	dear := r.must(201, r.do("POST", "/v1/payments", mexican, order, "Prefer", "wait=10"))
	if dear.text("status") != "rejected" || dear.text("send_max", "currency") == "" || dear.text("mid", "rate") == "" {
		t.Errorf("2.49%% over mid: %s", dear.body)
	}
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"funding": []string{"MXN"}, "max_over_mid_bps": 250}))
	paid := r.must(201, r.do("POST", "/v1/payments", mexican, order, "Prefer", "wait=10"))
	if paid.text("status") != "settled" || paid.text("send_max", "value") != "20500.00" || paid.text("mid", "rate") != "20" {
		t.Errorf("2.5%% over mid: %s", paid.body)
	}
	r.gateway.cfg.MaxMidAge = 1
	if stale := r.must(422, r.do("POST", "/v1/payments", mexican, order)); stale.text("code") != "no_price_bound" || !strings.Contains(stale.text("detail"), "stale") {
		t.Errorf("%s", stale.body)
	}
}

// Lists page stably, newest first, and show a participant its own.
func TestPaymentLists(t *testing.T) {
	r := newRig(t)
	r.market()
	var want []any
	for range 5 {
		got := r.must(201, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Prefer", "wait=10"))
		want = append([]any{got.text("id")}, want...)
	}
	var got []any
	path := "/v1/payments?limit=2&status=settled"
	for range 4 {
		page := r.must(200, r.do("GET", path, mexican, nil))
		for _, p := range page.json["data"].([]any) {
			got = append(got, p.(obj)["id"])
		}
		next := page.text("next_cursor")
		if next == "" {
			break
		}
		r.must(201, r.do("POST", "/v1/payments", mexican, euros("2.00"), "Prefer", "wait=10"))
		path = "/v1/payments?limit=2&status=settled&cursor=" + next
		r.must(400, r.do("GET", path, german, nil))
	}
	diff(t, "pages", got, want)
	if n := len(r.must(200, r.do("GET", "/v1/payments?counterparty="+mexican+"&currency=EUR", german, nil)).json["data"].([]any)); n < 5 {
		t.Errorf("the receiver sees %d payments", n)
	}
	if n := len(r.must(200, r.do("GET", "/v1/payments", romanian, nil)).json["data"].([]any)); n != 0 {
		t.Errorf("a stranger sees %d payments", n)
	}
	r.must(404, r.do("GET", "/v1/payments?participant="+german, mexican, nil))
	r.must(200, r.do("GET", "/v1/payments?participant="+german, "", nil))
}
