package gateway

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"viaduct/fx/rates"
	"viaduct/gateway/webhook"
	"viaduct/internal/money"
	"viaduct/internal/tracing"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement"
	"viaduct/settlement/balances"
	"viaduct/settlement/disk"
	"viaduct/settlement/journal/natsjournal"
	"viaduct/settlement/natsserver"
	"viaduct/settlement/sqlstore"
)

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(name string) [32]byte { return [32]byte(keyOf(name).Public().(ed25519.PublicKey)) }

// Three banks and a dealer: BKMX holds pesos only, EURB is a bank of euros, the dealer stands between.
const (
	mexican  = "BKMXMXMM"
	german   = "EURBDEFF"
	dealer   = "FXDLGB2L"
	romanian = "BRDEROBU"
)

// rig is a gateway over a real node, journal, disk and database, asked over real HTTP. Every answer
// is checked against the contract.
type rig struct {
	t        testing.TB
	gateway  *Gateway
	sender   *webhook.Sender
	config   Config
	bus      *natsserver.Server
	database string
	engine   *faulty
	store    *sqlstore.Store
	url      string
	policy   proof.Policy
	keys     map[string]string // by BIC; "" is the operator's
	clock    atomic.Int64      // added to the gateway's clock
	doc      *openapi3.T
	genesis  *ledger.Genesis
	requests atomic.Int64
	client   *http.Client
}

// newRig starts everything and admits the participants. The database is SQLite unless another is given.
func newRig(t testing.TB, database ...string) *rig {
	t.Helper()
	r := startRig(t, database...)
	r.admit(mexican, german, dealer, romanian)
	return r
}

// admit admits participants and gets each a key.
func (r *rig) admit(bics ...string) {
	r.t.Helper()
	for _, bic := range bics {
		r.must(201, r.do("POST", "/v1/participants", "", obj{
			"bic": bic, "name": "The bank " + bic, "country": bic[4:6],
		}))
		r.keys[bic] = r.must(201, r.do("POST", "/v1/participants/"+bic+"/api-keys", "", obj{"name": "tests"})).text("key")
	}
}

type obj = map[string]any

func startRig(t testing.TB, database ...string) *rig {
	t.Helper()
	return startRigWith(t, nil, mapCache, database...)
}

// startTracedRig is startRig with a node and a gateway that record spans, unless tracer is nil.
func startTracedRig(t testing.TB, tracer *tracing.Tracer, database ...string) *rig {
	t.Helper()
	return startRigWith(t, tracer, mapCache, database...)
}

// newCache makes a rig's balance cache.
type newCache func(network ledger.Hash, load balances.Load) balances.Cache

func mapCache(_ ledger.Hash, load balances.Load) balances.Cache { return balances.NewMap(load) }

