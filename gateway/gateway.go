package gateway

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"viaduct/gateway/console"
	"viaduct/gateway/webhook"
	"viaduct/internal/tracing"
	"viaduct/ledger"
	"viaduct/openapi"
)

// Bounds of every request.
const (
	maxBody        = 1 << 20
	maxBatchBody   = 4 << 20 // 1,000 orders with all that an order can say
	maxHeader      = 32 << 10
	requestTimeout = 20 * time.Second // without what Prefer: wait adds
	maxWait        = 30               // seconds, of Prefer: wait
	settleTimeout  = 15 * time.Second // for a change that is answered when it is final
)

// Config is what a gateway is made of.
type Config struct {
	Network ledger.Hash // the genesis hash
	Engine  Engine
	Store   Store
	Bus     Bus      // to other gateways with stores of their own; nil where there are none
	Cache   Balances // nil: balances come from the store
	Mids    Mids     // nil: no rates, and no order without a bound of its own
	// MaxMidAge is how old the rates may be that bound an order's price; 0 for any age.
	MaxMidAge time.Duration
	// Fences are how far an offer's price may be off mid, in basis points, for the pairs that have one.
	Fences map[FencedPair]int64
	// Secrets are what Unlock returned for the store: they encrypt what is kept at rest, and key the
	// fingerprints and cursors.
	Secrets *Secrets
	// Operator signs for the operator; nil where operators' requests are not served.
	Operator ed25519.PrivateKey
	// Sender sends webhooks, and says which addresses they may have.
	Sender *webhook.Sender
	// Limits are how often an API key may ask.
	Limits Limits
	// Meters count what this process does; nil for meters of the gateway's own.
	Meters *Meters
	// Tracer records spans of requests, submissions and deliveries; nil for none.
	Tracer *tracing.Tracer
	Now    func() time.Time
	Log    *slog.Logger
}

// Gateway serves the contract.
type Gateway struct {
	cfg      Config
	contract *contract
	secrets  *Secrets
	seen     sync.Map // BICs of participants known to be admitted
	touched  touches
	streams  *streams
	balances *balanceStreams
	docs     map[string]asset
	hub      *hub
	limits   limiting
	nudge    chan struct{} // tells the dispatcher that deliveries were made due again
	recheck  time.Duration // of the keys that opened streams
	handler  http.Handler
}

// New returns a gateway; it starts nothing.
func New(cfg Config) (*Gateway, error) {
	switch {
	case cfg.Engine == nil || cfg.Store == nil || cfg.Sender == nil || cfg.Now == nil || cfg.Log == nil:
		return nil, errors.New("gateway: an engine, a store, a sender of webhooks, a clock and a logger are needed")
	case cfg.Secrets == nil:
		return nil, errors.New("gateway: no secrets")
	case cfg.Network == ledger.Hash{}:
		return nil, errors.New("gateway: no network")
	}
	cfg.Store = atRest{cfg.Store, cfg.Secrets}
	g := &Gateway{cfg: cfg, secrets: cfg.Secrets, nudge: make(chan struct{}, 1), recheck: recheckEvery}
	var err error
	if g.contract, err = loadContract(); err != nil {
		return nil, err
	}
	if g.docs, err = docsAssets(); err != nil {
		return nil, err
	}
	g.streams = newStreams(cfg.Engine, cfg.Log)
	g.balances = newBalanceStreams(cfg.Engine, cfg.Log)
	g.hub = newHub(&g.cfg)
	g.limits.Limits = cfg.Limits
	if g.cfg.Meters == nil {
		g.cfg.Meters = NewMeters()
	}
	g.handler, err = g.routes()
	return g, err
}

// Handler returns what serves the contract.
func (g *Gateway) Handler() http.Handler { return g.handler }

// Server returns a server for the handler whose timeouts fit the contract; a slow client is cut off. Its
// Shutdown ends the streams.
func (g *Gateway) Server() *http.Server {
	server := &http.Server{
		Handler:           g.handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      requestTimeout + (maxWait+10)*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(g.cfg.Log.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(g.streams.close)
	server.RegisterOnShutdown(g.balances.close)
	server.RegisterOnShutdown(g.hub.close)
	return server
}

func (g *Gateway) routes() (http.Handler, error) {
	router := chi.NewRouter()
	router.Use(decodePath, g.observe, g.recoverPanics)
	router.NotFound(func(w http.ResponseWriter, r *http.Request) { g.render(w, r, errNotFound) })
	router.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if router.Match(chi.NewRouteContext(), method, r.URL.Path) {
				w.Header().Add("Allow", method)
			}
		}
		g.render(w, r, refuse(openapi.ErrorCodeMethodNotAllowed, ""))
	})
	g.serveDocs(router)
	strict := openapi.NewStrictHandlerWithOptions(server{g}, []openapi.StrictMiddlewareFunc{}, openapi.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  g.renderUnbound,
		ResponseErrorHandlerFunc: g.render,
	})
	openapi.HandlerWithOptions(strict, openapi.ChiServerOptions{
		BaseRouter:       router.With(g.enter),
		ErrorHandlerFunc: g.render,
	})
	pages, err := console.New(console.Config{API: router, Key: g.secrets.console, Now: g.cfg.Now, Log: g.cfg.Log})
	if err != nil {
		return nil, err
	}
	router.Handle("/console", pages)
	router.Handle("/console/*", pages)
	return router, nil
}

// decodePath has the router match the path as it is meant, whatever of it was percent-encoded.
func decodePath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.RawPath = ""
		next.ServeHTTP(w, r)
	})
}

// server implements the generated interface; its methods are in the files named after what they serve.
type server struct{ *Gateway }

func (g *Gateway) now() int64 { return g.cfg.Now().UnixMilli() }

// Health says that the process runs.
func (s server) Health(context.Context, openapi.HealthRequestObject) (openapi.HealthResponseObject, error) {
	return openapi.Health200JSONResponse{Status: openapi.HealthStatusOk}, nil
}

// Ready says whether the engine and the store answer.
func (s server) Ready(ctx context.Context, _ openapi.ReadyRequestObject) (openapi.ReadyResponseObject, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := s.cfg.Store.Ping(ctx); err != nil {
		s.cfg.Log.Warn("not ready", "error", err)
		return openapi.Ready503JSONResponse{Status: openapi.HealthStatusUnavailable}, nil
	}
	status, err := s.cfg.Engine.Status(ctx)
	if err != nil {
		s.cfg.Log.Warn("not ready", "error", err)
		return openapi.Ready503JSONResponse{Status: openapi.HealthStatusUnavailable}, nil
	}
	return openapi.Ready200JSONResponse{Status: openapi.HealthStatusOk, Height: int64(status.Projected)}, nil
}
