package settlement_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement"
	"viaduct/settlement/balances"
	"viaduct/settlement/disk"
	"viaduct/settlement/journal/natsjournal"
	"viaduct/settlement/natsserver"
	"viaduct/settlement/sqlstore"

	"github.com/nats-io/nats.go"
)

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(name string) [32]byte { return [32]byte(keyOf(name).Public().(ed25519.PublicKey)) }

func testGenesis() *ledger.Genesis {
	return &ledger.Genesis{
		Name: "test", Time: time.Date(2026, 3, 13, 16, 0, 0, 0, time.UTC).UnixMilli(), Operator: public("operator"),
		Validators: []ledger.Validator{{Name: "validator-1", Key: public("validator-1")}},
		Currencies: money.Currencies(), Rules: ledger.RulesVersion,
	}
}

// engine is a node on a real NATS server, a real disk and a real SQLite database.
type engine struct {
	t      *testing.T
	dir    string
	store  *sqlstore.Store
	node   *settlement.Node
	client *settlement.Client
	log    *lockedBuffer
	stop   func()
}

func start(t *testing.T, dir string) *engine {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	e := &engine{t: t, dir: dir}
	url := "sqlite:" + filepath.Join(dir, "viaduct.db")
	must(sqlstore.Migrate(ctx, url))
	var err error
	e.store, err = sqlstore.Open(ctx, url)
	must(err)
	bus, err := natsserver.Start(natsserver.Config{Dir: filepath.Join(dir, "nats")})
	must(err)
	connect := func(name string) *nats.Conn {
		nc, err := bus.Connect(name)
		must(err)
		return nc
	}
	nodeConn, clientConn := connect("node"), connect("client")
	j, err := natsjournal.Open(ctx, nodeConn, 1)
	must(err)
	signer, err := proof.NewSigner("validator-1", keyOf("validator-1"))
	must(err)
	blocks, err := disk.OpenDir(filepath.Join(dir, "blocks"))
	must(err)
	tree, err := disk.OpenDir(filepath.Join(dir, "tree"))
	must(err)
	snapshots, err := disk.OpenDir(filepath.Join(dir, "snapshots"))
	must(err)
	e.log = new(lockedBuffer)
	e.node, err = settlement.Open(ctx, settlement.Config{
		Name: "validator-1", Genesis: testGenesis(), Blocks: blocks, Tree: tree, Journal: j, Bus: settlement.Over(nodeConn), Signer: signer, Sequence: true,
		Snapshots: snapshots, SnapshotEvery: 4,
		Store: e.store, Cache: balances.NewMap(e.store.Balances), Now: time.Now, Log: slog.New(slog.NewTextHandler(e.log, nil)),
	})
	must(err)
	e.client, err = settlement.NewClient(settlement.Over(clientConn))
	must(err)
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- e.node.Run(run) }()
	must(e.client.WaitReady(ctx))
	var once sync.Once
	e.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("run: %v", err)
			}
			for _, err := range []error{e.client.Close(), e.node.Close(), blocks.Close(), tree.Close(), snapshots.Close(), e.store.Close()} {
				if err != nil {
					t.Errorf("close: %v", err)
				}
			}
			nodeConn.Close()
			clientConn.Close()
			if err := bus.Shutdown(context.Background()); err != nil {
				t.Errorf("stop nats: %v", err)
			}
		})
	}
	t.Cleanup(e.stop)
	return e
}

func sign(t testing.TB, by, key string, in ...ledger.Instruction) []byte {
	t.Helper()
	return signFor(t, testGenesis(), by, key, in...)
}

