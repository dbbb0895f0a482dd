package iso20022

import (
	"fmt"
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"viaduct/internal/money"
)

// CreditTransfer is a pacs.008 or pacs.009 as the gateway needs it.
type CreditTransfer struct {
	MessageID string
	Created   time.Time
	Count     int    // NbOfTxs, as stated
	Method    string // SttlmMtd: INDA, INGA, COVE or CLRG

	Transactions []Transaction
}

// Transaction is one credit transfer of the message. For a pacs.009 debtor and creditor are banks,
// given as agents, and Debtor and Creditor hold their names.
type Transaction struct {
	Path string // of its element, "/Document/FIToFICstmrCdtTrf/CdtTrfTxInf[1]"

	InstrID, EndToEndID, TxID, UETR string

	SettlementAmount money.Amount // IntrBkSttlmAmt
	SettlementDate   string       // IntrBkSttlmDt, "2026-03-13"; empty when absent
	InstructedAmount money.Amount // InstdAmt; the zero Amount when absent, or in no currency in use
	ExchangeRate     decimal.Decimal
	ChargeBearer     string
	Charges          []Charge

	Instructing, Instructed Agent // InstgAgt and InstdAgt, the group's where the transaction has none
	Intermediaries          []Agent
	Debtor, Creditor        Party
	DebtorAccount           Account
	CreditorAccount         Account
	DebtorAgent             Agent
	CreditorAgent           Agent
	Purpose                 string
	Remittance              []string // unstructured lines, or the references of structured ones
	Cover                   bool     // a pacs.009 that covers a customer's transfer of the same UETR
}

// Charge is one ChrgsInf: an amount taken, and by whom; the zero Amount where it is in no currency in use.
type Charge struct {
	Amount money.Amount
	Agent  Agent
}

// Agent is a bank in a message.
type Agent struct {
	BIC, LEI            string
	System, Member      string // clearing system and member identification
	Name, Town, Country string
}

// Party is a customer in a message, or a bank in a customer's place.
type Party struct {
	Bank           bool // named the way a bank is
	Name, BIC, LEI string
	Town, Country  string
	Address        []string // every line of the address, in order
}

// Account is an account of a party: an IBAN or another identification.
type Account struct {
	IBAN, Other, Currency string
}

// body returns the one element a Document holds: FIToFICstmrCdtTrf and its kin.
func (m *Message) body() *Node {
	if m.Root == nil {
		return nil
	}
	return m.Root.first
}

// CreditTransfer reads a pacs.008 or pacs.009 into fields. The findings name what the schema allows
// and we cannot settle: a currency not in use, more decimals than it has, an amount or date out of
// range. It is nil for any other message.
func (m *Message) CreditTransfer() (*CreditTransfer, []Finding) {
	if m.Type != "pacs.008" && m.Type != "pacs.009" {
		return nil, []Finding{{
			Rule: "unsupported_message", Path: "/Document", Line: 1, Reason: "FF01",
			Message: m.ID() + " is not a credit transfer",
		}}
	}
	body := m.body()
	group := body.Child("GrpHdr")
	v := &viewer{}
	ct := &CreditTransfer{
		MessageID: group.Value("MsgId"),
		Created:   v.dateTime(group.Child("CreDtTm")),
		Method:    group.Value("SttlmInf", "SttlmMtd"),
	}
	ct.Count, _ = strconv.Atoi(group.Value("NbOfTxs"))
	for n := range body.Children("CdtTrfTxInf") {
		ct.Transactions = append(ct.Transactions, v.transaction(group, n))
	}
	place(m.src, v.findings)
	return ct, v.findings
}

// viewer reads elements into fields and collects what does not fit.
type viewer struct{ findings []Finding }

func (v *viewer) add(n *Node, rule, format string, args ...any) {
	v.findings = append(v.findings, Finding{
		Rule: rule, Path: n.Path(), Reason: viewReasons[rule], Message: fmt.Sprintf(format, args...), offset: int(n.offset),
	})
}

// viewReasons gives the ISO reasons of what a viewer finds.
var viewReasons = map[string]string{
	"currency_unknown":  "AM11",
	"currency_decimals": "CH20",
	"amount_range":      "AM12",
	"date_range":        "DT01",
}

