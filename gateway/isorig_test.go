package gateway

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"viaduct/gateway/iso20022"
)

// envelope puts a business application header before a document.
func envelope(from, to, id, message, body string) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="urn:example:envelope">
<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02">
<Fr><FIId><FinInstnId><BICFI>%s</BICFI></FinInstnId></FIId></Fr><To><FIId><FinInstnId><BICFI>%s</BICFI></FinInstnId></FIId></To>
<BizMsgIdr>%s</BizMsgIdr><MsgDefIdr>%s</MsgDefIdr><BizSvc>viaduct.01</BizSvc><CreDt>2026-03-13T16:30:00+00:00</CreDt>
</AppHdr>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:%s">%s</Document>
</Envelope>`, from, to, id, message, message, body)
}

func bank(element, bic string) string {
	return "<" + element + "><FinInstnId><BICFI>" + bic + "</BICFI></FinInstnId></" + element + ">"
}

// pacs009 is a bank's own transfer of euros; with cover, the cover of a customer's.
func pacs009(from, to, id, uetr, value string, cover bool) string {
	underlying := ""
	if cover {
		underlying = "<UndrlygCstmrCdtTrf><Dbtr><Nm>Tienda Azul</Nm><PstlAdr><TwnNm>Puebla</TwnNm><Ctry>MX</Ctry></PstlAdr></Dbtr>" +
			bank("DbtrAgt", from) + bank("CdtrAgt", to) + "<Cdtr><Nm>Werkzeug Meyer</Nm><PstlAdr><TwnNm>Jena</TwnNm><Ctry>DE</Ctry></PstlAdr></Cdtr></UndrlygCstmrCdtTrf>"
	}
	return envelope(from, to, id, "pacs.009.001.08", `<FICdtTrf><GrpHdr><MsgId>`+id+`</MsgId><CreDtTm>2026-03-13T16:30:00+00:00</CreDtTm><NbOfTxs>1</NbOfTxs>
<SttlmInf><SttlmMtd>INDA</SttlmMtd></SttlmInf></GrpHdr><CdtTrfTxInf>
<PmtId><InstrId>I-9</InstrId><EndToEndId>INV-118</EndToEndId><UETR>`+uetr+`</UETR></PmtId>
<IntrBkSttlmAmt Ccy="EUR">`+value+`</IntrBkSttlmAmt><IntrBkSttlmDt>2026-03-13</IntrBkSttlmDt>`+
		bank("InstgAgt", from)+bank("InstdAgt", to)+bank("Dbtr", from)+bank("Cdtr", to)+underlying+`</CdtTrfTxInf></FICdtTrf>`)
}

// pacs004 gives a payment back.
func pacs004(from, to, id, uetr, value string) string {
	return envelope(from, to, id, "pacs.004.001.09", `<PmtRtr><GrpHdr><MsgId>`+id+`</MsgId><CreDtTm>2026-03-13T16:30:00+00:00</CreDtTm><NbOfTxs>1</NbOfTxs>
