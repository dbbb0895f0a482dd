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
	o.answer = func(ctx context.Context, at placed) (*answer, error) { return g.statusReport(ctx, in, at) }
	return g.run(ctx, o)
}

// modeOf says what a transfer asks of the ledger. One that settles by cover is only announced: a pacs.008
// for the customer's money that a pacs.009 brings, or a pacs.009 that advises of another one.
func modeOf(m *iso20022.Message, transfer *iso20022.CreditTransfer) (mode ledger.Mode, kind string, use ledger.UETRKind) {
	mode, kind, use = ledger.ExactDeliver, sqlstore.KindPacs008, ledger.UETRPayment
	if m.Type == "pacs.009" {
		kind = sqlstore.KindPacs009
	}
	switch {
	case m.IsAdvice():
		mode, use = ledger.Covered, ledger.UETRAdvice
	case transfer.Method == "COVE":
		mode = ledger.Covered
	}
	return mode, kind, use
}

// draftTransfer makes one payment of each transaction.
func (g *Gateway) draftTransfer(ctx context.Context, in *inbound, transfer *iso20022.CreditTransfer) (*draft, error) {
	f := &in.faults
	if len(transfer.Transactions) > ledger.MaxInstructions {
		f.add("/Document", openapi.ErrorCodeInvalidMessage, fmt.Sprintf("more than %d transactions", ledger.MaxInstructions), "FF01")
		return nil, f.problem()
	}
	mode, kind, use := modeOf(in.m, transfer)
	var orders []*paymentOrder
	for i := range transfer.Transactions {
		o, err := g.readTransaction(ctx, &transfer.Transactions[i], in.exchange)
		if err != nil {
			return nil, err
		}
		o.kind, o.pay.Mode, o.pay.UETRKind, o.pay.MessageID = kind, mode, use, in.digest()
		if transfer.Transactions[i].Cover && mode != ledger.Covered {
			o.pay.UETRKind = ledger.UETRCover
		}
		orders = append(orders, o)
	}
	if err := f.problem(); err != nil {
		return nil, err
	}
	for _, o := range orders {
		if mode == ledger.Covered {
			o.pay.Send = o.pay.Deliver
		} else if err := g.setBound(ctx, o); err != nil {
			return nil, err
		}
	}
	return g.draftOrders(in, orders)
}

// draftOrders makes the draft of a message's payments, and keeps the message with them, and with the
// payments that it gives back.
func (g *Gateway) draftOrders(in *inbound, orders []*paymentOrder) (*draft, error) {
	d, err := draftPayments(orders)
	if err != nil {
		return nil, err
	}
	kept := g.kept(in)
	if kept.Payments, err = orderedIn(in.m, d.payments); err != nil {
		return nil, err
	}
	kept.Counterparty = orders[0].pay.To
	for _, o := range orders {
		if o.pay.To != kept.Counterparty {
			kept.Counterparty = ledger.BIC{}
			break
		}
	}
	for _, o := range orders {
		if o.givesBack != nil {
			kept.Payments = append(kept.Payments, aboutPayment(*o.givesBack))
		}
	}
	d.messages = []sqlstore.Message{kept}
	return d, nil
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
