package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"viaduct/openapi"
)

func itoa(n int) string { return strconv.Itoa(n) }

type paymentsPage struct {
	Payments []openapi.Payment
	Filter   url.Values
	Statuses []string
	Short    []string // statuses that one asks for most, a click away
	Next     string   // address of the next page
	Newest   string   // address of the first page; empty on it
	Filtered bool
}

// paymentsShown is a page of the list.
const paymentsShown = 50

// filters are the fields of the list's form, named as the API names them.
var filters = []string{"status", "currency", "counterparty", "uetr", "end_to_end_id"}

func (c *console) payments(r *http.Request, a *caller, v *view) error {
	v.Title = "Payments"
	query := url.Values{"limit": {itoa(paymentsShown)}}
	p := paymentsPage{Filter: make(url.Values), Statuses: []string{
		"received", "accepted", "settled", "rejected", "held", "queued", "cancelled", "expired", "returned",
	}, Short: []string{"queued", "accepted", "settled", "rejected"}}
	for _, name := range filters {
		if value := strings.TrimSpace(r.FormValue(name)); value != "" {
			if name == "currency" || name == "counterparty" {
				value = strings.ToUpper(value)
			}
			p.Filter.Set(name, value)
			query.Set(name, value)
			p.Filtered = true
		}
	}
	if cursor := r.FormValue("cursor"); cursor != "" {
		query.Set("cursor", cursor)
		p.Newest = "/console/payments?" + p.Filter.Encode()
	}
	var page openapi.PaymentPage
	if err := a.get(r.Context(), "/v1/payments", query, &page); err != nil {
		return err
	}
	p.Payments = page.Data
	if page.NextCursor != "" {
		next := url.Values{"cursor": {page.NextCursor}}
		for name := range p.Filter {
			next.Set(name, p.Filter.Get(name))
		}
		p.Next = "/console/payments?" + next.Encode()
	}
	v.Page = p
	return nil
}

type paymentPage struct {
	openapi.Payment
	Sender   bool   // the caller sent it
	OverMid  string // what it cost more than mid, in words; empty when no mid was kept
	Steps    []step
	Ways     []drawnPath
	Messages []openapi.Message
	Receipt  *receiptCheck
}

// step is a point of a payment's life.
type step struct {
	Name string
	At   string
	Done bool
	Took string // since the step before
}

func (c *console) payment(r *http.Request, a *caller, v *view) error {
	ctx, path := r.Context(), "/v1/payments/"+url.PathEscape(chi.URLParam(r, "id"))
	var p paymentPage
	if err := a.get(ctx, path, nil, &p.Payment); err != nil {
		return err
	}
	v.Title = "Payment " + short(p.Id)
	v.Nav = "payments"
	v.Height = p.Height
	p.Sender = p.From == a.bic
	p.OverMid = overMid(&p.Payment)
	p.Steps = stepsOf(&p.Payment)
	p.Ways = draw(&p.Payment)
	var messages openapi.MessageList
	if err := a.get(ctx, path+"/messages", nil, &messages); err != nil && !denied(err) {
		return err
	}
	p.Messages = messages.Data
	if r.FormValue("verify") != "" {
		var err error
		if p.Receipt, err = a.checkReceipt(ctx, &p.Payment); err != nil {
			return err
		}
	}
	v.Page = p
	return nil
}

// overMid compares what a payment cost with the mid rate that bounded it: source for one delivered.
func overMid(p *openapi.Payment) string {
	if p.Mid == nil || p.Source == nil || p.Delivered == nil {
		return ""
	}
	var n [3]decimal.Decimal
	for i, text := range []string{p.Source.Value, p.Delivered.Value, p.Mid.Rate} {
		var err error
		if n[i], err = decimal.NewFromString(text); err != nil || n[i].Sign() <= 0 {
			return ""
		}
	}
	fair := n[1].Mul(n[2])
	bps := n[0].Sub(fair).Mul(decimal.NewFromInt(10_000)).DivRound(fair, 1)
	if bps.Sign() < 0 {
		return bps.Neg().String() + " bp under mid"
	}
	return bps.String() + " bp over mid"
}

// denied says that the caller may not see something, or that there is nothing.
func denied(err error) bool {
	p, ok := err.(*problem)
	return ok && (p.Status == http.StatusForbidden || p.Status == http.StatusNotFound)
}

func stepsOf(p *openapi.Payment) []step {
	steps := []step{{Name: "received", At: p.CreatedAt, Done: true}}
	if p.AcceptedAt != "" {
		steps = append(steps, step{Name: "accepted: on disk and in order", At: p.AcceptedAt, Done: true, Took: between(p.CreatedAt, p.AcceptedAt)})
	} else {
		steps = append(steps, step{Name: "accepted"})
	}
	switch {
	case p.SettledAt != "" && p.Code != "":
		steps = append(steps, step{Name: "rejected: " + words(p.Code), At: p.SettledAt, Done: true, Took: between(p.AcceptedAt, p.SettledAt)})
	case p.SettledAt != "":
		steps = append(steps, step{Name: "settled: final", At: p.SettledAt, Done: true, Took: between(p.AcceptedAt, p.SettledAt)})
	case p.Status == openapi.PaymentStatusAccepted || p.Status == openapi.PaymentStatusReceived:
		steps = append(steps, step{Name: "final"})
	default:
		steps = append(steps, step{Name: words(p.Status), Done: true})
	}
	return steps
}

func between(from, to string) string {
	a, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return ""
	}
	b, err := time.Parse(time.RFC3339, to)
	if err != nil || b.Before(a) {
		return ""
	}
	return b.Sub(a).Round(time.Millisecond).String()
}

// search takes what is typed into the search field to where it leads: a payment by its id or UETR, a
// participant's payments, a currency, or an end-to-end id.
func (c *console) search(w http.ResponseWriter, r *http.Request) {
	text := strings.TrimSpace(r.FormValue("q"))
	target := "/console/payments"
	by := func(name, value string) string { return target + "?" + url.Values{name: {value}}.Encode() }
	switch {
	case text == "":
	case isUUID(text) && text[14] == '4':
		target = by("uetr", strings.ToLower(text))
	case isUUID(text):
		target += "/" + strings.ToLower(text)
	case len(text) == 3:
		target = by("currency", strings.ToUpper(text))
	case (len(text) == 8 || len(text) == 11) && strings.ToUpper(text) == text && !strings.ContainsAny(text, "- /"):
		target = by("counterparty", text)
	default:
		target = by("end_to_end_id", text)
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

func isUUID(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }
