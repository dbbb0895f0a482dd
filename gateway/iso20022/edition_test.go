package iso20022

import (
	"strings"
	"testing"
)

const (
	oldInitiation = `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-03-13T09:30:00</CreDtTm><NbOfTxs>1</NbOfTxs><CtrlSum>12.5</CtrlSum>
<InitgPty><Nm>Example Bakery</Nm><CtctDtls><Nm>Ledger Program</Nm><Othr>7.1</Othr></CtctDtls></InitgPty></GrpHdr>
<PmtInf><PmtInfId>L-1</PmtInfId><PmtMtd>TRF</PmtMtd><BtchBookg>false</BtchBookg><ReqdExctnDt>2026-03-16</ReqdExctnDt>
<Dbtr><Nm>Example Bakery</Nm><PstlAdr><AdrTp>BIZZ</AdrTp><Ctry>DE</Ctry><AdrLine>Musterweg 7</AdrLine></PstlAdr></Dbtr>
<DbtrAcct><Id><IBAN>DE40100100100000012345</IBAN></Id></DbtrAcct><DbtrAgt><FinInstnId><BIC>VIADDEFF</BIC></FinInstnId></DbtrAgt>
<CdtTrfTxInf><PmtId><EndToEndId>E-1</EndToEndId></PmtId><Amt><InstdAmt Ccy="EUR">12.50</InstdAmt></Amt>
<CdtrAgt><FinInstnId><BIC>VIADFRPP</BIC></FinInstnId></CdtrAgt>
<Cdtr><Nm>Flour Mill</Nm><Id><OrgId><BICOrBEI>MILLFRPP</BICOrBEI></OrgId></Id></Cdtr>
<Tax><AdmstnZn>North</AdmstnZn><Rcrd><TaxAmt><Rate>19</Rate><TtlAmt Ccy="EUR">2.00</TtlAmt></TaxAmt></Rcrd></Tax>
<RltdRmtInf><RmtId>R-1</RmtId><RmtLctnMtd>EMAL</RmtLctnMtd><RmtLctnElctrncAdr>mill@example.com</RmtLctnElctrncAdr></RltdRmtInf>
<RmtInf><Strd><RfrdDocAmt><DuePyblAmt Ccy="EUR">13.00</DuePyblAmt><DscntApldAmt Ccy="EUR">0.50</DscntApldAmt><TaxAmt Ccy="EUR">2.00</TaxAmt><RmtdAmt Ccy="EUR">12.50</RmtdAmt></RfrdDocAmt>
<CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn></Document>`

	oldStatement = `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M-2</MsgId><CreDtTm>2026-03-13T18:00:00</CreDtTm></GrpHdr>
<Stmt><Id>S-1</Id><ElctrncSeqNb>7</ElctrncSeqNb><CreDtTm>2026-03-13T18:00:00</CreDtTm><Acct><Id><IBAN>DE40100100100000012345</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-13</Dt></Dt></Bal>
<TxsSummry><TtlNtries><NbOfNtries>1</NbOfNtries><Sum>5.00</Sum><TtlNetNtryAmt>5.00</TtlNetNtryAmt><CdtDbtInd>DBIT</CdtDbtInd></TtlNtries><TtlDbtNtries><NbOfNtries>1</NbOfNtries></TtlDbtNtries></TxsSummry>
<Ntry><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-13</Dt></BookgDt><BkTxCd><Prtry><Cd>TRF</Cd></Prtry></BkTxCd>
<Chrgs><TtlChrgsAndTaxAmt Ccy="EUR">0.30</TtlChrgsAndTaxAmt><Amt Ccy="EUR">0.20</Amt><CdtDbtInd>DBIT</CdtDbtInd><Pty><FinInstnId><BIC>VIADDEFF</BIC></FinInstnId></Pty></Chrgs>
<Chrgs><Amt Ccy="EUR">0.10</Amt></Chrgs><Intrst><Amt Ccy="EUR">0.01</Amt><CdtDbtInd>CRDT</CdtDbtInd><FrToDt><FrDtTm>2026-03-12T00:00:00</FrDtTm><ToDtTm>2026-03-13T00:00:00</ToDtTm></FrToDt></Intrst>
<NtryDtls><TxDtls><Refs><EndToEndId>E-1</EndToEndId></Refs><RltdPties><InitgPty><Nm>A</Nm></InitgPty><Dbtr><Nm>B</Nm></Dbtr><Cdtr><Nm>C</Nm></Cdtr><TradgPty><Nm>D</Nm></TradgPty><Prtry><Tp>X</Tp><Pty><Nm>F</Nm></Pty></Prtry></RltdPties></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>`
)

