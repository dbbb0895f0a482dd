package gateway

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// heard is a delivery's body, as a bank's program reads it.
type heard struct {
	ID, Type string
	Data     struct {
		PaymentID string `json:"payment_id"`
		Messages  []struct {
			ID, Type, Direction, From string
			MessageID                 string `json:"message_id"`
			Body                      string
		}
	}
}

// hears returns the next event at an endpoint, which must be what the contract says; its messages must be
// valid.
func (r *rig) hears(e *endpoint) heard {
	r.t.Helper()
	r.gateway.wakeDispatcher()
	a := e.next()
	r.checkEvent(a)
	var got heard
	r.ok(json.Unmarshal(a.body, &got))
	for _, m := range got.Data.Messages {
		if m.Direction == "out" {
			r.valid([]byte(m.Body))
		}
	}
	return got
}

func (e heard) types() (types []string) {
	for _, m := range e.Data.Messages {
		types = append(types, m.Type)
	}
	return types
}

// inbox returns the messages a bank lists, newest first, as "direction type id".
func (r *rig) inbox(bic string) (list []string) {
	r.t.Helper()
	cursor := ""
	for {
		page := r.must(200, r.do("GET", "/v1/messages?limit=3"+cursor, bic, nil))
		for i := range page.json["data"].([]any) {
			at := func(name string) string { return page.text("data", fmt.Sprint(i), name) }
			id := at("message_id")
			if at("from") == "" {
				id = "ours"
			}
			list = append(list, at("direction")+" "+at("type")+" "+id)
		}
		if page.text("next_cursor") == "" {
			return list
		}
		cursor = "&cursor=" + page.text("next_cursor")
	}
}

// A payment ordered in a message ends in messages: the final pacs.002 and the camt.054s come by webhook, and
// are the same at GET .../messages. A recall of it goes to the bank that was paid and comes back answered.
func TestMessagesByWebhook(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	asks, paid := newEndpoint(t), newEndpoint(t)
	r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": asks.url}))
	r.must(201, r.do("POST", "/v1/webhooks", german, obj{"url": paid.url}))
	r.dispatch()

	original := pacs008()
	diff(t, "ordered", told(r.asks(201, mexican, original, "Prefer", "wait=10")), []string{"ACSC"})
	settled := r.hears(asks)
	diff(t, "the sender hears", settled.types(), []string{"pacs.002.001.10", "camt.054.001.08"})
	diff(t, "the final status", told(r.valid([]byte(settled.Data.Messages[0].Body))), []string{"ACSC"})
	diff(t, "the receiver hears", r.hears(paid).types(), []string{"camt.054.001.08"})
	page := r.must(200, r.do("GET", "/v1/payments/"+settled.Data.PaymentID+"/messages", mexican, nil))
	for _, m := range settled.Data.Messages {
		if !strings.Contains(string(page.body), jsonText(t, m.Body)) {
			t.Errorf("the %s by webhook is not the one that is listed", m.Type)
		}
	}

	rejected := pacs008("MX-0001", "MX-0002", uetrA, uetrB, "1000.00", "900000.00")
	diff(t, "too much", told(r.asks(201, mexican, rejected, "Prefer", "wait=10")), []string{"RJCT AM04"})
	refused := r.hears(asks)
	diff(t, "the sender hears of a refusal", refused.types(), []string{"pacs.002.001.10"})
	diff(t, "the final status", told(r.valid([]byte(refused.Data.Messages[0].Body))), []string{"RJCT AM04"})

	request := camt056(mexican, german, "C-1", uetrA)
	diff(t, "recall", told(r.asks(202, mexican, request)), []string{"PDCR"})
	asked := r.hears(paid)
	if asked.Type != "recall.requested" || asked.Data.PaymentID != settled.Data.PaymentID || asked.Data.Messages[0].Body != request {
		t.Errorf("the bank that was paid hears %+v", asked)
	}
	r.must(202, r.send(mexican, request)) // a repeat tells nobody again
	diff(t, "another recall under the same MsgId", told(r.asks(422, mexican, strings.Replace(request, "<Cd>DUPL", "<Cd>CUST", 1), "Idempotency-Key", "other")), []string{"RJCT DUPL"})
	refusal := camt029(german, mexican, "A-1", uetrA)
	diff(t, "answer", told(r.asks(201, german, refusal)), []string{"ACTC"})
	answered := r.hears(asks)
	if answered.Type != "recall.answered" || answered.Data.Messages[0].Body != refusal || answered.Data.Messages[0].From != german {
		t.Errorf("the bank that asked hears %+v", answered)
	}
	body := r.must(200, r.do("GET", "/v1/messages/"+answered.Data.Messages[0].ID, mexican, nil))
	if string(body.body) != refusal || body.header.Get("Content-Type") != "application/xml" {
		t.Errorf("read as %s: %q", body.header.Get("Content-Type"), body.body)
	}
	for _, stranger := range []string{romanian, dealer, ""} {
		r.must(404, r.do("GET", "/v1/messages/"+answered.Data.Messages[0].ID, stranger, nil))
	}

	// The return, by message: an event for each, with the return's own status and both camt.054s.
	diff(t, "return", told(r.asks(201, german, pacs004(german, mexican, "R-1", uetrA, "1000.00"), "Prefer", "wait=10")), []string{"ACSC"})
	diff(t, "who returns hears", r.hears(paid).types(), []string{"pacs.002.001.10", "camt.054.001.08"})
	back := r.hears(asks)
	diff(t, "who gets it back hears", back.types(), []string{"camt.054.001.08"})
	if got := r.must(200, r.do("GET", "/v1/payments/"+settled.Data.PaymentID, mexican, nil)); got.text("returned_by") != back.Data.PaymentID {
		t.Errorf("%s", got.body)
	}
	if got := r.must(200, r.do("GET", "/v1/payments/"+back.Data.PaymentID, mexican, nil)); got.text("return_of") != settled.Data.PaymentID {
		t.Errorf("%s", got.body)
	}

	diff(t, "the sender's messages", r.inbox(mexican), []string{
		"in pacs.004.001.09 R-1", "in camt.029.001.09 A-1", "out camt.029.001.09 ours", "in camt.056.001.08 C-1",
		"out pacs.002.001.10 ours", "in pacs.008.001.08 MX-0002", "out pacs.002.001.10 ours", "in pacs.008.001.08 MX-0001",
	})
	diff(t, "the receiver's messages", r.inbox(german), []string{
		"out pacs.002.001.10 ours", "in pacs.004.001.09 R-1", "out pacs.002.001.10 ours", "in camt.029.001.09 A-1",
		"in camt.056.001.08 C-1", "in pacs.008.001.08 MX-0001",
	})
	diff(t, "a stranger's messages", r.inbox(romanian), []string(nil))
}

