package gateway

import (
	"context"
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

// ListPaymentMessages tells the messages about a payment: those that were sent, as they came, and ours.
// Ours follow from what is known of the payment, so that they are the same whenever they are asked for.
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
	for _, m := range kept {
		out.Data = append(out.Data, openapi.Message{
			Type: m.Type, Direction: openapi.MessageDirection(m.Direction), From: m.Author.String(), MessageId: m.MessageID,
			CreatedAt: timeText(m.Created), Body: string(m.Body),
		})
	}
	ours, err := s.outbound(ctx, viewer, p, kept)
	out.Data = append(out.Data, ours...)
	return out, err
}

// outbound makes what Viaduct says of a payment that is final.
func (g *Gateway) outbound(ctx context.Context, viewer ledger.BIC, p sqlstore.Payment, kept []sqlstore.Message) ([]openapi.Message, error) {
	if p.Settled == 0 {
		return nil, nil
	}
	var out []openapi.Message
	add := func(kind, id string, body []byte) {
		out = append(out, openapi.Message{
			Type: kind, Direction: openapi.Out, MessageId: id, CreatedAt: timeText(p.Settled), Body: string(body),
		})
	}
	if p.From == viewer {
		for i := range kept {
			id := "S" + compactID(p.ID)
			if body, err := finalStatus(p, &kept[i], id); err != nil {
				return nil, err
			} else if body != nil {
				add("pacs.002.001.10", id, body)
				break
			}
		}
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

// finalStatus makes the pacs.002 that tells a payment's end to who sent it in a message; nil when m is
// not that message.
func finalStatus(p sqlstore.Payment, m *sqlstore.Message, id string) ([]byte, error) {
	if m.Author != p.From {
		return nil, nil
	}
	ordered, findings := iso20022.Parse(m.Body, iso20022.ISO)
	if ordered == nil || len(findings) > 0 || ordered.Type != "pacs.008" && ordered.Type != "pacs.009" && ordered.Type != "pacs.004" {
		return nil, nil
	}
	r := ordered.Answer(id, time.UnixMilli(p.Settled).UTC())
	uetr := uuidText(p.UETR)
	for i := range r.Transactions {
		t := r.Transactions[i]
		if t.UETR != uetr && (t.UETR != "" || t.EndToEndID != p.EndToEndID) {
			continue
		}
		putStatus(p, true, &t)
		r.Transactions = []iso20022.TxStatus{t}
		body, err := iso20022.EmitStatusReport(r)
		if err != nil {
			return nil, fmt.Errorf("status report: %w", err)
		}
		return body, nil
	}
	return nil, nil
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
