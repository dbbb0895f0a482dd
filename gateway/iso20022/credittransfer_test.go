package iso20022

import (
	"strings"
	"testing"

	"viaduct/internal/money"
)

func TestCreditTransfer(t *testing.T) {
	m, _ := Parse([]byte(transfer(t)), CBPRSR2026)
	ct, findings := m.CreditTransfer()
	if len(findings) > 0 || len(ct.Transactions) != 1 {
		t.Fatalf("%+v, %v", ct, findings)
	}
	if ct.MessageID != "VIADUCT-20260313-0001" || ct.Count != 1 || ct.Method != "INDA" || ct.Created.UTC().Hour() != 8 {
		t.Errorf("group %+v", ct)
	}
	tx := ct.Transactions[0]
	usd, eur := money.MustCurrency("USD"), money.MustCurrency("EUR")
	if tx.SettlementAmount != money.New(108050, usd) || tx.InstructedAmount != money.New(100000, eur) || tx.ExchangeRate.String() != "1.0855" ||
		len(tx.Charges) != 1 || tx.Charges[0].Amount != money.New(500, usd) || tx.Charges[0].Agent.BIC != "VIADDEFF" || tx.ChargeBearer != "SHAR" {
		t.Errorf("amounts %+v", tx)
	}
	if tx.InstrID != "I-20260313-1" || tx.EndToEndID != "INVOICE/2026/77" || tx.UETR != "7a1c3e5f-2b4d-4c6e-8f01-23456789abcd" || tx.SettlementDate != "2026-03-13" || tx.Path != txPath {
		t.Errorf("references %+v", tx)
	}
	if tx.Instructing.BIC != "VIADDEFFXXX" || tx.Instructed.BIC != "VIADUS33" || tx.DebtorAgent.BIC != "VIADDEFF" ||
		tx.CreditorAgent.Name != "Example Savings Bank" || tx.CreditorAgent.Country != "US" || tx.CreditorAgent.Town != "Springfield" {
		t.Errorf("agents %+v", tx)
	}
	if tx.Debtor.Name != "Example Bakery & Sons" || tx.Debtor.LEI != "00VIADUCTEXAMPLE0068" || strings.Join(tx.Debtor.Address, ", ") != "Musterweg, 7, 60311, Frankfurt, DE" ||
		tx.DebtorAccount.IBAN != "DE40100100100000012345" || tx.CreditorAccount.Other != "000123456" || tx.Creditor.Country != "US" {
		t.Errorf("parties %+v", tx)
	}
	if strings.Join(tx.Remittance, "|") != "Invoice 77 of March" || tx.Purpose != "SUPP" || tx.Cover {
		t.Errorf("remittance %q, purpose %q", tx.Remittance, tx.Purpose)
	}
}

func TestCreditTransferOfAGroup(t *testing.T) {
	doc := edit(t, transfer(t),
		"<p:SttlmInf>", "<p:IntrBkSttlmDt>2026-03-16Z</p:IntrBkSttlmDt><p:SttlmInf>",
		"</p:GrpHdr>", "<p:InstgAgt><p:FinInstnId><p:ClrSysMmbId><p:ClrSysId><p:Cd>USABA</p:Cd></p:ClrSysId><p:MmbId>021000021</p:MmbId></p:ClrSysMmbId></p:FinInstnId></p:InstgAgt></p:GrpHdr>",
		"<p:IntrBkSttlmDt>2026-03-13</p:IntrBkSttlmDt>", "",
		"<p:InstgAgt><p:FinInstnId><p:BICFI>VIADDEFFXXX</p:BICFI></p:FinInstnId></p:InstgAgt>", "",
		"1080.50", " +01080.5 ", "<p:Ustrd>Invoice 77 of March</p:Ustrd>", "<p:Strd><p:RfrdDocInf><p:Nb>INV 77</p:Nb></p:RfrdDocInf><p:CdtrRefInf><p:Ref>RF18</p:Ref></p:CdtrRefInf></p:Strd>")
	m, findings := Parse([]byte(doc), ISO)
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	ct, findings := m.CreditTransfer()
	if len(findings) > 0 {
		t.Fatal(findings)
	}
	tx := ct.Transactions[0]
	if tx.SettlementDate != "2026-03-16" || tx.Instructing.System != "USABA" || tx.Instructing.Member != "021000021" || tx.SettlementAmount.Value() != "1080.50" || strings.Join(tx.Remittance, "|") != "RF18|INV 77" {
		t.Errorf("%+v", tx)
	}
}

func TestCreditTransferNamesWhatCannotSettle(t *testing.T) {
	doc := edit(t, transfer(t), `Ccy="USD">1080.50`, `Ccy="XAU">1`, `Ccy="EUR">1000.00`, `Ccy="JPY">1000.5`, `Ccy="USD">5.00`, `Ccy="KWD">100000000000000000`,
		"2026-03-13</p:IntrBkSttlmDt>", "12026-03-13</p:IntrBkSttlmDt>")
	m, _ := Parse([]byte(doc), ISO)
	ct, findings := m.CreditTransfer()
	var got []string
	for _, f := range findings {
		got = append(got, f.Rule+" "+f.Path+" "+f.Reason)
	}
	// What is told and not moved is left out where it is no amount of ours; the rules have judged it.
	want := "currency_unknown " + txPath + "/IntrBkSttlmAmt AM11\ndate_range " + txPath + "/IntrBkSttlmDt DT01"
	if ct != nil && (ct.Transactions[0].InstructedAmount != money.Amount{} || ct.Transactions[0].Charges[0].Amount != money.Amount{}) {
		t.Errorf("amounts that cannot be ours: %+v", ct.Transactions[0])
	}
	if strings.Join(got, "\n") != want || ct == nil {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}

	for ccy, tt := range map[string][2]string{"JPY": {"1000.5", "currency_decimals"}, "KWD": {"100000000000000000", "amount_range"}, "DEM": {"5", "currency_unknown"}} {
		m, _ := Parse([]byte(edit(t, transfer(t), `Ccy="USD">1080.50`, `Ccy="`+ccy+`">`+tt[0])), ISO)
		if _, findings := m.CreditTransfer(); len(findings) != 1 || findings[0].Rule != tt[1] || findings[0].Path != txPath+"/IntrBkSttlmAmt" {
			t.Errorf("%s %s: %v", ccy, tt[0], findings)
		}
	}

	data, err := EmitStatusReport(report())
	if err != nil {
		t.Fatal(err)
	}
	m, _ = Parse(data, ISO)
	if ct, findings := m.CreditTransfer(); ct != nil || len(findings) != 1 {
		t.Errorf("a status report is a credit transfer: %+v %v", ct, findings)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{"1": "1", " +1.50\n": "1.5", ".5": "0.5", "1.": "1", "-0.10": "-0.1", "007": "7", "0": "0", "000.000": "0"} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}
