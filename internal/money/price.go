package money

import (
	"fmt"
	"math/big"

	"github.com/shopspring/decimal"
)

// Bounds of a price's text: beyond these no market quotes, and within them a ratio in minor units
// always fits int64.
const (
	MaxPriceDigits   = 15 // significant digits
	MaxPriceDecimals = 12
)

// Price is an exact decimal, Mantissa * 10^-Scale: how many major units of what is wanted one major
// unit of what is given costs.
type Price struct {
	Mantissa int64
	Scale    uint8
}

// ParsePrice reads a positive plain decimal of at most MaxPriceDigits significant digits and
// MaxPriceDecimals decimals.
func ParsePrice(text string) (Price, error) {
	d, err := ParseDecimal(text)
	if err != nil {
		return Price{}, err
	}
	for d.Exponent() < 0 && d.Coefficient().Sign() != 0 && new(big.Int).Rem(d.Coefficient(), big.NewInt(10)).Sign() == 0 {
		d = decimal.NewFromBigInt(new(big.Int).Quo(d.Coefficient(), big.NewInt(10)), d.Exponent()+1)
	}
	if d.Sign() <= 0 || d.NumDigits() > MaxPriceDigits || -d.Exponent() > MaxPriceDecimals || d.Exponent() > 0 {
		return Price{}, fmt.Errorf("price %w: above zero, at most %d digits, %d decimals", ErrOverflow, MaxPriceDigits, MaxPriceDecimals)
	}
	return Price{Mantissa: d.CoefficientInt64(), Scale: uint8(-d.Exponent())}, nil
}

// Decimal returns the price, exactly.
func (p Price) Decimal() decimal.Decimal { return decimal.New(p.Mantissa, -int32(p.Scale)) }

// String returns the price as plain decimal text.
func (p Price) String() string { return p.Decimal().String() }

// Ratio returns the price in minor units: giving D units of give costs N units of want.
func (p Price) Ratio(give, want Currency) (Ratio, error) {
	return NewRatio(
		new(big.Int).Mul(big.NewInt(p.Mantissa), pow10(want.Digits())),
		pow10(p.Scale+give.Digits()))
}

// Ratio is an exact price in minor units, in lowest terms: D units given cost N units taken.
type Ratio struct {
	N, D int64
}

// NewRatio reduces n/d to lowest terms; ErrOverflow when a term is not in 1..2^63-1 after that.
func NewRatio(n, d *big.Int) (Ratio, error) {
	if n.Sign() <= 0 || d.Sign() <= 0 {
		return Ratio{}, ErrOverflow
	}
	g := new(big.Int).GCD(nil, nil, n, d)
	n, d = new(big.Int).Quo(n, g), new(big.Int).Quo(d, g)
	if !n.IsInt64() || !d.IsInt64() {
		return Ratio{}, ErrOverflow
	}
	return Ratio{N: n.Int64(), D: d.Int64()}, nil
}

// Cost returns what x units given cost, rounded as asked.
func (r Ratio) Cost(x int64, mode Rounding) (int64, error) {
	q, _, err := MulDiv(x, r.N, r.D, mode)
	return q, err
}

// Decimal returns the price in major units of want per major unit of give, to 12 decimals. It is for
// showing; nothing is settled by it.
func (r Ratio) Decimal(give, want Currency) decimal.Decimal {
	n := decimal.New(r.N, -int32(want.Digits()))
	d := decimal.New(r.D, -int32(give.Digits()))
	return n.DivRound(d, MaxPriceDecimals)
}

func pow10(n uint8) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }
