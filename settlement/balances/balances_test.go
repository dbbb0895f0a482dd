package balances

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"viaduct/internal/money"
	"viaduct/internal/testenv"
	"viaduct/ledger"
	"viaduct/settlement/sqlstore"
)

var (
	chase = ledger.MustBIC("CHASUS33")
	bbva  = ledger.MustBIC("BBVAMXMM")
	kbc   = ledger.MustBIC("KREDBEBB")
	usd   = money.MustCurrency("USD")
)

// books are a slow, obvious ledger: every holder's positions at every height.
type books struct {
	mu      sync.Mutex
	heights []map[ledger.BIC][]sqlstore.Line
	opened  int
	loads   int
	fault   error
	loaded  func() // called after a load, before its answer is used
}

func newBooks() *books { return &books{heights: []map[ledger.BIC][]sqlstore.Line{{}}} }

// block changes some positions at random, opening some, and returns the height and what changed.
func (b *books) block(r *rand.Rand) (height uint64, changed []sqlstore.Line) {
	b.mu.Lock()
	defer b.mu.Unlock()
	height = uint64(len(b.heights))
	now := make(map[ledger.BIC][]sqlstore.Line)
	for _, holder := range []ledger.BIC{chase, bbva, kbc} {
		lines := append([]sqlstore.Line(nil), b.heights[height-1][holder]...)
		for i := range lines {
			if r.IntN(3) == 0 {
				lines[i].Balance, lines[i].Height = r.Int64N(1000), height
				changed = append(changed, lines[i])
			}
		}
		if len(lines) < 8 && r.IntN(4) == 0 {
			lines = append(lines, sqlstore.Line{
				Pos: ledger.PosID(b.opened), Holder: holder, Asset: ledger.AssetName{Currency: usd, Issuer: chase}, Limit: 5, Height: height,
			})
			b.opened++
			changed = append(changed, lines[len(lines)-1])
		}
		now[holder] = lines
	}
	b.heights = append(b.heights, now)
	return height, changed
}

func (b *books) load(_ context.Context, holder ledger.BIC) ([]sqlstore.Line, uint64, error) {
	b.mu.Lock()
	b.loads++
	last := len(b.heights) - 1
	lines, fault, loaded := b.heights[last][holder], b.fault, b.loaded
	b.mu.Unlock()
	if loaded != nil {
		loaded()
	}
	return lines, uint64(last), fault
}

func (b *books) at(height uint64, holder ledger.BIC) []sqlstore.Line {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.heights[height][holder]
}

// check reads a holder and compares with the books at the height that the cache states.
func (b *books) check(t *testing.T, c Cache, holder ledger.BIC) uint64 {
	t.Helper()
	lines, height, ok, err := c.Get(context.Background(), holder)
	if err != nil || !ok {
		t.Fatalf("Get = %v, %v", ok, err)
	}
	if diff := cmp.Diff(b.at(height, holder), lines); diff != "" && len(lines)+len(b.at(height, holder)) > 0 {
		t.Fatalf("%s at height %d: %s", holder, height, diff)
	}
	return height
}

// onEach runs a test on each cache; lose makes it forget everything.
func onEach(t *testing.T, test func(t *testing.T, b *books, c Cache, lose func())) {
	t.Run("map", func(t *testing.T) {
		b := newBooks()
		m := NewMap(b.load)
		test(t, b, m, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.run, m.height, m.holders = 0, 0, nil
		})
	})
	t.Run("redis", func(t *testing.T) {
		b := newBooks()
		r := openRedis(t, testenv.Redis(t), ledger.Hash{1}, b.load)
		test(t, b, r, func() {
			if err := r.client.FlushDB(context.Background()).Err(); err != nil {
				t.Fatal(err)
			}
		})
	})
}

