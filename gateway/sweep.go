package gateway

import (
	"context"
	"time"
)

const (
	// requestMemory is how long an answer is kept for its key: the seven days that the contract promises,
	// and one more, so that the ledger forgets a key before its answer is gone. The other way round a
	// late repeat would be a new payment that the ledger takes for the old one.
	requestMemory = 8 * 24 * time.Hour
	// sweepEvery is how often what is too old is cleared away.
	sweepEvery = time.Hour
)

// Sweep clears away the answers that are too old to be asked for again, until ctx ends.
func (g *Gateway) Sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		g.sweep(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (g *Gateway) sweep(ctx context.Context) {
	if err := g.sweepApprovals(ctx); err != nil && ctx.Err() == nil {
		g.cfg.Log.Warn("look after payments that wait for approval; tried again in an hour", "error", err)
	}
	n, err := g.cfg.Store.ExpireRequests(ctx, g.cfg.Now().Add(-requestMemory).UnixMilli())
	switch {
	case err != nil && ctx.Err() == nil:
		g.cfg.Log.Warn("clear away old answers; tried again in an hour", "error", err)
	case n > 0:
		g.cfg.Log.Info("cleared away old answers", "requests", n)
	}
}
