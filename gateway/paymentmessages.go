package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"viaduct/gateway/iso20022"
	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

func uuidText(id [16]byte) string { return uuid.UUID(id).String() }

// ListPaymentMessages tells the messages about a payment: those that were sent and answered, as they came
// and went, and what Viaduct says of its end. That follows from what is known of the payment, so that it is
// the same whenever it is asked for.
func (s server) ListPaymentMessages(ctx context.Context, r openapi.ListPaymentMessagesRequestObject) (openapi.ListPaymentMessagesResponseObject, error) {
	p, err := s.payment(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	viewer := exchangeOf(ctx).caller.bic
	kept, err := s.cfg.Store.Messages(ctx, viewer, p.ID)
	if err != nil {
		return nil, missing(err)
	}
	out := openapi.ListPaymentMessages200JSONResponse{Data: []openapi.Message{}}
	for i := range kept {
		out.Data = append(out.Data, messageView(&kept[i]))
	}
	reference, err := s.cfg.Store.Reference(ctx, p.From, p.ID)
	if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
		return nil, err
	}
	ours, err := s.outbound(ctx, viewer, p, reference)
	out.Data = append(out.Data, ours...)
	return out, err
}

func messageView(m *sqlstore.Message) openapi.Message {
	return openapi.Message{
		Id: idText(m.ID), Type: m.Type, Direction: openapi.MessageDirection(m.Direction), From: m.Author.String(), MessageId: m.MessageID,
		CreatedAt: timeText(m.Created), Body: string(m.Body),
	}
}

// outbound makes what Viaduct says of a payment that is final: to who ordered it in a message how it
// ended, to each of the two banks what it changed on its accounts.
func (g *Gateway) outbound(ctx context.Context, viewer ledger.BIC, p sqlstore.Payment, reference []byte) ([]openapi.Message, error) {
	if p.Settled == 0 {
		return nil, nil
	}
	var out []openapi.Message
	add := func(kind, id string, body []byte) {
		out = append(out, openapi.Message{
			Type: kind, Direction: openapi.Out, MessageId: id, CreatedAt: timeText(p.Settled), Body: string(body),
		})
	}
	if p.From == viewer && reference != nil {
		kind, id, body, err := finalStatus(p, reference)
		if err != nil {
			return nil, err
		}
		add(kind, id, body)
	}
	if p.Status != sqlstore.StatusSettled || p.Mode == ledger.Covered {
		return out, nil
	}
	postings, err := g.cfg.Store.Postings(ctx, viewer, p.Height, p.Index)
	if err != nil {
		return nil, err
	}
	id := "N" + compactID(p.ID)
	body, err := notification(viewer, p, postings, id)
	if err == nil && body != nil {
		add("camt.054.001.08", id, body)
	}
	return out, err
}

// notification makes the camt.054 on what a payment changed on its viewer's accounts; nil when it changed
// nothing.
func notification(viewer ledger.BIC, p sqlstore.Payment, postings []sqlstore.Posting, id string) ([]byte, error) {
	at := time.UnixMilli(p.Settled).UTC()
	r := iso20022.Report{Kind: iso20022.Notification, MessageID: id, Created: at}
	place := map[ledger.AssetName]int{}
	for _, n := range postings {
		i, known := place[n.Asset]
		if !known {
			i = len(r.Accounts)
			place[n.Asset] = i
			r.Accounts = append(r.Accounts, iso20022.AccountReport{
				Account: n.Asset.String(), Owner: viewer.String(), From: at, Until: at, Opening: money.New(0, n.Asset.Currency),
			})
		}
		e := entryOf(n)
		e.EndToEndID, e.UETR = p.EndToEndID, uuidText(p.UETR)
		r.Accounts[i].Entries = append(r.Accounts[i].Entries, e)
	}
	switch len(r.Accounts) {
	case 0:
		return nil, nil
	case 1:
		r.From, r.To = servicer(r.Accounts[0].Account, viewer), viewer.String()
	}
	body, err := iso20022.EmitReport(r)
	if err != nil {
		return nil, fmt.Errorf("notification: %w", err)
	}
	return body, nil
}