// signFor signs a submission for a network.
func signFor(t testing.TB, g *ledger.Genesis, by, key string, in ...ledger.Instruction) []byte {
	t.Helper()
	s := ledger.Submission{Network: g.Network(), Key: []byte(key), Salt: sha256.Sum256([]byte(key))}
	if by != "operator" {
		s.Participant = ledger.MustBIC(by)
	}
	out, err := ledger.Sign(&s, in, keyOf(by))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// submit submits and waits until the block is final and projected.
func (e *engine) submit(by, key string, in ...ledger.Instruction) settlement.Accepted {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 20*time.Second)
	defer cancel()
	a, err := e.client.Submit(ctx, sign(e.t, by, key, in...))
	if err != nil {
		e.t.Fatal(err)
	}
	if err := e.client.WaitFinal(ctx, a.Height); err != nil {
		e.t.Fatal(err)
	}
	return a
}

// goesOnFrom checks that the node has gone on from an earlier status: one message of a new epoch later,
// with the same state before it.
func (e *engine) goesOnFrom(before settlement.Status) {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), 20*time.Second)
	defer cancel()
	if err := e.client.WaitFinal(ctx, before.Height+1); err != nil {
		e.t.Fatal(err)
	}
	after, err := e.client.Status(ctx)
	if err != nil || after.Height != before.Height+1 || after.Epoch != before.Epoch+1 || after.TreeSize != before.TreeSize+1 {
		e.t.Errorf("after %+v, %v, before %+v", after, err, before)
	}
	b, err := e.store.Block(ctx, before.Height)
	if err != nil || fmt.Sprintf("%x", b.State) != before.StateHash {
		e.t.Errorf("block %d has state %x, %v, want %s", before.Height, b.State, err, before.StateHash)
	}
}

func admit(bic string) ledger.Instruction {
	b := ledger.MustBIC(bic)
	return &ledger.Admit{BIC: b, Name: bic, Country: [2]byte([]byte(b.Country())), Key: public(bic)}
}

func usd() ledger.AssetName {
	return ledger.AssetName{Currency: money.MustCurrency("USD"), Issuer: ledger.MustBIC("CHASUS33")}
}

func pay(n int, to string, amount int64) *ledger.Pay {
	id := sha256.Sum256(fmt.Append(nil, "payment", n))
	return &ledger.Pay{
		ID: ledger.ID(id[:16]), UETR: [16]byte(id[16:]), UETRKind: ledger.UETRPayment, To: ledger.MustBIC(to), Mode: ledger.ExactDeliver,
		Send: usd(), Deliver: usd(), Amount: amount, Bound: amount,
	}
}

