package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"math/big"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// Fill is what one of a dealer's offers gave and took at once: because it was hit, or because it took what stood
// when it was placed (Taker). Who was on the other side is not the dealer's to know.
type Fill struct {
	Height     uint64
	Index, Seq int // of the result in its block, and of the move in it
	Dealer     ledger.BIC
	Taker      bool
	Offer      ledger.ID // of the dealer when it was hit; the one that was hit when it took
	Gave, Took ledger.AssetName
	GaveUnits  int64
	TookUnits  int64
	Price      money.Ratio // of the offer that was hit
	// Mid is what the ledger's rates said of a unit of Gave in that block; zero when they said nothing. MidAt is
	// the time they are of.
	Mid       money.Ratio
	MidAt     int64
	MidSource string
	Profit    int64 // minor units of Took beyond what was given was worth at Mid, rounded down; 0 without one
	Time      int64
}

// Inventory is a dealer's count of what its offers made of it in a currency, and the bounds it set.
type Inventory struct {
	Dealer      ledger.BIC
	Currency    money.Currency
	Counter     money.Currency // 0 over all pairs
	Net         int64
	Long, Short int64 // ledger.NoLimit for no bound
	Height      uint64
}

// fills returns a result's fills, each as its dealer sees it.
func fills(r *ledger.Result, rates *ledger.Rates, height uint64, index int, time int64) (out []Fill) {
	took := r.Kind == ledger.KindPlaceOffer || r.Kind == ledger.KindReplaceOffers
	for seq := range r.Moves {
		m := &r.Moves[seq]
		if m.Kind != ledger.Fill {
			continue
		}
		f := Fill{
			Height: height, Index: index, Seq: seq, Dealer: m.Holder, Offer: m.Offer, Gave: m.Asset, Took: m.Want,
			GaveUnits: m.Out, TookUnits: m.In, Price: m.Price, Time: time,
		}
		f.against(rates)
		out = append(out, f)
		if took {
			f.Dealer, f.Taker = r.Participant, true
			f.Gave, f.Took, f.GaveUnits, f.TookUnits = f.Took, f.Gave, f.TookUnits, f.GaveUnits
			f.against(rates)
			out = append(out, f)
		}
	}
	return out
}

// against compares a fill with the mid-market rate of its currencies.
func (f *Fill) against(rates *ledger.Rates) {
	f.Mid, f.MidAt, f.MidSource, f.Profit = money.Ratio{}, 0, "", 0
	mid, ok := rates.Mid(f.Gave.Currency, f.Took.Currency)
	if !ok {
		return
	}
	worth := new(big.Int).Mul(big.NewInt(f.GaveUnits), big.NewInt(mid.N))
	over, _ := new(big.Int).DivMod(worth.Sub(new(big.Int).Mul(big.NewInt(f.TookUnits), big.NewInt(mid.D)), worth), big.NewInt(mid.D), new(big.Int))
	if !over.IsInt64() || over.Int64() == math.MinInt64 {
		return
	}
	f.Mid, f.MidAt, f.MidSource, f.Profit = mid, rates.At, rates.Source, over.Int64()
}

func writeFills(ctx context.Context, t tx, p *Projection) error {
	n := insertion{into: "fills (" + fillColumns + ")"}
	for i := range p.fills {
		f := &p.fills[i]
		n.row(int64(f.Height), f.Index, f.Seq, f.Dealer.String(), f.Taker, f.Offer[:], f.Gave.Currency.String(), f.Gave.Issuer.String(), f.GaveUnits,
			f.Took.Currency.String(), f.Took.Issuer.String(), f.TookUnits, f.Price.N, f.Price.D, f.Mid.N, f.Mid.D, f.MidAt, text(f.MidSource), f.Profit, f.Time)
	}
	if err := n.run(ctx, t); err != nil {
		return err
	}
	stocks := insertion{
		into: `inventories (dealer, currency, counter, net, "long", short, height)`,
		tail: `ON CONFLICT (dealer, currency, counter) DO UPDATE SET net = excluded.net, "long" = excluded."long",
			short = excluded.short, height = excluded.height`,
	}
	for _, v := range p.inventories {
		stocks.row(v.Dealer.String(), v.Currency.String(), v.Counter.String(), v.Net, v.Long, v.Short, int64(v.Height))
	}
	return stocks.run(ctx, t)
}

const fillColumns = `height, idx, seq, dealer, taker, offer, gave_currency, gave_issuer, gave, took_currency, took_issuer, took,
	price_n, price_d, mid_n, mid_d, mid_at, mid_source, profit, time`