func startRigWith(t testing.TB, tracer *tracing.Tracer, open newCache, database ...string) *rig {
	t.Helper()
	dir := t.TempDir()
	ctx := t.Context()
	r := &rig{t: t, keys: make(map[string]string), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}}
	t.Cleanup(r.client.CloseIdleConnections)
	genesis := &ledger.Genesis{
		Name: "test", Time: time.Date(2026, 3, 13, 16, 0, 0, 0, time.UTC).UnixMilli(), Operator: public("operator"),
		Validators: []ledger.Validator{{Name: "validator-1", Key: public("validator-1")}},
		Currencies: money.Currencies(), Rules: ledger.RulesVersion,
	}
	url := "sqlite:" + filepath.Join(dir, "viaduct.db")
	if len(database) > 0 {
		url = database[0]
	}
	r.ok(sqlstore.Migrate(ctx, url))
	var err error
	r.store, err = sqlstore.Open(ctx, url)
	r.ok(err)
	bus, err := natsserver.Start(natsserver.Config{Dir: filepath.Join(dir, "nats")})
	r.ok(err)
	nodeConn, err := bus.Connect("node")
	r.ok(err)
	gateConn, err := bus.Connect("gateway")
	r.ok(err)
	journal, err := natsjournal.Open(ctx, nodeConn, 1)
	r.ok(err)
	signer, err := proof.NewSigner("validator-1", keyOf("validator-1"))
	r.ok(err)
	blocks, err := disk.OpenDir(filepath.Join(dir, "blocks"))
	r.ok(err)
	tree, err := disk.OpenDir(filepath.Join(dir, "tree"))
	r.ok(err)
	cache, meters := open(genesis.Network(), r.store.Balances), NewMeters()
	nodeConfig := settlement.Config{
		Name: "validator-1", Genesis: genesis, Blocks: blocks, Tree: tree, Journal: journal, Bus: settlement.Over(nodeConn), Signer: signer, Sequence: true,
		Store: r.store, Cache: cache, Now: time.Now, Log: slog.New(slog.DiscardHandler), Observe: meters.Stage,
	}
	if tracer != nil {
		nodeConfig.Tracer = tracer
	}
	node, err := settlement.Open(ctx, nodeConfig)
	r.ok(err)
	client, err := settlement.NewClient(settlement.Over(gateConn))
	r.ok(err)
	run, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(run) }()
	r.ok(client.WaitReady(ctx))
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("node: %v", err)
		}
		for _, err := range []error{client.Close(), node.Close(), blocks.Close(), tree.Close(), r.store.Close()} {
			if err != nil {
				t.Errorf("close: %v", err)
			}
		}
		nodeConn.Close()
		gateConn.Close()
		if err := bus.Shutdown(context.Background()); err != nil {
			t.Errorf("stop nats: %v", err)
		}
	})

	table, err := rates.ParseECB(strings.NewReader(testRates))
	r.ok(err)
	r.engine = &faulty{Engine: client}
	var level slog.Level = slog.LevelError
	if testing.Verbose() {
		level = slog.LevelWarn
	}
	clock := func() time.Time { return time.Now().Add(time.Duration(r.clock.Load())) }
	r.sender = webhook.NewSender(webhook.Guard{AllowPrivate: true}, clock)
	t.Cleanup(r.sender.Close)
	r.config = Config{
		Network: genesis.Network(), Engine: r.engine, Store: r.store, Cache: cache,
		Mids: rates.NewFeed(rates.FeedConfig{Now: time.Now}, table), Secrets: r.unlock(r.store),
		Operator: keyOf("operator"), Sender: r.sender, Meters: meters, Tracer: tracer,
		Now: clock,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})),
	}
	r.bus, r.database, r.genesis = bus, url, genesis
	r.gateway, err = New(r.config)
	r.ok(err)
	v, err := proof.NewValidator("validator-1", genesis.Validators[0].Key[:])
	r.ok(err)
	r.policy, err = proof.NewPolicy(genesis.Origin(), []proof.Validator{v}, 1)
	r.ok(err)
	r.keys[""], err = r.gateway.CreateOperatorKey(ctx, "tests")
	r.ok(err)
	r.doc, err = openapi3.NewLoader().LoadFromData(contractBytes())
	r.ok(err)
	server := httptest.NewServer(r.gateway.Handler())
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// another starts a second gateway on the same database, journal and master key, as another process would
// be.
func (r *rig) another() *rig {
	r.t.Helper()
	conn, err := r.bus.Connect("another gateway")
	r.ok(err)
	client, err := settlement.NewClient(settlement.Over(conn))
	r.ok(err)
	store, err := sqlstore.Open(r.t.Context(), r.database)
	r.ok(err)
	r.t.Cleanup(func() {
		for _, err := range []error{client.Close(), store.Close()} {
			if err != nil {
				r.t.Errorf("close: %v", err)
			}
		}
		conn.Close()
	})
	b := &rig{t: r.t, keys: r.keys, doc: r.doc, policy: r.policy, client: r.client, config: r.config, store: store}
	b.config.Engine, b.config.Store, b.config.Cache, b.config.Secrets = client, store, nil, r.unlock(store)
	b.gateway, err = New(b.config)
	r.ok(err)
	server := httptest.NewServer(b.gateway.Handler())
	r.t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// unlock opens a store's secrets with the tests' master key.
func (r *rig) unlock(store *sqlstore.Store) *Secrets {
	r.t.Helper()
	secrets, err := Unlock(r.t.Context(), store, sha256.Sum256([]byte("master")))
	r.ok(err)
	return secrets
}

// testRates are rates of our own making, in the ECB's format.
const testRates = `<?xml version="1.0" encoding="UTF-8"?>
<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="http://www.ecb.int/vocabulary/2002-08-01/eurofxref">
<gesmes:subject>Reference rates</gesmes:subject><gesmes:Sender><gesmes:name>European Central Bank</gesmes:name></gesmes:Sender>
<Cube><Cube time='2026-03-13'><Cube currency='USD' rate='1.1000'/><Cube currency='MXN' rate='20.0000'/><Cube currency='RON' rate='5.0000'/></Cube></Cube>
</gesmes:Envelope>`

func (r *rig) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// faulty is an engine whose submissions can be made to fail, before or after they were carried out.
type faulty struct {
	Engine
	before, after atomic.Pointer[error]
	held          atomic.Pointer[chan struct{}] // submissions wait until it is closed
	lost          atomic.Int32                  // so many are acknowledged and lost: height 1 is another message's
}

// Submit fails as it was told to.
func (f *faulty) Submit(ctx context.Context, data []byte) (settlement.Accepted, error) {
	if err := f.before.Load(); err != nil {
		return settlement.Accepted{}, *err
	}
	if held := f.held.Load(); held != nil {
		<-*held
	}
	if f.lost.Load() > 0 {
		f.lost.Add(-1)
		return settlement.Accepted{Height: 1, Message: ledger.MessageHash(data)}, nil
	}
	a, err := f.Engine.Submit(ctx, data)
	if lost := f.after.Load(); lost != nil {
		return settlement.Accepted{}, *lost
	}
	return a, err
}

// reply is an answer that was read.
type reply struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   []byte
	json   obj
}

