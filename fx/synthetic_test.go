package fx

import (
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"viaduct/ledger"
)

// synthetic makes markets in the shape of those with known optima, but larger: a mesh of majors, minors
// with a few of them, and regional peers, with ladders of offers on both sides of each pair.
type synthetic struct {
	r      *rand.Rand
	worth  []float64
	offers [][5]int64
}

func newSynthetic(seed uint64, assets int) *synthetic {
	s := &synthetic{r: rand.New(rand.NewPCG(seed, 2))}
	for range assets {
		s.worth = append(s.worth, math.Exp(s.r.NormFloat64()*2-1))
	}
	return s
}

// ladder adds offers that give one asset for another, each dearer than the one before; between majors
// the market is deep and the spread small.
func (s *synthetic) ladder(give, want, least, most int, depth float64) {
	price := s.worth[give] / s.worth[want] * (1 + (0.0002+0.0003*s.r.Float64())*(1+4/depth))
	step, size := 0.00006+0.0002/depth*s.r.Float64(), math.Exp(s.r.NormFloat64())*20_000*depth
	for range least + s.r.IntN(most-least+1) {
		price *= 1 + 2*step*s.r.Float64()
		s.add(give, want, math.Exp(s.r.NormFloat64()*1.2)*size/s.worth[give], price)
	}
}

func (s *synthetic) add(give, want int, amount, price float64) {
	n, d := int64(2_000_000_000), int64(2_000_000_000)
	if price > 1 {
		d = int64(2e9 / price)
	} else {
		n = int64(2e9 * price)
	}
	s.offers = append(s.offers, [5]int64{int64(give), int64(want), max(1, int64(amount*1e7)), max(n, 1), max(d, 1)})
}

func (s *synthetic) pair(a, b, least, most int) {
	depth := 1.0
	if a < majors && b < majors {
		depth = 30
	}
	s.ladder(a, b, least, most, depth)
	s.ladder(b, a, least, most, depth)
}

const majors = 6

// hubs is a market of a few majors and many minors.
func hubs(seed uint64, assets, least, most int) *synthetic {
	s := newSynthetic(seed, assets)
	for a := range majors {
		for b := range a {
			s.pair(a, b, least, most)
		}
	}
	for a := majors; a < assets; a++ {
		for _, b := range s.r.Perm(majors)[:2+s.r.IntN(3)] {
			s.pair(a, b, least, most)
		}
		for range 1 + s.r.IntN(2) {
			if b := majors + s.r.IntN(assets-majors); b != a {
				s.pair(a, b, least, most)
			}
		}
	}
	return s
}

// lines is a market of credit lines: banks with one asset a currency, joined to a few neighbours of the
// same currency at par or for a small fee, and offers between currencies at some of them.
func lines(seed uint64, banks, currencies int) *synthetic {
	s := newSynthetic(seed, banks*currencies)
	node := func(bank, currency int) int { return bank*currencies + currency }
	for c := range currencies {
		for b := 1; b < banks; b++ {
			s.worth[node(b, c)] = s.worth[node(0, c)]
		}
		for b := range banks {
			for _, step := range []int{1, 2, 3 + s.r.IntN(5)} {
				a := node((b+step)%banks, c)
				for _, way := range [][2]int{{node(b, c), a}, {a, node(b, c)}} {
					fee := 1.0
					if s.r.IntN(3) > 0 {
						fee += 0.0005 * s.r.Float64()
					}
					s.add(way[0], way[1], math.Exp(s.r.NormFloat64())*20_000/s.worth[a], fee)
				}
			}
		}
	}
	for b := 0; b < banks; b += 3 {
		for range 2 {
			c, d := s.r.IntN(currencies), s.r.IntN(currencies)
			if c != d {
				s.pair(node(b, c), node(b, d), 3, 20)
			}
		}
	}
	return s
}

