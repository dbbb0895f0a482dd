package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"sort"
	"strings"
	"time"

	"viaduct/examples"
	"viaduct/fx/rates"
	"viaduct/internal/money"

	"golang.org/x/sync/errgroup"
)

type demoCmd struct {
	serveFlags
	Data        string  `help:"Keep the network in this directory; without it, it is gone at the end." type:"path"`
	NetworkFile string  `name:"network" placeholder:"FILE" help:"Another network than the built-in example." type:"existingfile"`
	Traffic     bool    `help:"Send a trickle of orders between the banks."`
	PerSecond   float64 `default:"2" help:"Orders a second with --traffic."`
}

// seedWorkers is how many requests build the network at a time: orders of one kind wait together and
// share a journal message.
const seedWorkers = 64

// demoValidators is 3f+1 with f = 1: any one may be wrong.
const demoValidators = 4

// Run builds the network on the first start, says how to try it, and serves.
func (c demoCmd) Run(ctx context.Context, t terminal) (err error) {
	if c.PerSecond <= 0 || c.PerSecond > 1000 {
		return fmt.Errorf("%w: --per-second wants more than 0 and at most 1000", errUsed)
	}
	n, err := readNetwork(c.NetworkFile)
	if err != nil {
		return err
	}
	table, err := exampleRates()
	if err != nil {
		return err
	}
	if c.Rates == "" && c.MaxMidAge == nil {
		c.MaxMidAge = new(time.Duration) // any: the example table is of one day, and everybody sees which
	}
	files, err := claimDemoFiles(os.TempDir())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, files.remove()) }()
	c.Private = true // the tour's receiver is on this machine
	data := c.Data
	if data == "" {
		if data, err = os.MkdirTemp("", "viaduct-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	}
	fmt.Fprintf(t.out, "Viaduct demo: starting a network of %d institutions in %s\n", len(n.Banks), data)
	open := func() (*dataDir, error) { return openDataDir(data, "demo", demoValidators, time.Now()) }
	return c.serve(ctx, t, setup{open: open, parts: wholeNetwork, gateway: true, first: table}, func(ctx context.Context, s *served) error {
		api := newAPIClient(s.url)
		if err := c.seed(ctx, s, api, n); err != nil {
			return err
		}
		if err := files.write(s); err != nil {
			return err
		}
		if err := tellDemo(t.out, s, n, files.env.Name()); err != nil {
			return err
		}
		if c.Traffic {
			go c.traffic(ctx, s, api, n)
		}
		return nil
	})
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// exampleRates returns the mid-market rates that come with the program.
func exampleRates() (*rates.Table, error) {
	file, err := examples.Files.Open(examples.Rates)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	table, err := rates.ParseECB(file)
	if err != nil {
		return nil, fmt.Errorf("example rates: %w", err)
	}
	return table, nil
}

// seed builds the network through the API, in the order in which each part needs the one before. It is
// safe to run again after a crash in the middle.
func (c demoCmd) seed(ctx context.Context, s *served, api *apiClient, n *network) error {
	if len(s.dir.apiKeys.Banks) == len(n.Banks) {
		return nil
	}
	operator := s.dir.apiKeys.Operator
	keys := make([]string, len(n.Banks))
	each := func(count int, f func(i int) error) error {
		g, _ := errgroup.WithContext(ctx)
		g.SetLimit(seedWorkers)
		for i := range count {
			g.Go(func() error { return f(i) })
		}
		return g.Wait()
	}
	err := each(len(n.Banks), func(i int) error {
		b := n.Banks[i]
		err := api.do(ctx, request{method: "POST", path: "/v1/participants", key: operator, idempotency: "demo-admit-" + b.BIC, body: map[string]any{
			"bic": b.BIC, "name": b.Name, "country": b.Country, "funding": orNone(b.Funding), "max_over_mid_bps": 200,
		}})
		var p *refusal
		if err != nil && !(errors.As(err, &p) && p.Code == "participant_exists") {
			return err
		}
		var made struct {
			Key string `json:"key"`
		}
		err = api.do(ctx, request{method: "POST", path: "/v1/participants/" + b.BIC + "/api-keys", key: operator, body: map[string]any{"name": "demo"}, out: &made})
		keys[i] = made.Key
		return err
	})
	if err != nil {
		return fmt.Errorf("admit banks: %w", err)
	}
	byBIC := make(map[string]string)
	for i, b := range n.Banks {
		byBIC[b.BIC] = keys[i]
	}
	steps, err := n.steps(s, byBIC)
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err := each(len(step.requests), func(i int) error { return api.do(ctx, step.requests[i]) }); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	s.dir.apiKeys.Banks = byBIC
	return s.dir.saveAPIKeys()
}

func orNone(v []string) []string {
	if v == nil {
		return []string{}
	}
	return v
}

// step is a set of requests that don't need one another.
type step struct {
	name     string
	requests []request
}

// steps turns the network file into requests.
func (n *network) steps(s *served, keys map[string]string) ([]step, error) {
	lines, issues, offers := step{name: "lines"}, step{name: "issues"}, step{name: "offers"}
	for _, holder := range sortedKeys(n.Lines) {
		for _, l := range n.Lines[holder] {
			currency, issuer, _ := strings.Cut(l.Asset, "@")
			body := map[string]any{"limit": l.Limit}
			if l.Ripple {
				body["ripple"] = true
			}
			if l.QualityIn != "" {
				body["quality_in"] = l.QualityIn
			}
			if l.QualityOut != "" {
				body["quality_out"] = l.QualityOut
			}
			lines.requests = append(lines.requests, request{
				method: "PUT", path: fmt.Sprintf("/v1/lines/%s/%s/%s", holder, currency, issuer), key: keys[holder],
				idempotency: "demo-line-" + holder + l.Asset, body: body,
			})
		}
	}
	for _, issuer := range sortedKeys(n.Issues) {
		for _, h := range n.Issues[issuer] {
			currency := n.currencyOf(issuer, h.Holder)
			amount := map[string]any{"currency": currency, "value": h.Amount, "issuer": issuer}
			issues.requests = append(issues.requests, request{
				method: "POST", path: "/v1/payments", key: keys[issuer], idempotency: "demo-issue-" + issuer + h.Holder, prefer: "wait=20",
				body: map[string]any{"to": h.Holder, "deliver": amount, "send_max": amount},
			})
		}
	}
	table, err := s.tables()
	if err != nil {
		return nil, err
	}
	for _, l := range n.Ladders {
		orders, err := l.offers(table)
		if err != nil {
			return nil, err
		}
		for i, o := range orders {
			give, giveIssuer, _ := strings.Cut(o.give, "@")
			want, wantIssuer, _ := strings.Cut(o.want, "@")
			offers.requests = append(offers.requests, request{
				method: "POST", path: "/v1/offers", key: keys[l.Dealer], idempotency: fmt.Sprintf("demo-offer-%s-%s-%s-%d", l.Dealer, l.A, l.B, i), prefer: "wait=20",
				body: map[string]any{
					"give":  map[string]any{"currency": give, "issuer": giveIssuer, "value": o.amount},
					"want":  map[string]any{"currency": want, "issuer": wantIssuer},
					"price": o.price,
				},
			})
		}
	}
	return []step{lines, issues, offers}, nil
}

// currencyOf returns the currency in which holder has a line at issuer.
func (n *network) currencyOf(issuer, holder string) string {
	for _, l := range n.Lines[holder] {
		if currency, at, _ := strings.Cut(l.Asset, "@"); at == issuer {
			return currency
		}
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// tellDemo prints where the network is and one thing to try: a bank that holds only pesos pays euros.
func tellDemo(w io.Writer, s *served, n *network, envFile string) error {
	payer, payee := n.Banks[len(n.Banks)-1].BIC, n.Banks[0].BIC
	currency := "USD"
	if s.dir.apiKeys.Banks["NOPLMXMM"] != "" && s.dir.apiKeys.Banks["IBERESMM"] != "" {
		payer, payee, currency = "NOPLMXMM", "IBERESMM", "EUR"
	}
	_, err := fmt.Fprintf(w, `
Viaduct serves %[1]s

  operator key   %[2]s
  key of %[3]s %[4]s

Try it: %[3]s holds pesos only, and pays %[5]s 1,000 %[6]s over the cheapest path:

  . %[7]s
  go run ./cmd/viaduct pay --profile %[3]s --to %[5]s --deliver '%[6]s 1000.00'

That file names every bank's key for the shell, and as a profile for viaduct's commands;
the README's tour goes on from there. Stop the demo with Ctrl-C.
`, s.url, s.dir.apiKeys.Operator, payer, s.dir.apiKeys.Banks[payer], payee, currency, envFile)
	return err
}

// traffic sends orders between random banks until ctx ends. Some are refused, as in life.
func (c demoCmd) traffic(ctx context.Context, s *served, api *apiClient, n *network) {
	var payers []bank
	for _, b := range n.Banks {
		if len(b.Funding) > 0 {
			payers = append(payers, b)
		}
	}
	tick := time.NewTicker(time.Duration(float64(time.Second) / c.PerSecond))
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		from, to := payers[rand.IntN(len(payers))], payers[rand.IntN(len(payers))]
		if from.BIC == to.BIC {
			continue
		}
		currency, err := money.ParseCurrency(to.Funding[0][:3])
		if err != nil {
			continue
		}
		amount := money.New(1+rand.Int64N(5_000_000), currency)
		err = api.do(ctx, request{
			method: "POST", path: "/v1/payments", key: s.dir.apiKeys.Banks[from.BIC],
			idempotency: fmt.Sprintf("traffic-%d-%d", time.Now().UnixNano(), i),
			body:        map[string]any{"to": to.BIC, "deliver": map[string]any{"currency": currency.String(), "value": amount.Value()}},
		})
		if err != nil && ctx.Err() == nil {
			s.log.Info("order refused", "from", from.BIC, "to", to.BIC, "amount", amount.String(), "error", err)
		}
	}
}
