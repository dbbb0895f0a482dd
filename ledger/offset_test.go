package ledger_test

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"viaduct/ledger"

	"pgregory.net/rapid"
)

// crowd is a network in which many wait: banks that hold dollars of one correspondent.
type crowd struct {
	*world
	banks int
	ids   int
}

func newCrowd(t testing.TB, banks int) *crowd {
	c := &crowd{world: newWorld(t), banks: banks}
	c.trusting = true
	c.submit("operator", admission("CHASUS33"))
	for b := range banks {
		c.submit("operator", admission(bankName(b)))
		c.submit(bankName(b), &ledger.SetLine{Asset: asset("USD@CHASUS33"), Limit: ledger.MaxUnits / 2, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
	}
	return c
}

func admission(bic string) *ledger.Admit {
	b := ledger.MustBIC(bic)
	return &ledger.Admit{BIC: b, Name: bic, Country: [2]byte([]byte(b.Country())), Key: public(keyOf(bic))}
}

func (c *crowd) submit(by string, in ...ledger.Instruction) {
	c.quick([][]byte{c.submission(by, in...)})
}

// payment is one that waits.
func (c *crowd) payment(to string, amount int64) *ledger.Pay {
	c.ids++
	var id ledger.ID
	binary.BigEndian.PutUint64(id[:], uint64(c.ids))
	usd := asset("USD@CHASUS33")
	return &ledger.Pay{
		ID: id, UETR: id, UETRKind: ledger.UETRPayment, To: ledger.MustBIC(to), Mode: ledger.ExactDeliver, Send: usd, Deliver: usd,
		Amount: amount, Bound: amount, OnShortfall: ledger.QueueOnShortfall,
	}
}

// gridlocked has so many payments between random banks wait, each bank with nothing, so that none of them settles.
func gridlocked(t testing.TB, banks, payments int) *crowd {
	c := newCrowd(t, banks)
	c.state.Reach(ledger.Gross)
	r := rand.New(rand.NewPCG(3, 1))
	byBank := make([][]ledger.Instruction, banks)
	for range payments {
		from, to := r.IntN(banks), r.IntN(banks-1)
		if to >= from {
			to++
		}
		byBank[from] = append(byBank[from], c.payment(bankName(to), 1+r.Int64N(1_000_000)))
	}
	for b, in := range byBank {
		c.submit(bankName(b), in...)
	}
	if got := len(c.state.Queue()); got != payments {
		t.Fatalf("%d payments wait, want %d", got, payments)
	}
	c.state.Reach(ledger.Multilateral)
	return c
}

// threadTime is the processor time of this thread so far: other work on the machine does not count.
func threadTime(t rapid.TB) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(1, &use); err != nil { // RUSAGE_THREAD
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// release has the correspondent pay each bank a little, and returns the processor time of the block and how many of those
// that waited it settled.
func (c *crowd) release() (took time.Duration, settled int) {
	var in []ledger.Instruction
	for b := range c.banks {
		in = append(in, c.payment(bankName(b), 3_000_000))
	}
	data := ledger.EncodeMessage(nil, c.state.Height()+1, 1, c.state.LastMessage(), c.now, [][]byte{c.submission("CHASUS33", in...)})
	var m ledger.Message
	if err := ledger.DecodeMessage(data, &m); err != nil {
		c.t.Fatal(err)
	}
	m.Trust()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := threadTime(c.t)
	if err := c.state.Apply(&m, &c.block); err != nil {
		c.t.Fatal(err)
	}
	took = threadTime(c.t) - start
	for i := range c.block.Results {
		if c.block.Results[i].Kind == ledger.KindLater {
			settled++
		}
	}
	return took, settled
}

// BenchmarkOffsetting10000 times one block in which 10,000 waiting payments between 200 banks are settled as far as
// they can be, leaves and state hash included. A block's memory is used again, as it is by a node.
func BenchmarkOffsetting10000(b *testing.B) {
	total, settled, work := time.Duration(0), 0, 0
	warm := gridlocked(b, 200, 10_000)
	warm.release()
	for range b.N {
		c := gridlocked(b, 200, 10_000)
		c.block = warm.block
		took, n := c.release()
		total, settled, work = total+took, n, c.state.QueueWork()
	}
	b.ReportMetric(float64(total.Microseconds())/1000/float64(b.N), "ms/block")
	b.ReportMetric(float64(settled), "settled")
	b.ReportMetric(float64(work), "looks")
}

// A block looks at no more than its bound and the round under way, however many wait and however slowly they come
// free; what is left is carried on in the next one, which is due at once.
func TestQueueWorkIsBounded(t *testing.T) {
	banks := 16
	c := newCrowd(t, banks)
	c.state.Reach(ledger.Gross)
	// A long chain against the order of the queue: each round of gross settlement frees only the one before.
	for b := range banks {
		var in []ledger.Instruction
		for range ledger.MaxQueued - 1 {
			in = append(in, c.payment(bankName((b+banks-1)%banks), 1000))
		}
		for len(in) > 0 {
			n := min(len(in), 500)
			c.submit(bankName(b), in[:n]...)
			in = in[n:]
		}
	}
	waiting := len(c.state.Queue())
	c.submit("CHASUS33", c.payment(bankName(banks-1), 1000))
	blocks, most := 1, c.state.QueueWork()
	for ; c.state.NextDeadline() == c.now; blocks++ {
		if blocks > 10_000 {
			t.Fatal("it never ends")
		}
		c.quick(nil)
		most = max(most, c.state.QueueWork())
	}
	if bound := ledger.QueueBound + 5*waiting; most > bound || blocks < 2 || len(c.state.Queue()) > banks {
		t.Errorf("%d blocks, %d looks in one (bound %d), %d wait still of %d", blocks, most, bound, len(c.state.Queue()), waiting)
	}
	if err := c.state.CheckInvariants(); err != nil {
		t.Error(err)
	}
}

// A queue takes so many payments of one participant and so many in all; what comes beyond is refused, and one that
// leaves makes room.
func TestQueueOverflow(t *testing.T) {
	c := newCrowd(t, ledger.MaxQueuedAll/ledger.MaxQueued+1)
	fill := func(b, n int) {
		for n > 0 {
			some := min(n, 500)
			var in []ledger.Instruction
			for range some {
				in = append(in, c.payment("CHASUS33", 1))
			}
			c.submit(bankName(b), in...)
			n -= some
		}
	}
	outcome := func(b int) ledger.Outcome {
		c.submit(bankName(b), c.payment("CHASUS33", 1))
		return c.block.Results[0].Outcome
	}
	fill(0, ledger.MaxQueued)
	if got := outcome(0); got != ledger.QueueFull {
		t.Errorf("one more of a participant: %s", got)
	}
	for b := 1; b < c.banks-1; b++ {
		fill(b, ledger.MaxQueued)
	}
	if got := outcome(c.banks - 1); got != ledger.QueueFull {
		t.Errorf("one more of all: %s", got)
	}
	c.submit(bankName(0), &ledger.CancelPayment{ID: c.state.Pendings()[c.state.Queue()[0]].ID})
	if got := outcome(c.banks - 1); got != ledger.Queued {
		t.Errorf("after one was cancelled: %s", got)
	}
	if err := c.state.CheckInvariants(); err != nil {
		t.Error(err)
	}
	c.now += ledger.DefaultWait + 1
	c.quick(nil)
	if n := len(c.block.Results); n != ledger.MaxQueuedAll || len(c.state.Queue()) != 0 {
		t.Errorf("a day later %d end, %d wait", n, len(c.state.Queue()))
	}
	bytes := 0
	for _, leaf := range c.block.Leaves {
		bytes += len(leaf) + 4
	}
	if bytes > 12<<20 {
		t.Errorf("their block is of %d bytes", bytes)
	}
}

// TestAgainstOptimum compares, on small queues, what settles together with the most that could: of all subsets the one
// with the most payments, and of those the greatest value. The order of each sender's queue costs the difference.
func TestAgainstOptimum(t *testing.T) {
	runs, size := 300, 9
	if *liquidity != "" {
		runs, size = 2000, 14
	}
	for payments := 6; payments <= size; payments += 4 {
		same, sameCount, got, most := 0, 0, 0, 0
		for run := range runs {
			r := rand.New(rand.NewPCG(uint64(run), uint64(payments)))
			banks := 3 + r.IntN(3)
			balance := make([]int64, banks)
			for b := range balance {
				balance[b] = r.Int64N(50)
			}
			type entry struct {
				from, to int
				amount   int64
			}
			var all []entry
			for range payments {
				from, to := r.IntN(banks), r.IntN(banks-1)
				if to >= from {
					to++
				}
				all = append(all, entry{from, to, 1 + r.Int64N(100)})
			}
			best, bestValue := 0, int64(0)
			for set := range 1 << payments {
				left := [5]int64{}
				copy(left[:], balance)
				n, value := 0, int64(0)
				for i, e := range all {
					if set>>i&1 == 1 {
						left[e.from] -= e.amount
						left[e.to] += e.amount
						n, value = n+1, value+e.amount
					}
				}
				works := true
				for _, l := range left {
					works = works && l >= 0
				}
				if works && (n > best || n == best && value > bestValue) {
					best, bestValue = n, value
				}
			}
			c := newCrowd(t, banks)
			c.state.Reach(ledger.Gross)
			// Nothing is funded while they come, so that they all wait; then all is there at once.
			for _, e := range all {
				c.submit(bankName(e.from), c.payment(bankName(e.to), e.amount))
			}
			c.state.Reach(ledger.Multilateral)
			var fund []ledger.Instruction
			for b, units := range balance {
				if units > 0 {
					fund = append(fund, c.payment(bankName(b), units))
				}
			}
			settled, value := 0, int64(0)
			if len(fund) > 0 {
				c.submit("CHASUS33", fund...)
			} else {
				c.quick(nil)
			}
			for i := range c.block.Results {
				if res := &c.block.Results[i]; res.Kind == ledger.KindLater {
					settled, value = settled+1, value+res.Delivered
				}
			}
			if settled > best {
				t.Fatalf("run %d: %d settled, the most is %d", run, settled, best)
			}
			got, most = got+settled, most+best
			if settled == best {
				sameCount++
				if value == bestValue {
					same++
				}
			}
		}
		t.Logf("| %d | %d | %s | %s | %s |", payments, runs, percent(int64(sameCount), int64(runs)), percent(int64(same), int64(runs)), percent(int64(got), int64(most)))
		if same == 0 || sameCount == runs {
			t.Errorf("%d payments: as many as can be %d times of %d", payments, sameCount, runs)
		}
	}
}
