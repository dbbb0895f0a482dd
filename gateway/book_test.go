package gateway

import "testing"

// offers of a book by their ids.
func (r *rig) book(give, want string) map[string]obj {
	r.t.Helper()
	got := r.must(200, r.do("GET", "/v1/book/"+give+"/"+want, german, nil))
	if got.json["height"].(float64) == 0 {
		r.t.Errorf("no height: %s", got.body)
	}
	out := map[string]obj{}
	for _, o := range got.json["data"].([]any) {
		out[o.(obj)["id"].(string)] = o.(obj)
	}
	return out
}

// fund opens a line and has its issuer pay into it.
func (r *rig) fund(holder, currency, issuer, value string) {
	r.t.Helper()
	r.must(200, r.do("PUT", "/v1/lines/"+holder+"/"+currency+"/"+issuer, holder, obj{"limit": "10000000.00"}))
	if value == "" {
		return
	}
	paid := r.must(201, r.do("POST", "/v1/payments", issuer, obj{
		"to": holder, "deliver": cash(currency, value, issuer), "send_max": cash(currency, value),
	}, "Prefer", "wait=10"))
	if paid.text("status") != "settled" {
		r.t.Fatalf("not funded: %s", paid.body)
	}
}

func (r *rig) offer(maker string, give obj, currency, issuer, price string) string {
	r.t.Helper()
	return r.must(201, r.do("POST", "/v1/offers", maker, obj{"give": give, "want": obj{"currency": currency, "issuer": issuer}, "price": price})).text("id")
}

// Three offers that together give more than they take: the youngest stands and is passed over, a
// payment neither goes round nor gains, and when another leaves it can be had.
func TestGainfulCycle(t *testing.T) {
	r := newRig(t)
	r.market() // the dealer gives EUR@EURBDEFF for MXN@BKMXMXMM at 20.50
	const second, third = "SNDDGB2L", "THRDGB2L"
	for _, bic := range []string{second, third} {
		r.must(201, r.do("POST", "/v1/participants", "", obj{"bic": bic, "name": bic, "country": "GB"}))
		r.keys[bic] = r.must(201, r.do("POST", "/v1/participants/"+bic+"/api-keys", "", obj{"name": "tests"})).text("key")
	}
	r.fund(second, "RON", romanian, "100000.00")
	r.fund(second, "EUR", german, "")
	r.fund(second, "MXN", mexican, "")
	r.fund(third, "MXN", mexican, "100000.00")
	r.fund(third, "RON", romanian, "")
	eur := r.book("EUR@"+german, "MXN@"+mexican)
	if len(eur) != 1 {
		t.Fatalf("%v", eur)
	}
	ron := r.offer(second, cash("RON", "50000.00", romanian), "EUR", german, "0.2") // 5 RON for 1 EUR
	// 1 EUR buys 5 RON, and those 21 MXN, which buy more than 1 EUR.
	mxn := r.offer(third, cash("MXN", "50000.00", mexican), "RON", romanian, "0.238")
	held := r.book("MXN@"+mexican, "RON@"+romanian)[mxn]
	if held["unfillable"] != true || held["fillable"] != "0.00" || held["remaining"] != "50000.00" || held["status"] != "open" {
		t.Fatalf("the youngest offer of a gainful cycle: %v", held)
	}
	if why := held["limited_by"].([]any)[0].(obj); why["reason"] != "offer_held_out" || why["offer"] != mxn || why["participant"] != third {
		t.Errorf("held out because %v", why)
	}
	for id, o := range r.book("RON", "EUR") {
		if id != ron || o["unfillable"] == true || o["fillable"] != "50000.00" || o["limited_by"] != nil {
			t.Errorf("an older offer of the cycle: %v", o)
		}
	}

	// A payment through one of the offers costs what that one asks: nothing goes round.
	paid := r.must(201, r.do("POST", "/v1/payments", mexican, euros("1000.00"), "Prefer", "wait=10"))
	if paid.text("source", "value") != "20500.00" || len(paid.json["paths"].([]any)) != 1 {
		t.Errorf("%s", paid.body)
	}
	onceEach(t, paid)
	// Nor can anyone send money the whole way round and have more of it: not at once, and not in two
	// steps, the second of which would take the offer that is held out.
	self := func(deliver, send string) *reply {
		return r.do("POST", "/v1/payments", second, obj{"to": second, "deliver": cash(deliver, "1.00"), "send_max": cash(send, "1000.00")}, "Prefer", "wait=10")
	}
	if got := self("RON", "RON"); got.status != 400 || got.text("code") != "self_payment" {
		t.Errorf("round and home: %s", got.body)
	}
	if got := r.must(201, self("MXN", "RON")); got.text("status") != "rejected" || got.text("code") != "no_path" {
		t.Errorf("through the offer held out: %s", got.body)
	}
	none := r.must(200, r.do("POST", "/v1/quotes", romanian, obj{"to": mexican, "deliver": cash("MXN", "21.00"), "source": "RON"}))
	if none.text("options", "0", "code") != "no_path" {
		t.Errorf("%s", none.body)
	}

	// The other side goes: the cycle is open, and the offer can be had.
	r.must(200, r.do("DELETE", "/v1/offers/"+ron, second, nil))
	free := r.book("MXN", "RON")[mxn]
	if free["unfillable"] == true || free["fillable"] != "50000.00" || free["limited_by"] != nil {
		t.Errorf("after another offer of the cycle left: %v", free)
	}
	bought := r.must(201, r.do("POST", "/v1/payments", romanian, obj{
		"to": mexican, "deliver": cash("MXN", "1000.00"), "send_max": cash("RON", "238.00"),
	}, "Prefer", "wait=10"))
	if bought.text("status") != "settled" || bought.text("source", "value") != "238.00" {
		t.Errorf("%s", bought.body)
	}
	onceEach(t, bought)
}

