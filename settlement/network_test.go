package settlement_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement"
	"viaduct/settlement/balances"
	"viaduct/settlement/disk"
	"viaduct/settlement/journal"
	"viaduct/settlement/journal/natsjournal"
	"viaduct/settlement/natsserver"
	"viaduct/settlement/sqlstore"

	"github.com/nats-io/nats.go"
)

const (
	validators = 4
	quorum     = 3
)

func networkGenesis() *ledger.Genesis {
	g := testGenesis()
	g.Validators = nil
	for i := range validators {
		g.Validators = append(g.Validators, ledger.Validator{Name: validatorName(i), Key: public(validatorName(i))})
	}
	return g
}

func validatorName(i int) string { return fmt.Sprint("validator-", i+1) }

// network is four validators over one NATS server. The first two may sequence, and the last two
// project, into one database.
type network struct {
	t      *testing.T
	dir    string
	bus    *natsserver.Server
	conn   *nats.Conn // the test's own
	store  *sqlstore.Store
	client *settlement.Client
	nodes  [validators + 1]*member // the last one is for who joins
}

// member is one running validator.
type member struct {
	node  *settlement.Node
	log   *lockedBuffer
	ended chan error
	// stop ends it in order; crash cuts its connection first, of which it may complain.
	stop, crash func() error
}

// option changes what a member is made of.
type option func(*settlement.Config)

func startNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{t: t, dir: t.TempDir()}
	var err error
	n.bus, err = natsserver.Start(natsserver.Config{Dir: filepath.Join(n.dir, "nats")})
	n.must(err)
	n.conn = n.connect("test")
	url := "sqlite:" + filepath.Join(n.dir, "viaduct.db")
	n.must(sqlstore.Migrate(t.Context(), url))
	n.store, err = sqlstore.Open(t.Context(), url)
	n.must(err)
	n.client, err = settlement.NewClient(settlement.Over(n.conn))
	n.must(err)
	t.Cleanup(func() {
		for _, m := range n.nodes {
			if m != nil {
				_ = m.crash() // cut off, some say so
			}
		}
		n.must(errors.Join(n.client.Close(), n.store.Close()))
		n.conn.Close()
		n.must(n.bus.Shutdown(context.Background()))
	})
	return n
}

// startAll starts all four and waits until they take submissions.
func (n *network) startAll() {
	n.t.Helper()
	for i := range validators {
		n.start(i)
	}
	n.ready()
}

func (n *network) ready() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 30*time.Second)
	defer cancel()
	n.must(n.client.WaitReady(ctx))
}

func (n *network) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *network) connect(name string) *nats.Conn {
	nc, err := n.bus.Connect(name)
	n.must(err)
	return nc
}

