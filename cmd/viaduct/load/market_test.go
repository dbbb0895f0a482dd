package load

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"
)

func TestBICsAreWellFormedAndDiffer(t *testing.T) {
	seen := make(map[string]bool)
	for i := range 10_000 {
		text := bic('B', i, "NL")
		if _, err := ledger.ParseBIC(text); err != nil || seen[text] {
			t.Fatalf("BIC %d is %q: %v, seen before: %v", i, text, err, seen[text])
		}
		seen[text] = true
	}
}

func TestOrdersAreOfTheMix(t *testing.T) {
	m := &Market{Banks: make([]Bank, 5), correspondents: make([]Bank, len(currencies))}
	for i := range m.Banks {
		m.Banks[i].BIC = bic('B', i, "NL")
	}
	rng := rand.New(rand.NewPCG(1, 1))
	again := rand.New(rand.NewPCG(1, 1))
	const n = 10_000
	fx, tight := 0, 0
	for range n {
		o := m.Order(rng, Mix{FX: 30, Refused: 10}, nil)
		if b := m.Order(again, Mix{FX: 30, Refused: 10}, nil); string(b.Body) != string(o.Body) || b.From != o.From {
			t.Fatalf("the same seed gives %s and %s", o.Body, b.Body)
		}
		type side struct{ Currency, Value string }
		var in struct {
			To      string
			Deliver side
			SendMax side `json:"send_max"`
		}
		if err := json.Unmarshal(o.Body, &in); err != nil {
			t.Fatalf("%s: %v", o.Body, err)
		}
		units := func(s side) int64 {
			c, err := money.ParseCurrency(s.Currency)
			if err != nil {
				t.Fatal(err)
			}
			a, err := money.Parse(s.Value, c)
			if err != nil {
				t.Fatal(err)
			}
			return a.Units()
		}
		if in.To == o.From.BIC || units(in.Deliver) <= 0 || units(in.SendMax) <= 0 {
			t.Fatalf("%s from %s", o.Body, o.From.BIC)
		}
		switch {
		case in.Deliver.Currency == in.SendMax.Currency:
		case units(in.SendMax) > units(in.Deliver):
			fx++
		default:
			tight++
		}
	}
	if fx < n*27/100 || fx > n*33/100 || tight < n*8/100 || tight > n*12/100 {
		t.Errorf("of %d orders %d are FX and %d can't be paid; want about 30%% and 10%%", n, fx, tight)
	}
}

func TestBooksThatAreWrongAreFound(t *testing.T) {
	good := []Books{{"USD", 100, 100}, {"EUR", 5, 5}}
	if err := CheckBooks(good, good); err != nil {
		t.Errorf("books in order: %v", err)
	}
	for _, tt := range []struct {
		after []Books
		want  string
	}{
		{[]Books{{"USD", 99, 100}, {"EUR", 5, 5}}, "USD: 99 minor units are held and 100 owed"},
		{[]Books{{"USD", 100, 100}, {"EUR", 6, 6}}, "EUR: 5 minor units were held before, 6 after"},
	} {
		if err := CheckBooks(good, tt.after); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("CheckBooks(%v) = %v, want %q", tt.after, err, tt.want)
		}
	}
}
