package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	uetrA = "8e3f1c6a-52d1-4c7e-9f3b-0d6a1b2c3d4e"
	uetrB = "1f0d9b7c-6a5e-4d3c-8b2a-998877665544"
)

// What is refused is refused in the caller's form: XML in, XML out, unless the caller takes JSON alone.
func TestRefusalsInTheCallersForm(t *testing.T) {
	r := newRig(t)
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"funding": []string{"MXN", "EUR"}}))
	for _, tt := range []struct {
		name, as, xml string
		status        int
		message       string
		told          []string
	}{
		{"not XML", mexican, "hello", 400, "admi.002.001.01", nil},
		{"cut off", mexican, pacs008()[:900], 400, "admi.002.001.01", nil},
		{"another message", mexican, strings.ReplaceAll(pacs008(), "pacs.008.001.08", "setr.001.001.04"), 400, "admi.002.001.01", nil},
		{"an older version", mexican, strings.ReplaceAll(pacs008(), "pacs.008.001.08", "pacs.008.001.07"), 400, "admi.002.001.01", nil},
		{"unknown element", mexican, pacs008("<ChrgBr>", "<Surplus/><ChrgBr>"), 400, "pacs.002.001.10", []string{"RJCT CH17"}},
		{"a reference that cannot be repeated", mexican, pacs008("INV-118", strings.Repeat("9", 36)), 400, "pacs.002.001.10", []string{"RJCT CH16"}},
		{"no id to repeat", mexican, pacs008("<MsgId>MX-0001</MsgId>", "<MsgId></MsgId>"), 400, "pacs.002.001.10", []string{"RJCT CH16"}},
		{"another's", german, pacs008(), 400, "pacs.002.001.10", []string{"RJCT RC03"}},
		{"a rule", mexican, pacs008("DE89370400440532013000", "DE88370400440532013000"), 400, "pacs.002.001.10", []string{"RJCT AC01"}},
		{"unknown original", mexican, pacs004(mexican, german, "R-1", uetrA, "10.00"), 400, "pacs.002.001.10", []string{"RJCT NOOR"}},
		{"sent by Viaduct only", mexican, string(r.must(400, r.send(mexican, pacs008("<ChrgBr>", "<Surplus/><ChrgBr>"))).body), 400, "pacs.002.001.10", []string{"RJCT FF01"}},
	} {
		r.t = t
		m := r.asks(tt.status, tt.as, tt.xml)
		if m.ID() != tt.message {
			t.Errorf("%s: answered by a %s", tt.name, m.ID())
		}
		diff(t, tt.name, told(m), tt.told)
	}
	got := r.must(400, r.send(mexican, pacs008("<ChrgBr>", "<Surplus/><ChrgBr>"), "Accept", "application/problem+json"))
	if got.text("errors", "0", "xpath") != "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]/Surplus" || got.text("errors", "0", "detail_rule") != "unknown_element" {
		t.Errorf("%s", got.body)
	}
}

// A participant's messages are read by the rules it set.
func TestProfileOfAParticipant(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	if got := r.must(200, r.do("GET", "/v1/participants/"+mexican, mexican, nil)); got.text("iso_profile") != "cbpr-sr2026" {
		t.Errorf("%s", got.body)
	}
	unstructured := pacs008("<TwnNm>Jena</TwnNm><Ctry>DE</Ctry>", "<AdrLine>Jena, Germany</AdrLine>")
	diff(t, "sr2026", told(r.asks(400, mexican, unstructured)), []string{"RJCT BE04"})
	got := r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"iso_profile": "cbpr-sr2025"}))
	if got.text("iso_profile") != "cbpr-sr2025" {
		t.Errorf("%s", got.body)
	}
	diff(t, "sr2025", told(r.asks(201, mexican, unstructured, "Prefer", "wait=10")), []string{"ACSC"})
	older := pacs008("MX-0001", "MX-0002", "pacs.008.001.08", "pacs.008.001.06", uetrA, uetrB)
	if m := r.asks(400, mexican, older); m.Type != "admi.002" {
		t.Errorf("an older version under cbpr-sr2025: %s", m.ID())
	}
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"iso_profile": "iso"}))
	diff(t, "iso", told(r.asks(201, mexican, older, "Prefer", "wait=10")), []string{"ACSC"})
}

