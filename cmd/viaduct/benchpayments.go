package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"viaduct/cmd/viaduct/load"
)

type benchPaymentsCmd struct {
	URL      string        `name:"url" placeholder:"URL" help:"A running gateway that may be filled with generated participants; without it a private one is started and removed." env:"VIADUCT_URL"`
	Operator string        `placeholder:"KEY" help:"That gateway's operator key." env:"VIADUCT_OPERATOR"`
	Clients  int           `default:"64" help:"Connections, each with one order under way at most."`
	Batch    int           `default:"1" help:"Orders in a request; more than one go to /v1/payments/batch."`
	Count    int64         `default:"20000" help:"Orders in all."`
	For      time.Duration `name:"for" placeholder:"30s" help:"Send for so long instead of a number of orders."`
	Rate     float64       `placeholder:"N" help:"Orders a second in an open loop: they begin at their times whatever the gateway does. Without it the loop is closed."`
	NoWait   bool          `help:"Measure the time to \"accepted\"; without it, the time to the final result."`
	Banks    int           `default:"50" help:"Banks that pay each other; each has three lines."`
	FX       int           `name:"fx" default:"20" help:"How many orders of a hundred pay in another currency."`
	Refused  int           `default:"2" help:"How many orders of a hundred may not cost what they cost, and are refused."`
	Seed     uint64        `default:"1" help:"Of the orders; the same seed sends the same ones."`
	JSON     bool          `name:"json" help:"Print one JSON object instead of a table."`
}

// benchReport is what a run measured. Times are in microseconds.
type benchReport struct {
	Clients     int            `json:"clients"`
	Batch       int            `json:"batch"`
	Banks       int            `json:"banks"`
	Lines       int            `json:"lines"`
	Seed        uint64         `json:"seed"`
	AnsweredPer float64        `json:"accepted_per_second"`
	FinalPer    float64        `json:"final_per_second"`
	Answered    benchQuantiles `json:"answered_us"` // of a request
	DrainMillis int64          `json:"drain_ms"`    // from the last answer until nothing was undecided
	*load.Tally
	GatewayCPU   float64      `json:"gateway_cpu_us_per_payment,omitempty"` // of a private gateway
	GeneratorCPU float64      `json:"generator_cpu_us_per_payment"`
	Written      float64      `json:"bytes_written_per_payment,omitempty"` // of a private gateway, to disk
	Books        []load.Books `json:"books"`
}

type benchQuantiles struct {
	P50  int64 `json:"p50"`
	P90  int64 `json:"p90"`
	P99  int64 `json:"p99"`
	P999 int64 `json:"p99_9"`
}

func quantilesOf(h *load.Histogram) benchQuantiles {
	at := func(perMille uint64) int64 { return h.Quantile(perMille).Microseconds() }
	return benchQuantiles{at(500), at(900), at(990), at(999)}
}

func (c benchPaymentsCmd) check() error {
	switch {
	case c.Clients < 1 || c.Clients > 10_000:
		return fmt.Errorf("%w: --clients wants 1 to 10000", errUsed)
	case c.Batch < 1 || c.Batch > 1000:
		return fmt.Errorf("%w: --batch wants 1 to 1000", errUsed)
	case c.Banks < 2 || c.Banks > 10_000:
		return fmt.Errorf("%w: --banks wants 2 to 10000", errUsed)
	case c.For < 0 || c.For == 0 && c.Count < 1:
		return fmt.Errorf("%w: --count or --for must say how long", errUsed)
	case c.Rate < 0 || c.Rate > 1e6:
		return fmt.Errorf("%w: --rate wants at most 1000000", errUsed)
	case c.FX < 0 || c.Refused < 0 || c.FX+c.Refused > 100:
		return fmt.Errorf("%w: --fx and --refused are parts of a hundred", errUsed)
	case c.URL != "" && c.Operator == "":
		return fmt.Errorf("%w: --url needs --operator, whose key admits the generated banks", errUsed)
	}
	return nil
}

// Run builds a market, loads it, checks the books and prints what it measured.
func (c benchPaymentsCmd) Run(ctx context.Context, t terminal) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	var private *child
	if c.URL == "" {
		if private, err = startPrivate(ctx); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, private.stop()) }()
		c.URL, c.Operator = private.url, private.operator
	}
	r, err := c.measure(ctx, t, private)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(t.out).Encode(r)
	}
	return r.tell(t.out, c.NoWait)
}

