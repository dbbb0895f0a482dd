package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"viaduct/fx"
	"viaduct/ledger"
)

type benchCmd struct {
	Payments benchPaymentsCmd `cmd:"" help:"Load a gateway with payment orders, check the books, and measure."`
	Baseline benchBaselineCmd `cmd:"" help:"The same transfers as plain double entry on Postgres, to compare with."`
	Paths    benchPathsCmd    `cmd:"" help:"Solve the payments of a market file with the path search, both ways, and check each answer."`
}

type benchPathsCmd struct {
	Market string `required:"" type:"existingfile" help:"A market: gzipped JSON with assets, offers and payments."`
	JSON   bool   `name:"json" help:"Print one JSON object a payment and direction."`
	Repeat int    `default:"5" help:"Time each search this often and show the fastest; it is solved once before, to warm up."`
}

// searched is one payment solved in one direction.
type searched struct {
	Payment   int         `json:"payment"`
	Direction string      `json:"direction"` // deliver: least source; send: most delivered
	Outcome   string      `json:"outcome"`
	Source    int64       `json:"source"`
	Delivered int64       `json:"delivered"`
	Optimum   json.Number `json:"optimum,omitempty"`
	// Above is how far the answer is from the optimum, in parts of 1e12 of it; positive is worse.
	Above  *int64      `json:"above_e12,omitempty"`
	Paths  int         `json:"paths"` // different ways through the assets
	Fills  []benchFill `json:"fills"`
	Nanos  int64       `json:"ns"`
	Allocs uint64      `json:"allocs"`
}

// benchFill is what the answer takes of one offer.
type benchFill struct {
	Offer int32 `json:"offer"` // index in the file
	In    int64 `json:"in"`    // of what the maker buys
	Out   int64 `json:"out"`   // of what it sells
}

// Run solves and checks everything; an answer that breaks a rule is an error.
func (c benchPathsCmd) Run(t terminal) error {
	if c.Repeat < 1 || c.Repeat > 1_000_000 {
		return fmt.Errorf("%w: --repeat wants 1 to 1000000", errUsed)
	}
	b, err := readMarket(c.Market)
	if err != nil {
		return err
	}
	var all []searched
	enc := json.NewEncoder(t.out)
	for i := range b.Payments {
		for _, direction := range []string{"deliver", "send"} {
			s, err := c.search(b, i, direction)
			if err != nil {
				return fmt.Errorf("payment %d, %s: %w", i, direction, err)
			}
			if s == nil {
				continue
			}
			if all = append(all, *s); c.JSON {
				if err := enc.Encode(s); err != nil {
					return err
				}
			}
		}
	}
	if c.JSON {
		return nil
	}
	return tellSearches(t.out, b, all)
}

func readMarket(name string) (*fx.Benchmark, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsed, err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not gzipped: %w", errUsed, name, err)
	}
	b, err := fx.LoadBenchmark(unzipped)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errUsed, name, err)
	}
	return b, nil
}

// search solves one payment in one direction, checks the answer by replaying its fills, and times it;
// nil when the file asks nothing in that direction.
func (c benchPathsCmd) search(b *fx.Benchmark, i int, direction string) (*searched, error) {
	p := &b.Payments[i]
	solve, optimum := b.Deliver, p.BestSource
	if direction == "send" {
		if p.Spend == 0 {
			return nil, nil
		}
		solve, optimum = b.Send, p.BestDeliver
	}
	var a fx.BenchmarkAnswer
	solve(p, &a)
	s := &searched{Payment: i, Direction: direction, Outcome: a.Outcome.String(), Source: a.Source, Delivered: a.Delivered, Optimum: optimum, Fills: []benchFill{}}
	if a.Outcome == ledger.Applied {
		if err := b.Check(p, &a); err != nil {
			return nil, err
		}
		s.Paths = b.Paths(p, &a)
		if optimum != "" {
			answer := a.Source
			if direction == "send" {
				answer = a.Delivered
			}
			above, err := fx.Above(answer, optimum)
			if err != nil {
				return nil, err
			}
			if direction == "send" {
				above = -above
			}
			s.Above = &above
		}
	}
	for _, f := range a.Fills {
		s.Fills = append(s.Fills, benchFill{f.Arc, f.In, f.Out})
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range c.Repeat {
		start := time.Now()
		solve(p, &a)
		if took := time.Since(start).Nanoseconds(); s.Nanos == 0 || took < s.Nanos {
			s.Nanos = took
		}
	}
	runtime.ReadMemStats(&after)
	s.Allocs = (after.Mallocs - before.Mallocs) / uint64(c.Repeat)
	return s, nil
}

// tellSearches prints a table by direction.
func tellSearches(w io.Writer, b *fx.Benchmark, all []searched) error {
	fmt.Fprintf(w, "market %s: %d payments, %d offers held out because they close gainful cycles\n\n", b.Name, len(b.Payments), b.Held())
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tab, "direction\tsolved\tof\tmean above optimum\tworst\tmean µs\tmedian µs\tmax µs\tmean fills\tallocs\t")
	for _, direction := range []string{"deliver", "send"} {
		var nanos []int64
		var sum, worst, total, fills int64
		var allocs uint64
		solved, scored, count := 0, 0, 0
		for _, s := range all {
			if s.Direction != direction {
				continue
			}
			count++
			nanos, total, fills, allocs = append(nanos, s.Nanos), total+s.Nanos, fills+int64(len(s.Fills)), allocs+s.Allocs
			if s.Outcome == ledger.Applied.String() {
				solved++
			}
			if s.Above != nil {
				scored, sum, worst = scored+1, sum+*s.Above, max(worst, *s.Above)
			}
		}
		if count == 0 {
			continue
		}
		slices.Sort(nanos)
		n := int64(count)
		fmt.Fprintf(tab, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t\n", direction, solved, count,
			parts(sum/int64(max(scored, 1))), parts(worst), micros(total/n), micros(nanos[count/2]), micros(nanos[count-1]), fills/n, allocs/uint64(n))
	}
	return tab.Flush()
}

// parts prints parts of 1e12 as a decimal number.
func parts(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	text := strings.TrimRight(fmt.Sprintf("%s%d.%012d", sign, n/1e12, n%1e12), "0")
	return strings.TrimSuffix(text, ".")
}

func micros(nanos int64) string { return fmt.Sprintf("%d.%02d", nanos/1000, nanos%1000/10) }