// onceEach checks that no participant is on one path twice.
func onceEach(t *testing.T, paid *reply) {
	t.Helper()
	for _, p := range paid.json["paths"].([]any) {
		seen := map[any]bool{paid.json["from"]: true, paid.json["to"]: true}
		for _, h := range p.(obj)["hops"].([]any) {
			if who := h.(obj)["participant"]; seen[who] {
				t.Errorf("%s twice: %v", who, p)
			} else {
				seen[who] = true
			}
		}
	}
}

// A book says how much of an offer can be had, and what keeps back the rest.
func TestBookFillable(t *testing.T) {
	r := newRig(t)
	r.market()
	see := func(fillable string, reasons ...string) {
		t.Helper()
		for _, o := range r.book("EUR@"+german, "MXN") {
			var got []string
			list, _ := o["limited_by"].([]any)
			for _, b := range list {
				got = append(got, b.(obj)["reason"].(string))
				if b.(obj)["message"] == "" {
					t.Errorf("no words: %v", b)
				}
			}
			if o["fillable"] != fillable {
				t.Errorf("fillable %v, want %s", o["fillable"], fillable)
			}
			diff(t, "limited by", got, reasons)
		}
	}
	see("100000.00")
	// The dealer takes no more than 2,050.00 pesos: what those buy.
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/MXN/"+mexican, dealer, obj{"limit": "2050.00"}))
	see("100.00", "limit_reached")
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/MXN/"+mexican, dealer, obj{"limit": "10000000.00"}))
	// It gives most of its euros away.
	r.must(201, r.do("POST", "/v1/payments", dealer, obj{
		"to": german, "deliver": cash("EUR", "499000.00", german), "send_max": cash("EUR", "499000.00"),
	}, "Prefer", "wait=10"))
	see("1000.00", "balance_spent")
	// Frozen euros can still go home to their issuer.
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/EUR/"+german, german, obj{"frozen": true}))
	see("1000.00", "balance_spent", "frozen")
	if n := len(r.book("EUR@"+romanian, "MXN")); n != 0 {
		t.Errorf("%d offers of another issuer's euros", n)
	}
}
