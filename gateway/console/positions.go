package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sort"

	"github.com/shopspring/decimal"

	"viaduct/openapi"
)

type positionsPage struct {
	Base       string
	Bases      []string // what Base can be
	Rates      *openapi.Rates
	Currencies []currencyPosition
	Total      string // of all currencies, in Base; empty when a rate is missing
	Only       string // the currency whose balances are all shown, page by page; empty for the largest of each
	Next       string // the correspondent behind which the next page begins
	Vostro     []openapi.Line
	More       bool // there are more lines than are shown
}

// currencyPosition is all that is held in one currency.
type currencyPosition struct {
	Currency string
	Held     string // sum of the nostro balances
	Owed     string // what the participant has issued; empty when it issues none
	InBase   string
	Nostro   []nostro
	Others   int // balances that are not shown
}

// nostro is a balance with a correspondent.
type nostro struct {
	openapi.Balance
	Used  int // percent of the limit
	value decimal.Decimal
}

// linesShown bounds the lines on one page.
const linesShown = 200

func (c *console) positions(r *http.Request, a *caller, v *view) error {
	v.Title = "Positions"
	var b openapi.Balances
	if err := a.get(r.Context(), "/v1/balances", nil, &b); err != nil {
		return err
	}
	v.Height = b.Height
	p := positionsPage{}
	rates, err := a.rates(r)
	if err != nil {
		return err
	}
	var m mids
	if rates != nil {
		p.Rates, m = rates, newMids(*rates)
		for currency := range m.per {
			p.Bases = append(p.Bases, currency)
		}
		sort.Strings(p.Bases)
		p.Base = r.FormValue("base")
		if !slices.Contains(p.Bases, p.Base) {
			p.Base = rates.Base
		}
	}
	if p.Currencies, err = byCurrency(b.Data); err != nil {
		return err
	}
	total, complete := decimal.Decimal{}, p.Rates != nil
	for i := range p.Currencies {
		x := &p.Currencies[i]
		held, err := decimal.NewFromString(x.Held)
		if err != nil {
			return err
		}
		if worth, ok := m.in(p.Base, x.Currency, held); ok {
			x.InBase = worth.StringFixed(2)
			total = total.Add(worth)
		} else {
			complete = false
		}
	}
	if complete {
		p.Total = total.StringFixed(2)
	}
	p.cut(r.FormValue("currency"), r.FormValue("after"))
	lines, more, err := a.lines(r)
	if err != nil {
		return err
	}
	p.More = more
	for _, l := range lines {
		if l.Issuer == a.bic {
			p.Vostro = append(p.Vostro, l)
		}
	}
	v.Page = p
	return nil
}

// fewestShown is how many balances of a currency are shown at least, however many currencies there are.
const fewestShown = 5

// cut keeps what fits on a page: of all currencies their largest balances, or of the one asked for those
// behind a correspondent, in the order of the BICs.
func (p *positionsPage) cut(only, after string) {
	share := max(fewestShown, linesShown/max(1, len(p.Currencies)))
	for i := range p.Currencies {
		x := &p.Currencies[i]
		all := len(x.Nostro)
		switch {
		case only == x.Currency:
			p.Only = only
			slices.SortFunc(x.Nostro, func(a, b nostro) int { return cmp.Compare(a.Issuer, b.Issuer) })
			from, _ := slices.BinarySearchFunc(x.Nostro, after, func(n nostro, bic string) int {
				if n.Issuer <= bic {
					return -1
				}
				return 1
			})
			x.Nostro = x.Nostro[from:]
			if len(x.Nostro) > linesShown {
				x.Nostro = x.Nostro[:linesShown]
				p.Next = x.Nostro[linesShown-1].Issuer
			}
		case all > share:
			slices.SortStableFunc(x.Nostro, func(a, b nostro) int { return b.value.Cmp(a.value) })
			x.Nostro = x.Nostro[:share]
		}
		x.Others = all - len(x.Nostro)
	}
}

// byCurrency sums balances up by currency, in alphabetical order.
func byCurrency(all []openapi.Balance) ([]currencyPosition, error) {
	found := make(map[string]*currencyPosition)
	sums := make(map[string]decimal.Decimal)
	for _, b := range all {
		x := found[b.Currency]
		if x == nil {
			x = &currencyPosition{Currency: b.Currency}
			found[b.Currency] = x
		}
		value, err := decimal.NewFromString(b.Value)
		if err != nil {
			return nil, err
		}
		if b.Kind == openapi.Obligation {
			x.Owed = b.Value
			continue
		}
		sums[b.Currency] = sums[b.Currency].Add(value)
		x.Nostro = append(x.Nostro, nostro{b, bar(b.Value, b.Limit), value})
		x.Held = plain(sums[b.Currency], b.Value)
	}
	out := make([]currencyPosition, 0, len(found))
	for _, x := range found {
		if x.Held == "" {
			x.Held = "0"
		}
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b currencyPosition) int { return cmp.Compare(a.Currency, b.Currency) })
	return out, nil
}

// plain prints a number with as many decimals as another has.
func plain(n decimal.Decimal, like string) string {
	if d, err := decimal.NewFromString(like); err == nil {
		return n.StringFixed(max(-d.Exponent(), 0))
	}
	return n.String()
}

// rates returns the mid-market rates; nil when the gateway has none.
func (c *caller) rates(r *http.Request) (*openapi.Rates, error) {
	var rates openapi.Rates
	err := c.get(r.Context(), "/v1/rates", nil, &rates)
	var p *problem
	if errors.As(err, &p) && (p.Status == http.StatusNotFound || p.Status == http.StatusServiceUnavailable || p.Status == http.StatusForbidden) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &rates, nil
}

// lines returns the lines held and issued, up to linesShown; more says that there are others.
func (c *caller) lines(r *http.Request) (lines []openapi.Line, more bool, err error) {
	var page openapi.LinePage
	err = c.get(r.Context(), "/v1/lines", url.Values{"limit": {itoa(linesShown)}}, &page)
	return page.Data, page.NextCursor != "", err
}