func (n *network) start(i int, options ...option) *member {
	n.t.Helper()
	name := validatorName(i)
	conn := n.connect(name)
	j, err := natsjournal.Open(n.t.Context(), conn, 1)
	n.must(err)
	signer, err := proof.NewSigner(name, keyOf(name))
	n.must(err)
	blocks, err := disk.OpenDir(filepath.Join(n.dir, name, "blocks"))
	n.must(err)
	tree, err := disk.OpenDir(filepath.Join(n.dir, name, "tree"))
	n.must(err)
	m := &member{log: new(lockedBuffer), ended: make(chan error, 1)}
	cfg := settlement.Config{
		Name: name, Genesis: networkGenesis(), Blocks: blocks, Tree: tree, Journal: j, Bus: settlement.Over(conn), Signer: signer,
		Sequence: i < 2, Now: time.Now, Log: slog.New(slog.NewTextHandler(m.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	if i >= 2 {
		cfg.Store, cfg.Cache = n.store, balances.NewMap(n.store.Balances)
	}
	for _, o := range options {
		o(&cfg)
	}
	m.node, err = settlement.Open(n.t.Context(), cfg)
	n.must(err)
	run, cancel := context.WithCancel(context.WithoutCancel(n.t.Context()))
	go func() { m.ended <- m.node.Run(run) }()
	var once sync.Once
	end := func(first func()) error {
		var err error
		once.Do(func() {
			first()
			cancel()
			err = errors.Join(<-m.ended, m.node.Close(), blocks.Close(), tree.Close())
			conn.Close()
			n.nodes[i] = nil
		})
		return err
	}
	m.stop = func() error { return end(func() {}) }
	m.crash = func() error { return end(conn.Close) }
	n.nodes[i] = m
	return m
}

// submit submits until it is accepted and waits until it is final and projected.
func (n *network) submit(by, key string, in ...ledger.Instruction) settlement.Accepted {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 30*time.Second)
	defer cancel()
	data := n.sign(by, key, in...)
	for {
		a, err := n.client.Submit(ctx, data)
		if err == nil {
			err = n.client.WaitFinal(ctx, a.Height)
		}
		if err == nil {
			return a
		}
		if ctx.Err() != nil {
			n.t.Fatalf("submit %s: %v\n%s", key, err, n.logs())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (n *network) sign(by, key string, in ...ledger.Instruction) []byte {
	n.t.Helper()
	return signFor(n.t, networkGenesis(), by, key, in...)
}

func (n *network) logs() string {
	var b strings.Builder
	for i, m := range n.nodes {
		if m != nil {
			fmt.Fprintf(&b, "%s:\n%s\n", validatorName(i), m.log.String())
		}
	}
	return b.String()
}

func (n *network) populate() {
	n.t.Helper()
	n.submit("operator", "admit", admit("CHASUS33"), admit("BNMXMXMM"), admit("HSBCGB2L"))
	for _, bic := range []string{"BNMXMXMM", "HSBCGB2L"} {
		n.submit(bic, "line", &ledger.SetLine{Asset: usd(), Limit: 1_000_000, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
	}
	n.submit("CHASUS33", "issue", pay(0, "BNMXMXMM", 500_000))
}

func (n *network) policy() proof.Policy {
	n.t.Helper()
	return policyFor(n.t, networkGenesis(), networkGenesis().Validators, quorum)
}

// agree waits until all running nodes are at one height at least, and compares their states there.
func (n *network) agree() {
	n.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		seen := make(map[string]bool)
		for _, m := range n.nodes {
			if m != nil {
				height, hash := m.node.StateHash()
				seen[fmt.Sprintf("%d %x", height, hash)] = true
			}
		}
		if len(seen) == 1 {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("the nodes don't come to one state: %v\n%s", seen, n.logs())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (n *network) balance(bic string) int64 {
	n.t.Helper()
	lines, _, err := n.store.Balances(n.t.Context(), ledger.MustBIC(bic))
	n.must(err)
	var sum int64
	for _, l := range lines {
		sum += l.Balance
	}
	return sum
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestFourValidatorsCertify(t *testing.T) {
	n := startNetwork(t)
	n.startAll()
	n.populate()
	a := n.submit("BNMXMXMM", "one", pay(1, "HSBCGB2L", 100))
	receipt, err := n.client.Receipt(t.Context(), a.Height, a.First)
	n.must(err)
	proven, err := proof.VerifyReceipt(receipt, n.policy())
	if err != nil || len(proven.Cosignatures) != quorum {
		t.Fatalf("receipt of %d signatures, %v", len(proven.Cosignatures), err)
	}
	b, err := n.store.Block(t.Context(), a.Height)
	n.must(err)
	if _, _, err := proof.VerifyCheckpoint(b.Checkpoint, n.policy()); err != nil {
		t.Errorf("projected checkpoint: %v", err)
	}
	n.agree()
}

// TestOneMayBeAway: with one validator down all goes on, and when it is back it has everything, final.
func TestOneMayBeAway(t *testing.T) {
	n := startNetwork(t)
	n.startAll()
	n.populate()
	for _, away := range []int{1, 3} {
		_ = n.nodes[away].crash()
		var last settlement.Accepted
		for i := range 150 { // more than may be pending
			last = n.submit("BNMXMXMM", fmt.Sprint("away", away, i), pay(1000*away+i+1, "HSBCGB2L", 1))
		}
		n.start(away)
		n.agree()
		waitFinal(t, n.nodes[away].node, last.Height)
	}
	if got := n.balance("HSBCGB2L"); got != 300 {
		t.Errorf("the receiver has %d, want 300", got)
	}
}

func waitFinal(t *testing.T, node *settlement.Node, height uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := node.WaitFinal(ctx, height); err != nil {
		t.Fatalf("height %d does not become final: %v", height, err)
	}
}

// TestNoQuorumNoFinality: two of four are too few; nothing is lost when a third comes back.
func TestNoQuorumNoFinality(t *testing.T) {
	n := startNetwork(t)
	n.startAll()
	n.populate()
	_ = n.nodes[2].crash() // not one that may sequence
	_ = n.nodes[3].crash()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	a, err := n.client.Submit(ctx, n.sign("BNMXMXMM", "alone", pay(1, "HSBCGB2L", 100)))
	n.must(err)
	if err := n.client.WaitFinal(ctx, a.Height); err == nil {
		t.Fatal("two of four validators made a block final")
	}
	if got := n.balance("HSBCGB2L"); got != 0 {
		t.Errorf("projected before it was final: %d", got)
	}
	n.start(3)
	again, cancelAgain := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancelAgain()
	if err := n.client.WaitFinal(again, a.Height); err != nil {
		t.Fatalf("%v\n%s", err, n.logs())
	}
	if got := n.balance("HSBCGB2L"); got != 100 {
		t.Errorf("the receiver has %d, want 100", got)
	}
}

// TestSequencerIsReplaced crashes the sequencer under load, again and again; the other takes over and
// every payment is made once.
func TestSequencerIsReplaced(t *testing.T) {
	n := startNetwork(t)
	n.startAll()
	n.populate()
	const payments = 200
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			for i := c; i < payments; i += 4 {
				n.submit("BNMXMXMM", fmt.Sprint("pay", i), pay(1+i, "HSBCGB2L", 1))
			}
		})
	}
	for range 3 {
		before, err := n.client.Status(t.Context())
		n.must(err)
		leader := 0
		if strings.Contains(n.nodes[1].log.String(), fmt.Sprintf("epoch=%d", before.Epoch)) {
			leader = 1
		}
		at := time.Now()
		_ = n.nodes[leader].crash()
		for { // the other's epoch
			if s, err := n.client.Status(t.Context()); err == nil && s.Epoch > before.Epoch {
				break
			}
			if time.Since(at) > 20*time.Second {
				t.Fatalf("nobody took over\n%s", n.logs())
			}
			time.Sleep(time.Millisecond)
		}
		t.Logf("epoch %d: taken over after %v", before.Epoch, time.Since(at).Round(time.Millisecond))
		n.start(leader)
	}
	clients.Wait()
	n.agree()
	if got := n.balance("HSBCGB2L"); got != payments {
		t.Errorf("the receiver has %d, want %d", got, payments)
	}
}

// TestNetworkGivesTheTailBack: the journal loses its tail, and one validator its log besides. Nobody
// sequences before the tail is back; nothing final is lost.
func TestNetworkGivesTheTailBack(t *testing.T) {
	n := startNetwork(t)
	n.startAll()
	n.populate()
	a := n.submit("BNMXMXMM", "before", pay(1, "HSBCGB2L", 100))
	n.agree()
	for _, m := range n.nodes[:validators] {
		n.must(m.stop())
	}
	n.conn.Close()
	n.must(n.bus.Shutdown(t.Context()))
	removeAll(t, filepath.Join(n.dir, "nats"))
	removeAll(t, filepath.Join(n.dir, validatorName(0)))
	var err error
	n.bus, err = natsserver.Start(natsserver.Config{Dir: filepath.Join(n.dir, "nats")})
	n.must(err)
	n.conn = n.connect("test")
	n.client, err = settlement.NewClient(settlement.Over(n.conn))
	n.must(err)
	n.start(0) // has nothing, and may sequence
	n.start(2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := n.client.WaitReady(ctx); err == nil {
		t.Error("two validators of four know that nothing is lost")
	}
	n.start(3)
	n.ready()
	n.submit("BNMXMXMM", "after", pay(2, "HSBCGB2L", 10))
	n.agree()
	if got := n.balance("HSBCGB2L"); got != 110 {
		t.Errorf("the receiver has %d, want 110", got)
	}
	if _, err := n.client.Receipt(t.Context(), a.Height, a.First); err != nil {
		t.Errorf("receipt from before: %v\n%s", err, n.logs())
	}
}

// TestLiesAreHeardAndIgnored: forged, repeated, equivocating, malformed and absurd votes and
// certificates change nothing and are told to the operator.
func TestLiesAreHeardAndIgnored(t *testing.T) {
	n := startNetwork(t)
	for i := range 3 {
		n.start(i)
	}
	n.ready()
	n.populate()
	status, err := n.client.Status(t.Context())
	n.must(err)
	liar, err := proof.NewSigner(validatorName(3), keyOf(validatorName(3)))
	n.must(err)
	stranger, err := proof.NewSigner(validatorName(3), keyOf("stranger"))
	n.must(err)
	say := func(s *proof.Signer, height uint64, root byte) {
		c := proof.Checkpoint{Origin: networkGenesis().Origin(), Size: 1000 + height, Root: proof.Hash{root}}
		n.must(n.conn.Publish("viaduct.vote.validator-4", settlement.EncodeVote(height, c, s, 1)))
	}
	for _, data := range [][]byte{nil, []byte("hello"), bytes.Repeat([]byte{0}, 1<<16)} {
		n.must(n.conn.Publish("viaduct.vote.validator-4", data))
		n.must(n.conn.Publish("viaduct.missing", data))
		n.must(n.conn.Publish("viaduct.certified.validator-1", data))
		n.must(n.conn.Publish("viaduct.leader", data))
		n.must(n.conn.Publish("viaduct.projected", data))
	}
	for height := uint64(0); height < status.Height+1000; height++ {
		say(stranger, height, 1)
		say(liar, height, 1)
		say(liar, height, 1)
		say(liar, height, 2)
	}
	n.must(n.conn.Flush())
	for i := range 20 {
		n.submit("BNMXMXMM", fmt.Sprint("pay", i), pay(1+i, "HSBCGB2L", 1))
	}
	if got := n.balance("HSBCGB2L"); got != 20 {
		t.Errorf("the receiver has %d, want 20", got)
	}
	if log := n.nodes[0].log.String(); !strings.Contains(log, "alarm") {
		t.Errorf("no alarm:\n%s", log)
	}
	n.agree()
}

// TestDivergedNodeStops: a node that is shown another message computes another block, and stops with
// the leaf that differs.
func TestDivergedNodeStops(t *testing.T) {
	n := startNetwork(t)
	for i := range 3 {
		n.start(i)
	}
	n.ready()
	n.populate()
	m := n.start(3, func(c *settlement.Config) { c.Journal = tampered{c.Journal, 4} })
	select {
	case err := <-m.ended:
		if !errors.Is(err, settlement.ErrDiverged) || !strings.Contains(err.Error(), "; leaf 0 of ") {
			t.Errorf("it ended with %v", err)
		}
		m.ended <- nil
	case <-time.After(30 * time.Second):
		t.Errorf("it goes on\n%s", n.logs())
	}
	n.submit("BNMXMXMM", "goes on", pay(1, "HSBCGB2L", 1))
}

// tampered changes the time of one message.
type tampered struct {
	journal.Journal
	position uint64
}

func (j tampered) Read(ctx context.Context, from uint64) (journal.Reader, error) {
	r, err := j.Journal.Read(ctx, from)
	return tamperedReader{r, j.position}, err
}

type tamperedReader struct {
	journal.Reader
	position uint64
}

func (r tamperedReader) Next(ctx context.Context) (journal.Message, error) {
	m, err := r.Reader.Next(ctx)
	if err == nil && m.Position == r.position {
		m.Data = settlement.LaterMessage(m.Data)
	}
	return m, err
}

// TestSlowClockWithholds: a validator whose clock is behind the ledger's time by more than five seconds
// applies, but signs only when its clock has caught up.
func TestSlowClockWithholds(t *testing.T) {
	n := startNetwork(t)
	slow := time.Now()
	behind := 6 * time.Second
	n.start(0)
	n.start(2)
	m := n.start(1, func(c *settlement.Config) {
		c.Sequence = false
		c.Now = func() time.Time { return time.Now().Add(-behind) }
	})
	n.ready()
	n.submit("operator", "admit", admit("CHASUS33"))
	// With a quorum of three it could only become final once the slow one had signed.
	if took := time.Since(slow); took < behind-5*time.Second {
		t.Errorf("final after %v", took)
	}
	if log := m.log.String(); !strings.Contains(log, "ahead of this clock") {
		t.Errorf("the slow one says nothing:\n%s", log)
	}
}
