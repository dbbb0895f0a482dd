package fx

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
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
	var xs, ys []float64
	for _, size := range sizes {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		begin := time.Now()
		s := newScaleMarket(size.banks, size.lines, size.offers)
		built := time.Since(begin)
		runtime.GC()
		runtime.ReadMemStats(&after)
		var plan ledger.Plan
		reqs := make([]*ledger.Request, 200)
		for i := range reqs {
			reqs[i] = s.request()
			s.m.route(reqs[i], &plan)
		}
		routes := 0
		begin = time.Now()
		for _, r := range reqs {
			if s.m.route(r, &plan) == ledger.Applied {
				routes++
			}
		}
		each := time.Since(begin) / time.Duration(len(reqs))
		begin = time.Now()
		for i := range 200 {
			s.offer(int32(size.offers+i), uint64(size.offers+i))
		}
		update := time.Since(begin) / 200
		rows = append(rows, fmt.Sprintf("| %d | %d | %d | %d | %d | %.0f | %.1f | %.1f | %d |", size.banks, size.lines, size.offers,
			len(s.m.places), s.m.hubs, float64(after.HeapAlloc-before.HeapAlloc)/1e6, float64(each.Nanoseconds())/1e3, float64(update.Nanoseconds())/1e3, routes))
		t.Logf("%s built in %v", rows[len(rows)-1], built)
		xs, ys = append(xs, float64(size.lines+size.offers)), append(ys, float64(each.Nanoseconds())/1e3)
	}
	t.Log("\n" + strings.Join(rows, "\n"))
	if err := os.WriteFile(*scalePlot, []byte(plot(xs, ys)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// plot draws microseconds a search against lines and offers, both axes logarithmic.
func plot(xs, ys []float64) string {
	const width, height, margin = 640, 360, 50
	x := func(v float64) float64 { return margin + (math.Log10(v)-3)/(6.5-3)*(width-2*margin) }
	y := func(v float64) float64 { return height - margin - math.Log10(v)/5*(height-2*margin) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<title>Path search: microseconds a payment against lines and offers</title>`+"\n")
	for e := 3; e <= 6; e++ {
		at := x(math.Pow10(e))
		fmt.Fprintf(&b, `<path d="M%.1f %dV%d" stroke="#ddd"/><text x="%.1f" y="%d" text-anchor="middle">10^%d</text>`+"\n", at, margin, height-margin, at, height-margin+18, e)
	}
	for e := range 6 {
		at := y(math.Pow10(e))
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%g</text>`+"\n", margin, at, width-margin, margin-6, at+4, math.Pow10(e))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">lines and offers</text><text x="%d" y="30">microseconds a payment</text>`+"\n", width/2, height-8, margin)
	var points []string
	for i := range xs {
		points = append(points, fmt.Sprintf("%.1f,%.1f", x(xs[i]), y(ys[i])))
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="4" fill="#06c"/>`+"\n", x(xs[i]), y(ys[i]))
	}
	fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="#06c" stroke-width="2"/>`+"\n</svg>\n", strings.Join(points, " "))
	return b.String()
}
