package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

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
	o := in.asking()
	o.draft = func(ctx context.Context) (*draft, error) { return g.draftRecall(ctx, in, list) }
	o.answer = func(ctx context.Context, _ placed) (*answer, error) { return g.resolve(ctx, in, list) }
	return g.run(ctx, o)
}

// draftRecall keeps a recall with the payments it is about: they went to one bank, which it is for.
func (g *Gateway) draftRecall(ctx context.Context, in *inbound, list []iso20022.Original) (*draft, error) {
	if len(list) == 0 {
		in.faults.add("/Document", openapi.ErrorCodeInvalidMessage, "it recalls no transaction; a whole message is recalled one by one", "CH21")
	}
	if err := in.faults.problem(); err != nil {
		return nil, err
	}
	kept := g.kept(in)
	for i := range list {
		p, err := g.sent(ctx, in.caller.bic, &list[i])
		switch {
		case errors.Is(err, errNoOriginal):
			continue // the answer says so
		case err != nil:
			return nil, err
		case p.Status == sqlstore.StatusReceived:
			// Whether it was ordered at all is not known yet.
			return nil, &problem{code: openapi.ErrorCodeRequestInFlight, detail: "the payment is still being ordered", retry: 1}
		case kept.Counterparty != (ledger.BIC{}) && kept.Counterparty != p.To:
			in.faults.add(list[i].Path, openapi.ErrorCodeInvalidMessage, "a recall is for one bank, and this went to another", "AGNT")
			continue
		}
		kept.Counterparty = p.To
		kept.Payments = append(kept.Payments, aboutPayment(p))
	}
	if to := in.m.Assignee(); to != "" && kept.Counterparty != (ledger.BIC{}) && !isBank(to, kept.Counterparty) {
		in.faults.add("/Document/FIToFIPmtCxlReq/Assgnmt/Assgne", openapi.ErrorCodeMessageRecipientUnknown, "a recall goes to the bank that was paid", "RC04")
	}
	return &draft{messages: []sqlstore.Message{kept}}, in.faults.problem()
}

// resolve cancels what waits, passes on what settled, and says how each recall stands.
func (g *Gateway) resolve(ctx context.Context, in *inbound, list []iso20022.Original) (*answer, error) {
	r := iso20022.Resolution{
		MessageID: messageID(), Created: g.cfg.Now().UTC(), From: in.caller.bic.String(), To: in.caller.bic.String(),
		Status: iso20022.RecallCancelled,
	}
	if h := in.m.Header; h != nil && h.To != "" && h.From != "" {
		r.From, r.To, r.BizSvc = h.To, h.From, h.BizSvc
	}
	var about []sqlstore.MessagePayment
	var pending *sqlstore.Payment // the first one that is passed on
	rejected := 0
	for i := range list {
		c := iso20022.Recall{Original: list[i]}
		p, err := g.resolveOne(ctx, in.caller.bic, &c)
		if err != nil {
			return nil, err
		}
		if p != nil {
			about = append(about, aboutPayment(*p))
		}
		switch c.Status {
		case iso20022.RecallPending:
			r.Status = iso20022.RecallPending
			if pending == nil {
				pending = p
			}
		case iso20022.RecallRejected:
			rejected++
		}
		r.Recalls = append(r.Recalls, c)
	}
	if rejected == len(list) {
		r.Status = iso20022.RecallRejected
	}
	status := http.StatusCreated
	if pending != nil {
		status = http.StatusAccepted
		if err := g.passedOn(ctx, in, sqlstore.RecallRequested, *pending); err != nil {
			return nil, err
		}
	}
	body, err := iso20022.EmitResolution(r)
	if err != nil {
		return nil, fmt.Errorf("answer to a recall: %w", err)
	}
	return g.said(in, status, "camt.029.001.09", r.MessageID, body, about), nil
}

// passedOn tells the other bank of the message that was kept.
func (g *Gateway) passedOn(ctx context.Context, in *inbound, kind string, p sqlstore.Payment) error {
	m, err := g.cfg.Store.MessageSent(ctx, in.caller.bic, in.m.ID(), in.m.MessageID())
	if err != nil {
		return err
	}
	if err := g.cfg.Store.PassOn(ctx, m, kind, p, g.now()); err != nil {
		return err
	}
	g.wakeDispatcher()
	return nil
}

