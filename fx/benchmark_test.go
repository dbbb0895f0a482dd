package fx

import (
	"compress/gzip"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"viaduct/ledger"
)

// loadShared reads a market with known optima that is not part of the repository.
func loadShared(t testing.TB, name string) *Benchmark {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "..", "shared", "paths", name+".json.gz"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("SKIPPED: no %s market with known optima beside the repository", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := LoadBenchmark(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The aim is within 1e-8 of the linear programme's optimum, and the optimum itself is only printed to
// about 1e-11.
const (
	maxAbove = 10_000
	minAbove = -20
)

func TestKnownOptima(t *testing.T) {
	for _, name := range []string{"d20", "h50"} {
		t.Run(name, func(t *testing.T) {
			b := loadShared(t, name)
			if b.Held() != 0 {
				t.Errorf("%d offers held out of a market without arbitrage", b.Held())
			}
			var a BenchmarkAnswer
			for i := range b.Payments {
				p := &b.Payments[i]
				b.Deliver(p, &a)
				above, err := Above(a.Source, p.BestSource)
				if a.Outcome != ledger.Applied || a.Delivered != p.Deliver || err != nil || b.Check(p, &a) != nil {
					t.Errorf("payment %d: %v, delivered %d of %d, %v, %v", i, a.Outcome, a.Delivered, p.Deliver, err, b.Check(p, &a))
				}
				// Whole units of a source of a few thousand are coarser than the aim.
				if above > max(maxAbove, 8_000_000_000_000/a.Source) || above < minAbove {
					t.Errorf("payment %d: source %d is %d ppt above %s", i, a.Source, above, p.BestSource)
				}
				b.Send(p, &a)
				above, err = Above(a.Delivered, p.BestDeliver)
				if a.Outcome != ledger.Applied || a.Source > p.Spend || err != nil || b.Check(p, &a) != nil {
					t.Errorf("reverse %d: %v, spent %d of %d, %v, %v", i, a.Outcome, a.Source, p.Spend, err, b.Check(p, &a))
				}
				if -above > maxAbove || -above < minAbove {
					t.Errorf("reverse %d: delivered %d is %d ppt below %s", i, a.Delivered, -above, p.BestDeliver)
				}
			}
		})
	}
}

func BenchmarkKnown(b *testing.B) {
	for _, name := range []string{"d20", "h50"} {
		b.Run(name, func(b *testing.B) {
			m := loadShared(b, name)
			var a BenchmarkAnswer
			cpu(b, func(i int) { m.Deliver(&m.Payments[i%len(m.Payments)], &a) })
		})
	}
}
