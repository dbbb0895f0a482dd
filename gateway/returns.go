package gateway

import (
	"context"
	"errors"

	"viaduct/gateway/iso20022"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// giveBack carries out a pacs.004: money that settled comes back by a new payment, which has the first
// one's UETR.
func (g *Gateway) giveBack(ctx context.Context, in *inbound) (*answer, error) {
	list, findings := in.m.Originals()
	if len(findings) > 0 {
		return nil, messageProblem(openapi.ErrorCodeInvalidMessage, findings)
	}
	o := in.orderOf()
	o.draft = func(ctx context.Context) (*draft, error) {
		var orders []*paymentOrder
		for i := range list {
			one, err := g.readReturn(ctx, in, &list[i])
			if err != nil {
				return nil, err
			}
			orders = append(orders, one)
		}
		if err := in.faults.problem(); err != nil {
			return nil, err
		}
		if len(orders) == 0 {
			in.faults.add("/Document", openapi.ErrorCodeInvalidMessage, "it returns no transaction", "CH21")
			return nil, in.faults.problem()
		}
		for _, one := range orders {
			if one.pay.Mode == ledger.Covered {
				one.pay.Send = one.pay.Deliver
			} else if err := g.setReturnBound(ctx, one); err != nil {
				return nil, err
			}
		}
		return g.draftOrders(in, orders)
	}
	o.answer = func(ctx context.Context, at placed) (*answer, error) { return g.statusReport(ctx, in, at) }
	return g.run(ctx, o)
}

// readReturn reads one return: of a payment that the caller received, to its sender, of no more than
// arrived.
func (g *Gateway) readReturn(ctx context.Context, in *inbound, r *iso20022.Original) (*paymentOrder, error) {
	f := &in.faults
	o := &paymentOrder{from: in.caller.bic, kind: sqlstore.KindPacs004, e2e: r.EndToEndID, created: g.now()}
	o.pay = ledger.Pay{ID: newID(), Mode: ledger.ExactDeliver, UETRKind: ledger.UETRReturn, MessageID: in.digest()}
	if in.m.Method() == "COVE" {
		o.pay.Mode = ledger.Covered
	}
	if r.Instructing.BIC != "" && !isBank(r.Instructing.BIC, in.caller.bic) {
		f.add(r.Path+"/InstgAgt", openapi.ErrorCodeNotYourMessage, "the instructing agent is not the caller", "RC03")
	}
	found, err := g.original(ctx, in.caller.bic, r, func(p *sqlstore.Payment) bool {
		return p.To == in.caller.bic && p.UETRKind != ledger.UETRReturn && p.Mode != ledger.Covered && p.Status == sqlstore.StatusSettled
	})
	if errors.Is(err, errNoOriginal) {
		f.add(r.Path+"/OrgnlUETR", openapi.ErrorCodeOriginalUnknown, "the caller received no such payment", "NOOR")
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	o.pay.To, o.pay.UETR, o.givesBack = found.From, found.UETR, &found
	o.pay.Amount, o.pay.Deliver.Currency = r.Amount.Units(), r.Amount.Currency()
	if r.Instructed.BIC != "" && !isBank(r.Instructed.BIC, found.From) {
		f.add(r.Path+"/InstdAgt", openapi.ErrorCodeMessageRecipientUnknown, "a return goes to the bank that paid", "RC04")
	}
	at := r.Path + "/RtrdIntrBkSttlmAmt"
	checkAmount(o.pay.Amount, at, f)
	switch {
	case o.pay.Deliver.Currency != found.Deliver.Currency:
		f.add(at, openapi.ErrorCodeInvalidCurrency, "a return is in the currency that arrived", "CURR")
	case o.pay.Amount > found.Delivered:
		f.add(at, openapi.ErrorCodeAmountOutOfRange, "a return is of no more than arrived", "AM09")
	}
	return o, nil
}

// setReturnBound bounds what a return costs: by the caller's funding, or where it named none by the
// amount itself, in the same currency.
func (g *Gateway) setReturnBound(ctx context.Context, o *paymentOrder) error {
	err := g.setBound(ctx, o)
	var p *problem
	if errors.As(err, &p) && p.code == openapi.ErrorCodeNoPriceBound {
		o.bound = priceBound{}
		o.pay.Send, o.pay.Bound = ledger.AssetName{Currency: o.pay.Deliver.Currency}, o.pay.Amount
		return nil
	}
	return err
}

// tellReturns says which payment a return gives back, and which return gave a payment back.
func (g *Gateway) tellReturns(ctx context.Context, v *openapi.Payment, p *sqlstore.Payment) error {
	if p.Status != sqlstore.StatusSettled {
		return nil
	}
	id, err := g.cfg.Store.Returned(ctx, p)
	switch {
	case err != nil || id == (ledger.ID{}):
		return err
	case p.UETRKind == ledger.UETRReturn:
		v.ReturnOf = idText(id)
	default:
		v.ReturnedBy = idText(id)
	}
	return nil
}

var errNoOriginal = errors.New("no such payment")

// original finds the payment that a message speaks of, among those the caller may see and fits: by its
// UETR, or by the message that carried it and its references there.
func (g *Gateway) original(ctx context.Context, viewer ledger.BIC, r *iso20022.Original, fits func(*sqlstore.Payment) bool) (sqlstore.Payment, error) {
	var found []sqlstore.Payment
	var err error
	switch {
	case r.UETR != "":
		uetr, bad := parseUETR(r.UETR)
		if bad != nil {
			return sqlstore.Payment{}, errNoOriginal
		}
		found, err = g.cfg.Store.Payments(ctx, viewer, sqlstore.PaymentFilter{UETR: uetr}, sqlstore.PaymentCursor{}, 16)
	case r.MessageID != "":
		found, err = g.cfg.Store.PaymentsOfMessage(ctx, viewer, r.MessageID)
	case r.EndToEndID != "":
		found, err = g.cfg.Store.Payments(ctx, viewer, sqlstore.PaymentFilter{EndToEndID: r.EndToEndID}, sqlstore.PaymentCursor{}, 16)
	}
	if err != nil {
		return sqlstore.Payment{}, err
	}
	var one *sqlstore.Payment
	for i := range found {
		p := &found[i]
		if !fits(p) || r.EndToEndID != "" && p.EndToEndID != "" && r.EndToEndID != p.EndToEndID {
			continue
		}
		if one != nil {
			return sqlstore.Payment{}, errNoOriginal // it could be either, and money is no matter for guessing
		}
		one = p
	}
	if one == nil {
		return sqlstore.Payment{}, errNoOriginal
	}
	return *one, nil
}
