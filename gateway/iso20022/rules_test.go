package iso20022

import (
	"fmt"
	"strings"
	"testing"
)

func TestRules(t *testing.T) {
	base := transfer(t)
	id := func(edits ...string) string { return edit(t, base, edits...) }
	const (
		rate    = "<p:XchgRate>1.0855</p:XchgRate>"
		address = "\n\t\t\t\t\t<p:TwnNm>Springfield</p:TwnNm>\n\t\t\t\t\t<p:Ctry>US</p:Ctry>\n\t\t\t\t</p:PstlAdr>\n\t\t\t</p:Cdtr>"
		ends    = "\n\t\t\t\t</p:PstlAdr>\n\t\t\t</p:Cdtr>"
		charges = "<p:ChrgsInf>\n\t\t\t\t<p:Amt Ccy=\"USD\">5.00</p:Amt>\n\t\t\t\t<p:Agt><p:FinInstnId><p:BICFI>VIADDEFF</p:BICFI></p:FinInstnId></p:Agt>\n\t\t\t</p:ChrgsInf>"
		same    = "@" // the same findings as under the profile before
	)
	tests := map[string]struct {
		doc       string
		cbpr, iso string // what is found under cbpr-sr2026 and under iso, rule by rule
	}{
		"number of transactions":  {id("<p:NbOfTxs>1<", "<p:NbOfTxs>2<"), "number_of_transactions " + headPath + "/NbOfTxs AM18", same},
		"number with zeros":       {id("<p:NbOfTxs>1<", "<p:NbOfTxs>001<"), "", ""},
		"control sum":             {id("<p:NbOfTxs>1</p:NbOfTxs>", "<p:NbOfTxs>1</p:NbOfTxs><p:CtrlSum>1080.51</p:CtrlSum>"), "element_not_used " + headPath + "/CtrlSum CH17\ncontrol_sum " + headPath + "/CtrlSum AM10", "control_sum " + headPath + "/CtrlSum AM10"},
		"total":                   {id("<p:NbOfTxs>1</p:NbOfTxs>", `<p:NbOfTxs>1</p:NbOfTxs><p:TtlIntrBkSttlmAmt Ccy="EUR">1080.5</p:TtlIntrBkSttlmAmt>`), "element_not_used " + headPath + "/TtlIntrBkSttlmAmt CH17\ntotal_amount " + headPath + "/TtlIntrBkSttlmAmt AM10", "total_amount " + headPath + "/TtlIntrBkSttlmAmt AM10"},
		"date twice":              {id("<p:SttlmInf>", "<p:IntrBkSttlmDt>2026-03-13</p:IntrBkSttlmDt><p:SttlmInf>"), "element_not_used " + headPath + "/IntrBkSttlmDt CH17\nsettlement_date_twice " + txPath + "/IntrBkSttlmDt DT01", "settlement_date_twice " + txPath + "/IntrBkSttlmDt DT01"},
		"zero":                    {id(">1080.50<", ">0.00<", rate, "", `Ccy="EUR">1000`, `Ccy="USD">1000`), "amount_zero " + txPath + "/IntrBkSttlmAmt AM01\namounts_disagree " + txPath + "/InstdAmt AM09", "amount_zero " + txPath + "/IntrBkSttlmAmt AM01"},
		"currency":                {id(`Ccy="USD">1080.50`, `Ccy="ZZZ">1080.50`), "currency_unknown " + txPath + "/IntrBkSttlmAmt AM11", same},
		"currency of the past":    {id(`Ccy="EUR">1000`, `Ccy="DEM">1000`), "currency_unknown " + txPath + "/InstdAmt AM11", ""},
		"decimals":                {id(">5.00<", ">5.001<"), "currency_decimals " + txPath + "/ChrgsInf[1]/Amt CH20", same},
		"zeros are no decimals":   {id(">5.00<", ">5.00000<"), "", ""},
		"commodity":               {id(`Ccy="EUR">1000`, `Ccy="XAG">1000`), "commodity_currency " + txPath + "/InstdAmt AM03", same},
		"commodity settles":       {id(`Ccy="USD">1080.50`, `Ccy="XAU">1080.50`, `Ccy="USD">5.00`, `Ccy="XAU">5.00`), "commodity_currency " + txPath + "/IntrBkSttlmAmt AM03\ncommodity_currency " + txPath + "/ChrgsInf[1]/Amt AM03", "commodity_currency " + txPath + "/IntrBkSttlmAmt AM03"},
		"country":                 {id("<p:Ctry>DE<", "<p:Ctry>XY<"), "country_unknown " + txPath + "/Dbtr/PstlAdr/Ctry BE09", same},
		"rate missing":            {id(rate, ""), "exchange_rate_missing " + txPath + "/XchgRate CH21", same},
		"rate without amount":     {id(`<p:InstdAmt Ccy="EUR">1000.00</p:InstdAmt>`, ""), "exchange_rate_alone " + txPath + "/XchgRate CH17\ncharges_instructed_amount " + txPath + "/InstdAmt CH21", "exchange_rate_alone " + txPath + "/XchgRate CH17"},
		"rate of one currency":    {id(`Ccy="EUR">1000.00`, `Ccy="USD">1080.50`), "exchange_rate_alone " + txPath + "/XchgRate CH17", same},
		"rate disagrees":          {id("1.0855", "1.0854"), "exchange_rate_disagrees " + txPath + "/XchgRate AM09", ""},
		"rate rounds down":        {id("1.0855", "1.08550999"), "", ""},
		"rate rounds up":          {id("1.0855", "1.08549001"), "", ""},
		"rate before charges":     {id("1080.50", "1085.50"), "", ""},
		"rate and prepaid charge": {id("1080.50", "1090.50", "SHAR", "DEBT"), "", ""},
		"cover without agent":     {id("INDA", "COVE"), "reimbursement_agents " + headPath + "/SttlmInf/InstgRmbrsmntAgt CH21", same},
		"agent without cover":     {id("<p:SttlmMtd>INDA</p:SttlmMtd>", "<p:SttlmMtd>INGA</p:SttlmMtd><p:InstgRmbrsmntAgt><p:FinInstnId><p:BICFI>VIADFRPP</p:BICFI></p:FinInstnId></p:InstgRmbrsmntAgt>"), "reimbursement_agents " + headPath + "/SttlmInf/InstgRmbrsmntAgt CH17", same},
		"iban":                    {id("DE40", "DE41"), "iban_check " + txPath + "/DbtrAcct/Id/IBAN AC01", ""},
		"iban country":            {id("DE40", "XX40"), "iban_check " + txPath + "/DbtrAcct/Id/IBAN AC01", ""},
		"lei":                     {id("EXAMPLE0068", "EXAMPLE0069"), "lei_check " + txPath + "/Dbtr/Id/OrgId/LEI CH16", ""},
		"bic country":             {id("<p:DbtrAgt><p:FinInstnId><p:BICFI>VIADDEFF", "<p:DbtrAgt><p:FinInstnId><p:BICFI>VIADXYFF"), "bic_country " + txPath + "/DbtrAgt/FinInstnId/BICFI RC01", ""},
		"header absent":           {base[strings.Index(base, "<p:Document"):strings.Index(base, "</Envelope>")], "header_missing /AppHdr CH21", ""},
		"header version":          {id("head.001.001.02", "head.001.001.01"), "header_version /AppHdr FF01", ""},
		"header message":          {id("<MsgDefIdr>pacs.008.001.08", "<MsgDefIdr>pacs.009.001.08"), "header_message /AppHdr/MsgDefIdr FF01", same},
		"header of a market":      {id("<MsgDefIdr>pacs.008.001.08", "<MsgDefIdr>pacs.008", "swift.cbprplus.04", "market.01"), "header_message /AppHdr/MsgDefIdr FF01", ""},
		"header reference":        {id("<BizMsgIdr>VIADUCT-20260313-0001", "<BizMsgIdr>VIADUCT-20260313-0002"), "header_reference /AppHdr/BizMsgIdr FF01", ""},
		"header sender":           {id("<Fr><FIId><FinInstnId><BICFI>VIADDEFF", "<Fr><FIId><FinInstnId><BICFI>VIADDEFF123"), "header_sender " + txPath + "/InstgAgt/FinInstnId/BICFI AGNT", same},
		"header receiver":         {id("<BICFI>VIADUS33XXX", "<BICFI>VIADUS34"), "header_receiver " + txPath + "/InstdAgt/FinInstnId/BICFI AGNT", same},
		"header without bic":      {id("<FinInstnId><BICFI>VIADUS33XXX</BICFI></FinInstnId>", "<FinInstnId><Nm>Bank</Nm></FinInstnId>"), "header_bic_missing /AppHdr/To RC01", ""},
		"time without offset":     {id("<CreDt>2026-03-13T09:30:00+01:00", "<CreDt>2026-03-13T09:30:00Z"), "datetime_offset /AppHdr/CreDt DT01", ""},
		"uetr missing":            {id("<p:UETR>7a1c3e5f-2b4d-4c6e-8f01-23456789abcd</p:UETR>", ""), "element_required " + txPath + "/PmtId/UETR CH21", ""},
		"uetr version 1":          {id("-4c6e-", "-1c6e-"), "facet_pattern " + txPath + "/PmtId/UETR CH16", same},
		"uetr upper case":         {id("7a1c3e5f", "7A1C3E5F"), "facet_pattern " + txPath + "/PmtId/UETR CH16", same},
		"date missing":            {id("<p:IntrBkSttlmDt>2026-03-13</p:IntrBkSttlmDt>", ""), "element_required " + txPath + "/IntrBkSttlmDt CH21", ""},
		"clearing":                {id("INDA", "CLRG"), "settlement_method " + headPath + "/SttlmInf/SttlmMtd CH16", ""},
		"service level":           {id("SHAR", "SLEV"), "charge_bearer " + txPath + "/ChrgBr CH16", ""},
		"charges of the creditor": {id("SHAR", "CRED", charges, "", "1080.50", "1085.50"), "charges_missing " + txPath + "/ChrgsInf CH21", ""},
		"charges of an early leg": {id(`Ccy="USD">5.00`, `Ccy="GBP">5.00`), "", ""},
		"charges in the first":    {id(`Ccy="USD">5.00`, `Ccy="EUR">5.00`, "1080.50", "1080.07"), "", ""},
		"charges in another":      {id(`Ccy="USD">5.00`, `Ccy="GBP">5.00`, "1080.50", "1085.50", "SHAR", "DEBT"), "charges_currency " + txPath + "/ChrgsInf[1]/Amt CURR", ""},
		"prepaid twice":           {id(charges, charges+charges, "SHAR", "DEBT", "1080.50", "1095.50"), "charges_once " + txPath + "/ChrgsInf[2] CH17", ""},
		"charges taken twice":     {id(charges, charges+charges, "1080.50", "1075.50"), "", ""},
		"less than instructed":    {id(charges, "", rate, "", `Ccy="EUR">1000.00`, `Ccy="USD">1085.50`), "amounts_disagree " + txPath + "/InstdAmt AM09", ""},
		"less by the charges":     {id(rate, "", `Ccy="EUR">1000.00`, `Ccy="USD">1085.50`), "", ""},
		"as instructed":           {id(charges, "", rate, "", `Ccy="EUR">1000.00`, `Ccy="USD">1080.5`), "", ""},
		"cover by a third alone":  {id("<p:SttlmMtd>INDA</p:SttlmMtd>", "<p:SttlmMtd>COVE</p:SttlmMtd><p:ThrdRmbrsmntAgt><p:FinInstnId><p:BICFI>VIADFRPP</p:BICFI></p:FinInstnId></p:ThrdRmbrsmntAgt>"), "reimbursement_agents " + headPath + "/SttlmInf/InstgRmbrsmntAgt CH21", same},
		"cover by one and third":  {id("<p:SttlmMtd>INDA</p:SttlmMtd>", "<p:SttlmMtd>COVE</p:SttlmMtd><p:InstdRmbrsmntAgt><p:FinInstnId><p:BICFI>VIADFRPP</p:BICFI></p:FinInstnId></p:InstdRmbrsmntAgt><p:ThrdRmbrsmntAgt><p:FinInstnId><p:BICFI>VIADFRPP</p:BICFI></p:FinInstnId></p:ThrdRmbrsmntAgt>"), "reimbursement_agents " + headPath + "/SttlmInf/InstgRmbrsmntAgt CH21", same},
		"cover by one":            {id("<p:SttlmMtd>INDA</p:SttlmMtd>", "<p:SttlmMtd>COVE</p:SttlmMtd><p:InstdRmbrsmntAgt><p:FinInstnId><p:BICFI>VIADFRPP</p:BICFI></p:FinInstnId></p:InstdRmbrsmntAgt>"), "", ""},
		"cover with an account":   {id("<p:SttlmMtd>INDA</p:SttlmMtd>", "<p:SttlmMtd>COVE</p:SttlmMtd><p:SttlmAcct><p:Id><p:Othr><p:Id>1</p:Id></p:Othr></p:Id></p:SttlmAcct><p:InstdRmbrsmntAgt><p:FinInstnId><p:BICFI>VIADFRPP</p:BICFI></p:FinInstnId></p:InstdRmbrsmntAgt>"), "settlement_account " + headPath + "/SttlmInf/SttlmAcct CH17", same},
		"account":                 {id("<p:SttlmMtd>INDA</p:SttlmMtd>", "<p:SttlmMtd>INDA</p:SttlmMtd><p:SttlmAcct><p:Id><p:Othr><p:Id>1</p:Id></p:Othr></p:Id></p:SttlmAcct>"), "", ""},
		"clearing by an account":  {id("<p:SttlmMtd>INDA</p:SttlmMtd>", "<p:SttlmMtd>INGA</p:SttlmMtd><p:ClrSys><p:Cd>FDW</p:Cd></p:ClrSys>"), "clearing_system " + headPath + "/SttlmInf/ClrSys CH17", same},
		"clearing system":         {id("<p:SttlmMtd>INDA</p:SttlmMtd>", "<p:SttlmMtd>CLRG</p:SttlmMtd><p:ClrSys><p:Cd>FDW</p:Cd></p:ClrSys>"), "settlement_method " + headPath + "/SttlmInf/SttlmMtd CH16", ""},
		"second without first":    {id("<p:Dbtr>", "<p:IntrmyAgt2><p:FinInstnId><p:BICFI>VIADFRPP</p:BICFI></p:FinInstnId></p:IntrmyAgt2><p:Dbtr>"), "agent_order " + txPath + "/IntrmyAgt1 CH21", same},
		"account of nobody":       {id("<p:Dbtr>", "<p:IntrmyAgt1Acct><p:Id><p:Othr><p:Id>1</p:Id></p:Othr></p:Id></p:IntrmyAgt1Acct><p:Dbtr>"), "account_without_agent " + txPath + "/IntrmyAgt1 CH21", same},
		"agents stated twice":     {id("</p:SttlmInf>", "</p:SttlmInf><p:InstgAgt><p:FinInstnId><p:BICFI>VIADDEFF</p:BICFI></p:FinInstnId></p:InstgAgt>"), "element_not_used " + headPath + "/InstgAgt CH17\nstated_twice " + txPath + "/InstgAgt CH17", ""},
		"cheque on an account":    {id("<p:Purp>", "<p:InstrForCdtrAgt><p:Cd>CHQB</p:Cd></p:InstrForCdtrAgt><p:Purp>"), "cheque_account " + txPath + "/CdtrAcct CH17", ""},
		"called and telephoned":   {id("<p:Purp>", "<p:InstrForCdtrAgt><p:Cd>PHOB</p:Cd></p:InstrForCdtrAgt><p:InstrForCdtrAgt><p:Cd>TELB</p:Cd></p:InstrForCdtrAgt><p:Purp>"), "instruction_codes " + txPath + "/InstrForCdtrAgt[2] CH17", ""},
		"held twice":              {id("<p:Purp>", "<p:InstrForCdtrAgt><p:Cd>HOLD</p:Cd></p:InstrForCdtrAgt><p:InstrForCdtrAgt><p:Cd>HOLD</p:Cd></p:InstrForCdtrAgt><p:Purp>"), "instruction_codes " + txPath + "/InstrForCdtrAgt[2] CH17", ""},
		"address of nobody":       {id("<p:Purp>", "<p:UltmtCdtr><p:PstlAdr><p:TwnNm>Jena</p:TwnNm><p:Ctry>DE</p:Ctry></p:PstlAdr></p:UltmtCdtr><p:Purp>"), "party_name_missing " + txPath + "/UltmtCdtr/Nm BE22", ""},
		"iban too long":           {id("DE40100100100000012345", "DE6110010010000001234500"), "iban_check " + txPath + "/DbtrAcct/Id/IBAN AC01", ""},
		"remittance twice":        {id("<p:RmtInf>", "<p:RmtInf><p:Ustrd>Two</p:Ustrd>"), "remittance_exclusive " + txPath + "/RmtInf CH17", ""},
		"remittance both":         {id("</p:RmtInf>", "<p:Strd/></p:RmtInf>"), "remittance_exclusive " + txPath + "/RmtInf CH17", ""},
		"agent without bic":       {id("<p:InstdAgt><p:FinInstnId><p:BICFI>VIADUS33</p:BICFI>", "<p:InstdAgt><p:FinInstnId><p:LEI>00VIADUCTEXAMPLE0068</p:LEI>"), "agent_bic_missing " + txPath + "/InstdAgt/FinInstnId/BICFI RC01", ""},
		"agent by both":           {id("<p:Nm>Example Savings", "<p:BICFI>VIADUS33</p:BICFI><p:Nm>Example Savings"), "agent_identification " + txPath + "/CdtrAgt/FinInstnId AGNT", ""},
		"agent by name alone":     {id("<p:DbtrAgt><p:FinInstnId><p:BICFI>VIADDEFF</p:BICFI>", "<p:DbtrAgt><p:FinInstnId><p:Nm>Bank</p:Nm>"), "agent_identification " + txPath + "/DbtrAgt/FinInstnId AGNT", ""},
		"agent by clearing code":  {id("<p:DbtrAgt><p:FinInstnId><p:BICFI>VIADDEFF</p:BICFI>", "<p:DbtrAgt><p:FinInstnId><p:ClrSysMmbId><p:MmbId>50010517</p:MmbId></p:ClrSysMmbId>"), "agent_clearing_code " + txPath + "/DbtrAgt/FinInstnId AGNT", ""},
		"clearing code at home":   {strings.NewReplacer("VIADUS33", "VIADDEHH", "<p:Ctry>US<", "<p:Ctry>DE<").Replace(id("<p:DbtrAgt><p:FinInstnId><p:BICFI>VIADDEFF</p:BICFI>", "<p:DbtrAgt><p:FinInstnId><p:ClrSysMmbId><p:MmbId>50010517</p:MmbId></p:ClrSysMmbId>")), "", ""},
		"creditor without name":   {id("<p:Nm>Flour Mill Inc</p:Nm>", ""), "party_name_missing " + txPath + "/Cdtr/Nm BE22", ""},
		"debtor without name":     {id("<p:Nm>Example Bakery &amp; Sons</p:Nm>", ""), "party_name_missing " + txPath + "/Dbtr/Nm BE21", ""},
		"unstructured address":    {id(address, "<p:AdrLine>1 Mill Road</p:AdrLine><p:AdrLine>Springfield</p:AdrLine>"+ends), "address_unstructured " + txPath + "/Cdtr/PstlAdr BE04", ""},
		"no town":                 {id("<p:TwnNm>Frankfurt</p:TwnNm>", ""), "address_town_country " + txPath + "/Dbtr/PstlAdr/TwnNm BE07", ""},
		"empty address":           {id(address, ends), "address_town_country " + txPath + "/Cdtr/PstlAdr/TwnNm BE04\naddress_town_country " + txPath + "/Cdtr/PstlAdr/Ctry BE04", ""},
		"three lines and a town":  {id("<p:AdrLine>12 Main Street</p:AdrLine>", strings.Repeat("<p:AdrLine>12 Main Street</p:AdrLine>", 3)), "address_lines " + txPath + "/CdtrAgt/FinInstnId/PstlAdr CH16", ""},
		"reference too long":      {id("I-20260313-1", "I-20260313-123456"), "reference_length " + txPath + "/PmtId/InstrId CH16", ""},
		"slash first":             {id("INVOICE/2026/77", "/INVOICE"), "reference_slash " + txPath + "/PmtId/EndToEndId CH16", ""},
		"slash last":              {id("I-20260313-1", "I-20260313/"), "reference_slash " + txPath + "/PmtId/InstrId CH16", ""},
		"slashes together":        {id("INVOICE/2026/77", "INV//1"), "reference_slash " + txPath + "/PmtId/EndToEndId CH16", ""},
		"character in a name":     {id("Flour Mill Inc", "Müller &amp; Söhne"), "charset_x " + txPath + "/Cdtr/Nm CH16", ""},
		"wider set in a name":     {id("Flour Mill Inc", "Mill #1 [Inc]"), "", ""},
		"wider set in reference":  {id("I-20260313-1", "I_1"), "charset_x " + txPath + "/PmtId/InstrId CH16", ""},
		"two payments":            {twoPayments(t, base), "number_of_transactions " + headPath + "/NbOfTxs AM18\none_transaction " + headPath + " AM18", "number_of_transactions " + headPath + "/NbOfTxs AM18"},
	}
	covered := map[string]bool{}
	for name, tt := range tests { // in the order of a map, each on its own
		want := strings.FieldsFunc(tt.cbpr, func(r rune) bool { return r == '\n' })
		_, findings := Parse([]byte(tt.doc), CBPRSR2026)
		wantSet(t, name+" under cbpr-sr2026", findings, want)
		for _, f := range findings {
			covered[f.Rule] = true
		}
		if tt.iso != same {
			want = strings.FieldsFunc(tt.iso, func(r rune) bool { return r == '\n' })
		}
		_, findings = Parse([]byte(tt.doc), ISO)
		wantSet(t, name+" under iso", findings, want)
	}
	for _, r := range rules {
		if !covered[r.id] && r.id != "status_reason_missing" && r.id != "cover_service" {
			t.Errorf("no test breaks the rule %s", r.id)
		}
	}
}

