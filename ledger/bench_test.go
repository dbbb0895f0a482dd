package ledger_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// batches prepares messages of payments in advance, their signatures checked, so that a benchmark
// times the state machine alone: decode of instructions, deduplication, routing, the check of the
// plan, posting, leaves and the state hash.
type batches struct {
	w   *world
	pay func(i int) ledger.Pay
	by  func(i int) string
	n   int
}

func (b *batches) message(size int) *ledger.Message {
	var all []ledger.Instruction
	by := b.by(b.n / size)
	for range size {
		p := b.pay(b.n)
		binary.BigEndian.PutUint64(p.ID[:], uint64(b.n)+1)
		p.ID[15], p.UETR = 1, p.ID
		p.UETRKind, p.Mode = ledger.UETRPayment, ledger.ExactDeliver
		b.n++
		all = append(all, &p)
	}
	m := new(ledger.Message)
	data := ledger.EncodeMessage(nil, b.w.state.Height()+1, 1, b.w.state.LastMessage(), b.w.now, [][]byte{b.w.submission(by, all...)})
	if err := ledger.DecodeMessage(data, m); err != nil {
		b.w.t.Fatal(err)
	}
	for i := range m.Submissions {
		if !m.Submissions[i].Verify() {
			b.w.t.Fatal("bad signature")
		}
	}
	return m
}

const batchSize = 1000

func (b *batches) run(bench *testing.B) {
	bench.ReportAllocs()
	done, refused := 0, 0
	for done < bench.N {
		bench.StopTimer()
		m := b.message(batchSize)
		bench.StartTimer()
		if err := b.w.state.Apply(m, &b.w.block); err != nil {
			bench.Fatal(err)
		}
		bench.StopTimer()
		for _, r := range b.w.block.Results {
			if r.Outcome != ledger.Applied {
				refused++
				if refused == 1 {
					bench.Logf("first refusal: %s", r.Outcome)
				}
			}
		}
		done += batchSize
		bench.StartTimer()
	}
	bench.StopTimer()
	if err := b.w.state.CheckInvariants(); err != nil {
		bench.Fatal(err)
	}
	bench.ReportMetric(float64(bench.N)/bench.Elapsed().Seconds(), "payments/s")
	bench.ReportMetric(float64(refused)/float64(done), "refused/op")
}

func benchWorld(b *testing.B) *world {
	return newWorldOf(b, fxRouter)
}

func bankName(i int) string { return fmt.Sprintf("BK%c%cUS33", 'A'+i/26%26, 'A'+i%26) }

// BenchmarkDirect applies payments of one currency between holders of one asset.
func BenchmarkDirect(b *testing.B) {
	const banks = 100
	w := benchWorld(b)
	w.run("admit CHASUS33")
	for i := range banks {
		w.run("admit " + bankName(i))
		w.run("line " + bankName(i) + " USD@CHASUS33 limit=1000000000000.00")
		w.run("pay CHASUS33 " + bankName(i) + " deliver=USD amount=1000000000.00 send=USD max=1000000000.00")
	}
	bs := &batches{w: w,
		by: func(i int) string { return bankName(i % banks) },
		pay: func(i int) ledger.Pay {
			usd := ledger.AssetName{Currency: money.MustCurrency("USD")}
			return ledger.Pay{To: ledger.MustBIC(bankName((i/batchSize + 1 + i%(banks-1)) % banks)), Send: usd, Deliver: usd, Amount: int64(100 + i%100), Bound: 1 << 20}
		},
	}
	bs.run(b)
}

// BenchmarkThreeHops applies payments that cross three offers (MXN to USD to EUR to GBP), searched for
// at the moment of execution.
func BenchmarkThreeHops(b *testing.B) {
	const banks, dealers = 20, 3
	w := benchWorld(b)
	for i, c := range []string{"MXN", "USD", "EUR", "GBP"} {
		issuer := fmt.Sprintf("CORR%c%cXX", 'A'+i, 'A'+i)
		w.run("admit " + issuer)
		for j := range banks + dealers {
			if i == 0 {
				w.run("admit " + bankName(j))
			}
			w.run(fmt.Sprintf("line %s %s@%s limit=1000000000000.00", bankName(j), c, issuer))
			w.run(fmt.Sprintf("pay %s %s deliver=%s amount=100000000000.00 send=%s max=100000000000.00", issuer, bankName(j), c, c))
		}
	}
	for i, pair := range []string{"MXN@CORRAAXX USD@CORRBBXX 17.9", "USD@CORRBBXX EUR@CORRCCXX 1.09", "EUR@CORRCCXX GBP@CORRDDXX 1.15"} {
		var want, give, price string
		if _, err := fmt.Sscan(pair, &want, &give, &price); err != nil {
			b.Fatal(err)
		}
		for level := range 20 {
			w.run(fmt.Sprintf("offer %s o%d-%d give=%s want=%s amount=%d price=%s%02d", bankName(banks+i), i, level, give, want, 1_000_000_000, price, level))
		}
	}
	bs := &batches{w: w,
		by: func(i int) string { return bankName(i % banks) },
		pay: func(i int) ledger.Pay {
			return ledger.Pay{To: ledger.MustBIC(bankName((i/batchSize + 1) % banks)), Send: asset("MXN"), Deliver: asset("GBP"), Amount: int64(100 + i%1000), Bound: 1 << 40}
		},
	}
	bs.run(b)
}
