package gateway

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/shopspring/decimal"

	"viaduct/internal/testenv"
	"viaduct/ledger"
	"viaduct/settlement/balances"
	"viaduct/settlement/sqlstore"
)

func TestBalancesTellWhatCanBeSent(t *testing.T) {
	r := newRig(t)
	r.market()
	r.pay("10.00")
	got := r.must(200, r.do("GET", "/v1/balances", dealer, nil))
	totals := make(map[string]obj)
	for _, x := range got.json["totals"].([]any) {
		totals[x.(obj)["currency"].(string)] = x.(obj)
	}
	d := func(v any) decimal.Decimal {
		text, _ := v.(string)
		n, err := decimal.NewFromString(text)
		r.ok(err)
		return n
	}
	claims, rooms := make(map[string]decimal.Decimal), make(map[string]decimal.Decimal)
	for _, x := range got.json["data"].([]any) {
		b := x.(obj)
		currency := b["currency"].(string)
		if b["kind"] != "claim" {
			t.Fatalf("the dealer issues nothing: %v", b)
		}
		if !d(b["limit"]).Sub(d(b["value"])).Equal(d(b["headroom"])) || b["available"] != b["value"] {
			t.Errorf("%v", b)
		}
		claims[currency], rooms[currency] = claims[currency].Add(d(b["value"])), rooms[currency].Add(d(b["headroom"]))
	}
	if len(claims) < 2 || len(totals) != len(claims) {
		t.Fatalf("%d currencies, %d totals", len(claims), len(totals))
	}
	for currency, sum := range claims {
		x := totals[currency]
		if !d(x["claims"]).Equal(sum) || !d(x["net"]).Equal(sum) || !d(x["available"]).Equal(sum) || !d(x["headroom"]).Equal(rooms[currency]) || x["obligations"] == nil {
			t.Errorf("%s: total %v, want %s", currency, x, sum)
		}
	}
	// What one has issued is an obligation, and counts against it.
	owed := r.must(200, r.do("GET", "/v1/balances", mexican, nil))
	if owed.text("totals", "0", "obligations") != "205.00" || owed.text("totals", "0", "net") != "-205.00" || owed.text("data", "0", "headroom") != "" {
		t.Errorf("the issuer: %s", owed.body)
	}

	// A frozen line has nothing to send.
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/EUR/"+german, german, obj{"frozen": true}))
	frozen := r.must(200, r.do("GET", "/v1/balances", dealer, nil))
	seen := false
	for _, x := range frozen.json["data"].([]any) {
		if b := x.(obj); b["frozen"] == true {
			seen = true
			if b["available"] != "0.00" || b["value"] == "0.00" {
				t.Errorf("%v", b)
			}
		}
	}
	if !seen {
		t.Errorf("no line is frozen: %s", frozen.body)
	}

	// As a table.
	table := r.must(200, r.do("GET", "/v1/balances", dealer, nil, "Accept", "text/csv"))
	rows, err := csv.NewReader(strings.NewReader(string(table.body))).ReadAll()
	if err != nil || table.header.Get("Content-Type") != "text/csv" || len(rows) != 1+len(frozen.json["data"].([]any)) {
		t.Fatalf("%v, %s: %s", err, table.header.Get("Content-Type"), table.body)
	}
	for i, row := range rows[1:] {
		b := frozen.json["data"].([]any)[i].(obj)
		if row[0] != fmt.Sprint(frozen.json["height"]) || row[1] != b["currency"] || row[4] != b["value"] || row[7] != b["headroom"] {
			t.Errorf("row %v, balance %v", row, b)
		}
	}
	if tag := table.header.Get("ETag"); tag == "" || tag == frozen.header.Get("ETag") {
		t.Errorf("the table's tag is %q", tag)
	}
	past := r.must(200, r.do("GET", "/v1/balances?as_of=1", dealer, nil, "Accept", "text/csv"))
	if !strings.HasPrefix(string(past.body), "height,currency") {
		t.Errorf("%s", past.body)
	}
}

