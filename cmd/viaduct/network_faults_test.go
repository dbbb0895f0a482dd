package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"viaduct/internal/testenv"
)

// cluster is a whole network as real processes: three NATS servers, four validators, two gateways, on a
// PostgreSQL and a Redis of the test's own.
type cluster struct {
	t       *testing.T
	dir     string
	env     []string
	mu      sync.Mutex
	running map[string]*exec.Cmd
	exits   map[string]chan struct{}
	keys    map[string]string // API keys by BIC; the operator's under ""
}

var clusterRoles = map[string]string{
	"validator-1": "settlement,validator", "validator-2": "settlement,validator",
	"validator-3": "validator,projector", "validator-4": "validator,projector",
	"gateway-1": "gateway", "gateway-2": "gateway",
}

var clusterNames = []string{"nats-1", "nats-2", "nats-3", "validator-1", "validator-2", "validator-3", "validator-4", "gateway-1", "gateway-2"}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: filepath.Join(t.TempDir(), "network"), running: make(map[string]*exec.Cmd), exits: make(map[string]chan struct{}), keys: make(map[string]string)}
	postgres, redis := testenv.Postgres(t), testenv.Redis(t)
	command(t, 0, "keys", "network", "--dir", c.dir)
	lines := strings.Split(strings.TrimSpace(command(t, 0, "keys", "nats", "--dir", c.dir, "--loopback", "3")), "\n")
	c.env = append(os.Environ(), "VIADUCT_NATS_URL="+lines[len(lines)-1], "VIADUCT_DATABASE_URL="+postgres, "VIADUCT_REDIS_URL="+redis, "VIADUCT_JOURNAL_REPLICAS=3", "VIADUCT_LOG_LEVEL=info")
	t.Cleanup(func() {
		for _, name := range slices.Backward(clusterNames) {
			c.signal(name, syscall.SIGKILL)
		}
	})
	for _, name := range clusterNames {
		c.start(name)
	}
	for _, g := range []string{"gateway-1", "gateway-2"} {
		c.waitReady(g)
	}
	return c
}

