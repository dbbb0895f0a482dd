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
			if n.Name != "Rpt" && n.Name != "Stmt" && n.Name != "Ntfctn" {
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
		for _, kind := range []string{"camt.052.001.08", "camt.054.001.08"} {
			id := fmt.Sprintf("Q-%d-%s", i, kind)
			other := accountsOf(r.asks(200, owner, strings.Replace(camt060(owner, id, kind, "", ""), "</AcctOwnr>", period, 1)))
			for name, want := range statement {
				got := other[name]
				if kind == "camt.054.001.08" { // it tells of entries, not of balances
					want.opening, want.closing = decimal.Decimal{}, decimal.Decimal{}
				}
				if got.entries != want.entries || !got.sum.Equal(want.sum) || !got.opening.Equal(want.opening) || !got.closing.Equal(want.closing) {
					if kind != "camt.054.001.08" || want.entries > 0 { // nothing to tell of is not told
						t.Errorf("%s, %s, %s: %+v, the statement has %+v", owner, name, kind, got, want)
					}
				}
			}
		}
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
	// Hour by hour an intraday report has what the day's has, each entry once.
	day := now.Truncate(24 * time.Hour)
	total := 0
	for hour := range 24 {
		from, to := fmt.Sprintf("%02d:00:00Z", hour), fmt.Sprintf("%02d:00:00+01:00", (hour+2)%24)
		last := day
		if hour >= 22 {
			last = day.AddDate(0, 0, 1) // where it is an hour later, the next day has begun
		}
		part := "</AcctOwnr><RptgPrd><FrToDt><FrDt>" + day.Format(time.DateOnly) + "</FrDt><ToDt>" + last.Format(time.DateOnly) +
			"</ToDt></FrToDt><FrToTm><FrTm>" + from + "</FrTm><ToTm>" + to + "</ToTm></FrToTm><Tp>ALLL</Tp></RptgPrd>"
		for _, a := range accountsOf(r.asks(200, dealer, strings.Replace(camt060(dealer, fmt.Sprintf("H-%d", hour), "camt.052.001.08", "", ""), "</AcctOwnr>", part, 1))) {
			total += a.entries
		}
	}
	whole := 0
	for _, a := range accountsOf(r.asks(200, dealer, camt060(dealer, "H-day", "camt.052.001.08", "", day.Format(time.DateOnly)))) {
		whole += a.entries
	}
	if total != whole || whole == 0 {
		t.Errorf("the hours of the day have %d entries, the day %d", total, whole)
	}
	wrong := strings.Replace(camt060(dealer, "H-wrong", "camt.053.001.08", "", ""), "</AcctOwnr>", "</AcctOwnr><RptgPrd><FrToDt><FrDt>"+day.Format(time.DateOnly)+
		"</FrDt></FrToDt><FrToTm><FrTm>01:00:00Z</FrTm></FrToTm><Tp>ALLL</Tp></RptgPrd>", 1)
	diff(t, "a statement of some hours", told(r.asks(400, dealer, wrong)), []string{"RJCT DT01"})
	t.Logf("%d payments settled, %d entries in statements of %d assets", settled, entries, len(assets))
}
