package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"viaduct/fx"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement"
	"viaduct/settlement/sqlstore"
)

// firmQuote has the ledger hold what a payment will take. Which currency it is paid in, where the request
// does not say, is that of the best option there is.
func (s server) firmQuote(ctx context.Context, in *openapi.QuoteRequest) (openapi.QuoteResponseObject, error) {
	x := exchangeOf(ctx)
	switch {
	case x.caller.operator:
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator makes no payments")
	case !x.caller.may(string(openapi.ScopePaymentsWrite)):
		return nil, refuse(openapi.ErrorCodeInsufficientScope, "a firm quote holds money: the key's scopes do not include payments:write")
	case x.key == "":
		x.faults.add("header:Idempotency-Key", openapi.ErrorCodeMissingIdempotencyKey, "a firm quote needs a key of its own, the same when it is repeated", "")
	}
	var options []openapi.QuoteOption // none, when another gateway began the request
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodPost, path: "/v1/quotes", settle: true,
		draft: func(ctx context.Context) (*draft, error) {
			hold, view, err := s.draftHold(ctx, in, x)
			options = view.Options
			return &draft{instructions: []ledger.Instruction{hold}}, err
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			view, err := s.placedQuote(ctx, at, x.caller.bic)
			if err != nil {
				return nil, err
			}
			if len(options) > 0 {
				view.Options = options
			}
			return jsonAnswer(http.StatusCreated, view)
		},
	})
}

// draftHold makes the instruction, beside the ways to pay that there are.
func (g *Gateway) draftHold(ctx context.Context, in *openapi.QuoteRequest, x *exchange) (*ledger.PlaceHold, openapi.Quote, error) {
	f := &x.faults
	ttl := int64(in.Ttl) * 1_000
	if ttl == 0 {
		ttl = ledger.UsualHold
	}
	if !f.at("/ttl") {
		p, err := g.cfg.Store.Participant(ctx, x.caller.bic)
		if err != nil {
			return nil, openapi.Quote{}, err
		}
		if in.Ttl == 0 {
			ttl = min(ttl, p.LongestQuote)
		}
		if ttl > p.LongestQuote {
			f.add("/ttl", openapi.ErrorCodeBadTtl, fmt.Sprintf("at most %d seconds for this participant", p.LongestQuote/1_000), "")
		}
	}
	if in.MaxPaths != 0 {
		f.add("/max_paths", openapi.ErrorCodeConflictingFields, "a firm quote is what the ledger finds", "")
	}
	if in.MaxHops != 0 {
		f.add("/max_hops", openapi.ErrorCodeConflictingFields, "a firm quote is what the ledger finds", "")
	}
	if in.WhatIf != nil {
		f.add("/what_if", openapi.ErrorCodeConflictingFields, "a firm quote is of the market as it is", "")
	}
	most, source := readMoney(in.SendMax, "/send_max", f)
	if in.SendMax != nil && in.Deliver == nil {
		f.add("/send_max", openapi.ErrorCodeConflictingFields, "it bounds what deliver may cost", "")
	}
	q, err := g.readQuote(ctx, in, x)
	if err != nil {
		return nil, openapi.Quote{}, err
	}
	if source.Currency != 0 {
		if q.Send.Currency != 0 && q.Send != source {
			f.add("/send_max", openapi.ErrorCodeConflictingFields, "not of source", "")
			return nil, openapi.Quote{}, f.problem()
		}
		q.Send = source
	}
	view, err := g.price(ctx, &q)
	if err != nil {
		return nil, view, err
	}
	hold := &ledger.PlaceHold{
		ID: newID(), To: q.To, Mode: ledger.ExactDeliver, Send: q.Send, Deliver: q.Deliver, Amount: q.Amount, Bound: most, TTL: ttl,
	}
	if hold.Bound == 0 {
		hold.Bound = ledger.MaxUnits
	}
	if q.ExactSend {
		hold.Mode, hold.Bound = ledger.ExactSend, 0
	}
	switch {
	case hold.Send.Currency != 0:
	case len(view.Options) > 0:
		hold.Send, err = parseAsset(view.Options[0].Currency)
	default: // it has nothing to pay with, and the ledger will say so
		hold.Send = ledger.AssetName{Currency: q.Deliver.Currency}
	}
	return hold, view, err
}

// placedQuote tells of the quote that a submission asked for, held or refused.
func (g *Gateway) placedQuote(ctx context.Context, at placed, owner ledger.BIC) (openapi.Quote, error) {
	asked := at.instructions[0].(*ledger.PlaceHold)
	kept, err := g.cfg.Store.Hold(ctx, owner, asked.ID)
	if err == nil {
		return g.heldView(ctx, kept)
	}
	if !errors.Is(err, sqlstore.ErrNotFound) {
		return openapi.Quote{}, err
	}
	leaf, err := g.outcome(ctx, at, 0)
	if err != nil {
		return openapi.Quote{}, err
	}
	if ledger.ISOReason(leaf.Outcome) == "" { // not for want of a way to pay
		return openapi.Quote{}, refused(leaf.Outcome)
	}
	return openapi.Quote{
		Status: openapi.QuoteStatusRefused, Code: openapi.ErrorCode(leaf.Outcome.String()), Message: leaf.Outcome.Words(),
		IsoReason: ledger.ISOReason(leaf.Outcome), To: asked.To.String(), Height: int64(at.height), Options: []openapi.QuoteOption{},
	}, nil
}

