package iso20022

import (
	"fmt"
	"strconv"
	"time"

	"viaduct/internal/money"
)

// ReportKind is one of the three messages that tell of an account.
type ReportKind string

// The kinds of report.
const (
	IntradayReport ReportKind = "camt.052"
	DayStatement   ReportKind = "camt.053"
	Notification   ReportKind = "camt.054"
)

// Report is a camt.052, camt.053 or camt.054 about one or more accounts.
type Report struct {
	Kind      ReportKind
	MessageID string
	Created   time.Time
	From, To  string // BICs; without them the report has no header
	BizSvc    string
	Accounts  []AccountReport
}

// AccountReport tells of one account over one period. A notification has entries and no balances.
type AccountReport struct {
	Account          string // "USD@CHASUS33"
	Owner            string // BIC
	From, Until      time.Time
	Opening, Closing money.Amount // below zero: a debit balance
	Entries          []Entry
}

// Entry is one change of the balance.
type Entry struct {
	Reference string       // of the entry, its own in the account
	Servicer  string       // AcctSvcrRef: the result that made it
	Amount    money.Amount // below zero: a debit
	Balance   money.Amount // after it; the messages do not say
	Booked    time.Time
	Code      string // why: our own code
	// Of the payment, where the owner of the account is one of its parties.
	InstrID, EndToEndID, UETR string
}

// parts of a report that go by other names in each of the three.
var reportNames = map[ReportKind]struct{ body, account, opening, closing string }{
	IntradayReport: {"BkToCstmrAcctRpt", "Rpt", "OPBD", "ITBD"},
	DayStatement:   {"BkToCstmrStmt", "Stmt", "OPBD", "CLBD"},
	Notification:   {"BkToCstmrDbtCdtNtfctn", "Ntfctn", "", ""},
}

// EmitReport writes a report.
func EmitReport(r Report) ([]byte, error) {
	name, ok := reportNames[r.Kind]
	if !ok {
		return nil, fmt.Errorf("no report %q", r.Kind)
	}
	m, body := compose(string(r.Kind), "001.08", name.body, AppHdr{From: r.From, To: r.To, BizMsgIdr: r.MessageID, BizSvc: r.BizSvc, Created: r.Created})
	groupHeader(body, r.MessageID, r.Created)
	for i := range r.Accounts {
		a := &r.Accounts[i]
		n := body.append(name.account)
		n.set(fmt.Sprintf("%.30s/%d", r.MessageID, i+1), "Id")
		n.set(formatDateTime(r.Created), "CreDtTm")
		n.set(formatDateTime(a.From), "FrToDt", "FrDtTm")
		n.set(formatDateTime(a.Until), "FrToDt", "ToDtTm")
		n.set(a.Account, "Acct", "Id", "Othr", "Id")
		n.set(a.Opening.Currency().String(), "Acct", "Ccy")
		n.set(a.Owner, "Acct", "Ownr", "Id", "OrgId", "AnyBIC")
		if name.opening != "" {
			balance(n, name.opening, a.Opening, a.From)
			balance(n, name.closing, a.Closing, a.Until)
		}
		for j := range a.Entries {
			a.Entries[j].write(n)
		}
	}
	return Emit(m)
}

func balance(n *Node, code string, a money.Amount, at time.Time) {
	b := n.append("Bal")
	b.set(code, "Tp", "CdOrPrtry", "Cd")
	signed(b, a)
	b.set(formatDateTime(at), "Dt", "DtTm")
}

// signed writes an amount as ISO 20022 does: its size, and whether it is a credit.
func signed(n *Node, a money.Amount) {
	side, size := "CRDT", a
	if a.Units() < 0 {
		side, size = "DBIT", money.New(-a.Units(), a.Currency())
	}
	n.set(size.Value(), "Amt").Ccy = a.Currency().String()
	n.set(side, "CdtDbtInd")
}

func (e *Entry) write(account *Node) {
	n := account.append("Ntry")
	n.set(e.Reference, "NtryRef")
	signed(n, e.Amount)
	n.set("BOOK", "Sts", "Cd")
	n.set(formatDateTime(e.Booked), "BookgDt", "DtTm")
	n.set(e.Booked.UTC().Format(time.DateOnly), "ValDt", "Dt")
	n.set(e.Servicer, "AcctSvcrRef")
	n.set(e.Code, "BkTxCd", "Prtry", "Cd")
	if e.UETR == "" && e.EndToEndID == "" {
		return
	}
	d := n.append("NtryDtls").append("TxDtls")
	d.optional(e.InstrID, "Refs", "InstrId")
	d.optional(e.EndToEndID, "Refs", "EndToEndId")
	d.optional(e.UETR, "Refs", "UETR")
	signed(d, e.Amount)
}

// ReportRequest is one RptgReq of a camt.060.
type ReportRequest struct {
	Path    string
	Message string // "camt.053.001.08", as asked for
	Account string // empty for all
	Owner   string // BIC
	// The days asked for, "2026-03-13", inclusive; empty when none are named.
	FromDay, ToDay string
	// The time of the first and of the last day, from midnight UTC; the whole of both when none is named.
	FromTime, ToTime time.Duration
	Times            bool // whether a time is named
}

// ReportRequests reads a camt.060.
func (m *Message) ReportRequests() ([]ReportRequest, []Finding) {
	v := &viewer{}
	var list []ReportRequest
	for n := range m.body().Children("RptgReq") {
		acct := n.At("Acct", "Id")
		list = append(list, ReportRequest{
			Path: n.Path(), Message: n.Value("ReqdMsgNmId"),
			Account: acct.Value("Othr", "Id") + acct.Value("IBAN"),
			Owner:   agent(n.At("AcctOwnr", "Agt")).BIC + n.Value("AcctOwnr", "Pty", "Id", "OrgId", "AnyBIC"),
			FromDay: v.date(n.At("RptgPrd", "FrToDt", "FrDt")), ToDay: v.date(n.At("RptgPrd", "FrToDt", "ToDt")),
			FromTime: v.timeOfDay(n.At("RptgPrd", "FrToTm", "FrTm"), 0), ToTime: v.timeOfDay(n.At("RptgPrd", "FrToTm", "ToTm"), 24*time.Hour),
			Times: n.At("RptgPrd", "FrToTm") != nil,
		})
	}
	place(m.src, v.findings)
	return list, v.findings
}

// EntryReference numbers an entry: the block, the result in it, the posting in that.
func EntryReference(height uint64, index, seq int) string {
	return strconv.FormatUint(height, 10) + "-" + strconv.Itoa(index) + "-" + strconv.Itoa(seq)
}

// timeOfDay reads an ISOTime as the time since midnight UTC; one without a time zone is taken as UTC.
func (v *viewer) timeOfDay(n *Node, otherwise time.Duration) time.Duration {
	if n == nil {
		return otherwise
	}
	for _, layout := range []string{"15:04:05.999999999Z07:00", "15:04:05.999999999"} {
		if t, err := time.Parse(layout, n.Text); err == nil {
			return t.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC))
		}
	}
	v.add(n, "date_range", "%q is not a time that can be used", clip(n.Text))
	return otherwise
}
