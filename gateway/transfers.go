package gateway

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"viaduct/gateway/iso20022"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// transfer carries out a pacs.008 or a pacs.009: it settles, or is held until its cover does.
func (g *Gateway) transfer(ctx context.Context, in *inbound) (*answer, error) {
	transfer, findings := in.m.CreditTransfer()
	if len(findings) > 0 {
		return nil, messageProblem(openapi.ErrorCodeInvalidMessage, findings)
	}
	o := in.orderOf()
	o.draft = func(ctx context.Context) (*draft, error) { return g.draftTransfer(ctx, in, transfer) }
	o.answer = func(ctx context.Context, at placed) (*answer, error) {
		if len(at.instructions) == 0 {
			if err := g.lookForCovers(ctx, in); err != nil {
				return nil, err
			}
		}
		return g.statusReport(ctx, in, at)
	}
	return g.run(ctx, o)
}

// lookForCovers settles the transfers of a message whose covers were there before them.
func (g *Gateway) lookForCovers(ctx context.Context, in *inbound) error {
	held, err := g.cfg.Store.PaymentsOfMessage(ctx, in.caller.bic, in.m.MessageID())
	for i := range held {
		if err == nil {
			err = g.cfg.Store.SettleCovered(ctx, held[i].ID)
		}
	}
	return err
}

// kindOf says what kind of payment a transfer is.
func kindOf(m *iso20022.Message, transfer *iso20022.CreditTransfer) string {
	covered := transfer.Method == "COVE"
	switch {
	case m.Type == "pacs.008" && covered:
		return sqlstore.KindCovered
	case m.Type == "pacs.008":
		return sqlstore.KindPacs008
	case covered:
		return sqlstore.KindAdvice
	}
	return sqlstore.KindPacs009
}

// draftTransfer makes one payment of each transaction.
func (g *Gateway) draftTransfer(ctx context.Context, in *inbound, transfer *iso20022.CreditTransfer) (*draft, error) {
	f := &in.faults
	if len(transfer.Transactions) > ledger.MaxInstructions {
		f.add("/Document", openapi.ErrorCodeInvalidMessage, fmt.Sprintf("more than %d transactions", ledger.MaxInstructions), "FF01")
		return nil, f.problem()
	}
	kind := kindOf(in.m, transfer)
	var orders []*paymentOrder
	for i := range transfer.Transactions {
		o, err := g.readTransaction(ctx, &transfer.Transactions[i], in.exchange)
		if err != nil {
			return nil, err
		}
		o.kind, o.pay.MessageID = kind, in.digest()
		if transfer.Transactions[i].Cover {
			o.pay.UETRKind = ledger.UETRCover
		}
		if err := g.checkCovered(ctx, in, o, transfer.Transactions[i].Path+"/PmtId/UETR"); err != nil {
			return nil, err
		}
		orders = append(orders, o)
	}
	if err := f.problem(); err != nil {
		return nil, err
	}
	if kind == sqlstore.KindCovered || kind == sqlstore.KindAdvice {
		return g.announce(in, orders)
	}
	for _, o := range orders {
		if err := g.setBound(ctx, o); err != nil {
			return nil, err
		}
	}
	return g.draftOrders(in, orders)
}

// draftOrders makes the draft of a message's payments, and keeps the message with it.
func (g *Gateway) draftOrders(in *inbound, orders []*paymentOrder) (*draft, error) {
	d, err := draftPayments(orders)
	if err != nil {
		return nil, err
	}
	d.messages = []sqlstore.Message{g.keptWith(in, d.payments)}
	return d, nil
}

func (g *Gateway) keptWith(in *inbound, payments []sqlstore.Payment) sqlstore.Message {
	var ids []ledger.ID
	var others []ledger.BIC
	for i := range payments {
		ids, others = append(ids, payments[i].ID), append(others, payments[i].To)
	}
	return g.kept(in, in.caller.bic, ids, others)
}

// announce makes the draft of transfers that settle by cover: nothing is ordered, and they are held.
func (g *Gateway) announce(in *inbound, orders []*paymentOrder) (*draft, error) {
	for _, o := range orders {
		o.pay.Send = ledger.AssetName{Currency: o.pay.Deliver.Currency}
	}
	d, err := draftPayments(orders)
	if err != nil {
		return nil, err
	}
	d.instructions = nil
	for i := range d.payments {
		d.payments[i].Status = sqlstore.StatusHeld
	}
	d.messages = []sqlstore.Message{g.keptWith(in, d.payments)}
	return d, nil
}

// checkCovered keeps one transfer from moving money twice: what was announced to settle by cover is not
// ordered itself, nor announced when it was ordered. Between orders the ledger sees to it.
func (g *Gateway) checkCovered(ctx context.Context, in *inbound, o *paymentOrder, at string) error {
	announces := o.kind == sqlstore.KindCovered || o.kind == sqlstore.KindAdvice
	if o.pay.UETRKind != ledger.UETRPayment || in.faults.at(at) {
		return nil
	}
	twice, err := g.announced(ctx, o, announces)
	if err != nil || !twice {
		return err
	}
	in.faults.add(at, openapi.ErrorCodeDuplicateUetr, "the UETR was used before", ledger.ISOReason(ledger.DuplicateUETR))
	return nil
}

