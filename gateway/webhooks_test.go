package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"viaduct/gateway/webhook"
)

// endpoint is a bank's receiver: it answers with the status it is told to, and keeps what came.
type endpoint struct {
	t    *testing.T
	url  string
	came chan arrival

	mu     sync.Mutex
	status int
}

type arrival struct {
	header http.Header
	body   []byte
}

func newEndpoint(t *testing.T) *endpoint {
	e := &endpoint{t: t, came: make(chan arrival, 64), status: 204}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		e.mu.Lock()
		status := e.status
		e.mu.Unlock()
		w.WriteHeader(status)
		e.came <- arrival{r.Header, body}
	}))
	t.Cleanup(server.Close)
	e.url = server.URL
	return e
}

func (e *endpoint) answer(status int) { e.mu.Lock(); e.status = status; e.mu.Unlock() }

func (e *endpoint) next() arrival {
	e.t.Helper()
	select {
	case a := <-e.came:
		return a
	case <-time.After(30 * time.Second):
		e.t.Fatal("nothing came within 30 s")
		panic("unreachable")
	}
}

// checkSecret has the independent verifier check a delivery.
func (a arrival) checkSecret(t *testing.T, secret string, want bool) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.VerifyIgnoringTimestamp(a.body, a.header); (err == nil) != want {
		t.Errorf("the independent verifier: %v, want good: %v", err, want)
	}
}