// text follows names down the answer's JSON; list elements by number.
func (r *reply) text(names ...string) string {
	var at any = r.json
	for _, name := range names {
		at = child(at, name)
	}
	if s, ok := at.(string); ok {
		return s
	}
	if at == nil {
		return ""
	}
	return fmt.Sprint(at)
}

// call is one request; zero fields get what an ordinary client would send.
type call struct {
	method, path string
	as           string // BIC of the caller; "" for the operator
	token        string // instead of the caller's key
	body         any    // string or []byte as it is, anything else as JSON
	media        string
	header       map[string]string
	noKey        bool // send no Idempotency-Key
}

func (r *rig) do(method, path, as string, body any, header ...string) *reply {
	r.t.Helper()
	c := call{method: method, path: path, as: as, body: body, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		c.header[header[i]] = header[i+1]
	}
	return r.call(c)
}

func (r *rig) call(c call) *reply {
	r.t.Helper()
	var data []byte
	switch b := c.body.(type) {
	case nil:
	case string:
		data = []byte(b)
	case []byte:
		data = b
	default:
		var err error
		data, err = json.Marshal(b)
		r.ok(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), c.method, r.url+c.path, bytes.NewReader(data))
	r.ok(err)
	if c.token == "" {
		c.token = "Bearer " + r.keys[c.as]
	}
	req.Header.Set("Authorization", c.token)
	if data != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.media != "" {
		req.Header.Set("Content-Type", c.media)
	}
	if c.method == "POST" && !c.noKey {
		req.Header.Set("Idempotency-Key", fmt.Sprintf("key-%d", r.requests.Add(1)))
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
		if value == "" {
			req.Header.Del(name)
		}
	}
	resp, err := r.client.Do(req)
	r.ok(err)
	defer resp.Body.Close()
	out := &reply{t: r.t, what: c.method + " " + c.path, status: resp.StatusCode, header: resp.Header}
	out.body, err = io.ReadAll(resp.Body)
	r.ok(err)
	out.readJSON()
	r.checkAnswer(c, out)
	return out
}

func (r *reply) readJSON() {
	if strings.HasSuffix(r.header.Get("Content-Type"), "json") {
		if err := json.Unmarshal(r.body, &r.json); err != nil {
			r.t.Errorf("%s: answer is not JSON: %v: %s", r.what, err, r.body)
		}
	}
}

