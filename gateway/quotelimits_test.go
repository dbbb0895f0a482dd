package gateway

import (
	"net/url"
	"testing"
)

// A quote under limits keeps to them and says when they made it dearer; bad ones are told by pointer.
func TestQuoteLimits(t *testing.T) {
	r := newRig(t)
	r.market()
	ask := func(change obj) *reply {
		body := obj{"to": german, "deliver": cash("EUR", "1000.00"), "source": "MXN"}
		for k, v := range change {
			body[k] = v
		}
		return r.must(200, r.do("POST", "/v1/quotes", mexican, body))
	}
	for _, limits := range []obj{{}, {"max_paths": 1}, {"max_hops": 1}, {"max_paths": 100, "max_hops": 100}} {
		if q := ask(limits); q.text("options", "0", "optimality") != "cheapest" || q.text("options", "0", "source", "value") != "20500.00" {
			t.Errorf("%v: %s", limits, q.body)
		}
	}
	// Half of it at a better price, by another dealer: one path is dearer than two.
	r.must(200, r.do("PUT", "/v1/lines/"+romanian+"/EUR/"+german, romanian, obj{"limit": "500.00"}))
	r.must(200, r.do("PUT", "/v1/lines/"+romanian+"/MXN/"+mexican, romanian, obj{"limit": "100000.00"}))
	r.must(201, r.do("POST", "/v1/payments", german, obj{"to": romanian, "deliver": cash("EUR", "500.00", german), "send_max": cash("EUR", "500.00")}, "Prefer", "wait=10"))
	r.must(201, r.do("POST", "/v1/offers", romanian, obj{"give": cash("EUR", "500.00", german), "want": cash("MXN", "10000.00", mexican)}))
	if q := ask(obj{}); q.text("options", "0", "optimality") != "cheapest" || q.text("options", "0", "source", "value") != "20250.00" {
		t.Errorf("%s", q.body)
	}
	if q := ask(obj{"max_paths": 1}); q.text("options", "0", "optimality") != "best_found" || q.text("options", "0", "source", "value") != "20500.00" {
		t.Errorf("%s", q.body)
	}
	w := r.watch(mexican, url.Values{"to": {german}, "deliver": {"EUR 1000.00"}, "source": {"MXN"}, "max_paths": {"1"}, "max_hops": {"2"}})
	if o := w.quote()["options"].([]any)[0].(obj); o["optimality"] != "best_found" {
		t.Errorf("%v", o)
	}
	for _, tt := range []struct {
		change obj
		faults []string
	}{
		{obj{"max_paths": 0}, []string{"/max_paths invalid_value CH16"}},
		{obj{"max_hops": 101, "max_paths": -1}, []string{"/max_hops invalid_value CH16", "/max_paths invalid_value CH16"}},
		{obj{"max_hops": "3"}, []string{"/max_hops wrong_type CH16"}},
		{obj{"max_hops": 1.5}, []string{"/max_hops wrong_type CH16"}},
	} {
		body := obj{"to": german, "deliver": cash("EUR", "1000.00")}
		for k, v := range tt.change {
			body[k] = v
		}
		diff(t, "faults", r.must(400, r.do("POST", "/v1/quotes", mexican, body)).faults(), tt.faults)
	}
	for _, bad := range []string{"max_paths=0", "max_hops=x", "max_hops=101"} {
		r.must(400, r.do("GET", "/v1/quotes/stream?to="+german+"&deliver=EUR+1.00&"+bad, mexican, nil))
	}
}