// benchmark makes the market with payments of six sizes between random ends, as shares of the most
// that can be delivered.
func (s *synthetic) benchmark(t testing.TB, name string, payments int) *Benchmark {
	b, err := newBenchmark(name, int64(len(s.worth)), s.offers)
	if err != nil {
		t.Fatal(err)
	}
	var a BenchmarkAnswer
	sizes := []float64{0.0001, 0.002, 0.02, 0.1, 0.3, 0.6}
	for len(b.Payments) < payments {
		p := BenchmarkPayment{From: int32(s.r.IntN(len(s.worth))), To: int32(s.r.IntN(len(s.worth)))}
		if p.From == p.To {
			continue
		}
		b.solve(&p, &task{amount: ledger.MaxUnits, bound: ledger.MaxUnits, partial: true}, &a)
		if a.Outcome != ledger.Applied {
			continue
		}
		most := a.Delivered
		for _, size := range sizes {
			p.Deliver = int64(float64(most) * size)
			b.Deliver(&p, &a)
			if a.Outcome != ledger.Applied {
				t.Fatalf("%s: %d of %d: %v", name, p.Deliver, most, a.Outcome)
			}
			p.Spend = a.Source
			b.Payments = append(b.Payments, p)
		}
	}
	return b
}

// markets are the cases of the table in docs/path-search.md.
func markets(t testing.TB) []*Benchmark {
	return []*Benchmark{
		hubs(1, 150, 1, 9).benchmark(t, "h150_6.6k", 48),
		hubs(2, 150, 5, 50).benchmark(t, "h150_36k", 48),
		lines(3, 30, 5).benchmark(t, "t150", 48),
	}
}

func TestSynthetic(t *testing.T) {
	for _, b := range markets(t) {
		var a BenchmarkAnswer
		for i := range b.Payments {
			p := &b.Payments[i]
			b.Deliver(p, &a)
			if a.Outcome != ledger.Applied || a.Delivered != p.Deliver || b.Check(p, &a) != nil {
				t.Errorf("%s, payment %d: %v, delivered %d of %d, %v", b.Name, i, a.Outcome, a.Delivered, p.Deliver, b.Check(p, &a))
			}
			delivered := a.Delivered
			b.Send(p, &a)
			if a.Outcome != ledger.Applied || a.Source > p.Spend || b.Check(p, &a) != nil {
				t.Errorf("%s, reverse %d: %v, spent %d of %d, %v", b.Name, i, a.Outcome, a.Source, p.Spend, b.Check(p, &a))
			}
			if float64(a.Delivered) < float64(delivered)*(1-1e-8)-10 {
				t.Errorf("%s, reverse %d: delivered %d, the same spend delivers %d", b.Name, i, a.Delivered, delivered)
			}
		}
		t.Logf("%s: %d offers, %d held out", b.Name, len(b.offers), b.Held())
	}
}

// processorTime is how long the processor was busy with it: while other work has the machine too, the
// time on the wall says little.
func processorTime(t testing.TB, do func()) time.Duration {
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begin := used()
	do()
	return used() - begin
}

// cpu runs the loop and reports the processor time an operation takes.
func cpu(b *testing.B, search func(i int)) {
	b.ReportAllocs()
	n := 0
	took := processorTime(b, func() {
		for b.Loop() {
			search(n)
			n++
		}
	})
	b.ReportMetric(float64(took)/float64(n), "cpu-ns/op")
}

func BenchmarkMarkets(b *testing.B) {
	for _, m := range markets(b) {
		var a BenchmarkAnswer
		b.Run(m.Name+"/small", func(b *testing.B) {
			cpu(b, func(i int) { m.Deliver(&m.Payments[i*6%len(m.Payments)], &a) })
		})
		b.Run(m.Name+"/mean", func(b *testing.B) {
			cpu(b, func(i int) { m.Deliver(&m.Payments[i%len(m.Payments)], &a) })
		})
	}
}

