package natsjournal

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"viaduct/settlement/journal"
	"viaduct/settlement/journal/journaltest"
	"viaduct/settlement/natsserver/natstest"
)

// cluster is three servers that keep the journal together.
type cluster struct {
	*natstest.Cluster
	t testing.TB
}

func startCluster(t testing.TB) *cluster { return &cluster{natstest.Start(t), t} }

// open opens the journal, on all three servers if it is not there; they may still be choosing a leader.
func (c *cluster) open() *Journal {
	c.t.Helper()
	nc := c.Connect()
	ctx, cancel := context.WithTimeout(context.Background(), natstest.Patience)
	defer cancel()
	for {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		j, err := Open(once, nc, natstest.Size)
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
	js, err := jetstream.New(c.Connect())
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), natstest.Patience)
	defer cancel()
	if err := js.DeleteStream(ctx, StreamName); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		c.t.Fatal(err)
	}
}

// TestSuiteOnThreeServers holds a journal with three replicas to the same suite.
func TestSuiteOnThreeServers(t *testing.T) {
	c := startCluster(t)
	c.open() // once the servers have found each other
	journaltest.Run(t, func(t *testing.T) func() journal.Journal {
		c.empty()
		j := c.open()
		if n := j.stream.CachedInfo().Config.Replicas; n != natstest.Size {
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
	ctx, cancel := context.WithTimeout(t.Context(), 2*natstest.Patience)
	defer cancel()
	const before, after = 20, 20
	ended := make(chan error, 2*natstest.Size)
	for range 2 * natstest.Size {
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
	c.Stop(info.Cluster.Leader)
	stopped := time.Now()
	write(before, before+after)
	written := time.Since(stopped)
	for range 2 * natstest.Size {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Logf("the leader of the journal gone: the rest written after %v, read by all after %v", written.Round(time.Millisecond), time.Since(stopped).Round(time.Millisecond))
}
