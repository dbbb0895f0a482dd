package gateway

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// pay settles one payment of the Mexican bank.
func (r *rig) pay(value string) *reply {
	r.t.Helper()
	got := r.must(201, r.do("POST", "/v1/payments", mexican, euros(value), "Prefer", "wait=10"))
	if got.text("status") != "settled" {
		r.t.Fatalf("%s", got.body)
	}
	return got
}

func TestETag(t *testing.T) {
	r := newRig(t)
	r.market()
	id := r.pay("1.00").text("id")
	for _, path := range []string{
		"/v1/balances", "/v1/payments", "/v1/payments/" + id, "/v1/payments/" + id + "/receipt", "/v1/offers", "/v1/lines", "/v1/events",
		"/v1/participants", "/v1/participants/" + mexican, "/v1/blocks/1", "/v1/rates", "/v1/validators", "/v1/webhooks",
	} {
		first := r.must(200, r.do("GET", path, mexican, nil))
		tag := first.header.Get("ETag")
		if len(tag) < 10 || tag[0] != '"' || first.header.Get("Vary") != "Authorization, Accept" || first.header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: headers %v", path, first.header)
		}
		for _, given := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			same := r.must(304, r.do("GET", path, mexican, nil, "If-None-Match", given))
			if len(same.body) != 0 || same.header.Get("ETag") != tag || same.header.Get("Content-Type") != "" {
				t.Errorf("%s: 304 with %q and %v", path, same.body, same.header)
			}
		}
		r.must(200, r.do("GET", path, mexican, nil, "If-None-Match", `"other"`))
	}
	before := r.must(200, r.do("GET", "/v1/balances", mexican, nil)).header.Get("ETag")
	r.pay("1.00")
	r.must(200, r.do("GET", "/v1/balances", mexican, nil, "If-None-Match", before))
	// What is another's, or an error, has no tag to be had.
	r.must(404, r.do("GET", "/v1/payments/"+id, romanian, nil, "If-None-Match", "*"))
}

func TestBalancesAsOf(t *testing.T) {
	r := newRig(t)
	r.market()
	type past struct{ height, value, settled string }
	var all []past
	for range 4 {
		p := r.pay("10.00")
		now := r.must(200, r.do("GET", "/v1/balances", mexican, nil))
		all = append(all, past{p.text("height"), now.text("data", "0", "value"), p.text("settled_at")})
	}
	for _, at := range all {
		for _, asOf := range []string{at.height, at.settled} {
			got := r.must(200, r.do("GET", "/v1/balances?as_of="+url.QueryEscape(asOf), mexican, nil))
			if at.height != got.text("height") || got.text("data", "0", "value") != at.value || got.text("data", "0", "kind") != "obligation" {
				t.Errorf("as of %s: %s, want %s at %s", asOf, got.body, at.value, at.height)
			}
		}
	}
	if none := r.must(200, r.do("GET", "/v1/balances?as_of=0", mexican, nil)); none.text("height") != "0" || len(none.json["data"].([]any)) != 0 {
		t.Errorf("at the genesis: %s", none.body)
	}
	for asOf, rule := range map[string]string{
		"999999999": "invalid_value", "yesterday": "invalid_time", "-1": "invalid_time", "2999-01-01T00:00:00Z": "invalid_value",
		"1999-01-01T00:00:00Z": "invalid_value", "99999999999999999999": "invalid_time", "": "invalid_value",
	} {
		got := r.must(400, r.do("GET", "/v1/balances?as_of="+asOf, mexican, nil))
		if f := got.faults(); len(f) != 1 || !strings.HasPrefix(f[0], "query:as_of "+rule) {
			t.Errorf("as of %q: %v", asOf, f)
		}
	}
	r.must(404, r.do("GET", "/v1/balances?as_of=1&participant="+german, mexican, nil))
}

// walk reads a list page by page and calls between after each, and returns what names each entry.
func (r *rig) walk(path, as, name string, limit int, between func()) (names []string) {
	r.t.Helper()
	cursor := ""
	for pages := 0; ; pages++ {
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		got := r.must(200, r.do("GET", fmt.Sprintf("%s%slimit=%d%s", path, sign, limit, cursor), as, nil))
		list := got.json["data"].([]any)
		if len(list) > limit {
			r.t.Errorf("%s: a page of %d", path, len(list))
		}
		for _, x := range list {
			names = append(names, fmt.Sprint(child(x, name)))
		}
		next := got.text("next_cursor")
		if next == "" || got.text("has_more") == "false" {
			return names
		}
		if len(list) == 0 || pages > 100 {
			r.t.Fatalf("%s: no end: %s", path, got.body)
		}
		cursor = "&cursor=" + url.QueryEscape(next)
		if between != nil {
			between()
		}
	}
}

