package ledger

import (
	"math/big"

	"viaduct/internal/money"
)

// Rates are the mid-market rates that a rule or a record of the ledger uses. They come by an instruction of the
// operator, whose rate source read them, so that every node and every replay has the same. Nothing is exchanged
// at them.
type Rates struct {
	Source string // who publishes them, at most 64 bytes
	At     int64  // the time they are of, Unix milliseconds; 0 for no rates
	Base   money.Currency
	Rates  []Rate // in ascending order of currency, the base not among them
}

// Rate is how much of a currency one unit of the base is worth.
type Rate struct {
	Currency money.Currency
	Price    money.Price
}

// MaxRates bounds a table: all the currencies that anybody publishes fit an instruction.
const MaxRates = 80

// ratesSlack is how far ahead of the ledger's time rates may be dated: the date line, and no more.
const ratesSlack = 24 * 3600 * 1000

// SetRates puts newer rates in the place of those in use; only the operator may.
type SetRates struct{ Rates }

// Kind is KindSetRates.
func (*SetRates) Kind() Kind { return KindSetRates }

func (i *SetRates) encode(w *writer) {
	i.Rates.encode(w)
	w.bad = w.bad || !i.canonical()
}

func (i *SetRates) decode(r *reader) {
	i.Rates.decode(r)
	r.bad = r.bad || !i.canonical()
}

func (t *Rates) encode(w *writer) {
	w.text(t.Source)
	w.i64(t.At)
	w.u16(uint16(t.Base))
	w.u8(uint8(len(t.Rates)))
	for _, p := range t.Rates {
		w.u16(uint16(p.Currency))
		w.i64(p.Price.Mantissa)
		w.u8(p.Price.Scale)
	}
}

func (t *Rates) decode(r *reader) {
	t.Source, t.At, t.Base = r.text(), r.i64(), money.Currency(r.u16())
	for range r.u8() {
		t.Rates = append(t.Rates, Rate{money.Currency(r.u16()), money.Price{Mantissa: r.i64(), Scale: r.u8()}})
		if r.bad {
			return
		}
	}
}

func (t *Rates) canonical() bool {
	if len(t.Source) == 0 || len(t.Source) > 64 || t.At <= 0 || len(t.Rates) == 0 || len(t.Rates) > MaxRates {
		return false
	}
	for n, p := range t.Rates {
		if p.Currency == t.Base || n > 0 && p.Currency <= t.Rates[n-1].Currency || p.Price.Mantissa < 1 || p.Price.Scale > money.MaxPriceDecimals {
			return false
		}
	}
	return true
}

func (s *State) setRates(by BIC, i *SetRates) Outcome {
	switch {
	case by != BIC{}:
		return NotAllowed
	case i.At <= s.rates.At || i.At > s.time+ratesSlack:
		return StaleRates
	}
	s.rates = i.Rates
	return Applied
}

// Rates returns the mid-market rates in use.
func (s *State) Rates() *Rates { return &s.rates }

// Mid returns how many minor units of one currency those of another are worth, exactly; false when the table
// lacks one of them.
func (t *Rates) Mid(give, want money.Currency) (money.Ratio, bool) {
	g, ok1 := t.rate(give)
	w, ok2 := t.rate(want)
	if !ok1 || !ok2 || t.At == 0 {
		return money.Ratio{}, false
	}
	ten := func(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
	n := new(big.Int).Mul(big.NewInt(w.Mantissa), ten(int(g.Scale)+int(want.Digits())))
	d := new(big.Int).Mul(big.NewInt(g.Mantissa), ten(int(w.Scale)+int(give.Digits())))
	ratio, err := money.NewRatio(n, d)
	return ratio, err == nil
}

func (t *Rates) rate(c money.Currency) (money.Price, bool) {
	if c == t.Base {
		return money.Price{Mantissa: 1}, true
	}
	for _, p := range t.Rates {
		if p.Currency == c {
			return p.Price, true
		}
	}
	return money.Price{}, false
}
