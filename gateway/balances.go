package gateway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/shopspring/decimal"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// GetBalances reads a participant's positions, from the cache when it has them.
func (s server) GetBalances(ctx context.Context, r openapi.GetBalancesRequestObject) (openapi.GetBalancesResponseObject, error) {
	x := exchangeOf(ctx)
	whose, err := x.caller.viewing(r.Params.Participant)
	if err != nil {
		return nil, err
	}
	var view openapi.Balances
	if r.Params.AsOf == "" {
		view, err = s.balancesNow(ctx, whose)
	} else {
		var height uint64
		var lines []sqlstore.Line
		if height, err = s.heightOf(ctx, r.Params.AsOf); err == nil {
			lines, err = s.cfg.Store.BalancesAt(ctx, whose, height)
		}
		view = balancesView(whose, lines, height, true)
	}
	if err != nil {
		return nil, err
	}
	if x.csv {
		body, err := balancesCSV(&view)
		return &answer{status: http.StatusOK, media: "text/csv", body: body}, err
	}
	return jsonAnswer(http.StatusOK, &view)
}

// VisitGetBalancesResponse writes the answer.
func (a *answer) VisitGetBalancesResponse(w http.ResponseWriter) error { return a.write(w) }

// balancesNow tells a participant's balances as the cache has them, or else the database.
func (g *Gateway) balancesNow(ctx context.Context, whose ledger.BIC) (openapi.Balances, error) {
	if g.cfg.Cache != nil {
		lines, height, ok, err := g.cfg.Cache.Get(ctx, whose)
		if err != nil {
			g.cfg.Log.Warn("balance cache", "request_id", exchangeOf(ctx).id, "error", err)
		} else if ok {
			return balancesView(whose, lines, height, false), nil
		}
	}
	lines, height, err := g.cfg.Store.Balances(ctx, whose)
	return balancesView(whose, lines, height, false), err
}

// balancesView tells positions as the contract does. Of the past only the values are kept.
func balancesView(whose ledger.BIC, lines []sqlstore.Line, height uint64, past bool) openapi.Balances {
	out := openapi.Balances{Participant: whose.String(), Height: int64(height), Data: []openapi.Balance{}, Totals: []openapi.BalanceTotal{}}
	sums := make(map[money.Currency]*balanceSum)
	for _, l := range lines {
		value := func(units int64) string { return money.New(units, l.Asset.Currency).Value() }
		sum := sums[l.Asset.Currency]
		if sum == nil {
			sum = new(balanceSum)
			sums[l.Asset.Currency] = sum
		}
		b := openapi.Balance{
			Currency: l.Asset.Currency.String(), Issuer: l.Asset.Issuer.String(), Kind: openapi.Claim, Value: value(l.Balance), Frozen: l.Frozen,
		}
		switch {
		case l.Own:
			b.Kind, b.Value = openapi.Obligation, value(-l.Balance)
			sum.add(&sum.obligations, -l.Balance, l.Asset.Currency)
		default:
			available, headroom := l.Balance-l.HeldOut, max(0, l.Limit-l.Balance-l.HeldIn)
			if l.Frozen {
				available = 0
			}
			sum.add(&sum.claims, l.Balance, l.Asset.Currency)
			if !past {
				sum.add(&sum.available, available, l.Asset.Currency)
				b.Available, b.Held, b.Limit, b.Headroom = value(available), value(l.HeldOut), value(l.Limit), value(headroom)
				sum.add(&sum.headroom, headroom, l.Asset.Currency)
			}
		}
		out.Data = append(out.Data, b)
	}
	for currency, sum := range sums {
		out.Totals = append(out.Totals, sum.view(currency, past))
	}
	slices.SortFunc(out.Totals, func(a, b openapi.BalanceTotal) int { return cmp.Compare(a.Currency, b.Currency) })
	return out
}

// balanceSum adds up positions in one currency. A sum may be more than an amount can hold.
type balanceSum struct{ claims, obligations, available, headroom decimal.Decimal }

func (*balanceSum) add(to *decimal.Decimal, units int64, c money.Currency) {
	*to = to.Add(money.New(units, c).Decimal())
}

func (s *balanceSum) view(c money.Currency, past bool) openapi.BalanceTotal {
	text := func(d decimal.Decimal) string { return d.StringFixed(int32(c.Digits())) }
	v := openapi.BalanceTotal{
		Currency: c.String(), Claims: text(s.claims), Obligations: text(s.obligations), Net: text(s.claims.Sub(s.obligations)),
	}
	if !past {
		v.Available, v.Headroom = text(s.available), text(s.headroom)
	}
	return v
}

// balancesCSV tells balances as a table, with the height in each row, for rows get copied.
func balancesCSV(v *openapi.Balances) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"height", "currency", "issuer", "kind", "value", "available", "limit", "headroom", "frozen"}}
	for _, x := range v.Data {
		rows = append(rows, []string{strconv.FormatInt(v.Height, 10), x.Currency, x.Issuer, string(x.Kind), x.Value, x.Available, x.Limit, x.Headroom, strconv.FormatBool(x.Frozen)})
	}
	err := w.WriteAll(rows)
	return b.Bytes(), err
}

// heightOf reads as_of: a block's height, or a time and with it the last block at or before it.
func (g *Gateway) heightOf(ctx context.Context, text string) (uint64, error) {
	var f faults
	last, _, _, err := g.cfg.Store.Projected(ctx)
	if err != nil {
		return 0, err
	}
	if height, err := strconv.ParseUint(text, 10, 63); err == nil {
		if height > last {
			f.add("query:as_of", openapi.ErrorCodeInvalidValue, fmt.Sprintf("the last block is %d", last), "")
		}
		return height, f.problem()
	}
	at, err := parseTime(text)
	switch {
	case err != nil:
		f.add("query:as_of", openapi.ErrorCodeInvalidTime, "neither a height nor an RFC 3339 time", "")
		return 0, f.problem()
	case at > g.now():
		f.add("query:as_of", openapi.ErrorCodeInvalidValue, "a time to come", "")
		return 0, f.problem()
	}
	height, err := g.cfg.Store.HeightAt(ctx, at)
	if errors.Is(err, sqlstore.ErrNotFound) {
		f.add("query:as_of", openapi.ErrorCodeInvalidValue, "before the first block", "")
		return 0, f.problem()
	}
	return height, err
}