// heldView tells a firm quote as it is by now, beside the mid-market rate of now.
func (g *Gateway) heldView(ctx context.Context, h sqlstore.Hold) (openapi.Quote, error) {
	moves, err := g.cfg.Store.Moves(ctx, h.Height, h.Index)
	if err != nil {
		return openapi.Quote{}, err
	}
	table, _ := g.mids() // without rates a quote is shown without them
	held := quoteView(&settlement.QuoteRequest{Deliver: h.Deliver}, &settlement.QuoteOption{
		Send: h.Send, Outcome: ledger.Applied, Source: h.Source, Delivered: h.Delivered, Paths: fx.PathsOf(h.Owner, moves),
	}, table)
	return openapi.Quote{
		Id: idText(h.ID), Status: openapi.QuoteStatus(h.Status), To: h.To.String(), ExpiresAt: timeText(h.Expires), Held: &held.view,
		Height: int64(h.Height), Options: []openapi.QuoteOption{},
	}, nil
}

// hold finds a firm quote of the caller by the text of its id.
func (g *Gateway) hold(ctx context.Context, text string) (sqlstore.Hold, error) {
	id, err := parseID(text)
	if err != nil {
		return sqlstore.Hold{}, err
	}
	h, err := g.cfg.Store.Hold(ctx, exchangeOf(ctx).caller.bic, id)
	return h, missing(err)
}

// GetQuote reads a firm quote of the caller.
func (s server) GetQuote(ctx context.Context, r openapi.GetQuoteRequestObject) (openapi.GetQuoteResponseObject, error) {
	h, err := s.hold(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	view, err := s.heldView(ctx, h)
	return openapi.GetQuote200JSONResponse(view), err
}

// ReleaseQuote gives back a firm quote of the caller.
func (s server) ReleaseQuote(ctx context.Context, r openapi.ReleaseQuoteRequestObject) (openapi.ReleaseQuoteResponseObject, error) {
	x := exchangeOf(ctx)
	h, err := s.hold(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodDelete, path: "/v1/quotes/" + r.Id, settle: true,
		draft: func(context.Context) (*draft, error) {
			return &draft{instructions: []ledger.Instruction{&ledger.ReleaseHold{ID: h.ID}}}, nil
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			now, err := s.cfg.Store.Hold(ctx, x.caller.bic, h.ID)
			if err != nil {
				return nil, err
			}
			if err := s.applied(ctx, at, func() bool { return now.Ended != 0 }); err != nil {
				return nil, err
			}
			view, err := s.heldView(ctx, now)
			if err != nil {
				return nil, err
			}
			return jsonAnswer(http.StatusOK, view)
		},
	})
}

// readQuoted reads a payment that takes the price of a firm quote: it is the one that was quoted, and what
// it leaves out is the quote's. Whether the quote still stands is for the ledger to say.
func (g *Gateway) readQuoted(ctx context.Context, in *openapi.NewPayment, p *paymentOrder, f *faults) error {
	id, err := parseID(in.QuoteId)
	if err != nil {
		return err
	}
	h, err := g.cfg.Store.Hold(ctx, p.from, id)
	if errors.Is(err, sqlstore.ErrNotFound) {
		f.add("/quote_id", openapi.ErrorCodeUnknownQuote, "no such firm quote of the sender", ledger.ISOReason(ledger.UnknownQuote))
		return nil
	}
	if err != nil {
		return err
	}
	other := func(at, what string) {
		f.add(at, openapi.ErrorCodeQuoteMismatch, "the quote is for "+what, ledger.ISOReason(ledger.QuoteMismatch))
	}
	pay := &p.pay
	pay.Quote = id
	if in.Partial {
		f.add("/partial", openapi.ErrorCodeConflictingFields, "a firm quote is for all of it", "")
	}
	if pay.To != h.To {
		other("/to", h.To.String())
	}
	exact, at, bounded, bound := pay.Deliver, "/deliver", pay.Send, "/send_max"
	quoted, given := h.Deliver, h.Send
	if h.Mode == ledger.ExactSend {
		quoted, given = h.Send, h.Deliver
	}
	if pay.Mode == ledger.ExactSend {
		exact, at, bounded, bound = pay.Send, "/send", pay.Deliver, "/deliver_min"
	}
	if pay.Mode != h.Mode || exact != quoted || pay.Amount != h.Amount {
		other(at, moneyText(h.Amount, quoted))
		return nil
	}
	switch {
	case bounded.Currency == 0 && h.Mode == ledger.ExactSend:
		pay.Deliver, pay.Bound = h.Deliver, h.Delivered
	case bounded.Currency == 0:
		pay.Send, pay.Bound = h.Send, h.Source
	case bounded != given:
		other(bound, given.String())
	}
	return nil
}

func moneyText(units int64, a ledger.AssetName) string {
	m := moneyOf(units, a)
	return m.Value + " " + a.String()
}