// resolveOne says how one recall stands, and returns its payment; nil when there is none.
func (g *Gateway) resolveOne(ctx context.Context, by ledger.BIC, c *iso20022.Recall) (*sqlstore.Payment, error) {
	p, err := g.sent(ctx, by, &c.Original)
	if errors.Is(err, errNoOriginal) {
		c.Status, c.Reason, c.Info = iso20022.RecallRejected, "NOOR", "no such payment of the sender's"
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if p.Status == sqlstore.StatusAccepted {
		if err := g.cfg.Engine.WaitFinal(ctx, p.Height); err != nil {
			return nil, engineProblem(err)
		}
		if p, err = g.cfg.Store.Payment(ctx, by, p.ID); err != nil {
			return nil, err
		}
	}
	if p.Status == sqlstore.StatusHeld {
		if _, err := g.cfg.Store.CancelHeld(ctx, by, p.ID, g.now()); err != nil {
			return nil, err
		}
		// Its cover may have been faster, so what it is now is read again.
		if p, err = g.cfg.Store.Payment(ctx, by, p.ID); err != nil {
			return nil, err
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
			return nil, err
		}
		if back {
			c.Status, c.Reason, c.Info = iso20022.RecallRejected, "ARDT", "the payment was returned"
		}
	}
	return &p, nil
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

// answerRecall takes a camt.029: the answer of the bank that was paid to a recall that was passed on to
// it. It goes to the bank that asked. A pacs.002 says that it was taken.
func (g *Gateway) answerRecall(ctx context.Context, in *inbound) (*answer, error) {
	list, _ := in.m.Originals()
	o := in.asking()
	var first sqlstore.Payment
	find := func(ctx context.Context) (*sqlstore.Message, error) {
		kept := g.kept(in)
		if len(list) == 0 {
			in.faults.add("/Document", openapi.ErrorCodeInvalidMessage, "it answers for no transaction", "CH21")
		}
		for i := range list {
			p, err := g.recalled(ctx, in.caller.bic, &list[i])
			switch {
			case errors.Is(err, errNoOriginal) || err == nil && len(kept.Payments) > 0 && kept.Counterparty != p.From:
				in.faults.add(list[i].Path, openapi.ErrorCodeOriginalUnknown, "no such payment to the caller was recalled by that bank", "NOOR")
				continue
			case err != nil:
				return nil, err
			}
			if len(kept.Payments) == 0 {
				first, kept.Counterparty = p, p.From
			}
			kept.Payments = append(kept.Payments, aboutPayment(p))
		}
		if to := in.m.Assignee(); to != "" && len(kept.Payments) > 0 && !isBank(to, kept.Counterparty) {
			in.faults.add("/Document/RsltnOfInvstgtn/Assgnmt/Assgne", openapi.ErrorCodeMessageRecipientUnknown, "the answer goes to the bank that asked", "RC04")
		}
		return &kept, in.faults.problem()
	}
	o.draft = func(ctx context.Context) (*draft, error) {
		kept, err := find(ctx)
		if err != nil {
			return nil, err
		}
		return &draft{messages: []sqlstore.Message{*kept}}, nil
	}
	o.answer = func(ctx context.Context, _ placed) (*answer, error) {
		kept, err := find(ctx)
		if err != nil {
			return nil, err
		}
		if err := g.passedOn(ctx, in, sqlstore.RecallAnswered, first); err != nil {
			return nil, err
		}
		return g.taken(in, kept.Payments)
	}
	return g.run(ctx, o)
}

// recalled finds a payment to the caller that its sender asked for.
func (g *Gateway) recalled(ctx context.Context, by ledger.BIC, r *iso20022.Original) (sqlstore.Payment, error) {
	var failed error
	p, err := g.original(ctx, by, r, func(p *sqlstore.Payment) bool {
		if p.To != by {
			return false
		}
		messages, err := g.cfg.Store.Messages(ctx, by, p.ID)
		failed = errors.Join(failed, err)
		for i := range messages {
			if m := &messages[i]; m.Author == p.From && strings.HasPrefix(m.Type, "camt.056.") {
				return true
			}
		}
		return false
	})
	if failed != nil {
		return sqlstore.Payment{}, failed
	}
	return p, err
}

// notice takes a camt.057, which says that money is to come: it is about no payment yet, and is kept for
// its receiver to read.
func (g *Gateway) notice(ctx context.Context, in *inbound) (*answer, error) {
	o := in.asking()
	o.draft = func(ctx context.Context) (*draft, error) {
		kept := g.kept(in)
		if h := in.m.Header; h != nil && h.To != "" && !isBank(h.To, in.caller.bic) {
			var pay ledger.Pay
			if err := g.readAgent(ctx, h.To, "/AppHdr/To", &pay, &in.faults); err != nil {
				return nil, err
			}
			kept.Counterparty, kept.Passed = pay.To, true
		}
		return &draft{messages: []sqlstore.Message{kept}}, in.faults.problem()
	}
	o.answer = func(context.Context, placed) (*answer, error) { return g.taken(in, nil) }
	return g.run(ctx, o)
}

// taken makes the pacs.002 which says that a message that orders nothing was taken.
func (g *Gateway) taken(in *inbound, about []sqlstore.MessagePayment) (*answer, error) {
	r := in.m.Answer(messageID(), g.cfg.Now().UTC())
	r.Transactions, r.Group = nil, iso20022.TxStatus{Status: iso20022.Validated}
	body, err := iso20022.EmitStatusReport(r)
	if err != nil {
		return nil, fmt.Errorf("status report: %w", err)
	}
	return g.said(in, http.StatusCreated, "pacs.002.001.10", r.MessageID, body, about), nil
}