// BenchmarkRepair improves the top of a book in a market whose table is whole, a row for each of its 150
// nodes, and takes that into every row; beside it, what making the whole table anew costs.
func BenchmarkRepair(b *testing.B) {
	s := hubs(1, 150, 1, 9)
	m, err := newBenchmark("h150_6.6k", int64(len(s.worth)), s.offers)
	if err != nil {
		b.Fatal(err)
	}
	g := &m.graph
	whole := func() {
		g.t.forget()
		for hub := range g.hubs {
			g.rowOf(hub)
		}
	}
	whole()
	b.Run("improve", func(b *testing.B) {
		seq, taken := uint64(len(s.offers)), 0
		cpu(b, func(i int) {
			at := int32(s.r.IntN(len(g.books)))
			top := g.books[at].tiers[0]
			n, d := top.n, top.d+top.d/100_000 // a tenth of a basis point better
			seq++
			g.insert(at, tier{label: label(n, d), n: n, d: d, room: top.room, seq: seq, arc: int32(seq)})
			g.connect(at, true)
			g.holdOut()
			g.improve()
			if len(g.t.list) == 0 { // it closed a gainful cycle, and is held out
				g.remove(at, g.find(at, int32(seq)))
				g.connect(at, true)
				g.holdOut()
				whole()
				return
			}
			taken++
		})
		if taken == 0 {
			b.Fatal("every offer was held out")
		}
	})
	b.Run("whole", func(b *testing.B) { cpu(b, func(int) { whole() }) })
}

// TestArbitrage puts offers that close gainful cycles into a market. They are held out, whoever asks: the
// answers are those of the market without them, and no payment costs less than it is worth.
func TestArbitrage(t *testing.T) {
	s := hubs(4, 40, 1, 9)
	for range 60 {
		a, b := s.r.IntN(len(s.worth)), s.r.IntN(len(s.worth))
		if a != b {
			s.add(a, b, math.Exp(s.r.NormFloat64())*20_000/s.worth[a], s.worth[a]/s.worth[b]*(0.97+0.03*s.r.Float64()))
		}
	}
	with, err := newBenchmark("with", int64(len(s.worth)), s.offers)
	if err != nil {
		t.Fatal(err)
	}
	if with.Held() < 20 {
		t.Fatalf("only %d offers held out", with.Held())
	}
	held := map[int32]bool{}
	for i := range with.graph.books {
		for _, tier := range with.graph.books[i].tiers {
			if tier.held {
				held[tier.arc] = true
			}
		}
	}
	var kept [][5]int64
	for i, o := range s.offers {
		if !held[int32(i)] {
			kept = append(kept, o)
		}
	}
	without, err := newBenchmark("without", int64(len(s.worth)), kept)
	if err != nil || without.Held() != 0 {
		t.Fatalf("%d held out of what was kept, %v", without.Held(), err)
	}
	var a, b BenchmarkAnswer
	for range 300 {
		p := BenchmarkPayment{From: int32(s.r.IntN(len(s.worth))), To: int32(s.r.IntN(len(s.worth)))}
		if p.From == p.To {
			continue
		}
		p.Deliver = 1 + int64(math.Exp(s.r.NormFloat64()*2)*1e11/s.worth[p.To])
		with.Deliver(&p, &a)
		without.Deliver(&p, &b)
		if a.Outcome != b.Outcome || a.Source != b.Source || len(a.Fills) != len(b.Fills) {
			t.Errorf("%+v: %v for %d, without what is held out %v for %d", p, a.Outcome, a.Source, b.Outcome, b.Source)
		}
		if a.Outcome != ledger.Applied {
			continue
		}
		if err := with.Check(&p, &a); err != nil {
			t.Error(err)
		}
		// Offers below what they are worth stand where they close no cycle; they are worth 3 % each.
		paid, got := float64(a.Source)*s.worth[p.From], float64(a.Delivered)*s.worth[p.To]
		if paid < got*0.9 {
			t.Errorf("%+v: pays %.0f for %.0f", p, paid, got)
		}
	}
}
