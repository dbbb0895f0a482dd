// Package natstest starts NATS servers for tests.
package natstest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"viaduct/settlement/natsserver"
)

const (
	// Size is how many servers a cluster has.
	Size = 3
	// Patience bounds what a cluster needs three servers to agree on; it is no measure of speed.
	Patience = 60 * time.Second
)

// Cluster is three NATS servers that keep streams together, each with files of its own, every message on disk before it
// is acknowledged.
type Cluster struct {
	t       testing.TB
	servers [Size]*natsserver.Server
	urls    string
}

// Start starts a cluster for the length of the test. Its servers may still be choosing a leader.
func Start(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	ports := freePorts(t, Size)
	routes := ""
	for _, p := range ports {
		routes += fmt.Sprintf("\"nats://127.0.0.1:%d\", ", p)
	}
	dir := t.TempDir()
	started := make(chan error, Size)
	for i := range Size {
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
	for range Size {
		if err := <-started; err != nil {
			t.Fatal(err)
		}
	}
	for i := range Size {
		t.Cleanup(func() { c.stop(i) })
		c.urls += c.servers[i].URL() + ","
	}
	return c
}

// Stop stops the server of that name, "server-0" and so on; it does not come back.
func (c *Cluster) Stop(name string) {
	for i := range Size {
		if name == fmt.Sprint("server-", i) {
			c.stop(i)
		}
	}
}

func (c *Cluster) stop(i int) {
	s := c.servers[i]
	c.servers[i] = nil
	if s == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		c.t.Error(err)
	}
}

// Connect returns a connection to one of the servers, and to another when that one goes.
func (c *Cluster) Connect() *nats.Conn {
	c.t.Helper()
	nc, err := nats.Connect(c.urls, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(nc.Close)
	return nc
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
