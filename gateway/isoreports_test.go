package gateway

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"viaduct/gateway/iso20022"
)

// account is one account of a report, added up by the test itself.
type account struct {
	opening, closing, sum decimal.Decimal
	entries               int
}

// accountsOf reads a camt.052 or camt.053 as a bank would.
func accountsOf(m *iso20022.Message) map[string]account {
	signed := func(n *iso20022.Node) decimal.Decimal {
		d := decimal.RequireFromString(n.Value("Amt"))
		if n.Value("CdtDbtInd") == "DBIT" {
			d = d.Neg()
		}
		return d
	}
	all := map[string]account{}
	for body := range m.Root.Children("") {
		for n := range body.Children("") {
			if n.Name != "Rpt" && n.Name != "Stmt" {
				continue
			}
			a := account{}
			for b := range n.Children("Bal") {
				if b.Value("Tp", "CdOrPrtry", "Cd") == "OPBD" {
					a.opening = signed(b)
				} else {
					a.closing = signed(b)
				}
			}
			for e := range n.Children("Ntry") {
				a.sum = a.sum.Add(signed(e))
				a.entries++
			}
			all[n.Value("Acct", "Id", "Othr", "Id")] = a
		}
	}
	return all
}

// The statements of a random day: for every account opening and entries make the closing balance, the
// closing balances are the ledger's, and an asset's add up to nothing.
func TestStatementsOfARandomDay(t *testing.T) {
	r := newRig(t)
	r.euroArea(t)
	r.market()
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 7))
	t.Logf("seed %d", seed)
	banks := []string{mexican, german, romanian, dealer}
	settled := 0
	for range 60 {
		from, to := banks[rng.IntN(len(banks))], banks[rng.IntN(len(banks))]
		if from == to {
			continue
		}
		value := fmt.Sprintf("%d.%02d", 1+rng.IntN(4000), rng.IntN(100))
		got := r.must(201, r.do("POST", "/v1/payments", from, obj{
			"to": to, "deliver": cash("EUR", value), "send_max": cash([]string{"EUR", "MXN"}[rng.IntN(2)], "100000.00"),
		}, "Prefer", "wait=10"))
		if got.text("status") == "settled" {
			settled++
		}
	}
	now := time.Now().UTC()
	period := "</AcctOwnr><RptgPrd><FrToDt><FrDt>" + now.AddDate(0, 0, -1).Format(time.DateOnly) + "</FrDt><ToDt>" +
		now.AddDate(0, 0, 1).Format(time.DateOnly) + "</ToDt></FrToDt><Tp>ALLL</Tp></RptgPrd>"
	r.clock.Store(int64(72 * time.Hour))
	assets, entries := map[string]decimal.Decimal{}, 0
	for i, owner := range banks {
		ask := strings.Replace(camt060(owner, fmt.Sprintf("Q-%d", i), "camt.053.001.08", "", ""), "</AcctOwnr>", period, 1)
		statement := accountsOf(r.asks(200, owner, ask))
		balances := r.must(200, r.do("GET", "/v1/balances", owner, nil))
		list, _ := balances.json["data"].([]any)
		if len(list) != len(statement) {
			t.Errorf("%s has %d positions and %d statements", owner, len(list), len(statement))
		}
		for n := range list {
			at := func(name string) string { return balances.text("data", fmt.Sprint(n), name) }
			name, ledgers := at("currency")+"@"+at("issuer"), decimal.RequireFromString(at("value"))
			if at("kind") == "obligation" {
				ledgers = ledgers.Neg()
			}
			a, ok := statement[name]
			if !ok || !a.closing.Equal(ledgers) || !a.opening.Add(a.sum).Equal(a.closing) {
				t.Errorf("%s, %s: opening %s, entries %s, closing %s; the ledger has %s", owner, name, a.opening, a.sum, a.closing, ledgers)
			}
			assets[name] = assets[name].Add(a.closing)
			entries += a.entries
		}
	}
	for name, sum := range assets {
		if !sum.IsZero() {
			t.Errorf("the balances in %s add up to %s", name, sum)
		}
	}
	t.Logf("%d payments settled, %d entries in statements of %d assets", settled, entries, len(assets))
}
