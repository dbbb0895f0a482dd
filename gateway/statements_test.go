package gateway

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"viaduct/internal/money"
)

// Opening and entries sum up to closing, every entry's balance follows from the one before, and the
// closing balance is what GET /v1/balances says.
func TestStatementsAddUp(t *testing.T) {
	r := newRig(t)
	r.market()
	for i := range 5 {
		order := euros(fmt.Sprintf("%d.37", 10+i))
		order["end_to_end_id"] = "=SUM(A1)"
		r.must(201, r.do("POST", "/v1/payments", mexican, order, "Prefer", "wait=10"))
	}
	// The ledger's day is the genesis's here, long over.
	all := "from=2020-01-01T00:00:00Z"
	for _, who := range []string{mexican, german, dealer} {
		balances := make(map[string]string)
		for _, b := range r.must(200, r.do("GET", "/v1/balances", who, nil)).json["data"].([]any) {
			b := b.(obj)
			value := b["value"].(string)
			if b["kind"] == "obligation" && strings.Trim(value, "0.") != "" {
				value = "-" + value
			}
			balances[b["currency"].(string)+"@"+b["issuer"].(string)] = value
		}
		answer := r.must(200, r.do("GET", "/v1/statements?"+all, who, nil)).json
		seen := 0
		for _, x := range answer["data"].([]any) {
			st := x.(obj)
			asset := st["currency"].(string) + "@" + st["issuer"].(string)
			currency, err := money.ParseCurrency(st["currency"].(string))
			r.ok(err)
			units := func(v any) int64 {
				a, err := money.Parse(strings.TrimPrefix(v.(string), "-"), currency)
				r.ok(err)
				if strings.HasPrefix(v.(string), "-") {
					return -a.Units()
				}
				return a.Units()
			}
			sum := units(st["opening"])
			for _, e := range st["entries"].([]any) {
				e := e.(obj)
				if sum += units(e["amount"]); sum != units(e["balance"]) {
					t.Errorf("%s %s: entries sum up to %d and the balance after %v is %v", who, asset, sum, e["reference"], e["balance"])
				}
				seen++
			}
			if sum != units(st["closing"]) || st["closing"] != balances[asset] {
				t.Errorf("%s %s: entries sum up to %d, closing %v, balance %s", who, asset, sum, st["closing"], balances[asset])
			}
		}
		if seen == 0 {
			t.Errorf("%s: no entries", who)
		}
	}

	table, err := csv.NewReader(strings.NewReader(string(r.must(200, r.do("GET", "/v1/statements?format=csv&"+all, mexican, nil)).body))).ReadAll()
	r.ok(err)
	if table[1][2] != "opening" || table[len(table)-1][2] != "closing" || !strings.Contains(fmt.Sprint(table), "'=SUM(A1)") {
		t.Errorf("CSV: %v", table)
	}
	if xml := r.must(200, r.do("GET", "/v1/statements?format=camt.052&asset=MXN&"+all, mexican, nil)).body; !strings.Contains(string(xml), "camt.052.001.08") {
		t.Errorf("camt.052: %s", xml)
	}
	day := time.Now().UTC().Truncate(24 * time.Hour)
	whole := url.Values{"format": {"camt.053"}, "asset": {"MXN@" + mexican}, "from": {"2020-01-01T00:00:00Z"}, "until": {day.Format(time.RFC3339)}}
	if xml := r.must(200, r.do("GET", "/v1/statements?"+whole.Encode(), mexican, nil)).body; !strings.Contains(string(xml), "camt.053.001.08") {
		t.Errorf("camt.053: %s", xml)
	}
}

func TestStatementsRefuse(t *testing.T) {
	r := newRig(t)
	r.market()
	for query, want := range map[string]string{
		"from=yesterday":             "query:from",
		"until=2020-13-01T00:00:00Z": "query:until",
		"from=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z": "query:from",
		"from=2026-01-02T00:00:00Z&until=2026-01-02T00:00:00Z": "query:from",
		"format=camt.053&until=2999-01-01T00:00:00Z":           "query:until",
		"format=camt.053&from=2026-01-01T00:00:01Z":            "query:until",
		"format=pdf":         "query:format",
		"asset=gold":         "query:asset",
		"participant=nobody": "query:participant",
	} {
		got := r.must(400, r.do("GET", "/v1/statements?"+query, mexican, nil))
		if !strings.Contains(string(got.body), want) {
			t.Errorf("%s: %s, want a fault at %s", query, got.body, want)
		}
	}
	r.must(404, r.do("GET", "/v1/statements?asset=USD", mexican, nil))
	r.must(404, r.do("GET", "/v1/statements?participant="+german, mexican, nil))
	if got := r.must(200, r.do("GET", "/v1/statements", romanian, nil)).json["data"].([]any); len(got) != 0 {
		t.Errorf("who holds nothing has statements: %v", got)
	}
}