// wantSet is wantFindings whatever the order.
func wantSet(t *testing.T, name string, got []Finding, want []string) {
	t.Helper()
	have := map[string]int{}
	for _, f := range got {
		have[fmt.Sprintf("%s %s %s", f.Rule, f.Path, f.Reason)]++
	}
	for _, w := range want {
		have[w]--
	}
	for f, n := range have {
		if n > 0 {
			t.Errorf("%s: unexpected %s", name, f)
		}
		if n < 0 {
			t.Errorf("%s: missing %s", name, f)
		}
	}
}

// twoPayments repeats the transaction and leaves NbOfTxs at 1.
func twoPayments(t *testing.T, doc string) string {
	from, to := strings.Index(doc, "<p:CdtTrfTxInf>"), strings.Index(doc, "</p:FIToFICstmrCdtTrf>")
	return doc[:to] + doc[from:to] + doc[to:]
}

func TestUnstructuredAddressPassesBefore2026(t *testing.T) {
	doc := edit(t, transfer(t), "<p:StrtNm>Musterweg</p:StrtNm>", "<p:AdrLine>Musterweg 7</p:AdrLine><p:AdrLine>60311 Frankfurt</p:AdrLine>",
		"<p:BldgNb>7</p:BldgNb>", "", "<p:PstCd>60311</p:PstCd>", "", "<p:TwnNm>Frankfurt</p:TwnNm>", "", "<p:Ctry>DE</p:Ctry>", "")
	if _, findings := Parse([]byte(doc), CBPRSR2025); len(findings) > 0 {
		t.Errorf("cbpr-sr2025: %v", findings)
	}
	_, findings := Parse([]byte(doc), CBPRSR2026)
	wantFindings(t, "cbpr-sr2026", findings, "address_unstructured "+txPath+"/Dbtr/PstlAdr BE07")
}

