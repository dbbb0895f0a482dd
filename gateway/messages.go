package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"viaduct/gateway/iso20022"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// SubmitMessage takes a pacs.008 and answers with a pacs.002.
func (s server) SubmitMessage(ctx context.Context, _ openapi.SubmitMessageRequestObject) (openapi.SubmitMessageResponseObject, error) {
	x := exchangeOf(ctx)
	if x.caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator sends no messages")
	}
	m, transfer, err := readMessage(x.body)
	if err != nil {
		return nil, err
	}
	key := x.key
	if key == "" {
		key = "msgid:" + transfer.MessageID
	}
	a, err := s.run(ctx, order{
		signer: x.caller.bic, key: key, method: http.MethodPost, path: "/v1/messages",
		draft: func(ctx context.Context) (*draft, error) { return s.draftMessage(ctx, m, transfer, x) },
		answer: func(ctx context.Context, at placed) (*answer, error) {
			return s.statusReport(ctx, m, x.caller, at)
		},
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// readMessage reads a credit transfer by the rules that its header's service names: CBPR+ has its own,
// everything else is read as a market of ours.
func readMessage(data []byte) (*iso20022.Message, *iso20022.CreditTransfer, error) {
	m, findings := iso20022.Parse(data, iso20022.Market)
	if m != nil && m.Header != nil && strings.HasPrefix(m.Header.BizSvc, "swift.cbprplus.") {
		m, findings = iso20022.Parse(data, iso20022.CBPRSR2026)
	}
	if iso20022.Unreadable(findings) || m == nil {
		return nil, nil, messageProblem(openapi.ErrorCodeMalformedXml, findings)
	}
	if len(findings) > 0 {
		return nil, nil, messageProblem(openapi.ErrorCodeInvalidMessage, findings)
	}
	if m.ID() != "pacs.008.001.08" {
		return nil, nil, messageProblem(openapi.ErrorCodeInvalidMessage, []iso20022.Finding{{
			Rule: "unsupported_message", Path: "/Document", Line: 1, Reason: "FF01", Message: m.ID() + " is not settled here; pacs.008.001.08 is",
		}})
	}
	transfer, findings := m.CreditTransfer()
	if len(findings) > 0 {
		return nil, nil, messageProblem(openapi.ErrorCodeInvalidMessage, findings)
	}
	return m, transfer, nil
}

func messageProblem(code openapi.ErrorCode, findings []iso20022.Finding) error {
	p := &problem{code: code}
	for _, f := range findings {
		p.faults = append(p.faults, openapi.Fault{
			Pointer: f.Path, Rule: code, DetailRule: f.Rule, IsoReason: f.Reason,
			Message: fmt.Sprintf("line %d: %s", f.Line, f.Message),
		})
	}
	return p
}

// draftMessage makes one payment of each transaction. The message's id is remembered by the ledger, so
// that the same message is settled once, under whatever key it comes.
func (g *Gateway) draftMessage(ctx context.Context, m *iso20022.Message, transfer *iso20022.CreditTransfer, x *exchange) (*draft, error) {
	digest := sha256.Sum256([]byte(transfer.MessageID))
	f := &x.faults
	if m.Header != nil {
		if from, err := ledger.ParseBIC(m.Header.From); err != nil || from != x.caller.bic {
			f.add("/AppHdr/Fr", openapi.ErrorCodeNotYourMessage, "the sender is not the caller", "RC03")
		}
	}
	if len(transfer.Transactions) > ledger.MaxInstructions {
		f.add("/Document", openapi.ErrorCodeInvalidMessage, fmt.Sprintf("more than %d transactions", ledger.MaxInstructions), "FF01")
		return nil, f.problem()
	}
	var orders []*paymentOrder
	for i := range transfer.Transactions {
		o, err := g.readTransaction(ctx, &transfer.Transactions[i], x)
		if err != nil {
			return nil, err
		}
		copy(o.pay.MessageID[:], digest[:])
		orders = append(orders, o)
	}
	if err := f.problem(); err != nil {
		return nil, err
	}
	for _, o := range orders {
		if err := g.setBound(ctx, o); err != nil {
			return nil, err
		}
	}
	d, err := draftPayments(orders)
	if err != nil {
		return nil, err
	}
	kept := sqlstore.Message{
		ID: newID(), Participant: x.caller.bic, Direction: "in", Type: m.ID(), MessageID: transfer.MessageID,
		Created: g.now(), Body: x.body,
	}
	for _, p := range d.payments {
		kept.Payments = append(kept.Payments, p.ID)
		kept.Counterparty = p.To
	}
	d.messages = []sqlstore.Message{kept}
	return d, nil
}

// readTransaction reads one credit transfer: the interbank amount moves from the instructing agent,
// who is the caller, to the instructed agent, or where none is named to the creditor's agent.
func (g *Gateway) readTransaction(ctx context.Context, t *iso20022.Transaction, x *exchange) (*paymentOrder, error) {
	f := &x.faults
	o := &paymentOrder{from: x.caller.bic, kind: sqlstore.KindPacs008, e2e: t.EndToEndID, created: g.now()}
	o.pay = ledger.Pay{ID: newID(), Mode: ledger.ExactDeliver, UETRKind: ledger.UETRPayment}
	if t.Instructing.BIC != "" {
		if by, err := ledger.ParseBIC(t.Instructing.BIC); err != nil || by != x.caller.bic {
			f.add(t.Path+"/InstgAgt", openapi.ErrorCodeNotYourMessage, "the instructing agent is not the caller", "RC03")
		}
	}
	to, at := t.Instructed.BIC, t.Path+"/InstdAgt"
	if to == "" {
		to, at = t.CreditorAgent.BIC, t.Path+"/CdtrAgt"
	}
	var receiver faults
	if _, err := ledger.ParseBIC(to); err != nil {
		receiver.add(at, openapi.ErrorCodeMessageRecipientUnknown, "the agent is not named by a BIC", "RC04")
	} else if err := g.readReceiver(ctx, to, at, &o.pay, &receiver); err != nil {
		return nil, err
	}
	for _, fault := range receiver.list {
		f.add(fault.Pointer, openapi.ErrorCodeMessageRecipientUnknown, fault.Message, fault.IsoReason)
	}
	o.pay.Amount, o.pay.Deliver.Currency = t.SettlementAmount.Units(), t.SettlementAmount.Currency()
	switch {
	case o.pay.Amount <= 0:
		f.add(t.Path+"/IntrBkSttlmAmt", openapi.ErrorCodeInvalidAmount, "zero is no amount to move", "AM01")
	case o.pay.Amount > ledger.MaxUnits:
		f.add(t.Path+"/IntrBkSttlmAmt", openapi.ErrorCodeAmountOutOfRange, "the amount is too large", "AM12")
	}
	if t.UETR == "" {
		o.pay.UETR = uuid.New()
	} else {
		var err error
		if o.pay.UETR, err = parseUETR(t.UETR); err != nil {
			f.add(t.Path+"/PmtId/UETR", openapi.ErrorCodeInvalidUetr, err.Error(), "CH16")
		}
	}
	o.details = &openapi.Details{
		Debtor:     partyOf(t.Debtor, t.DebtorAccount),
		Creditor:   partyOf(t.Creditor, t.CreditorAccount),
		Remittance: strings.Join(t.Remittance, "\n"),
	}
	return o, nil
}

func partyOf(p iso20022.Party, a iso20022.Account) *openapi.Party {
	if p.Name == "" && a.IBAN == "" && a.Other == "" {
		return nil
	}
	return &openapi.Party{Name: p.Name, Account: a.IBAN + a.Other}
}

// statusReport makes the pacs.002 that answers a message.
func (g *Gateway) statusReport(ctx context.Context, m *iso20022.Message, by caller, at placed) (*answer, error) {
	now := g.cfg.Now().UTC()
	report := m.Answer(strings.ReplaceAll(uuid.UUID(newID()).String(), "-", ""), now)
	if len(report.Transactions) != len(at.instructions) {
		return nil, errors.New("a message whose kept payments are not its own")
	}
	for i := range report.Transactions {
		p, err := g.cfg.Store.Payment(ctx, by.bic, at.instructions[i].(*ledger.Pay).ID)
		if err != nil {
			return nil, err
		}
		t := &report.Transactions[i]
		t.Status = iso20022.Accepted
		if !at.final {
			continue
		}
		switch p.Status {
		case sqlstore.StatusSettled:
			t.Status, t.Accepted = iso20022.Settled, time.UnixMilli(p.Settled).UTC()
		case sqlstore.StatusRejected:
			t.Status, t.Reason, t.Info = iso20022.Rejected, p.ISOReason, p.Code
		}
	}
	body, err := iso20022.EmitStatusReport(report)
	if err != nil {
		return nil, fmt.Errorf("status report: %w", err)
	}
	status := http.StatusAccepted
	if at.final && !slices.ContainsFunc(report.Transactions, func(t iso20022.TxStatus) bool { return t.Status == iso20022.Accepted }) {
		status = http.StatusCreated
	}
	return &answer{status: status, media: "application/xml", body: body}, nil
}