func (a arrival) checkPublic(t *testing.T, public string) {
	t.Helper()
	seconds, err := strconv.ParseInt(a.header.Get(webhook.HeaderTimestamp), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if err := webhook.VerifyPublic(public, a.header.Get(webhook.HeaderID), time.Unix(seconds, 0), a.body, a.header.Get(webhook.HeaderSignature)); err != nil {
		t.Error(err)
	}
}

// dispatch runs the gateway's dispatcher until the test ends.
func (r *rig) dispatch() {
	ctx, stop := context.WithCancel(r.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.gateway.Dispatcher(nil).Run(ctx)
	}()
	r.t.(*testing.T).Cleanup(func() { stop(); <-ended })
}

// A payment's result reaches the webhooks of both sides, signed as Standard Webhooks' own library
// checks it and in the form that the contract gives it; the receiver is not told what it cost.
func TestWebhookDelivery(t *testing.T) {
	r := newRig(t)
	r.market()
	mine, theirs := newEndpoint(t), newEndpoint(t)
	made := r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": mine.url}))
	other := r.must(201, r.do("POST", "/v1/webhooks", german, obj{"url": theirs.url, "events": []string{"payment.settled"}}))
	listed := r.must(200, r.do("GET", "/v1/webhooks", mexican, nil))
	if strings.Contains(string(listed.body), made.text("secret")) || listed.text("data", "0", "url") != mine.url || len(listed.json["data"].([]any)) != 1 {
		t.Errorf("listed: %s", listed.body)
	}
	paid := r.pay("10.00")
	refused := r.must(201, r.do("POST", "/v1/payments", mexican, obj{
		"to": german, "deliver": cash("EUR", "10.00"), "send_max": cash("MXN", "1.00"),
	}, "Prefer", "wait=10"))
	r.dispatch()
	for _, tt := range []struct {
		at       *endpoint
		hook     *reply
		count    int
		told     string
		withCost bool
	}{{mine, made, 2, "payment.settled payment.rejected", true}, {theirs, other, 1, "payment.settled", false}} {
		var told []string
		for range tt.count {
			a := tt.at.next()
			a.checkSecret(t, tt.hook.text("secret"), true)
			a.checkPublic(t, tt.hook.text("public_key"))
			kind := r.checkEvent(a)
			told = append(told, kind)
			if kind == "payment.settled" && (strings.Contains(string(a.body), `"source"`) != tt.withCost || !strings.Contains(string(a.body), paid.text("id"))) {
				t.Errorf("event: %s", a.body)
			}
			if kind == "payment.rejected" && (!strings.Contains(string(a.body), refused.text("id")) || !strings.Contains(string(a.body), `"iso_reason"`)) {
				t.Errorf("event: %s", a.body)
			}
		}
		slices.Sort(told)
		slices.Reverse(told)
		if got := strings.Join(told, " "); got != tt.told {
			t.Errorf("told %s, want %s", got, tt.told)
		}
	}
}

// checkEvent checks a delivery's body against the contract's section webhooks and returns its type.
func (r *rig) checkEvent(a arrival) string {
	r.t.Helper()
	var body map[string]any
	r.ok(json.Unmarshal(a.body, &body))
	kind, _ := body["type"].(string)
	item := r.doc.Webhooks[kind]
	if item == nil {
		r.t.Fatalf("the contract has no webhook %q", kind)
	}
	r.checkBody(item.Post.RequestBody.Value.Content["application/json"].Schema.Value, body)
	if body["id"] != a.header.Get(webhook.HeaderID) {
		r.t.Errorf("id %v under webhook-id %s", body["id"], a.header.Get(webhook.HeaderID))
	}
	return kind
}

func (r *rig) checkBody(schema *openapi3.Schema, body map[string]any) {
	r.t.Helper()
	var f faults
	if err := schema.VisitJSON(body, openapi3.MultiErrors(), openapi3.WithStringFormatValidators(formats())); err != nil {
		record(err, &f)
		r.t.Errorf("the body breaks the contract: %+v: %v", f.list, body)
	}
	unknownMembers(schema, body, "", func(at string) { r.t.Errorf("the contract has no %s", at) })
}

// The examples of the section webhooks are what the section says, and each event type has them.
func TestWebhookExamples(t *testing.T) {
	r := &rig{t: t, doc: loadedContract(t)}
	for _, kind := range r.doc.Components.Schemas["EventType"].Value.Enum {
		if r.doc.Webhooks[kind.(string)] == nil {
			t.Errorf("the contract does not describe %s", kind)
		}
	}
	examples := 0
	for kind, item := range r.doc.Webhooks {
		content := item.Post.RequestBody.Value.Content["application/json"]
		for _, example := range content.Examples {
			body := example.Value.Value.(map[string]any)
			r.checkBody(content.Schema.Value, body)
			if body["type"] != kind {
				t.Errorf("an example of %s is of type %v", kind, body["type"])
			}
			examples++
		}
	}
	if examples < 4 {
		t.Errorf("%d examples", examples)
	}
}

// For 24 hours after a rotation either secret checks a delivery, and afterwards the new one alone.
func TestRotateSecret(t *testing.T) {
	r := newRig(t)
	e := newEndpoint(t)
	made := r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": e.url}))
	path := "/v1/webhooks/" + made.text("id")
	rotated := r.must(200, r.do("POST", path+"/rotate-secret", mexican, nil))
	if rotated.text("secret") == made.text("secret") || rotated.text("public_key") == made.text("public_key") || rotated.text("rotated_until") == "" {
		t.Errorf("rotated: %s", rotated.body)
	}
	try := func() arrival {
		t.Helper()
		if got := r.must(200, r.do("POST", path+"/test", mexican, nil)); got.text("delivered") != "true" {
			t.Fatalf("%s", got.body)
		}
		return e.next()
	}
	a := try()
	a.checkSecret(t, made.text("secret"), true)
	a.checkSecret(t, rotated.text("secret"), true)
	a.checkPublic(t, made.text("public_key"))
	a.checkPublic(t, rotated.text("public_key"))
	r.clock.Store(int64(24*time.Hour + time.Minute))
	a = try()
	a.checkSecret(t, made.text("secret"), false)
	a.checkSecret(t, rotated.text("secret"), true)
	if read := r.must(200, r.do("GET", path, mexican, nil)); read.text("rotated_until") != "" || read.text("secret") != "" || read.text("public_key") != rotated.text("public_key") {
		t.Errorf("a day on: %s", read.body)
	}
	for range 4 {
		r.must(200, r.do("POST", path+"/rotate-secret", mexican, nil))
	}
	if got := r.must(409, r.do("POST", path+"/rotate-secret", mexican, nil)); got.text("code") != "too_many_rotations" {
		t.Errorf("%s", got.body)
	}
}

// A test says what the endpoint said, and nothing of it is in the log.
func TestTestWebhook(t *testing.T) {
	r := newRig(t)
	e := newEndpoint(t)
	path := "/v1/webhooks/" + r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": e.url, "events": []string{"payment.rejected"}})).text("id")
	r.must(200, r.do("PATCH", path, mexican, obj{"disabled": true}))
	for status, want := range map[int]string{204: "true 204 ", 500: "false 500 status 500", 302: "false 302 status 302"} {
		e.answer(status)
		got := r.must(200, r.do("POST", path+"/test", mexican, nil))
		if text := got.text("delivered") + " " + got.text("status") + " " + got.text("reason"); text != want {
			t.Errorf("%d: %s, want %s", status, text, want)
		}
		if kind := r.checkEvent(e.next()); kind != "webhook.test" {
			t.Errorf("%s came", kind)
		}
	}
	r.must(200, r.do("PATCH", path, mexican, obj{"url": "http://127.0.0.1:1/"}))
	got := r.must(200, r.do("POST", path+"/test", mexican, nil))
	if got.text("delivered") != "false" || got.text("status") != "" || got.text("reason") != "connection failed" {
		t.Errorf("nobody listens: %s", got.body)
	}
	if log := r.must(200, r.do("GET", path+"/deliveries", mexican, nil)); len(log.json["data"].([]any)) != 0 {
		t.Errorf("the log has %s", log.body)
	}
}

// The log tells of each attempt; what was given up or delivered is sent again on request; a 410 turns
// the webhook off until its owner turns it on.
func TestDeliveryLogAndRedelivery(t *testing.T) {
	r := newRig(t)
	r.market()
	e := newEndpoint(t)
	path := "/v1/webhooks/" + r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": e.url})).text("id")
	r.dispatch()
	delivered := func(id, status string, attempts int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) { // the log is written after the answer
			log := r.must(200, r.do("GET", path+"/deliveries", mexican, nil))
			if log.text("data", "0", "event_id") == id && log.text("data", "0", "status") == status && len(child(log.json["data"], "0").(obj)["attempts"].([]any)) == attempts {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("want %s %s after %d attempts: %s", id, status, attempts, log.body)
			}
		}
	}
	send := func() string { // a payment's event, not later than a few seconds on
		t.Helper()
		r.pay("1.00")
		r.gateway.wakeDispatcher()
		return e.next().header.Get(webhook.HeaderID)
	}
	first := send()
	delivered(first, "delivered", 1)
	again := r.must(202, r.do("POST", path+"/redeliver", mexican, obj{"event_id": first}))
	if id := e.next().header.Get(webhook.HeaderID); again.text("count") != "1" || id != first {
		t.Errorf("again: %s, and %s came", again.body, id)
	}
	delivered(first, "delivered", 2)
	r.must(404, r.do("POST", path+"/redeliver", mexican, obj{"event_id": "evt_999_0_0"}))
	r.must(404, r.do("POST", path+"/redeliver", mexican, obj{"event_id": "x"}))

	e.answer(410)
	gone := send()
	delivered(gone, "failed", 1)
	if read := r.must(200, r.do("GET", path, mexican, nil)); read.text("disabled_at") == "" || read.text("disabled_reason") != "status 410" {
		t.Errorf("after a 410: %s", read.body)
	}
	if got := r.must(409, r.do("POST", path+"/redeliver", mexican, obj{"failed": true})); got.text("code") != "webhook_disabled" {
		t.Errorf("%s", got.body)
	}
	e.answer(204)
	if on := r.must(200, r.do("PATCH", path, mexican, obj{"disabled": false})); on.text("disabled_at") != "" || on.text("disabled_reason") != "" {
		t.Errorf("on: %s", on.body)
	}
	r.must(202, r.do("POST", path+"/redeliver", mexican, obj{"failed": true}))
	if id := e.next().header.Get(webhook.HeaderID); id != gone {
		t.Errorf("%s came, want %s", id, gone)
	}
	delivered(gone, "delivered", 2)

	// A range, then page by page.
	from, until := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	if got := r.must(202, r.do("POST", path+"/redeliver", mexican, obj{"from": from, "until": until})); got.text("count") != "2" {
		t.Errorf("range: %s", got.body)
	}
	came := []string{e.next().header.Get(webhook.HeaderID), e.next().header.Get(webhook.HeaderID)}
	if slices.Sort(came); !slices.Contains(came, first) || !slices.Contains(came, gone) {
		t.Errorf("the range: %v", came)
	}
	if got := r.must(202, r.do("POST", path+"/redeliver", mexican, obj{"until": from})); got.text("count") != "0" {
		t.Errorf("an empty range: %s", got.body)
	}
	page := r.must(200, r.do("GET", path+"/deliveries?limit=1", mexican, nil))
	next := r.must(200, r.do("GET", path+"/deliveries?limit=1&cursor="+page.text("next_cursor"), mexican, nil))
	if page.text("data", "0", "event_id") != gone || next.text("data", "0", "event_id") != first || next.text("next_cursor") != "" {
		t.Errorf("pages %s %s", page.body, next.body)
	}
	r.must(400, r.do("GET", path+"/deliveries?cursor="+page.text("next_cursor")+"A", mexican, nil))
	r.must(400, r.do("GET", path+"/deliveries?status=failed&cursor="+page.text("next_cursor"), mexican, nil))
	if got := r.must(200, r.do("GET", path+"/deliveries?status=failed", mexican, nil)); len(got.json["data"].([]any)) != 0 {
		t.Errorf("failed: %s", got.body)
	}
}

