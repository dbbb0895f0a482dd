package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"viaduct/gateway/webhook"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// maxWebhooks bounds a participant's webhooks, and with them what one of its payments costs to tell.
const maxWebhooks = 20

// webhookUse binds a webhook's sealed keys to its id.
func webhookUse(id ledger.ID) string { return "webhook:" + idText(id) }

// webhookKeys opens what a webhook's deliveries are signed with.
func (g *Gateway) webhookKeys(w *sqlstore.Webhook) (webhook.Keys, error) {
	text, err := g.secrets.opened(w.Secret, webhookUse(w.ID))
	if err != nil {
		return nil, fmt.Errorf("keys of webhook %s: %w", idText(w.ID), err)
	}
	keys, err := webhook.ParseKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("keys of webhook %s: %w", idText(w.ID), err)
	}
	return keys, nil
}

// CreateWebhook registers an address for the caller's events.
func (s server) CreateWebhook(ctx context.Context, r openapi.CreateWebhookRequestObject) (openapi.CreateWebhookResponseObject, error) {
	x := exchangeOf(ctx)
	if x.caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator has no payments to hear of")
	}
	if err := s.cfg.Sender.CheckURL(r.Body.Url); err != nil {
		x.faults.add("/url", openapi.ErrorCodeInvalidUrl, err.Error(), "")
		return nil, x.faults.problem()
	}
	keys := webhook.Keys{webhook.NewKey()}
	hook := sqlstore.Webhook{ID: newID(), Participant: x.caller.bic, URL: r.Body.Url, Types: typesOf(r.Body.Events), Created: s.now()}
	hook.Secret = s.secrets.sealed([]byte(keys.Text()), webhookUse(hook.ID))
	err := s.cfg.Store.PutWebhook(ctx, hook, maxWebhooks)
	if errors.Is(err, sqlstore.ErrFull) {
		return nil, refuse(openapi.ErrorCodeTooManyWebhooks, fmt.Sprintf("at most %d; delete one first", maxWebhooks))
	}
	if err != nil {
		return nil, err
	}
	view, err := s.webhookView(&hook)
	view.Secret = keys[0].Secret.Text()
	return openapi.CreateWebhook201JSONResponse(view), err
}

func typesOf(events []openapi.EventType) []string {
	types := make([]string, len(events))
	for i, e := range events {
		types[i] = string(e)
	}
	return types
}

// ownWebhook finds a webhook of the caller's by its id.
func (s server) ownWebhook(ctx context.Context, text string) (sqlstore.Webhook, error) {
	id, err := parseID(text)
	if err != nil {
		return sqlstore.Webhook{}, err
	}
	hook, err := s.cfg.Store.Webhook(ctx, exchangeOf(ctx).caller.bic, id)
	return hook, missing(err)
}

// ownWebhookAndKeys finds it with what its deliveries are signed with.
func (s server) ownWebhookAndKeys(ctx context.Context, text string) (sqlstore.Webhook, webhook.Keys, error) {
	hook, err := s.ownWebhook(ctx, text)
	if err != nil {
		return hook, nil, err
	}
	keys, err := s.webhookKeys(&hook)
	return hook, keys, err
}