// openRedis waits longer for its server than a gateway would: tests share a machine.
func openRedis(t *testing.T, url string, network ledger.Hash, load Load) *Redis {
	t.Helper()
	r, err := newRedis(url, network, load, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func set(t *testing.T, c Cache, height uint64, lines []sqlstore.Line) {
	t.Helper()
	if err := c.Set(context.Background(), height, lines); err != nil {
		t.Fatal(err)
	}
}

func TestAHolderIsLoadedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, b *books, c Cache, lose func()) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 10 {
			set(t, c, must(b.block(r)), nil)
		}
		b.loads = 0
		for range 5 {
			b.check(t, c, bbva)
		}
		if b.loads != 1 {
			t.Errorf("%d loads, want 1", b.loads)
		}
		for range 10 {
			height, changed := b.block(r)
			set(t, c, height, changed)
			if got := b.check(t, c, bbva); got != height {
				t.Errorf("at height %d after block %d", got, height)
			}
		}
		if b.loads != 1 {
			t.Errorf("%d loads after blocks in order, want 1", b.loads)
		}
		lose()
		b.check(t, c, bbva)
		height, changed := b.block(r)
		set(t, c, height, changed)
		if got := b.check(t, c, bbva); got != height || b.loads != 3 {
			t.Errorf("at height %d with %d loads after losing all, want %d and 3", got, b.loads, height)
		}
		if b.check(t, c, bbva); b.loads != 3 {
			t.Error("not cached again")
		}
	})
}

func must(height uint64, _ []sqlstore.Line) uint64 { return height }

// What Get says is true at the height it states, whatever order blocks come in and whatever is lost.
func TestNeverDisagreesWithTheBooks(t *testing.T) {
	onEach(t, func(t *testing.T, b *books, c Cache, lose func()) {
		seed := rand.Uint64()
		defer func() {
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		}()
		r := rand.New(rand.NewPCG(seed, 0))
		type told struct {
			height  uint64
			changed []sqlstore.Line
		}
		var late []told
		for range testenv.Scale(t, 1500) {
			switch n := r.IntN(100); {
			case n < 40:
				height, changed := b.block(r)
				switch r.IntN(20) {
				case 0: // lost
				case 1:
					late = append(late, told{height, changed})
				default:
					set(t, c, height, changed)
				}
			case n < 45 && len(late) > 0:
				i := r.IntN(len(late))
				set(t, c, late[i].height, late[i].changed) // once or again
			case n == 99:
				lose()
			default:
				b.check(t, c, []ledger.BIC{chase, bbva, kbc}[r.IntN(3)])
			}
		}
	})
}

// A holder may be loaded at a height that the cache was not told of yet; what it is told then is older.
func TestOlderNeverReplacesNewer(t *testing.T) {
	onEach(t, func(t *testing.T, b *books, c Cache, _ func()) {
		r := rand.New(rand.NewPCG(11, 12))
		set(t, c, must(b.block(r)), nil)
		for range 50 {
			var heights []uint64
			var changes [][]sqlstore.Line
			for range 3 {
				height, changed := b.block(r)
				heights, changes = append(heights, height), append(changes, changed)
			}
			for _, holder := range []ledger.BIC{chase, bbva, kbc} {
				b.check(t, c, holder)
			}
			for i := range heights {
				set(t, c, heights[i], changes[i])
				for _, holder := range []ledger.BIC{chase, bbva, kbc} {
					b.check(t, c, holder)
				}
			}
			set(t, c, heights[2]+2, nil) // a new run, so that all are loaded again ahead of it
			b.block(r)
			b.block(r)
		}
	})
}

// A block that comes while a holder is being loaded makes the load too old to keep.
func TestALoadThatABlockOvertakes(t *testing.T) {
	onEach(t, func(t *testing.T, b *books, c Cache, _ func()) {
		r := rand.New(rand.NewPCG(13, 14))
		for range 50 {
			height, changed := b.block(r)
			set(t, c, height, changed)
		}
		for _, holder := range []ledger.BIC{chase, bbva, kbc} {
			b.loaded = func() {
				for range 3 {
					height, changed := b.block(r)
					set(t, c, height, changed)
				}
			}
			b.check(t, c, holder)
			b.loaded = nil
			if got := b.check(t, c, holder); got != uint64(len(b.heights)-1) {
				t.Errorf("%s at height %d, want the newest", holder, got)
			}
		}
	})
}

// Readers and the projector side by side.
func TestReadWhileBlocksCome(t *testing.T) {
	onEach(t, func(t *testing.T, b *books, c Cache, _ func()) {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		for _, holder := range []ledger.BIC{chase, bbva, kbc} {
			wg.Go(func() {
				last := uint64(0)
				for {
					select {
					case <-stop:
						return
					default:
					}
					lines, height, ok, err := c.Get(context.Background(), holder)
					if err != nil || !ok || height < last || !cmp.Equal(append([]sqlstore.Line{}, lines...), append([]sqlstore.Line{}, b.at(height, holder)...)) {
						t.Errorf("%s at %d after %d: %v, %v", holder, height, last, lines, err)
						return
					}
					last = height
				}
			})
		}
		defer wg.Wait()
		defer close(stop)
		r := rand.New(rand.NewPCG(3, 4))
		for range 500 {
			height, changed := b.block(r)
			set(t, c, height, changed)
		}
	})
}

