package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"viaduct/fx/rates"
	"viaduct/gateway"
	"viaduct/gateway/ratelimit"
	"viaduct/gateway/webhook"
	"viaduct/internal/tracing"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement"
	"viaduct/settlement/balances"
	"viaduct/settlement/sqlstore"

	"golang.org/x/sync/errgroup"
)

// serveFlags are what demo, up and run share.
type serveFlags struct {
	HTTP        string         `name:"http" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address to serve HTTP on; port 0 takes a free one, and without a host it is loopback." env:"VIADUCT_HTTP"`
	TLSCert     string         `name:"tls-cert" placeholder:"FILE" help:"Serve HTTPS with this certificate (PEM) and --tls-key." type:"existingfile" env:"VIADUCT_TLS_CERT"`
	TLSKey      string         `name:"tls-key" placeholder:"FILE" help:"The key of --tls-cert." type:"existingfile" env:"VIADUCT_TLS_KEY"`
	ClientCA    string         `name:"client-ca" placeholder:"FILE" help:"Take client certificates of these authorities (PEM) only; without it any that is pinned." type:"existingfile" env:"VIADUCT_CLIENT_CA"`
	ReadyFile   string         `placeholder:"PATH" help:"Write a JSON file with the URL, the keys and the validators once requests are served." type:"path"`
	DatabaseURL string         `name:"database-url" placeholder:"URL" help:"postgres://… instead of SQLite in the data directory." env:"VIADUCT_DATABASE_URL"`
	RedisURL    string         `name:"redis-url" placeholder:"URL" help:"redis://… instead of a balance cache in memory." env:"VIADUCT_REDIS_URL"`
	Rates       string         `placeholder:"URL|FILE" help:"Mid-market rates, in the ECB's daily XML format unless --rates-mapping is given." env:"VIADUCT_RATES"`
	RatesMap    string         `name:"rates-mapping" placeholder:"FILE" help:"--rates is JSON, and this file says where in it the rates are (docs/rates.md)." type:"existingfile" env:"VIADUCT_RATES_MAPPING"`
	RatesEvery  time.Duration  `name:"rates-every" default:"1h" help:"How often --rates is read again." env:"VIADUCT_RATES_EVERY"`
	MaxMidAge   *time.Duration `name:"max-mid-age" placeholder:"120h" help:"Orders that name no price bound are refused when the mid-market rates are older than this; the demo's built-in rates are of one day and may be of any age unless this is given."`
	Fence       []string       `placeholder:"EUR/USD=2.5" help:"Refuse dealers' prices further off the mid-market rate than so many percent; one pair of currencies each time it is given." env:"VIADUCT_FENCE"`
	Private     bool           `name:"allow-private-webhooks" help:"Let webhooks go to private and loopback addresses."`
	LimitMoney  int            `name:"limit-money" default:"5000" help:"Changes a second that one API key may ask for, and as many at once; 0 for no limit." env:"VIADUCT_LIMIT_MONEY"`
	LimitReads  int            `name:"limit-reads" default:"10000" help:"Reads a second, likewise." env:"VIADUCT_LIMIT_READS"`
	LogLevel    slog.Level     `default:"warn" help:"debug, info, warn or error." env:"VIADUCT_LOG_LEVEL"`
}

type upCmd struct {
	serveFlags
	Data    string `default:"viaduct-data" help:"The data directory; made if it is not there." type:"path" env:"VIADUCT_DATA"`
	Network string `default:"local" help:"The name of the network to begin in an empty data directory."`
}

// Run serves until it is told to stop.
func (c upCmd) Run(ctx context.Context, t terminal) error {
	open := func() (*dataDir, error) { return openDataDir(c.Data, c.Network, 1, time.Now()) }
	return c.serve(ctx, t, setup{open: open, parts: wholeNetwork, gateway: true}, func(_ context.Context, s *served) error {
		// A key in a log is a key lost, so it is shown at the start that made it, and only then.
		operator := "in " + s.dir.file(apiKeysFile)
		if s.dir.newOperator {
			operator = s.dir.apiKeys.Operator + " (shown once; kept " + operator + ")"
		}
		_, err := fmt.Fprintf(t.out, "Viaduct serves %s\n  operator key  %s\n  data          %s\n  mid rates     %s\nStop it with Ctrl-C.\n",
			s.url, operator, c.Data, c.midText(s))
		return err
	})
}

