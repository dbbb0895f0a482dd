package settlement

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"viaduct/fx"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement/blocklog"
	"viaduct/settlement/disk"
	"viaduct/settlement/journal"
	"viaduct/settlement/sqlstore"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"
)

// Config is what a node is made of.
type Config struct {
	Genesis *ledger.Genesis
	Blocks  disk.Disk // of the block log
	Tree    disk.Disk // of the log's node hashes
	Journal journal.Journal
	Conn    *nats.Conn    // where submissions come from and announcements go
	Signer  *proof.Signer // this node's validator
	Store   Store
	Cache   Cache
	Now     func() time.Time
	Log     *slog.Logger
}

// Store writes final blocks where gateways read them; *sqlstore.Store is one.
type Store interface {
	// Projected returns the last block projected; ok is false when there is none.
	Projected(ctx context.Context) (height uint64, hash ledger.Hash, ok bool, err error)
	// Project writes one block, once; the same block again is no error.
	Project(ctx context.Context, p *sqlstore.Projection) error
}

// Cache holds balances to look at; losing it costs speed alone.
type Cache interface {
	Set(ctx context.Context, height uint64, lines []sqlstore.Line) error
}

// Node runs the ledger.
type Node struct {
	cfg    Config
	policy proof.Policy
	log    *blocklog.Log
	tree   *blocklog.Tree

	mu     sync.RWMutex // guards state and router
	state  *ledger.State
	router *fx.Router
	quoter *fx.Quoter // follows the router; asking it holds nothing up

	position  uint64        // in the journal, of the last message read
	applied   atomic.Uint64 // in the journal, of the last message applied or passed over
	final     *watermark
	projected *watermark
	deadline  chan int64
	slots     chan *slot
}

const (
	// slotCount bounds the messages between the journal and the validator; their memory is used again.
	slotCount = 8
	// projectionCount bounds the blocks between the validator and SQL.
	projectionCount = 32
	// treeSyncEvery is how many blocks' leaf hashes a crash may cost; a replay makes them again.
	treeSyncEvery = 4096
)

// slot is the room in which a message becomes a block.
type slot struct {
	position uint64
	data     []byte
	message  ledger.Message
	err      error // the message is a no-op
	block    ledger.Block
	record   []byte
}

