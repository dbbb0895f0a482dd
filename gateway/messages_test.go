package gateway

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viaduct/gateway/iso20022"
)

// pacs008 is a credit transfer of the Mexican bank to the German one.
func pacs008(change ...string) string {
	m := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<Message>
<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02">
  <Fr><FIId><FinInstnId><BICFI>%[1]s</BICFI></FinInstnId></FIId></Fr>
  <To><FIId><FinInstnId><BICFI>%[2]s</BICFI></FinInstnId></FIId></To>
  <BizMsgIdr>MX-0001</BizMsgIdr><MsgDefIdr>pacs.008.001.08</MsgDefIdr><BizSvc>viaduct.01</BizSvc>
  <CreDt>2026-03-13T16:30:00+00:00</CreDt>
</AppHdr>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><FIToFICstmrCdtTrf>
  <GrpHdr><MsgId>MX-0001</MsgId><CreDtTm>2026-03-13T16:30:00+00:00</CreDtTm><NbOfTxs>1</NbOfTxs>
    <SttlmInf><SttlmMtd>INDA</SttlmMtd></SttlmInf></GrpHdr>
  <CdtTrfTxInf>
    <PmtId><InstrId>I-1</InstrId><EndToEndId>INV-118</EndToEndId><UETR>8e3f1c6a-52d1-4c7e-9f3b-0d6a1b2c3d4e</UETR></PmtId>
    <IntrBkSttlmAmt Ccy="EUR">1000.00</IntrBkSttlmAmt><IntrBkSttlmDt>2026-03-13</IntrBkSttlmDt>
    <ChrgBr>SHAR</ChrgBr>
    <InstgAgt><FinInstnId><BICFI>%[1]s</BICFI></FinInstnId></InstgAgt>
    <InstdAgt><FinInstnId><BICFI>%[2]s</BICFI></FinInstnId></InstdAgt>
    <Dbtr><Nm>Tienda Azul</Nm><PstlAdr><TwnNm>Puebla</TwnNm><Ctry>MX</Ctry></PstlAdr></Dbtr>
    <DbtrAcct><Id><Othr><Id>012180001234567897</Id></Othr></Id></DbtrAcct>
    <DbtrAgt><FinInstnId><BICFI>%[1]s</BICFI></FinInstnId></DbtrAgt>
    <CdtrAgt><FinInstnId><BICFI>%[2]s</BICFI></FinInstnId></CdtrAgt>
    <Cdtr><Nm>Werkzeug Meyer</Nm><PstlAdr><TwnNm>Jena</TwnNm><Ctry>DE</Ctry></PstlAdr></Cdtr>
    <CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct>
    <RmtInf><Ustrd>Invoice 118</Ustrd></RmtInf>
  </CdtTrfTxInf>
</FIToFICstmrCdtTrf></Document>
</Message>`, mexican, german)
	return strings.NewReplacer(change...).Replace(m)
}

func (r *rig) send(as, xml string, header ...string) *reply {
	r.t.Helper()
	c := call{method: "POST", path: "/v1/messages", as: as, body: xml, media: "application/xml", noKey: true, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		c.header[header[i]] = header[i+1]
	}
	return r.call(c)
}

// statusOf reads a pacs.002: its transactions' status, reason and original ids.
func statusOf(t *testing.T, xml []byte) []string {
	t.Helper()
	m, findings := iso20022.Parse(xml, iso20022.ISO)
	if len(findings) > 0 || m == nil || m.ID() != "pacs.002.001.10" {
		t.Fatalf("not a valid pacs.002.001.10: %v\n%s", findings, xml)
	}
	var out []string
	for n := range m.Root.Child("FIToFIPmtStsRpt").Children("TxInfAndSts") {
		out = append(out, strings.TrimSpace(n.Value("OrgnlUETR")+" "+n.Value("TxSts")+" "+n.Value("StsRsnInf", "Rsn", "Cd")))
	}
	return out
}

// A pacs.008 is settled within the bound its sender laid down, answered by a pacs.002, and shows as a
// payment like any other.
func TestPacs008Settles(t *testing.T) {
	r := newRig(t)
	r.market()
	if got := r.must(422, r.send(mexican, pacs008(), "Prefer", "wait=10", "Accept", "application/json")); got.text("code") != "no_price_bound" {
		t.Errorf("%s", got.body)
	}
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"funding": []string{"MXN"}, "max_over_mid_bps": 300}))
	first := r.must(201, r.send(mexican, pacs008(), "Prefer", "wait=10"))
	const uetr = "8e3f1c6a-52d1-4c7e-9f3b-0d6a1b2c3d4e"
	diff(t, "status", statusOf(t, first.body), []string{uetr + " ACSC"})

	page := r.must(200, r.do("GET", "/v1/payments?uetr="+uetr, mexican, nil))
	if page.text("data", "0", "status") != "settled" || page.text("data", "0", "end_to_end_id") != "INV-118" {
		t.Errorf("%s", page.body)
	}
	paid := r.must(200, r.do("GET", "/v1/payments/"+page.text("data", "0", "id"), german, nil))
	if paid.text("details", "creditor", "account") != "DE89370400440532013000" || paid.text("details", "remittance") != "Invoice 118" {
		t.Errorf("the receiver's details: %s", paid.body)
	}

	// The MsgId is the key: the same message gets the same answer, another under that id none.
	again := r.must(201, r.send(mexican, pacs008(), "Prefer", "wait=10"))
	if string(again.body) != string(first.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("replayed %s", again.body)
	}
	other := r.must(422, r.send(mexican, pacs008("1000.00", "1000.01"), "Accept", "application/json"))
	if other.text("code") != "idempotency_key_reused" {
		t.Errorf("%s", other.body)
	}
	// Under another key the ledger still knows the message, and the payment's UETR.
	twice := r.must(201, r.send(mexican, pacs008(), "Prefer", "wait=10", "Idempotency-Key", "another"))
	diff(t, "the same message under another key", statusOf(t, twice.body), []string{uetr + " RJCT DUPL"})
	msg := r.must(201, r.send(mexican, pacs008(uetr, "8e3f1c6a-52d1-4c7e-9f3b-0d6a1b2c3d4f"), "Prefer", "wait=10", "Idempotency-Key", "third"))
	diff(t, "the same MsgId for another payment", statusOf(t, msg.body), []string{"8e3f1c6a-52d1-4c7e-9f3b-0d6a1b2c3d4f RJCT DU01"})
}

// What is wrong with a message is told with the element, the rule and the ISO reason.
func TestBadMessages(t *testing.T) {
	r := newRig(t)
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"funding": []string{"MXN", "EUR"}}))
	const tx = "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]"
	tests := []struct {
		name, as, xml, code string
		faults              []string
	}{
		{"not XML", mexican, "hello", "malformed_xml", nil},
		{"cut off", mexican, pacs008()[:900], "malformed_xml", nil},
		{"a DTD", mexican, strings.Replace(pacs008(), "<Message>", "<!DOCTYPE x [<!ENTITY a \"b\">]><Message>", 1), "malformed_xml", nil},
		{"unknown element", mexican, pacs008("<ChrgBr>", "<Surplus/><ChrgBr>"), "invalid_message", []string{tx + "/Surplus invalid_message CH17"}},
		{"too many decimals", mexican, pacs008("1000.00", "1000.001"), "invalid_message", []string{tx + "/IntrBkSttlmAmt invalid_message CH20"}},
		{"another's message", german, pacs008(), "not_your_message", []string{"/AppHdr/Fr not_your_message RC03", tx + "/InstgAgt not_your_message RC03"}},
		{"unknown agent", mexican, pacs008("<InstdAgt><FinInstnId><BICFI>"+german, "<InstdAgt><FinInstnId><BICFI>NOBKDEFF", "<To><FIId><FinInstnId><BICFI>"+german, "<To><FIId><FinInstnId><BICFI>NOBKDEFF"), "message_recipient_unknown", []string{tx + "/InstdAgt message_recipient_unknown RC04"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.t = t
			got := r.must(400, r.send(tt.as, tt.xml, "Accept", "application/json"))
			if got.text("code") != tt.code {
				t.Errorf("%s", got.body)
			}
			if tt.faults != nil {
				diff(t, "faults", got.faults(), tt.faults)
			} else if len(got.faults()) == 0 {
				t.Errorf("no faults: %s", got.body)
			}
		})
	}
	r.t = t
	if got := r.must(415, r.call(call{method: "POST", path: "/v1/messages", as: mexican, body: obj{}})); got.text("code") != "unsupported_media_type" {
		t.Errorf("%s", got.body)
	}
}

// Real messages settle once their agents are admitted.
func TestSampleMessagesSettle(t *testing.T) {
	const dir = "../../shared/iso20022/samples/valid"
	files, err := filepath.Glob(dir + "/*pacs008*.xml")
	if err != nil || len(files) == 0 {
		t.Skipf("no sample messages in %s: these payments are not tried", dir)
	}
	r := startRig(t)
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, findings := iso20022.Check(data, iso20022.CBPRSR2026)
		if len(findings) > 0 {
			t.Errorf("%s: %v", filepath.Base(file), findings)
			continue
		}
		transfer, _ := m.CreditTransfer()
		tx := transfer.Transactions[0]
		from, to, currency := m.Header.From, tx.Instructed.BIC, tx.SettlementAmount.Currency().String()
		for _, bic := range []string{from, to} {
			r.must(201, r.do("POST", "/v1/participants", "", obj{"bic": bic, "name": bic, "country": bic[4:6], "funding": []string{currency}}))
			r.keys[bic] = r.must(201, r.do("POST", "/v1/participants/"+bic+"/api-keys", "", obj{"name": "tests"})).text("key")
		}
		r.must(200, r.do("PUT", "/v1/lines/"+to+"/"+currency+"/"+from, to, obj{"limit": tx.SettlementAmount.Value()}))
		got := r.must(201, r.send(from, string(data), "Prefer", "wait=10"))
		diff(t, filepath.Base(file), statusOf(t, got.body), []string{tx.UETR + " ACSC"})
	}
}
