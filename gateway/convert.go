package gateway

import (
	"encoding/binary"
	"time"

	"github.com/shopspring/decimal"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
)

// timeText tells a time in Unix milliseconds; nothing for zero.
func timeText(ms int64) openapi.Time {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// moneyOf tells an amount of an asset, or of a currency when no issuer is named.
func moneyOf(units int64, a ledger.AssetName) openapi.Money {
	return openapi.Money{
		Currency: a.Currency.String(), Value: money.New(units, a.Currency).Value(), Issuer: a.Issuer.String(),
	}
}

// share tells parts per billion as a decimal.
func share(parts int64) openapi.Decimal { return decimal.New(parts, -9).String() }

// parts reads a decimal of at most nine places into parts per billion.
func parts(text string) (int64, bool) {
	d, err := money.ParseDecimal(text)
	if err != nil || d.Exponent() < -9 {
		return 0, false
	}
	b := d.Shift(9).BigInt()
	return b.Int64(), b.IsInt64()
}

// readMoney reads an amount above zero, and records what is wrong with it.
func readMoney(m *openapi.Money, at string, f *faults) (int64, ledger.AssetName) {
	if m == nil || f.at(at) {
		return 0, ledger.AssetName{}
	}
	a := readAsset(m.Currency, m.Issuer, at, f)
	if f.touching(at+"/value") || f.at(at+"/currency") {
		return 0, a
	}
	units := readUnits(m.Value, a.Currency, at+"/value", f)
	switch {
	case f.at(at + "/value"):
	case units == 0:
		f.add(at+"/value", openapi.ErrorCodeInvalidAmount, "zero is no amount to move", "AM01")
	case units < 0:
		f.add(at+"/value", openapi.ErrorCodeInvalidAmount, "an amount is above zero", "AM12")
	}
	return units, a
}

// readUnits reads a decimal into minor units of at most ledger.MaxUnits.
func readUnits(text string, c money.Currency, at string, f *faults) int64 {
	amount, err := money.Parse(text, c)
	if err == nil && amount.Units() > ledger.MaxUnits {
		err = money.ErrOverflow
	}
	if err != nil {
		code, message := amountFault(err, c)
		f.add(at, code, message, "AM12")
		return 0
	}
	return amount.Units()
}

// readAsset reads a currency and, if it is named, an issuer; the contract's formats were checked.
func readAsset(currency, issuer, at string, f *faults) (a ledger.AssetName) {
	if !f.at(at + "/currency") {
		a.Currency, _ = money.ParseCurrency(currency)
	}
	if issuer != "" && !f.at(at+"/issuer") {
		a.Issuer, _ = ledger.ParseBIC(issuer)
	}
	return a
}

// ratioText tells an offer's price in major units of what it wants per unit of what it gives, rounded
// to twelve places where it has more.
func ratioText(r money.Ratio, give, want money.Currency) openapi.Decimal {
	if r.N <= 0 || r.D <= 0 {
		return "" // a ratio that nothing set
	}
	return r.Decimal(give, want).String()
}

// costOf returns what all of an offer's amount costs, for showing.
func costOf(amount int64, price money.Ratio) int64 {
	cost, err := price.Cost(amount, money.RoundUp)
	if err != nil {
		return 0
	}
	return cost
}

func be64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
