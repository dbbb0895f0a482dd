package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"viaduct/fx"
	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement"
	"viaduct/settlement/sqlstore"
)

// GetPayment reads a payment that the caller sent, or received once it settled.
func (s server) GetPayment(ctx context.Context, r openapi.GetPaymentRequestObject) (openapi.GetPaymentResponseObject, error) {
	p, err := s.payment(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	view, err := s.paymentFor(ctx, p, exchangeOf(ctx).caller)
	return openapi.GetPayment200JSONResponse(view), err
}

func (g *Gateway) payment(ctx context.Context, text string) (sqlstore.Payment, error) {
	id, err := parseID(text)
	if err != nil {
		return sqlstore.Payment{}, err
	}
	p, err := g.cfg.Store.Payment(ctx, exchangeOf(ctx).caller.bic, id)
	return p, missing(err)
}

// ListPayments lists what the caller sent and received.
func (s server) ListPayments(ctx context.Context, r openapi.ListPaymentsRequestObject) (openapi.ListPaymentsResponseObject, error) {
	q := r.Params
	whose, err := exchangeOf(ctx).caller.viewing(q.Participant)
	if err != nil {
		return nil, err
	}
	f := sqlstore.PaymentFilter{Status: sqlstore.Status(q.Status), EndToEndID: q.EndToEndId}
	for _, at := range []struct {
		text string
		to   *int64
	}{
		{q.CreatedFrom, &f.CreatedFrom}, {q.CreatedUntil, &f.CreatedUntil},
		{q.SettledFrom, &f.SettledFrom}, {q.SettledUntil, &f.SettledUntil},
	} {
		if at.text != "" {
			if *at.to, err = parseTime(at.text); err != nil {
				return nil, err // the contract's format let nothing else through
			}
		}
	}
	if q.Currency != "" {
		f.Currency, _ = money.ParseCurrency(q.Currency)
	}
	if q.Counterparty != "" {
		f.Counterparty, _ = ledger.ParseBIC(q.Counterparty)
	}
	if q.Uetr != "" {
		f.UETR, _ = parseUETR(q.Uetr)
	}
	list := fmt.Sprintf("payments:%s:%v", whose, f) // a cursor of one filter is none of another
	at, id, err := s.behindTimed(list, q.Cursor)
	if err != nil {
		return nil, err
	}
	limit := limitOf(q.Limit)
	found, err := s.cfg.Store.Payments(ctx, whose, f, sqlstore.PaymentCursor{At: at, ID: id}, limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(s.Gateway, list, found, limit, func(p *sqlstore.Payment) []byte {
		last := f.CursorAt(p)
		return timed(last.At, last.ID)
	})
	page := openapi.ListPayments200JSONResponse{Data: []openapi.Payment{}, NextCursor: next}
	for _, p := range found {
		page.Data = append(page.Data, paymentView(p, whose))
	}
	return page, nil
}

// paymentView tells of a payment as a participant may see it: the receiver learns what arrived, not
// what it cost or by which way it came.
func paymentView(p sqlstore.Payment, viewer ledger.BIC) openapi.Payment {
	v := openapi.Payment{
		Id: idText(p.ID), Status: openapi.PaymentStatus(p.Status), Code: openapi.ErrorCode(p.Code), IsoReason: p.ISOReason,
		Message: ledger.WordsOf(p.Code),
		From:    p.From.String(), To: p.To.String(), Uetr: uuidText(p.UETR), EndToEndId: p.EndToEndID,
		CreatedAt: timeText(p.Created), AcceptedAt: timeText(p.Accepted), SettledAt: timeText(p.Settled),
		Height: int64(p.Height),
	}
	if p.Height > 0 {
		v.Index = &p.Index
	}
	sender := p.From == viewer
	settled := p.Status == sqlstore.StatusSettled
	if settled {
		v.Delivered = moneyPointer(p.Delivered, p.Arrived())
	}
	if p.Cover != (ledger.ID{}) {
		v.CoveredBy = idText(p.Cover)
	}
	if !sender {
		return v
	}
	v.Partial, v.NotAfter = p.Partial, timeText(p.NotAfter)
	if p.Mode == ledger.ExactSend {
		v.Send, v.DeliverMin = moneyPointer(p.Amount, p.Send), moneyPointer(p.Bound, p.Deliver)
	} else {
		v.Deliver = moneyPointer(p.Amount, p.Deliver)
		if p.Mode != ledger.Covered { // what its cover costs is the cover's to tell
			v.SendMax = moneyPointer(p.Bound, p.Send)
		}
		if p.Least > 0 {
			v.DeliverMin = moneyPointer(p.Least, p.Deliver)
		}
	}
	if settled && p.Mode != ledger.Covered {
		v.Source = moneyPointer(p.Source, p.Send)
	}
	if p.MidRate != "" {
		v.Mid = &openapi.MidRate{Rate: p.MidRate, AsOf: timeText(p.MidTime), Source: p.MidSource}
	}
	return v
}

func moneyPointer(units int64, a ledger.AssetName) *openapi.Money {
	m := moneyOf(units, a)
	return &m
}

// paymentFor adds what one payment's page has and a list has not: the details, and for the sender the
// way it went.
func (g *Gateway) paymentFor(ctx context.Context, p sqlstore.Payment, by caller) (openapi.Payment, error) {
	v := paymentView(p, by.bic)
	if err := g.tellDetails(ctx, &v, &p, by.bic); err != nil {
		return v, err
	}
	if err := g.tellReturns(ctx, &v, &p); err != nil {
		return v, err
	}
	sender, several := p.From == by.bic, p.Arrived().Issuer == (ledger.BIC{})
	if (sender || several) && p.Status == sqlstore.StatusSettled && p.Mode != ledger.Covered {
		moves, err := g.cfg.Store.Moves(ctx, p.Height, p.Index)
		if err != nil {
			return v, err
		}
		paths := fx.PathsOf(p.From, moves)
		if several {
			v.DeliveredIn = arrived(paths)
		}
		if sender {
			v.Hops = hopsOf(moves)
			for _, path := range paths {
				v.Paths = append(v.Paths, PathView(path, nil))
			}
		}
	}
	return v, nil
}

// tellDetails adds the confidential details: to the sender what it gave, to the receiver what it got.
func (g *Gateway) tellDetails(ctx context.Context, v *openapi.Payment, p *sqlstore.Payment, viewer ledger.BIC) error {
	if p.From != viewer {
		return g.received(ctx, v, p)
	}
	details, err := g.cfg.Store.PaymentDetails(ctx, viewer, p.ID)
	if errors.Is(err, sqlstore.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v.Details = new(openapi.Details)
	if err := json.Unmarshal(details.Text, v.Details); err != nil {
		return fmt.Errorf("kept details: %w", err)
	}
	return nil
}

// arrived adds up what paths bring, asset by asset, in the paths' order.
func arrived(paths []fx.Path) (in []openapi.Money) {
	var sums []fx.Sum
	for _, path := range paths {
		d := path.Delivered
		i := slices.IndexFunc(sums, func(s fx.Sum) bool { return s.Currency == d.Currency && s.Issuer == d.Issuer })
		if i < 0 {
			sums = append(sums, d)
			continue
		}
		sums[i].Units += d.Units
	}
	for _, s := range sums {
		in = append(in, sumOf(s))
	}
	return in
}

// hopsOf tells the moves of a payment.
func hopsOf(moves []ledger.Move) []openapi.Hop {
	hops := make([]openapi.Hop, len(moves))
	for i, m := range moves {
		h := openapi.Hop{Kind: hopKind(m.Kind), Holder: m.Holder.String(), In: moneyOf(m.In, m.Asset), Out: moneyOf(m.Out, m.Asset)}
		switch {
		case m.Kind == ledger.Fill:
			h.In, h.Offer = moneyOf(m.In, m.Want), idText(m.Offer)
			h.Price = ratioText(m.Price, m.Asset.Currency, m.Want.Currency)
		case m.In > m.Out:
			h.Fee = moneyPointer(m.In-m.Out, m.Asset)
		}
		hops[i] = h
	}
	return hops
}

// hopKind tells a flow's kind. That a rippling participant's own asset is what comes in or goes out
// shows in the asset.
func hopKind(k ledger.FlowKind) openapi.HopKind {
	switch k {
	case ledger.Give:
		return openapi.HopKindGive
	case ledger.Take:
		return openapi.HopKindTake
	case ledger.Redeem:
		return openapi.HopKindRedeem
	case ledger.Issue:
		return openapi.HopKindIssue
	case ledger.Fill:
		return openapi.HopKindFill
	case ledger.RippleIn, ledger.RippleOwnIn:
		return openapi.HopKindRippleIn
	}
	return openapi.HopKindRippleOut
}

// GetReceipt reads what proves a payment's result.
func (s server) GetReceipt(ctx context.Context, r openapi.GetReceiptRequestObject) (openapi.GetReceiptResponseObject, error) {
	p, err := s.payment(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	if p.Status != sqlstore.StatusSettled && p.Status != sqlstore.StatusRejected {
		return nil, refuse(openapi.ErrorCodeNotFinal, "a payment has a receipt once it is settled or rejected")
	}
	receipt, err := s.cfg.Engine.Receipt(ctx, p.Height, p.Index)
	if err != nil {
		return nil, engineProblem(err)
	}
	return openapi.GetReceipt200TextResponse(receipt), nil
}

// engineProblem tells of an engine that does not answer, or has not what was asked for.
func engineProblem(err error) error {
	switch {
	case errors.Is(err, settlement.ErrUnavailable):
		return errors.Join(&problem{code: openapi.ErrorCodeUnavailable}, err)
	case errors.Is(err, settlement.ErrNotFound):
		return errNotFound
	}
	return err
}
