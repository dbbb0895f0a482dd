package fx

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
)

var scalePlot = flag.String("scale", "", "measure cost against size and write the plot to this file")

// scaleMarket is a ledger's market of banks that keep lines with each other and dealers with offers,
// made from entries, without the ledger.
type scaleMarket struct {
	m      *market
	r      *rand.Rand
	purses map[uint64]int32
	worth  []int64
	nPos   int32
	held   [][]int32 // positions per bank
}

const scaleCurrencies = 12

func newScaleMarket(banks, lines, offers int) *scaleMarket {
	s := &scaleMarket{m: newMarket(), r: rand.New(rand.NewPCG(uint64(banks), uint64(lines))), purses: map[uint64]int32{}}
	s.held = make([][]int32, banks)
	all := money.Currencies()
	for range scaleCurrencies {
		s.worth = append(s.worth, 1+s.r.Int64N(200))
	}
	for b := range banks {
		s.m.apply(&change{table: tableParticipant, id: int32(b), bic: ledger.BIC([]byte(fmt.Sprintf("B%05dXXXXX", b)))})
	}
	// One asset in ten participants: the correspondents whose claims others hold.
	issuers := max(2, min(banks/4, 200))
	for b := range issuers {
		for c := range 2 {
			s.position(int32(b), int32(b*2+c), (b+c)%scaleCurrencies, all, true)
		}
	}
	seen := map[uint64]bool{}
	for len(seen) < lines {
		b, a := int32(s.r.IntN(banks)), int32(s.r.IntN(issuers*2))
		if b == a/2 || seen[pair(b, a)] {
			if len(seen) >= banks*issuers {
				break
			}
			continue
		}
		seen[pair(b, a)] = true
		s.position(b, a, (int(a/2)+int(a%2))%scaleCurrencies, all, false)
	}
	for i := range offers {
		s.offer(int32(i), uint64(i))
	}
	s.m.holdOut()
	return s
}

func (s *scaleMarket) position(bank, asset int32, c int, all []money.Currency, own bool) {
	purse, ok := s.purses[pair(bank, int32(c))]
	if !ok {
		purse = int32(len(s.purses))
		s.purses[pair(bank, int32(c))] = purse
		s.m.apply(&change{table: tablePurse, id: purse, part: bank, currency: all[c], available: ledger.MaxUnits})
	}
	available := int64(math.Exp(s.r.NormFloat64()) * 1e8)
	s.m.apply(&change{
		table: tablePosition, id: s.nPos, part: bank, asset: asset, purse: purse, currency: all[c], issuer: asset / 2,
		available: available, headroom: 2 * available, terms: terms{0, ledger.Unit - 100_000, ledger.Unit},
		own: own, ripple: !own && s.r.IntN(20) == 0, mayGive: true, mayTake: true, accepts: true,
	})
	s.held[bank] = append(s.held[bank], s.nPos)
	s.nPos++
}

func (s *scaleMarket) offer(id int32, seq uint64) {
	var mine []int32
	for len(mine) < 2 {
		mine = s.held[s.r.IntN(min(len(s.held), 500))] // dealers are few
	}
	give, want := mine[s.r.IntN(len(mine))], mine[s.r.IntN(len(mine))]
	a, b := &s.m.positions[give], &s.m.positions[want]
	if a.asset == b.asset {
		return
	}
	ga := s.worth[(a.asset/2+a.asset%2)%scaleCurrencies]
	wa := s.worth[(b.asset/2+b.asset%2)%scaleCurrencies]
	s.m.apply(&change{
		table: tableOffer, id: id, live: true, part: a.part, give: give, want: want, seq: seq,
		price: ratio(ga*(10_002_000+s.r.Int64N(60_000)), wa*10_000_000), remaining: int64(math.Exp(s.r.NormFloat64()) * 1e7),
	})
}

// request is a payment between two random banks that can make one.
func (s *scaleMarket) request() *ledger.Request {
	for {
		from, to := s.r.IntN(len(s.held)), s.r.IntN(len(s.held))
		if from == to || len(s.held[from]) == 0 || len(s.held[to]) == 0 {
			continue
		}
		a, b := &s.m.positions[s.held[from][0]], &s.m.positions[s.held[to][0]]
		if a.currency != b.currency {
			return &ledger.Request{
				From: ledger.PartID(from), To: ledger.PartID(to), Send: a.currency, Deliver: b.currency,
				SendAsset: ledger.None, DeliverAsset: ledger.None, Amount: 100_000 * (1 + s.r.Int64N(200)), Bound: ledger.MaxUnits,
			}
		}
	}
}

