package console

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"viaduct/openapi"
)

type quotePage struct {
	To, Currency, Value string
	Remittance          string
	Asked               bool
	Options             []quotedOption
	Key                 string // idempotency key of the payment that may follow
	Problem             *problem
}

// quotedOption is one way to pay, drawn.
type quotedOption struct {
	openapi.QuoteOption
	Ways []drawnPath
	Cost string // in basis points over mid, in words
	Best bool
}

func (c *console) quote(r *http.Request, a *caller, v *view) error {
	v.Title = "Quote and pay"
	p := quotePage{
		To: strings.ToUpper(strings.TrimSpace(r.FormValue("to"))), Currency: currencyOf(r.FormValue("currency")),
		Value: strings.TrimSpace(r.FormValue("value")), Remittance: r.FormValue("remittance"), Key: uuid.Must(uuid.NewV7()).String(),
	}
	if p.To == "" && p.Value == "" {
		v.Page = p
		return nil
	}
	p.Asked = true
	ask := openapi.QuoteRequest{To: p.To, Deliver: &openapi.Money{Currency: p.Currency, Value: p.Value}}
	var q openapi.Quote
	err := a.post(r.Context(), "/v1/quotes", "", 0, ask, &q)
	if refused, ok := err.(*problem); ok && refused.Status < 500 && refused.Status != http.StatusUnauthorized {
		p.Problem = refused
		v.Page = p
		return nil
	}
	if err != nil {
		return err
	}
	v.Height = q.Height
	for _, o := range q.Options {
		x := quotedOption{QuoteOption: o, Ways: drawPaths(o.Paths, a.bic, p.To), Best: o.Code == "" && len(p.Options) == 0}
		if o.SpreadBps != "" {
			x.Cost = o.SpreadBps + " bp over mid"
			if strings.HasPrefix(o.SpreadBps, "-") {
				x.Cost = strings.TrimPrefix(o.SpreadBps, "-") + " bp under mid"
			}
			if o.Mid == nil {
				x.Cost = o.SpreadBps + " bp over par"
			}
		}
		p.Options = append(p.Options, x)
	}
	v.Page = p
	return nil
}

// pay sends the order that the form holds: the amount to deliver, and at most what the quote said.
func (c *console) pay(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	a := callerOf(r)
	order := openapi.NewPayment{
		To:      r.PostFormValue("to"),
		Deliver: &openapi.Money{Currency: r.PostFormValue("currency"), Value: r.PostFormValue("value")},
		SendMax: &openapi.Money{Currency: r.PostFormValue("send_currency"), Value: r.PostFormValue("send_max"), Issuer: r.PostFormValue("send_issuer")},
	}
	if text := strings.TrimSpace(r.PostFormValue("remittance")); text != "" {
		order.Details = &openapi.Details{Remittance: text}
	}
	var made openapi.Payment
	if err := a.post(r.Context(), "/v1/payments", r.PostFormValue("key"), 10, order, &made); err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/console/payments/"+made.Id, http.StatusSeeOther)
}
