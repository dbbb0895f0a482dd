package iso20022

import (
	"fmt"
	"strings"
	"testing"
)

// marketDocument is a document in the way several markets write theirs, made by hand.
func marketDocument(id, body string) string {
	return `<Document xmlns="` + spacePrefix + id + `">` + body + `</Document>`
}

func marketHeader(version, id string) string {
	return `<AppHdr xmlns="` + spacePrefix + "head.001.001." + version + `"><Fr><FIId><FinInstnId><ClrSysMmbId><MmbId>021040078</MmbId></ClrSysMmbId></FinInstnId></FIId></Fr>` +
		`<To><FIId><FinInstnId><ClrSysMmbId><MmbId>011104238</MmbId></ClrSysMmbId></FinInstnId></FIId></To><BizMsgIdr>B-9</BizMsgIdr><MsgDefIdr>` + id +
		`</MsgDefIdr><CreDt>2026-03-13T10:00:00Z</CreDt></AppHdr>`
}

// TestMarketsPass: what a domestic market sends is accepted under the standard alone, and where its
// numbers are real under market too: clearing members, clearing systems, many transactions, no UETR,
// a total and a date for the group, supplementary data, a header to the system.
func TestMarketsPass(t *testing.T) {
	bic := func(name, bic string) string {
		return "<" + name + "><FinInstnId><BICFI>" + bic + "</BICFI></FinInstnId></" + name + ">"
	}
	member := func(name, id string) string {
		return "<" + name + "><FinInstnId><ClrSysMmbId><ClrSysId><Cd>USABA</Cd></ClrSysId><MmbId>" + id + "</MmbId></ClrSysMmbId></FinInstnId></" + name + ">"
	}
	const (
		debtor   = `<Dbtr><Nm>Bäckerei Müller</Nm><PstlAdr><Ctry>DE</Ctry><AdrLine>Musterweg 7</AdrLine><AdrLine>60311 Frankfurt</AdrLine></PstlAdr></Dbtr><DbtrAcct><Id><IBAN>DE40100100100000012345</IBAN></Id></DbtrAcct>`
		creditor = `<Cdtr><Nm>Moulin Étoile</Nm></Cdtr><CdtrAcct><Id><IBAN>FR1420041010050500013M02606</IBAN></Id></CdtrAcct><RmtInf><Ustrd>Facture n° 77 — mars</Ustrd></RmtInf>`
	)
	batch := func(version, agentName string) string {
		var txs strings.Builder
		for i := range 3 {
			fmt.Fprintf(&txs, `<CdtTrfTxInf><PmtId><EndToEndId>NOTPROVIDED</EndToEndId><TxId>T-%d</TxId></PmtId><IntrBkSttlmAmt Ccy="EUR">%d.10</IntrBkSttlmAmt><ChrgBr>SLEV</ChrgBr>%s%s%s%s</CdtTrfTxInf>`,
				i, i+1, debtor, bic("DbtrAgt", "VIADDEFF"), bic("CdtrAgt", "VIADFRPP"), creditor)
		}
		doc := marketDocument("pacs.008.001."+version, `<FIToFICstmrCdtTrf><GrpHdr><MsgId>SCT/1//x</MsgId><CreDtTm>2026-03-13T09:30:00</CreDtTm><NbOfTxs>3</NbOfTxs><TtlIntrBkSttlmAmt Ccy="EUR">6.3</TtlIntrBkSttlmAmt>`+
			`<IntrBkSttlmDt>2026-03-13</IntrBkSttlmDt><SttlmInf><SttlmMtd>CLRG</SttlmMtd><ClrSys><Prtry>ST2</Prtry></ClrSys></SttlmInf><PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl></PmtTpInf>`+bic("InstgAgt", "VIADDEFF")+`</GrpHdr>`+txs.String()+`</FIToFICstmrCdtTrf>`)
		return strings.ReplaceAll(doc, "BICFI>", agentName+">")
	}
	instant := `<FIToFICstmrCdtTrf><GrpHdr><MsgId>M2026</MsgId><CreDtTm>2026-03-13T09:30:00.123-05:00</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>CLRG</SttlmMtd><ClrSys><Cd>TCH</Cd></ClrSys></SttlmInf></GrpHdr>` +
		`<CdtTrfTxInf><PmtId><InstrId>20260313021040078P1BABCD01234567890</InstrId><EndToEndId>E</EndToEndId><TxId>20260313021040078P1BABCD01234567890</TxId></PmtId>` +
		`<PmtTpInf><SvcLvl><Cd>SDVA</Cd></SvcLvl><LclInstrm><Prtry>STANDARD</Prtry></LclInstrm><CtgyPurp><Prtry>BUSINESS</Prtry></CtgyPurp></PmtTpInf><IntrBkSttlmAmt Ccy="USD">100.</IntrBkSttlmAmt><IntrBkSttlmDt>2026-03-13Z</IntrBkSttlmDt>` +
		`<AccptncDtTm>2026-03-13T09:30:00Z</AccptncDtTm><ChrgBr>SLEV</ChrgBr>` + member("InstgAgt", "021040078") + member("InstdAgt", "011104238") +
		`<Dbtr><Nm>A</Nm></Dbtr><DbtrAcct><Id><Othr><Id>1</Id></Othr></Id></DbtrAcct>` + member("DbtrAgt", "021040078") + member("CdtrAgt", "011104238") +
		`<Cdtr><Nm>B</Nm></Cdtr><CdtrAcct><Id><Othr><Id>2</Id></Othr></Id></CdtrAcct><SplmtryData><PlcAndNm>x</PlcAndNm><Envlp><f:Cnts xmlns:f="urn:example"><f:IMAD>2026</f:IMAD></f:Cnts></Envlp></SplmtryData></CdtTrfTxInf></FIToFICstmrCdtTrf>`
	gross := `<FICdtTrf><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-13T09:30:00.1234567Z</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>CLRG</SttlmMtd><ClrSys><Cd>CHP</Cd></ClrSys></SttlmInf></GrpHdr>` +
		`<CdtTrfTxInf><PmtId><EndToEndId>E</EndToEndId><UETR>7a1c3e5f-2b4d-4c6e-8f01-23456789abcd</UETR></PmtId><IntrBkSttlmAmt Ccy="GBP">00100.50</IntrBkSttlmAmt><IntrBkSttlmDt>2026-03-13</IntrBkSttlmDt><SttlmTmReq><TillTm>16:00:00+00:00</TillTm></SttlmTmReq>` +
		bic("InstgAgt", "VIADGB2L") + bic("InstdAgt", "VIADGB2LXXX") + `<Dbtr><FinInstnId><BICFI>VIADGB2L</BICFI><Nm>Bank &amp; Co</Nm></FinInstnId></Dbtr>` + bic("Cdtr", "VIADFRPP") + `</CdtTrfTxInf></FICdtTrf>`
	groupReturn := `<PmtRtr><GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-13T09:30:00</CreDtTm><NbOfTxs>25</NbOfTxs><CtrlSum>9</CtrlSum><GrpRtr>true</GrpRtr><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>` +
		`<OrgnlGrpInf><OrgnlMsgId>O</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf></PmtRtr>`
	wrapped := func(header, document string) string {
		return "\uFEFF<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\r\n<?xml-stylesheet href='a.xsl'?><!-- to the system -->\r\n<sys:Technical xmlns:sys='urn:sys' xmlns:xsi='" + xsiSpace +
			"' xsi:schemaLocation='urn:sys a.xsd'>\r\n<sys:Id>7</sys:Id>" + strings.ReplaceAll(header+document, "><", ">\r\n\t<") + "</sys:Technical>\r\n"
	}
	for name, doc := range map[string]string{
		"batch of today":      batch("08", "BICFI"),
		"batch of 2009":       batch("02", "BIC"),
		"instant":             marketDocument("pacs.008.001.08", instant),
		"instant, older":      marketDocument("pacs.008.001.06", instant),
		"instant, newer":      marketDocument("pacs.008.001.13", instant),
		"instant with header": wrapped(marketHeader("03", "pacs.008.001.08"), marketDocument("pacs.008.001.08", instant)),
		"gross":               wrapped(marketHeader("01", "pacs.009.001.08"), marketDocument("pacs.009.001.08", gross)),
		"group return":        marketDocument("pacs.004.001.09", groupReturn),
	} {
		for _, p := range []Profile{ISO, Market} {
			if m, findings := Check([]byte(doc), p); len(findings) > 0 || m == nil {
				t.Errorf("%s under %s: %v", name, p, findings)
			}
		}
		if _, findings := Check([]byte(doc), CBPRSR2026); len(findings) == 0 {
			t.Errorf("%s passes as a cross-border message", name)
		}
	}
}

