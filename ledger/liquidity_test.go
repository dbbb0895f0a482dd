package ledger_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// docs/liquidity.md is made of what these tests print: with -liquidity they run in full and draw the plot.
var liquidity = flag.String("liquidity", "", "make the measurements of docs/liquidity.md in full and write the plot to this file")

// order is a payment of the synthetic day.
type order struct {
	at       int64 // ms from the opening
	from, to int
	amount   int64
}

const (
	dayLength = 10 * 3600 * 1000
	dayBlock  = 30 * 1000
)

// day makes a day's payments. A few banks send and get most of them, and amounts spread over four decades.
// Of ten payments one goes one way only; four have an answer of about the same amount within the hour, and
// five begin a circle of three, as markets have it where what is bought is sold again.
func day(banks, payments int, seed uint64) []order {
	r := rand.New(rand.NewPCG(seed, 1))
	var shares []int
	for b := range banks {
		for range 1 + 60/(b+2) {
			shares = append(shares, b)
		}
	}
	var all []order
	for len(all) < payments {
		circle := []int{shares[r.IntN(len(shares))]}
		length := 2
		kind := r.IntN(10)
		if kind >= 5 {
			length = 3
		}
		for len(circle) < length {
			if b := shares[r.IntN(len(shares))]; !slices.Contains(circle, b) {
				circle = append(circle, b)
			}
		}
		amount := 100 + r.Int64N(900)
		for range r.IntN(4) {
			amount *= 10
		}
		at := r.Int64N(dayLength - 2*3600*1000)
		for i, from := range circle {
			if i > 0 && kind == 0 {
				break
			}
			all = append(all, order{at, from, circle[(i+1)%length], amount * (90 + r.Int64N(21)) / 100})
			at += r.Int64N(3600 * 1000)
		}
	}
	all = all[:payments]
	slices.SortStableFunc(all, func(a, b order) int { return int(a.at - b.at) })
	return all
}

// needs returns what each bank must have to begin with if all is settled as it comes: the liquidity of gross
// settlement without a queue; and what it owes when the day is over, without which it cannot do.
func needs(all []order, banks int) (most, least []int64) {
	net := make([]int64, banks)
	most, least = make([]int64, banks), make([]int64, banks)
	for _, o := range all {
		net[o.from] -= o.amount
		net[o.to] += o.amount
		most[o.from] = max(most[o.from], -net[o.from])
	}
	for b := range least {
		least[b] = max(0, -net[b])
	}
	return most, least
}

// dayResult is how a day went.
type dayResult struct {
	settled bool  // every payment, in time
	delay   int64 // mean wait, ms
	deepest int   // most that waited at once
	later   int   // payments settled from the queue
	work    int   // most looked at in a block
}

