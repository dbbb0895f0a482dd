package fx

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"viaduct/ledger"
)

// Each faulty market is refused with what is wrong with it.
func TestLoadBenchmarkRefuses(t *testing.T) {
	const assets, offers, payments = `[["A"],["B"],["C"]]`, `[[1,0,100,1,1]]`, `[{"src":0,"dst":1,"deliver":10,"spend":10}]`
	market := func(assets, offers, payments string) string {
		return fmt.Sprintf(`{"name":"m","assets":%s,"offers":%s,"payments":%s}`, assets, offers, payments)
	}
	good := market(assets, offers, payments)
	if _, err := LoadBenchmark(strings.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text, says string }{
		{"nothing", "", "EOF"},
		{"cut off", good[:len(good)-1], "unexpected EOF"},
		{"goes on", good + "{}", "more behind"},
		{"goes on with nonsense", good + "?", "behind the market"},
		{"a list", "[]", "cannot unmarshal array"},
		{"null", "null", "no assets"},
		{"no assets", market("[]", "[]", "[]"), "no assets"},
		{"offer too short", market(assets, "[[1,0,100]]", payments), "offer 0 has 3 numbers"},
		{"offer too long", market(assets, "[[1,0,100,1,1,1]]", payments), "offer 0 has 6 numbers"},
		{"fraction", market(assets, "[[1,0,100.5,1,1]]", payments), "cannot unmarshal number 100.5"},
		{"over 64 bits", market(assets, "[[1,0,18446744073709551616,1,1]]", payments), "cannot unmarshal number"},
		{"more than the ledger moves", market(assets, "[[1,0,9223372036854775807,1,1]]", payments), "offer 0 is out of bounds"},
		{"asset out of range", market(assets, "[[3,0,100,1,1]]", payments), "offer 0 is out of bounds"},
		{"asset below zero", market(assets, "[[1,-1,100,1,1]]", payments), "offer 0 is out of bounds"},
		{"gives what it takes", market(assets, "[[1,1,100,1,1]]", payments), "offer 0 is out of bounds"},
		{"amount below zero", market(assets, "[[1,0,-1,1,1]]", payments), "offer 0 is out of bounds"},
		{"n is zero", market(assets, "[[1,0,100,0,1]]", payments), "offer 0 is out of bounds"},
		{"d is zero", market(assets, "[[1,0,100,1,0]]", payments), "offer 0 is out of bounds"},
		{"src is dst", market(assets, offers, `[{"src":1,"dst":1,"deliver":10}]`), "payment 0: src and dst are both 1"},
		{"src out of range", market(assets, offers, `[{"src":3,"dst":1,"deliver":10}]`), "payment 0: src 3"},
		{"deliver zero", market(assets, offers, `[{"src":0,"dst":1,"deliver":0}]`), "payment 0: deliver 0"},
		{"deliver too much", market(assets, offers, `[{"src":0,"dst":1,"deliver":9223372036854775807}]`), "payment 0: deliver"},
		{"spend below zero", market(assets, offers, `[{"src":0,"dst":1,"deliver":10,"spend":-1}]`), "payment 0: spend -1"},
		{"optimum zero", market(assets, offers, `[{"src":0,"dst":1,"deliver":10,"opt_source":0}]`), "payment 0: benchmark: no optimum"},
	} {
		_, err := LoadBenchmark(strings.NewReader(tt.text))
		if !errors.Is(err, ErrBenchmark) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
}

// Extreme prices and amounts, rings of many sizes and one book of many tiers end with an answer that
// replays, or an honest refusal.
func TestExtremeMarkets(t *testing.T) {
	const most = ledger.MaxUnits
	var rings [][5]int64
	for size := int64(2); size < 40; size++ {
		for i := range size {
			rings = append(rings, [5]int64{(i + 1) % size * 7 % 40, i * 7 % 40, 1 + (i*size)%1000*1_000_000, 999, 1000})
		}
	}
	var deep [][5]int64 // the dearest first
	for i := range int64(100_000) {
		deep = append(deep, [5]int64{1, 0, 1, 200_000 - i, 1})
	}
	for _, tt := range []struct {
		name   string
		assets int64
		offers [][5]int64
		size   int64
		want   ledger.Outcome
	}{
		{"all there is", 3, [][5]int64{{1, 0, most, 1, 1}, {2, 1, most, 1, 1}}, most, ledger.Applied},
		{"one unit costs more than there is", 3, [][5]int64{{1, 0, 10, most, 1}, {2, 1, 10, most, 1}}, 5, ledger.BelowMinorUnit},
		{"a unit brings a billion", 3, [][5]int64{{1, 0, most, 1, 1 << 30}, {2, 1, most, 1, 1 << 30}}, most, ledger.Applied},
		{"a hop brings less than the next one takes for a unit", 3, [][5]int64{{1, 0, 100, 1, most}, {2, 1, 100, most, 1}}, 100, ledger.NoPath},
		{"more than there is", 3, [][5]int64{{1, 0, 5, 1, 1}, {2, 1, 5, 1, 1}}, 300, ledger.Shortfall},
		{"rings", 40, rings, 30, ledger.Applied},
		{"a deep book", 3, append(deep, [5]int64{2, 1, 1_000_000, 1, 1}), 10_000, ledger.Applied},
		{"more steps than the rules allow", 3, append(deep, [5]int64{2, 1, 1_000_000, 1, 1}), 50_000, ledger.SearchLimit},
	} {
		b, err := newBenchmark(tt.name, tt.assets, tt.offers)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		p := BenchmarkPayment{From: 0, To: 2, Deliver: tt.size, Spend: tt.size}
		var a BenchmarkAnswer
		b.Deliver(&p, &a)
		if a.Outcome != tt.want || a.Outcome == ledger.Applied && (a.Delivered != tt.size || b.Check(&p, &a) != nil) {
			t.Errorf("%s: %v, %d for %d, %v; want %v", tt.name, a.Outcome, a.Delivered, a.Source, b.Check(&p, &a), tt.want)
		}
		b.Send(&p, &a)
		if a.Outcome == ledger.Applied && (a.Source > tt.size || b.Check(&p, &a) != nil) {
			t.Errorf("%s, sending: %d for %d, %v", tt.name, a.Delivered, a.Source, b.Check(&p, &a))
		}
	}
}
