package settlement

import (
	"context"
	"encoding/binary"
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

	"golang.org/x/sync/errgroup"
)

// Config is what a node is made of. Every node replays the journal and keeps a block log; what else it
// does follows from what it is given.
type Config struct {
	// Name tells this node from all others of the network: the validator's name, if it is one,
	// otherwise a name of its own of a-z, 0-9, '-' and '.'.
	Name    string
	Genesis *ledger.Genesis
	Blocks  disk.Disk // of the block log
	Tree    disk.Disk // of what can be made again: the log's node hashes, and the certificates
	// Snapshots is where the node keeps snapshots of its ledger, so that it need not start from the
	// genesis; nil for none.
	Snapshots SnapshotDisk
	// SnapshotEvery is how many blocks lie between two snapshots; 0 is 8,192.
	SnapshotEvery uint64
	Journal       journal.Journal
	Bus           Bus           // to clients and other nodes
	Signer        *proof.Signer // the validator this node is, now or once the ledger names it; nil for none
	NextSigner    *proof.Signer // the same validator under the key it changes to; nil for none
	// Sequence lets this node be the sequencer and answer clients, when no other does.
	Sequence bool
	Store    Store // where it projects to; nil leaves that to others
	Cache    Cache // told after Store; nil for none
	Now      func() time.Time
	Log      *slog.Logger
	// Observe is told how long each stage took: ordered, applied, final, projected; nil for nobody.
	Observe func(stage string, took time.Duration)
	// Tracer is told the same of each traced submission; nil for nobody.
	Tracer Tracer
}

