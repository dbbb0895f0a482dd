package webhook

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
)

// Network is a net of pipes with a name service, on which a bubble's clock moves: a real socket would
// hold it still.
type Network struct {
	t     *testing.T
	mu    sync.Mutex
	hosts map[string]*listener // by address
	names map[string]netip.Addr
}

// NewNetwork returns a net with nobody on it.
func NewNetwork(t *testing.T) *Network {
	return &Network{t: t, hosts: make(map[string]*listener), names: make(map[string]netip.Addr)}
}

// Serve runs a real HTTP server under a name of its own, with a public address, until the test ends.
func (n *Network) Serve(name string, h http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	addr := netip.AddrFrom4([4]byte{8, 8, byte(len(n.hosts) >> 8), byte(len(n.hosts))})
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.hosts[addr.String()], n.names[name] = l, addr
	// A connection that was accepted as the server closed may still reach its handler: it must not
	// begin once the end is waited for.
	var running sync.WaitGroup
	var begin sync.Mutex
	ended := false
	server := &http.Server{ErrorLog: quietLog(), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin.Lock()
		if ended {
			begin.Unlock()
			return
		}
		running.Add(1)
		begin.Unlock()
		defer running.Done()
		h.ServeHTTP(w, r)
	})}
	done := make(chan struct{})
	go func() { defer close(done); server.Serve(l) }()
	n.t.Cleanup(func() {
		server.Close()
		<-done
		begin.Lock()
		ended = true
		begin.Unlock()
		running.Wait()
	})
}

// Guard returns a guard that resolves and dials on this net.
func (n *Network) Guard() Guard {
	return Guard{
		Resolve: func(_ context.Context, _, host string) ([]netip.Addr, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			addr, ok := n.names[host]
			if !ok {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			return []netip.Addr{addr}, nil
		},
		Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, _, _ := net.SplitHostPort(address)
			n.mu.Lock()
			l := n.hosts[host]
			n.mu.Unlock()
			if l == nil {
				return nil, errors.New("no route")
			}
			near, far := net.Pipe()
			select {
			case l.conns <- far:
				return near, nil
			case <-l.closed:
				return nil, errors.New("connection refused")
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}
}

type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }
