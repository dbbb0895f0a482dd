package main

import (
	"errors"
	"maps"
	"testing"

	"viaduct/gateway"
	"viaduct/internal/money"
)

func TestFences(t *testing.T) {
	eur, usd, jpy := money.MustCurrency("EUR"), money.MustCurrency("USD"), money.MustCurrency("JPY")
	got, err := serveFlags{Fence: []string{"USD/EUR=2.5", "EUR/JPY=0.01%"}}.fences()
	want := map[gateway.FencedPair]int64{gateway.NewFencedPair(eur, usd): 250, gateway.NewFencedPair(jpy, eur): 1}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"", "EUR/USD", "EUR=2", "EUR/EUR=2", "EUR/USD=", "EUR/USD=0", "EUR/USD=-1", "EUR/USD=0.001", "EUR/USD=101", "EUR/XYZ=1", "EUR/USD/JPY=1"} {
		if got, err := (serveFlags{Fence: []string{bad}}).fences(); !errors.Is(err, errUsed) {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}
