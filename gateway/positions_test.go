package gateway

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"
)

// A net position is what the statements of the same time add up to, minute by minute.
func TestPositionsAreWhatStatementsSay(t *testing.T) {
	r := newRig(t)
	r.market()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for i := range 12 {
		who, body := mexican, euros(fmt.Sprintf("%d.%02d", rng.IntN(20), 1+rng.IntN(99)))
		if i%3 == 0 {
			body["deliver"] = obj{"currency": "EUR", "value": "99999999.00"} // refused, and so no change
		}
		r.must(201, r.do("POST", "/v1/payments", who, body, "Prefer", "wait=10"))
	}
	for _, who := range []string{mexican, german, dealer} {
		now := time.Now().UTC().Add(time.Second)
		query := "?from=" + now.Add(-10*time.Minute).Truncate(time.Minute).Format(time.RFC3339) + "&until=" + now.Format(time.RFC3339)
		told := r.must(200, r.do("GET", "/v1/positions"+query, who, nil))
		statements := r.must(200, r.do("GET", "/v1/statements"+query, who, nil))
		type sums struct {
			opening, closing decimal.Decimal
			results          map[string]bool
		}
		want := make(map[string]*sums)
		for _, raw := range statements.json["data"].([]any) {
			st := raw.(obj)
			currency := st["currency"].(string)
			if want[currency] == nil {
				want[currency] = &sums{results: make(map[string]bool)}
			}
			w := want[currency]
			w.opening, w.closing = w.opening.Add(dec(t, st["opening"])), w.closing.Add(dec(t, st["closing"]))
			for _, e := range st["entries"].([]any) {
				var height, index, seq int
				if _, err := fmt.Sscanf(e.(obj)["reference"].(string), "%d-%d-%d", &height, &index, &seq); err != nil {
					t.Fatalf("reference %v: %v", e.(obj)["reference"], err)
				}
				w.results[fmt.Sprint(height, index)] = true
			}
		}
		moved := 0
		for _, raw := range told.json["data"].([]any) {
			n := raw.(obj)
			w := want[n["currency"].(string)]
			if w == nil {
				t.Fatalf("seed %d, %s: a net position in %v, and no statement", seed, who, n["currency"])
			}
			low, high, changes, last := dec(t, n["opening"]), dec(t, n["opening"]), 0, dec(t, n["opening"])
			for _, p := range n["points"].([]any) {
				p := p.(obj)
				low, high, last = decimal.Min(low, dec(t, p["lowest"])), decimal.Max(high, dec(t, p["highest"])), dec(t, p["closing"])
				changes += int(p["changes"].(float64))
			}
			if !dec(t, n["opening"]).Equal(w.opening) || !dec(t, n["closing"]).Equal(w.closing) || !last.Equal(w.closing) ||
				!dec(t, n["lowest"]).Equal(low) || !dec(t, n["highest"]).Equal(high) || changes != len(w.results) || int(n["changes"].(float64)) != changes {
				t.Errorf("seed %d, %s: %v, the statements say %s to %s in %d results", seed, who, n, w.opening, w.closing, len(w.results))
			}
			moved += changes
			delete(want, n["currency"].(string))
		}
		for currency, w := range want {
			if !w.opening.IsZero() || !w.closing.IsZero() || len(w.results) > 0 {
				t.Errorf("seed %d, %s: no net position in %s", seed, who, currency)
			}
		}
		if moved == 0 {
			t.Errorf("seed %d, %s: nothing moved", seed, who)
		}
	}
	day := time.Now().UTC().AddDate(0, 0, -3).Format(time.RFC3339)
	if got := r.do("GET", "/v1/positions?from="+day, mexican, nil); got.status != 400 || got.text("code") != "invalid_value" {
		t.Errorf("three days: %d %s", got.status, got.body)
	}
}

func dec(t *testing.T, text any) decimal.Decimal {
	t.Helper()
	d, err := decimal.NewFromString(text.(string))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
