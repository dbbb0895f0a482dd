package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"viaduct/ledger/proof"
	"viaduct/settlement"
	"viaduct/settlement/journal/natsjournal"
	"viaduct/settlement/natsserver"

	"github.com/nats-io/nats.go"
	"golang.org/x/sync/errgroup"
)

// part is one node of the network that this process runs.
type part struct {
	name              string
	folder            string        // of its block log, in the data directory; "" for the directory itself
	signer            *proof.Signer // nil when it does not validate
	next              *proof.Signer // the same under the key it changes to; nil for none
	sequence, project bool
}

// wholeNetwork is every validator in this process; the first one also sequences and projects.
func wholeNetwork(d *dataDir) ([]part, error) {
	var parts []part
	for i, v := range d.genesis.Validators {
		signer, err := d.signer(i)
		if err != nil {
			return nil, err
		}
		p := part{name: v.Name, signer: signer, sequence: i == 0, project: i == 0}
		if i > 0 {
			p.folder = fmt.Sprintf("validator-%d", i+1)
		} else if p.next, err = d.nextSigner(); err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// natsFlags say where the network's NATS servers are.
type natsFlags struct {
	URL      string `name:"nats-url" placeholder:"URL,…" help:"The NATS servers of the network, e.g. tls://a:4222,tls://b:4222; without it this process has one of its own." env:"VIADUCT_NATS_URL"`
	Key      string `name:"nats-key" placeholder:"FILE" help:"The nkey seed this process shows to NATS." type:"path" env:"VIADUCT_NATS_KEY"`
	CA       string `name:"nats-ca" placeholder:"FILE" help:"The certificate authority of the NATS servers." type:"path" env:"VIADUCT_NATS_CA"`
	Replicas int    `name:"journal-replicas" default:"1" help:"How many NATS servers keep the journal; it counts when the journal is made." env:"VIADUCT_JOURNAL_REPLICAS"`
}

// connector returns how to connect to NATS: to a server inside this process, or to others.
func (f natsFlags) connector(dir *dataDir, log *slog.Logger, closers *closing) (func(name string) (*nats.Conn, error), error) {
	if f.URL == "" {
		bus, err := natsserver.Start(natsserver.Config{Dir: dir.file(natsDir), Log: log})
		if err != nil {
			return nil, err
		}
		closers.add("nats server", func() error {
			stop, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			return bus.Shutdown(stop)
		})
		return bus.Connect, nil
	}
	var options []nats.Option
	if f.Key != "" {
		option, err := nats.NkeyOptionFromSeed(f.Key)
		if err != nil {
			return nil, fmt.Errorf("nats key %s: %w", f.Key, err)
		}
		options = append(options, option)
		user, err := userOf(f.Key)
		if err != nil {
			return nil, err
		}
		options = append(options, nats.CustomInboxPrefix(inboxPrefix(user)))
	}
	if f.CA != "" {
		options = append(options, nats.RootCAs(f.CA))
	}
	options = append(options, nats.MaxReconnects(-1), nats.ReconnectWait(natsReconnect), nats.ReconnectBufSize(-1),
		nats.RetryOnFailedConnect(true), nats.PingInterval(natsPing), nats.MaxPingsOutstanding(2), nats.Timeout(natsTimeout),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { log.Warn("disconnected from nats", "error", err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("nats", "error", err) }))
	return func(name string) (*nats.Conn, error) {
		nc, err := nats.Connect(f.URL, append(options[:len(options):len(options)], nats.Name(name))...)
		if err != nil {
			return nil, fmt.Errorf("connect %s to nats: %w", name, err)
		}
		return nc, nil
	}, nil
}

const (
	natsReconnect = 200 * time.Millisecond
	// natsPing notices a server that is gone without a word.
	natsPing    = 2 * time.Second
	natsTimeout = 5 * time.Second
	// journalPause is between two attempts to open the journal: the cluster may have no leader yet, or
	// nobody has made the stream.
	journalPause = 500 * time.Millisecond
	journalTries = 240
)

// openJournal opens the journal, waiting for a cluster that is not there yet.
func openJournal(ctx context.Context, conn *nats.Conn, replicas int, embedded bool, log *slog.Logger) (*natsjournal.Journal, error) {
	for try := 1; ; try++ {
		attempt, cancel := context.WithTimeout(ctx, natsTimeout)
		j, err := natsjournal.Open(attempt, conn, replicas)
		cancel()
		if err == nil || embedded || try == journalTries || ctx.Err() != nil {
			return j, err
		}
		log.Info("waiting for the journal", "error", err)
		select {
		case <-time.After(journalPause):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// openNodes opens this process's nodes; base is what they share.
func openNodes(ctx context.Context, parts []part, dir *dataDir, connect func(string) (*nats.Conn, error), base settlement.Config, f natsFlags, closers *closing) ([]*settlement.Node, error) {
	var nodes []*settlement.Node
	for _, p := range parts {
		conn, err := connect(p.name)
		if err != nil {
			return nil, err
		}
		closers.add("connection of "+p.name, func() error { conn.Close(); return nil })
		cfg := base
		cfg.Name, cfg.Signer, cfg.NextSigner, cfg.Sequence, cfg.Bus = p.name, p.signer, p.next, p.sequence, settlement.Over(conn)
		if !p.project {
			cfg.Store, cfg.Cache = nil, nil
		}
		folder := dir.file(p.folder)
		blocks, err := closers.dir(folder, blocksDir)
		if err != nil {
			return nil, err
		}
		tree, err := closers.dir(folder, treeDir)
		if err != nil {
			return nil, err
		}
		snapshots, err := closers.dir(folder, snapshotsDir)
		if err != nil {
			return nil, err
		}
		replicas := f.Replicas
		switch {
		case f.URL == "":
			replicas = 1
		case !p.sequence:
			replicas = 0 // whoever may sequence makes the journal
		}
		journal, err := openJournal(ctx, conn, replicas, f.URL == "", cfg.Log)
		if err != nil {
			return nil, err
		}
		cfg.Blocks, cfg.Tree, cfg.Snapshots, cfg.Journal = blocks, tree, snapshots, journal
		node, err := settlement.Open(ctx, cfg)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		closers.add("settlement node", node.Close)
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// runNodes runs nodes until ctx ends. The first one ends before the others: what it accepted becomes
// final with their signatures. readyFile is written by ready once they run, and removed at the end.
func runNodes(ctx context.Context, nodes []*settlement.Node, ready func() error, readyFile string) error {
	if len(nodes) == 0 {
		<-ctx.Done()
		return nil
	}
	g, gctx := errgroup.WithContext(context.WithoutCancel(ctx))
	others, stopOthers := context.WithCancel(gctx)
	defer stopOthers()
	first, stopFirst := context.WithCancel(gctx)
	defer stopFirst()
	defer context.AfterFunc(ctx, stopFirst)()
	g.Go(func() error {
		defer stopOthers()
		return nodes[0].Run(first)
	})
	for _, n := range nodes[1:] {
		g.Go(func() error { return n.Run(others) })
	}
	if ready != nil {
		g.Go(ready)
	}
	err := g.Wait()
	if readyFile != "" {
		err = errors.Join(err, ignoreMissing(os.Remove(readyFile)))
	}
	return err
}