// Messages of other kinds are refused by name, whatever the profile; so are namespaces that are not of
// ISO, and none.
func TestOtherMessagesAreRefusedByName(t *testing.T) {
	for space, want := range map[string]string{
		spacePrefix + "pain.008.001.02":   "unsupported_message /Document FF01",
		spacePrefix + "camt.055.001.08":   "unsupported_message /Document FF01",
		spacePrefix + "pacs.003.001.08":   "unsupported_message /Document FF01",
		spacePrefix + "pacs.010.001.03":   "unsupported_message /Document FF01",
		spacePrefix + "admi.004.001.02":   "unsupported_message /Document FF01",
		spacePrefix + "pain.001.003.03":   "unsupported_version /Document FF01",
		spacePrefix + "pain.001.001.02":   "unsupported_version /Document FF01",
		spacePrefix + "pacs.008.001.14":   "unsupported_version /Document FF01",
		spacePrefix + "pacs.008.001.+7":   "unsupported_version /Document FF01",
		spacePrefix + "pacs.008.001.8":    "unsupported_message /Document FF01",
		spacePrefix:                       "unsupported_message /Document FF01",
		"http://bank/pain.001.001.03.xsd": "unknown_namespace /Document FF01",
		"":                                "unknown_namespace /Document FF01",
	} {
		for p := range profileNames {
			m, findings := Check([]byte(`<Document xmlns="`+space+`"><X><Y>1</Y></X></Document>`), Profile(p))
			if m != nil || !Unreadable(findings) {
				t.Errorf("%s: %v, %v", space, m, findings)
			}
			wantFindings(t, space, findings, want)
		}
	}
}
