package examples

import (
	"testing"

	"viaduct/fx/rates"
	"viaduct/internal/money"
)

func TestRatesAreATable(t *testing.T) {
	file, err := Files.Open(Rates)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	table, err := rates.ParseECB(file)
	if err != nil {
		t.Fatal(err)
	}
	mid, err := table.Mid(money.MustCurrency("EUR"), money.MustCurrency("MXN"))
	if err != nil || mid.Decimal().String() != "20.4517" {
		t.Errorf("a euro is worth %v MXN, %v", mid.Decimal(), err)
	}
}
