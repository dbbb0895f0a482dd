package ledger_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"

	"pgregory.net/rapid"
)

// propertyRuns is how many random runs a test makes unless -rapid.checks says otherwise; the race
// detector makes each some ten times slower.
func TestMain(m *testing.M) {
	runs := "10000"
	if raceEnabled {
		runs = "500"
	}
	if err := flag.Set("rapid.checks", runs); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// fewerRuns is for a test whose runs take long; it returns how many it makes.
func fewerRuns(t *testing.T) int {
	checks := flag.Lookup("rapid.checks").Value
	before := checks.String()
	n, err := strconv.Atoi(before)
	if err != nil {
		t.Fatal(err)
	}
	n = max(1, n/8)
	if err := checks.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = checks.Set(before) })
	return n
}

// model is the slow, obvious twin: balances in a map, rules in plain words.
type model struct {
	balance, limit         map[string]int64 // "holder/asset"
	frozen, authorized     map[string]bool
	fee                    map[string]int64 // per issuer
	stopped, asksAuth      map[string]bool  // per issuer
	cap                    map[string]int64 // "participant/currency"
	admitted, known        map[string]bool
	positions, assetExists map[string]bool
}

func newModel() *model {
	return &model{
		balance: map[string]int64{}, limit: map[string]int64{}, frozen: map[string]bool{}, authorized: map[string]bool{},
		fee: map[string]int64{}, stopped: map[string]bool{}, asksAuth: map[string]bool{}, cap: map[string]int64{},
		admitted: map[string]bool{}, known: map[string]bool{}, positions: map[string]bool{}, assetExists: map[string]bool{},
	}
}

func at(holder string, a ledger.AssetName) string { return holder + "/" + a.String() }

func (m *model) open(holder string, a ledger.AssetName) {
	m.positions[at(holder, a)] = true
	m.positions[at(a.Issuer.String(), a)] = true
	m.assetExists[a.String()] = true
}

func (m *model) net(p string, c money.Currency) (sum int64) {
	for k, v := range m.balance {
		var holder, a string
		for i := range k {
			if k[i] == '/' {
				holder, a = k[:i], k[i+1:]
			}
		}
		if holder == p && asset(a).Currency == c {
			sum += v
		}
	}
	return sum
}

// pay predicts a payment of one asset from hand to hand.
func (m *model) pay(from, to string, a ledger.AssetName, amount, max int64) bool {
	issuer := a.Issuer.String()
	fee := int64(0)
	switch {
	case from == to || amount <= 0 || max <= 0 || !m.admitted[to]:
		return false
	case !m.positions[at(from, a)] || !m.positions[at(to, a)]:
		return false
	case to == issuer:
	case m.asksAuth[issuer] && !m.authorized[at(to, a)]:
		return false
	case m.balance[at(to, a)]+amount > m.limit[at(to, a)]:
		return false
	case from == issuer:
	case m.stopped[issuer] || m.frozen[at(from, a)] || m.asksAuth[issuer] && !m.authorized[at(from, a)]:
		return false
	default:
		fee = (amount*m.fee[issuer] + ledger.Unit - 1) / ledger.Unit
	}
	if amount+fee > max || from != issuer && amount+fee > m.balance[at(from, a)] {
		return false
	}
	if limit, capped := m.cap[from+"/"+a.Currency.String()]; capped && amount+fee > limit+m.net(from, a.Currency) {
		return false
	}
	m.balance[at(from, a)] -= amount + fee
	m.balance[at(to, a)] += amount
	m.balance[at(issuer, a)] += fee
	return true
}