// checkAnswer checks an answer against the contract: its status is documented there, and its body is
// what the schema says, with no member that the schema does not know.
func (r *rig) checkAnswer(c call, out *reply) {
	r.t.Helper()
	path, _, _ := strings.Cut(c.path, "?")
	op := r.operation(c.method, path)
	if op == nil {
		return
	}
	response := op.Responses.Status(out.status)
	if response == nil {
		response = op.Responses.Default()
	}
	if response == nil {
		r.t.Errorf("%s: status %d is not in the contract", out.what, out.status)
		return
	}
	media, _, _ := strings.Cut(out.header.Get("Content-Type"), ";")
	if len(response.Value.Content) == 0 {
		return
	}
	content := response.Value.Content[media]
	if content == nil {
		r.t.Errorf("%s: content type %q is not in the contract: %s", out.what, media, out.body)
		return
	}
	if out.json == nil {
		return
	}
	var f faults
	if err := content.Schema.Value.VisitJSON(map[string]any(out.json), openapi3.VisitAsResponse(), openapi3.MultiErrors(), openapi3.WithStringFormatValidators(formats())); err != nil {
		record(err, &f)
		r.t.Errorf("%s: answer breaks the contract: %+v\n%s", out.what, f.list, out.body)
	}
	unknownMembers(content.Schema.Value, map[string]any(out.json), "", func(at string) {
		r.t.Errorf("%s: the contract has no %s", out.what, at)
	})
}

func unknownMembers(s *openapi3.Schema, v any, at string, report func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			p := s.Properties[name]
			if p == nil {
				report(at + "/" + name)
				continue
			}
			unknownMembers(p.Value, value, at+"/"+name, report)
		}
	case []any:
		for _, value := range v {
			unknownMembers(s.Items.Value, value, at+"/-", report)
		}
	}
}

// operation finds the contract's operation of a concrete path.
func (r *rig) operation(method, path string) *openapi3.Operation {
	parts := strings.Split(path, "/")
	var found *openapi3.Operation
	for pattern, item := range r.doc.Paths.Map() {
		names := strings.Split(pattern, "/")
		if len(names) != len(parts) {
			continue
		}
		match, exact := true, true
		for i, name := range names {
			if strings.HasPrefix(name, "{") {
				exact = false
			} else if name != parts[i] {
				match = false
			}
		}
		if match && (exact || found == nil) {
			found = item.GetOperation(method)
		}
	}
	return found
}

// must fails the test unless the answer has the status.
func (r *rig) must(status int, got *reply) *reply {
	r.t.Helper()
	if got.status != status {
		r.t.Fatalf("%s: %d, want %d: %s", got.what, got.status, status, got.body)
	}
	return got
}

// market opens what a payment in euros by the Mexican bank needs: it issues pesos, which the dealer
// takes; the dealer holds euros and offers them.
func (r *rig) market() {
	r.t.Helper()
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/MXN/"+mexican, dealer, obj{"limit": "10000000.00"}))
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/EUR/"+german, dealer, obj{"limit": "1000000.00"}))
	paid := r.must(201, r.do("POST", "/v1/payments", german, obj{
		"to": dealer, "deliver": cash("EUR", "500000.00", german), "send_max": cash("EUR", "500000.00"),
	}, "Prefer", "wait=10"))
	if paid.text("status") != "settled" {
		r.t.Fatalf("the dealer got no euros: %s", paid.body)
	}
	r.must(201, r.do("POST", "/v1/offers", dealer, obj{
		"give": cash("EUR", "100000.00", german), "want": obj{"currency": "MXN", "issuer": mexican}, "price": "20.50",
	}))
}

func cash(currency, value string, issuer ...string) obj {
	m := obj{"currency": currency, "value": value}
	if len(issuer) > 0 {
		m["issuer"] = issuer[0]
	}
	return m
}

// euros is an order of the Mexican bank that settles in the market.
func euros(value string) obj {
	return obj{"to": german, "deliver": cash("EUR", value), "send_max": cash("MXN", "900000.00")}
}

// faultsOf returns the pointers and rules of a problem, as "pointer rule iso".
func (r *reply) faults() []string {
	var out []string
	list, _ := r.json["errors"].([]any)
	for _, x := range list {
		f := x.(obj)
		s := fmt.Sprintf("%v %v", f["pointer"], f["rule"])
		if iso, ok := f["iso_reason"]; ok {
			s += fmt.Sprintf(" %v", iso)
		}
		out = append(out, s)
	}
	return out
}

func diff(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}
