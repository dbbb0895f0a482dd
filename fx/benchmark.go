package fx

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// ErrBenchmark says that a benchmark file is not in the format, or that an answer breaks its rules.
var ErrBenchmark = errors.New("benchmark")

// Benchmark is a market from a file, in the graph that payments use: each asset is a pool, each offer
// a tier between two.
type Benchmark struct {
	Name     string
	Payments []BenchmarkPayment

	graph  graph
	offers []benchmarkOffer
	source [1]int32
	sink   [1]int32
}

// BenchmarkPayment is a payment to solve: Deliver for the least, and the most for Spend. The optima
// are decimal text as the file has them, empty when it has none.
type BenchmarkPayment struct {
	From, To                int32
	Deliver, Spend          int64
	BestSource, BestDeliver json.Number
}

// BenchmarkAnswer is what the engine found. Its memory belongs to the benchmark until the next solve.
type BenchmarkAnswer struct {
	Outcome           ledger.Outcome
	Source, Delivered int64
	Fills             []ledger.Flow // Arc is the offer's index in the file
}

type benchmarkOffer struct {
	give, want int32
	amount     int64
	price      money.Ratio
}

// marketFile is a market as a file has it.
type marketFile struct {
	Name     string            `json:"name"`
	Assets   []json.RawMessage `json:"assets"`
	Offers   [][]int64         `json:"offers"`
	Payments []marketPayment   `json:"payments"`
}

type marketPayment struct {
	From        int32       `json:"src"`
	To          int32       `json:"dst"`
	Deliver     int64       `json:"deliver"`
	Spend       int64       `json:"spend"`
	BestSource  json.Number `json:"opt_source"`
	BestDeliver json.Number `json:"opt_deliver_for_spend"`
}

// LoadBenchmark reads a market: JSON with assets, offers [sell, buy, amount, n, d] and payments. It reads
// to the end, so that a file which is cut off or goes on is an error.
func LoadBenchmark(r io.Reader) (*Benchmark, error) {
	var file marketFile
	dec := json.NewDecoder(r)
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBenchmark, err)
	}
	if _, err := dec.Token(); err == nil {
		return nil, fmt.Errorf("%w: there is more behind the market", ErrBenchmark)
	} else if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: behind the market: %w", ErrBenchmark, err)
	}
	n := int64(len(file.Assets))
	if n == 0 {
		return nil, fmt.Errorf("%w: no assets", ErrBenchmark)
	}
	offers := make([][5]int64, len(file.Offers))
	for i, o := range file.Offers {
		if len(o) != 5 {
			return nil, fmt.Errorf("%w: offer %d has %d numbers, want sell, buy, amount, n, d", ErrBenchmark, i, len(o))
		}
		offers[i] = [5]int64(o)
	}
	b, err := newBenchmark(file.Name, n, offers)
	if err != nil {
		return nil, err
	}
	for i, p := range file.Payments {
		if err := p.check(n); err != nil {
			return nil, fmt.Errorf("%w: payment %d: %w", ErrBenchmark, i, err)
		}
		b.Payments = append(b.Payments, BenchmarkPayment(p))
	}
	return b, nil
}

// check says what is wrong with a payment in a market of so many assets.
func (p *marketPayment) check(assets int64) error {
	switch {
	case p.From < 0 || int64(p.From) >= assets || p.To < 0 || int64(p.To) >= assets:
		return fmt.Errorf("src %d or dst %d is none of %d assets", p.From, p.To, assets)
	case p.From == p.To:
		return fmt.Errorf("src and dst are both %d", p.From)
	case p.Deliver < 1 || p.Deliver > ledger.MaxUnits:
		return fmt.Errorf("deliver %d is not within 1 to %d", p.Deliver, int64(ledger.MaxUnits))
	case p.Spend < 0 || p.Spend > ledger.MaxUnits:
		return fmt.Errorf("spend %d is not within 0 (nothing asked) to %d", p.Spend, int64(ledger.MaxUnits))
	}
	for _, optimum := range []json.Number{p.BestSource, p.BestDeliver} {
		if optimum != "" {
			if _, err := Above(1, optimum); err != nil {
				return err
			}
		}
	}
	return nil
}

