package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// BenchmarkStateHash hashes the state of ledgers from ten thousand lines on after a block that changed 200 lines
// anywhere in it: 100 payments, each between two others. VIADUCT_BENCH_LINES, 1,000,000 unless it says
// otherwise, is the largest ledger; ten million lines take 6 GB.
func BenchmarkStateHash(b *testing.B) {
	most := 1_000_000
	if text := os.Getenv("VIADUCT_BENCH_LINES"); text != "" {
		var err error
		if most, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for lines := 10_000; lines <= most; lines *= 10 {
		var s *ledger.State // built once for all rounds of a size
		b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) {
			if s == nil {
				s = ledgerOf(b, lines)
			}
			r := rand.New(rand.NewPCG(1, uint64(lines)))
			touched := make([]int, 200)
			s.Hash()
			var spent time.Duration
			for b.Loop() {
				for i := range touched {
					touched[i] = r.IntN(lines)
				}
				s.TouchPositions(touched)
				began := processorTime(b)
				s.Hash()
				spent += processorTime(b) - began
			}
			b.ReportMetric(float64(spent.Microseconds())/float64(b.N), "cpu-µs/block")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// processorTime is what this thread has had of a processor: others that run meanwhile don't count.
func processorTime(b *testing.B) time.Duration {
	runtime.LockOSThread()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// noRouter is for a ledger without payments: it is not asked, and not interested.
type noRouter struct{ ledger.Router }

func (noRouter) PositionChanged(ledger.PosID)     {}
func (noRouter) PurseChanged(ledger.PurseID)      {}
func (noRouter) ParticipantChanged(ledger.PartID) {}

func (noRouter) HeldOut(to []ledger.OfferIdx) []ledger.OfferIdx { return to }

// ledgerOf makes a ledger of so many lines, or a few more: banks that each accept the dollars of others.
func ledgerOf(b *testing.B, lines int) *ledger.State {
	b.Helper()
	banks := 100
	for banks*(banks-1) < lines {
		banks += 50
	}
	w := newWorldOf(b, func(*ledger.State) ledger.Router { return noRouter{} })
	apply := func(by string, all []ledger.Instruction) {
		var m ledger.Message
		data := ledger.EncodeMessage(nil, w.state.Height()+1, 1, w.state.LastMessage(), w.now, [][]byte{w.submission(by, all...)})
		if err := ledger.DecodeMessage(data, &m); err != nil {
			b.Fatal(err)
		}
		m.Trust()
		if err := w.state.Apply(&m, &w.block); err != nil {
			b.Fatal(err)
		}
		for _, r := range w.block.Results {
			if r.Outcome != ledger.Applied {
				b.Fatal(r.Outcome)
			}
		}
	}
	name := func(i int) string { return fmt.Sprintf("B%c%c%cUS33", 'A'+i/676%26, 'A'+i/26%26, 'A'+i%26) }
	usd := money.MustCurrency("USD")
	for i := range banks {
		apply("operator", []ledger.Instruction{&ledger.Admit{BIC: ledger.MustBIC(name(i)), Name: name(i), Country: [2]byte([]byte("US")), Key: public(keyOf(name(i)))}})
	}
	for holder := 0; lines > 0; holder++ {
		var all []ledger.Instruction
		for other := 0; other < banks && lines > 0; other++ {
			if other != holder {
				lines--
				all = append(all, &ledger.SetLine{Asset: ledger.AssetName{Currency: usd, Issuer: ledger.MustBIC(name(other))}, Limit: 1, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
			}
			if len(all) == 1000 || other == banks-1 || lines == 0 {
				apply(name(holder), all)
				all = nil
			}
		}
	}
	return w.state
}