// midText says which mid-market rates there are: without them an order needs a price bound of its own.
func (c upCmd) midText(s *served) string {
	table, err := s.tables()
	switch {
	case err == nil:
		return fmt.Sprintf("%s, of %s", table.Source(), table.Date().Format(time.DateOnly))
	case c.Rates == "":
		return "none, so an order has to say `send_max`; --rates takes a URL or a file"
	}
	return "none yet from " + c.Rates + "; until they come an order has to say `send_max`"
}

// setup is what one process runs.
type setup struct {
	open    func() (*dataDir, error)
	parts   func(*dataDir) ([]part, error)
	gateway bool
	nats    natsFlags    // without a URL the process has a NATS server of its own
	first   *rates.Table // the mid-market rates until others are read
}

// served is a process that runs.
type served struct {
	url    string
	dir    *dataDir
	client *settlement.Client
	log    *slog.Logger
	tables func() (*rates.Table, error)
}

// serve starts everything from the bottom up, tells ready once requests are served, and on the way out
// closes it from the top down: no more requests, what was accepted made final and projected, webhooks
// under way sent, then the services below.
func (f serveFlags) serve(ctx context.Context, t terminal, what setup, ready func(context.Context, *served) error) (err error) {
	log := slog.New(slog.NewJSONHandler(t.err, &slog.HandlerOptions{Level: f.LogLevel}))
	closers := new(closing)
	defer closers.into(&err)
	var listener net.Listener
	var scheme string
	if what.gateway {
		if listener, err = listen(f.HTTP); err != nil {
			return err
		}
		if listener, scheme, err = f.secure(listener); err != nil {
			return err
		}
		defer listener.Close() // the server has closed it, unless it was never reached
	}
	s := &served{log: log}
	if s.dir, err = what.open(); err != nil {
		return err
	}
	closers.add("data directory", s.dir.close)
	parts, err := what.parts(s.dir)
	if err != nil {
		return err
	}
	projects := slices.ContainsFunc(parts, func(p part) bool { return p.project })
	var store *sqlstore.Store
	var cache balances.Cache
	if what.gateway || projects {
		if store, err = f.openStore(ctx, s.dir); err != nil {
			return err
		}
		closers.add("database", store.Close)
		// A cache in memory is of use to who is told of every block.
		if f.RedisURL != "" || what.gateway && projects {
			var closeCache func() error
			if cache, closeCache, err = f.openCache(ctx, s.dir.genesis.Network(), store.Balances, log); err != nil {
				return err
			}
			closers.add("balance cache", closeCache)
		}
	}
	connect, err := what.nats.connector(s.dir, log, closers)
	if err != nil {
		return err
	}
	meters := gateway.NewMeters()
	tracer, err := tracing.FromEnvironment(os.Getenv, log)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsed, err)
	}
	closers.add("traces", func() error {
		if err := tracer.Close(); err != nil {
			log.Warn("traces were lost", "error", err)
		}
		return nil
	})
	engine := settlement.Config{
		Genesis: s.dir.genesis, Store: store, Cache: cache, Now: time.Now, Log: log, Observe: meters.Stage,
	}
	if tracer != nil { // an interface that holds no tracer is not nil
		engine.Tracer = tracer
	}
	nodes, err := openNodes(ctx, parts, s.dir, connect, engine, what.nats, closers)
	if err != nil {
		return err
	}
	if !what.gateway {
		return runNodes(ctx, nodes, func() error { return s.writeReadyFile(f.ReadyFile) }, f.ReadyFile)
	}
	conn, err := connect("gateway")
	if err != nil {
		return err
	}
	defer conn.Close()
	bus := settlement.Over(conn)
	if s.client, err = settlement.NewClient(bus); err != nil {
		return err
	}
	closers.add("settlement client", s.client.Close)

	feed, err := f.feed(meters, log, what.first)
	if err != nil {
		return err
	}
	s.tables = feed.Table
	if f.Rates != "" && !strings.Contains(f.Rates, "://") {
		// A URL may answer later; a file that is not there now was mistyped.
		if err := feed.Refresh(ctx); err != nil && !errors.Is(err, rates.ErrStale) {
			return fmt.Errorf("%w: --rates: %w", errUsed, err)
		}
	}
	fences, err := f.fences()
	if err != nil {
		return err
	}
	limits, closeLimits, err := f.limits(s.dir.genesis.Network())
	if err != nil {
		return err
	}
	closers.add("rate limits", closeLimits)
	sender := webhook.NewSender(webhook.Guard{AllowPrivate: f.Private}, time.Now)
	defer sender.Close()
	secrets, err := gateway.Unlock(ctx, store, s.dir.master)
	if err != nil {
		return err
	}
	config := gateway.Config{
		Limits: limits, Meters: meters, Tracer: tracer,
		Network: s.dir.genesis.Network(), Engine: s.client, Store: store, Bus: bus, Mids: feed, MaxMidAge: f.maxMidAge(), Fences: fences,
		Secrets: secrets, Operator: s.dir.operator, Sender: sender, Now: time.Now, Log: log,
	}
	if cache != nil { // an interface that holds no cache is not nil
		config.Cache = cache
	}
	gate, err := gateway.New(config)
	if err != nil {
		return err
	}
	stopParcels, err := gate.ServeParcels(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	closers.add("sealed details", stopParcels)
	if err := s.dir.operatorKey(ctx, gate, log); err != nil {
		return fmt.Errorf("operator key: %w", err)
	}

	// Three things end in turn: the server and the dispatcher when ctx does, the nodes once the server
	// has answered its last request.
	nodesCtx, stopNodes := context.WithCancel(context.WithoutCancel(ctx))
	defer stopNodes()
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return runNodes(nodesCtx, nodes, nil, "") })
	g.Go(func() error {
		defer stopNodes()
		return serveHTTP(gctx, gate.Server(), listener)
	})
	g.Go(func() error {
		gate.Dispatcher(s.client.Projections()).Run(gctx)
		return nil
	})
	g.Go(func() error { gate.Sweep(gctx); return nil })
	g.Go(func() error { gate.JournalRates(gctx); return nil })
	if f.Rates != "" {
		g.Go(func() error { feed.Run(gctx); return nil })
	}
	g.Go(func() error {
		s.url = scheme + "://" + listener.Addr().String()
		if err := s.caughtUp(gctx); err != nil {
			return ignoreStop(gctx, err)
		}
		if err := ready(gctx, s); err != nil {
			return ignoreStop(gctx, err)
		}
		return s.writeReadyFile(f.ReadyFile)
	})
	err = g.Wait()
	if f.ReadyFile != "" { // whoever waits for it must not take this run's for the next one's
		err = errors.Join(err, ignoreMissing(os.Remove(f.ReadyFile)))
	}
	return err
}