func (c *Config) observe(stage string, since time.Time) {
	if c.Observe != nil {
		c.Observe(stage, time.Since(since))
	}
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
	cfg      Config
	policies atomic.Pointer[policies]
	log      *blocklog.Log
	tree     *blocklog.Tree

	certificates *certificates
	unsigned     *unsigned
	tally        *tally // of the certifier, once Run has started
	leaders      leadership
	claim        tailClaim // of a longer journal; lead's alone
	alarms       alarms
	traces       *traces // nil when nobody traces

	mu     sync.RWMutex // guards state and router
	state  *ledger.State
	router *fx.Router
	quoter *fx.Quoter // follows the router; asking it holds nothing up

	snapped   uint64        // height of the newest snapshot
	position  uint64        // in the journal, of the last message read
	leaves    uint64        // in the log after the last block applied
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

// Open recovers a node from its block log and projects what the projector lacks. It publishes nothing,
// and signs nothing that is not in the log.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	for _, s := range []*proof.Signer{cfg.Signer, cfg.NextSigner} {
		if cfg.Name == "" || s != nil && s.Validator().Name() != cfg.Name {
			return nil, fmt.Errorf("node name %q: a validator's node has its name, another one a name of its own", cfg.Name)
		}
	}
	n := &Node{
		cfg: cfg, final: newWatermark(), projected: newWatermark(),
		deadline: make(chan int64, 1), slots: make(chan *slot, slotCount), traces: newTraces(&cfg),
	}
	for range slotCount {
		n.slots <- new(slot)
	}
	var err error
	if n.log, err = blocklog.Open(cfg.Blocks, 0); err != nil {
		return nil, err
	}
	if n.tree, err = blocklog.OpenTree(cfg.Tree, 0); err != nil {
		return nil, errors.Join(err, n.log.Close())
	}
	if n.certificates, err = openCertificates(cfg.Tree); err != nil {
		return nil, errors.Join(err, n.tree.Close(), n.log.Close())
	}
	if n.unsigned, err = openUnsigned(cfg.Blocks); err == nil && n.log.Next() > 0 {
		err = n.adopt(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	if err := n.recover(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// Close closes the files. Run must have returned.
func (n *Node) Close() error {
	return errors.Join(n.tree.Sync(), n.tree.Close(), n.certificates.close(), n.log.Close())
}

// Run serves until ctx ends, then stops in order: no more intake, what is accepted is made final and
// projected. An error means that the node must not go on.
func (n *Node) Run(ctx context.Context) error {
	n.applied.Store(n.position)
	if err := n.joinJournal(ctx); err != nil {
		return err
	}
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	g, work := errgroup.WithContext(work)
	decoded, blocks := make(chan *slot, slotCount), make(chan *made)
	projections := make(chan *sqlstore.Projection, projectionCount)
	c := &certifier{n: n, tally: n.tally, hears: make(chan heard, heardLen), patience: missingAfter}
	for _, m := range n.tally.pending {
		if m.withheld {
			c.withheld = append(c.withheld, m)
		}
	}
	g.Go(func() error { return n.listen(work, c.hears) })
	g.Go(func() error { return n.traces.listen(work) })
	g.Go(func() error { return n.read(work, decoded) })
	g.Go(func() error { return n.validate(work, decoded, blocks) })
	g.Go(func() error { return c.run(work, blocks, projections) })
	if n.cfg.Store != nil {
		g.Go(func() error { return n.project(work, projections) })
	} else {
		g.Go(func() error { return n.followProjections(work) })
	}
	g.Go(func() error {
		defer stopWork()
		if n.cfg.Sequence {
			return n.lead(ctx, work)
		}
		<-joined(ctx, work).Done()
		return nil
	})
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	if err == nil {
		n.snapAtStop()
	}
	return err
}

const (
	// readPause and readPauseMax bound how soon a node reads again from a journal that failed.
	readPause    = 100 * time.Millisecond
	readPauseMax = 2 * time.Second
)

// read hands on the journal's messages. A journal that can't be reached is asked again; one that is
// shorter than it was gets back what was lost.
func (n *Node) read(ctx context.Context, out chan<- *slot) error {
	pause := readPause
	for {
		before := n.position
		err := n.readOn(ctx, out)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errJournal) {
			return err
		}
		if errors.Is(err, journal.ErrTruncated) {
			// Blocks that are still being applied are missing from the log, and given back next time.
			if rejoined := n.joinJournal(ctx); errors.Is(rejoined, errJournal) {
				return rejoined
			}
		}
		if n.position > before {
			pause = readPause
		}
		n.cfg.Log.Warn("read journal; will try again", "error", err, "pause", pause)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, readPauseMax)
	}
}

// errJournal marks what no second reading puts right.
var errJournal = errors.New("the journal is not what it was")

// readOn hands on messages, decoded and with their signatures checked, until the reader fails.
func (n *Node) readOn(ctx context.Context, out chan<- *slot) error {
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
			return fmt.Errorf("%w: it skips from %d to %d", errJournal, n.position, m.Position)
		}
		if ctx.Err() != nil {
			return ctx.Err()
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
func (n *Node) validate(ctx context.Context, in <-chan *slot, out chan<- *made) error {
	for {
		// Of a block that waits and a stop the stop goes first: a run can be repeated.
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var s *slot
		select {
		case s = <-in:
		case <-ctx.Done():
			return ctx.Err()
		}
		if s.err == nil {
			start := time.Now()
			n.mu.Lock()
			s.err = n.state.Apply(&s.message, &s.block)
			n.mu.Unlock()
			n.cfg.observe("applied", start)
			if s.err == nil {
				n.traces.stage("applied", s.block.Header.Height, start)
			}
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
		if err := n.learnValidators(); err != nil {
			return err
		}
		m, err := n.finish(s)
		if err != nil {
			return err
		}
		if err := n.vote(m); err != nil {
			return err
		}
		n.applied.Store(s.position)
		n.snap()
		n.slots <- s
		select {
		case out <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// finish logs a block. Log before signing: a signature that left without its block on disk would let a
// restart sign a second hash at this height. A block that is in the log already must be the same.
func (n *Node) finish(s *slot) (*made, error) {
	height := s.block.Header.Height
	rec := record{Position: s.position, TreeSize: n.leaves + uint64(len(s.block.Leaves)), Message: s.data, Leaves: s.block.Leaves}
	s.record = rec.encode(s.record[:0])
	if err := n.log.Append(height, s.record); err != nil {
		return nil, fmt.Errorf("log block %d: %w", height, err)
	}
	if err := n.grow(height, s.block.LeafHashes); err != nil {
		return nil, err
	}
	if height%treeSyncEvery == 0 {
		if err := n.tree.Sync(); err != nil {
			return nil, err
		}
	}
	m, err := n.make(s, n.cfg.Store != nil)
	if err != nil {
		return nil, err
	}
	// The newest deadline replaces one that was not read.
	select {
	case <-n.deadline:
	default:
	}
	n.deadline <- n.state.NextDeadline()
	return m, nil
}

// grow adds a block's leaves to the log's tree, which may have them from before a crash.
func (n *Node) grow(height uint64, leaves []ledger.Hash) error {
	if n.tree.Next() > height {
		return nil
	}
	return n.tree.Append(height, proofHashes(leaves))
}

// make makes of the block in a slot what waits for a quorum, and notes how long the log is now.
func (n *Node) make(s *slot, project bool) (*made, error) {
	first := n.leaves
	n.leaves += uint64(len(s.block.Leaves))
	root, err := n.tree.Root(n.leaves)
	if err != nil {
		return nil, err
	}
	m := &made{
		height: s.block.Header.Height, time: s.block.Header.Time, began: time.Now(), signatures: make(map[string]proof.Cosignature),
		checkpoint: proof.Checkpoint{Origin: n.cfg.Genesis.Origin(), Size: n.leaves, Root: root},
	}
	if project {
		m.projection = sqlstore.NewProjection(&s.block, n.state, first)
	}
	return m, nil
}

func proofHashes(in []ledger.Hash) []proof.Hash {
	out := make([]proof.Hash, len(in))
	for i, h := range in {
		out[i] = proof.Hash(h)
	}
	return out
}

const (
	projectRetry    = 100 * time.Millisecond
	projectRetryMax = 5 * time.Second
)

// project writes final blocks to SQL and announces them. A database that is away holds the blocks
// back, and with them, through maxAhead, the intake.
func (n *Node) project(ctx context.Context, in <-chan *sqlstore.Projection) error {
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var p *sqlstore.Projection
		select {
		case p = <-in:
		case <-ctx.Done():
			return ctx.Err()
		}
		pause, start := projectRetry, time.Now()
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
		if n.cfg.Cache != nil {
			if err := n.cfg.Cache.Set(ctx, p.Height(), p.Lines()); err != nil {
				n.cfg.Log.Warn("cache balances", "height", p.Height(), "error", err)
			}
		}
		n.cfg.observe("projected", start)
		n.traces.stage("projected", p.Height(), start)
		n.announce(p.Height())
	}
}

func (n *Node) announce(height uint64) {
	n.projected.raise(height)
	if err := n.cfg.Bus.Publish(subjectProjected, binary.BigEndian.AppendUint64(nil, height)); err != nil {
		n.cfg.Log.Warn("announce block; clients will ask", "height", height, "error", err)
	}
}

// followProjections notes what others projected, until ctx ends.
func (n *Node) followProjections(ctx context.Context) error {
	cancel, err := n.cfg.Bus.Subscribe(subjectProjected, func(data []byte, _ func([]byte)) {
		if len(data) == 8 {
			n.projected.raise(binary.BigEndian.Uint64(data))
		}
	})
	if err != nil {
		return err
	}
	<-ctx.Done()
	return cancel()
}