// TestRandomCommands runs random commands beside the model. After every block: an asset's lines sum to
// its issuer's obligation, balances equal the model's, a refusal changed nothing but its record; at
// the end a replay gives the same state hash.
func TestRandomCommands(t *testing.T) {
	banks := []string{"CHASUS33", "DEUTDEFF", "BNMXMXMM", "HSBCGB2L"}
	currencies := []string{"USD", "EUR"}
	rapid.Check(t, func(rt *rapid.T) {
		w, m := newWorld(rt), newModel()
		bank := rapid.SampledFrom(banks)
		pick := func(label string) string { return bank.Draw(rt, label) }
		amount := func(label string) int64 {
			return rapid.SampledFrom([]int64{-1, 0, 1, 2, 3, 10, 99, 100, 250, 1000, ledger.MaxUnits + 1}).Draw(rt, label)
		}
		anyAsset := func() ledger.AssetName {
			return asset(rapid.SampledFrom(currencies).Draw(rt, "currency") + "@" + pick("issuer"))
		}
		flags := func(label string) bool { return rapid.Bool().Draw(rt, label) }
		for _, b := range banks[:3] { // one bank stays a stranger for a while
			w.run("admit " + b)
			m.admitted[b] = true
		}
		for i := range rapid.IntRange(5, 40).Draw(rt, "commands") {
			before := w.state.TablesHash()
			by := pick("by")
			var in ledger.Instruction
			predicted := false
			decided := true // the model knows the outcome
			switch rapid.IntRange(0, 9).Draw(rt, "kind") {
			case 0:
				in, by = &ledger.Admit{BIC: ledger.MustBIC(by), Name: by, Country: [2]byte{'U', 'S'}, Key: public(keyOf(by))}, "operator"
				name := in.(*ledger.Admit).BIC.String()
				predicted = !m.admitted[name]
				m.admitted[name] = true
			case 1:
				fee := rapid.SampledFrom([]int64{-1, 0, 2_500_000, 333_333_333, ledger.Unit, ledger.Unit + 1}).Draw(rt, "fee")
				in = &ledger.SetTerms{SetTransferFee: true, TransferFee: fee, SetFrozen: true, Frozen: flags("frozen"), SetRequireAuthorization: true, RequireAuthorization: flags("auth")}
				if predicted = m.admitted[by] && fee >= 0 && fee <= ledger.Unit; predicted {
					m.fee[by], m.stopped[by], m.asksAuth[by] = fee, in.(*ledger.SetTerms).Frozen, in.(*ledger.SetTerms).RequireAuthorization
				}
			case 2:
				c := rapid.SampledFrom(currencies).Draw(rt, "currency")
				cap := amount("cap")
				in = &ledger.SetCap{Participant: ledger.MustBIC(by), Currency: money.MustCurrency(c), Cap: cap}
				if predicted = m.admitted[by] && (cap == ledger.NoCap || cap >= 0 && cap <= ledger.MaxUnits); predicted {
					m.cap[by+"/"+c] = cap
					if cap == ledger.NoCap {
						delete(m.cap, by+"/"+c)
					}
				}
				by = "operator"
			case 3, 4:
				a, limit := anyAsset(), amount("limit")
				in = &ledger.SetLine{Asset: a, Limit: limit, QualityIn: ledger.Unit, QualityOut: ledger.Unit}
				if predicted = m.admitted[by] && m.admitted[a.Issuer.String()] && by != a.Issuer.String() && limit >= 0 && limit <= ledger.MaxUnits; predicted {
					m.open(by, a)
					m.limit[at(by, a)] = limit
				}
			case 5:
				holder, c := pick("holder"), rapid.SampledFrom(currencies).Draw(rt, "currency")
				a := asset(c + "@" + by)
				in = &ledger.ControlLine{Holder: ledger.MustBIC(holder), Currency: a.Currency, SetFrozen: true, Frozen: flags("frozen"), SetAuthorized: true, Authorized: flags("authorized")}
				if predicted = m.admitted[by] && m.admitted[holder] && by != holder; predicted {
					m.open(holder, a)
					m.frozen[at(holder, a)], m.authorized[at(holder, a)] = in.(*ledger.ControlLine).Frozen, in.(*ledger.ControlLine).Authorized
				}
			case 6: // offers cross at once; what they post is checked through the moves
				decided = false
				price := money.Ratio{N: rapid.SampledFrom([]int64{0, 1, 2, 3, 7}).Draw(rt, "n"), D: rapid.SampledFrom([]int64{1, 2, 5}).Draw(rt, "d")}
				in = &ledger.PlaceOffer{ID: idOf(fmt.Sprint("offer", i)), Give: anyAsset(), Want: anyAsset(), Amount: amount("amount"), Price: price}
			default:
				to, a, n, max := pick("to"), anyAsset(), amount("amount"), amount("max")
				if rapid.IntRange(0, 9).Draw(rt, "covered") == 0 { // announced, and nothing moves
					in = &ledger.Pay{ID: idOf(fmt.Sprint("pay", i)), To: ledger.MustBIC(to), Mode: ledger.Covered, Send: a, Deliver: a, Amount: n, UETRKind: ledger.UETRPayment, UETR: idOf(fmt.Sprint("uetr", i))}
					predicted = m.admitted[by] && m.admitted[to] && m.admitted[a.Issuer.String()] && by != to && n > 0 && n <= ledger.MaxUnits
					break
				}
				in = &ledger.Pay{ID: idOf(fmt.Sprint("pay", i)), To: ledger.MustBIC(to), Mode: ledger.ExactDeliver, Send: a, Deliver: a, Amount: n, Bound: max, UETRKind: ledger.UETRPayment, UETR: idOf(fmt.Sprint("uetr", i))}
				if n > ledger.MaxUnits || max > ledger.MaxUnits {
					break
				}
				predicted = m.admitted[by] && m.pay(by, to, a, n, max)
			}
			r := w.do(by, in)
			if decided && predicted != (r.Outcome == ledger.Applied) {
				rt.Fatalf("%s: %+v: %s, the model says applied=%v", by, in, r.Outcome, predicted)
			}
			if r.Outcome != ledger.Applied && w.state.TablesHash() != before {
				rt.Fatalf("%s: %+v: refused as %s, yet the tables changed", by, in, r.Outcome)
			}
			if !decided {
				for _, p := range r.Postings {
					m.balance[at(p.Holder.String(), p.Asset)] += p.Delta
				}
			}
			for _, p := range w.state.Positions() {
				holder, a := w.state.Participants()[p.Holder].BIC.String(), w.state.AssetName(p.Asset)
				if p.Balance != m.balance[at(holder, a)] {
					rt.Fatalf("after %s: %+v: %s holds %d of %s, the model %d", by, in, holder, p.Balance, a, m.balance[at(holder, a)])
				}
			}
		}
		if w.replay() != w.state.Hash() {
			rt.Fatal("replay gives another state hash")
		}
	})
}
