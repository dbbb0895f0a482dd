package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"viaduct/gateway/iso20022"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// sent finds a payment that the caller ordered; of a transfer and its cover, which share a UETR, the
// transfer.
func (g *Gateway) sent(ctx context.Context, by ledger.BIC, r *iso20022.Original) (sqlstore.Payment, error) {
	p, err := g.original(ctx, by, r, func(p *sqlstore.Payment) bool {
		return p.From == by && p.UETRKind == ledger.UETRPayment
	})
	if errors.Is(err, errNoOriginal) {
		return g.original(ctx, by, r, func(p *sqlstore.Payment) bool { return p.From == by && p.UETRKind != ledger.UETRPayment })
	}
	return p, err
}

// recall takes a camt.056. What waits is cancelled; what settled is irrevocable, so that the request goes
// to the bank that was paid, which may give it back. The answer is a camt.029.
func (g *Gateway) recall(ctx context.Context, in *inbound) (*answer, error) {
	list, _ := in.m.Originals()
	o := in.orderOf()
	o.draft = func(ctx context.Context) (*draft, error) {
		if err := in.faults.problem(); err != nil {
			return nil, err
		}
		if len(list) == 0 {
			in.faults.add("/Document", openapi.ErrorCodeInvalidMessage, "it recalls no transaction; a whole message is recalled one by one", "CH21")
			return nil, in.faults.problem()
		}
		var about []sqlstore.Payment
		for i := range list {
			p, err := g.sent(ctx, in.caller.bic, &list[i])
			switch {
			case err == nil:
				about = append(about, p)
			case !errors.Is(err, errNoOriginal):
				return nil, err
			}
		}
		return &draft{messages: []sqlstore.Message{g.keptWith(in, about)}}, nil
	}
	o.answer = func(ctx context.Context, _ placed) (*answer, error) { return g.resolve(ctx, in, list) }
	return g.run(ctx, o)
}

// resolve cancels what waits and says how each recall stands.
func (g *Gateway) resolve(ctx context.Context, in *inbound, list []iso20022.Original) (*answer, error) {
	r := iso20022.Resolution{
		MessageID: messageID(), Created: g.cfg.Now().UTC(), From: in.caller.bic.String(), To: in.caller.bic.String(),
		Status: iso20022.RecallCancelled,
	}
	if h := in.m.Header; h != nil && h.To != "" && h.From != "" {
		r.From, r.To, r.BizSvc = h.To, h.From, h.BizSvc
	}
	status := http.StatusCreated
	rejected := 0
	for i := range list {
		c := iso20022.Recall{Original: list[i]}
		if err := g.resolveOne(ctx, in.caller.bic, &c); err != nil {
			return nil, err
		}
		switch c.Status {
		case iso20022.RecallPending:
			status, r.Status = http.StatusAccepted, iso20022.RecallPending
		case iso20022.RecallRejected:
			rejected++
		}
		r.Recalls = append(r.Recalls, c)
	}
	if rejected == len(list) {
		r.Status = iso20022.RecallRejected
	}
	body, err := iso20022.EmitResolution(r)
	if err != nil {
		return nil, fmt.Errorf("answer to a recall: %w", err)
	}
	return xmlAnswer(status, body), nil
}

func (g *Gateway) resolveOne(ctx context.Context, by ledger.BIC, c *iso20022.Recall) error {
	p, err := g.sent(ctx, by, &c.Original)
	if errors.Is(err, errNoOriginal) {
		c.Status, c.Reason, c.Info = iso20022.RecallRejected, "NOOR", "no such payment of the sender's"
		return nil
	}
	if err != nil {
		return err
	}
	if p.Status == sqlstore.StatusHeld {
		done, err := g.cfg.Store.CancelHeld(ctx, by, p.ID, g.now())
		if err != nil {
			return err
		}
		if done {
			p.Status = sqlstore.StatusCancelled
		} else if p, err = g.cfg.Store.Payment(ctx, by, p.ID); err != nil {
			return err
		}
	}
	switch p.Status {
	case sqlstore.StatusCancelled, sqlstore.StatusExpired:
		c.Status, c.Info = iso20022.RecallCancelled, "nothing was paid"
	case sqlstore.StatusRejected:
		c.Status, c.Reason, c.Info = iso20022.RecallRejected, "NOOR", "the payment was rejected: "+p.Code
	default:
		c.Status, c.Info = iso20022.RecallPending, "passed on to the bank that was paid"
		back, err := g.returned(ctx, by, p)
		if err != nil {
			return err
		}
		if back {
			c.Status, c.Reason, c.Info = iso20022.RecallRejected, "ARDT", "the payment was returned"
		}
	}
	return nil
}