// What the first generation says in another way than the tables do is found where the tables have it.
func TestOldWordings(t *testing.T) {
	transfer := strings.NewReplacer("<p:BICFI>", "<p:BIC>", "</p:BICFI>", "</p:BIC>", "pacs.008.001.08", "pacs.008.001.02").Replace(edit(t, transfer(t),
		"<p:UETR>7a1c3e5f-2b4d-4c6e-8f01-23456789abcd</p:UETR>", "<p:TxId>T-1</p:TxId>",
		"<p:Agt><p:FinInstnId><p:BICFI>VIADDEFF</p:BICFI></p:FinInstnId></p:Agt>", "<p:Pty><p:FinInstnId><p:BICFI>VIADDEFF</p:BICFI></p:FinInstnId></p:Pty>",
		"<p:InstgAgt>", "<p:PrvsInstgAgt><p:FinInstnId><p:BICFI>VIADITRR</p:BICFI></p:FinInstnId></p:PrvsInstgAgt><p:PrvsInstgAgtAcct><p:Id><p:Othr><p:Id>9</p:Id></p:Othr></p:Id></p:PrvsInstgAgtAcct><p:InstgAgt>"))
	const (
		order = "CstmrCdtTrfInitn/PmtInf/CdtTrfTxInf/"
		entry = "BkToCstmrStmt/Stmt/Ntry/"
		tx    = "FIToFICstmrCdtTrf/CdtTrfTxInf/"
	)
	for _, tt := range []struct {
		doc   string
		holds map[string]string
	}{
		{transfer, map[string]string{tx + "ChrgsInf/Agt/FinInstnId/BICFI": "VIADDEFF", tx + "PrvsInstgAgt1/FinInstnId/BICFI": "VIADITRR", tx + "PrvsInstgAgt1Acct/Id/Othr/Id": "9"}},
		{oldInitiation, map[string]string{
			"CstmrCdtTrfInitn/PmtInf/ReqdExctnDt/Dt": "2026-03-16", "CstmrCdtTrfInitn/PmtInf/Dbtr/PstlAdr/AdrTp/Cd": "BIZZ", "CstmrCdtTrfInitn/PmtInf/Dbtr/PstlAdr/AdrLine": "Musterweg 7",
			"CstmrCdtTrfInitn/GrpHdr/InitgPty/CtctDtls/Othr/Id": "7.1", order + "Tax/AdmstnZone": "North", order + "Tax/Rcrd/TaxAmt/TtlAmt": "2.00", order + "Cdtr/Id/OrgId/AnyBIC": "MILLFRPP",
			order + "RltdRmtInf/RmtLctnDtls/Mtd": "EMAL", order + "RltdRmtInf/RmtLctnDtls/ElctrncAdr": "mill@example.com",
			order + "RmtInf/Strd/RfrdDocAmt/DscntApldAmt/Amt": "0.50", order + "RmtInf/Strd/RfrdDocAmt/TaxAmt/Amt": "2.00", order + "RmtInf/Strd/RfrdDocAmt/RmtdAmt": "12.50", order + "RmtInf/Strd/CdtrRefInf/Ref": "RF18539007547034",
		}},
		{oldStatement, map[string]string{
			entry + "Sts/Cd": "BOOK", "BkToCstmrStmt/Stmt/TxsSummry/TtlNtries/TtlNetNtry/Amt": "5.00", "BkToCstmrStmt/Stmt/TxsSummry/TtlNtries/TtlNetNtry/CdtDbtInd": "DBIT", "BkToCstmrStmt/Stmt/TxsSummry/TtlDbtNtries/NbOfNtries": "1",
			entry + "Chrgs/TtlChrgsAndTaxAmt": "0.30", entry + "Chrgs/Rcrd/Amt": "0.20", entry + "Chrgs/Rcrd/Agt/FinInstnId/BICFI": "VIADDEFF", entry + "Intrst/Rcrd/FrToDt/ToDtTm": "2026-03-13T00:00:00",
			entry + "NtryDtls/TxDtls/RltdPties/InitgPty/Pty/Nm": "A", entry + "NtryDtls/TxDtls/RltdPties/Cdtr/Pty/Nm": "C", entry + "NtryDtls/TxDtls/RltdPties/TradgPty/Pty/Nm": "D", entry + "NtryDtls/TxDtls/RltdPties/Prtry/Pty/Pty/Nm": "F",
		}},
	} {
		for _, spaced := range []string{">\r\n\t<", "> <!-- a --> <"} { // as it is written for people
			if m, findings := Parse([]byte(strings.ReplaceAll(tt.doc, "><", spaced)), ISO); len(findings) > 0 {
				t.Errorf("%s: %v", m.ID(), findings)
			}
		}
		m, findings := Parse([]byte(tt.doc), ISO)
		if len(findings) > 0 {
			t.Errorf("%s: %v", m.ID(), findings)
		}
		for path, want := range tt.holds {
			if got := m.Root.Value(strings.Split(path, "/")...); got != want {
				t.Errorf("%s: %s is %q, want %q", m.ID(), path, got, want)
			}
		}
	}
}

