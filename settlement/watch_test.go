package settlement_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/settlement"
)

// TestWatchMissesNothing changes a market at random: after blocks that the watch says could not matter to
// a request its quote is the same.
func TestWatchMissesNothing(t *testing.T) {
	const seed = 7
	e := start(t, t.TempDir())
	r := rand.New(rand.NewPCG(seed, 0))
	var banks []ledger.BIC
	for i := range 9 {
		name := fmt.Sprintf("B%03dDEFF", i)
		e.submit("operator", name, admit(name))
		banks = append(banks, ledger.MustBIC(name))
	}
	issuers := banks[:4] // banks[7:] are nobody's hop: they hold, pay and are paid
	currencies := []money.Currency{money.MustCurrency("EUR"), money.MustCurrency("USD"), money.MustCurrency("GBP"), money.MustCurrency("JPY")}
	asset := func(i int) ledger.AssetName { return ledger.AssetName{Currency: currencies[i], Issuer: issuers[i]} }
	line := func(b ledger.BIC, i int, ripple bool) {
		if b != issuers[i] {
			e.submit(b.String(), newKey(r), &ledger.SetLine{Asset: asset(i), Limit: 1_000_000, Ripple: ripple, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
		}
	}
	send := func(from, to ledger.BIC, i int, amount int64) {
		p := pay(r.IntN(1<<30), to.String(), amount)
		p.Send, p.Deliver = asset(i), asset(i)
		e.submit(from.String(), newKey(r), p)
	}
	for _, b := range banks {
		for i := range currencies {
			line(b, i, false)
			send(issuers[i], b, i, 100_000)
		}
	}
	requests := []settlement.QuoteRequest{
		{From: banks[4], To: banks[5], Deliver: ledger.AssetName{Currency: currencies[0]}, Amount: 5_000},
		{From: banks[0], To: banks[6], Send: asset(1), Deliver: asset(2), Amount: 700},
		{From: banks[5], To: banks[4], Send: ledger.AssetName{Currency: currencies[2]}, Deliver: ledger.AssetName{Currency: currencies[3]}, Amount: 3_000, ExactSend: true},
	}
	quote := func(i int) string {
		a, err := e.client.Quote(t.Context(), requests[i])
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(a.Options)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	watch, err := e.client.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last, matters := make([]string, len(requests)), make([]bool, len(requests))
	for i := range requests {
		last[i] = quote(i)
	}
	placed := map[ledger.ID]ledger.BIC{}
	var news settlement.News
	quiet, changed := 0, 0
	for range 500 {
		i, j := r.IntN(4), r.IntN(4)
		switch at := banks[r.IntN(7)]; r.IntN(9) {
		case 0, 1:
			o := &ledger.PlaceOffer{ID: newID(r), Give: asset(i), Want: asset((i + 1 + r.IntN(3)) % 4), Amount: 1 + r.Int64N(20_000)}
			o.Price, _ = ledger.NewPrice(90+r.Int64N(30), 100)
			if r.IntN(2) == 0 {
				o.Expires = time.Now().Add(time.Duration(1+r.IntN(300)) * time.Millisecond).UnixMilli()
			}
			e.submit(at.String(), newKey(r), o)
			placed[o.ID] = at
		case 2:
			for id, by := range placed {
				e.submit(by.String(), newKey(r), &ledger.CancelOffer{ID: id})
				delete(placed, id)
				break
			}
		case 3:
			line(at, i, r.IntN(4) == 0)
		case 4:
			e.submit(issuers[i].String(), newKey(r), &ledger.ControlLine{Holder: banks[(i+1+j)%9], Currency: currencies[i], SetFrozen: true, Frozen: r.IntN(3) == 0})
		case 5:
			p := pay(r.IntN(1<<30), banks[r.IntN(9)].String(), 1+r.Int64N(3_000))
			p.Send, p.Deliver, p.Bound = ledger.AssetName{Currency: currencies[i]}, ledger.AssetName{Currency: currencies[j]}, 1_000_000
			e.submit(at.String(), newKey(r), p)
		default:
			send(banks[7+r.IntN(2)], banks[7+r.IntN(2)], i, 1+r.Int64N(3_000))
		}
		status, err := e.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if news.Height >= status.Projected {
			continue // nothing was submitted this time
		}
		if news, err = watch.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		// What was told and what is asked for now are of one height only when nothing came in between.
		for i := range requests {
			now := quote(i)
			matters[i] = matters[i] || news.Matters(&requests[i])
			status, err := e.client.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if status.Height != news.Height {
				continue
			}
			if now != last[i] {
				changed++
			}
			if !matters[i] {
				quiet++
				if now != last[i] {
					t.Fatalf("seed %d: request %d at height %d was said not to matter:\n%s\n%s", seed, i, news.Height, last[i], now)
				}
			}
			last[i], matters[i] = now, false
		}
	}
	t.Logf("%d quotes changed, %d not asked for again", changed, quiet)
	if changed < 30 || quiet < 100 {
		t.Errorf("%d quotes changed, %d were not asked for again: too few to say anything", changed, quiet)
	}
}

func newID(r *rand.Rand) (id ledger.ID) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	return id
}

func newKey(r *rand.Rand) string { id := newID(r); return fmt.Sprintf("%x", id[:]) }
