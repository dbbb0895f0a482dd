package settlement_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"viaduct/fx"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement"
	"viaduct/settlement/blocklog"
	"viaduct/settlement/disk"
	"viaduct/settlement/journal"
)

// BenchmarkRecovery makes a block log of payments, 1,000 to a block, and starts a node on it twice: with
// nothing else, so that it replays all, and with a snapshot behind the first 99 of 100. The block log is on a
// real disk. VIADUCT_BENCH_PAYMENTS says how many, 100,000 unless it does; ten million take 6 GB of disk.
func BenchmarkRecovery(b *testing.B) {
	payments := 100_000
	if text := os.Getenv("VIADUCT_BENCH_PAYMENTS"); text != "" {
		var err error
		if payments, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		recoverOnce(b, payments)
	}
}

const (
	recoveryBlock = 1000 // payments
	recoveryBanks = 100
)

func recoverOnce(b *testing.B, payments int) {
	h := newPast(b)
	h.blocks(payments / recoveryBlock * 99 / 100)
	node, full := h.open()
	h.must(node.WriteSnapshot())
	h.close(node)
	first := h.payments
	full.report(b, "full replay", first)
	h.blocks(max(1, payments/recoveryBlock/100))
	node, tail := h.open()
	tail.report(b, "snapshot and tail", h.payments)
	if height, hash := node.StateHash(); height != h.state.Height() || hash != h.state.Hash() {
		b.Fatalf("recovered to height %d, made up to %d; the state hashes are equal: %v", height, h.state.Height(), hash == h.state.Hash())
	}
	h.close(node)
	b.ReportMetric(float64(first)/full.wall.Seconds(), "replayed/s")
	b.ReportMetric(float64(first)/full.cpu.Seconds(), "replayed/core-s")
	b.ReportMetric(float64(h.payments)/tail.wall.Seconds(), "recovered/s")
	b.ReportMetric(tail.wall.Seconds(), "start-s")
	b.ReportMetric(0, "ns/op")
}

// spent is what a start took, of the clock and of all processors together.
type spent struct{ wall, cpu time.Duration }

func (s spent) report(b *testing.B, what string, payments int) {
	b.Logf("%s of %d payments: %.1f s, %.1f s of processors: %.0f/s, %.0f/s and core",
		what, payments, s.wall.Seconds(), s.cpu.Seconds(), float64(payments)/s.wall.Seconds(), float64(payments)/s.cpu.Seconds())
}

func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// past makes a history: a ledger, and the block log that a node would have kept of it.
type past struct {
	b        *testing.B
	dir      string
	genesis  *ledger.Genesis
	state    *ledger.State
	block    ledger.Block
	dirs     []*disk.Dir
	log      *blocklog.Log
	size     uint64
	position uint64
	payments int
}

func newPast(b *testing.B) *past {
	h := &past{b: b, dir: b.TempDir(), genesis: testGenesis(), position: 1}
	var err error
	h.state, err = ledger.New(h.genesis, &h.block)
	h.must(err)
	h.state.Attach(fx.New(h.state))
	h.append(h.genesis.Encode())
	h.apply("operator", admit("CHASUS33"))
	for i := range recoveryBanks {
		h.apply("operator", admit(pastBank(i)))
		h.apply(pastBank(i), &ledger.SetLine{Asset: usd(), Limit: 1 << 50, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
		h.apply("CHASUS33", pay(-1-i, pastBank(i), 1<<40))
	}
	return h
}

func pastBank(i int) string { return fmt.Sprintf("BK%c%cUS33", 'A'+i/26%26, 'A'+i%26) }

func (h *past) must(err error) {
	h.b.Helper()
	if err != nil {
		h.b.Fatal(err)
	}
}

// in opens a directory; close closes all.
func (h *past) in(name string) *disk.Dir {
	d, err := disk.OpenDir(filepath.Join(h.dir, name))
	h.must(err)
	h.dirs = append(h.dirs, d)
	return d
}

func (h *past) close(open interface{ Close() error }) {
	h.must(open.Close())
	for _, d := range h.dirs {
		h.must(d.Close())
	}
	h.dirs = nil
}

// append writes the block just made as a node does.
func (h *past) append(message []byte) {
	if h.log == nil {
		var err error
		h.log, err = blocklog.Open(h.in("blocks"), 0)
		h.must(err)
	}
	h.size += uint64(len(h.block.Leaves))
	h.must(h.log.Append(h.state.Height(), settlement.EncodeRecord(h.position, h.size, message, h.block.Leaves)))
	h.position++
}

func (h *past) apply(by string, in ...ledger.Instruction) {
	data := ledger.EncodeMessage(nil, h.state.Height()+1, 1, h.state.LastMessage(), h.state.Time(), [][]byte{sign(h.b, by, fmt.Sprint("key ", h.position), in...)})
	var m ledger.Message
	h.must(ledger.DecodeMessage(data, &m))
	h.must(h.state.Apply(&m, &h.block))
	for _, r := range h.block.Results {
		if r.Outcome != ledger.Applied {
			h.b.Fatal(r.Outcome)
		}
	}
	h.append(data)
}

func (h *past) blocks(n int) {
	for range n {
		from := int(h.position) % recoveryBanks
		in := make([]ledger.Instruction, recoveryBlock)
		for i := range in {
			h.payments++
			p := pay(0, pastBank((from+1+i%(recoveryBanks-1))%recoveryBanks), 1)
			p.ID = ledger.ID{}
			binary.BigEndian.PutUint64(p.ID[:], uint64(h.payments))
			p.ID[15] = 1
			p.UETR = p.ID
			in[i] = p
		}
		h.apply(pastBank(from), in...)
	}
}

// open starts a node on the block log and says what that took.
func (h *past) open() (*settlement.Node, spent) {
	h.close(h.log)
	h.log = nil
	blocks, tree, snapshots := h.in("blocks"), h.in("tree"), h.in("snapshots")
	signer, err := proof.NewSigner("validator-1", keyOf("validator-1"))
	h.must(err)
	began, used := time.Now(), processorTime(h.b)
	node, err := settlement.Open(context.Background(), settlement.Config{
		Name: "validator-1", Genesis: h.genesis, Blocks: blocks, Tree: tree, Snapshots: snapshots, Journal: noJournal{}, Signer: signer,
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	h.must(err)
	return node, spent{time.Since(began), processorTime(h.b) - used}
}

// noJournal can't be reached: a start does not need it.
type noJournal struct{ journal.Journal }

func (noJournal) Tip(context.Context) (uint64, error) { return 0, errors.New("away") }
