package settlement_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log/slog"
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
	simTail    = flag.Bool("sim.tail", false, "let the journal lose what it acknowledged, too")
	simDigest  = flag.Bool("sim.digest", false, "")
	simTraceTo = flag.String("sim.trace", "", "a file to write to what happened in the one run, in order of time")
	simLog     = flag.Bool("sim.log", false, "print what the nodes of a simulated network say")
)

// TestSimulatedNetwork runs four validators with their sequencers, projectors and clients on a simulated
// journal, bus, disk and clock, all in one process and in no time, and lets go wrong what a seed says:
// power that goes at any change to a disk, torn and lost writes, full and slow disks, clocks that differ,
// messages lost, late and repeated, nodes cut off and two sequencers at once, a journal that gives no
// answer or a late one (and, with -sim.tail, loses what it acknowledged), a database that fails before or after it wrote; in every second
// run one validator lies. After each run: see simRun.check.
//
// A seed that fails is printed; go test ./settlement -run TestSimulatedNetwork -sim.seed=N runs it alone.
// The seed decides every fault, and where and when it strikes; goroutines that run at one instant of the
// simulated clock may do so in another order on a machine that is busy.
func TestSimulatedNetwork(t *testing.T) {
	if *simSeed >= 0 {
		synctest.Test(t, func(t *testing.T) { newSimRun(t, uint64(*simSeed)).run() })
		return
	}
	for seed := *simFirst; seed < *simFirst+uint64(testenv.Scale(t, 40)); seed++ {
		if !t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newSimRun(t, seed)
				r.run()
				if *simDigest {
					fmt.Printf("digest %d %x %d\n", seed, r.trace.digest(), r.trace.events)
				}
			})
		}) {
			t.Errorf("seed %d failed: go test ./settlement -run TestSimulatedNetwork -sim.seed=%d", seed, seed)
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

	mu       sync.Mutex
	calm     bool
	faults   []string // found so far
	accepted map[string]bool
	checked  map[string]proof.Checkpoint // certificates that are good
	started  time.Time
}

func newSimRun(t *testing.T, seed uint64) *simRun {
	r := &simRun{t: t, seed: seed, genesis: networkGenesis(), liar: -1, accepted: map[string]bool{}, checked: map[string]proof.Checkpoint{}, started: time.Now(), trace: &simTrace{started: time.Now()}}
	r.genesis.Time = time.Now().UnixMilli() // the bubble's
	var all []proof.Validator
	for _, v := range r.genesis.Validators {
		pv, err := proof.NewValidator(v.Name, v.Key[:])
		r.must(err)
		all = append(all, pv)
	}
	var err error
	r.policy, err = proof.NewPolicy(r.genesis.Origin(), all, quorum)
	r.must(err)
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
	r.bus = newSimBus(seed, liar, r.trace, r.broken)
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
			skew: between(4*time.Second, seed, "skew", i) - 2*time.Second,
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
	}
}

// misfortunes lets things go wrong for a while, then ends all faults.
func (r *simRun) misfortunes(ctx context.Context) {
	for n := 0; time.Since(r.started) < simFaults; n++ {
		time.Sleep(between(600*time.Millisecond, r.seed, "pause", n))
		m := r.members[drawn(r.seed, "who", n)%uint64(len(r.members))]
		switch drawn(r.seed, "what", n) % 8 {
		case 0, 1:
			r.bus.isolate(m.name, true)
			time.AfterFunc(between(2500*time.Millisecond, r.seed, "cut", n), func() { r.bus.isolate(m.name, false) })
		case 2, 3, 4:
			m.powerAt(1 + int(drawn(r.seed, "change", n)%40))
		case 5:
			m.failAt(1 + int(drawn(r.seed, "change", n)%20))
		case 6:
			m.restart()
		case 7:
			r.loseTail(ctx, n)
		}
	}
	r.stream.SetFaults(sim.Faults{Latency: 2 * time.Millisecond, AckWait: 50 * time.Millisecond})
	r.bus.calmDown()
	r.mu.Lock()
	r.calm = true
	r.mu.Unlock()
	for _, m := range r.members {
		m.spare()
	}
}

// loseTail has the journal lose some of what it acknowledged, half the time in a blackout that takes all
// nodes with it.
func (r *simRun) loseTail(ctx context.Context, n int) {
	tip, err := r.stream.Client("nobody").Tip(ctx)
	if err != nil || !*simTail || !chance(400, r.seed, "tail", n) {
		return
	}
	if chance(500, r.seed, "blackout", n) {
		for _, m := range r.members {
			m.cut()
		}
	}
	r.stream.Truncate(tip - min(tip, drawn(r.seed, "lost", n)%6))
}

// settle waits until every node has made final what any client knows of.
func (r *simRun) settle(ctx context.Context) {
	for ctx.Err() == nil {
		top, least := uint64(0), ^uint64(0)
		for _, m := range r.members {
			final, ok := m.final()
			if !ok {
				final = 0
			}
			top, least = max(top, final), min(least, final)
		}
		if top > 0 && least >= r.store.height() && least == top {
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

	mu   sync.Mutex
	disk *simdisk.Disk
	node *settlement.Node
	end  context.CancelFunc // of this life
	last error              // of the life before
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
	log := slog.New(slog.DiscardHandler)
	if *simLog {
		log = slog.New(slog.NewTextHandler(m.r.t.Output(), nil)).With("node", m.name, "life", life)
	}
	at := simDisk{d, m, life, new(sync.Map)}
	cfg := settlement.Config{
		Name: m.name, Genesis: m.r.genesis, Blocks: at, Tree: at, Snapshots: at, SnapshotEvery: 8,
		Journal: simJournal{m.r.stream.Client(fmt.Sprint(m.name, "/", life)), m.r, m.name}, Bus: endpoint{m.r.bus, m.name}, Signer: signer,
		Sequence: m.sequence, Now: func() time.Time { return time.Now().Add(m.skew) }, Log: log,
	}
	if m.project {
		cfg.Store, cfg.Cache = simView{m.r.store, m.name, life}, noCache{}
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

func (m *simMember) powerAt(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk.PowerAt(n)
}

// cut takes the power now; whatever the node still tries is for nothing.
func (m *simMember) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk.Cut()
	m.end()
}

func (m *simMember) failAt(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk.FailAt(n, errNoSpace)
}

// restart ends a life in order.
func (m *simMember) restart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end()
}

// spare takes back what was to befall the disk.
func (m *simMember) spare() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk.Spare()
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

// simSign signs a submission for the run's network.
func (r *simRun) sign(by, key string, in ...ledger.Instruction) []byte {
	s := ledger.Submission{Network: r.genesis.Network(), Key: []byte(key), Salt: sha256.Sum256([]byte(key))}
	if by != "operator" {
		s.Participant = ledger.MustBIC(by)
	}
	out, err := ledger.Sign(&s, in, keyOf(by))
	r.must(err)
	return out
}