// A transfer that settles by cover moves nothing itself; its cover moves the money once, and settles both.
func TestCoveredTransfer(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	cove := func(id, uetr string) string {
		return pacs008("MX-0001", id, uetrA, uetr, "<SttlmMtd>INDA</SttlmMtd>", "<SttlmMtd>COVE</SttlmMtd>"+bank("InstgRmbrsmntAgt", dealer))
	}
	balance := func() string {
		return r.must(200, r.do("GET", "/v1/lines/"+mexican+"/EUR/"+german, mexican, nil)).text("balance")
	}
	diff(t, "announced", told(r.asks(202, mexican, cove("MX-0001", uetrA), "Prefer", "wait=10")), []string{"PDNG NARR"})
	if got := balance(); got != "50000.00" {
		t.Errorf("an announcement moved money: %s", got)
	}
	diff(t, "asked", told(r.asks(200, mexican, pacs028(mexican, german, "Q-1", uetrA))), []string{"PDNG NARR"})
	diff(t, "ordered besides", told(r.asks(201, mexican, pacs008("MX-0001", "MX-0009"), "Prefer", "wait=10")), []string{"RJCT DUPL"})
	twice := r.must(201, r.do("POST", "/v1/payments", mexican, obj{"to": german, "deliver": cash("EUR", "1.00"), "send_max": cash("EUR", "1.00"), "uetr": uetrA}, "Prefer", "wait=10"))
	if twice.text("status") != "rejected" || twice.text("code") != "duplicate_uetr" || twice.text("iso_reason") != "DUPL" {
		t.Errorf("ordered as JSON: %s", twice.body)
	}

	diff(t, "cover", told(r.asks(201, mexican, pacs009(mexican, german, "MX-0002", uetrA, "1000.00", true), "Prefer", "wait=10")), []string{"ACSC"})
	diff(t, "after its cover", told(r.asks(200, mexican, pacs028(mexican, german, "Q-2", uetrA))), []string{"ACSC"})
	if got := balance(); got != "49000.00" {
		t.Errorf("balance %s, want the money moved once", got)
	}
	page := r.must(200, r.do("GET", "/v1/payments?uetr="+uetrA, german, nil))
	if list, _ := page.json["data"].([]any); len(list) != 2 || page.text("data", "1", "covered_by") != page.text("data", "0", "id") {
		t.Errorf("the receiver sees %s", page.body)
	}

	// The other way round: the cover first.
	diff(t, "cover first", told(r.asks(201, mexican, pacs009(mexican, german, "MX-0003", uetrB, "1000.00", true), "Prefer", "wait=10")), []string{"ACSC"})
	diff(t, "transfer after", told(r.asks(201, mexican, cove("MX-0004", uetrB), "Prefer", "wait=10")), []string{"ACSC"})

	// What waits for its cover can be recalled.
	const third = "2a1b3c4d-5e6f-4a0b-9c8d-7e6f5a4b3c2d"
	r.asks(202, mexican, cove("MX-0005", third), "Prefer", "wait=10")
	diff(t, "recall", told(r.asks(201, mexican, camt056(mexican, german, "C-1", third))), []string{"ACCR"})
	diff(t, "recalled", told(r.asks(200, mexican, pacs028(mexican, german, "Q-3", third))), []string{"CANC NARR"})
	if got := balance(); got != "48000.00" {
		t.Errorf("balance %s", got)
	}
}

// A payment that settled is recalled at the bank that was paid, which says no or gives it back by a new
// payment.
func TestRecallAndReturn(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	original := pacs008()
	diff(t, "paid", told(r.asks(201, mexican, original, "Prefer", "wait=10")), []string{"ACSC"})
	request := camt056(mexican, german, "C-1", uetrA)
	diff(t, "recall", told(r.asks(202, mexican, request)), []string{"PDCR"})
	again := r.must(202, r.send(mexican, request))
	if again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("the same recall was not replayed")
	}
	refusal := camt029(german, mexican, "A-1", uetrA)
	diff(t, "answer", told(r.asks(201, german, refusal)), []string{"ACTC"})
	diff(t, "an answer by a stranger", told(r.asks(400, romanian, camt029(romanian, mexican, "A-1", uetrA))), []string{"RJCT NOOR"})
	diff(t, "more than arrived", told(r.asks(400, german, pacs004(german, mexican, "R-1", uetrA, "1000.01"))), []string{"RJCT AM09"})
	back := pacs004(german, mexican, "R-2", uetrA, "1000.00")
	diff(t, "return", told(r.asks(201, german, back, "Prefer", "wait=10")), []string{"ACSC"})
	diff(t, "a second return", told(r.asks(201, german, pacs004(german, mexican, "R-3", uetrA, "1000.00"), "Prefer", "wait=10")), []string{"RJCT DUPL"})
	diff(t, "recall after the return", told(r.asks(201, mexican, camt056(mexican, german, "C-2", uetrA))), []string{"RJCR ARDT"})
	diff(t, "recall of nothing", told(r.asks(201, mexican, camt056(mexican, german, "C-3", uetrB))), []string{"RJCR NOOR"})

	// All of it is kept byte for byte, for the two banks.
	page := r.must(200, r.do("GET", "/v1/payments?uetr="+uetrA, mexican, nil))
	var id string
	for i := range page.json["data"].([]any) {
		if page.text("data", fmt.Sprint(i), "from") == mexican {
			id = page.text("data", fmt.Sprint(i), "id")
		}
	}
	for _, viewer := range []string{mexican, german} {
		got := r.must(200, r.do("GET", "/v1/payments/"+id+"/messages", viewer, nil))
		seen := map[string]string{}
		var types []string
		for _, x := range got.json["data"].([]any) {
			m := x.(obj)
			types = append(types, m["type"].(string))
			seen[m["type"].(string)+" "+fmt.Sprint(m["message_id"])] = m["body"].(string)
			if m["direction"] == "out" {
				r.valid([]byte(m["body"].(string)))
			}
		}
		for name, sent := range map[string]string{"pacs.008.001.08 MX-0001": original, "camt.056.001.08 C-1": request, "camt.029.001.09 A-1": refusal} {
			if seen[name] != sent {
				t.Errorf("%s sees %s as %q", viewer, name, seen[name])
			}
		}
		if want := map[string]int{mexican: 10, german: 7}[viewer]; len(types) != want || types[len(types)-1] != "camt.054.001.08" {
			t.Errorf("%s sees %v, want %d", viewer, types, want)
		}
	}
	for _, stranger := range []string{romanian, dealer} {
		r.must(404, r.do("GET", "/v1/payments/"+id+"/messages", stranger, nil))
	}
}

