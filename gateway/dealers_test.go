package gateway

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
)

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

func level(value, price string) obj { return obj{"value": value, "price": price} }

// A dealer's ladder: both sides at once, what did not change keeps its id, withdrawn as a whole, and nothing of it
// is there when any of it is refused.
func TestLadder(t *testing.T) {
	r := newRig(t)
	r.market()
	base, quote := obj{"currency": "EUR", "issuer": german}, obj{"currency": "MXN", "issuer": mexican}
	put := func(status int, body obj) *reply {
		t.Helper()
		return r.must(status, r.do("PUT", "/v1/offers", dealer, body))
	}
	first := put(200, obj{"base": base, "quote": quote, "sell": []any{level("1000.00", "20.55"), level("2000.00", "20.60")}, "buy": []any{level("10.00", "20.45")}})
	for field, expect := range map[string]string{
		"sell/0/price": "20.55", "sell/0/give/value": "1000.00", "sell/1/price": "20.6", "sell/1/remaining": "2000.00",
		"buy/0/give/value": "204.50", "buy/0/want/value": "10.00", "buy/0/status": "open",
	} {
		if got := first.text(strings.Split(field, "/")...); got != expect {
			t.Errorf("%s = %s, want %s", field, got, expect)
		}
	}
	if open := r.must(200, r.do("GET", "/v1/offers?open=true", dealer, nil)); len(open.json["data"].([]any)) != 3 {
		t.Errorf("beside the ladder stands: %s", open.body)
	}
	second := put(200, obj{"base": base, "quote": quote, "sell": []any{level("2000.00", "20.60"), level("1001.00", "20.55")}, "expires_at": "2099-01-01T00:00:00Z"})
	if second.text("sell", "1", "id") != first.text("sell", "1", "id") || second.text("sell", "1", "expires_at") != "2099-01-01T00:00:00.000Z" {
		t.Errorf("a level that did not change: %s, before %s", second.body, first.body)
	}
	if second.text("sell", "0", "id") == first.text("sell", "0", "id") || len(second.json["buy"].([]any)) != 0 {
		t.Errorf("levels that changed: %s", second.body)
	}
	var many []any
	for n := range 1000 {
		many = append(many, level("1.00", "21."+itoa(1000+n)))
	}
	for name, tt := range map[string]struct {
		ladder obj
		faults []string
	}{
		"zero price":              {obj{"base": base, "quote": quote, "sell": []any{level("1.00", "0")}}, []string{"/sell/0/price bad_price"}},
		"tiny price":              {obj{"base": base, "quote": quote, "sell": []any{level("1.00", "0.000000000000000000000000000001")}}, []string{"/sell/0/price bad_price"}},
		"exponent":                {obj{"base": base, "quote": quote, "sell": []any{level("1.00", "1e30")}}, []string{"/sell/0/price invalid_amount AM12"}},
		"huge price":              {obj{"base": base, "quote": quote, "buy": []any{level("1.00", "1000000000000000000000000000000")}}, []string{"/buy/0/price bad_price"}},
		"nothing given":           {obj{"base": base, "quote": quote, "buy": []any{level("0.01", "0.01")}}, []string{"/buy/0/value bad_amount AM06"}},
		"no amount":               {obj{"base": base, "quote": quote, "buy": []any{level("0.00", "0.01")}}, []string{"/buy/0/value invalid_amount AM01"}},
		"price twice":             {obj{"base": base, "quote": quote, "sell": []any{level("1.00", "21"), level("2.00", "21.0")}}, []string{"/sell/1/price conflicting_fields"}},
		"same asset":              {obj{"base": base, "quote": base}, []string{"/quote same_asset"}},
		"expired":                 {obj{"base": base, "quote": quote, "expires_at": "2020-01-01T00:00:00Z"}, []string{"/expires_at offer_expired DT01"}},
		"two sides of a thousand": {obj{"base": base, "quote": quote, "sell": many, "buy": []any{level("1.00", "20")}}, []string{" too_many_levels"}},
		"1,001 levels":            {obj{"base": base, "quote": quote, "sell": append(slices.Clone(many), level("1.00", "30"))}, []string{"/sell invalid_value CH16"}},
	} {
		diff(t, name, put(400, tt.ladder).faults(), tt.faults)
	}
	if got := put(400, obj{"base": base, "quote": quote, "sell": []any{level("1.00", "20")}, "buy": []any{level("1.00", "21")}}); got.text("code") != "ladder_crosses" {
		t.Errorf("%s", got.body)
	}
	if got := put(409, obj{"base": obj{"currency": "RON"}, "quote": quote, "sell": []any{level("1.00", "20")}}); got.text("code") != "no_line" {
		t.Errorf("without a line: %s", got.body)
	}
	if got := r.must(409, r.do("PUT", "/v1/offers", romanian, obj{"base": base, "quote": quote, "sell": []any{level("1.00", "20")}})); got.text("code") != "no_line" {
		t.Errorf("without a line: %s", got.body)
	}
	if got := put(200, obj{"base": base, "quote": quote, "sell": many}); len(got.json["sell"].([]any)) != 1000 {
		t.Error("a thousand levels do not stand")
	}
	if gone := put(200, obj{"base": base, "quote": quote}); len(gone.json["sell"].([]any)) != 0 {
		t.Errorf("%s", gone.body)
	}
}

