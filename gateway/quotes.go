package gateway

import (
	"cmp"
	"context"
	"math/big"
	"slices"

	"github.com/shopspring/decimal"

	"viaduct/fx"
	"viaduct/fx/rates"
	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement"
)

// Quote tells what a payment would cost now, beside the mid-market rate.
func (s server) Quote(ctx context.Context, r openapi.QuoteRequestObject) (openapi.QuoteResponseObject, error) {
	if r.Body.Firm {
		return s.firmQuote(ctx, r.Body)
	}
	f := &exchangeOf(ctx).faults
	if r.Body.Ttl != 0 {
		f.add("/ttl", openapi.ErrorCodeConflictingFields, "of a firm quote", "")
	}
	if r.Body.SendMax != nil {
		f.add("/send_max", openapi.ErrorCodeConflictingFields, "of a firm quote", "")
	}
	q, err := s.readQuote(ctx, r.Body, exchangeOf(ctx))
	if err != nil {
		return nil, err
	}
	view, err := s.price(ctx, &q)
	return openapi.Quote200JSONResponse(view), err
}

// price asks the engine and tells what it answers.
func (g *Gateway) price(ctx context.Context, q *settlement.QuoteRequest) (openapi.Quote, error) {
	found, err := g.cfg.Engine.Quote(ctx, *q)
	if err != nil {
		return openapi.Quote{}, engineProblem(err)
	}
	table, _ := g.mids() // without rates a quote is shown without them
	options := make([]quoteOption, len(found.Options))
	for i := range found.Options {
		options[i] = quoteView(q, &found.Options[i], table)
	}
	// The cheapest at the mid rate comes first; what cannot be compared, and what was not found, after.
	slices.SortStableFunc(options, func(a, b quoteOption) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), a.spread.Cmp(b.spread))
	})
	out := openapi.Quote{Height: int64(found.Height), Options: []openapi.QuoteOption{}}
	for _, o := range options {
		out.Options = append(out.Options, o.view)
	}
	return out, nil
}

// readQuote reads a request and tells all that is wrong with it.
func (g *Gateway) readQuote(ctx context.Context, in *openapi.QuoteRequest, x *exchange) (q settlement.QuoteRequest, err error) {
	f := &x.faults
	q.From = x.caller.bic
	if in.From != "" && !f.at("/from") {
		if q.From, _ = ledger.ParseBIC(in.From); !x.caller.mayRead(q.From) {
			f.add("/from", openapi.ErrorCodeUnknownParticipant, "not the caller", "RC03")
		}
	} else if x.caller.operator {
		f.add("/from", openapi.ErrorCodeMissingField, "the operator says whose", "")
	}
	var to ledger.Pay
	if err := g.readReceiver(ctx, in.To, "/to", &to, f); err != nil {
		return q, err
	}
	q.To = to.To
	hasDeliver := in.Deliver != nil || f.touching("/deliver")
	hasSend := in.Send != nil || f.touching("/send")
	switch {
	case hasDeliver == hasSend:
		f.add("/deliver", openapi.ErrorCodeConflictingFields, "either deliver or send", "")
	case hasDeliver:
		q.Amount, q.Deliver = readMoney(in.Deliver, "/deliver", f)
		if in.Source != "" && !f.at("/source") {
			q.Send, _ = parseAsset(in.Source)
		}
		if in.Target != "" {
			f.add("/target", openapi.ErrorCodeConflictingFields, "deliver says what is to arrive", "")
		}
	default:
		q.ExactSend = true
		q.Amount, q.Send = readMoney(in.Send, "/send", f)
		if in.Target == "" {
			f.add("/target", openapi.ErrorCodeMissingField, "send needs to know what is to arrive", "CH21")
		} else if !f.at("/target") {
			q.Deliver, _ = parseAsset(in.Target)
		}
		if in.Source != "" {
			f.add("/source", openapi.ErrorCodeConflictingFields, "send says what is spent", "")
		}
	}
	if q.WhatIf, err = g.readWhatIf(ctx, in.WhatIf, x); err != nil {
		return q, err
	}
	q.Limits = fx.Limits{MaxPaths: in.MaxPaths, MaxHops: in.MaxHops}
	if in.MaxHops == 0 {
		q.Limits.MaxHops = fx.DefaultHops
	}
	return q, f.problem()
}

// quoteOption is an option with what it is sorted by.
type quoteOption struct {
	view   openapi.QuoteOption
	rank   int // found and compared with the mid rate, found, not found
	spread decimal.Decimal
}

func quoteView(q *settlement.QuoteRequest, o *settlement.QuoteOption, table *rates.Table) quoteOption {
	out := quoteOption{view: openapi.QuoteOption{Currency: o.Send.String()}, rank: 2}
	v := &out.view
	mid, compared := midOf(table, q.Deliver.Currency, o.Send.Currency)
	if compared {
		v.Mid = &openapi.MidRate{Rate: mid.Decimal().String(), AsOf: timeText(mid.Date.UnixMilli()), Source: mid.Source}
	}
	if o.Outcome != ledger.Applied {
		v.Code, v.IsoReason = openapi.ErrorCode(o.Outcome.String()), ledger.ISOReason(o.Outcome)
		v.Message = outcomeText(o.Outcome)
	} else {
		out.rank = 1
	}
	if o.BestFound {
		v.Optimality = openapi.OptimalityBestFound
	} else if o.Source > 0 && o.Delivered > 0 {
		v.Optimality = openapi.OptimalityCheapest
	}
	for _, c := range o.Candidates {
		v.Candidates = append(v.Candidates, candidateView(c))
	}
	if o.Source <= 0 || o.Delivered <= 0 {
		return out
	}
	v.Source, v.Delivered = moneyPointer(o.Source, o.Send), moneyPointer(o.Delivered, q.Deliver)
	v.Price = ratioOf(o.Source, o.Delivered).Decimal(q.Deliver.Currency, o.Send.Currency).String()
	var fair *money.Ratio
	if compared {
		fair = &mid.Ratio
	} else if o.Send.Currency == q.Deliver.Currency {
		fair = &money.Ratio{N: 1, D: 1}
	}
	if fair != nil {
		out.spread = spreadBps(o.Source, o.Delivered, *fair)
		v.SpreadBps = out.spread.String()
		if o.Outcome == ledger.Applied {
			out.rank = 0
		}
	}
	for _, p := range o.Paths {
		v.Paths = append(v.Paths, PathView(p, fair))
	}
	return out
}

func midOf(table *rates.Table, give, want money.Currency) (rates.Mid, bool) {
	if table == nil || give == want {
		return rates.Mid{}, false
	}
	mid, err := table.Mid(give, want)
	return mid, err == nil
}

// ratioOf returns source per delivered in lowest terms.
func ratioOf(source, delivered int64) money.Ratio {
	r, err := ledger.NewPrice(source, delivered)
	if err != nil {
		return money.Ratio{N: 1, D: 1} // both are above zero, and a reduced int64 fits
	}
	return r
}

// spreadBps returns how far source for delivered is above a mid rate, in basis points to two decimals.
func spreadBps(source, delivered int64, mid money.Ratio) decimal.Decimal {
	fair := new(big.Int).Mul(big.NewInt(delivered), big.NewInt(mid.N)) // times mid.D
	paid := new(big.Int).Mul(big.NewInt(source), big.NewInt(mid.D))
	over := new(big.Int).Mul(new(big.Int).Sub(paid, fair), big.NewInt(10_000))
	return decimal.NewFromBigInt(over, 0).DivRound(decimal.NewFromBigInt(fair, 0), 2)
}
