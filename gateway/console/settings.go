package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"viaduct/openapi"
)

type settingsPage struct {
	Participant openapi.Participant
	APIKeys     []openapi.APIKey
	SigningKeys []openapi.SigningKey
	Webhooks    []hook
	Fresh       *fresh
	Problem     *problem // of the form that was sent
	Tried       *tried
}

// fresh is a secret that is shown once, in the answer to the form that made it.
type fresh struct{ What, Name, Secret string }

// tried is how the test of a webhook went.
type tried struct {
	URL string
	openapi.WebhookTest
}

// hook is a webhook with the end of its delivery log.
type hook struct {
	openapi.Webhook
	Deliveries []openapi.Delivery
}

// deliveriesShown is how many of a webhook's last deliveries the page lists.
const deliveriesShown = 5

func (c *console) settings(r *http.Request, a *caller, v *view) error {
	var p settingsPage
	v.Title, v.Page = "Settings", &p
	return a.readSettings(r.Context(), &p)
}

// readSettings reads what the caller may see of its settings.
func (c *caller) readSettings(ctx context.Context, p *settingsPage) error {
	me := "/v1/participants/" + url.PathEscape(c.bic)
	var keys openapi.APIKeyPage
	var signing openapi.SigningKeyPage
	var hooks openapi.WebhookPage
	for _, read := range []struct {
		path string
		out  any
	}{{me, &p.Participant}, {me + "/api-keys", &keys}, {me + "/signing-keys", &signing}, {"/v1/webhooks", &hooks}} {
		if err := c.get(ctx, read.path, nil, read.out); err != nil && !denied(err) {
			return err
		}
	}
	p.APIKeys, p.SigningKeys = keys.Data, signing.Data
	for _, w := range hooks.Data {
		h := hook{Webhook: w}
		var log openapi.DeliveryPage
		err := c.get(ctx, "/v1/webhooks/"+w.Id+"/deliveries", url.Values{"limit": {itoa(deliveriesShown)}}, &log)
		if err != nil && !denied(err) {
			return err
		}
		h.Deliveries = log.Data
		p.Webhooks = append(p.Webhooks, h)
	}
	return nil
}

// change carries out a form of the settings page. What makes a secret answers with the page itself, since
// the secret is shown once; the others lead back to it, so that reloading sends nothing again.
func (c *console) change(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	a, p := callerOf(r), new(settingsPage)
	err := a.carryOut(r, p)
	refused, ok := err.(*problem)
	switch {
	case ok && refused.Status < 500 && refused.Status != http.StatusUnauthorized:
		p.Problem = refused
	case err != nil:
		c.fail(w, r, err)
		return
	case p.Fresh == nil && p.Tried == nil:
		http.Redirect(w, r, "/console/settings", http.StatusSeeOther)
		return
	}
	if err := a.readSettings(r.Context(), p); err != nil {
		c.fail(w, r, err)
		return
	}
	status := http.StatusOK
	if p.Problem != nil {
		status = p.Problem.Status
	}
	c.write(w, status, "settings", &view{Title: "Settings", Nav: "settings", BIC: a.bic, Now: c.now(), Page: p})
}

func (c *caller) carryOut(r *http.Request, p *settingsPage) error {
	ctx, id := r.Context(), url.PathEscape(r.PostFormValue("id"))
	keys := "/v1/participants/" + url.PathEscape(c.bic) + "/api-keys"
	switch r.PostFormValue("do") {
	case "create-key":
		var made openapi.APIKey
		if err := c.post(ctx, keys, "", 0, openapi.NewAPIKey{Name: strings.TrimSpace(r.PostFormValue("name"))}, &made); err != nil {
			return err
		}
		p.Fresh = &fresh{"API key", made.Name, made.Key}
		return nil
	case "revoke-key":
		return c.remove(ctx, keys+"/"+id)
	case "create-webhook":
		var made openapi.Webhook
		if err := c.post(ctx, "/v1/webhooks", "", 0, openapi.NewWebhook{Url: strings.TrimSpace(r.PostFormValue("url"))}, &made); err != nil {
			return err
		}
		p.Fresh = &fresh{"secret of the webhook", made.Url, made.Secret}
		return nil
	case "remove-webhook":
		return c.remove(ctx, "/v1/webhooks/"+id)
	case "test-webhook":
		p.Tried = &tried{URL: r.PostFormValue("url")}
		in, err := c.request(ctx, http.MethodPost, "/v1/webhooks/"+id+"/test", nil, nil)
		if err != nil {
			return err
		}
		err = c.do(in, &p.Tried.WebhookTest)
		if err != nil {
			p.Tried = nil
		}
		return err
	}
	return &problem{Status: http.StatusBadRequest, Title: "The form says nothing that can be done", Detail: "Load the page again and use its buttons."}
}

// remove deletes what is at a path.
func (c *caller) remove(ctx context.Context, path string) error {
	in, err := c.request(ctx, http.MethodDelete, path, nil, nil)
	if err != nil {
		return err
	}
	return c.do(in, nil)
}
