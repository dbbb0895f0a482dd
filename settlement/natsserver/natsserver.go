// Package natsserver runs a NATS server with JetStream inside the process, for a gateway that has no
// cluster to talk to.
//
// Its streams are files in the data directory, and every write is fsynced before it is acknowledged:
// with JetStream's default of syncing now and then, a power cut loses messages that were acked. It
// listens on nothing unless asked, and then on loopback only, since it knows no users; the process
// itself connects in memory.
package natsserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// startTimeout bounds the wait for the server; recovering a stream of 100 GB from its index
	// takes a few seconds, from its messages alone minutes.
	startTimeout = 5 * time.Minute
	// maxMemory bounds what consumers keep in memory; no stream of ours lives there.
	maxMemory = 256 << 20
)

// Config says where a server keeps its files and whom it listens to.
type Config struct {
	Dir    string       // the directory for JetStream's files, made if absent
	Listen string       // host:port on loopback, port 0 for any; empty for none
	Log    *slog.Logger // warnings and errors of the server; nil for none
}

// Server is a running NATS server.
type Server struct {
	ns *server.Server
}

// Start starts a server and returns when it accepts connections and JetStream has recovered.
func Start(cfg Config) (*Server, error) {
	opts := &server.Options{
		ServerName:             "viaduct",
		JetStream:              true,
		StoreDir:               cfg.Dir,
		SyncAlways:             true,
		JetStreamMaxMemory:     maxMemory,
		DontListen:             true,
		NoSigs:                 true,
		NoLog:                  cfg.Log == nil,
		DisableJetStreamBanner: true,
	}
	if cfg.Dir == "" {
		return nil, errors.New("nats server: no directory for its files")
	}
	if cfg.Listen != "" {
		host, port, err := loopback(cfg.Listen)
		if err != nil {
			return nil, fmt.Errorf("nats server: %w", err)
		}
		opts.DontListen, opts.Host, opts.Port = false, host, port
	}
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("nats server: %w", err)
	}
	if cfg.Log != nil {
		ns.SetLoggerV2(logger{cfg.Log}, false, false, false)
	}
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) || !ns.JetStreamEnabled() {
		ns.Shutdown()
		ns.WaitForShutdown()
		return nil, fmt.Errorf("nats server in %s: not ready", cfg.Dir)
	}
	return &Server{ns: ns}, nil
}

// StartConfigured starts a server of a cluster as a NATS configuration file says and returns when it
// accepts connections; JetStream may still be looking for the others. The file must have every message
// on disk before it is acknowledged.
func StartConfigured(file string, log *slog.Logger) (*Server, error) {
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		return nil, fmt.Errorf("nats server: %w", err)
	}
	if !opts.SyncAlways {
		return nil, errors.New("nats server: the configuration does not say jetstream { sync_interval: always }")
	}
	opts.NoSigs, opts.DisableJetStreamBanner = true, true
	ns, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("nats server: %w", err)
	}
	ns.SetLoggerV2(logger{log}, false, false, false)
	ns.Start()
	if !ns.ReadyForConnections(startTimeout) {
		ns.Shutdown()
		ns.WaitForShutdown()
		return nil, errors.New("nats server: not ready")
	}
	return &Server{ns: ns}, nil
}

// Connect returns an in-memory connection; name shows in the server's monitoring.
func (s *Server) Connect(name string) (*nats.Conn, error) {
	nc, err := nats.Connect("", nats.InProcessServer(s.ns), nats.Name(name), nats.MaxReconnects(-1))
	if err != nil {
		return nil, fmt.Errorf("nats server: connect %s: %w", name, err)
	}
	return nc, nil
}

// URL returns the address others connect to, or "" when the server does not listen.
func (s *Server) URL() string {
	a := s.ns.Addr()
	if a == nil {
		return ""
	}
	return "nats://" + a.String()
}

// Shutdown stops the server and returns when its files are closed, or when ctx ends first. Close
// connections before: one left open tries to come back for ever.
func (s *Server) Shutdown(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ns.Shutdown()
		s.ns.WaitForShutdown()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("nats server: still stopping: %w", ctx.Err())
	}
}

// loopback splits addr and refuses what other machines could reach. Port 0 becomes the server's
// own word for "any", -1.
func loopback(addr string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, fmt.Errorf("listen address: %w", err)
	}
	ip := net.ParseIP(host)
	if ip == nil || !ip.IsLoopback() {
		return "", 0, fmt.Errorf("listen address %s: want a loopback IP address: this server knows no users", addr)
	}
	n, err := strconv.ParseUint(p, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %s: port: %w", addr, err)
	}
	if n == 0 {
		return host, server.RANDOM_PORT, nil
	}
	return host, int(n), nil
}

// logger passes the server's warnings and errors on; its notices are of interest when debugging.
type logger struct{ log *slog.Logger }

func (l logger) Noticef(f string, v ...any) { l.log.Debug("nats server: " + fmt.Sprintf(f, v...)) }
func (l logger) Warnf(f string, v ...any)   { l.log.Warn("nats server: " + fmt.Sprintf(f, v...)) }
func (l logger) Errorf(f string, v ...any)  { l.log.Error("nats server: " + fmt.Sprintf(f, v...)) }
func (l logger) Fatalf(f string, v ...any)  { l.log.Error("nats server: " + fmt.Sprintf(f, v...)) }
func (l logger) Debugf(f string, v ...any)  { l.log.Debug("nats server: " + fmt.Sprintf(f, v...)) }
func (l logger) Tracef(f string, v ...any)  { l.log.Debug("nats server: " + fmt.Sprintf(f, v...)) }