func TestBalanceStream(t *testing.T) {
	r := newRig(t)
	r.gateway.balances.heartbeat = 20 * time.Millisecond
	r.market()
	w := r.open(dealer, "/v1/balances/stream")
	first, ok := w.next()
	if !ok || first.name != "balances" || len(first.data["data"].([]any)) < 2 {
		t.Fatalf("first event %+v", first)
	}
	now := make(map[string]obj)
	keep := func(e event) {
		for _, x := range e.data["data"].([]any) {
			b := x.(obj)
			now[b["currency"].(string)+"@"+b["issuer"].(string)] = b
		}
	}
	keep(first)
	r.pay("10.00")
	height := r.height()
	changed, quiet := 0, 0
	for last := first.data["height"].(float64); ; {
		e, ok := w.next()
		if !ok {
			t.Fatalf("the stream ended: %v", w.in.Err())
		}
		at := e.data["height"].(float64)
		if at < last {
			t.Errorf("height %v behind %v", at, last)
		}
		last = at
		if e.name == "changed" {
			changed++
			if n := len(e.data["data"].([]any)); n == 0 || n > 2 || e.id != fmt.Sprint(at) || len(e.data["totals"].([]any)) < 2 {
				t.Errorf("changed: %+v", e)
			}
			keep(e)
		} else if e.name == "unchanged" && at >= height {
			quiet++
			break
		}
	}
	if changed == 0 || quiet == 0 {
		t.Errorf("%d changes, %d signs of life", changed, quiet)
	}
	all := r.must(200, r.do("GET", "/v1/balances", dealer, nil)).json["data"].([]any)
	for _, x := range all {
		b := x.(obj)
		diff(t, "after the changes", now[b["currency"].(string)+"@"+b["issuer"].(string)], b)
	}
	// Another's are not to be watched, and the server's end ends them.
	r.must(404, r.do("GET", "/v1/balances/stream?participant="+german, dealer, nil))
	r.gateway.balances.close()
	for {
		if _, ok := w.next(); !ok {
			break
		}
	}
}

// A cache that falls behind what was told gives no news, and the stream still shows that it lives.
func TestBalanceStreamBesideALateCache(t *testing.T) {
	r := newRig(t)
	r.gateway.balances.heartbeat = 20 * time.Millisecond
	late := new(lateCache)
	r.gateway.cfg.Cache = late
	r.market()
	w := r.open(dealer, "/v1/balances/stream")
	first, ok := w.next()
	if !ok || first.name != "balances" {
		t.Fatalf("first event %+v", first)
	}
	late.is.Store(true)
	for range 5 {
		e, ok := w.next()
		if !ok || e.name != "unchanged" || e.data["height"].(float64) < first.data["height"].(float64) {
			t.Fatalf("%t, %+v", ok, e)
		}
	}
}

// lateCache has what an early block left, once it is late, and nothing before.
type lateCache struct{ is atomic.Bool }

func (c *lateCache) Get(context.Context, ledger.BIC) ([]sqlstore.Line, uint64, bool, error) {
	return nil, 1, c.is.Load(), nil
}