// Open recovers a node from its block log and projects what the projector lacks. It neither signs
// nor publishes anything new.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	n := &Node{
		cfg: cfg, final: newWatermark(), projected: newWatermark(),
		deadline: make(chan int64, 1), slots: make(chan *slot, slotCount),
	}
	for range slotCount {
		n.slots <- new(slot)
	}
	var err error
	if n.policy, err = policyOf(cfg.Genesis); err != nil {
		return nil, err
	}
	if n.log, err = blocklog.Open(cfg.Blocks, 0); err != nil {
		return nil, err
	}
	if n.tree, err = blocklog.OpenTree(cfg.Tree, 0); err != nil {
		return nil, errors.Join(err, n.log.Close())
	}
	if err := n.recover(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// policyOf returns whom the network's receipts are checked against.
func policyOf(g *ledger.Genesis) (proof.Policy, error) {
	set := make([]proof.Validator, len(g.Validators))
	for i, v := range g.Validators {
		var err error
		if set[i], err = proof.NewValidator(v.Name, v.Key[:]); err != nil {
			return proof.Policy{}, err
		}
	}
	return proof.NewPolicy(g.Origin(), set, proof.Quorum(len(set)))
}

// Close closes the files. Run must have returned.
func (n *Node) Close() error { return errors.Join(n.tree.Sync(), n.tree.Close(), n.log.Close()) }

// Run serves until ctx ends, then stops in order: no more intake, what is accepted is made final and
// projected. An error means that the node must not go on.
func (n *Node) Run(ctx context.Context) error {
	n.applied.Store(n.position)
	tip, err := n.joinJournal(ctx)
	if err != nil {
		return err
	}
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	g, work := errgroup.WithContext(work)
	decoded, blocks := make(chan *slot, slotCount), make(chan *sqlstore.Projection, projectionCount)
	g.Go(func() error { defer close(decoded); return n.read(work, decoded) })
	g.Go(func() error { defer close(blocks); return n.validate(work, decoded, blocks) })
	g.Go(func() error { return n.project(work, blocks) })
	g.Go(func() error {
		defer stopWork()
		return n.intake(ctx, work, tip)
	})
	err = g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// read hands on the journal's messages, decoded and with their signatures checked.
func (n *Node) read(ctx context.Context, out chan<- *slot) error {
	reader, err := n.cfg.Journal.Read(ctx, n.position+1)
	if err != nil {
		return fmt.Errorf("read journal from %d: %w", n.position+1, err)
	}
	defer reader.Close()
	for {
		m, err := reader.Next(ctx)
		if err != nil {
			return fmt.Errorf("read journal after %d: %w", n.position, err)
		}
		if m.Position <= n.position {
			continue // handed out again
		}
		if m.Position != n.position+1 {
			return fmt.Errorf("journal skips from %d to %d", n.position, m.Position)
		}
		n.position = m.Position
		var s *slot
		select {
		case s = <-n.slots:
		case <-ctx.Done():
			return ctx.Err()
		}
		s.position, s.data = m.Position, m.Data
		if s.err = ledger.DecodeMessage(m.Data, &s.message); s.err == nil {
			verifyAll(s.message.Submissions)
		}
		select {
		case out <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// verifyWorkers is how many goroutines share the signatures of one message.
const verifyWorkers = 4

func verifyAll(subs []ledger.Submission) {
	if len(subs) < 2*verifyWorkers {
		for i := range subs {
			subs[i].Verify()
		}
		return
	}
	var wg sync.WaitGroup
	for w := range verifyWorkers {
		wg.Go(func() {
			for i := w; i < len(subs); i += verifyWorkers {
				subs[i].Verify()
			}
		})
	}
	wg.Wait()
}

// validate applies, logs and signs, in that order.
func (n *Node) validate(ctx context.Context, in <-chan *slot, out chan<- *sqlstore.Projection) error {
	for s := range in {
		if s.err == nil {
			n.mu.Lock()
			s.err = n.state.Apply(&s.message, &s.block)
			n.mu.Unlock()
			n.router.Publish(n.state.Height())
		}
		if errors.Is(s.err, ledger.ErrBroken) {
			return fmt.Errorf("journal position %d: %w", s.position, s.err)
		}
		if s.err != nil {
			n.cfg.Log.Error("journal message is a no-op", "position", s.position, "error", s.err)
			n.applied.Store(s.position)
			n.slots <- s
			continue
		}
		for _, fault := range s.block.Faults {
			n.cfg.Log.Error("router broke a rule; the payment was refused", "height", s.block.Header.Height, "error", fault)
		}
		p, err := n.finish(s)
		if err != nil {
			return err
		}
		n.applied.Store(s.position)
		n.slots <- s
		select {
		case out <- p:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// finish logs a block and signs it. Log before signing: a signature that left without its block on
// disk would let a restart sign a second hash at this height.
func (n *Node) finish(s *slot) (*sqlstore.Projection, error) {
	height, first := s.block.Header.Height, n.tree.Size()
	rec := record{Position: s.position, TreeSize: first + uint64(len(s.block.Leaves)), Message: s.data, Leaves: s.block.Leaves}
	s.record = rec.encode(s.record[:0])
	if err := n.log.Append(height, s.record); err != nil {
		return nil, fmt.Errorf("log block %d: %w", height, err)
	}
	if err := n.tree.Append(height, proofHashes(s.block.LeafHashes)); err != nil {
		return nil, err
	}
	if height%treeSyncEvery == 0 {
		if err := n.tree.Sync(); err != nil {
			return nil, err
		}
	}
	p, err := n.projection(s, first)
	if err != nil {
		return nil, err
	}
	n.final.raise(height)
	// The newest deadline replaces one that was not read.
	select {
	case <-n.deadline:
	default:
	}
	n.deadline <- n.state.NextDeadline()
	return p, nil
}

// projection signs the block that ends the log and makes of it what SQL is told.
func (n *Node) projection(s *slot, first uint64) (*sqlstore.Projection, error) {
	p := sqlstore.NewProjection(&s.block, n.state, first)
	var err error
	if p.Checkpoint, err = n.sign(first+uint64(len(s.block.Leaves)), s.block.Header.Time); err != nil {
		return nil, fmt.Errorf("sign block %d: %w", s.block.Header.Height, err)
	}
	return p, nil
}

func proofHashes(in []ledger.Hash) []proof.Hash {
	out := make([]proof.Hash, len(in))
	for i, h := range in {
		out[i] = proof.Hash(h)
	}
	return out
}

// sign returns the signed checkpoint of the log's first size leaves. The time signed is the block's,
// so that signing again after a restart gives the same bytes.
func (n *Node) sign(size uint64, blockTime int64) ([]byte, error) {
	root, err := n.tree.Root(size)
	if err != nil {
		return nil, err
	}
	c := proof.Checkpoint{Origin: n.cfg.Genesis.Origin(), Size: size, Root: root}
	cs, err := n.cfg.Signer.Cosign(c, blockTime/1000)
	if err != nil {
		return nil, err
	}
	return proof.SignCheckpoint(c, []proof.Cosignature{cs}, n.policy)
}

const (
	projectRetry    = 100 * time.Millisecond
	projectRetryMax = 5 * time.Second
)

// project writes final blocks to SQL and announces them. A database that is away holds the blocks
// back, and with them, through maxAhead, the intake.
func (n *Node) project(ctx context.Context, in <-chan *sqlstore.Projection) error {
	for p := range in {
		pause := projectRetry
		for {
			err := n.cfg.Store.Project(ctx, p)
			if err == nil {
				break
			}
			n.cfg.Log.Error("project block; will try again", "height", p.Height(), "error", err, "pause", pause)
			if err := sleep(ctx, pause); err != nil {
				return err
			}
			pause = min(2*pause, projectRetryMax)
		}
		if err := n.cfg.Cache.Set(ctx, p.Height(), p.Lines()); err != nil {
			n.cfg.Log.Warn("cache balances", "height", p.Height(), "error", err)
		}
		n.announce(p.Height())
	}
	return nil
}