func (v *viewer) transaction(group, n *Node) Transaction {
	id := n.Child("PmtId")
	t := Transaction{
		Path:       n.Path(),
		InstrID:    id.Value("InstrId"),
		EndToEndID: id.Value("EndToEndId"),
		TxID:       id.Value("TxId"),
		UETR:       id.Value("UETR"),

		SettlementAmount: v.amount(n.Child("IntrBkSttlmAmt")),
		InstructedAmount: stated(n.Child("InstdAmt")),
		ExchangeRate:     number(n.Child("XchgRate")),
		ChargeBearer:     n.Value("ChrgBr"),

		Instructing:     agent(either(n, group, "InstgAgt")),
		Instructed:      agent(either(n, group, "InstdAgt")),
		DebtorAccount:   account(n.Child("DbtrAcct")),
		CreditorAccount: account(n.Child("CdtrAcct")),
		DebtorAgent:     agent(n.Child("DbtrAgt")),
		CreditorAgent:   agent(n.Child("CdtrAgt")),
		Debtor:          party(n.Child("Dbtr")),
		Creditor:        party(n.Child("Cdtr")),
		Purpose:         n.Value("Purp", "Cd") + n.Value("Purp", "Prtry"),
		Cover:           n.Child("UndrlygCstmrCdtTrf") != nil,
	}
	t.SettlementDate = v.date(either(n, group, "IntrBkSttlmDt"))
	for c := range n.Children("ChrgsInf") {
		t.Charges = append(t.Charges, Charge{stated(c.Child("Amt")), agent(c.Child("Agt"))})
	}
	for _, name := range []string{"IntrmyAgt1", "IntrmyAgt2", "IntrmyAgt3"} {
		if a := n.Child(name); a != nil {
			t.Intermediaries = append(t.Intermediaries, agent(a))
		}
	}
	t.Remittance = remittance(n.Child("RmtInf"))
	return t
}

// remittance returns the unstructured lines, and of structured information the references.
func remittance(n *Node) (lines []string) {
	for u := range n.Children("Ustrd") {
		lines = append(lines, u.Text)
	}
	for s := range n.Children("Strd") {
		if ref := s.Value("CdtrRefInf", "Ref"); ref != "" {
			lines = append(lines, ref)
		}
		for d := range s.Children("RfrdDocInf") {
			if nb := d.Value("Nb"); nb != "" {
				lines = append(lines, nb)
			}
		}
	}
	return lines
}

// either returns the transaction's element of that name, or else the group's.
func either(n, group *Node, name string) *Node {
	if c := n.Child(name); c != nil {
		return c
	}
	return group.Child(name)
}

func (v *viewer) amount(n *Node) money.Amount {
	a, rule, why := amount(n)
	if rule != "" {
		v.add(n, rule, "%s %s %s", clip(n.Ccy), clip(n.Text), why)
	}
	return a
}

// stated reads an amount that is told and not moved, which may be in a currency of the past.
func stated(n *Node) money.Amount {
	a, rule, _ := amount(n)
	if rule != "" {
		return money.Amount{}
	}
	return a
}

// dateTime and date take only years of four digits, as every calendar here does; the schema allows more.
func (v *viewer) dateTime(n *Node) time.Time {
	if n == nil {
		return time.Time{}
	}
	t, ok := parseDateTime(n.Text)
	if !ok {
		v.add(n, "date_range", "%q is not a date and time that can be used", clip(n.Text))
	}
	return t
}

func (v *viewer) date(n *Node) string {
	if n == nil {
		return ""
	}
	day := n.Text[:min(len(n.Text), len(time.DateOnly))]
	if _, err := time.Parse(time.DateOnly, day); err != nil {
		v.add(n, "date_range", "%q is not a date that can be used", clip(n.Text))
		return ""
	}
	return day
}

func agent(n *Node) Agent {
	f := n.Child("FinInstnId")
	member := f.Child("ClrSysMmbId")
	return Agent{
		BIC:     f.Value("BICFI"),
		LEI:     f.Value("LEI"),
		System:  member.Value("ClrSysId", "Cd") + member.Value("ClrSysId", "Prtry"),
		Member:  member.Value("MmbId"),
		Name:    f.Value("Nm"),
		Town:    f.Value("PstlAdr", "TwnNm"),
		Country: f.Value("PstlAdr", "Ctry"),
	}
}

func party(n *Node) Party {
	if n.Child("FinInstnId") != nil {
		n = n.Child("FinInstnId")
		p := person(n)
		p.Bank, p.BIC, p.LEI = true, n.Value("BICFI"), n.Value("LEI")
		return p
	}
	p := person(n)
	p.BIC, p.LEI = n.Value("Id", "OrgId", "AnyBIC"), n.Value("Id", "OrgId", "LEI")
	return p
}

func person(n *Node) Party {
	adr := n.Child("PstlAdr")
	p := Party{Name: n.Value("Nm"), Town: adr.Value("TwnNm"), Country: adr.Value("Ctry")}
	for line := range adr.Children("") {
		if line.first == nil {
			p.Address = append(p.Address, line.Text)
		}
	}
	return p
}

func account(n *Node) Account {
	return Account{IBAN: n.Value("Id", "IBAN"), Other: n.Value("Id", "Othr", "Id"), Currency: n.Value("Ccy")}
}
