package settlement_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"viaduct/internal/testenv"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement"
	"viaduct/settlement/balances"
	"viaduct/settlement/disk/simdisk"
	"viaduct/settlement/journal/sim"
	"viaduct/settlement/natsserver"
	"viaduct/settlement/sqlstore"

	"github.com/nats-io/nats.go"
)

// TestFaultyJournalAndDisk runs a node on the simulated journal, which loses, delays and repeats, and
// on a disk that loses power again and again, under clients that repeat what was not answered. In the
// end every payment was made exactly once, and another replay says the same.
func TestFaultyJournalAndDisk(t *testing.T) {
	for seed := range uint64(testenv.Scale(t, 12)) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { faultyRun(t, seed) })
	}
}

const (
	faultyPayments = 60
	faultyClients  = 6
)

func faultyRun(t *testing.T, seed uint64) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	dir := t.TempDir()
	bus, err := natsserver.Start(natsserver.Config{Dir: filepath.Join(dir, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Shutdown(context.WithoutCancel(ctx))
	clientConn, err := bus.Connect("client")
	if err != nil {
		t.Fatal(err)
	}
	defer clientConn.Close()
	url := "sqlite:" + filepath.Join(dir, "viaduct.db")
	if err := sqlstore.Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	client, err := settlement.NewClient(settlement.Over(clientConn))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	stream := sim.New(seed, sim.Faults{
		LostWrite: 100, LateWrite: 100, LostAck: 100, Late: 100, Repeat: 100,
		Latency: 200 * time.Microsecond, MaxDelay: 20 * time.Millisecond, AckWait: 5 * time.Millisecond,
	})
	blocks, tree := simdisk.New(), simdisk.New()

	// The supervisor starts the node again whenever its disk died.
	stopping, stop := context.WithCancel(ctx)
	lives := 0
	ended := make(chan error, 1)
	go func() {
		for {
			lives++
			if lives < 6 {
				blocks.PowerAt(5 + int(seed*7+uint64(lives)*13)%20)
			}
			err := liveOnce(stopping, bus, stream, blocks, tree, store)
			if stopping.Err() != nil {
				ended <- err
				return
			}
			if err == nil {
				ended <- errors.New("the node stopped by itself")
				return
			}
			blocks, tree = blocks.Restart(seed+uint64(lives)), tree.Restart(seed+uint64(lives))
		}
	}()

	submit := func(data []byte) {
		for ctx.Err() == nil {
			once, cancel := context.WithTimeout(ctx, time.Second)
			a, err := client.Submit(once, data)
			if err == nil {
				err = client.WaitFinal(once, a.Height)
			}
			cancel()
			if err == nil {
				return
			}
			if errors.Is(err, settlement.ErrMalformed) {
				t.Error(err)
				return
			}
		}
	}
	submit(sign(t, "operator", "admit", admit("CHASUS33"), admit("BNMXMXMM"), admit("HSBCGB2L")))
	for _, bic := range []string{"BNMXMXMM", "HSBCGB2L"} {
		submit(sign(t, bic, "line", &ledger.SetLine{Asset: usd(), Limit: 1_000_000, QualityIn: ledger.Unit, QualityOut: ledger.Unit}))
	}
	submit(sign(t, "CHASUS33", "issue", pay(0, "BNMXMXMM", 500_000)))
	var clients sync.WaitGroup
	for c := range faultyClients {
		clients.Go(func() {
			for i := c; i < faultyPayments; i += faultyClients {
				submit(sign(t, "BNMXMXMM", fmt.Sprint("pay", i), pay(1+i, "HSBCGB2L", 1)))
			}
		})
	}
	clients.Wait()
	status, err := client.Status(ctx)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if lives < 3 {
		t.Errorf("seed %d: only %d lives: the faults did not bite", seed, lives)
	}
	lines, _, err := store.Balances(ctx, ledger.MustBIC("HSBCGB2L"))
	if err != nil || len(lines) != 1 || lines[0].Balance != faultyPayments {
		t.Errorf("seed %d: after %d lives the receiver holds %+v, %v, want %d", seed, lives, lines, err, faultyPayments)
	}

	// A node that starts on what is left, with an empty database, says the same.
	stream.SetFaults(sim.Faults{})
	empty := "sqlite:" + filepath.Join(dir, "again.db")
	if err := sqlstore.Migrate(ctx, empty); err != nil {
		t.Fatal(err)
	}
	again, err := sqlstore.Open(ctx, empty)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	node, err := openSim(ctx, clientConn, stream, blocks.Restart(seed), tree.Restart(seed), again)
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	defer node.Close()
	if height, hash := node.StateHash(); height < status.Height || height == status.Height && fmt.Sprintf("%x", hash) != status.StateHash {
		t.Errorf("seed %d: replayed to height %d, state %x; it was %d, %s", seed, height, hash, status.Height, status.StateHash)
	}
}

func openSim(ctx context.Context, conn *nats.Conn, stream *sim.Stream, blocks, tree *simdisk.Disk, store *sqlstore.Store) (*settlement.Node, error) {
	signer, err := proof.NewSigner("validator-1", keyOf("validator-1"))
	if err != nil {
		return nil, err
	}
	return settlement.Open(ctx, settlement.Config{
		Name: "validator-1", Genesis: testGenesis(), Blocks: blocks, Tree: tree, Journal: stream.Client("node"), Bus: settlement.Over(conn), Signer: signer, Sequence: true,
		Store: store, Cache: balances.NewMap(store.Balances), Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
}

// liveOnce runs a node until ctx ends or something it stands on fails.
func liveOnce(ctx context.Context, bus *natsserver.Server, stream *sim.Stream, blocks, tree *simdisk.Disk, store *sqlstore.Store) error {
	conn, err := bus.Connect("node")
	if err != nil {
		return err
	}
	defer conn.Close()
	node, err := openSim(ctx, conn, stream, blocks, tree, store)
	if err != nil {
		return err
	}
	err = node.Run(ctx)
	if closed := node.Close(); err == nil {
		err = closed
	}
	return err
}