// A ladder between currencies is spread over the dealer's lines, and sums to what was asked to be shown.
func TestLadderBetweenCurrencies(t *testing.T) {
	r := newRig(t)
	r.market()
	r.fund(dealer, "EUR", romanian, "1500000.00")
	r.fund(dealer, "MXN", german, "")
	got := r.must(200, r.do("PUT", "/v1/offers", dealer, obj{"base": obj{"currency": "EUR"}, "quote": obj{"currency": "MXN"}, "sell": []any{level("1000.00", "20.55")}}))
	sum, seen := 0, map[string]string{}
	for _, o := range got.json["sell"].([]any) {
		give, want := o.(obj)["give"].(obj), o.(obj)["want"].(obj)
		value := give["value"].(string)
		n, err := strconv.Atoi(strings.ReplaceAll(value, ".", ""))
		if err != nil {
			t.Fatal(err)
		}
		sum += n
		seen[give["issuer"].(string)+" "+want["issuer"].(string)] = value
	}
	if sum != 100_000 || len(seen) != 4 || seen[romanian+" "+mexican] != seen[romanian+" "+german] {
		t.Errorf("%d cents over %v", sum, seen)
	}
	if book := r.must(200, r.do("GET", "/v1/book/EUR/MXN", mexican, nil)); len(book.json["data"].([]any)) != 4 {
		t.Errorf("%s", book.body)
	}
}

