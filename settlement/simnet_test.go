package settlement_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"viaduct/internal/testenv"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement"
	"viaduct/settlement/disk/simdisk"
	"viaduct/settlement/journal/sim"
)

var (
	simSeed    = flag.Int64("sim.seed", -1, "the one seed that TestSimulatedNetwork runs")
	simFirst   = flag.Uint64("sim.first", 0, "the first seed that TestSimulatedNetwork runs")
	simTraceTo = flag.String("sim.trace", "", "a file to write to what happened in the one run, in order of time")
	simLog     = flag.Bool("sim.log", false, "print what the nodes of a simulated network say")
)

// TestSimulatedNetwork runs four validators with their sequencers, projectors and clients on a simulated
// journal, bus, disk and clock, all in one process and in no time, and lets go wrong what a seed says:
// power that goes before or after anything a node does to its disk, the journal, the bus or the database,
// torn and lost writes, full and slow disks, clocks that differ, messages lost, late and repeated, nodes cut
// off and two sequencers at once, a journal that gives no answer or a late one, in every third run one that
// loses what it acknowledged, a database that fails before or after it wrote; in every second run one
// validator lies. After each run: see simRun.check. After all of them each thing must have gone wrong.
//
// A seed that fails is printed; go test ./settlement -run TestSimulatedNetwork -sim.seed=N runs it again,
// just as it was: see TestSimulatedRunsRepeat.
func TestSimulatedNetwork(t *testing.T) {
	counts := &simCounts{of: map[string]int{}}
	if *simSeed >= 0 {
		synctest.Test(t, func(t *testing.T) { newSimRun(t, uint64(*simSeed), counts).run() })
		counts.report(t, nil)
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // much garbage, little memory
	seeds := 200
	if raceEnabled {
		seeds = 20 // signatures take ten times as long
	}
	seeds = testenv.Scale(t, seeds)
	t.Run("seeds", func(t *testing.T) {
		for seed := *simFirst; seed < *simFirst+uint64(seeds); seed++ {
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { newSimRun(t, seed, counts).run() })
			})
		}
	})
	if seeds < 200 {
		counts.report(t, nil) // some things are rare
		return
	}
	counts.report(t, simMust)
}

// TestSimulatedRunsRepeat runs a few seeds with one processor and again with more: the same must happen, at
// the same times.
func TestSimulatedRunsRepeat(t *testing.T) {
	counts := &simCounts{of: map[string]int{}}
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for seed := uint64(1000); seed < 1000+uint64(testenv.Scale(t, 8)); seed++ {
		var digests []uint64
		for _, processors := range []int{1, 2, 4} {
			runtime.GOMAXPROCS(processors)
			synctest.Test(t, func(t *testing.T) {
				r := newSimRun(t, seed, counts)
				r.run()
				digests = append(digests, r.trace.digest())
			})
		}
		if digests[0] != digests[1] || digests[0] != digests[2] {
			t.Errorf("seed %d with 1, 2 and 4 processors: the digests of what happened are %x", seed, digests)
		}
	}
}

const (
	simClients  = 4
	simPayments = 16 // of all clients
	simReads    = 12
	// simFaults is how long things go wrong; simPatience how long, after that, all may take that was
	// accepted to become final.
	simFaults   = 10 * time.Second
	simPatience = 3 * time.Minute
	// simSkew is how far off a clock may be; two may then differ by more than what makes a validator wait
	// with its signature.
	simSkew = 3500 * time.Millisecond
)

type simRun struct {
	t       *testing.T
	seed    uint64
	genesis *ledger.Genesis
	policy  proof.Policy
	stream  *sim.Stream
	bus     *simBus
	store   *simStore
	members []*simMember
	liar    int // -1 for none
	history *simHistory
	trace   *simTrace
	counts  *simCounts
	tails   bool // the journal loses what it acknowledged, too

	mu       sync.Mutex
	calm     bool
	faults   []string // found so far
	accepted map[string]bool
	checked  map[string]proof.Checkpoint // certificates that are good
	started  time.Time
}

