package iso20022

import (
	"errors"
	"strings"

	"github.com/shopspring/decimal"

	"viaduct/internal/money"
)

// commodities are the codes of ISO 4217 that stand for a metal, and funds those of units that no
// bank settles in; both are outside the table of currencies in use.
var (
	commodities = []string{"XAG", "XAU", "XPD", "XPT"}
	funds       = []string{"XDR", "XSU", "XUA", "XBA", "XBB", "XBC", "XBD", "XTS", "XXX"}
)

func oneOf(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

// plain gives an xs:decimal the form every number has in this house: no white space, no plus sign,
// digits on both sides of a point, no zeros that say nothing.
func plain(s string) string {
	s = strings.TrimPrefix(trimSpace(s), "+")
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	whole, frac = strings.TrimLeft(whole, "0"), strings.TrimRight(frac, "0")
	if whole == "" {
		whole = "0"
	}
	if frac != "" {
		whole += "." + frac
	}
	return sign + whole
}

// number reads a decimal element; zero when it is absent or not a number.
func number(n *Node) decimal.Decimal {
	if n == nil {
		return decimal.Decimal{}
	}
	d, err := money.ParseDecimal(plain(n.Text))
	if err != nil {
		return decimal.Decimal{}
	}
	return d
}

// amount reads an amount element with its currency; the zero Amount when n is nil. The rule is not
// empty when the element holds no amount money can be moved in.
func amount(n *Node) (a money.Amount, rule, why string) {
	if n == nil {
		return money.Amount{}, "", ""
	}
	c, err := money.ParseCurrency(n.Ccy)
	if err != nil {
		return money.Amount{}, "currency_unknown", "is not a currency in use"
	}
	a, err = money.Parse(plain(n.Text), c)
	switch {
	case errors.Is(err, money.ErrDecimals):
		return money.Amount{}, "currency_decimals", "has more decimals than the currency"
	case err != nil:
		return money.Amount{}, "amount_range", "is not an amount that can be settled"
	}
	return a, "", ""
}
