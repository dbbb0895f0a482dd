package natsjournal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"viaduct/settlement/journal"
	"viaduct/settlement/journal/journaltest"
	"viaduct/settlement/natsserver"
)

const (
	clusterSize = 3
	// clusterPatience bounds what a cluster needs three servers to agree on; it is no measure of speed.
	clusterPatience = 60 * time.Second
)

// cluster is three NATS servers that keep the journal together, each with files of its own.
type cluster struct {
	t       testing.TB
	servers [clusterSize]*natsserver.Server
	urls    string
}

func startCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{t: t}
	ports := freePorts(t, clusterSize)
	routes := ""
	for _, p := range ports {
		routes += fmt.Sprintf("\"nats://127.0.0.1:%d\", ", p)
	}
	dir := t.TempDir()
	started := make(chan error, clusterSize)
	for i := range clusterSize {
		file := filepath.Join(dir, fmt.Sprint(i, ".conf"))
		text := fmt.Sprintf("server_name: server-%d\nlisten: \"127.0.0.1:-1\"\njetstream { store_dir: %q, sync_interval: always }\n"+
			"cluster { name: test, listen: \"127.0.0.1:%d\", routes: [ %s ] }\n", i, filepath.Join(dir, fmt.Sprint(i)), ports[i], routes)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		go func() {
			var err error
			c.servers[i], err = natsserver.StartConfigured(file, slog.New(slog.DiscardHandler))
			started <- err
		}()
	}
	for range clusterSize {
		if err := <-started; err != nil {
			t.Fatal(err)
		}
	}
	for i := range clusterSize {
		t.Cleanup(func() { c.stop(i) })
		c.urls += c.servers[i].URL() + ","
	}
	return c
}

func (c *cluster) stop(i int) {
	s := c.servers[i]
	c.servers[i] = nil
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterPatience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		c.t.Error(err)
	}
}

// connect returns a connection to one of the servers, and to another when that one goes.
func (c *cluster) connect() *nats.Conn {
	c.t.Helper()
	nc, err := nats.Connect(c.urls, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(nc.Close)
	return nc
}

// open opens the journal, on all three servers if it is not there; they may still be choosing a leader.
func (c *cluster) open() *Journal {
	c.t.Helper()
	nc := c.connect()
	ctx, cancel := context.WithTimeout(context.Background(), clusterPatience)
	defer cancel()
	for {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		j, err := Open(once, nc, clusterSize)
		cancel()
		if err == nil {
			return j
		}
		if ctx.Err() != nil {
			c.t.Fatal(err)
		}
	}
}

// empty removes the journal.
func (c *cluster) empty() {
	c.t.Helper()
	js, err := jetstream.New(c.connect())
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), clusterPatience)
	defer cancel()
	if err := js.DeleteStream(ctx, StreamName); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		c.t.Fatal(err)
	}
}

// freePorts returns ports that were free a moment ago: the servers of a cluster must know each other's.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// TestSuiteOnThreeServers holds a journal with three replicas to the same suite.
func TestSuiteOnThreeServers(t *testing.T) {
	c := startCluster(t)
	c.open() // once the servers have found each other
	journaltest.Run(t, func(t *testing.T) func() journal.Journal {
		c.empty()
		j := c.open()
		if n := j.stream.CachedInfo().Config.Replicas; n != clusterSize {
			t.Fatalf("the journal has %d replicas", n)
		}
		return func() journal.Journal { return c.open() }
	})
}

// TestReadersOutliveAServer stops the server that leads the journal, under a writer and readers that are
// connected to each server: the writer goes on behind what it knows, and every reader gets every message.
func TestReadersOutliveAServer(t *testing.T) {
	c := startCluster(t)
	j := c.open()
	ctx, cancel := context.WithTimeout(t.Context(), 2*clusterPatience)
	defer cancel()
	const before, after = 20, 20
	ended := make(chan error, 2*clusterSize)
	for range 2 * clusterSize {
		r, err := c.open().Read(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer r.Close()
			for next := uint64(1); next <= before+after; {
				m, err := r.Next(ctx)
				if err == nil && m.Position == next && string(m.Data) != fmt.Sprint("message ", next) {
					err = fmt.Errorf("position %d holds %q", next, m.Data)
				}
				if err != nil {
					ended <- fmt.Errorf("waiting for position %d: %w", next, err)
					return
				}
				if m.Position == next {
					next++
				}
			}
			ended <- nil
		}()
	}
	write := func(from, to uint64) {
		for at := from; at < to; {
			position, err := journal.Resolve(ctx, j, at, fmt.Append(nil, "message ", at+1))
			switch {
			case err == nil:
				at = position
			case !errors.Is(err, journal.ErrUnknown) || ctx.Err() != nil:
				t.Fatal(err)
			}
		}
	}
	write(0, before)
	info, err := j.stream.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i := range clusterSize {
		if info.Cluster.Leader == fmt.Sprint("server-", i) {
			c.stop(i)
		}
	}
	stopped := time.Now()
	write(before, before+after)
	written := time.Since(stopped)
	for range 2 * clusterSize {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Logf("the leader of the journal gone: the rest written after %v, read by all after %v", written.Round(time.Millisecond), time.Since(stopped).Round(time.Millisecond))
}