// TestBalancesNeverDisagree reads balances without a pause while payments settle, and a Redis of the test's
// own is stopped, started again empty, brought back to what it held before, and filled with old values
// under the run of now. Each answer is then compared with what the ledger's postings say at the height it
// states. Run with -v, it prints the table of docs/balances.md.
func TestBalancesNeverDisagree(t *testing.T) {
	ctx := t.Context()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	server := redisAt(t, port)
	url := fmt.Sprintf("redis://127.0.0.1:%d/0", port)
	var hits, loads atomic.Int64
	r := startRigWith(t, nil, func(network ledger.Hash, load balances.Load) balances.Cache {
		c, err := balances.NewRedis(url, network, func(ctx context.Context, holder ledger.BIC) ([]sqlstore.Line, uint64, error) {
			loads.Add(1)
			return load(ctx, holder)
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return &countedCache{c, &hits, &loads}
	})
	r.admit(mexican, german, dealer, romanian)
	r.market()
	r.pay("1.00")
	client := redis.NewClient(&redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", port), MaxRetries: -1})
	defer client.Close()

	type told struct {
		whose  string
		height int64
		values map[string]string
		took   time.Duration
	}
	var mu sync.Mutex
	var answers []told
	var failures []string
	run, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var paid atomic.Int64
	wg.Go(func() {
		for i := 0; run.Err() == nil; i++ {
			got := r.do("POST", "/v1/payments", mexican, euros(fmt.Sprintf("0.%02d", 1+i%99)), "Prefer", "wait=10")
			if got.status != http.StatusCreated && run.Err() == nil {
				mu.Lock()
				failures = append(failures, fmt.Sprintf("payment: %d %s", got.status, got.body))
				mu.Unlock()
			}
			paid.Add(1)
		}
	})
	for _, whose := range []string{mexican, german, dealer} {
		wg.Go(func() {
			for run.Err() == nil {
				began := time.Now()
				got := r.do("GET", "/v1/balances", whose, nil)
				a := told{whose: whose, took: time.Since(began), values: make(map[string]string)}
				mu.Lock()
				if got.status != http.StatusOK {
					failures = append(failures, fmt.Sprintf("balances of %s: %d %s", whose, got.status, got.body))
				} else {
					h, _ := json.Number(fmt.Sprint(int64(got.json["height"].(float64)))).Int64()
					a.height = h
					for _, x := range got.json["data"].([]any) {
						b := x.(obj)
						a.values[b["currency"].(string)+"@"+b["issuer"].(string)] = b["value"].(string)
					}
					answers = append(answers, a)
				}
				mu.Unlock()
			}
		})
	}
	// until waits for something that the load brings about.
	until := func(what string, so func() bool) time.Duration {
		t.Helper()
		began := time.Now()
		for !so() {
			if time.Since(began) > time.Minute {
				t.Fatalf("after a minute still not: %s", what)
			}
			time.Sleep(time.Millisecond) // others' progress, of which nobody tells this test
		}
		return time.Since(began)
	}
	during := func(phase string, what func() string) {
		t.Helper()
		mu.Lock()
		from := len(answers)
		mu.Unlock()
		detail := what()
		mu.Lock()
		part := slices.Clone(answers[from:])
		mu.Unlock()
		if len(part) < 20 {
			t.Errorf("%s: only %d reads", phase, len(part))
			return
		}
		slices.SortFunc(part, func(a, b told) int { return int(a.took - b.took) })
		t.Logf("| %s | %d | %.1f ms | %.1f ms | %s |", phase, len(part), ms(part[len(part)/2].took), ms(part[len(part)-1].took), detail)
	}
	more := func(counter *atomic.Int64, n int64) {
		t.Helper()
		at := counter.Load() + n
		until(fmt.Sprintf("counted to %d", at), func() bool { return counter.Load() >= at })
	}
	reads := testenv.Scale(t, 100)

	during("as usual", func() string { more(&paid, 10); more(&hits, int64(reads)); return "" })
	kept := dump(t, client)
	during("stopped", func() string {
		_ = server.Process.Kill()
		_ = server.Wait()
		before := hits.Load()
		more(&paid, 10)
		mu.Lock()
		at := len(answers) + reads
		mu.Unlock()
		until("read without Redis", func() bool { mu.Lock(); defer mu.Unlock(); return len(answers) >= at })
		return fmt.Sprintf("all from the database; %d from the cache", hits.Load()-before)
	})
	during("started again, empty", func() string {
		before := hits.Load()
		server = redisAt(t, port)
		took := until("served from Redis again", func() bool { return hits.Load() > before })
		more(&hits, int64(reads))
		return fmt.Sprintf("served from it after %.0f ms", ms(took))
	})
	during("brought back to what it held before", func() string {
		before, loaded := hits.Load(), loads.Load()
		restore(t, client, kept, "")
		took := until("loaded again", func() bool { return loads.Load() > loaded })
		more(&hits, int64(reads))
		return fmt.Sprintf("noticed after %.0f ms; %d from the cache since", ms(took), hits.Load()-before)
	})
	during("old values under the run of now", func() string {
		run, err := client.HGet(ctx, metaOf(t, client), "run").Result()
		r.ok(err)
		loaded := loads.Load()
		restore(t, client, kept, run)
		took := until("loaded again", func() bool { return loads.Load() > loaded })
		more(&hits, int64(reads))
		return fmt.Sprintf("noticed after %.0f ms", ms(took))
	})
	stop()
	wg.Wait()

	for _, f := range failures {
		t.Error(f)
	}
	// Every answer against the postings, which the cache has no part in.
	truth := make(map[string]map[string]string)
	heights := make(map[int64]bool)
	for _, a := range answers {
		key := fmt.Sprintf("%s?%d", a.whose, a.height)
		if truth[key] == nil {
			truth[key] = make(map[string]string)
			got := r.must(200, r.do("GET", fmt.Sprintf("/v1/balances?as_of=%d", a.height), a.whose, nil))
			for _, x := range got.json["data"].([]any) {
				b := x.(obj)
				truth[key][b["currency"].(string)+"@"+b["issuer"].(string)] = b["value"].(string)
			}
		}
		heights[a.height] = true
		for asset, value := range a.values {
			if want, moved := truth[key][asset]; moved && value != want || !moved && value != "0.00" {
				t.Fatalf("%s at height %d: %s is %s, the ledger says %q", a.whose, a.height, asset, value, want)
			}
		}
		if len(truth[key]) > len(a.values) {
			t.Fatalf("%s at height %d: %v, the ledger says %v", a.whose, a.height, a.values, truth[key])
		}
	}
	t.Logf("%d answers at %d heights, none of them wrong; %d payments", len(answers), len(heights), paid.Load())
	if len(heights) < 20 {
		t.Errorf("only %d heights were seen", len(heights))
	}
}

// countedCache counts what the cache served without the database's help.
type countedCache struct {
	*balances.Redis
	hits, loads *atomic.Int64
}

// Get counts. Another reader's load at the same time makes a hit go uncounted, never the other way.
func (c *countedCache) Get(ctx context.Context, holder ledger.BIC) ([]sqlstore.Line, uint64, bool, error) {
	before := c.loads.Load()
	lines, height, ok, err := c.Redis.Get(ctx, holder)
	if ok && err == nil && c.loads.Load() == before {
		c.hits.Add(1)
	}
	return lines, height, ok, err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func metaOf(t *testing.T, c *redis.Client) string {
	t.Helper()
	for key := range dump(t, c) {
		if strings.HasSuffix(key, "}") {
			return key
		}
	}
	t.Fatal("Redis holds no run")
	return ""
}

// dump reads all that Redis holds: hashes, all of them.
func dump(t *testing.T, c *redis.Client) map[string]map[string]string {
	t.Helper()
	keys, err := c.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]map[string]string)
	for _, key := range keys {
		if all[key], err = c.HGetAll(t.Context(), key).Result(); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// restore makes Redis hold what it held: all of it, or the holders' values alone, put where those of another
// run are.
func restore(t *testing.T, c *redis.Client, all map[string]map[string]string, run string) {
	t.Helper()
	pipe := c.TxPipeline()
	if run == "" {
		pipe.FlushDB(t.Context())
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		meta := strings.HasSuffix(key, "}")
		if meta && run != "" {
			continue
		}
		to := key
		if run != "" {
			parts := strings.Split(key, ":")
			parts[len(parts)-2] = run
			to = strings.Join(parts, ":")
			pipe.Del(t.Context(), to)
		}
		pipe.HSet(t.Context(), to, all[key])
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
}