func (c *cluster) start(name string) {
	c.t.Helper()
	path, err := binary()
	if err != nil {
		c.t.Fatal(err)
	}
	args := []string{"nats", filepath.Join(c.dir, name)}
	if roles := clusterRoles[name]; roles != "" {
		data := filepath.Join(c.dir, name)
		args = []string{"run", "--roles", roles, "--data", data, "--nats-key", filepath.Join(data, natsKeyFile), "--nats-ca", filepath.Join(data, natsCAFile)}
		if roles == "gateway" {
			_ = os.Remove(c.readyFile(name))
			args = append(args, "--http", "127.0.0.1:0", "--ready-file", c.readyFile(name))
		}
	}
	log, err := os.OpenFile(filepath.Join(c.dir, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, log, log
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	exit := make(chan struct{})
	go func() { _ = cmd.Wait(); _ = log.Close(); close(exit) }()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running[name], c.exits[name] = cmd, exit
}

func (c *cluster) readyFile(gateway string) string { return filepath.Join(c.dir, gateway+".json") }

// signal sends a signal; SIGKILL waits for the end.
func (c *cluster) signal(name string, s syscall.Signal) {
	c.mu.Lock()
	cmd, exit := c.running[name], c.exits[name]
	c.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(s)
	if s == syscall.SIGKILL {
		<-exit
	}
}

func (c *cluster) log(name string) string {
	data, err := os.ReadFile(filepath.Join(c.dir, name+".log"))
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}

func (c *cluster) waitReady(gateway string) {
	c.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for c.gateway(gateway) == nil {
		if time.Now().After(deadline) {
			for _, name := range clusterNames {
				c.t.Logf("%s:\n%s", name, c.log(name))
			}
			c.t.Fatalf("%s is not ready", gateway)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// gateway returns a client of a gateway, or nil while it is not ready.
func (c *cluster) gateway(name string) *apiClient {
	data, err := os.ReadFile(c.readyFile(name))
	if err != nil {
		return nil
	}
	var ready readyFile
	if json.Unmarshal(data, &ready) != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys[""] == "" { // a gateway that starts again finds others reading the map
		c.keys[""] = ready.Operator
	}
	return newAPIClient(ready.URL)
}

// must asks a gateway until it does what it is asked.
func (c *cluster) must(r request) {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		api := c.gateway("gateway-1")
		err := api.do(c.t.Context(), r)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

const (
	faultPayer, faultPayee = "CHASUS33", "HSBCGB2L"
	faultClients           = 8
)

func (c *cluster) populate() {
	for _, bic := range []string{faultPayer, faultPayee} {
		c.must(request{method: "POST", path: "/v1/participants", key: c.keys[""], idempotency: "admit-" + bic, body: map[string]any{"bic": bic, "name": bic, "country": bic[4:6]}})
		var made struct {
			Key string `json:"key"`
		}
		c.must(request{method: "POST", path: "/v1/participants/" + bic + "/api-keys", key: c.keys[""], body: map[string]any{"name": "test"}, out: &made})
		c.keys[bic] = made.Key
	}
	c.must(request{method: "PUT", path: "/v1/lines/" + faultPayee + "/USD/" + faultPayer, key: c.keys[faultPayee], idempotency: "line", body: map[string]any{"limit": "1000000000.00"}})
}

// stream posts payments over both gateways, each with its own key and as often as it takes.
type stream struct {
	c      *cluster
	stop   context.CancelFunc
	done   sync.WaitGroup
	mu     sync.Mutex
	ids    map[string]bool // of the payments that were answered
	times  []time.Time     // of the answers
	number int
}

func (c *cluster) startLoad() *stream {
	ctx, cancel := context.WithCancel(c.t.Context())
	l := &stream{c: c, stop: cancel, ids: make(map[string]bool)}
	for client := range faultClients {
		l.done.Go(func() {
			for ctx.Err() == nil {
				l.mu.Lock()
				l.number++
				key := fmt.Sprint("load-", l.number)
				l.mu.Unlock()
				l.pay(key, client)
			}
		})
	}
	return l
}

// pay posts one payment until it is answered, over the other gateway when one fails. It does not give up.
func (l *stream) pay(key string, turn int) {
	amount := map[string]any{"currency": "USD", "value": "1.00", "issuer": faultPayer}
	for ; l.c.t.Context().Err() == nil; turn++ {
		api := l.c.gateway([]string{"gateway-1", "gateway-2"}[turn%2])
		if api == nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		ctx, cancel := context.WithTimeout(l.c.t.Context(), 20*time.Second)
		var a paymentAnswer
		err := api.do(ctx, request{
			method: "POST", path: "/v1/payments", key: l.c.keys[faultPayer], idempotency: key, out: &a,
			body: map[string]any{"to": faultPayee, "deliver": amount, "send_max": amount},
		})
		cancel()
		api.http.CloseIdleConnections()
		var refused *refusal
		if errors.As(err, &refused) && refused.Status != http.StatusConflict && refused.Status != http.StatusServiceUnavailable {
			l.c.t.Errorf("payment %s: %v", key, err)
			return
		}
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		l.mu.Lock()
		l.ids[a.ID] = true
		l.times = append(l.times, time.Now())
		l.mu.Unlock()
		return
	}
}

func (l *stream) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.times)
}

// flows waits until so many more payments were answered.
func (l *stream) flows(more int) {
	l.c.t.Helper()
	want, deadline := l.count()+more, time.Now().Add(2*time.Minute)
	for l.count() < want {
		if time.Now().After(deadline) {
			for _, name := range clusterNames {
				l.c.t.Logf("%s:\n%s", name, l.c.log(name))
			}
			l.c.t.Fatal("no service for two minutes")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// gap returns the longest time without an answer since a moment.
func (l *stream) gap(since time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	var longest time.Duration
	last := since
	for _, at := range l.times {
		if at.After(since) {
			longest, last = max(longest, at.Sub(last)), at
		}
	}
	return longest
}

// TestNetworkFaults does to each process under load what happens to processes, and counts: every payment
// that was answered is settled exactly once. The table it logs is the one in docs/faults.md.
func TestNetworkFaults(t *testing.T) {
	c := startCluster(t)
	c.populate()
	l := c.startLoad()
	l.flows(200)
	kill := func(name string) func() {
		return func() {
			c.signal(name, syscall.SIGKILL)
			l.flows(100)
			c.start(name)
		}
	}
	yesterday := filepath.Join(t.TempDir(), "yesterday")
	faults := []struct {
		name string
		do   func()
	}{
		{"none, for comparison", func() { l.flows(200) }},
		{"kill -9 of the sequencer", func() { kill(c.sequencer())() }},
		{"kill -9 of the other node that may sequence", func() { kill(c.other())() }},
		{"kill -9 of a validator that projects", kill("validator-3")},
		{"kill -9 of a gateway", kill("gateway-1")},
		{"kill -9 of a NATS server", kill("nats-1")},
		{"kill -9 of the next NATS server", kill("nats-2")},
		{"SIGSTOP of the sequencer for 10 s, then SIGCONT", func() {
			name := c.sequencer()
			c.signal(name, syscall.SIGSTOP)
			time.Sleep(10 * time.Second) // what the fault is, not a wait for something
			c.signal(name, syscall.SIGCONT)
			l.flows(100)
		}},
		{"a validator's directory from before", func() {
			c.signal("validator-4", syscall.SIGKILL)
			old := filepath.Join(c.dir, "validator-4")
			if err := os.CopyFS(yesterday, os.DirFS(old)); err != nil {
				t.Fatal(err)
			}
			c.start("validator-4")
			l.flows(300)
			c.signal("validator-4", syscall.SIGKILL)
			if err := errors.Join(os.RemoveAll(old), os.CopyFS(old, os.DirFS(yesterday))); err != nil {
				t.Fatal(err)
			}
			c.start("validator-4")
			l.flows(100)
		}},
		{"a validator's disk is full", func() { c.fillDisk("validator-4", l) }},
	}
	type row struct {
		name  string
		acked int
		gap   time.Duration
	}
	var rows []row
	for _, f := range faults {
		began, before := time.Now(), l.count()
		f.do()
		l.flows(100)
		rows = append(rows, row{f.name, l.count() - before, l.gap(began)})
		t.Logf("%s: %v without service", f.name, l.gap(began).Round(10*time.Millisecond))
		c.waitReady("gateway-1")
		// The one that was hurt is to be back in its place before the next is.
		l.flows(300)
	}
	l.stop()
	l.done.Wait()

	p := &process{api: c.gateway("gateway-2")}
	lost := 0
	for id := range l.ids {
		if a := waitSettled(t, p, c.keys[faultPayer], id); a.Status != "settled" {
			lost++
			t.Errorf("payment %s: %+v", id, a)
		}
	}
	settled := countSettled(t, p, c.keys[faultPayer], faultPayer)
	p.ready.APIKeys = c.keys
	if held := balanceOf(t, p, faultPayee, "USD"); held != int64(settled)*100 {
		t.Errorf("%d settled payments of 1.00 moved %d cents", settled, held)
	}
	if settled != len(l.ids) {
		t.Errorf("%d payments settled, %d answered", settled, len(l.ids))
	}
	var table strings.Builder
	fmt.Fprintf(&table, "| fault | accepted meanwhile | longest time without an answer |\n| --- | ---: | ---: |\n")
	for _, r := range rows {
		fmt.Fprintf(&table, "| %s | %d | %.2f s |\n", r.name, r.acked, r.gap.Seconds())
	}
	t.Logf("\n%s\naccepted %d, final %d, lost %d, doubled %d", &table, len(l.ids), settled, lost, settled-len(l.ids))
}

// sequencer returns which of the two that may sequence does, by the log of the one that said so last.
func (c *cluster) sequencer() string {
	c.t.Helper()
	var newest time.Time
	name := ""
	for _, n := range []string{"validator-1", "validator-2"} {
		data, err := os.ReadFile(filepath.Join(c.dir, n+".log"))
		if err != nil {
			c.t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			var entry struct {
				Time time.Time `json:"time"`
				Msg  string    `json:"msg"`
			}
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "sequencing" && entry.Time.After(newest) {
				newest, name = entry.Time, n
			}
		}
	}
	if name == "" {
		c.t.Fatal("nobody says that it sequences")
	}
	return name
}

func (c *cluster) other() string {
	if c.sequencer() == "validator-1" {
		return "validator-2"
	}
	return "validator-1"
}

// fillDisk moves a validator to a disk of a few megabytes, which fills up, and then back to a large one.
func (c *cluster) fillDisk(name string, l *stream) {
	c.t.Helper()
	small, data := filepath.Join(c.t.TempDir(), "small"), filepath.Join(c.dir, name)
	if err := os.Mkdir(small, 0o700); err != nil {
		c.t.Fatal(err)
	}
	c.signal(name, syscall.SIGKILL)
	size := int64(0)
	err := filepath.Walk(data, func(_ string, info os.FileInfo, err error) error {
		if err == nil {
			size += (info.Size() + 8191) / 4096 * 4096
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, fmt.Sprintf("size=%d", size+256<<10)); err != nil {
		c.start(name)
		c.t.Logf("SKIPPED: a full disk needs a file system of its own, which this user may not mount: %v", err)
		return
	}
	defer func() {
		if err := syscall.Unmount(small, 0); err != nil {
			c.t.Error(err)
		}
	}()
	if err := errors.Join(os.CopyFS(small, os.DirFS(data)), os.RemoveAll(data), os.Symlink(small, data)); err != nil {
		c.t.Fatal(err)
	}
	c.start(name)
	for full := false; !full; { // the process ends when it can't write
		select {
		case <-c.exits[name]:
			full = true
		default:
			l.flows(10)
		}
	}
	if !strings.Contains(c.log(name), "no space left") {
		c.t.Errorf("%s ended otherwise than for its disk:\n%s", name, c.log(name))
	}
	l.flows(100)
	if err := errors.Join(os.Remove(data), os.CopyFS(data, os.DirFS(small))); err != nil {
		c.t.Fatal(err)
	}
	c.start(name)
	l.flows(100)
}
