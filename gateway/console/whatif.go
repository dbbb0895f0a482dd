package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"viaduct/openapi"
)

// whatIf is the part of the liquidity page that asks what would be if.
type whatIf struct {
	Line, Limit, Without string // the form
	To, Currency, Value  string
	Asked                bool
	Corridors            []corridor
	Problem              *problem
}

// corridor is a payment's cost now and then, by the currency that pays it.
type corridor struct {
	To      string
	Deliver openapi.Money
	Costs   []cost
	Height  int64 // of the market now
}

// cost is one way to pay; Now and Then are empty where there is none, and the codes say why.
type cost struct {
	Currency          string
	Now, Then         string
	NowBps, ThenBps   string
	NowCode, ThenCode string
	Same              bool
}

const (
	// corridorsShown is how many of the last payments' corridors are priced.
	corridorsShown = 3
	// paymentsRead is among how many they are looked for.
	paymentsRead = 50
)

// readWhatIf reads the form and, when it asks something, prices what it asks about.
func (c *caller) readWhatIf(r *http.Request) (*whatIf, error) {
	field := func(name string) string { return strings.ToUpper(strings.TrimSpace(r.FormValue(name))) }
	w := &whatIf{Line: field("line"), Limit: field("limit"), Without: field("without"), To: field("to"), Currency: currencyOf(r.FormValue("currency")), Value: field("value")}
	market := new(openapi.WhatIf)
	if holder, rest, ok := strings.Cut(w.Line, "/"); ok && w.Limit != "" {
		currency, issuer, _ := strings.Cut(rest, "@")
		market.Limits = append(market.Limits, openapi.LimitChange{Holder: holder, Currency: currency, Issuer: issuer, Limit: w.Limit})
	}
	market.Without = strings.FieldsFunc(w.Without, func(x rune) bool { return x == ',' || x == ' ' })
	if w.Asked = len(market.Limits)+len(market.Without) > 0; !w.Asked {
		return w, nil
	}
	var asks []openapi.QuoteRequest
	if w.To != "" || w.Value != "" {
		asks = []openapi.QuoteRequest{{To: w.To, Deliver: &openapi.Money{Currency: w.Currency, Value: w.Value}}}
	} else {
		var err error
		if asks, err = c.lastCorridors(r); err != nil {
			return nil, err
		}
	}
	for _, ask := range asks {
		x, err := c.compare(r, ask, market)
		var refused *problem
		if errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusUnauthorized {
			w.Problem = refused
			return w, nil
		}
		if err != nil {
			return nil, err
		}
		w.Corridors = append(w.Corridors, x)
	}
	return w, nil
}

// lastCorridors are what the last payments paid, each receiver and currency once.
func (c *caller) lastCorridors(r *http.Request) (asks []openapi.QuoteRequest, err error) {
	var page openapi.PaymentPage
	if err := c.get(r.Context(), "/v1/payments", url.Values{"limit": {itoa(paymentsRead)}, "status": {"settled"}}, &page); err != nil && !denied(err) {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, p := range page.Data {
		if p.From != c.bic || p.Delivered == nil || seen[p.To+p.Delivered.Currency] || len(asks) == corridorsShown {
			continue
		}
		seen[p.To+p.Delivered.Currency] = true
		asks = append(asks, openapi.QuoteRequest{To: p.To, Deliver: &openapi.Money{Currency: p.Delivered.Currency, Value: p.Delivered.Value}})
	}
	return asks, nil
}

// compare prices a request on the market as it is and as it would be.
func (c *caller) compare(r *http.Request, ask openapi.QuoteRequest, market *openapi.WhatIf) (corridor, error) {
	x := corridor{To: ask.To, Deliver: *ask.Deliver}
	var now, then openapi.Quote
	if err := c.post(r.Context(), "/v1/quotes", "", 0, ask, &now); err != nil {
		return x, err
	}
	ask.WhatIf = market
	if err := c.post(r.Context(), "/v1/quotes", "", 0, ask, &then); err != nil {
		return x, err
	}
	x.Height = now.Height
	would := make(map[string]openapi.QuoteOption)
	for _, o := range then.Options {
		would[o.Currency] = o
	}
	for _, o := range now.Options {
		t := would[o.Currency]
		k := cost{Currency: o.Currency, NowCode: string(o.Code), ThenCode: string(t.Code)}
		if o.Code == "" && o.Source != nil {
			k.Now, k.NowBps = o.Source.Value, o.SpreadBps
		}
		if t.Code == "" && t.Source != nil {
			k.Then, k.ThenBps = t.Source.Value, t.SpreadBps
		}
		k.Same = k.Now == k.Then && k.NowCode == k.ThenCode
		x.Costs = append(x.Costs, k)
	}
	return x, nil
}