func (c benchPaymentsCmd) measure(ctx context.Context, t terminal, private *child) (*benchReport, error) {
	api := newAPIClient(c.URL)
	call := func(ctx context.Context, method, path, key, idempotency string, body, out any) error {
		r := request{method: method, path: path, key: key, idempotency: idempotency, body: body, out: out}
		if idempotency != "" {
			r.prefer = "wait=30"
		}
		return api.do(ctx, r)
	}
	name := make([]byte, 6)
	_, _ = rand.Read(name) // never fails
	run := "load-" + hex.EncodeToString(name)
	bar := newProgress(t.err)
	market, err := load.Build(ctx, call, c.Operator, run, c.Banks, seedWorkers, func(done, of int) {
		bar.show("building the market", int64(done), int64(of))
	})
	bar.end()
	if err != nil {
		return nil, err
	}
	before, err := market.Books(ctx, call, seedWorkers)
	if err != nil {
		return nil, err
	}
	plan := load.Plan{
		URL: c.URL, Clients: c.Clients, Count: c.Count, For: c.For, Rate: c.Rate, Wait: !c.NoWait, Batch: c.Batch,
		Mix: load.Mix{FX: c.FX, Refused: c.Refused}, Seed: c.Seed, Name: run + "-",
	}
	if c.For > 0 {
		plan.Count = 0
	}
	var done atomic.Int64
	stop := bar.follow("sending orders", &done, plan.Count)
	usage, own := private.usage(), ownCPU()
	tally, err := market.Run(ctx, plan, &done)
	own = ownCPU() - own
	usage = private.usage().since(usage)
	stop()
	if err != nil {
		return nil, err
	}
	after, err := market.Books(ctx, call, seedWorkers)
	if err != nil {
		return nil, err
	}
	if err := load.CheckBooks(before, after); err != nil {
		return nil, fmt.Errorf("the books are wrong after the load: %w", err)
	}
	decided := float64(tally.Settled + tally.Refused)
	r := &benchReport{
		Clients: c.Clients, Batch: c.Batch, Banks: c.Banks, Lines: load.Lines(c.Banks), Seed: c.Seed, Tally: tally, Books: after,
		AnsweredPer: float64(tally.Accepted) / tally.Load.Seconds(), FinalPer: decided / (tally.Load + tally.Drain).Seconds(),
		Answered: quantilesOf(&tally.Answered), DrainMillis: tally.Drain.Milliseconds(),
	}
	if decided > 0 {
		r.GeneratorCPU = float64(own.Microseconds()) / decided
		r.GatewayCPU = float64(usage.cpu.Microseconds()) / decided
		r.Written = float64(usage.written) / decided
	}
	return r, nil
}

// tell prints the report as a table.
func (r *benchReport) tell(w io.Writer, noWait bool) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(tab, "%s\t"+format+"\n", append([]any{name}, args...)...)
	}
	row("orders", "%d sent, %d a request, by %d clients, %d banks, %d lines, seed %d", r.Sent, r.Batch, r.Clients, r.Banks, r.Lines, r.Seed)
	row("settled", "%d", r.Settled)
	row("refused", "%d%s", r.Refused, byCode(r.Codes))
	row("errors", "%d%s", total(r.Errors), byCode(r.Errors))
	row("accepted/s", "%.0f", r.AnsweredPer)
	row("final/s", "%.0f (the last was final %d ms after the last answer)", r.FinalPer, r.DrainMillis)
	answered := "time to the result"
	if noWait {
		answered = "time to accepted"
	}
	q := r.Answered
	row(answered, "p50 %s  p90 %s  p99 %s  p99.9 %s ms", millis(q.P50), millis(q.P90), millis(q.P99), millis(q.P999))
	if r.GatewayCPU > 0 {
		row("CPU a payment", "gateway %.0f µs, generator %.0f µs", r.GatewayCPU, r.GeneratorCPU)
		row("written a payment", "%.0f bytes", r.Written)
	} else {
		row("CPU a payment", "generator %.0f µs", r.GeneratorCPU)
	}
	row("books", "what is held of each currency is what is owed, and the same as before")
	return tab.Flush()
}

func millis(micros int64) string { return fmt.Sprintf("%d.%02d", micros/1000, micros%1000/10) }

func total(m map[string]uint64) (n uint64) {
	for _, v := range m {
		n += v
	}
	return n
}

func byCode(m map[string]uint64) string {
	text := ""
	for _, code := range sortedKeys(m) {
		text += fmt.Sprintf("  %s %d", code, m[code])
	}
	return text
}

// progress shows on a terminal how far something is, and nothing elsewhere.
type progress struct {
	w     io.Writer
	shown time.Time
	on    bool
}

func newProgress(w io.Writer) *progress {
	file, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	info, err := file.Stat()
	return &progress{w: w, on: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

// progressEvery is how often the display changes.
const progressEvery = 100 * time.Millisecond

func (p *progress) show(what string, done, of int64) {
	if !p.on || time.Since(p.shown) < progressEvery {
		return
	}
	p.shown = time.Now()
	if of <= 0 {
		fmt.Fprintf(p.w, "\r\x1b[K%s: %d", what, done)
		return
	}
	const width = 40
	full := min(done*width/of, width)
	bar := slices.Repeat([]byte{'.'}, width)
	for i := range full {
		bar[i] = '#'
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s [%s] %d of %d", what, bar, done, of)
}

func (p *progress) end() {
	if p.on {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// follow shows a counter until the function it returns is called.
func (p *progress) follow(what string, done *atomic.Int64, of int64) (stop func()) {
	told, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-told:
				p.end()
				return
			case <-tick.C:
				p.show(what, done.Load(), of)
			}
		}
	}()
	return func() { close(told); <-ended }
}