// returned says whether a payment came back.
func (g *Gateway) returned(ctx context.Context, by ledger.BIC, p sqlstore.Payment) (bool, error) {
	found, err := g.cfg.Store.Payments(ctx, by, sqlstore.PaymentFilter{UETR: p.UETR}, sqlstore.PaymentCursor{}, 16)
	for i := range found {
		if found[i].UETRKind == ledger.UETRReturn && found[i].To == by && found[i].Status == sqlstore.StatusSettled {
			return true, err
		}
	}
	return false, err
}

// passOn keeps a message that says something to another bank, for that bank to read: the answer to a
// recall, and a notice of money to come, which is about no payment yet. A pacs.002 says that it was
// taken.
func (g *Gateway) passOn(ctx context.Context, in *inbound) (*answer, error) {
	var list []iso20022.Original
	if in.m.Type == "camt.029" {
		list, _ = in.m.Originals()
	}
	o := in.orderOf()
	o.draft = func(ctx context.Context) (*draft, error) {
		kept := g.kept(in, in.caller.bic, nil, nil)
		for i := range list {
			p, err := g.original(ctx, in.caller.bic, &list[i], func(p *sqlstore.Payment) bool {
				return p.To == in.caller.bic && p.UETRKind != ledger.UETRReturn && (p.Mode != ledger.Covered || list[i].UETR == "")
			})
			switch {
			case errors.Is(err, errNoOriginal) || err == nil && len(kept.Payments) > 0 && kept.Participant != p.From:
				in.faults.add(list[i].Path, openapi.ErrorCodeOriginalUnknown, "the caller received no such payment from that bank", "NOOR")
				continue
			case err != nil:
				return nil, err
			}
			kept.Participant, kept.Counterparty = p.From, in.caller.bic
			kept.Payments = append(kept.Payments, p.ID)
		}
		if err := in.faults.problem(); err != nil {
			return nil, err
		}
		return &draft{messages: []sqlstore.Message{kept}}, nil
	}
	o.answer = func(context.Context, placed) (*answer, error) {
		r := in.m.Answer(messageID(), g.cfg.Now().UTC())
		r.Transactions, r.Group = nil, iso20022.TxStatus{Status: iso20022.Validated}
		body, err := iso20022.EmitStatusReport(r)
		if err != nil {
			return nil, fmt.Errorf("status report: %w", err)
		}
		return xmlAnswer(http.StatusCreated, body), nil
	}
	return g.run(ctx, o)
}

// tellStatus answers a pacs.028 with how the payments stand now.
func (g *Gateway) tellStatus(ctx context.Context, in *inbound) (*answer, error) {
	if err := in.faults.problem(); err != nil {
		return nil, err
	}
	list, _ := in.m.Originals()
	r := in.m.Answer(messageID(), g.cfg.Now().UTC())
	r.Transactions = nil
	for i := range list {
		o := &list[i]
		t := iso20022.TxStatus{
			InstrID: o.InstrID, EndToEndID: o.EndToEndID, TxID: o.TxID, UETR: o.UETR, OriginalID: o.MessageID, OriginalName: o.Name,
		}
		p, err := g.sent(ctx, in.caller.bic, o)
		if errors.Is(err, errNoOriginal) {
			p, err = g.original(ctx, in.caller.bic, o, func(p *sqlstore.Payment) bool { return p.To == in.caller.bic })
		}
		switch {
		case errors.Is(err, errNoOriginal):
			t.Status, t.Info = iso20022.Rejected, "no such payment of the caller's"
		case err != nil:
			return nil, err
		default:
			putStatus(p, true, &t)
		}
		r.Transactions = append(r.Transactions, t)
	}
	if len(r.Transactions) == 0 {
		return nil, messageProblem(openapi.ErrorCodeInvalidMessage, []iso20022.Finding{{
			Rule: "missing_element", Path: "/Document/FIToFIPmtStsReq/TxInf", Line: 1, Reason: "CH21", Message: "it asks of no transaction",
		}})
	}
	body, err := iso20022.EmitStatusReport(r)
	if err != nil {
		return nil, fmt.Errorf("status report: %w", err)
	}
	return xmlAnswer(http.StatusOK, body), nil
}