func newSimRun(t *testing.T, seed uint64, counts *simCounts) *simRun {
	r := &simRun{
		t: t, seed: seed, counts: counts, tails: chance(330, seed, "tails"), genesis: networkGenesis(), liar: -1, accepted: map[string]bool{}, checked: map[string]proof.Checkpoint{}, started: time.Now(), trace: &simTrace{started: time.Now()},
	}
	r.genesis.Time = time.Now().UnixMilli() // the bubble's
	r.policy = policyFor(t, r.genesis, r.genesis.Validators, quorum)
	if seed%2 == 1 {
		r.liar = int(drawn(seed, "liar") % validators)
	}
	liar := ""
	if r.liar >= 0 {
		liar = validatorName(r.liar)
	}
	r.stream = sim.New(seed, sim.Faults{
		LostWrite: 30, LateWrite: 30, LostAck: 30, Late: 50, Repeat: 50,
		Latency: 2 * time.Millisecond, MaxDelay: 300 * time.Millisecond, AckWait: 50 * time.Millisecond,
	})
	r.bus = newSimBus(r, liar)
	r.store = &simStore{r: r, balances: map[ledger.BIC]int64{}, tries: map[string]int{}}
	r.history = new(simHistory)
	honest := 0
	for i := range validators {
		if i == r.liar {
			continue
		}
		r.members = append(r.members, &simMember{
			r: r, name: validatorName(i), disk: simdisk.New(), ended: make(chan error, 1),
			sequence: honest < 2, project: honest >= 1, // one of three honest ones does both
			skew: between(2*simSkew, seed, "skew", i) - simSkew,
			slow: chance(250, seed, "slow disk", i),
		})
		honest++
	}
	return r
}

func (r *simRun) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("seed %d: %v", r.seed, err)
	}
}

// broken notes that a promise was broken; the run goes on to its end.
func (r *simRun) broken(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trace.note("broken", format, nil)
	if len(r.faults) < 20 {
		r.faults = append(r.faults, time.Since(r.started).String()+": "+fmt.Sprintf(format, args...))
	}
}

func (r *simRun) isCalm() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calm
}

func (r *simRun) run() {
	ctx, cancel := context.WithTimeout(context.Background(), simFaults+simPatience)
	defer cancel()
	var lives, others sync.WaitGroup
	var stops []func()
	for _, m := range r.members {
		living, stop := context.WithCancel(context.Background())
		stops = append(stops, stop)
		lives.Go(func() { m.live(living) })
	}
	stopLies := func() {}
	if r.liar >= 0 {
		l := newLiar(r)
		stopLies = l.stop
	}
	others.Go(func() { r.misfortunes(ctx) })
	r.clients(ctx)
	others.Wait()
	r.settle(ctx)
	stopLies()
	for i, stop := range stops { // not at one instant, which has no order
		time.Sleep(between(10*time.Millisecond, r.seed, "stop", i))
		stop()
	}
	lives.Wait()
	synctest.Wait()
	for what, n := range r.stream.Happened() {
		r.counts.add("journal: "+what, n)
	}
	r.check(context.Background())
	for _, m := range r.members {
		if m.node != nil {
			if err := m.node.Close(); err != nil {
				r.broken("close %s: %v", m.name, err)
			}
		}
	}
	time.Sleep(simPatience) // what is late arrives, where nobody is
	r.must(r.trace.write())
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.faults) > 0 {
		for _, f := range r.faults {
			r.t.Errorf("seed %d: %s", r.seed, f)
		}
		r.t.Errorf("again: go test ./settlement -run 'TestSimulatedNetwork$' -sim.seed=%d -sim.log -v", r.seed)
	}
}

// simRest is for how many looks in a row a run is at rest before it is: nodes that have just started, after
// a blackout say, know what is final from their disks, and have yet to give the journal back what it lost.
const simRest = 40

