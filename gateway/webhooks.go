package gateway

import (
	"context"

	"viaduct/gateway/webhook"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// webhookUse binds a webhook's sealed secret to its id.
func webhookUse(id ledger.ID) string { return "webhook:" + idText(id) }

// CreateWebhook registers an address for the caller's events.
func (s server) CreateWebhook(ctx context.Context, r openapi.CreateWebhookRequestObject) (openapi.CreateWebhookResponseObject, error) {
	x := exchangeOf(ctx)
	if x.caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator has no payments to hear of")
	}
	if err := s.cfg.Guard.CheckURL(r.Body.Url); err != nil {
		x.faults.add("/url", openapi.ErrorCodeInvalidUrl, err.Error(), "")
		return nil, x.faults.problem()
	}
	secret := webhook.NewSecret()
	hook := sqlstore.Webhook{ID: newID(), Participant: x.caller.bic, URL: r.Body.Url, Created: s.now()}
	for _, e := range r.Body.Events {
		hook.Types = append(hook.Types, string(e))
	}
	hook.Secret = s.secrets.sealed([]byte(secret.Text()), webhookUse(hook.ID))
	if err := s.cfg.Store.PutWebhook(ctx, hook); err != nil {
		return nil, err
	}
	view := webhookView(hook)
	view.Secret = secret.Text()
	return openapi.CreateWebhook201JSONResponse(view), nil
}

// ListWebhooks lists the caller's webhooks.
func (s server) ListWebhooks(ctx context.Context, _ openapi.ListWebhooksRequestObject) (openapi.ListWebhooksResponseObject, error) {
	kept, err := s.cfg.Store.Webhooks(ctx, exchangeOf(ctx).caller.bic)
	page := openapi.ListWebhooks200JSONResponse{Data: []openapi.Webhook{}}
	for _, w := range kept {
		page.Data = append(page.Data, webhookView(w))
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

func webhookView(w sqlstore.Webhook) openapi.Webhook {
	view := openapi.Webhook{
		Id: idText(w.ID), Url: w.URL, Events: []openapi.EventType{}, CreatedAt: timeText(w.Created),
		DisabledAt: timeText(w.Disabled), DisabledReason: w.Reason,
	}
	for _, t := range w.Types {
		view.Events = append(view.Events, openapi.EventType(t))
	}
	if len(w.Types) == 0 {
		view.Events = []openapi.EventType{openapi.PaymentSettled, openapi.PaymentRejected}
	}
	return view
}
