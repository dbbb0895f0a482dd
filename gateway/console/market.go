package console

import (
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"viaduct/openapi"
)

func number(f float64) string { return strconv.FormatFloat(f, 'g', 6, 64) }

type marketPage struct {
	Give, Want string
	Currencies []string
	Rates      *openapi.Rates
	Mid        string // want for one of give
	Asks, Bids []quoted
	Depth      *depth
}

// quoted is an offer with its price the way the page states it: want for one of give.
type quoted struct {
	openapi.Offer
	Shown  string // price
	Spread string // basis points from mid
}

func (c *console) market(r *http.Request, a *caller, v *view) error {
	v.Title = "Market"
	p := marketPage{Give: currencyOf(r.FormValue("give")), Want: currencyOf(r.FormValue("want"))}
	var err error
	if p.Rates, err = a.rates(r); err != nil {
		return err
	}
	// The currencies somebody has are asked for by a time so short that hardly a change is in it.
	var nets openapi.Positions
	if err := a.get(r.Context(), "/v1/positions", url.Values{"from": {c.now().UTC().Add(-time.Minute).Format(time.RFC3339)}}, &nets); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, x := range nets.Data {
		seen[x.Currency] = true
	}
	var m mids
	if p.Rates != nil {
		m = newMids(*p.Rates)
		for currency := range m.per {
			seen[currency] = true
		}
	}
	for currency := range seen {
		p.Currencies = append(p.Currencies, currency)
	}
	sort.Strings(p.Currencies)
	if p.Give == "" {
		p.Give = "EUR"
	}
	if p.Want == "" {
		if p.Want = "USD"; p.Give == "USD" {
			p.Want = "EUR"
		}
	}
	var asks, bids openapi.Book
	if err := a.get(r.Context(), "/v1/book/"+url.PathEscape(p.Give)+"/"+url.PathEscape(p.Want), nil, &asks); err != nil {
		return err
	}
	if err := a.get(r.Context(), "/v1/book/"+url.PathEscape(p.Want)+"/"+url.PathEscape(p.Give), nil, &bids); err != nil {
		return err
	}
	v.Height = asks.Height
	mid, known := m.in(p.Want, p.Give, decimal.NewFromInt(1_000_000))
	mid = mid.Shift(-6)
	if known {
		p.Mid = mid.String()
	}
	var up, down []level
	p.Asks, up = quotedSide(asks.Data, mid, known, false)
	p.Bids, down = quotedSide(bids.Data, mid, known, true)
	midFloat, _ := mid.Float64()
	p.Depth = drawDepth(up, down, midFloat)
	v.Page = p
	return nil
}

func currencyOf(text string) string {
	text = strings.ToUpper(strings.TrimSpace(text))
	if len(text) != 3 {
		return ""
	}
	return text
}

// quotedSide states offers' prices as want for one of give; those of the other direction are turned.
func quotedSide(offers []openapi.Offer, mid decimal.Decimal, known, turned bool) ([]quoted, []level) {
	var all []quoted
	var levels []level
	for _, o := range offers {
		price, err := decimal.NewFromString(o.Price)
		if err != nil || price.Sign() <= 0 {
			continue
		}
		fillable := o.Fillable
		if fillable == "" {
			fillable = o.Remaining
		}
		size, err := decimal.NewFromString(fillable)
		if err != nil {
			continue
		}
		shown := price
		if turned {
			shown = decimal.NewFromInt(1).DivRound(price, 8)
			size = size.DivRound(shown, 2)
		}
		q := quoted{Offer: o, Shown: significant(shown)}
		if known && mid.Sign() > 0 {
			spread := shown.Sub(mid).Mul(decimal.NewFromInt(10_000)).DivRound(mid, 1)
			if turned {
				spread = spread.Neg()
			}
			q.Spread = spread.String()
		}
		all = append(all, q)
		if o.Unfillable {
			continue
		}
		x, _ := shown.Float64()
		y, _ := size.Float64()
		levels = append(levels, level{x, y})
	}
	return all, levels
}

// significant rounds to seven digits, to look at.
func significant(d decimal.Decimal) string {
	return d.Round(7 - int32(d.NumDigits()) - d.Exponent()).String()
}
