package money

import (
	"fmt"
	"slices"

	"github.com/bojanz/currency"
)

// Currency is an ISO 4217 code packed into 15 bits, five a letter, so that it compares, hashes and
// sorts as a number (in alphabetical order). The zero value is no currency.
type Currency uint16

// ParseCurrency reads a three-letter ISO 4217 code that is in use; ErrCurrency otherwise.
func ParseCurrency(code string) (Currency, error) {
	if len(code) != 3 || !currency.IsValid(code) {
		return 0, fmt.Errorf("%w: %.12q", ErrCurrency, code)
	}
	return packCurrency(code), nil
}

// MustCurrency is ParseCurrency for codes written in the source; it panics on a wrong one.
func MustCurrency(code string) Currency {
	c, err := ParseCurrency(code)
	if err != nil {
		panic(err)
	}
	return c
}

// Currencies returns every currency in use, in alphabetical order.
func Currencies() []Currency {
	codes := currency.GetCurrencyCodes()
	all := make([]Currency, len(codes))
	for i, code := range codes {
		all[i] = packCurrency(code)
	}
	slices.Sort(all)
	return all
}

func packCurrency(code string) Currency {
	return Currency(code[0]-'@')<<10 | Currency(code[1]-'@')<<5 | Currency(code[2]-'@')
}

// WellFormed says whether the number is three letters at all; whether the code is in use, and with
// how many decimals, is ParseCurrency's to say.
func (c Currency) WellFormed() bool {
	for _, letter := range [...]Currency{c >> 10, c >> 5 & 31, c & 31} {
		if letter < 1 || letter > 26 {
			return false
		}
	}
	return true
}

// String returns the code, "USD".
func (c Currency) String() string {
	if c == 0 {
		return ""
	}
	return string([]byte{byte(c>>10)&31 + '@', byte(c>>5)&31 + '@', byte(c)&31 + '@'})
}

// Digits returns how many decimals the minor unit has: JPY 0, USD 2, KWD 3, CLF 4.
func (c Currency) Digits() uint8 {
	d, _ := currency.GetDigits(c.String())
	return d
}