func TestCharacterIsNamedWithItsPlace(t *testing.T) {
	doc := edit(t, transfer(t), "Invoice 77 of March", "Rechnung für März")
	_, findings := Parse([]byte(doc), CBPRSR2026)
	if len(findings) != 1 || !strings.Contains(findings[0].Message, "'ü' at place 11") {
		t.Errorf("findings %v", findings)
	}
}

func TestRejectionNeedsAReason(t *testing.T) {
	r := report()
	r.Transactions[0].Status, r.Transactions[0].Reason, r.Transactions[0].Info = Rejected, "", ""
	data, err := EmitStatusReport(r)
	if err != nil {
		t.Fatal(err)
	}
	_, findings := Parse(data, CBPRSR2026)
	wantFindings(t, "no reason", findings, "status_reason_missing /Document/FIToFIPmtStsRpt/TxInfAndSts[1]/StsRsnInf CH21")
}

func TestProfileNames(t *testing.T) {
	for p := range profileNames {
		if got, err := ParseProfile(Profile(p).String()); err != nil || got != Profile(p) {
			t.Errorf("ParseProfile(%s) = %v, %v", Profile(p), got, err)
		}
	}
	if p, err := ParseProfile(""); err != nil || p != CBPRSR2026 {
		t.Errorf("the default is %v, %v", p, err)
	}
	if _, err := ParseProfile("sepa"); err == nil {
		t.Error("an unknown profile was accepted")
	}
}

func TestCheckDigits(t *testing.T) {
	// ISO 7064 MOD 97-10, as ISO 13616 (numbers of national banks' own examples) and ISO 17442 use it.
	for _, iban := range []string{"GB82WEST12345698765432", "DE89370400440532013000", "FR1420041010050500013M02606", "NO9386011117947", "MT84MALT011000012345MTLCAST001S",
		"BE68539007547034", "CH9300762011623852957", "SA0380000000608010167519", "BR1800360305000010009795493C1", "AD1200012030200359100100"} {
		if mod97(iban[4:]+iban[:4]) != 1 || ibanLength(iban[:2]) != len(iban) {
			t.Errorf("%s is refused", iban)
		}
	}
	for _, c := range strings.Fields(ibanLengths) {
		if len(c) != 4 || !isCountry(c[:2]) || ibanLength(c[:2]) < 15 || ibanLength(c[:2]) > 34 {
			t.Errorf("%s is no length of an IBAN", c)
		}
	}
	if ibanLength("US") != 0 || ibanLength("") != 0 {
		t.Error("a country without IBANs has a length for them")
	}
	for _, c := range []string{"", "D", "D ", "  ", "XX", "DEU", "de"} {
		if isCountry(c) {
			t.Errorf("%q is a country", c)
		}
	}
	if n := len(strings.Fields(countries)); n != 250 {
		t.Errorf("%d countries, want the 249 of ISO 3166-1 and XK", n)
	}
}