// settle waits until every node has made final what any client knows of, and the journal holds it.
func (r *simRun) settle(ctx context.Context) {
	journal := r.stream.Client("settle")
	for rested := 0; ctx.Err() == nil; {
		top, least := uint64(0), ^uint64(0)
		for _, m := range r.members {
			final, ok := m.final()
			if !ok {
				final = 0
			}
			top, least = max(top, final), min(least, final)
		}
		tip, err := journal.Tip(ctx)
		// The genesis stands before the first block's message.
		if rested++; err != nil || top == 0 || least < r.store.height() || least != top || tip <= top {
			rested = 0
		}
		if rested == simRest {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, m := range r.members {
		final, ok := m.final()
		r.broken("%v after the last fault %s is final up to height %d, running %v, its last end: %v; the database has %d", simPatience, m.name, final, ok, m.lastEnd(), r.store.height())
	}
}

// simMember is an honest validator over its lives.
type simMember struct {
	r        *simRun
	name     string
	sequence bool
	project  bool
	slow     bool
	skew     time.Duration
	ended    chan error

	mu    sync.Mutex
	disk  *simdisk.Disk
	node  *settlement.Node
	end   context.CancelFunc // of this life
	crash int                // steps until the power goes, 0 for never
	last  error              // of the life before
}

func (m *simMember) live(ctx context.Context) {
	for life := 0; ; life++ {
		one, cancel := context.WithCancel(ctx)
		m.mu.Lock()
		m.end = cancel
		d := m.disk
		m.mu.Unlock()
		err := m.once(one, life, d)
		cancel()
		if ctx.Err() != nil && err == nil && m.node != nil {
			return // it stays open, to be looked at
		}
		m.mu.Lock()
		node := m.node
		m.node, m.last = nil, err
		m.mu.Unlock()
		if node != nil {
			_ = node.Close() // its disk may be gone
		}
		if ctx.Err() != nil {
			return
		}
		m.mu.Lock()
		if m.disk.Dead() {
			m.disk = m.disk.Restart(drawn(m.r.seed, "restart", m.name, life))
			m.r.countLosses(m.disk.Losses())
		}
		m.mu.Unlock()
		time.Sleep(between(400*time.Millisecond, m.r.seed, "down", m.name, life))
	}
}

func (m *simMember) once(ctx context.Context, life int, d *simdisk.Disk) error {
	signer, err := proof.NewSigner(m.name, keyOf(m.name))
	if err != nil {
		return err
	}
	handler := slog.DiscardHandler
	if *simLog {
		handler = slog.NewTextHandler(m.r.t.Output(), nil)
	}
	log := slog.New(simLogCounter{handler, m.r.counts}).With("node", m.name, "life", life)
	at := simDisk{d, m, life, new(sync.Map)}
	power := &simPower{m, d}
	cfg := settlement.Config{
		Name: m.name, Genesis: m.r.genesis, Blocks: at, Tree: at, Snapshots: at, SnapshotEvery: 8,
		Journal: simJournal{m.r.stream.Client(fmt.Sprint(m.name, "/", life)), m.r, m.name, power}, Bus: endpoint{m.r.bus, m.name, power}, Signer: signer,
		Sequence: m.sequence, Now: func() time.Time { return time.Now().Add(m.skew) }, Log: log,
	}
	if m.project {
		cfg.Store, cfg.Cache = simView{m.r.store, m.name, power}, noCache{}
	}
	node, err := settlement.Open(ctx, cfg)
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	m.mu.Lock()
	m.node = node
	m.mu.Unlock()
	err = node.Run(ctx)
	if errors.Is(err, settlement.ErrDiverged) {
		m.r.broken("%s: %v", m.name, err)
	}
	return err
}

func (m *simMember) lastEnd() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// final returns up to which height the node has certificates; ok is false while it is down.
func (m *simMember) final() (height uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.node == nil {
		return 0, false
	}
	return m.node.Final()
}

// sign signs a submission for the run's network.
func (r *simRun) sign(by, key string, in ...ledger.Instruction) []byte {
	return signFor(r.t, r.genesis, by, key, in...)
}
