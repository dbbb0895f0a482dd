package ledger_test

import (
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// Mid rates come from the operator alone, only ever newer, and every node has the same.
func TestSetRates(t *testing.T) {
	w := newWorld(t)
	w.run("admit CHASUS33")
	eur, usd, jpy := money.MustCurrency("EUR"), money.MustCurrency("USD"), money.MustCurrency("JPY")
	table := func(at, dollar int64) *ledger.SetRates {
		return &ledger.SetRates{Rates: ledger.Rates{Source: "A bank", At: at, Base: eur, Rates: []ledger.Rate{
			{Currency: jpy, Price: money.Price{Mantissa: 160}}, {Currency: usd, Price: money.Price{Mantissa: dollar, Scale: 4}},
		}}}
	}
	if _, ok := w.state.Rates().Mid(eur, usd); ok {
		t.Error("a mid before there are rates")
	}
	for _, tt := range []struct {
		by   string
		in   *ledger.SetRates
		want ledger.Outcome
	}{
		{"CHASUS33", table(start, 10_000), ledger.NotAllowed},
		{"operator", table(start, 10_000), ledger.Applied},
		{"operator", table(start, 11_000), ledger.StaleRates},
		{"operator", table(start-1, 11_000), ledger.StaleRates},
		{"operator", table(start+25*3600*1000, 11_000), ledger.StaleRates},
		{"operator", table(start+1, 12_500), ledger.Applied},
	} {
		if r := w.do(tt.by, tt.in); r.Outcome != tt.want {
			t.Errorf("%s, %+v: %s, want %s", tt.by, tt.in, r.Outcome, tt.want)
		}
	}
	for _, tt := range []struct {
		give, want money.Currency
		mid        money.Ratio
	}{{eur, usd, money.Ratio{N: 5, D: 4}}, {usd, eur, money.Ratio{N: 4, D: 5}}, {usd, jpy, money.Ratio{N: 32, D: 25}}, {jpy, eur, money.Ratio{N: 5, D: 8}}} {
		if mid, ok := w.state.Rates().Mid(tt.give, tt.want); !ok || mid != tt.mid {
			t.Errorf("%s in %s: %v, %v, want %v", tt.give, tt.want, mid, ok, tt.mid)
		}
	}
	if _, ok := w.state.Rates().Mid(eur, money.MustCurrency("KWD")); ok {
		t.Error("a mid of a currency that is not there")
	}
	for name, bad := range map[string]*ledger.SetRates{
		"no rates":  {Rates: ledger.Rates{Source: "x", At: 1, Base: eur}},
		"no source": {Rates: ledger.Rates{At: 1, Base: eur, Rates: []ledger.Rate{{Currency: usd, Price: money.Price{Mantissa: 1}}}}},
		"zero":      {Rates: ledger.Rates{Source: "x", At: 1, Base: eur, Rates: []ledger.Rate{{Currency: usd}}}},
		"the base":  {Rates: ledger.Rates{Source: "x", At: 1, Base: eur, Rates: []ledger.Rate{{Currency: eur, Price: money.Price{Mantissa: 1}}}}},
		"order":     {Rates: ledger.Rates{Source: "x", At: 1, Base: eur, Rates: []ledger.Rate{{Currency: usd, Price: money.Price{Mantissa: 1}}, {Currency: jpy, Price: money.Price{Mantissa: 1}}}}},
	} {
		s := ledger.Submission{Network: w.genesis.Network(), Key: []byte("x")}
		if _, err := ledger.Sign(&s, []ledger.Instruction{bad}, keyOf("operator")); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	if w.replay() != w.state.Hash() {
		t.Error("replay gives another state hash")
	}
}
