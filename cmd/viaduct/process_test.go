package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"viaduct/internal/money"
)

// The tests in this file run the real binary in processes of its own.

// binary builds viaduct once for all tests of this package.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.Getenv(binaryDirVar), "viaduct")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
})

// binaryDirVar names the directory that TestMain makes for it.
const binaryDirVar = "VIADUCT_TEST_BINARY_DIR"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "viaduct-test-")
	if err == nil {
		err = os.Setenv(binaryDirVar, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// process is a running viaduct.
type process struct {
	cmd    *exec.Cmd
	ready  readyFile
	api    *apiClient
	exited chan error
	// readyPath is the ready file: there while the process serves, and after it was killed.
	readyPath string
	log       *os.File
}

// launch starts viaduct and waits until it serves.
func launch(t *testing.T, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ready := filepath.Join(t.TempDir(), "ready.json")
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	p := &process{exited: make(chan error, 1), readyPath: ready, log: log}
	p.cmd = exec.Command(path, append(args, "--http", "127.0.0.1:0", "--ready-file", ready)...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.exited <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	if p.ready, err = awaitReady(t.Context(), ready, p.exited, 2*time.Minute); err != nil {
		t.Fatalf("viaduct: %v\n%s", err, p.output())
	}
	p.api = newAPIClient(p.ready.URL)
	return p
}

func (p *process) output() string {
	data, err := os.ReadFile(p.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// kill ends the process as a power cut would, as far as a process can tell.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	<-p.exited
}

// interrupt is Ctrl-C; the process must drain and exit 0.
func (p *process) interrupt(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.exited:
		if err != nil {
			t.Fatalf("after Ctrl-C: %v\n%s", err, p.output())
		}
		if _, err := os.Stat(p.readyPath); err == nil {
			t.Errorf("after Ctrl-C the ready file is still there")
		}
	case <-time.After(time.Minute):
		t.Fatalf("a minute after Ctrl-C it still runs\n%s", p.output())
	}
}

type paymentAnswer struct {
	ID        string `json:"id"`
	From      string `json:"from"`
	Status    string `json:"status"`
	Code      string `json:"code"`
	Height    int64  `json:"height"`
	Index     *int   `json:"index"`
	Accepted  string `json:"accepted_at"`
	Settled   string `json:"settled_at"`
	Delivered sum    `json:"delivered"`
	Source    sum    `json:"source"`
}

type sum struct {
	Currency string `json:"currency"`
	Value    string `json:"value"`
}

// TestKilledInTheMiddle kills the process in the middle of 1,000 concurrent payments, three times, and
// starts it again on the same data: every payment that was answered is there exactly once, the sums
// hold, and the replay on start gives the logged state hash at every height (a node that finds another
// does not start).
func TestKilledInTheMiddle(t *testing.T) {
	const total, kills = 1000, 3
	data := t.TempDir()
	p := launch(t, "demo", "--data", data)
	payer, payee := "HUDSUS3N", "HARBUS33"
	key := p.ready.APIKeys[payer]
	before := balanceOf(t, p, payer, "USD")

	answered := make([]string, total) // payment id by number
	for round := range kills + 1 {
		last := round == kills
		stopAfter := total / (kills + 1) // answers of this round
		if last {
			stopAfter = total
		}
		payUnanswered(t, p, key, payee, answered, stopAfter)
		if !last {
			p.kill(t)
			p = launch(t, "demo", "--data", data)
		}
	}

	settled := 0
	for i, id := range answered {
		if id == "" {
			t.Errorf("payment %d was never answered", i)
			continue
		}
		a := waitSettled(t, p, key, id)
		if a.Status == "settled" {
			settled++
		} else {
			t.Errorf("payment %d: %+v", i, a)
		}
	}
	if n := countSettled(t, p, key, payer); n != settled {
		t.Errorf("the payer has %d payments, want %d", n, settled)
	}
	if after := balanceOf(t, p, payer, "USD"); before-after != int64(settled)*100 {
		t.Errorf("%d payments of 1.00 moved %d cents", settled, before-after)
	}
	height, hash := stateHash(t, p, 0)
	p.interrupt(t)
	p = launch(t, "demo", "--data", data)
	if _, again := stateHash(t, p, height); again != hash {
		t.Errorf("state hash %s at height %d after a replay, %s before", again, height, hash)
	}
	p.interrupt(t)
	t.Logf("%d payments, %d kills: all answered, all settled once; state hash %s", settled, kills, hash)
}

// payUnanswered has 100 clients post, each with its own key and as often as it takes, the payments that
// have no answer yet. It returns in the middle of things once so many were answered, or when all are.
func payUnanswered(t *testing.T, p *process, key, payee string, answered []string, stopAfter int) {
	t.Helper()
	ctx, cut := context.WithTimeout(t.Context(), 2*time.Minute)
	var todo []int
	for i, id := range answered {
		if id == "" {
			todo = append(todo, i)
		}
	}
	work := make(chan int, len(todo))
	for _, i := range todo {
		work <- i
	}
	close(work)
	var mu sync.Mutex
	count := 0
	var clients sync.WaitGroup
	for range 100 {
		clients.Go(func() {
			for i := range work {
				for ctx.Err() == nil {
					var a paymentAnswer
					err := p.api.do(ctx, request{
						method: "POST", path: "/v1/payments", key: key, idempotency: fmt.Sprint("kill-", i),
						body: map[string]any{"to": payee, "deliver": sum{"USD", "1.00"}, "send_max": sum{"USD", "1.00"}}, out: &a,
					})
					var refused *refusal
					if errors.As(err, &refused) && refused.Status != http.StatusConflict && refused.Status != http.StatusServiceUnavailable {
						t.Errorf("payment %d: %v", i, err)
						return
					}
					if err != nil { // in flight for another client of this key, or no answer
						time.Sleep(20 * time.Millisecond)
						continue
					}
					mu.Lock()
					answered[i] = a.ID
					if count++; count == stopAfter {
						cut()
					}
					mu.Unlock()
					break
				}
			}
		})
	}
	if stopAfter < len(answered) {
		<-ctx.Done()
		_ = p.cmd.Process.Kill() // before the clients have stopped
	}
	clients.Wait()
	cut()
}

func balanceOf(t *testing.T, p *process, bic, currency string) (cents int64) {
	t.Helper()
	var b struct {
		Data []struct {
			Currency string `json:"currency"`
			Value    string `json:"value"`
		} `json:"data"`
	}
	if err := p.api.do(t.Context(), request{method: "GET", path: "/v1/balances", key: p.ready.APIKeys[bic], out: &b}); err != nil {
		t.Fatal(err)
	}
	for _, line := range b.Data {
		if line.Currency == currency {
			amount, err := money.Parse(line.Value, money.MustCurrency(currency))
			if err != nil {
				t.Fatal(err)
			}
			cents += amount.Units()
		}
	}
	return cents
}

// stateHash returns the state hash at a height; at 0, of the newest block.
func stateHash(t *testing.T, p *process, height int64) (int64, string) {
	t.Helper()
	var b struct {
		Data []struct {
			Height int64  `json:"height"`
			State  string `json:"state"`
		} `json:"data"`
	}
	path := "/v1/blocks?limit=1"
	if height > 0 {
		path += fmt.Sprint("&before=", height+1)
	}
	if err := p.api.do(t.Context(), request{method: "GET", path: path, key: p.ready.Operator, out: &b}); err != nil {
		t.Fatal(err)
	}
	if len(b.Data) != 1 {
		t.Fatalf("blocks: %+v", b)
	}
	return b.Data[0].Height, b.Data[0].State
}

func waitSettled(t *testing.T, p *process, key, id string) (a paymentAnswer) {
	t.Helper()
	for range 500 {
		if err := p.api.do(t.Context(), request{method: "GET", path: "/v1/payments/" + id, key: key, out: &a}); err != nil {
			t.Fatal(err)
		}
		if a.Status == "settled" || a.Status == "rejected" {
			return a
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("payment %s is still %s", id, a.Status)
	return a
}

// countSettled returns how many payments of from are settled.
func countSettled(t *testing.T, p *process, key, from string) (n int) {
	t.Helper()
	for path := "/v1/payments?limit=200"; path != ""; {
		var page struct {
			Data []paymentAnswer `json:"data"`
			Next string          `json:"next_cursor"`
		}
		if err := p.api.do(t.Context(), request{method: "GET", path: path, key: key, out: &page}); err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Data {
			if a.Status == "settled" && a.From == from {
				n++
			}
		}
		path = ""
		if page.Next != "" {
			path = "/v1/payments?limit=200&cursor=" + page.Next
		}
	}
	return n
}
