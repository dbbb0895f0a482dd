package iso20022

import (
	"strings"
	"time"
)

// Status is a payment's status as ISO 20022 codes it.
type Status string

// The statuses Viaduct gives. Only Settled is irrevocable; Rejected and Cancelled move nothing.
const (
	Validated Status = "ACTC" // technically correct, not yet accepted
	Pending   Status = "PDNG" // waiting: approval, screening or liquidity
	Accepted  Status = "ACSP" // on disk, being settled
	Settled   Status = "ACSC"
	Rejected  Status = "RJCT"
	Cancelled Status = "CANC"
)

// StatusReport is a pacs.002: what became of a message's transactions, or of the whole message when
// it names none.
type StatusReport struct {
	MessageID string
	Created   time.Time
	From, To  string // BICs; without them the report has no header and names no agents
	BizSvc    string // repeated from the message answered

	OriginalID   string    // its MsgId
	OriginalName string    // "pacs.008.001.08"
	OriginalTime time.Time // its CreDtTm; left out when zero

	Transactions []TxStatus
	Group        TxStatus // used when there are no transactions
}

// TxStatus is one transaction's status. Reason is an ISO external status reason code; Info says more,
// in any length.
type TxStatus struct {
	Path string // of the transaction in the message that is answered; not written

	InstrID, EndToEndID, TxID, UETR string
	// The message that carried it, where it is not the one the whole report is about.
	OriginalID, OriginalName string

	Status         Status
	Reason         string
	Info           string
	Accepted       time.Time // AccptncDtTm, left out when zero
	SettlementDate string    // FctvIntrBkSttlmDt, "2026-03-13", left out when empty
}

// Answer begins the status report on a message: everything but the statuses. From and To are turned
// round; references that the original does not carry stay empty.
func (m *Message) Answer(id string, created time.Time) StatusReport {
	group := m.body().Child("GrpHdr")
	r := StatusReport{
		MessageID: id, Created: created,
		OriginalID: m.MessageID(), OriginalName: m.ID(),
	}
	r.OriginalTime, _ = parseDateTime(group.Value("CreDtTm"))
	if m.Header != nil {
		r.From, r.To, r.BizSvc = m.Header.To, m.Header.From, m.Header.BizSvc
	}
	for n := range m.body().Children("CdtTrfTxInf") {
		p := n.Child("PmtId")
		r.Transactions = append(r.Transactions, TxStatus{
			Path: n.Path(), InstrID: p.Value("InstrId"), EndToEndID: p.Value("EndToEndId"), TxID: p.Value("TxId"), UETR: p.Value("UETR"),
		})
	}
	for n := range m.body().Children("TxInf") {
		r.Transactions = append(r.Transactions, TxStatus{
			Path: n.Path(), InstrID: n.Value("OrgnlInstrId"), EndToEndID: n.Value("OrgnlEndToEndId"), TxID: n.Value("OrgnlTxId"), UETR: n.Value("OrgnlUETR"),
		})
	}
	return r
}

// EmitStatusReport writes a pacs.002.001.10, with its header when From and To are known.
func EmitStatusReport(r StatusReport) ([]byte, error) {
	m, body := compose("pacs.002", "001.10", "FIToFIPmtStsRpt", AppHdr{From: r.From, To: r.To, BizMsgIdr: r.MessageID, BizSvc: r.BizSvc, Created: r.Created})
	groupHeader(body, r.MessageID, r.Created)
	if len(r.Transactions) == 0 {
		g := body.append("OrgnlGrpInfAndSts")
		r.original(g)
		g.set(string(r.Group.Status), "GrpSts")
		r.Group.reason(g)
	}
	for _, t := range r.Transactions {
		n := body.append("TxInfAndSts")
		if t.OriginalID != "" && t.OriginalName != "" {
			other := StatusReport{OriginalID: t.OriginalID, OriginalName: t.OriginalName}
			other.original(n.append("OrgnlGrpInf"))
		} else {
			r.original(n.append("OrgnlGrpInf"))
		}
		n.optional(t.InstrID, "OrgnlInstrId")
		n.optional(t.EndToEndID, "OrgnlEndToEndId")
		n.optional(t.TxID, "OrgnlTxId")
		n.optional(t.UETR, "OrgnlUETR")
		n.set(string(t.Status), "TxSts")
		t.reason(n)
		if !t.Accepted.IsZero() {
			n.set(formatDateTime(t.Accepted), "AccptncDtTm")
		}
		n.optional(t.SettlementDate, "FctvIntrBkSttlmDt", "Dt")
		if m.Header != nil {
			n.set(r.From, "InstgAgt", "FinInstnId", "BICFI")
			n.set(r.To, "InstdAgt", "FinInstnId", "BICFI")
		}
	}
	return Emit(m)
}

func (r *StatusReport) original(n *Node) {
	n.set(r.OriginalID, "OrgnlMsgId")
	n.set(r.OriginalName, "OrgnlMsgNmId")
	if !r.OriginalTime.IsZero() {
		n.set(formatDateTime(r.OriginalTime), "OrgnlCreDtTm")
	}
}

func (t *TxStatus) reason(n *Node) {
	if t.Reason == "" && t.Info == "" {
		return
	}
	info := n.append("StsRsnInf")
	if t.Reason == "" {
		info.set("NARR", "Rsn", "Cd")
	} else {
		info.set(t.Reason, "Rsn", "Cd")
	}
	for _, line := range fold(plainText(t.Info), 105, 10) {
		info.append("AddtlInf").Text = line
	}
}

// plainText writes words of ours in SWIFT's X set, which every bank can read: brackets become round ones,
// an underscore a hyphen, whatever else is outside a full stop.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < 128 && allowedX[r]&1 != 0:
			return r
		case r == '[' || r == '{' || r == '<':
			return '('
		case r == ']' || r == '}' || r == '>':
			return ')'
		case r == '_':
			return '-'
		case r == '"' || r == '`':
			return '\''
		case r < ' ':
			return ' '
		}
		return '.'
	}, s)
}

// fold cuts text into lines of at most width characters, at blanks where it can, and at most n of
// them. Control characters become blanks; XML could not carry them.
func fold(s string, width, n int) []string {
	rest := []rune(strings.Map(func(r rune) rune {
		if !isChar(r) || r < ' ' {
			return ' '
		}
		return r
	}, strings.TrimSpace(s)))
	var lines []string
	for len(rest) > 0 && len(lines) < n {
		cut := len(rest)
		if cut > width {
			cut = width
			for cut > width/2 && rest[cut] != ' ' {
				cut--
			}
			if rest[cut] != ' ' {
				cut = width
			}
		}
		if line := strings.TrimSpace(string(rest[:cut])); line != "" {
			lines = append(lines, line)
		}
		for rest = rest[cut:]; len(rest) > 0 && rest[0] == ' '; {
			rest = rest[1:]
		}
	}
	return lines
}