func TestWebhookBadInput(t *testing.T) {
	r := newRig(t)
	hook := r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": "https://bank.example/"}))
	path := "/v1/webhooks/" + hook.text("id")
	for _, tt := range []struct {
		method, path string
		body         any
		want         string
	}{
		{"POST", "/v1/webhooks", obj{"url": "ftp://bank.example/"}, "/url invalid_url"},
		{"POST", "/v1/webhooks", obj{"url": "https://bank.example/", "events": []string{"payment.lost"}}, "/events/0 invalid_value CH16"},
		{"PATCH", path, obj{"url": "https://user:word@bank.example/"}, "/url invalid_url"},
		{"PATCH", path, obj{}, " invalid_value CH16"},
		{"PATCH", path, obj{"secret": "x"}, "/secret unknown_field CH17"},
		{"PATCH", path, obj{"disabled": "no"}, "/disabled wrong_type CH16"},
		{"POST", path + "/redeliver", obj{"failed": false}, "/event_id missing_field"},
		{"POST", path + "/redeliver", obj{"event_id": "evt_1_0_0", "failed": true}, "/event_id conflicting_fields"},
		{"POST", path + "/redeliver", obj{"from": "yesterday"}, "/from invalid_time DT01"},
		{"POST", path + "/redeliver", obj{"from": "2026-03-13T00:00:00Z", "until": "2026-03-13T00:00:00Z"}, "/until invalid_time"},
	} {
		got := r.must(400, r.do(tt.method, tt.path, mexican, tt.body))
		diff(t, fmt.Sprint(tt.method, tt.path, tt.body), got.faults(), []string{tt.want})
	}
	if read := r.must(200, r.do("GET", path, mexican, nil)); read.text("url") != "https://bank.example/" || read.text("disabled_at") != "" {
		t.Errorf("changed all the same: %s", read.body)
	}
	for range 19 {
		r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": "https://bank.example/"}))
	}
	if got := r.must(409, r.do("POST", "/v1/webhooks", mexican, obj{"url": "https://bank.example/"})); got.text("code") != "too_many_webhooks" {
		t.Errorf("%s", got.body)
	}
	r.must(204, r.do("DELETE", path, mexican, nil))
	r.must(404, r.do("GET", path, mexican, nil))
	r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": "https://bank.example/"}))
}