// populate admits a correspondent and two of its clients and funds the first.
func (e *engine) populate() {
	e.submit("operator", "admit", admit("CHASUS33"), admit("BNMXMXMM"), admit("HSBCGB2L"))
	for _, bic := range []string{"BNMXMXMM", "HSBCGB2L"} {
		e.submit(bic, "line", &ledger.SetLine{Asset: usd(), Limit: 1_000_000, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
	}
	e.submit("CHASUS33", "issue", pay(0, "BNMXMXMM", 500_000))
}

func (e *engine) policy() proof.Policy {
	e.t.Helper()
	return policyFor(e.t, testGenesis(), testGenesis().Validators, 1)
}

// policyFor returns whom a network's checkpoints are checked against when these validators sign them.
func policyFor(t testing.TB, g *ledger.Genesis, set []ledger.Validator, quorum int) proof.Policy {
	t.Helper()
	all := make([]proof.Validator, len(set))
	for i, v := range set {
		var err error
		if all[i], err = proof.NewValidator(v.Name, v.Key[:]); err != nil {
			t.Fatal(err)
		}
	}
	p, err := proof.NewPolicy(g.Origin(), all, quorum)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSettlesProjectsAndProves(t *testing.T) {
	e := start(t, t.TempDir())
	e.populate()
	a := e.submit("BNMXMXMM", "one", pay(1, "HSBCGB2L", 100), pay(2, "HSBCGB2L", 1_000_000))
	for i, want := range []sqlstore.Status{sqlstore.StatusSettled, sqlstore.StatusRejected} {
		p, err := e.store.Payment(t.Context(), ledger.MustBIC("BNMXMXMM"), pay(i+1, "HSBCGB2L", 0).ID)
		if err != nil || p.Status != want || p.Height != a.Height || p.Index != a.First+i {
			t.Errorf("payment %d: %+v, %v, want %s at %+v", i+1, p, err, want, a)
		}
	}
	receipt, err := e.client.Receipt(t.Context(), a.Height, a.First)
	if err != nil {
		t.Fatal(err)
	}
	proven, err := proof.VerifyReceipt(receipt, e.policy())
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ledger.DecodeLeaf(proven.Leaf)
	if err != nil || leaf.Outcome != ledger.Applied || leaf.Delivered != 100 || leaf.Height != a.Height {
		t.Errorf("proven: %+v, %v", leaf, err)
	}
	again, err := e.client.Receipt(t.Context(), a.Height, a.First)
	if err != nil || string(again) != string(receipt) {
		t.Errorf("asked again, another receipt: %v", err)
	}
	for _, bad := range [][2]int{{int(a.Height), 99}, {int(a.Height), -1}, {int(a.Height) + 1, 0}} {
		if _, err := e.client.Receipt(t.Context(), uint64(bad[0]), bad[1]); !errors.Is(err, settlement.ErrNotFound) {
			t.Errorf("receipt of %v: %v, want ErrNotFound", bad, err)
		}
	}
}

func TestRestartReplaysToTheSameState(t *testing.T) {
	dir := t.TempDir()
	e := start(t, dir)
	e.populate()
	var wg sync.WaitGroup
	for i := 1; i <= 200; i++ {
		wg.Go(func() { e.submit("BNMXMXMM", fmt.Sprint("pay", i), pay(i, "HSBCGB2L", 1)) })
	}
	wg.Wait()
	before, err := e.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e.stop()

	e = start(t, dir)
	e.goesOnFrom(before)
	// The same bytes again, after the restart: one payment.
	a := e.submit("BNMXMXMM", "pay1", pay(1, "HSBCGB2L", 1))
	receipt, err := e.client.Receipt(t.Context(), a.Height, a.First)
	if err != nil {
		t.Fatal(err)
	}
	proven, err := proof.VerifyReceipt(receipt, e.policy())
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err := ledger.DecodeLeaf(proven.Leaf); err != nil || leaf.Outcome != ledger.Repeated {
		t.Errorf("sent again: %+v, %v, want %s", leaf, err, ledger.Repeated)
	}
	lines, _, err := e.store.Balances(t.Context(), ledger.MustBIC("HSBCGB2L"))
	if err != nil || len(lines) != 1 || lines[0].Balance != 200 {
		t.Errorf("balances %+v, %v, want 200", lines, err)
	}
}

// TestLostTailIsPublishedAgain empties the journal behind the node's back, as a disk that lied would.
func TestLostTailIsPublishedAgain(t *testing.T) {
	dir := t.TempDir()
	e := start(t, dir)
	e.populate()
	before, err := e.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e.stop()
	removeAll(t, filepath.Join(dir, "nats"))
	e = start(t, dir)
	e.goesOnFrom(before)
	e.submit("BNMXMXMM", "goes on", pay(1, "HSBCGB2L", 1))
}

// TestLostBlocksComeFromTheJournal cuts the block log short: what is missing is read from the journal
// again, and comes out the same.
func TestLostBlocksComeFromTheJournal(t *testing.T) {
	for name, lose := range map[string]func(t *testing.T, dir string){
		"torn": func(t *testing.T, dir string) {
			files, err := filepath.Glob(filepath.Join(dir, "blocks", "*.blocks"))
			if err != nil || len(files) != 1 {
				t.Fatalf("block files %v, %v", files, err)
			}
			info, err := os.Stat(files[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(files[0], info.Size()-5); err != nil {
				t.Fatal(err)
			}
		},
		"all": func(t *testing.T, dir string) { removeAll(t, filepath.Join(dir, "blocks")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			e := start(t, dir)
			e.populate()
			before, err := e.client.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			e.stop()
			lose(t, dir)
			e = start(t, dir)
			e.goesOnFrom(before)
			e.submit("BNMXMXMM", "goes on", pay(1, "HSBCGB2L", 1))
		})
	}
}

// TestLostDatabaseIsProjectedAgain removes the SQL database: it is made again from the block log.
func TestLostDatabaseIsProjectedAgain(t *testing.T) {
	dir := t.TempDir()
	e := start(t, dir)
	e.populate()
	e.stop()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		removeAll(t, filepath.Join(dir, "viaduct.db"+suffix))
	}
	e = start(t, dir)
	lines, height, err := e.store.Balances(t.Context(), ledger.MustBIC("BNMXMXMM"))
	if err != nil || len(lines) != 1 || lines[0].Balance != 500_000 {
		t.Errorf("balances %+v at %d, %v", lines, height, err)
	}
}

func TestAnotherNetworksJournalIsRefused(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	e := start(t, dir)
	e.populate()
	e.stop()
	e = start(t, other)
	e.submit("operator", "admit", admit("DEUTDEFF"))
	e.submit("operator", "more", admit("BNMXMXMM"))
	e.submit("operator", "again", admit("HSBCGB2L"))
	e.submit("operator", "once more", admit("CHASUS33"))
	e.submit("operator", "and more", admit("NDEAFIHH"))
	e.stop()
	bus, err := natsserver.Start(natsserver.Config{Dir: filepath.Join(other, "nats")})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Shutdown(context.Background())
	nc, err := bus.Connect("node")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	j, err := natsjournal.Open(t.Context(), nc, 1)
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), "sqlite:"+filepath.Join(dir, "viaduct.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	blocks, err := disk.OpenDir(filepath.Join(dir, "blocks"))
	if err != nil {
		t.Fatal(err)
	}
	defer blocks.Close()
	tree, err := disk.OpenDir(filepath.Join(dir, "tree"))
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	signer, err := proof.NewSigner("validator-1", keyOf("validator-1"))
	if err != nil {
		t.Fatal(err)
	}
	node, err := settlement.Open(t.Context(), settlement.Config{
		Name: "validator-1", Genesis: testGenesis(), Blocks: blocks, Tree: tree, Journal: j, Bus: settlement.Over(nc), Signer: signer, Sequence: true,
		Store: store, Cache: balances.NewMap(store.Balances), Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	if err := node.Run(t.Context()); err == nil {
		t.Error("a node runs on another network's journal")
	}
}

func TestMalformedIsRefusedAtTheDoor(t *testing.T) {
	e := start(t, t.TempDir())
	for _, data := range [][]byte{nil, []byte("hello"), append(sign(t, "operator", "k", admit("CHASUS33")), 0)} {
		if _, err := e.client.Submit(t.Context(), data); !errors.Is(err, settlement.ErrMalformed) {
			t.Errorf("Submit(%.10q): %v, want ErrMalformed", data, err)
		}
	}
}

// TestOffersLapseWithoutTraffic: the sequencer publishes a message of its own when a deadline passes.
func TestOffersLapseWithoutTraffic(t *testing.T) {
	e := start(t, t.TempDir())
	e.populate()
	mxn := ledger.AssetName{Currency: money.MustCurrency("MXN"), Issuer: ledger.MustBIC("BNMXMXMM")}
	id := ledger.ID{1}
	a := e.submit("BNMXMXMM", "offer", &ledger.PlaceOffer{
		ID: id, Give: mxn, Want: usd(), Amount: 100, Price: money.Ratio{N: 1, D: 18}, Expires: time.Now().Add(50 * time.Millisecond).UnixMilli(),
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := e.client.WaitFinal(ctx, a.Height+1); err != nil {
		t.Fatalf("no block after the deadline: %v", err)
	}
	o, err := e.store.Offer(ctx, ledger.MustBIC("BNMXMXMM"), id)
	if err != nil || o.Status != "expired" {
		t.Errorf("offer %+v, %v, want expired", o, err)
	}
}