// A customer's orders, relayed by its bank, become its bank's payments.
func TestInitiation(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	doc := pain001("P-1", "10.00", "49990.01")
	m := r.asks(201, mexican, doc, "Prefer", "wait=10")
	if m.ID() != "pain.002.001.10" {
		t.Errorf("answered by a %s", m.ID())
	}
	diff(t, "orders", told(m), []string{"ACSC", "RJCT AM04"})
	bad := strings.ReplaceAll(strings.ReplaceAll(doc, "P-1", "P-2"), "<NbOfTxs>2", "<NbOfTxs>3")
	m = r.asks(400, mexican, bad)
	if m.ID() != "pain.002.001.10" || m.Root.At("CstmrPmtStsRpt", "OrgnlGrpInfAndSts").Value("GrpSts") != "RJCT" {
		t.Errorf("a faulty one: %s", m.ID())
	}
}

// Orders that are another bank's, for a later day, by cheque or of no amount are refused, all at once, and
// nothing is ordered.
func TestInitiationRefused(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	const day = "<Dt>2026-03-13</Dt>"
	in := func(days int) string {
		return "<Dt>" + r.gateway.cfg.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) + "</Dt>"
	}
	for i, tt := range []struct {
		name   string
		change []string
		status int
		told   []string
	}{
		{"tomorrow, which it is already east of here", []string{day, in(1)}, 201, []string{"ACSC", "ACSC"}},
		{"a later day", []string{day, in(2)}, 400, []string{"RJCT DT01"}},
		{"a cheque", []string{">TRF<", ">CHK<"}, 400, []string{"RJCT CH16"}},
		{"another bank's customer", []string{bank("DbtrAgt", mexican), bank("DbtrAgt", romanian)}, 400, []string{"RJCT RC03"}},
		{"an unknown bank", []string{bank("CdtrAgt", german), bank("CdtrAgt", "NOBKDEFF")}, 400, []string{"RJCT RC04"}},
		{"an equivalent", []string{`<InstdAmt Ccy="EUR">10.00</InstdAmt>`, `<EqvtAmt><Amt Ccy="MXN">10.00</Amt><CcyOfTrf>EUR</CcyOfTrf></EqvtAmt>`}, 400, []string{"RJCT CH17"}},
	} {
		r.t = t
		before := r.must(200, r.do("GET", "/v1/lines/"+mexican+"/EUR/"+german, mexican, nil)).text("balance")
		doc := strings.NewReplacer(tt.change...).Replace(pain001(fmt.Sprintf("P-%d", i), "10.00", "20.00"))
		got := told(r.asks(tt.status, mexican, doc, "Prefer", "wait=10"))
		diff(t, tt.name, got, tt.told)
		after := r.must(200, r.do("GET", "/v1/lines/"+mexican+"/EUR/"+german, mexican, nil)).text("balance")
		if moved := after != before; moved != (tt.status == 201) {
			t.Errorf("%s: the balance was %s and is %s", tt.name, before, after)
		}
	}
}

// A thousand transactions in one message settle as one batch.
func TestBulkMessage(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"iso_profile": "iso"}))
	const many = 1000
	got := told(r.asks(201, mexican, bulk(many, -1), "Prefer", "wait=10"))
	if len(got) != many {
		t.Fatalf("%d statuses", len(got))
	}
	for i := range got {
		if got[i] != "ACSC" {
			t.Fatalf("transaction %d: %s", i, got[i])
		}
	}
	page := r.must(200, r.do("GET", "/v1/payments?limit=100", mexican, nil))
	height := page.text("data", "0", "height")
	for i := range 100 {
		if page.text("data", fmt.Sprint(i), "height") != height {
			t.Errorf("payment %d is in another block", i)
		}
	}
	if got := r.must(200, r.do("GET", "/v1/lines/"+mexican+"/EUR/"+german, mexican, nil)); got.text("balance") != "48750.00" {
		t.Errorf("%s", got.body)
	}
}