// A fenced pair takes no price further off mid than it allows, however the offer comes, and none while there
// is no mid; other pairs are free.
func TestFence(t *testing.T) {
	r := newRig(t)
	r.market()
	fence := NewFencedPair(money.MustCurrency("MXN"), money.MustCurrency("EUR"))
	r.gateway.cfg.Fences = map[FencedPair]int64{fence: 200}
	offer := func(price string) *reply {
		return r.do("POST", "/v1/offers", dealer, obj{"give": cash("EUR", "10.00", german), "want": obj{"currency": "MXN", "issuer": mexican}, "price": price})
	}
	diff(t, "too high", r.must(400, offer("21.00")).faults(), []string{"/price outside_fence"})
	diff(t, "too low", r.must(400, offer("2.05")).faults(), []string{"/price outside_fence"})
	r.must(201, offer("20.30"))
	diff(t, "the other way", r.must(400, r.do("POST", "/v1/offers", dealer, obj{"give": cash("MXN", "10.00", mexican), "want": obj{"currency": "EUR", "issuer": german}, "price": "0.5"})).faults(), []string{"/price outside_fence"})
	base, quote := obj{"currency": "EUR", "issuer": german}, obj{"currency": "MXN", "issuer": mexican}
	ladder := r.must(400, r.do("PUT", "/v1/offers", dealer, obj{"base": base, "quote": quote, "sell": []any{level("1.00", "20.3"), level("1.00", "30")}, "buy": []any{level("1.00", "12")}}))
	diff(t, "ladder", ladder.faults(), []string{"/sell/1/price outside_fence", "/buy/0/price outside_fence"})
	r.fund(dealer, "RON", romanian, "")
	r.must(201, r.do("POST", "/v1/offers", dealer, obj{"give": cash("EUR", "10.00", german), "want": obj{"currency": "RON", "issuer": romanian}, "price": "99"}))

	// A dealer that signs for itself meets the same fence.
	r.must(201, r.do("POST", "/v1/participants/"+dealer+"/signing-keys", dealer, r.ownKey(dealer, "own")))
	give, want := ledger.AssetName{Currency: money.MustCurrency("EUR"), Issuer: ledger.MustBIC(german)}, ledger.AssetName{Currency: money.MustCurrency("MXN"), Issuer: ledger.MustBIC(mexican)}
	signed := r.signed(dealer, "own", "fence", nil, &ledger.PlaceOffer{ID: newID(), Give: give, Want: want, Amount: 100, Price: money.Ratio{N: 99, D: 1}})
	own := r.must(400, r.do("POST", "/v1/submissions", dealer, obj{"submission": base64Of(signed)}, "Idempotency-Key", "fence"))
	diff(t, "signed", own.faults(), []string{"/submission/0 outside_fence"})

	r.gateway.cfg.MaxMidAge = time.Hour
	if got := r.must(503, offer("20.30")); got.text("code") != "no_fresh_mid" {
		t.Errorf("%s", got.body)
	}
}