// Old wordings are the old versions': a newer message has none of them, and faults inside them are found.
func TestOldWordingsAreNoLicence(t *testing.T) {
	newer := func(doc, old, version string) string { return strings.Replace(doc, old, version, 1) }
	for name, tt := range map[string]struct{ doc, want string }{
		"text in the root":    {edit(t, oldStatement, "<BkToCstmrStmt>", "text<BkToCstmrStmt>"), "text_not_allowed /Document"},
		"text elsewhere":      {edit(t, oldInitiation, "<Id><OrgId>", "<Id><OrgId><Othr>1</Othr>"), "text_not_allowed /Document/CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[1]/Cdtr/Id/OrgId/Othr[1]"},
		"lifted value":        {edit(t, oldStatement, ">BOOK<", ">LONGER<"), "facet_length /Document/BkToCstmrStmt/Stmt[1]/Ntry[1]/Sts/Cd"},
		"gathered value":      {edit(t, oldStatement, "<TtlNetNtryAmt>5.00<", "<TtlNetNtryAmt>five<"), "facet_format /Document/BkToCstmrStmt/Stmt[1]/TxsSummry/TtlNtries/TtlNetNtry/Amt"},
		"gathered twice":      {edit(t, oldStatement, "<TtlNetNtryAmt>5.00</TtlNetNtryAmt>", "<TtlNetNtryAmt>5.00</TtlNetNtryAmt><TtlNetNtryAmt>5.00</TtlNetNtryAmt>"), "duplicate_element /Document/BkToCstmrStmt/Stmt[1]/TxsSummry/TtlNtries/TtlNetNtry/Amt[2]"},
		"unknown among them":  {edit(t, oldStatement, "<CdtDbtInd>DBIT</CdtDbtInd></TtlNtries>", "<Foo/></TtlNtries>"), "unknown_element /Document/BkToCstmrStmt/Stmt[1]/TxsSummry/TtlNtries/Foo"},
		"lifted amount":       {edit(t, oldInitiation, `<DscntApldAmt Ccy="EUR">0.50`, `<DscntApldAmt Ccy="EU">0.50`), "facet_pattern /Document/CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[1]/RmtInf/Strd[1]/RfrdDocAmt/DscntApldAmt[1]/Amt/@Ccy"},
		"amount without code": {edit(t, oldInitiation, `<DscntApldAmt Ccy="EUR">0.50`, `<DscntApldAmt>0.50`), "missing_attribute /Document/CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[1]/RmtInf/Strd[1]/RfrdDocAmt/DscntApldAmt[1]/Amt/@Ccy"},
		"nothing lifted":      {edit(t, oldInitiation, "<ReqdExctnDt>2026-03-16<", "<ReqdExctnDt><"), "choice_none /Document/CstmrCdtTrfInitn/PmtInf[1]/ReqdExctnDt"},
		"unknown in a party":  {edit(t, oldStatement, "<Dbtr><Nm>B</Nm>", "<Dbtr><Foo/><Nm>B</Nm>"), "unknown_element /Document/BkToCstmrStmt/Stmt[1]/Ntry[1]/NtryDtls[1]/TxDtls[1]/RltdPties/Dbtr/Pty/Foo"},
		"newer statement":     {newer(oldStatement, "camt.053.001.02", "camt.053.001.08"), "text_not_allowed /Document/BkToCstmrStmt/Stmt[1]/Ntry[1]/Sts"},
		"newer initiation":    {newer(oldInitiation, "pain.001.001.03", "pain.001.001.09"), "text_not_allowed /Document/CstmrCdtTrfInitn/PmtInf[1]/ReqdExctnDt"},
	} {
		for range 2 {
			_, findings := Parse([]byte(tt.doc), ISO)
			found := ""
			for _, f := range findings {
				found += f.Rule + " " + f.Path + "\n"
			}
			if !strings.Contains(found, tt.want+"\n") {
				t.Errorf("%s: no %s in\n%s", name, tt.want, found)
			}
		}
	}
}
