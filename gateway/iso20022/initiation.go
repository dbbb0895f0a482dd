package iso20022

import (
	"time"

	"viaduct/internal/money"
)

// Initiation is a pain.001 as the gateway needs it: a customer's orders, relayed by its bank.
type Initiation struct {
	MessageID string
	Lots      []Lot
}

// Lot is one PmtInf: orders of one debtor for one day.
type Lot struct {
	Path        string
	ID          string // PmtInfId
	Method      string // TRF, TRA or CHK
	Date        string // the day asked for, "2026-03-16"
	Debtor      Party
	Account     Account
	DebtorAgent Agent
	Orders      []Order
}

// Order is one credit transfer that is asked for.
type Order struct {
	Path                      string
	InstrID, EndToEndID, UETR string
	Amount                    money.Amount // what is to arrive; zero when only an equivalent is given
	CreditorAgent             Agent
	Creditor                  Party
	Account                   Account
	Remittance                []string
}

// Initiation reads a pain.001 into fields.
func (m *Message) Initiation() (*Initiation, []Finding) {
	body := m.body()
	v := &viewer{}
	in := &Initiation{MessageID: body.Value("GrpHdr", "MsgId")}
	for p := range body.Children("PmtInf") {
		lot := Lot{
			Path: p.Path(), ID: p.Value("PmtInfId"), Method: p.Value("PmtMtd"),
			Date:   v.date(p.At("ReqdExctnDt", "Dt")) + v.date(p.At("ReqdExctnDt", "DtTm")),
			Debtor: party(p.Child("Dbtr")), Account: account(p.Child("DbtrAcct")), DebtorAgent: agent(p.Child("DbtrAgt")),
		}
		for n := range p.Children("CdtTrfTxInf") {
			id := n.Child("PmtId")
			lot.Orders = append(lot.Orders, Order{
				Path: n.Path(), InstrID: id.Value("InstrId"), EndToEndID: id.Value("EndToEndId"), UETR: id.Value("UETR"),
				Amount: v.amount(n.At("Amt", "InstdAmt")), CreditorAgent: agent(n.Child("CdtrAgt")),
				Creditor: party(n.Child("Cdtr")), Account: account(n.Child("CdtrAcct")), Remittance: remittance(n.Child("RmtInf")),
			})
		}
		in.Lots = append(in.Lots, lot)
	}
	place(m.src, v.findings)
	return in, v.findings
}

// InitiationReport is a pain.002: what became of an initiation's orders, or of all of it.
type InitiationReport struct {
	MessageID    string
	Created      time.Time
	From, To     string // BICs; without them the report has no header
	BizSvc       string
	OriginalID   string
	OriginalName string
	Lots         []LotStatus
	Group        TxStatus // used when there are no lots
}

// LotStatus is the statuses of one lot's orders.
type LotStatus struct {
	ID     string
	Orders []TxStatus
}

// AnswerInitiation begins the report on an initiation: everything but the statuses.
func (m *Message) AnswerInitiation(id string, created time.Time) InitiationReport {
	r := InitiationReport{MessageID: id, Created: created, OriginalID: m.MessageID(), OriginalName: m.ID()}
	if m.Header != nil {
		r.From, r.To, r.BizSvc = m.Header.To, m.Header.From, m.Header.BizSvc
	}
	for p := range m.body().Children("PmtInf") {
		lot := LotStatus{ID: p.Value("PmtInfId")}
		for n := range p.Children("CdtTrfTxInf") {
			id := n.Child("PmtId")
			lot.Orders = append(lot.Orders, TxStatus{
				Path: n.Path(), InstrID: id.Value("InstrId"), EndToEndID: id.Value("EndToEndId"), UETR: id.Value("UETR"),
			})
		}
		r.Lots = append(r.Lots, lot)
	}
	return r
}

// EmitInitiationReport writes a pain.002.001.10.
func EmitInitiationReport(r InitiationReport) ([]byte, error) {
	m, body := compose("pain.002", "001.10", "CstmrPmtStsRpt", AppHdr{From: r.From, To: r.To, BizMsgIdr: r.MessageID, BizSvc: r.BizSvc, Created: r.Created})
	groupHeader(body, r.MessageID, r.Created)
	g := body.append("OrgnlGrpInfAndSts")
	g.set(r.OriginalID, "OrgnlMsgId")
	g.set(r.OriginalName, "OrgnlMsgNmId")
	if len(r.Lots) == 0 {
		g.set(string(r.Group.Status), "GrpSts")
		r.Group.reason(g)
	}
	for _, lot := range r.Lots {
		n := body.append("OrgnlPmtInfAndSts")
		n.set(lot.ID, "OrgnlPmtInfId")
		for i := range lot.Orders {
			t := &lot.Orders[i]
			tx := n.append("TxInfAndSts")
			tx.optional(t.InstrID, "OrgnlInstrId")
			tx.optional(t.EndToEndID, "OrgnlEndToEndId")
			tx.optional(t.UETR, "OrgnlUETR")
			tx.set(string(t.Status), "TxSts")
			t.reason(tx)
			if !t.Accepted.IsZero() {
				tx.set(formatDateTime(t.Accepted), "AccptncDtTm")
			}
		}
	}
	return Emit(m)
}