// A dealer's fills say what was given and taken beside the mid of their time, page by page, with what they come
// to; a payment and an offer that takes make one each, and the taker has its own.
func TestFills(t *testing.T) {
	r := newRig(t)
	r.market() // 20.50 for EUR
	r.must(201, r.do("POST", "/v1/payments", mexican, euros("100.00"), "Prefer", "wait=10"))
	r.ok(r.gateway.journalRates(t.Context())) // mid is 20
	r.ok(r.gateway.journalRates(t.Context())) // and again, which is nothing new
	r.must(201, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Prefer", "wait=10"))
	r.must(200, r.do("PUT", "/v1/lines/"+mexican+"/EUR/"+german, mexican, obj{"limit": "1000000.00"}))
	r.must(201, r.do("POST", "/v1/offers", mexican, obj{"give": cash("MXN", "205.00", mexican), "want": obj{"currency": "EUR", "issuer": german}, "price": "0.048"}))
	all := r.must(200, r.do("GET", "/v1/fills", dealer, nil))
	for field, expect := range map[string]string{
		"data/0/gave/value": "100.00", "data/0/took/value": "2050.00", "data/0/role": "maker", "data/0/mid": "<nil>", "data/0/profit": "<nil>",
		"data/1/gave/value": "10.00", "data/1/took/value": "205.00", "data/1/price": "20.5", "data/1/mid": "20", "data/1/mid_source": "European Central Bank",
		"data/1/profit": "5.00", "data/2/profit": "5.00", "data/2/role": "maker",
		"exposure/0/currency": "EUR", "exposure/0/value": "-120.00", "exposure/1/value": "2460.00", "profit/0/value": "10.00", "profit/0/currency": "MXN",
	} {
		if got := all.text(strings.Split(field, "/")...); got != expect && !(expect == "<nil>" && got == "") {
			t.Errorf("%s = %q, want %s", field, got, expect)
		}
	}
	taker := r.must(200, r.do("GET", "/v1/fills", mexican, nil))
	for field, expect := range map[string]string{
		"data/0/role": "taker", "data/0/gave/value": "205.00", "data/0/took/value": "10.00", "data/0/price": "20.5", "data/0/profit": "-0.25", "exposure/0/value": "10.00",
	} {
		if got := taker.text(strings.Split(field, "/")...); got != expect {
			t.Errorf("the taker's %s = %s, want %s", field, got, expect)
		}
	}
	seen, cursor := 0, ""
	for range 4 {
		page := r.must(200, r.do("GET", "/v1/fills?limit=1&currency=MXN&from=2020-01-01T00:00:00Z"+cursor, dealer, nil))
		seen += len(page.json["data"].([]any))
		if page.text("exposure", "0", "value") != "-120.00" {
			t.Errorf("a page sums to %s", page.body)
		}
		if next := page.text("next_cursor"); next != "" && next != "<nil>" {
			cursor = "&cursor=" + next
			continue
		}
		break
	}
	if seen != 3 {
		t.Errorf("%d fills over the pages", seen)
	}
	if none := r.must(200, r.do("GET", "/v1/fills?currency=RON", dealer, nil)); len(none.json["data"].([]any)) != 0 {
		t.Errorf("%s", none.body)
	}
	if none := r.must(200, r.do("GET", "/v1/fills?until=2020-01-01T00:00:00Z", dealer, nil)); len(none.json["data"].([]any)) != 0 {
		t.Errorf("%s", none.body)
	}
	r.must(400, r.do("GET", "/v1/fills?from=yesterday", dealer, nil))
	r.gateway.cfg.MaxMidAge = time.Hour
	if late := r.must(200, r.do("GET", "/v1/fills", dealer, nil)); strings.Contains(string(late.body), "as_of") {
		t.Errorf("a mid that was too old then: %s", late.body)
	}
}

// What a dealer's offers may make of it bounds what can be had of them, and says so in the book.
func TestInventory(t *testing.T) {
	r := newRig(t)
	r.market()
	set := r.must(200, r.do("PUT", "/v1/inventory", dealer, obj{"currency": "EUR", "short": "100.00"}))
	if set.text("short") != "100.00" || set.text("net") != "0.00" || set.json["long"] != nil {
		t.Errorf("%s", set.body)
	}
	for _, o := range r.book("EUR@"+german, "MXN@"+mexican) {
		if o["fillable"] != "100.00" || o["remaining"] != "100000.00" || o["limited_by"].([]any)[0].(obj)["reason"] != "inventory_reached" {
			t.Errorf("%v", o)
		}
	}
	if got := r.must(201, r.do("POST", "/v1/payments", mexican, euros("150.00"), "Prefer", "wait=10")); got.text("code") != "shortfall" {
		t.Errorf("past the bound: %s", got.body)
	}
	if got := r.must(201, r.do("POST", "/v1/payments", mexican, euros("100.00"), "Prefer", "wait=10")); got.text("status") != "settled" {
		t.Errorf("up to the bound: %s", got.body)
	}
	r.must(200, r.do("PUT", "/v1/inventory", dealer, obj{"currency": "MXN", "counter": "EUR", "long": "5000.00", "net": "-1.00"}))
	list := r.must(200, r.do("GET", "/v1/inventory", dealer, nil))
	for field, expect := range map[string]string{"data/0/net": "-100.00", "data/0/short": "100.00", "data/1/currency": "MXN", "data/1/counter": "EUR", "data/1/net": "-1.00"} {
		if got := list.text(strings.Split(field, "/")...); got != expect {
			t.Errorf("%s = %s, want %s", field, got, expect)
		}
	}
	for name, tt := range map[string]struct {
		body   obj
		faults []string
	}{
		"below zero": {obj{"currency": "EUR", "long": "-1.00"}, []string{"/long bad_limit"}},
		"one pair":   {obj{"currency": "EUR", "counter": "EUR"}, []string{"/counter invalid_value"}},
		"decimals":   {obj{"currency": "EUR", "net": "1.001"}, []string{"/net too_many_decimals AM12"}},
	} {
		if got := r.must(400, r.do("PUT", "/v1/inventory", dealer, tt.body)).faults(); len(got) != 1 || strings.Fields(got[0])[0] != strings.Fields(tt.faults[0])[0] {
			t.Errorf("%s: %v, want %v", name, got, tt.faults)
		}
	}
}