// Each list comes in pages; what is added while they are read neither repeats nor hides what was there.
func TestPagesUnderInserts(t *testing.T) {
	r := newRig(t)
	r.market()
	for range 5 {
		r.pay("1.00")
		r.must(201, r.do("POST", "/v1/offers", dealer, obj{"give": cash("EUR", "1.00", german), "want": obj{"currency": "MXN", "issuer": mexican}, "price": "99"}))
	}
	for _, c := range []string{"MXN", "USD", "RON"} {
		r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/"+c+"/"+romanian, dealer, obj{"limit": "1.00"}))
	}
	added := 0
	more := func() {
		added++
		r.pay("1.00")
		r.must(201, r.do("POST", "/v1/offers", dealer, obj{"give": cash("EUR", "1.00", german), "want": obj{"currency": "MXN", "issuer": mexican}, "price": "98"}))
		r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/GBP/"+[]string{mexican, german, romanian}[added%3], dealer, obj{"limit": "1.00"}))
	}
	for _, list := range []struct {
		path, as, name string
	}{
		{"/v1/payments", mexican, "id"}, {"/v1/payments?status=settled&currency=EUR", german, "id"}, {"/v1/offers?open=true", dealer, "id"}, {"/v1/lines", dealer, "issuer"},
		{"/v1/blocks", mexican, "height"}, {"/v1/participants", mexican, "bic"}, {"/v1/events", mexican, "id"}, {"/v1/events", dealer, "id"},
		{"/v1/payments?settled_from=2020-01-01T00:00:00Z", mexican, "id"},
	} {
		before := r.walk(list.path, list.as, list.name, 200, nil)
		got := r.walk(list.path, list.as, list.name, 2, func() {
			if added < 40 {
				more()
			}
		})
		if list.name != "issuer" {
			if sorted := slices.Compact(slices.Sorted(slices.Values(got))); len(sorted) != len(got) {
				t.Errorf("%s: entries twice: %v", list.path, got)
			}
		}
		for _, name := range before {
			if !slices.Contains(got, name) {
				t.Errorf("%s: %s was hidden", list.path, name)
			}
		}
	}
}

// A cursor holds for its own list, its own filter, its own participant, and unchanged.
func TestCursorsAreBound(t *testing.T) {
	r := newRig(t)
	r.market()
	for range 3 {
		r.pay("1.00")
	}
	cursor := r.must(200, r.do("GET", "/v1/payments?limit=1", mexican, nil)).text("next_cursor")
	spoiled := "A" + cursor[1:]
	if spoiled == cursor {
		spoiled = "B" + cursor[1:]
	}
	for _, q := range []struct{ as, path string }{
		{mexican, "/v1/payments?status=settled&cursor=" + cursor}, {german, "/v1/payments?cursor=" + cursor}, {mexican, "/v1/lines?cursor=" + cursor},
		{mexican, "/v1/payments?cursor=" + spoiled}, {mexican, "/v1/payments?cursor=" + cursor[1:]}, {mexican, "/v1/payments?cursor=x"},
		{mexican, "/v1/events?cursor=" + cursor}, {mexican, "/v1/blocks?cursor=" + cursor}, {mexican, "/v1/offers?cursor=" + cursor}, {mexican, "/v1/participants?cursor=" + cursor},
	} {
		got := r.must(400, r.do("GET", q.path, q.as, nil))
		if got.text("code") != "invalid_cursor" {
			t.Errorf("%s: %s", q.path, got.body)
		}
	}
	r.must(200, r.do("GET", "/v1/payments?limit=2&cursor="+cursor, mexican, nil))
}

func TestPaymentFilters(t *testing.T) {
	r := newRig(t)
	r.market()
	first, second := r.pay("1.00"), r.pay("2.00")
	rejected := r.must(201, r.do("POST", "/v1/payments", mexican, obj{"to": german, "deliver": cash("EUR", "5.00"), "send_max": cash("MXN", "1.00")}, "Prefer", "wait=10"))
	third := r.pay("3.00")
	all := []string{third.text("id"), rejected.text("id"), second.text("id"), first.text("id")}
	later := func(text string) string {
		at, err := time.Parse(time.RFC3339, text)
		r.ok(err)
		return url.QueryEscape(at.Add(time.Millisecond).Format("2006-01-02T15:04:05.000Z"))
	}
	for _, f := range []struct {
		query string
		want  []string
	}{
		{"", all},
		{"status=rejected", all[1:2]},
		{"status=queued", nil},
		{"status=settled", []string{all[0], all[2], all[3]}},
		{"counterparty=" + german, all},
		{"counterparty=" + dealer, nil},
		{"currency=MXN&status=rejected", all[1:2]},
		{"currency=USD", nil},
		{"uetr=" + second.text("uetr"), all[2:3]},
		{"created_from=" + url.QueryEscape(second.text("created_at")), all[:3]},
		{"created_until=" + url.QueryEscape(second.text("created_at")), all[3:]},
		{"settled_from=" + later(first.text("settled_at")), all[:3]},
		{"settled_until=" + later(first.text("settled_at")), all[3:]},
		{"settled_from=" + url.QueryEscape(first.text("settled_at")) + "&settled_until=" + later(second.text("settled_at")) + "&status=settled", []string{all[2], all[3]}},
	} {
		if got := r.walk("/v1/payments?"+f.query, mexican, "id", 2, nil); !slices.Equal(got, f.want) {
			t.Errorf("%s: %v, want %v", f.query, got, f.want)
		}
	}
	diff(t, "received", r.walk("/v1/payments?settled_from=2020-01-01T00:00:00Z&counterparty="+mexican, german, "id", 2, nil), []string{all[0], all[2], all[3]})
	for _, bad := range []string{"created_from=yesterday", "settled_until=2026", "status=done", "counterparty=x", "uetr=1"} {
		r.must(400, r.do("GET", "/v1/payments?"+bad, mexican, nil))
	}
	diff(t, "lines", r.walk("/v1/lines?currency=EUR", dealer, "issuer", 5, nil), []string{german})
	diff(t, "lines", len(r.walk("/v1/lines?holder="+dealer+"&issuer="+mexican, dealer, "issuer", 5, nil)), 1)
}
