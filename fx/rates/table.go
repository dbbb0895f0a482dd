// Package rates reads mid-market reference rates and answers what one currency is worth in another.
//
// The answer is for comparison: it is shown beside a quote and bounds what an order without a price may
// cost; nothing is exchanged at it. It promises that a table is read whole or not at all, that rates
// stay exact (a cross rate is a ratio of integers, never a float), and that the last good table stays
// in use when a refresh fails. It is the one corner of fx that reads clocks, files and networks.
package rates

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/shopspring/decimal"

	"viaduct/internal/money"
)

// What this package refuses; callers match with errors.Is.
var (
	ErrFormat   = errors.New("rates: not a table in the form that is read")
	ErrTooLarge = errors.New("rates: table too large")
	ErrAbsurd   = errors.New("rates: absurd value")
	ErrNoRate   = errors.New("rates: no rate for the currency")
	ErrNoTable  = errors.New("rates: no table read yet")
	ErrMissing  = errors.New("rates: a currency is missing")
	ErrStale    = errors.New("rates: older than the table in use")
)

// Table is rates of one time, all against one base currency. It does not change.
type Table struct {
	source  string
	date    time.Time
	base    money.Currency
	perBase map[money.Currency]money.Price // the base itself at 1
}

// Source returns who published the table.
func (t *Table) Source() string { return t.source }

// Date returns the time the rates are of; of a day's, midnight UTC.
func (t *Table) Date() time.Time { return t.date }

// Base returns the currency that the rates are against.
func (t *Table) Base() money.Currency { return t.base }

// Price returns how much of a currency one unit of the base is worth.
func (t *Table) Price(c money.Currency) (money.Price, bool) {
	p, ok := t.perBase[c]
	return p, ok
}

// Mid is what one currency was worth in another on a day, exactly.
type Mid struct {
	Give, Want money.Currency
	// Ratio says it in minor units: D units of Give are worth N units of Want.
	Ratio  money.Ratio
	Source string
	Date   time.Time
}

// Decimal returns how many major units of Want one of Give is worth, rounded to 12 decimals, half away
// from zero. It is for showing; compare with Ratio.
func (m Mid) Decimal() decimal.Decimal { return m.Ratio.Decimal(m.Give, m.Want) }

// Mid returns the cross rate of two currencies through the base; ErrNoRate when the table lacks one.
func (t *Table) Mid(give, want money.Currency) (Mid, error) {
	g, err := t.rate(give)
	if err != nil {
		return Mid{}, err
	}
	w, err := t.rate(want)
	if err != nil {
		return Mid{}, err
	}
	// want per give = (w / 10^w.Scale) / (g / 10^g.Scale), and then from major to minor units of each.
	n := new(big.Int).Mul(big.NewInt(w.Mantissa), pow10(int(g.Scale)+int(want.Digits())))
	d := new(big.Int).Mul(big.NewInt(g.Mantissa), pow10(int(w.Scale)+int(give.Digits())))
	ratio, err := money.NewRatio(n, d)
	if err != nil {
		return Mid{}, fmt.Errorf("rates: %s to %s: %w", give, want, err)
	}
	return Mid{Give: give, Want: want, Ratio: ratio, Source: t.source, Date: t.date}, nil
}

func (t *Table) rate(c money.Currency) (money.Price, error) {
	p, ok := t.perBase[c]
	if !ok {
		return money.Price{}, fmt.Errorf("%w: %s on %s", ErrNoRate, c, t.date.Format(time.DateOnly))
	}
	return p, nil
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
