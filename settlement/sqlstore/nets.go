package sqlstore

import (
	"context"
	"database/sql"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// Net is what a participant holds in a currency, less what it owes, through a time: minor units.
type Net struct {
	Currency money.Currency
	Opening  int64 // before the time's first minute
	Minutes  []NetMinute
}

// NetMinute is a minute in which a net position moved. All payments of a block move it at once, so low, high
// and closing are those after the minute's blocks.
type NetMinute struct {
	Minute             int64 // of Unix time
	Low, High, Closing int64
	Changes            int64 // results that moved it
}

// minuteOf returns the minute of a time in Unix milliseconds.
func minuteOf(ms int64) int64 { return ms / 60_000 }

// Nets returns a participant's net positions in the minutes from the one of from up to that of until, which is
// in it; times are Unix milliseconds. Currencies are in alphabetical order.
func (s *Store) Nets(ctx context.Context, participant ledger.BIC, from, until int64) ([]Net, error) {
	me, first, last := participant.String(), minuteOf(from), minuteOf(until)
	nets, err := list(ctx, s.read, "net positions", func(r *sql.Rows, n *Net) error { return r.Scan(toCurrency(&n.Currency), &n.Opening) },
		`SELECT p.currency, COALESCE((SELECT n.closing FROM net_minutes n WHERE n.participant = p.participant AND n.currency = p.currency
			AND n.minute < $1 ORDER BY n.minute DESC LIMIT 1), 0) FROM purses p WHERE p.participant = $2 ORDER BY p.currency`, first, me)
	if err != nil {
		return nil, err
	}
	for i := range nets {
		nets[i].Minutes, err = list(ctx, s.read, "net positions", func(r *sql.Rows, m *NetMinute) error {
			return r.Scan(&m.Minute, &m.Low, &m.High, &m.Closing, &m.Changes)
		}, `SELECT minute, low, high, closing, changes FROM net_minutes WHERE participant = $1 AND currency = $2 AND minute >= $3 AND minute <= $4
			ORDER BY minute`, me, nets[i].Currency.String(), first, last)
		if err != nil {
			return nil, err
		}
	}
	return nets, nil
}

// netChange is what a block made of a net position.
type netChange struct {
	participant ledger.BIC
	currency    money.Currency
	net         int64
	changes     int64
}

type purseKey struct {
	participant ledger.BIC
	currency    money.Currency
}

// addNets notes the net positions that the block's results moved.
func (p *Projection) addNets(b *ledger.Block) {
	changes := make(map[purseKey]int64)
	for i := range b.Results {
		postings := b.Results[i].Postings
		for k := range postings {
			key := purseKey{postings[k].Holder, postings[k].Asset.Currency}
			first := true // posting of this result to it
			for _, earlier := range postings[:k] {
				first = first && key != purseKey{earlier.Holder, earlier.Asset.Currency}
			}
			if first {
				changes[key]++
			}
		}
	}
	for i := range b.Changes.Purses {
		c := &b.Changes.Purses[i]
		if n := changes[purseKey{c.Owner, c.Currency}]; n > 0 {
			p.nets = append(p.nets, netChange{c.Owner, c.Currency, c.Net, n})
		}
	}
}

func writeNets(ctx context.Context, t tx, p *Projection) error {
	n := insertion{
		into: "net_minutes (participant, currency, minute, low, high, closing, changes)",
		tail: `ON CONFLICT (participant, currency, minute) DO UPDATE SET
			low = CASE WHEN excluded.low < net_minutes.low THEN excluded.low ELSE net_minutes.low END,
			high = CASE WHEN excluded.high > net_minutes.high THEN excluded.high ELSE net_minutes.high END,
			closing = excluded.closing, changes = net_minutes.changes + excluded.changes`,
	}
	for i := range p.nets {
		c := &p.nets[i]
		n.row(c.participant.String(), c.currency.String(), minuteOf(p.block.Time), c.net, c.net, c.net, c.changes)
	}
	return n.run(ctx, t)
}