// caughtUp waits until submissions are taken and SQL has what was ordered before.
func (s *served) caughtUp(ctx context.Context) error {
	if err := s.client.WaitReady(ctx); err != nil {
		return err
	}
	status, err := s.client.Status(ctx)
	if err != nil {
		return err
	}
	return s.client.WaitFinal(ctx, status.Height)
}

func listen(address string) (net.Listener, error) {
	if strings.HasPrefix(address, ":") {
		address = "127.0.0.1" + address
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w (choose another address with --http)", err)
	}
	return listener, nil
}

// maxMidAge bounds the age of rates over a long weekend, unless the operator says otherwise; 0 is any
// age.
func (f serveFlags) maxMidAge() time.Duration {
	if f.MaxMidAge == nil {
		return 120 * time.Hour
	}
	return *f.MaxMidAge
}

// operatorKey makes sure that the API key which this directory hands out to its operator opens the
// gateway. When it does not, the database is not the one that belongs here, or is empty, and with it
// went the banks' API keys and the signing keys that the gateway kept for them.
func (d *dataDir) operatorKey(ctx context.Context, gate *gateway.Gateway, log *slog.Logger) error {
	if d.apiKeys.Operator != "" {
		known, err := gate.Knows(ctx, d.apiKeys.Operator)
		if known || err != nil {
			return err
		}
		log.Error("the database does not know the operator's key: it was lost or replaced, and the participants' API keys and gateway-held signing keys with it; restore it from a backup, or make new keys with the operator key of this start")
		d.apiKeys = apiKeys{}
	}
	var err error
	if d.apiKeys.Operator, err = gate.CreateOperatorKey(ctx, "made at a start"); err != nil {
		return err
	}
	d.newOperator = true
	return d.saveAPIKeys()
}