<SttlmInf><SttlmMtd>INDA</SttlmMtd></SttlmInf></GrpHdr><TxInf><RtrId>R-1</RtrId><OrgnlEndToEndId>INV-118</OrgnlEndToEndId><OrgnlUETR>`+uetr+`</OrgnlUETR>
<OrgnlIntrBkSttlmAmt Ccy="EUR">`+value+`</OrgnlIntrBkSttlmAmt><RtrdIntrBkSttlmAmt Ccy="EUR">`+value+`</RtrdIntrBkSttlmAmt><IntrBkSttlmDt>2026-03-13</IntrBkSttlmDt>`+
		bank("InstgAgt", from)+bank("InstdAgt", to)+`<RtrRsnInf><Rsn><Cd>AC04</Cd></Rsn></RtrRsnInf></TxInf></PmtRtr>`)
}

func assignment(from, to, id string) string {
	return `<Assgnmt><Id>` + id + `</Id><Assgnr>` + bank("Agt", from) + `</Assgnr><Assgne>` + bank("Agt", to) + `</Assgne><CreDtTm>2026-03-13T16:30:00+00:00</CreDtTm></Assgnmt>`
}

// camt056 asks for a payment back.
func camt056(from, to, id, uetr string) string {
	return envelope(from, to, id, "camt.056.001.08", `<FIToFIPmtCxlReq>`+assignment(from, to, id)+
		`<Undrlyg><TxInf><CxlId>C-1</CxlId><Case><Id>CASE-1</Id><Cretr>`+bank("Agt", from)+`</Cretr></Case><OrgnlEndToEndId>INV-118</OrgnlEndToEndId><OrgnlUETR>`+uetr+
		`</OrgnlUETR><CxlRsnInf><Rsn><Cd>DUPL</Cd></Rsn></CxlRsnInf></TxInf></Undrlyg></FIToFIPmtCxlReq>`)
}

// camt029 answers that it will not come.
func camt029(from, to, id, uetr string) string {
	return envelope(from, to, id, "camt.029.001.09", `<RsltnOfInvstgtn>`+assignment(from, to, id)+
		`<Sts><Conf>RJCR</Conf></Sts><CxlDtls><TxInfAndSts><OrgnlEndToEndId>INV-118</OrgnlEndToEndId><OrgnlUETR>`+uetr+
		`</OrgnlUETR><TxCxlSts>RJCR</TxCxlSts><CxlStsRsnInf><Rsn><Cd>CUST</Cd></Rsn></CxlStsRsnInf></TxInfAndSts></CxlDtls></RsltnOfInvstgtn>`)
}

// pacs028 asks how a payment stands.
func pacs028(from, to, id, uetr string) string {
	return envelope(from, to, id, "pacs.028.001.03", `<FIToFIPmtStsReq><GrpHdr><MsgId>`+id+`</MsgId><CreDtTm>2026-03-13T16:30:00+00:00</CreDtTm></GrpHdr>
<TxInf><OrgnlGrpInf><OrgnlMsgId>MX-0001</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf><OrgnlUETR>`+uetr+`</OrgnlUETR>`+
		bank("InstgAgt", from)+bank("InstdAgt", to)+`</TxInf></FIToFIPmtStsReq>`)
}

// camt060 asks for a report.
func camt060(from, id, message, account, day string) string {
	if account != "" {
		account = `<Acct><Id><Othr><Id>` + account + `</Id></Othr></Id></Acct>`
	}
	if day != "" {
		day = `<RptgPrd><FrToDt><FrDt>` + day + `</FrDt><ToDt>` + day + `</ToDt></FrToDt><Tp>ALLL</Tp></RptgPrd>`
	}
	return envelope(from, from, id, "camt.060.001.05", `<AcctRptgReq><GrpHdr><MsgId>`+id+`</MsgId><CreDtTm>2026-03-13T16:30:00+00:00</CreDtTm></GrpHdr>
<RptgReq><ReqdMsgNmId>`+message+`</ReqdMsgNmId>`+account+`<AcctOwnr>`+bank("Agt", from)+`</AcctOwnr>`+day+`</RptgReq></AcctRptgReq>`)
}

// asks sends a message and reads the answer, which must be valid, under the schemas too where they are
// at hand.
func (r *rig) asks(status int, as, xml string, header ...string) *iso20022.Message {
	r.t.Helper()
	got := r.must(status, r.send(as, xml, header...))
	return r.valid(got.body)
}

func (r *rig) valid(xml []byte) *iso20022.Message {
	r.t.Helper()
	m, findings := iso20022.Parse(xml, iso20022.ISO)
	if m == nil || len(findings) > 0 {
		r.t.Fatalf("what we say is not valid: %v\n%s", findings, xml)
	}
	r.schemaValid(xml)
	return m
}

const schemaDir = "../../shared/iso20022/xsd"

// schemaValid asks xmllint about each part of a message that there is a schema for.
func (r *rig) schemaValid(xml []byte) {
	r.t.Helper()
	if _, err := exec.LookPath("xmllint"); err != nil {
		r.t.Log("SKIPPED: xmllint is not installed; answers were not compared with the official schemas")
		return
	}
	for _, name := range []string{"AppHdr", "Document"} {
		from, to := bytes.Index(xml, []byte("<"+name+" ")), bytes.Index(xml, []byte("</"+name+">"))
		if from < 0 {
			continue
		}
		part := xml[from : to+len(name)+3]
		_, rest, _ := bytes.Cut(part, []byte("tech:xsd:"))
		id, _, _ := bytes.Cut(rest, []byte(`"`))
		schema := filepath.Join(schemaDir, string(id)+".xsd")
		if _, err := os.Stat(schema); err != nil {
			r.t.Logf("SKIPPED: no official schema of %s beside the repository", id)
			continue
		}
		cmd := exec.Command("xmllint", "--nonet", "--noout", "--schema", schema, "-")
		cmd.Stdin = bytes.NewReader(part)
		if out, err := cmd.CombinedOutput(); err != nil {
			r.t.Errorf("xmllint refuses a %s: %s\n%s", id, out, part)
		}
	}
}

