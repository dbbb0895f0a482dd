package gateway

import (
	"context"
	"time"

	"viaduct/gateway/iso20022"
	"viaduct/internal/money"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

const (
	// longestPositions bounds the time of one answer, and with it the rows read: 1,440 a day and currency.
	longestPositions = 48 * time.Hour
	// mostPoints of a currency are in an answer: as many as a screen has places for.
	mostPoints = 720
)

// GetPositions reads a participant's net positions through a time.
func (s server) GetPositions(ctx context.Context, r openapi.GetPositionsRequestObject) (openapi.GetPositionsResponseObject, error) {
	q, f := r.Params, &exchangeOf(ctx).faults
	whose, err := exchangeOf(ctx).caller.viewing(q.Participant)
	if err != nil {
		return nil, err
	}
	from, until := s.statementTime(iso20022.IntradayReport, q.From, q.Until, f)
	if until.Sub(from) > longestPositions {
		f.add("query:from", openapi.ErrorCodeInvalidValue, "more than two days: ask for a shorter time", "")
	}
	if err := f.problem(); err != nil {
		return nil, err
	}
	nets, err := s.cfg.Store.Nets(ctx, whose, from.UnixMilli(), until.UnixMilli()-1)
	if err != nil {
		return nil, err
	}
	caps, err := s.cfg.Store.Caps(ctx, whose)
	if err != nil {
		return nil, err
	}
	out := openapi.GetPositions200JSONResponse{Participant: whose.String(), From: timeText(from.UnixMilli()), Until: timeText(until.UnixMilli()), Data: []openapi.NetPosition{}}
	for i := range nets {
		v := netView(&nets[i], from)
		for _, c := range caps {
			if c.Currency == nets[i].Currency && c.Cap >= 0 {
				v.NetDebitCap = money.New(c.Cap, c.Currency).Value()
			}
		}
		out.Data = append(out.Data, v)
	}
	return out, nil
}

// netView tells a net position as the contract does, in at most mostPoints points.
func netView(n *sqlstore.Net, from time.Time) openapi.NetPosition {
	text := func(units int64) string { return money.New(units, n.Currency).Value() }
	at := func(minute int64) string { return timeText(minute * time.Minute.Milliseconds()) }
	low, high, closing := n.Opening, n.Opening, n.Opening
	v := openapi.NetPosition{
		Currency: n.Currency.String(), Opening: text(n.Opening), Points: []openapi.NetPoint{},
		LowestAt: timeText(from.UnixMilli()), HighestAt: timeText(from.UnixMilli()),
	}
	step := (len(n.Minutes) + mostPoints - 1) / mostPoints
	for len(n.Minutes) > 0 {
		p := n.Minutes[0]
		for _, m := range n.Minutes[1:min(step, len(n.Minutes))] {
			p.Low, p.High, p.Closing, p.Changes = min(p.Low, m.Low), max(p.High, m.High), m.Closing, p.Changes+m.Changes
		}
		n.Minutes = n.Minutes[min(step, len(n.Minutes)):]
		if p.Low < low {
			low, v.LowestAt = p.Low, at(p.Minute)
		}
		if p.High > high {
			high, v.HighestAt = p.High, at(p.Minute)
		}
		closing, v.Changes = p.Closing, v.Changes+p.Changes
		v.Points = append(v.Points, openapi.NetPoint{At: at(p.Minute), Lowest: text(p.Low), Highest: text(p.High), Closing: text(p.Closing), Changes: p.Changes})
	}
	v.Closing, v.Lowest, v.Highest = text(closing), text(low), text(high)
	return v
}
