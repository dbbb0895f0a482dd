package sqlstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"viaduct/ledger"
)

// Whatever the time asked for, a statement's opening balance and changes make its closing balance, and two
// that meet agree on the balance between them. The balances are those of a slow, obvious sum over the
// blocks.
func TestStatements(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "statements")
		seed := uint64(time.Now().UnixNano())
		rng := rand.New(rand.NewPCG(seed, 3))
		t.Logf("seed %d", seed)
		type change struct {
			at    int64
			delta int64
		}
		var changes []change // of bbva's dollars, as the blocks' postings have them
		note := func() {
			for i := range c.block.Results {
				for _, p := range c.block.Results[i].Postings {
					if p.Holder == bbva && p.Asset == usdAtChase {
						changes = append(changes, change{c.block.Header.Time, p.Delta})
					}
				}
			}
		}
		changes = append(changes, change{genesisTime + 3000, 100_000}) // settledWorld's
		for n := range 30 {
			from, to := bbva, kbc
			if rng.IntN(2) == 0 {
				from, to = kbc, bbva
			}
			var pays []ledger.Instruction
			for i := range 1 + rng.IntN(4) {
				pays = append(pays, payUSD(100+10*n+i, to, 1+rng.Int64N(3000)))
			}
			p := c.next(order{by: from, do: pays})
			note()
			projectAll(t, s, p)
		}
		line, err := s.Line(ctx, bbva, usdAtChase)
		if err != nil {
			t.Fatal(err)
		}
		first, last := int64(genesisTime-1000), int64(genesisTime+40_000)
		check := func(from, until int64) Statement {
			t.Helper()
			st, err := s.Statement(ctx, line, from, until, 1000)
			if err != nil {
				t.Fatal(err)
			}
			var opening, closing int64
			count := 0
			for _, x := range changes {
				if x.at < from {
					opening += x.delta
				}
				if x.at < until {
					closing += x.delta
				}
				if x.at >= from && x.at < until {
					count++
				}
			}
			sum := st.Opening
			for i := range st.Postings {
				p := &st.Postings[i]
				if sum += p.Delta; p.Balance != sum || p.Holder != bbva || p.Asset != usdAtChase || p.Time < from || p.Time >= until {
					t.Errorf("[%d, %d): posting %d: %+v, the sum is %d", from, until, i, p.Posting, sum)
				}
				leaf, err := ledger.DecodeLeaf(p.Leaf)
				if err != nil || leaf.Height != p.Height || int(leaf.Index) != p.Index {
					t.Errorf("posting %d has the leaf of another result: %v", i, err)
				}
			}
			if st.Opening != opening || st.Closing != closing || sum != closing || len(st.Postings) != count || st.More {
				t.Errorf("[%d, %d): opening %d, closing %d, %d postings; want %d, %d, %d", from, until, st.Opening, st.Closing, len(st.Postings), opening, closing, count)
			}
			return st
		}
		check(first, last)
		check(first, first)
		check(last, last+1)
		for range 40 {
			a, b := first+rng.Int64N(last-first), first+rng.Int64N(last-first)
			a, b = min(a, b), max(a, b)
			before, between, after := check(first, a), check(a, b), check(b, last)
			if before.Closing != between.Opening || between.Closing != after.Opening {
				t.Errorf("at %d and %d: %d is not %d, or %d not %d", a, b, before.Closing, between.Opening, between.Closing, after.Opening)
			}
		}
		// One that is cut off says so, and closes with the last change it has.
		whole := check(first, last)
		cut, err := s.Statement(ctx, line, first, last, 5)
		if err != nil || !cut.More || len(cut.Postings) != 5 || cut.Closing != whole.Postings[4].Balance {
			t.Errorf("cut off: %v postings, closing %d, more %v, %v", len(cut.Postings), cut.Closing, cut.More, err)
		}
		if line.Balance != whole.Closing {
			t.Errorf("the line has %d, its statement closes with %d", line.Balance, whole.Closing)
		}
		empty, err := s.Statement(ctx, Line{Pos: 1 << 30, Holder: bbva, Asset: eurAtChase}, first, last, 5)
		if err != nil || len(empty.Postings) != 0 || empty.Opening != 0 || empty.Closing != 0 {
			t.Errorf("a position that is not there: %s, %v", fmt.Sprint(empty), err)
		}
	})
}
