package iso20022

import (
	"strings"
	"testing"
)

// Versions without a table of their own are read by the nearest one: accepted where the profile allows
// and the message fits, refused by name otherwise, the same way every time.
func TestEditions(t *testing.T) {
	base := transfer(t)
	as := func(version string, edits ...string) string {
		return strings.ReplaceAll(edit(t, base, edits...), "pacs.008.001.08", "pacs.008.001."+version)
	}
	oldest := strings.NewReplacer("<p:BICFI>", "<p:BIC>", "</p:BICFI>", "</p:BIC>").Replace(as("02",
		"<p:UETR>7a1c3e5f-2b4d-4c6e-8f01-23456789abcd</p:UETR>", "<p:TxId>T-1</p:TxId>"))
	tests := map[string]struct {
		doc       string
		iso, cbpr string
	}{
		"newer":              {as("12"), "", "unsupported_version /Document FF01"},
		"older":              {as("06"), "", "unsupported_version /Document FF01"},
		"oldest":             {oldest, "", "unsupported_version /Document FF01"},
		"newer with more":    {as("12", "<p:ChrgBr>", "<p:CtrctRefId>1</p:CtrctRefId><p:ChrgBr>"), "unsupported_version /Document FF01\nunknown_element " + txPath + "/CtrctRefId CH17", "unsupported_version /Document FF01"},
		"never published":    {as("99"), "unsupported_version /Document FF01", "unsupported_version /Document FF01"},
		"not ours, oldest":   {strings.ReplaceAll(oldest, "<p:ChrgBr>SHAR</p:ChrgBr>", ""), "unsupported_version /Document FF01\nmissing_element " + txPath + "/ChrgBr CH21", "unsupported_version /Document FF01"},
		"BIC where it's new": {strings.Replace(base, "BICFI>VIADUS33</p:BICFI", "BIC>VIADUS33</p:BIC", 1), "unknown_element " + txPath + "/InstdAgt/FinInstnId/BIC CH17", "unknown_element " + txPath + "/InstdAgt/FinInstnId/BIC CH17\nagent_bic_missing " + txPath + "/InstdAgt/FinInstnId/BICFI RC01"},
	}
	for name, tt := range tests {
		for p, want := range map[Profile]string{ISO: tt.iso, CBPRSR2026: tt.cbpr} {
			for range 2 {
				m, findings := Parse([]byte(tt.doc), p)
				wantSet(t, name+" under "+p.String(), findings, strings.FieldsFunc(want, func(r rune) bool { return r == '\n' }))
				if want == "" && m.Root.At("FIToFICstmrCdtTrf", "CdtTrfTxInf", "InstdAgt", "FinInstnId").Value("BICFI") == "" {
					t.Errorf("%s: the agent was not read", name)
				}
			}
		}
	}
}

// What older messages put directly into an element where newer ones have a choice is read as the
// choice; so is the choice itself.
func TestLiftedElements(t *testing.T) {
	const doc = `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-03-13T09:30:00</CreDtTm><NbOfTxs>1</NbOfTxs><CtrlSum>12.50</CtrlSum><InitgPty><Nm>Example Bakery</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>L-1</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>1</NbOfTxs><CtrlSum>12.50</CtrlSum><ReqdExctnDt>2026-03-16</ReqdExctnDt>
<Dbtr><Nm>Example Bakery</Nm></Dbtr><DbtrAcct><Id><IBAN>DE40100100100000012345</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId><BIC>VIADDEFF</BIC></FinInstnId></DbtrAgt>
<CdtTrfTxInf><PmtId><EndToEndId>E-1</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">12.50</InstdAmt></Amt><CdtrAgt><FinInstnId><BIC>VIADFRPP</BIC></FinInstnId></CdtrAgt>
<Cdtr><Nm>Flour Mill</Nm><Id><OrgId><BICOrBEI>MILLFRPP</BICOrBEI></OrgId></Id></Cdtr></CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn></Document>`
	for _, d := range []string{doc, strings.ReplaceAll(strings.NewReplacer("pain.001.001.03", "pain.001.001.09", "<ReqdExctnDt>2026-03-16<", "<ReqdExctnDt><Dt>2026-03-16</Dt><", "BICOrBEI", "AnyBIC").Replace(doc), "BIC>V", "BICFI>V")} {
		d = strings.NewReplacer("BICFI>VIADDEFF</BIC>", "BICFI>VIADDEFF</BICFI>", "BICFI>VIADFRPP</BIC>", "BICFI>VIADFRPP</BICFI>").Replace(d)
		m, findings := Parse([]byte(d), ISO)
		if len(findings) > 0 {
			t.Fatal(findings)
		}
		lot := m.Root.At("CstmrCdtTrfInitn", "PmtInf")
		if lot.Value("ReqdExctnDt", "Dt") != "2026-03-16" || lot.Value("DbtrAgt", "FinInstnId", "BICFI") != "VIADDEFF" || lot.At("CdtTrfTxInf", "Cdtr", "Id").Value("OrgId", "AnyBIC") != "MILLFRPP" {
			t.Errorf("%s was read wrongly", m.ID())
		}
		bad := strings.Replace(strings.Replace(d, ">1</NbOfTxs><CtrlSum>12.50</CtrlSum><Reqd", ">2</NbOfTxs><CtrlSum>12.51</CtrlSum><Reqd", 1), ">2026-03-16<", ">2026-02-30<", 1)
		if _, findings := Parse([]byte(bad), Market); len(findings) < 1 {
			t.Errorf("%s: faults were not found", m.ID())
		}
	}
	status := `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.03"><FIToFIPmtStsRpt><GrpHdr><MsgId>A</MsgId><CreDtTm>2026-03-13T09:30:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>B</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.02</OrgnlMsgNmId></OrgnlGrpInfAndSts><TxInfAndSts><OrgnlTxRef>DBTR</OrgnlTxRef></TxInfAndSts></FIToFIPmtStsRpt></Document>`
	for _, dbtr := range []string{"<Dbtr><Nm>A</Nm></Dbtr>", "<Dbtr><Pty><Nm>A</Nm></Pty></Dbtr>"} {
		m, findings := Parse([]byte(strings.Replace(status, "DBTR", dbtr, 1)), ISO)
		if len(findings) > 0 || m.Root.At("FIToFIPmtStsRpt", "TxInfAndSts", "OrgnlTxRef", "Dbtr").Value("Pty", "Nm") != "A" {
			t.Errorf("%s: %v", dbtr, findings)
		}
	}
}