// ignoreStop drops an error that comes of being told to stop.
func ignoreStop(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (f serveFlags) openStore(ctx context.Context, dir *dataDir) (*sqlstore.Store, error) {
	url := f.DatabaseURL
	if url == "" {
		url = "sqlite:" + dir.file(databaseFile)
	}
	if err := sqlstore.Migrate(ctx, url); err != nil {
		return nil, fmt.Errorf("migrate database: %w", err)
	}
	return sqlstore.Open(ctx, url)
}

// limits counts in this process, or in the Redis that gateways share.
func (f serveFlags) limits(network ledger.Hash) (gateway.Limits, func() error, error) {
	l := gateway.Limits{
		Limiter: ratelimit.NewMemory(time.Now),
		Money:   ratelimit.Rate{Burst: f.LimitMoney, Per: time.Second},
		Reads:   ratelimit.Rate{Burst: f.LimitReads, Per: time.Second},
	}
	if f.RedisURL == "" {
		return l, func() error { return nil }, nil
	}
	shared, err := ratelimit.NewRedis(f.RedisURL, fmt.Sprintf("viaduct:%x:limit:", network[:8]))
	if err != nil {
		return l, nil, fmt.Errorf("redis: %w", err)
	}
	l.Limiter = shared
	return l, shared.Close, nil
}

// openCache opens the balance cache. A Redis that does not answer is no reason not to start, since it
// is never the truth; but whoever mistyped its URL is to hear of it.
func (f serveFlags) openCache(ctx context.Context, network ledger.Hash, load balances.Load, log *slog.Logger) (balances.Cache, func() error, error) {
	if f.RedisURL == "" {
		return balances.NewMap(load), func() error { return nil }, nil
	}
	c, err := balances.NewRedis(f.RedisURL, network, load)
	if err != nil {
		return nil, nil, fmt.Errorf("redis: %w", err)
	}
	if err := c.Ping(ctx); err != nil {
		log.Warn("redis does not answer: balances are read from the database until it does (is --redis-url right?)", "error", err)
	}
	return c, c.Close, nil
}

// drainTimeout bounds the requests under way when the server is told to stop; a request that waits for
// a payment to be final is answered long before.
const drainTimeout = 45 * time.Second

// serveHTTP serves until ctx ends, then lets the requests under way finish.
func serveHTTP(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	return server.Shutdown(drain)
}

// readyFile is what a script, or whoever else started this process, needs to begin.
type readyFile struct {
	URL        string            `json:"url"`
	Operator   string            `json:"operator_key"`
	APIKeys    map[string]string `json:"api_keys"`
	Validators []string          `json:"validators"`
}

// writeReadyFile writes the ready file, if one is wanted.
func (s *served) writeReadyFile(path string) error {
	if path == "" {
		return nil
	}
	var validators []string
	for _, v := range s.dir.genesis.Validators {
		key, err := proof.NewValidator(v.Name, v.Key[:])
		if err != nil {
			return err
		}
		validators = append(validators, key.String())
	}
	data, err := json.Marshal(readyFile{s.url, s.dir.apiKeys.Operator, orEmpty(s.dir.apiKeys.Banks), validators})
	if err != nil {
		return err
	}
	// Whoever waits for the file must not read half of it.
	temp := path + ".new"
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return fmt.Errorf("ready file: %w", err)
	}
	return os.Rename(temp, path)
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