func scanFill(r *sql.Rows, f *Fill) error {
	return r.Scan(&f.Height, &f.Index, &f.Seq, toBIC(&f.Dealer), &f.Taker, toID(&f.Offer), toCurrency(&f.Gave.Currency), toBIC(&f.Gave.Issuer),
		&f.GaveUnits, toCurrency(&f.Took.Currency), toBIC(&f.Took.Issuer), &f.TookUnits, &f.Price.N, &f.Price.D, &f.Mid.N, &f.Mid.D, &f.MidAt,
		&f.MidSource, &f.Profit, &f.Time)
}

// FillFilter narrows a list of fills; zero fields ask nothing.
type FillFilter struct {
	Currency    money.Currency // given or taken
	From, Until int64          // Unix milliseconds; until is not among them
}

func (f *FillFilter) narrow(w *where, dealer ledger.BIC) {
	w.add(" WHERE dealer = ?", dealer.String())
	if f.Currency != 0 {
		w.add(" AND (gave_currency = ? OR took_currency = ?)", f.Currency.String(), f.Currency.String())
	}
	if f.From != 0 {
		w.add(" AND time >= ?", f.From)
	}
	if f.Until != 0 {
		w.add(" AND time < ?", f.Until)
	}
}

// FillCursor is a fill's place in the chain.
type FillCursor struct {
	Height     uint64
	Index, Seq int
}

// Fills returns a page of a dealer's fills after one, oldest first. One result never fills two sides of one dealer.
func (s *Store) Fills(ctx context.Context, dealer ledger.BIC, f FillFilter, after FillCursor, limit int) ([]Fill, error) {
	var w where
	w.add("SELECT " + fillColumns + " FROM fills")
	f.narrow(&w, dealer)
	w.add(" AND (height, idx, seq) > (?, ?, ?) ORDER BY height, idx, seq LIMIT ?", int64(after.Height), after.Index, after.Seq, limit)
	return list(ctx, s.read, "fills", scanFill, string(w.text), w.args...)
}

// FillTotal is what a dealer's fills come to between two currencies, one way.
type FillTotal struct {
	Gave, Took money.Currency
	Fills      int64
	GaveUnits  *big.Int
	TookUnits  *big.Int
	Profit     *big.Int // of Took, over the fills that have a mid
	WithMid    int64
}

// FillTotals sums a dealer's fills by what they gave and took, whatever pages they are listed on.
func (s *Store) FillTotals(ctx context.Context, dealer ledger.BIC, f FillFilter) ([]FillTotal, error) {
	var w where
	// In two parts, since a sum of whole amounts may leave 64 bits.
	w.add(`SELECT gave_currency, took_currency, COUNT(*), SUM(gave / 1000000000), SUM(gave % 1000000000), SUM(took / 1000000000),
		SUM(took % 1000000000), SUM(profit / 1000000000), SUM(profit % 1000000000), SUM(CASE WHEN mid_n > 0 THEN 1 ELSE 0 END) FROM fills`)
	f.narrow(&w, dealer)
	w.add(" GROUP BY gave_currency, took_currency ORDER BY gave_currency, took_currency")
	return list(ctx, s.read, "fills", func(r *sql.Rows, t *FillTotal) error {
		var parts [6]int64
		if err := r.Scan(toCurrency(&t.Gave), toCurrency(&t.Took), &t.Fills, &parts[0], &parts[1], &parts[2], &parts[3], &parts[4], &parts[5], &t.WithMid); err != nil {
			return fmt.Errorf("total: %w", err)
		}
		join := func(high, low int64) *big.Int {
			n := new(big.Int).Mul(big.NewInt(high), big.NewInt(1e9))
			return n.Add(n, big.NewInt(low))
		}
		t.GaveUnits, t.TookUnits, t.Profit = join(parts[0], parts[1]), join(parts[2], parts[3]), join(parts[4], parts[5])
		return nil
	}, string(w.text), w.args...)
}

// Inventories returns a dealer's counts and bounds.
func (s *Store) Inventories(ctx context.Context, dealer ledger.BIC) ([]Inventory, error) {
	return list(ctx, s.read, "inventories", scanInventory,
		`SELECT dealer, currency, counter, net, "long", short, height FROM inventories WHERE dealer = $1 ORDER BY currency, counter`, dealer.String())
}

func scanInventory(r *sql.Rows, v *Inventory) error {
	return r.Scan(toBIC(&v.Dealer), toCurrency(&v.Currency), toCurrency(&v.Counter), &v.Net, &v.Long, &v.Short, &v.Height)
}