// play settles a day of one currency, each bank with so much to begin with and none coming but from the
// others. A payment that waits for longer than patience, or finds the queue full, ends it.
func play(t testing.TB, all []order, endowment []int64, patience int64, how func(*ledger.State)) (d dayResult) {
	w := newWorld(t)
	how(w.state)
	usd := asset("USD@CHASUS33")
	w.run("admit CHASUS33")
	n := 0
	pay := func(to string, amount int64) *ledger.Pay {
		n++
		var id ledger.ID
		binary.BigEndian.PutUint64(id[:], uint64(n))
		return &ledger.Pay{
			ID: id, UETR: id, UETRKind: ledger.UETRPayment, To: ledger.MustBIC(to), Mode: ledger.ExactDeliver, Send: usd, Deliver: usd,
			Amount: amount, Bound: amount, OnShortfall: ledger.QueueOnShortfall,
		}
	}
	for b, units := range endowment {
		w.run("admit " + bankName(b))
		w.do(bankName(b), &ledger.SetLine{Asset: usd, Limit: ledger.MaxUnits / 2, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
		if units > 0 {
			w.do("CHASUS33", pay(bankName(b), units))
		}
	}
	open := w.now
	came := map[ledger.ID]int64{}
	next, settled, delays := 0, 0, int64(0)
	for now := int64(dayBlock); next < len(all) || len(w.state.Queue()) > 0; now += dayBlock {
		w.now = open + now
		byBank := make([][]ledger.Instruction, len(endowment))
		for ; next < len(all) && all[next].at < now; next++ {
			o := &all[next]
			p := pay(bankName(o.to), o.amount)
			p.NotAfter = w.now + patience
			came[p.ID] = open + o.at
			byBank[o.from] = append(byBank[o.from], p)
		}
		var subs [][]byte
		for b, in := range byBank {
			if len(in) > 0 {
				subs = append(subs, w.submission(bankName(b), in...))
			}
		}
		for first := true; first || w.state.NextDeadline() == w.now; first = false {
			w.quick(subs)
			subs = nil
			d.work = max(d.work, w.state.QueueWork())
			for i := range w.block.Results {
				r := &w.block.Results[i]
				switch r.Outcome {
				case ledger.Queued:
				case ledger.Applied:
					settled++
					delays += w.now - came[r.Instruction.(*ledger.Pay).ID]
					if r.Kind == ledger.KindLater {
						d.later++
					}
				case ledger.QueueFull, ledger.Expired:
					return d
				default:
					t.Fatalf("from %s: %s", r.Participant, r.Outcome)
				}
			}
			d.deepest = max(d.deepest, len(w.state.Queue()))
		}
	}
	if err := w.state.CheckInvariants(); err != nil || settled != len(all) {
		t.Fatalf("%d of %d settled, %v", settled, len(all), err)
	}
	d.settled, d.delay = true, delays/int64(len(all))
	return d
}

// quick applies a message without the checks of apply, which look at the whole state.
func (w *world) quick(subs [][]byte) {
	var m ledger.Message
	if err := ledger.DecodeMessage(ledger.EncodeMessage(nil, w.state.Height()+1, 1, w.state.LastMessage(), w.now, subs), &m); err != nil {
		w.t.Fatal(err)
	}
	m.Trust()
	if err := w.state.Apply(&m, &w.block); err != nil {
		w.t.Fatal(err)
	}
}

var dayModes = []struct {
	name string
	how  func(*ledger.State)
}{
	{"gross", func(s *ledger.State) { s.Reach(ledger.Gross) }},
	{"bilateral", func(s *ledger.State) { s.Reach(ledger.Bilateral) }},
	{"multilateral", func(s *ledger.State) { s.Reach(ledger.Multilateral) }},
}

// TestLiquidity looks for the least liquidity with which a day settles, each payment in time, with each way to
// settle what waits. The product has one way, the last; the others are there to compare with. Every bank
// has what it owes in the end, and beyond that the same share of what it needs without a queue.
func TestLiquidity(t *testing.T) {
	banks, payments, patiences, steps := 12, 3_000, []int64{600}, 4
	if *liquidity != "" {
		banks, payments, patiences, steps = 30, 200_000, []int64{30, 120, 600}, 5
	}
	all := day(banks, payments, 7)
	need, least := needs(all, banks)
	value, total, lowest := int64(0), int64(0), int64(0)
	for _, o := range all {
		value += o.amount
	}
	for b := range need {
		total, lowest = total+need[b], lowest+least[b]
	}
	t.Logf("%d payments of %s, settled as they come with %s (%s of it); %s are owed in the end", payments, dollars(value), dollars(total), percent(total, value), dollars(lowest))
	used := make([][]int64, len(dayModes))
	for _, minutes := range patiences {
		for m, mode := range dayModes {
			enough, short := int64(1)<<steps, int64(-1) // in parts of 2^steps
			var best dayResult
			for enough-short > 1 {
				part := (enough + short) / 2
				share := make([]int64, banks)
				for b := range share {
					share[b] = least[b] + (need[b]-least[b])*part>>steps
				}
				if d := play(t, all, share, minutes*60_000, mode.how); d.settled {
					enough, best = part, d
				} else {
					short = part
				}
			}
			used[m] = append(used[m], lowest+(total-lowest)*enough>>steps)
			last := len(used[m]) - 1
			t.Logf("| %d | %s | %s | %s | %s | %d:%02d | %d | %d |", minutes, mode.name, dollars(used[m][last]),
				percent(total-used[m][last], total), percent(used[0][last]-used[m][last], used[0][last]), best.delay/60_000, best.delay/1000%60, best.later, best.deepest)
		}
	}
	last := len(patiences) - 1
	if g, m := used[0][last], used[2][last]; m > g || m*5 > total*4 {
		t.Errorf("of %d, a day of waiting leaves %d to gross settlement and %d to multilateral", total, g, m)
	}
	if *liquidity != "" {
		if err := os.WriteFile(*liquidity, []byte(liquidityPlot(patiences, used, total)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func dollars(units int64) string { return money.New(units, money.MustCurrency("USD")).Value() }

func percent(part, whole int64) string {
	return fmt.Sprintf("%.1f%%", 100*float64(part)/float64(whole))
}

// liquidityPlot draws the liquidity each way takes against how long a payment may wait.
func liquidityPlot(patiences []int64, used [][]int64, most int64) string {
	const width, height, left, bottom = 640, 300, 70, 260
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	x := func(m int64) int { return left + int(m)*460/int(slices.Max(patiences)) }
	y := func(v int64) int { return bottom - int(v*220/most) }
	for _, m := range patiences {
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%d</text>`+"\n", x(m), bottom+16, m)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">minutes that a payment may wait</text>`+"\n", left+230, bottom+34)
	for q := range int64(5) {
		v := most * q / 4
		fmt.Fprintf(&b, `<path d="M%d %dH%d" stroke="#ddd"/><text x="%d" y="%d" text-anchor="end">%dm</text>`+"\n", left, y(v), left+470, left-6, y(v)+4, v/100/1_000_000)
	}
	for i, color := range []string{"#8a8a8a", "#c46a1b", "#1b6ac4"} {
		var points []string
		for n, m := range patiences {
			points = append(points, fmt.Sprintf("%d,%d", x(m), y(used[i][n])))
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), color)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", left+476, y(used[i][len(patiences)-1])+4, color, dayModes[i].name)
	}
	return b.String() + "</svg>\n"
}

// TestNettingEfficiency has a dense book of currency trades settle payment versus payment, each bank with no
// more in each currency than what it owes in the end: how much less that is than all it pays.
func TestNettingEfficiency(t *testing.T) {
	banks, trades := 8, 800
	if *liquidity != "" {
		banks, trades = 16, 8_000
	}
	r := rand.New(rand.NewPCG(11, 1))
	w := newWorld(t)
	currencies := []string{"USD", "USD", "USD", "EUR", "EUR", "JPY", "GBP", "CHF"}
	central := map[string]string{"USD": "CHASUS33", "EUR": "DEUTDEFF", "JPY": "MUFGJPJT", "GBP": "HSBCGB2L", "CHF": "UBSWCHZH"}
	kinds := []string{"CHF", "EUR", "GBP", "JPY", "USD"}
	for _, c := range kinds {
		w.run("admit " + central[c])
	}
	for b := range banks {
		w.run("admit " + bankName(b))
		for _, c := range kinds {
			w.do(bankName(b), &ledger.SetLine{Asset: asset(c + "@" + central[c]), Limit: ledger.MaxUnits / 2, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
		}
	}
	perUSD := map[string]int64{"USD": 1000, "EUR": 860, "GBP": 740, "CHF": 800, "JPY": 1500} // of minor units, in thousandths
	legs := make([]int, banks)
	net, gross := map[string]int64{}, int64(0)
	ids := 0
	pay := func(to int, c string, amount int64) *ledger.Pay {
		ids++
		var id ledger.ID
		binary.BigEndian.PutUint64(id[:], uint64(ids))
		a := asset(c + "@" + central[c])
		return &ledger.Pay{
			ID: id, UETR: id, UETRKind: ledger.UETRPayment, To: ledger.MustBIC(bankName(to)), Mode: ledger.ExactDeliver, Send: a, Deliver: a, Amount: amount, Bound: amount,
		}
	}
	inUSD := func(c string, amount int64) int64 { return amount * 1000 / perUSD[c] }
	first, second := make([][]ledger.Instruction, banks), make([][]ledger.Instruction, banks)
	for made := 0; made < trades; {
		a, b := r.IntN(banks), r.IntN(banks)
		x, y := currencies[r.IntN(len(currencies))], currencies[r.IntN(len(currencies))]
		if a == b || x == y || legs[a] == ledger.MaxQueued || legs[b] == ledger.MaxQueued {
			continue
		}
		made++
		legs[a], legs[b] = legs[a]+1, legs[b]+1
		value := (1 + r.Int64N(100)) * 1_000_000
		p, q := pay(b, x, value*perUSD[x]/1000), pay(a, y, value*perUSD[y]/1000)
		p.PvPWith, q.PvPWith = q.ID, p.ID
		first[a], second[b] = append(first[a], p), append(second[b], q)
		for _, leg := range []struct {
			from, to int
			c        string
			amount   int64
		}{{a, b, x, p.Amount}, {b, a, y, q.Amount}} {
			net[bankName(leg.from)+leg.c] -= leg.amount
			net[bankName(leg.to)+leg.c] += leg.amount
			gross += inUSD(leg.c, leg.amount)
		}
	}
	w.state.Reach(ledger.Gross) // so that no circle settles before all are there
	for _, side := range [][][]ledger.Instruction{first, second} {
		for b, in := range side {
			for some := range slices.Chunk(in, 500) {
				w.quick([][]byte{w.submission(bankName(b), some...)})
			}
		}
	}
	if got := len(w.state.Queue()); got != 2*trades {
		t.Fatalf("%d legs wait, want %d", got, 2*trades)
	}
	w.state.Reach(ledger.Multilateral)
	funded := int64(0)
	var subs [][]byte
	for _, c := range kinds {
		var in []ledger.Instruction
		for b := range banks {
			if lack := -net[bankName(b)+c]; lack > 0 {
				funded += inUSD(c, lack)
				in = append(in, pay(b, c, lack))
			}
		}
		if len(in) > 0 {
			subs = append(subs, w.submission(central[c], in...))
		}
	}
	w.quick(subs)
	blocks := 1
	for ; w.state.NextDeadline() == w.now && blocks < 100; blocks++ {
		w.quick(nil)
	}
	if left := len(w.state.Queue()); left > 0 {
		t.Errorf("%d legs wait still", left)
	}
	if err := w.state.CheckInvariants(); err != nil {
		t.Error(err)
	}
	t.Logf("%d trades of %d banks in %d currencies, %d.%02d million dollars gross: %s netted, in %d blocks",
		trades, banks, len(kinds), gross/100_000_000, gross/1_000_000%100, percent(gross-funded, gross), blocks)
	if funded*4 > gross {
		t.Errorf("%d of %d has to be funded", funded, gross)
	}
}
