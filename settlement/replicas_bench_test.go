package settlement_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement"
	"viaduct/settlement/disk"
	"viaduct/settlement/journal/natsjournal"
	"viaduct/settlement/natsserver/natstest"
	"viaduct/settlement/sqlstore"
)

// BenchmarkReplicas runs four validators, on real disks, over three NATS servers, with the journal on one of them
// and on all three: 64 clients submit payments one at a time, each waits until its own is final. What it says is in
// the network's favour: all is one process on one machine, but for the bus and the journal, which go over TCP.
func BenchmarkReplicas(b *testing.B) {
	for _, replicas := range []int{1, 3} {
		for _, size := range []int{1, 100} {
			b.Run(fmt.Sprintf("replicas=%d/payments=%d", replicas, size), func(b *testing.B) { payOver(b, replicas, size) })
		}
	}
}

const replicaClients = 64

func payOver(b *testing.B, replicas, size int) {
	c := natstest.Start(b)
	ctx, stop := context.WithCancel(context.Background())
	var lives sync.WaitGroup
	defer lives.Wait()
	defer stop()
	must := func(err error) {
		if err != nil {
			b.Error(err)
		}
	}
	for i := range validators {
		name := validatorName(i)
		conn := c.Connect()
		j, err := natsjournal.Open(ctx, conn, replicas)
		for err != nil && ctx.Err() == nil { // the servers may still be choosing a leader
			j, err = natsjournal.Open(ctx, conn, replicas)
		}
		signer, err := proof.NewSigner(name, keyOf(name))
		must(err)
		blocks, err := disk.OpenDir(filepath.Join(b.TempDir(), "blocks"))
		must(err)
		tree, err := disk.OpenDir(filepath.Join(b.TempDir(), "tree"))
		must(err)
		cfg := settlement.Config{
			Name: name, Genesis: networkGenesis(), Blocks: blocks, Tree: tree, Journal: j, Bus: settlement.Over(conn), Signer: signer,
			Sequence: i < 2, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		}
		if i >= 2 {
			cfg.Store = noStore{}
		}
		node, err := settlement.Open(ctx, cfg)
		if err != nil {
			b.Fatal(err)
		}
		lives.Go(func() {
			must(node.Run(ctx))
			must(node.Close())
			must(blocks.Close())
			must(tree.Close())
		})
	}
	client, err := settlement.NewClient(settlement.Over(c.Connect()))
	must(err)
	defer func() { must(client.Close()) }()
	must(client.WaitReady(ctx))
	submit := func(data []byte) (accepted, final time.Duration) {
		began := time.Now()
		for {
			a, err := client.Submit(ctx, data)
			if err != nil {
				continue // repeated until it is there
			}
			accepted = time.Since(began)
			must(client.WaitFinal(ctx, a.Height))
			return accepted, time.Since(began)
		}
	}
	sign := func(by, key string, in ...ledger.Instruction) []byte {
		return signFor(b, networkGenesis(), by, key, in...)
	}
	submit(sign("operator", "admit", admit("CHASUS33"), admit("BNMXMXMM"), admit("HSBCGB2L")))
	for _, bic := range []string{"BNMXMXMM", "HSBCGB2L"} {
		submit(sign(bic, "line", &ledger.SetLine{Asset: usd(), Limit: 1 << 50, QualityIn: ledger.Unit, QualityOut: ledger.Unit}))
	}
	submit(sign("CHASUS33", "issue", pay(-1, "BNMXMXMM", 1<<40)))
	bodies := make([][]byte, b.N)
	for i := range bodies {
		var in []ledger.Instruction
		for k := range size {
			in = append(in, pay(i*size+k, "HSBCGB2L", 1))
		}
		bodies[i] = sign("BNMXMXMM", fmt.Sprint("pay", i), in...)
	}
	accepted, final := make([]time.Duration, b.N), make([]time.Duration, b.N)
	b.ResetTimer()
	var clients sync.WaitGroup
	for k := range replicaClients {
		clients.Go(func() {
			for i := k; i < b.N; i += replicaClients {
				accepted[i], final[i] = submit(bodies[i])
			}
		})
	}
	clients.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "final/s")
	for what, all := range map[string][]time.Duration{"accepted": accepted, "final": final} {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-"+what+"-ms")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-"+what+"-ms")
	}
}

// noStore is a database that takes no time: what is final is told at once.
type noStore struct{}

func (noStore) Projected(context.Context) (uint64, ledger.Hash, bool, error) {
	return 0, ledger.Hash{}, false, nil
}

func (noStore) Project(context.Context, *sqlstore.Projection) error { return nil }