func jsonText(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// An initiation's final reports are pain.002s, one a payment.
func TestInitiationByWebhook(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	hook := newEndpoint(t)
	r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": hook.url}))
	r.dispatch()
	r.asks(201, mexican, pain001("P-1", "10.00", "90000.01"), "Prefer", "wait=10")
	var got []string
	for range 2 {
		e := r.hears(hook)
		got = append(got, e.Data.Messages[0].Type+" "+told(r.valid([]byte(e.Data.Messages[0].Body)))[0])
	}
	slices.Sort(got)
	diff(t, "reports", got, []string{"pain.002.001.10 ACSC", "pain.002.001.10 RJCT AM04"})
}

// What is asked and answered is kept byte for byte: a status request, a report request, a notice. What
// orders nothing counts once by its MsgId, whatever key comes with it.
func TestQuestionsAreKept(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	r.asks(201, mexican, pacs008(), "Prefer", "wait=10")
	status := pacs028(mexican, german, "Q-1", uetrA)
	first := r.must(200, r.send(mexican, status))
	again := r.must(200, r.send(mexican, status, "Idempotency-Key", "some-key"))
	if string(first.body) != string(again.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same question was answered anew: %s", again.body)
	}
	report := camt060(mexican, "Q-2", "camt.052.001.08", "", "")
	r.asks(200, mexican, report)
	told057 := camt057(mexican, german, "N-1")
	diff(t, "notice", told(r.asks(201, mexican, told057)), []string{"ACTC"})
	diff(t, "a notice to nobody here", told(r.asks(400, mexican, camt057(mexican, "NOBKDEFF", "N-2"))), []string{"RJCT RC04"})
	kept := map[string]string{"Q-1": status, "Q-2": report, "N-1": told057}
	page := r.must(200, r.do("GET", "/v1/messages", mexican, nil))
	for i := range page.json["data"].([]any) {
		name := page.text("data", fmt.Sprint(i), "message_id")
		if want, ok := kept[name]; ok {
			if got := r.must(200, r.do("GET", "/v1/messages/"+page.text("data", fmt.Sprint(i), "id"), mexican, nil)); string(got.body) != want {
				t.Errorf("%s is kept as %q", name, got.body)
			}
			delete(kept, name)
		}
	}
	if len(kept) > 0 {
		t.Errorf("not listed: %v", kept)
	}
	diff(t, "the receiver's messages", r.inbox(german), []string{"in camt.057.001.06 N-1", "in pacs.008.001.08 MX-0001"})
}

// Who may recall, answer and return what.
func TestRecallsRefused(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	r.asks(201, mexican, pacs008(), "Prefer", "wait=10")
	r.asks(201, mexican, pacs008("MX-0001", "MX-0002", uetrA, uetrB, "1000.00", "900000.00"), "Prefer", "wait=10")
	before := r.must(200, r.do("GET", "/v1/balances", mexican, nil)).text("data")
	const none = "3b2c4d5e-6f70-4b1c-8d9e-0f1a2b3c4d5e"
	for _, tt := range []struct {
		name, as, xml string
		status        int
		told          []string
	}{
		{"recall of a stranger's payment", romanian, camt056(romanian, german, "C-1", uetrA), 201, []string{"RJCR NOOR"}},
		{"recall by the bank that was paid", german, camt056(german, mexican, "C-1", uetrA), 201, []string{"RJCR NOOR"}},
		{"recall of nothing", mexican, camt056(mexican, german, "C-1", none), 201, []string{"RJCR NOOR"}},
		{"recall of what was rejected", mexican, camt056(mexican, german, "C-2", uetrB), 201, []string{"RJCR NOOR"}},
		{"recall from another bank", mexican, camt056(mexican, romanian, "C-3", uetrA), 400, []string{"RJCT RC04"}},
		{"recall in another's name", german, camt056(mexican, german, "C-4", uetrA), 400, []string{"RJCT RC03"}},
		{"answer before the recall", german, camt029(german, mexican, "A-1", uetrA), 400, []string{"RJCT NOOR"}},
		{"recall", mexican, camt056(mexican, german, "C-5", uetrA), 202, []string{"PDCR"}},
		{"answer by a stranger", romanian, camt029(romanian, mexican, "A-1", uetrA), 400, []string{"RJCT NOOR"}},
		{"answer by who asked", mexican, camt029(mexican, german, "A-1", uetrA), 400, []string{"RJCT NOOR"}},
		{"answer to another bank", german, camt029(german, romanian, "A-1", uetrA), 400, []string{"RJCT RC04"}},
		{"answer for nothing", german, camt029(german, mexican, "A-1", none), 400, []string{"RJCT NOOR"}},
		{"answer", german, camt029(german, mexican, "A-1", uetrA), 201, []string{"ACTC"}},
		{"status of a stranger's payment", romanian, pacs028(romanian, german, "Q-1", uetrA), 200, []string{"RJCT NARR"}},
		{"status in another's name", romanian, pacs028(mexican, german, "Q-2", uetrA), 400, []string{"RJCT RC03"}},
		{"return by a stranger", romanian, pacs004(romanian, mexican, "R-1", uetrA, "1000.00"), 400, []string{"RJCT NOOR"}},
		{"return by who paid", mexican, pacs004(mexican, german, "R-1", uetrA, "1000.00"), 400, []string{"RJCT NOOR"}},
		{"return of what was rejected", german, pacs004(german, mexican, "R-1", uetrB, "1.00"), 400, []string{"RJCT NOOR"}},
		{"return of more", german, pacs004(german, mexican, "R-1", uetrA, "1000.01"), 400, []string{"RJCT AM09"}},
		{"return to another bank", german, pacs004(german, romanian, "R-1", uetrA, "1000.00"), 400, []string{"RJCT RC04"}},
		{"report on another's account", romanian, camt060(mexican, "Q-3", "camt.052.001.08", "", ""), 400, []string{"RJCT RC03"}},
	} {
		r.t = t
		diff(t, tt.name, told(r.asks(tt.status, tt.as, tt.xml)), tt.told)
	}
	if after := r.must(200, r.do("GET", "/v1/balances", mexican, nil)).text("data"); after != before {
		t.Errorf("what was refused moved money: %s, was %s", after, before)
	}
	diff(t, "a stranger keeps what it sent", r.inbox(romanian), []string{
		"out pacs.002.001.10 ours", "in pacs.028.001.03 Q-1", "out camt.029.001.09 ours", "in camt.056.001.08 C-1",
	})
}

// An advice moves nothing and settles with the transfer it advises of, which has the same UETR.
func TestAdvice(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	advice := strings.NewReplacer("viaduct.01", "swift.cbprplus.adv.04", "<SttlmMtd>INDA</SttlmMtd>", "<SttlmMtd>COVE</SttlmMtd>"+bank("InstdRmbrsmntAgt", dealer))
	balance := func() string {
		return r.must(200, r.do("GET", "/v1/lines/"+mexican+"/EUR/"+german, mexican, nil)).text("balance")
	}
	diff(t, "advice", told(r.asks(202, mexican, advice.Replace(pacs009(mexican, german, "AD-1", uetrA, "1000.00", false)), "Prefer", "wait=10")), []string{"PDNG NARR"})
	if got := balance(); got != "50000.00" {
		t.Errorf("an advice moved money: %s", got)
	}
	diff(t, "a second advice", told(r.asks(201, mexican, advice.Replace(pacs009(mexican, german, "AD-2", uetrA, "1000.00", false)), "Prefer", "wait=10")), []string{"RJCT DUPL"})
	diff(t, "the transfer", told(r.asks(201, mexican, pacs009(mexican, german, "CO-1", uetrA, "1000.00", false), "Prefer", "wait=10")), []string{"ACSC"})
	if got := balance(); got != "49000.00" {
		t.Errorf("balance %s, want the money moved once", got)
	}
	page := r.must(200, r.do("GET", "/v1/payments?uetr="+uetrA+"&status=settled", mexican, nil))
	if list, _ := page.json["data"].([]any); len(list) != 2 || page.text("data", "1", "covered_by") != page.text("data", "0", "id") || page.text("data", "1", "send_max") != "" {
		t.Errorf("%s", page.body)
	}
	settles := strings.NewReplacer("viaduct.01", "swift.cbprplus.04", "<SttlmMtd>INDA</SttlmMtd>", "<SttlmMtd>COVE</SttlmMtd>"+bank("InstdRmbrsmntAgt", dealer))
	diff(t, "another service by cover", told(r.asks(400, mexican, settles.Replace(pacs009(mexican, german, "CO-2", uetrB, "1000.00", false)))), []string{"RJCT CH16"})
}

// A return that settles by cover moves nothing itself either.
func TestReturnByCover(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	r.asks(201, mexican, pacs008(), "Prefer", "wait=10")
	back := strings.Replace(pacs004(german, mexican, "R-1", uetrA, "1000.00"), "<SttlmMtd>INDA</SttlmMtd>", "<SttlmMtd>COVE</SttlmMtd>"+bank("InstdRmbrsmntAgt", dealer), 1)
	diff(t, "return", told(r.asks(202, german, back, "Prefer", "wait=10")), []string{"PDNG NARR"})
	diff(t, "its cover", told(r.asks(201, german, pacs009(german, mexican, "CO-1", uetrA, "1000.00", true), "Prefer", "wait=10")), []string{"ACSC"})
	diff(t, "status", told(r.asks(200, mexican, pacs028(mexican, german, "Q-9", uetrA))), []string{"ACSC"})
	got := r.must(200, r.do("GET", "/v1/lines/"+mexican+"/EUR/"+german, mexican, nil))
	if got.text("balance") != "50000.00" {
		t.Errorf("%s", got.body)
	}
}

// A recall that finds the payment under way waits for its end.
func TestRecallOfWhatIsUnderWay(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	held := make(chan struct{})
	r.engine.held.Store(&held)
	done := make(chan *reply)
	go func() { done <- r.send(mexican, pacs008()) }()
	for start := time.Now(); ; {
		if page := r.must(200, r.do("GET", "/v1/payments?uetr="+uetrA, mexican, nil)); len(page.json["data"].([]any)) == 1 {
			break
		}
		if time.Since(start) > 20*time.Second {
			t.Fatal("the payment was not begun within 20 s")
		}
	}
	r.must(409, r.send(mexican, camt056(mexican, german, "C-1", uetrA)))
	r.engine.held.Store(nil)
	close(held)
	r.must(202, <-done)
	diff(t, "recall", told(r.asks(202, mexican, camt056(mexican, german, "C-1", uetrA))), []string{"PDCR"})
}