// announced says whether the sender used an order's UETR before for a transfer that settles by cover, or
// when the order is one itself, for any transfer.
func (g *Gateway) announced(ctx context.Context, o *paymentOrder, announces bool) (bool, error) {
	found, err := g.cfg.Store.Payments(ctx, o.from, sqlstore.PaymentFilter{UETR: o.pay.UETR}, sqlstore.PaymentCursor{}, 16)
	if err != nil {
		return false, err
	}
	for i := range found {
		p := &found[i]
		if p.From != o.from || p.UETRKind != ledger.UETRPayment || p.Status == sqlstore.StatusRejected || p.Status == sqlstore.StatusCancelled {
			continue
		}
		switch {
		case p.Kind == sqlstore.KindCovered,
			o.kind == sqlstore.KindCovered,
			announces && p.Kind == sqlstore.KindAdvice: // an advice is of a payment with the same UETR
			return true, nil
		}
	}
	return false, nil
}

// readTransaction reads one credit transfer: the interbank amount moves from the instructing agent,
// who is the caller, to the instructed agent, or where none is named to the creditor's agent.
func (g *Gateway) readTransaction(ctx context.Context, t *iso20022.Transaction, x *exchange) (*paymentOrder, error) {
	f := &x.faults
	o := &paymentOrder{from: x.caller.bic, e2e: t.EndToEndID, created: g.now()}
	o.pay = ledger.Pay{ID: newID(), Mode: ledger.ExactDeliver, UETRKind: ledger.UETRPayment}
	if t.Instructing.BIC != "" && !isBank(t.Instructing.BIC, x.caller.bic) {
		f.add(t.Path+"/InstgAgt", openapi.ErrorCodeNotYourMessage, "the instructing agent is not the caller", "RC03")
	}
	to, at := t.Instructed.BIC, t.Path+"/InstdAgt"
	if to == "" {
		to, at = t.CreditorAgent.BIC, t.Path+"/CdtrAgt"
	}
	if to == "" && t.Creditor.Bank {
		to, at = t.Creditor.BIC, t.Path+"/Cdtr"
	}
	if err := g.readAgent(ctx, to, at, &o.pay, f); err != nil {
		return nil, err
	}
	g.readSettlement(t, o, f)
	o.details = &openapi.Details{
		Debtor:     partyOf(t.Debtor, t.DebtorAccount),
		Creditor:   partyOf(t.Creditor, t.CreditorAccount),
		Remittance: strings.Join(t.Remittance, "\n"),
	}
	return o, nil
}

// readSettlement reads what is to arrive, and the UETR.
func (g *Gateway) readSettlement(t *iso20022.Transaction, o *paymentOrder, f *faults) {
	o.pay.Amount, o.pay.Deliver.Currency = t.SettlementAmount.Units(), t.SettlementAmount.Currency()
	checkAmount(o.pay.Amount, t.Path+"/IntrBkSttlmAmt", f)
	readUETR(t.UETR, t.Path+"/PmtId/UETR", o, f)
}

func checkAmount(units int64, at string, f *faults) {
	switch {
	case units <= 0:
		f.add(at, openapi.ErrorCodeInvalidAmount, "zero is no amount to move", "AM01")
	case units > ledger.MaxUnits:
		f.add(at, openapi.ErrorCodeAmountOutOfRange, "the amount is too large", "AM12")
	}
}

// readUETR reads a transaction's UETR; one that has none gets one.
func readUETR(text, at string, o *paymentOrder, f *faults) {
	if text == "" {
		o.pay.UETR = uuid.New()
		return
	}
	var err error
	if o.pay.UETR, err = parseUETR(text); err != nil {
		f.add(at, openapi.ErrorCodeInvalidUetr, err.Error(), "CH16")
	}
}

// readAgent reads which bank is paid; it must be admitted.
func (g *Gateway) readAgent(ctx context.Context, bic, at string, pay *ledger.Pay, f *faults) error {
	var receiver faults
	if _, err := ledger.ParseBIC(bic); err != nil {
		receiver.add(at, openapi.ErrorCodeMessageRecipientUnknown, "the agent is not named by a BIC", "RC04")
	} else if err := g.readReceiver(ctx, bic, at, pay, &receiver); err != nil {
		return err
	}
	for _, fault := range receiver.list {
		f.add(fault.Pointer, openapi.ErrorCodeMessageRecipientUnknown, fault.Message, "RC04")
	}
	return nil
}

func partyOf(p iso20022.Party, a iso20022.Account) *openapi.Party {
	if p.Name == "" && a.IBAN == "" && a.Other == "" {
		return nil
	}
	return &openapi.Party{Name: p.Name, Account: a.IBAN + a.Other}
}