// GetWebhook reads a webhook of the caller.
func (s server) GetWebhook(ctx context.Context, r openapi.GetWebhookRequestObject) (openapi.GetWebhookResponseObject, error) {
	hook, err := s.ownWebhook(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	view, err := s.webhookView(&hook)
	return openapi.GetWebhook200JSONResponse(view), err
}

// ChangeWebhook changes where a webhook's events go, which, and whether at all.
func (s server) ChangeWebhook(ctx context.Context, r openapi.ChangeWebhookRequestObject) (openapi.ChangeWebhookResponseObject, error) {
	x := exchangeOf(ctx)
	hook, err := s.ownWebhook(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	change := sqlstore.WebhookChange{URL: r.Body.Url}
	if r.Body.Url != "" {
		if err := s.cfg.Sender.CheckURL(r.Body.Url); err != nil {
			x.faults.add("/url", openapi.ErrorCodeInvalidUrl, err.Error(), "")
			return nil, x.faults.problem()
		}
	}
	if r.Body.Events != nil {
		types := typesOf(r.Body.Events)
		change.Types = &types
	}
	if r.Body.Disabled != nil {
		change.Disabled = new(int64)
		if *r.Body.Disabled {
			*change.Disabled, change.Reason = s.now(), "turned off by its owner"
		}
	}
	if hook, err = s.cfg.Store.ChangeWebhook(ctx, x.caller.bic, hook.ID, change); err != nil {
		return nil, missing(err)
	}
	s.wakeDispatcher() // what was pending while it was off is due
	view, err := s.webhookView(&hook)
	return openapi.ChangeWebhook200JSONResponse(view), err
}

// wakeDispatcher has this gateway's dispatcher look for what is due; other gateways' look by themselves
// every few seconds.
func (g *Gateway) wakeDispatcher() {
	select {
	case g.nudge <- struct{}{}:
	default: // it will look anyway
	}
}

// RotateWebhookSecret gives a webhook new keys, beside which the earlier ones sign for a day.
func (s server) RotateWebhookSecret(ctx context.Context, r openapi.RotateWebhookSecretRequestObject) (openapi.RotateWebhookSecretResponseObject, error) {
	hook, keys, err := s.ownWebhookAndKeys(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	keys, err = keys.Rotate(s.cfg.Now())
	if errors.Is(err, webhook.ErrRotations) {
		return nil, refuse(openapi.ErrorCodeTooManyRotations, "each earlier one signs for 24 hours after it was replaced; wait until one is over")
	}
	if err != nil {
		return nil, err
	}
	sealed := s.secrets.sealed([]byte(keys.Text()), webhookUse(hook.ID))
	err = s.cfg.Store.ReplaceWebhookSecret(ctx, hook.ID, hook.Secret, sealed)
	if errors.Is(err, sqlstore.ErrNotFound) {
		return nil, &problem{code: openapi.ErrorCodeRequestInFlight, detail: "somebody else changes the webhook at this moment"}
	}
	if err != nil {
		return nil, err
	}
	hook.Secret = sealed
	view, err := s.webhookView(&hook)
	view.Secret = keys[0].Secret.Text()
	return openapi.RotateWebhookSecret200JSONResponse(view), err
}

// TestWebhook sends a test event and tells how it went.
func (s server) TestWebhook(ctx context.Context, r openapi.TestWebhookRequestObject) (openapi.TestWebhookResponseObject, error) {
	hook, keys, err := s.ownWebhookAndKeys(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	began := s.cfg.Now()
	event := openapi.TestEvent{Id: "evt_test_" + idText(newID()), Type: openapi.TestEventTypeWebhookTest, Timestamp: timeText(began.UnixMilli())}
	event.Data.WebhookId = idText(hook.ID)
	body, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	result := s.cfg.Sender.Send(ctx, webhook.Endpoint{ID: idText(hook.ID), URL: hook.URL, Keys: keys}, webhook.Delivery{EventID: event.Id, Body: body})
	if result.Err != nil {
		s.cfg.Log.Info("webhook test", "request_id", exchangeOf(ctx).id, "endpoint", idText(hook.ID), "reason", result.Reason, "error", result.Err)
	}
	return openapi.TestWebhook200JSONResponse{
		EventId: event.Id, Delivered: result.Delivered(), Status: result.Status, Reason: result.Reason, TookMs: s.cfg.Now().Sub(began).Milliseconds(),
	}, nil
}

// ListWebhooks lists the caller's webhooks.
func (s server) ListWebhooks(ctx context.Context, _ openapi.ListWebhooksRequestObject) (openapi.ListWebhooksResponseObject, error) {
	kept, err := s.cfg.Store.Webhooks(ctx, exchangeOf(ctx).caller.bic)
	page := openapi.ListWebhooks200JSONResponse{Data: []openapi.Webhook{}}
	for _, w := range kept {
		view, err := s.webhookView(&w)
		if err != nil {
			return nil, err
		}
		page.Data = append(page.Data, view)
	}
	return page, err
}

// DeleteWebhook removes a webhook of the caller.
func (s server) DeleteWebhook(ctx context.Context, r openapi.DeleteWebhookRequestObject) (openapi.DeleteWebhookResponseObject, error) {
	id, err := parseID(r.Id)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Store.DeleteWebhook(ctx, exchangeOf(ctx).caller.bic, id); err != nil {
		return nil, missing(err)
	}
	return openapi.DeleteWebhook204Response{}, nil
}

func (g *Gateway) webhookView(w *sqlstore.Webhook) (openapi.Webhook, error) {
	keys, err := g.webhookKeys(w)
	if err != nil {
		return openapi.Webhook{}, err
	}
	view := openapi.Webhook{
		Id: idText(w.ID), Url: w.URL, Events: []openapi.EventType{}, PublicKey: keys[0].PublicText(), CreatedAt: timeText(w.Created),
		DisabledAt: timeText(w.Disabled), DisabledReason: w.Reason,
	}
	if until := keys.Overlap(g.cfg.Now()); !until.IsZero() {
		view.RotatedUntil = timeText(until.UnixMilli())
	}
	for _, t := range w.Types {
		view.Events = append(view.Events, openapi.EventType(t))
	}
	if len(w.Types) == 0 {
		view.Events = []openapi.EventType{openapi.PaymentSettled, openapi.PaymentRejected, openapi.RecallRequested, openapi.RecallAnswered, openapi.OfferFilled}
	}
	return view, nil
}