// The service in the header, the underlying transfer and the method of a pacs.009 go together: core, cover
// and advice.
func TestTransfersBetweenBanks(t *testing.T) {
	doc := func(service, method, underlying string) string {
		bank := func(name, bic string) string {
			return "<" + name + "><FinInstnId><BICFI>" + bic + "</BICFI></FinInstnId></" + name + ">"
		}
		return `<Envelope><AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"><Fr><FIId><FinInstnId><BICFI>VIADDEFF</BICFI></FinInstnId></FIId></Fr>
<To><FIId><FinInstnId><BICFI>VIADUS33</BICFI></FinInstnId></FIId></To><BizMsgIdr>M-1</BizMsgIdr><MsgDefIdr>pacs.009.001.08</MsgDefIdr><BizSvc>` + service + `</BizSvc><CreDt>2026-03-13T09:30:00+00:00</CreDt></AppHdr>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.009.001.08"><FICdtTrf><GrpHdr><MsgId>M-1</MsgId><CreDtTm>2026-03-13T09:30:00+00:00</CreDtTm><NbOfTxs>1</NbOfTxs><SttlmInf><SttlmMtd>` + method + `</SttlmMtd></SttlmInf></GrpHdr>
<CdtTrfTxInf><PmtId><InstrId>I-1</InstrId><EndToEndId>E-1</EndToEndId><UETR>7a1c3e5f-2b4d-4c6e-8f01-23456789abcd</UETR></PmtId><IntrBkSttlmAmt Ccy="USD">5.00</IntrBkSttlmAmt><IntrBkSttlmDt>2026-03-13</IntrBkSttlmDt>` +
			bank("InstgAgt", "VIADDEFF") + bank("InstdAgt", "VIADUS33") + bank("Dbtr", "VIADDEFF") + bank("Cdtr", "VIADUS33") + underlying + `</CdtTrfTxInf></FICdtTrf></Document></Envelope>`
	}
	const customers = "<UndrlygCstmrCdtTrf><Dbtr><Nm>A</Nm></Dbtr><DbtrAgt><FinInstnId><BICFI>VIADDEFF</BICFI></FinInstnId></DbtrAgt><CdtrAgt><FinInstnId><BICFI>VIADUS33</BICFI></FinInstnId></CdtrAgt><Cdtr><Nm>B</Nm></Cdtr></UndrlygCstmrCdtTrf>"
	const tx = "/Document/FICdtTrf/CdtTrfTxInf[1]"
	const agent = "<InstgRmbrsmntAgt><FinInstnId><BICFI>VIADFRPP</BICFI></FinInstnId></InstgRmbrsmntAgt>"
	advice := strings.Replace(doc("swift.cbprplus.adv.04", "COVE", ""), "</SttlmMtd>", "</SttlmMtd>"+agent, 1)
	for name, tt := range map[string]struct{ doc, cbpr string }{
		"core":                 {doc("swift.cbprplus.04", "INDA", ""), ""},
		"cover":                {doc("swift.cbprplus.cov.04", "INGA", customers), ""},
		"advice":               {advice, ""},
		"another service":      {doc("viaduct.01", "INDA", customers), ""},
		"cover of nothing":     {doc("swift.cbprplus.cov.04", "INDA", ""), "cover_service " + tx + "/UndrlygCstmrCdtTrf CH21"},
		"core that covers":     {doc("swift.cbprplus.04", "INDA", customers), "cover_service " + tx + "/UndrlygCstmrCdtTrf CH17"},
		"core by cover":        {strings.Replace(advice, ".adv.", ".", 1), "settlement_method /Document/FICdtTrf/GrpHdr/SttlmInf/SttlmMtd CH16"},
		"core by clearing":     {doc("swift.cbprplus.04", "CLRG", ""), "settlement_method /Document/FICdtTrf/GrpHdr/SttlmInf/SttlmMtd CH16"},
		"advice without agent": {strings.Replace(advice, agent, "", 1), "reimbursement_agents /Document/FICdtTrf/GrpHdr/SttlmInf/InstgRmbrsmntAgt CH21"},
	} {
		_, findings := Parse([]byte(tt.doc), CBPRSR2026)
		wantSet(t, name, findings, strings.FieldsFunc(tt.cbpr, func(r rune) bool { return r == '\n' }))
	}
}

// ISO 9362: eight characters name an institution, three more a branch of it, and XXX its head office.
func TestSameBIC(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"VIADDEFF", "VIADDEFF", true},
		{"VIADDEFF", "VIADDEFFXXX", true},
		{"VIADDEFF", "VIADDEFF123", false},
		{"VIADDEFFXXX", "VIADDEFF123", false},
		{"VIADMXXX", "VIADMXXXXXX", true}, // a country that ends in X, and a place of two
		{"VIADMXXX", "VIADMXMM", false},
	} {
		if sameBIC(tt.a, tt.b) != tt.want || sameBIC(tt.b, tt.a) != tt.want {
			t.Errorf("sameBIC(%s, %s) = %v", tt.a, tt.b, !tt.want)
		}
	}
}
