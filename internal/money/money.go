// Package money holds exact amounts, currencies and prices.
//
// An Amount is an int64 count of a currency's minor units (ISO 4217: JPY 0 decimals, USD 2, KWD 3,
// CLF 4). Nothing here is a float: text is parsed and printed through shopspring/decimal at the
// edges, arithmetic is integer, products go through 128 bits, and overflow is an error. Every
// operation that can lose a fraction takes its rounding from the caller.
package money

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"

	"github.com/shopspring/decimal"
)

// MaxTextLen bounds every number and code that is parsed; int64 minor units need 20 digits, a sign
// and a point, and the rest is room for leading zeros that people do send.
const MaxTextLen = 40

// Errors of this package; callers match them with errors.Is.
var (
	ErrOverflow  = errors.New("amount out of range")
	ErrMixed     = errors.New("currencies differ")
	ErrSyntax    = errors.New("not a decimal number")
	ErrTooLong   = errors.New("number is too long")
	ErrDecimals  = errors.New("more decimals than the currency has")
	ErrCurrency  = errors.New("unknown currency")
	ErrDivByZero = errors.New("division by zero")
)

// Amount is a whole number of minor units of one currency.
type Amount struct {
	units    int64
	currency Currency
}

// New returns units minor units of c.
func New(units int64, c Currency) Amount { return Amount{units: units, currency: c} }

// Units returns the amount in minor units.
func (a Amount) Units() int64 { return a.units }

// Currency returns the amount's currency.
func (a Amount) Currency() Currency { return a.currency }

// Add returns a+b; ErrMixed when the currencies differ, ErrOverflow past int64.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.currency != b.currency {
		return Amount{}, fmt.Errorf("%w: %s and %s", ErrMixed, a.currency, b.currency)
	}
	s, ok := AddInt64(a.units, b.units)
	if !ok {
		return Amount{}, ErrOverflow
	}
	return Amount{s, a.currency}, nil
}

// Sub returns a-b; errors as Add.
func (a Amount) Sub(b Amount) (Amount, error) {
	if b.units == math.MinInt64 {
		return Amount{}, ErrOverflow
	}
	return a.Add(Amount{-b.units, b.currency})
}

// Decimal returns the amount in major units, exactly.
func (a Amount) Decimal() decimal.Decimal { return decimal.New(a.units, -int32(a.currency.Digits())) }

// Value returns the amount in major units as text with the currency's decimals: "100.00".
func (a Amount) Value() string { return a.Decimal().StringFixed(int32(a.currency.Digits())) }

// String returns the currency and the value: "USD 100.00".
func (a Amount) String() string { return a.currency.String() + " " + a.Value() }

// Parse reads a plain decimal in major units ("100", "100.00", "-0.5"). It refuses exponents, signs
// other than a leading minus, spaces, more decimals than the currency has (trailing zeros included),
// and anything past int64 minor units.
func Parse(text string, c Currency) (Amount, error) {
	d, err := ParseDecimal(text)
	if err != nil {
		return Amount{}, err
	}
	digits := int32(c.Digits())
	if -d.Exponent() > digits {
		return Amount{}, fmt.Errorf("%w: %s has %d", ErrDecimals, c, digits)
	}
	units, err := int64Of(d.Shift(digits))
	if err != nil {
		return Amount{}, err
	}
	return Amount{units, c}, nil
}

// ParseDecimal reads a plain decimal number of at most MaxTextLen characters: digits, one point with
// digits on both sides, an optional leading minus. "1e9", "+1", ".5" and "1." are ErrSyntax.
func ParseDecimal(text string) (decimal.Decimal, error) {
	if len(text) > MaxTextLen {
		return decimal.Decimal{}, ErrTooLong
	}
	body := strings.TrimPrefix(text, "-")
	whole, frac, pointed := strings.Cut(body, ".")
	if !isDigits(whole) || pointed && !isDigits(frac) {
		return decimal.Decimal{}, ErrSyntax
	}
	d, err := decimal.NewFromString(text)
	if err != nil {
		return decimal.Decimal{}, ErrSyntax
	}
	return d, nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}

func int64Of(d decimal.Decimal) (int64, error) {
	b := d.BigInt()
	if !b.IsInt64() {
		return 0, ErrOverflow
	}
	return b.Int64(), nil
}

// AddInt64 returns a+b and whether it did not overflow.
func AddInt64(a, b int64) (int64, bool) {
	s := a + b
	return s, (s > a) == (b > 0)
}

// Rounding says where a fraction goes. All operands here are non-negative.
type Rounding uint8

// The roundings: toward zero, and away from it.
const (
	RoundDown Rounding = iota
	RoundUp
)

// MulDiv returns x*n/d through 128 bits, rounded as asked, and the residue: what the rounding
// added (RoundUp, counted in 1/d of a unit) or left out (RoundDown). x, n >= 0 and d > 0, else
// ErrDivByZero; a quotient past int64 is ErrOverflow.
func MulDiv(x, n, d int64, mode Rounding) (quotient, residue int64, err error) {
	if x < 0 || n < 0 || d <= 0 {
		return 0, 0, ErrDivByZero
	}
	hi, lo := bits.Mul64(uint64(x), uint64(n))
	if hi >= uint64(d) {
		return 0, 0, ErrOverflow
	}
	q, r := bits.Div64(hi, lo, uint64(d))
	if mode == RoundUp && r != 0 {
		q, r = q+1, uint64(d)-r
	}
	if q > math.MaxInt64 {
		return 0, 0, ErrOverflow
	}
	return int64(q), int64(r), nil
}