// told returns a status report's or a resolution's statuses, as "status reason".
func told(m *iso20022.Message) (out []string) {
	add := func(n *iso20022.Node, status, why string) {
		out = append(out, strings.TrimSpace(n.Value(status)+" "+n.Value(why, "Rsn", "Cd")))
	}
	for body := range m.Root.Children("") {
		for n := range body.Children("") {
			switch n.Name {
			case "TxInfAndSts":
				add(n, "TxSts", "StsRsnInf")
			case "OrgnlGrpInfAndSts":
				if n.Child("GrpSts") != nil {
					add(n, "GrpSts", "StsRsnInf")
				}
			case "OrgnlPmtInfAndSts":
				for t := range n.Children("TxInfAndSts") {
					add(t, "TxSts", "StsRsnInf")
				}
			case "CxlDtls":
				add(n.Child("TxInfAndSts"), "TxCxlSts", "CxlStsRsnInf")
			}
		}
	}
	return out
}

// euroArea lets the Mexican and the Romanian bank hold the German bank's euros, and gives the Mexican
// some.
func (r *rig) euroArea(t testing.TB) {
	t.Helper()
	for _, holder := range []string{mexican, romanian} {
		r.must(200, r.do("PUT", "/v1/lines/"+holder+"/EUR/"+german, holder, obj{"limit": "1000000.00"}))
		r.must(200, r.do("PATCH", "/v1/participants/"+holder, holder, obj{"funding": []string{"EUR"}, "max_over_mid_bps": 0}))
	}
	r.must(200, r.do("PATCH", "/v1/participants/"+german, german, obj{"funding": []string{"EUR"}}))
	paid := r.must(201, r.do("POST", "/v1/payments", german, obj{
		"to": mexican, "deliver": cash("EUR", "50000.00", german), "send_max": cash("EUR", "50000.00"),
	}, "Prefer", "wait=10"))
	if paid.text("status") != "settled" {
		t.Fatalf("no euros: %s", paid.body)
	}
}

// pain001 has a customer's two orders in euros.
func pain001(id, first, second string) string {
	order := func(n int, value string) string {
		return fmt.Sprintf(`<CdtTrfTxInf><PmtId><EndToEndId>E-%d</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">%s</InstdAmt></Amt>%s
<Cdtr><Nm>Werkzeug Meyer</Nm></Cdtr><CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct></CdtTrfTxInf>`, n, value, bank("CdtrAgt", german))
	}
	return envelope(mexican, german, id, "pain.001.001.09", `<CstmrCdtTrfInitn><GrpHdr><MsgId>`+id+`</MsgId><CreDtTm>2026-03-13T16:30:00+00:00</CreDtTm><NbOfTxs>2</NbOfTxs>
<InitgPty><Nm>Tienda Azul</Nm></InitgPty></GrpHdr><PmtInf><PmtInfId>L-1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-03-13</Dt></ReqdExctnDt>
<Dbtr><Nm>Tienda Azul</Nm></Dbtr><DbtrAcct><Id><Othr><Id>012180001234567897</Id></Othr></Id></DbtrAcct>`+bank("DbtrAgt", mexican)+order(1, first)+order(2, second)+`</PmtInf></CstmrCdtTrfInitn>`)
}

// camt057 says that money is to come.
func camt057(from, to, id string) string {
	return envelope(from, to, id, "camt.057.001.06", `<NtfctnToRcv><GrpHdr><MsgId>`+id+`</MsgId><CreDtTm>2026-03-13T16:30:00+00:00</CreDtTm></GrpHdr>
<Ntfctn><Id>N-1</Id><Itm><Id>1</Id><EndToEndId>INV-118</EndToEndId><Amt Ccy="EUR">1000.00</Amt></Itm></Ntfctn></NtfctnToRcv>`)
}
