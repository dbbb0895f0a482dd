package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"viaduct/gateway/iso20022"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// tellStatus answers a pacs.028 with how the payments stand now. The same request again gets the same
// answer; who wants to know anew asks anew.
func (g *Gateway) tellStatus(ctx context.Context, in *inbound) (*answer, error) {
	list, _ := in.m.Originals()
	o := in.asking()
	o.draft = func(ctx context.Context) (*draft, error) {
		if len(list) == 0 {
			in.faults.add("/Document/FIToFIPmtStsReq/TxInf", openapi.ErrorCodeInvalidMessage, "it asks of no transaction", "CH21")
		}
		if err := in.faults.problem(); err != nil {
			return nil, err
		}
		kept := g.kept(in)
		for i := range list {
			p, err := g.anyOf(ctx, in, &list[i])
			switch {
			case err == nil:
				kept.Payments = append(kept.Payments, aboutPayment(p))
			case !errors.Is(err, errNoOriginal):
				return nil, err
			}
		}
		return &draft{messages: []sqlstore.Message{kept}}, nil
	}
	o.answer = func(ctx context.Context, _ placed) (*answer, error) { return g.statuses(ctx, in, list) }
	return g.run(ctx, o)
}

// anyOf finds a payment that the caller sent, or else one that it received.
func (g *Gateway) anyOf(ctx context.Context, in *inbound, o *iso20022.Original) (sqlstore.Payment, error) {
	p, err := g.sent(ctx, in.caller.bic, o)
	if errors.Is(err, errNoOriginal) {
		p, err = g.original(ctx, in.caller.bic, o, func(p *sqlstore.Payment) bool { return p.To == in.caller.bic })
	}
	return p, err
}

func (g *Gateway) statuses(ctx context.Context, in *inbound, list []iso20022.Original) (*answer, error) {
	r := in.m.Answer(messageID(), g.cfg.Now().UTC())
	r.Transactions = nil
	var about []sqlstore.MessagePayment
	for i := range list {
		o := &list[i]
		t := iso20022.TxStatus{
			InstrID: o.InstrID, EndToEndID: o.EndToEndID, TxID: o.TxID, UETR: o.UETR, OriginalID: o.MessageID, OriginalName: o.Name,
		}
		p, err := g.anyOf(ctx, in, o)
		switch {
		case errors.Is(err, errNoOriginal):
			t.Status, t.Info = iso20022.Rejected, "no such payment of the caller's"
		case err != nil:
			return nil, err
		default:
			about = append(about, aboutPayment(p))
			putStatus(p, true, &t)
		}
		r.Transactions = append(r.Transactions, t)
	}
	body, err := iso20022.EmitStatusReport(r)
	if err != nil {
		return nil, fmt.Errorf("status report: %w", err)
	}
	return g.said(in, http.StatusOK, "pacs.002.001.10", r.MessageID, body, about), nil
}