// newBenchmark makes the graph of n assets and the offers [give, want, amount, n, d] between them,
// which came in this order.
func newBenchmark(name string, n int64, offers [][5]int64) (*Benchmark, error) {
	b := &Benchmark{Name: name}
	b.graph.sender, b.graph.receiver = none, none
	for i := range n {
		b.graph.addPlace(placePool, int32(i), none, int32(i))
	}
	books := make(map[uint64]int32)
	for i, o := range offers {
		if o[0] < 0 || o[0] >= n || o[1] < 0 || o[1] >= n || o[0] == o[1] || o[2] < 1 || o[2] > ledger.MaxUnits || o[3] < 1 || o[4] < 1 {
			return nil, fmt.Errorf("%w: offer %d is out of bounds: %v", ErrBenchmark, i, o)
		}
		give, want := int32(o[0]), int32(o[1])
		b.offers = append(b.offers, benchmarkOffer{give, want, o[2], money.Ratio{N: o[3], D: o[4]}})
		at, ok := books[pair(want, give)]
		if !ok {
			at = b.graph.addBook(want, give)
			books[pair(want, give)] = at
		}
		bk := &b.graph.books[at]
		bk.tiers = append(bk.tiers, tier{label: label(o[3], o[4]), n: o[3], d: o[4], room: o[2], seq: uint64(i), arc: int32(i)})
	}
	for i := range b.graph.books {
		slices.SortFunc(b.graph.books[i].tiers, func(t, u tier) int {
			if t.before(&u) {
				return -1
			}
			return 1
		})
		b.graph.connect(int32(i), true)
	}
	b.graph.holdOut()
	return b, nil
}

// Held returns how many offers are held out because they close a gainful cycle with earlier ones.
func (b *Benchmark) Held() int { return b.graph.held }

// Deliver finds the least source that delivers the amount.
func (b *Benchmark) Deliver(p *BenchmarkPayment, a *BenchmarkAnswer) {
	b.solve(p, &task{amount: p.Deliver, bound: ledger.MaxUnits}, a)
}

// Send finds the most that the spend can deliver.
func (b *Benchmark) Send(p *BenchmarkPayment, a *BenchmarkAnswer) {
	b.solve(p, &task{amount: p.Spend, exactSend: true}, a)
}

func (b *Benchmark) solve(p *BenchmarkPayment, t *task, a *BenchmarkAnswer) {
	g := &b.graph
	b.source[0], b.sink[0] = p.From, p.To
	g.begin(b.source[:])
	g.touch(p.From)
	g.touch(p.To)
	g.places[p.From].mark |= markSource
	g.places[p.To].mark |= markSink
	a.Outcome = g.solve(t, b.source[:], b.sink[:])
	a.Source, a.Delivered = g.f.source, g.f.delivered
	a.Fills = g.flows(a.Fills[:0])
	g.end()
}

// Check replays the answer's fills in integers: each within its offer and rounded against the taker,
// each asset passed on in full, and nothing but the source put in.
func (b *Benchmark) Check(p *BenchmarkPayment, a *BenchmarkAnswer) error {
	balance := make([]int64, len(b.graph.places))
	seen := make(map[int32]bool, len(a.Fills))
	for _, f := range a.Fills {
		o := &b.offers[f.Arc]
		in, err := o.price.Cost(f.Out, money.RoundUp)
		if err != nil || in != f.In || f.Out < 1 || f.Out > o.amount || seen[f.Arc] {
			return fmt.Errorf("%w: fill %+v of offer %+v costs %d", ErrBenchmark, f, *o, in)
		}
		seen[f.Arc] = true
		balance[o.want] -= f.In
		balance[o.give] += f.Out
	}
	balance[p.From] += a.Source
	balance[p.To] -= a.Delivered
	for i, v := range balance {
		if v != 0 {
			return fmt.Errorf("%w: asset %d is off by %d", ErrBenchmark, i, v)
		}
	}
	return nil
}

// Paths returns how many different ways through the assets the answer takes.
func (b *Benchmark) Paths(p *BenchmarkPayment, a *BenchmarkAnswer) int {
	left := make([]slice, len(a.Fills))
	leaves := make(map[uint64][]*slice, len(left))
	for i, f := range a.Fills {
		o := &b.offers[f.Arc]
		left[i] = slice{Flow: f, tail: uint64(o.want), head: uint64(o.give)}
		leaves[uint64(o.want)] = append(leaves[uint64(o.want)], &left[i])
	}
	seen := map[string]bool{}
	for _, start := range leaves[uint64(p.From)] {
		for start.Out > 0 {
			path := follow(start, leaves, func(place uint64) bool { return place == uint64(p.To) })
			if path == nil {
				break
			}
			measure(path)
			var name []byte
			for _, s := range path {
				name = binary.BigEndian.AppendUint64(name, s.head)
				s.In -= s.in
				s.Out -= s.out
			}
			seen[string(name)] = true
		}
	}
	return len(seen)
}

// Above returns how far an answer is from an optimum, in parts per trillion of it; positive is worse.
func Above(answer int64, optimum json.Number) (int64, error) {
	best, ok := new(big.Rat).SetString(optimum.String())
	if !ok || best.Sign() <= 0 {
		return 0, fmt.Errorf("%w: no optimum: %q", ErrBenchmark, optimum)
	}
	x := new(big.Rat).SetInt64(answer)
	x.Sub(x, best).Quo(x, best).Mul(x, big.NewRat(1e12, 1))
	return new(big.Int).Quo(x.Num(), x.Denom()).Int64(), nil
}
