package gateway

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"viaduct/ledger"
	"viaduct/settlement/balances"
)

// BenchmarkBalanceReads measures GET /v1/balances over HTTP at 2,000 a second for five seconds: with
// Redis, with the map in the process, with neither, and with a Redis that is killed after two seconds.
// Each read's time counts from when it was due, so that a stall shows in all that waited for it.
func BenchmarkBalanceReads(b *testing.B) {
	r := newRig(b)
	r.market()
	r.pay("10.00")
	ctx := b.Context()
	redis := func(b *testing.B) (balances.Cache, *exec.Cmd) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		r.ok(err)
		port := l.Addr().(*net.TCPAddr).Port
		l.Close()
		server := redisAt(b, port)
		cache, err := balances.NewRedis(fmt.Sprintf("redis://127.0.0.1:%d/0", port), r.config.Network, r.store.Balances)
		r.ok(err)
		b.Cleanup(func() { _ = cache.Close() })
		height, _, _, err := r.store.Projected(ctx)
		r.ok(err)
		r.ok(cache.Set(ctx, height, nil))
		if _, _, ok, err := cache.Get(ctx, ledger.MustBIC(mexican)); !ok || err != nil {
			b.Fatalf("Redis has no balances: %v", err)
		}
		return cache, server
	}
	for _, c := range []struct {
		name string
		open func(*testing.B) (Balances, func())
	}{
		{"redis", func(b *testing.B) (Balances, func()) { c, _ := redis(b); return c, nil }},
		{"memory", func(*testing.B) (Balances, func()) { return r.config.Cache, nil }},
		{"database", func(*testing.B) (Balances, func()) { return nil, nil }},
		{"redis-killed", func(b *testing.B) (Balances, func()) {
			c, server := redis(b)
			return c, func() { _ = server.Process.Kill() }
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			cache, kill := c.open(b)
			config := r.config
			config.Cache, config.Store = cache, r.store
			gate, err := New(config)
			r.ok(err)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			r.ok(err)
			server := gate.Server()
			go func() { _ = server.Serve(l) }()
			defer server.Close()
			for b.Loop() {
				all, late := r.readAt(b, l.Addr().String(), 2000, 5*time.Second, kill)
				b.ReportMetric(all[len(all)/2].Seconds()*1000, "p50-ms")
				b.ReportMetric(all[len(all)*99/100].Seconds()*1000, "p99-ms")
				b.ReportMetric(all[len(all)*999/1000].Seconds()*1000, "p99.9-ms")
				b.ReportMetric(all[len(all)-1].Seconds()*1000, "max-ms")
				b.ReportMetric(float64(late), "failed")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// readAt reads balances at an even rate and returns how long each took, sorted, and how many failed.
func (r *rig) readAt(b *testing.B, address string, rate int, during time.Duration, kill func()) ([]time.Duration, int) {
	n := rate * int(during/time.Second)
	took := make([]time.Duration, n)
	failed := make([]bool, n)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	one := func(i int, due time.Time) {
		req, err := http.NewRequestWithContext(b.Context(), "GET", "http://"+address+"/v1/balances", nil)
		r.ok(err)
		req.Header.Set("Authorization", "Bearer "+r.keys[mexican])
		resp, err := client.Do(req)
		if err == nil {
			var body []byte
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
			failed[i] = resp.StatusCode != 200 || !strings.Contains(string(body), "205.00")
		}
		failed[i] = failed[i] || err != nil
		took[i] = time.Since(due)
	}
	for i := range 500 { // connections and caches
		one(i, time.Now())
	}
	work := make(chan int, n)
	start := time.Now()
	due := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second / time.Duration(rate)) }
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for i := range work {
				one(i, due(i))
			}
		})
	}
	for i := range n {
		if wait := time.Until(due(i)); wait > 0 {
			time.Sleep(wait) // the rate is what is measured
		}
		if kill != nil && i == 2*n/5 {
			kill()
		}
		work <- i
	}
	close(work)
	all.Wait()
	slices.Sort(took)
	bad := 0
	for _, f := range failed {
		if f {
			bad++
		}
	}
	return took, bad
}

// redisAt starts a Redis of the test's own, empty, on a loopback port; or skips.
func redisAt(t testing.TB, port int) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("skipped: no redis-server on PATH")
	}
	server := exec.Command(path, "--bind", "127.0.0.1", "--port", fmt.Sprint(port), "--save", "", "--appendonly", "no", "--dir", t.TempDir())
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	for {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
			return server
		}
		time.Sleep(time.Millisecond) // the server's own start, of which nobody tells
	}
}
