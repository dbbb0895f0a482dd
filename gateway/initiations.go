package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"viaduct/gateway/iso20022"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// initiate carries out a pain.001: its customers' orders become the caller's payments.
func (g *Gateway) initiate(ctx context.Context, in *inbound) (*answer, error) {
	initiation, findings := in.m.Initiation()
	if len(findings) > 0 {
		return nil, messageProblem(openapi.ErrorCodeInvalidMessage, findings)
	}
	o := in.orderOf()
	o.draft = func(ctx context.Context) (*draft, error) {
		var orders []*paymentOrder
		for i := range initiation.Lots {
			lot := &initiation.Lots[i]
			g.checkLot(in, lot)
			for j := range lot.Orders {
				one, err := g.readOrder(ctx, in, lot, &lot.Orders[j])
				if err != nil {
					return nil, err
				}
				orders = append(orders, one)
			}
		}
		if len(orders) > ledger.MaxInstructions {
			in.faults.add("/Document", openapi.ErrorCodeInvalidMessage, fmt.Sprintf("more than %d transactions", ledger.MaxInstructions), "FF01")
		}
		if err := in.faults.problem(); err != nil {
			return nil, err
		}
		for _, one := range orders {
			if err := g.setBound(ctx, one); err != nil {
				return nil, err
			}
		}
		return g.draftOrders(in, orders)
	}
	o.answer = func(ctx context.Context, at placed) (*answer, error) { return g.initiationReport(ctx, in, at) }
	return g.run(ctx, o)
}

// checkLot checks what a lot says of all its orders: the caller is the debtor's bank, and they are
// transfers for a day that has begun: it is tomorrow's of UTC already where the bank may be.
func (g *Gateway) checkLot(in *inbound, lot *iso20022.Lot) {
	f := &in.faults
	if lot.DebtorAgent.BIC != "" && !isBank(lot.DebtorAgent.BIC, in.caller.bic) {
		f.add(lot.Path+"/DbtrAgt", openapi.ErrorCodeNotYourMessage, "the debtor's agent is not the caller", "RC03")
	}
	if lot.Method == "CHK" {
		f.add(lot.Path+"/PmtMtd", openapi.ErrorCodeInvalidValue, "cheques are not drawn here", "CH16")
	}
	if lot.Date > g.cfg.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly) {
		f.add(lot.Path+"/ReqdExctnDt", openapi.ErrorCodeInvalidValue, "orders for a later day are kept by the bank until then", "DT01")
	}
}

func (g *Gateway) readOrder(ctx context.Context, in *inbound, lot *iso20022.Lot, t *iso20022.Order) (*paymentOrder, error) {
	f := &in.faults
	o := &paymentOrder{from: in.caller.bic, kind: sqlstore.KindPain001, e2e: t.EndToEndID, created: g.now()}
	o.pay = ledger.Pay{ID: newID(), Mode: ledger.ExactDeliver, UETRKind: ledger.UETRPayment, MessageID: in.digest()}
	if err := g.readAgent(ctx, t.CreditorAgent.BIC, t.Path+"/CdtrAgt", &o.pay, f); err != nil {
		return nil, err
	}
	o.pay.Amount, o.pay.Deliver.Currency = t.Amount.Units(), t.Amount.Currency()
	if t.Amount.Currency() == 0 {
		f.add(t.Path+"/Amt/EqvtAmt", openapi.ErrorCodeInvalidAmount, "the amount that is to arrive is needed; an equivalent is not converted", "CH17")
	} else {
		checkAmount(o.pay.Amount, t.Path+"/Amt/InstdAmt", f)
	}
	readUETR(t.UETR, t.Path+"/PmtId/UETR", o, f)
	o.details = &openapi.Details{
		Debtor:     partyOf(lot.Debtor, lot.Account),
		Creditor:   partyOf(t.Creditor, t.Account),
		Remittance: strings.Join(t.Remittance, "\n"),
	}
	return o, nil
}

// initiationReport makes the pain.002 that answers an initiation.
func (g *Gateway) initiationReport(ctx context.Context, in *inbound, at placed) (*answer, error) {
	list, err := g.orderedBy(ctx, in, at)
	if err != nil {
		return nil, err
	}
	report := in.m.AnswerInitiation(messageID(), g.cfg.Now().UTC())
	var all []iso20022.TxStatus
	for i := range report.Lots {
		for j := range report.Lots[i].Orders {
			if len(all) == len(list) {
				return nil, errors.New("a message whose kept payments are not its own")
			}
			t := &report.Lots[i].Orders[j]
			putStatus(list[len(all)], at.final, t)
			all = append(all, *t)
		}
	}
	body, err := iso20022.EmitInitiationReport(report)
	if err != nil {
		return nil, fmt.Errorf("initiation report: %w", err)
	}
	return g.said(in, statusCode(all), "pain.002.001.10", report.MessageID, body, aboutPayments(list)), nil
}