// TestScale measures; it is off unless -scale names a file for the plot.
func TestScale(t *testing.T) {
	if *scalePlot == "" {
		t.Skip("cost against size is measured with -scale FILE.svg")
	}
	sizes := []struct{ banks, lines, offers int }{
		{10, 20, 1_000}, {100, 1_000, 1_000}, {300, 10_000, 10_000}, {1_000, 30_000, 50_000}, {3_000, 100_000, 100_000},
		{10_000, 300_000, 200_000}, {10_000, 1_000_000, 500_000},
	}
	var rows []string
	var points [][3]float64
	for _, size := range sizes {
		var scaled *scaleMarket // of this size; that before it is garbage
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		built := processorTime(t, func() { scaled = newScaleMarket(size.banks, size.lines, size.offers) })
		s := scaled
		runtime.GC()
		runtime.ReadMemStats(&after)
		var plan ledger.Plan
		reqs := make([]*ledger.Request, 100)
		for i := range reqs {
			reqs[i] = s.request()
		}
		all := func() {
			for _, r := range reqs {
				s.m.route(r, &plan)
			}
		}
		cold := processorTime(t, all)
		var each []time.Duration
		for _, r := range reqs {
			each = append(each, processorTime(t, func() { s.m.route(r, &plan) }))
		}
		slices.Sort(each)
		median, mean := each[len(each)/2], processorTime(t, all)
		routes, hops := 0, 0
		for _, r := range reqs {
			if s.m.route(r, &plan) == ledger.Applied {
				routes++
				for _, w := range s.m.ways(r, &plan) {
					hops = max(hops, w.hops)
				}
			}
		}
		update := processorTime(t, func() {
			for i := range 200 {
				s.offer(int32(size.offers+i), uint64(size.offers+i))
			}
		})
		micros := func(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(n) }
		rows = append(rows, fmt.Sprintf("| %d | %d | %d | %d | %d | %.0f | %.1f | %.0f | %.0f | %.0f | %.1f | %d |", size.banks, size.lines, size.offers,
			len(s.m.places), s.m.hubs, float64(after.HeapAlloc-before.HeapAlloc)/1e6, built.Seconds(), micros(cold, len(reqs)), micros(median, 1),
			micros(mean, len(reqs)), micros(update, 200), hops))
		// Whatever rows are there, and however old, the answer is that of none.
		for _, r := range reqs[:5] {
			var again ledger.Plan
			first := s.m.route(r, &plan)
			s.m.t.forget()
			if second := s.m.route(r, &again); first != second || !slices.Equal(plan.Flows, again.Flows) {
				t.Errorf("%+v: %v %+v, with a table made anew %v %+v", *r, first, plan, second, again)
			}
		}
		if routes < len(reqs)*4/5 {
			t.Errorf("only %d of %d payments have a route", routes, len(reqs))
		}
		t.Log(rows[len(rows)-1])
		points = append(points, [3]float64{float64(size.lines + size.offers), micros(median, 1), micros(update, 200)})
	}
	t.Log("\n" + strings.Join(rows, "\n"))
	if err := os.WriteFile(*scalePlot, []byte(plot(points)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// plot draws microseconds a search and an update against lines and offers, both axes logarithmic.
func plot(points [][3]float64) string {
	const width, height, left, right, top, bottom = 680, 380, 70, 140, 40, 50
	x := func(v float64) float64 { return left + (math.Log10(v)-3)/(6.5-3)*(width-left-right) }
	y := func(v float64) float64 { return height - bottom - (math.Log10(v)+1)/6*(height-top-bottom) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<title>Path search: microseconds against lines and offers</title><rect width="%d" height="%d" fill="#fff"/>`+"\n", width, height)
	for e, name := range []string{"1,000", "10,000", "100,000", "1,000,000"} {
		at := x(math.Pow10(e + 3))
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, top, height-bottom, at, height-bottom+18, name)
	}
	for e, name := range []string{"0.1", "1", "10", "100", "1,000", "10,000", "100,000"} {
		at := y(math.Pow10(e - 1))
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", left, at, width-right, left-6, at+4, name)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">lines and offers</text><text x="%d" y="24">microseconds</text>`+"\n", (width+left-right)/2, height-12, left)
	for i, line := range []struct{ name, colour string }{{"a payment, median", "#06c"}, {"a new offer", "#b50"}} {
		var path []string
		for _, p := range points {
			px, py := x(p[0]), y(max(0.1, p[i+1]))
			path = append(path, fmt.Sprintf("%.1f,%.1f", px, py))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/>`+"\n", px, py, line.colour)
		}
		last := points[len(points)-1]
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/><text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n",
			strings.Join(path, " "), line.colour, x(last[0])+10, y(max(0.1, last[i+1]))+4, line.colour, line.name)
	}
	b.WriteString("</svg>\n")
	return b.String()
}