func TestLoadFails(t *testing.T) {
	onEach(t, func(t *testing.T, b *books, c Cache, _ func()) {
		b.fault = errors.New("database is away")
		if _, _, ok, err := c.Get(context.Background(), bbva); ok || !errors.Is(err, b.fault) {
			t.Errorf("Get = %v, %v", ok, err)
		}
	})
}

// Two nodes and two networks share a server: the nodes see one cache, the networks nothing of each
// other.
func TestSharingAServer(t *testing.T) {
	url := testenv.Redis(t)
	mine, theirs := newBooks(), newBooks()
	one, two := openRedis(t, url, ledger.Hash{1}, mine.load), openRedis(t, url, ledger.Hash{1}, mine.load)
	other := openRedis(t, url, ledger.Hash{2}, theirs.load)
	r := rand.New(rand.NewPCG(5, 6))
	for range 30 {
		height, changed := mine.block(r)
		set(t, one, height, changed)
		set(t, two, height, changed)
		if at := mine.check(t, two, kbc); at != height {
			t.Errorf("at height %d, want %d", at, height)
		}
		if r.IntN(2) == 0 {
			height, changed := theirs.block(r)
			set(t, other, height, changed)
		}
		theirs.check(t, other, kbc)
	}
	if mine.loads != 1 {
		t.Errorf("%d loads, want 1", mine.loads)
	}
}

// A server that is away or holds what isn't ours is an error, soon; the database answers then.
func TestRedisAway(t *testing.T) {
	b := newBooks()
	r, err := NewRedis("redis://127.0.0.1:1/0", ledger.Hash{}, b.load)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	began := time.Now()
	if _, _, ok, err := r.Get(context.Background(), bbva); ok || err == nil {
		t.Error("Get from nowhere succeeded")
	}
	if err := r.Set(context.Background(), 1, nil); err == nil {
		t.Error("Set to nowhere succeeded")
	}
	if took := time.Since(began); took > 10*redisPatience {
		t.Errorf("took %v", took)
	}
	if _, err := NewRedis("http://x", ledger.Hash{}, b.load); err == nil {
		t.Error("NewRedis of another URL succeeded")
	}
}

func TestRedisHoldsWhatIsNotOurs(t *testing.T) {
	ctx := context.Background()
	b := newBooks()
	r := openRedis(t, testenv.Redis(t), ledger.Hash{1}, b.load)
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 5 {
		set(t, r, must(b.block(rnd)), nil)
	}
	b.check(t, r, bbva)
	run := r.client.HGet(ctx, r.meta, "run").Val()
	for _, field := range []string{"at", "12"} {
		if err := r.client.HSet(ctx, r.prefix+run+":"+bbva.String(), field, "junk").Err(); err != nil {
			t.Fatal(err)
		}
		if _, _, ok, err := r.Get(ctx, bbva); ok || err == nil {
			t.Errorf("field %s: Get = %v, %v", field, ok, err)
		}
	}
	if err := r.client.HSet(ctx, r.meta, "height", "junk").Err(); err != nil {
		t.Fatal(err)
	}
	if _, _, ok, err := r.Get(ctx, bbva); ok || err == nil {
		t.Errorf("Get = %v, %v", ok, err)
	}
	// The next block begins a new run.
	set(t, r, must(b.block(rnd)), nil)
	b.check(t, r, bbva)
}

func BenchmarkGet(b *testing.B) {
	books := newBooks()
	r := rand.New(rand.NewPCG(9, 9))
	for range 40 {
		books.block(r)
	}
	b.Run("map", func(b *testing.B) { benchmarkGet(b, NewMap(books.load)) })
	b.Run("redis", func(b *testing.B) {
		c, err := NewRedis(testenv.Redis(b), ledger.Hash{1}, books.load)
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		benchmarkGet(b, c)
	})
}

func benchmarkGet(b *testing.B, c Cache) {
	ctx := context.Background()
	if err := c.Set(ctx, 40, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, _, ok, err := c.Get(ctx, bbva); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
