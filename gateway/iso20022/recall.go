package iso20022

import (
	"time"

	"viaduct/internal/money"
)

// Original names a transaction of another message: what a return, a recall, an answer to one or a
// status request speaks of.
type Original struct {
	Path                            string // of the element that names it
	ID                              string // of this request for it: CxlId, StsReqId, RtrId
	MessageID, Name                 string // OrgnlMsgId and OrgnlMsgNmId
	InstrID, EndToEndID, TxID, UETR string
	Amount                          money.Amount // of a return, what comes back; zero elsewhere
	Instructing, Instructed         Agent        // of this message, where it names them
	Reason                          string       // of a return or a recall
	Case                            string
}

// Originals returns the transactions that a pacs.004, pacs.028, camt.056, camt.029 or pacs.002 speaks
// of, in order. The findings name amounts that cannot be moved.
func (m *Message) Originals() ([]Original, []Finding) {
	v := &viewer{}
	body := m.body()
	group := body.Child("GrpHdr")
	var list []Original
	add := func(n, outer *Node) {
		o := Original{
			Path:        n.Path(),
			ID:          n.Value("CxlId") + n.Value("StsReqId") + n.Value("RtrId") + n.Value("CxlStsId"),
			InstrID:     n.Value("OrgnlInstrId"),
			EndToEndID:  n.Value("OrgnlEndToEndId"),
			TxID:        n.Value("OrgnlTxId"),
			UETR:        n.Value("OrgnlUETR"),
			Instructing: agent(either(n, group, "InstgAgt")),
			Instructed:  agent(either(n, group, "InstdAgt")),
			Reason:      n.Value("RtrRsnInf", "Rsn", "Cd") + n.Value("CxlRsnInf", "Rsn", "Cd"),
			Case:        n.Value("Case", "Id") + n.Value("RslvdCase", "Id"),
		}
		if a := n.Child("RtrdIntrBkSttlmAmt"); a != nil {
			o.Amount = v.amount(a)
		}
		for _, from := range []*Node{n.Child("OrgnlGrpInf"), outer.Child("OrgnlGrpInf"), outer.Child("OrgnlGrpInfAndCxl"), outer.Child("OrgnlGrpInfAndSts")} {
			if from != nil && o.MessageID == "" {
				o.MessageID, o.Name = from.Value("OrgnlMsgId"), from.Value("OrgnlMsgNmId")
			}
		}
		list = append(list, o)
	}
	for n := range body.Children("") {
		switch n.Name {
		case "TxInf", "TxInfAndSts":
			add(n, body)
		case "Undrlyg", "CxlDtls":
			for t := range n.Children("") {
				if t.Name == "TxInf" || t.Name == "TxInfAndSts" {
					add(t, n)
				}
			}
		}
	}
	place(m.src, v.findings)
	return list, v.findings
}

// MessageID returns the message's own identifier, wherever its definition keeps it.
func (m *Message) MessageID() string {
	if id := m.body().Value("GrpHdr", "MsgId"); id != "" {
		return id
	}
	if id := m.body().Value("Assgnmt", "Id"); id != "" {
		return id
	}
	if m.Header != nil {
		return m.Header.BizMsgIdr
	}
	return ""
}

// Confirmation says how a recall stands.
type Confirmation string

// The confirmations Viaduct gives.
const (
	RecallCancelled Confirmation = "CNCL"
	RecallPending   Confirmation = "PDCR" // the creditor's bank was asked
	RecallRejected  Confirmation = "RJCR"
)

// Resolution is a camt.029: what became of a recall.
type Resolution struct {
	MessageID string
	Created   time.Time
	From, To  string // BICs, also assigner and assignee
	BizSvc    string
	Status    Confirmation
	Recalls   []Recall
}

// Recall is what became of one transaction of it.
type Recall struct {
	Original
	Status Confirmation
	Reason string // an ISO cancellation rejection code, when rejected
	Info   string
}

// EmitResolution writes a camt.029.001.09.
func EmitResolution(r Resolution) ([]byte, error) {
	m, body := compose("camt.029", "001.09", "RsltnOfInvstgtn", AppHdr{From: r.From, To: r.To, BizMsgIdr: r.MessageID, BizSvc: r.BizSvc, Created: r.Created})
	body.set(r.MessageID, "Assgnmt", "Id")
	body.set(r.From, "Assgnmt", "Assgnr", "Agt", "FinInstnId", "BICFI")
	body.set(r.To, "Assgnmt", "Assgne", "Agt", "FinInstnId", "BICFI")
	body.set(formatDateTime(r.Created), "Assgnmt", "CreDtTm")
	body.set(string(r.Status), "Sts", "Conf")
	for i := range r.Recalls {
		c := &r.Recalls[i]
		n := body.append("CxlDtls").append("TxInfAndSts")
		n.optional(c.ID, "CxlStsId")
		if c.Case != "" {
			n.set(c.Case, "RslvdCase", "Id")
			n.set(r.To, "RslvdCase", "Cretr", "Agt", "FinInstnId", "BICFI")
		}
		if c.MessageID != "" && c.Name != "" {
			n.set(c.MessageID, "OrgnlGrpInf", "OrgnlMsgId")
			n.set(c.Name, "OrgnlGrpInf", "OrgnlMsgNmId")
		}
		n.optional(c.InstrID, "OrgnlInstrId")
		n.optional(c.EndToEndID, "OrgnlEndToEndId")
		n.optional(c.TxID, "OrgnlTxId")
		n.optional(c.UETR, "OrgnlUETR")
		n.set(map[Confirmation]string{RecallCancelled: "ACCR", RecallPending: "PDCR", RecallRejected: "RJCR"}[c.Status], "TxCxlSts")
		if c.Reason != "" || c.Info != "" {
			info := n.append("CxlStsRsnInf")
			info.optional(c.Reason, "Rsn", "Cd")
			for _, line := range fold(plainText(c.Info), 105, 10) {
				info.append("AddtlInf").Text = line
			}
		}
	}
	return Emit(m)
}
