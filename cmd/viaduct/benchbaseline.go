package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"viaduct/cmd/viaduct/load"
)

type benchBaselineCmd struct {
	DatabaseURL string        `name:"database-url" required:"" placeholder:"URL" help:"A Postgres in which a schema viaduct_baseline may be made, and dropped at the end." env:"VIADUCT_BASELINE_URL"`
	Clients     int           `default:"64" help:"Connections; the server must allow as many."`
	Count       int64         `default:"5000" help:"Transfers in all."`
	For         time.Duration `name:"for" placeholder:"30s" help:"Go on for so long instead."`
	Banks       int           `default:"50" help:"Banks that pay each other; each has three accounts."`
	Seed        uint64        `default:"1" help:"Of the transfers."`
	JSON        bool          `name:"json" help:"Print one JSON object."`
}

// Run moves money in plain SQL and prints how fast that was.
func (c benchBaselineCmd) Run(ctx context.Context, t terminal) error {
	if c.Clients < 1 || c.Clients > 10_000 || c.Banks < 2 || c.Banks > 10_000 || c.For < 0 || c.For == 0 && c.Count < 1 {
		return fmt.Errorf("%w: --clients wants 1 to 10000, --banks 2 to 10000, and --count or --for at least one", errUsed)
	}
	if c.For > 0 {
		c.Count = 0
	}
	var done atomic.Int64
	stop := newProgress(t.err).follow("plain SQL", &done, c.Count)
	b, err := load.RunBaseline(ctx, c.DatabaseURL, c.Banks, c.Clients, c.Count, c.For, c.Seed, &done)
	stop()
	if err != nil {
		return err
	}
	perSecond, q := float64(b.Transfers)/b.Took.Seconds(), quantilesOf(&b.Latency)
	if c.JSON {
		return json.NewEncoder(t.out).Encode(struct {
			Clients int `json:"clients"`
			*load.Baseline
			PerSecond float64        `json:"per_second"`
			Latency   benchQuantiles `json:"latency_us"`
		}{c.Clients, b, perSecond, q})
	}
	_, err = fmt.Fprintf(t.out, "plain SQL on Postgres: %d transfers by %d clients, %.0f/s, p50 %s  p90 %s  p99 %s  p99.9 %s ms\n",
		b.Transfers, c.Clients, perSecond, millis(q.P50), millis(q.P90), millis(q.P99), millis(q.P999))
	return err
}
