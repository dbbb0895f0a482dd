package gateway

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// ratesEvery is how often the table in use is compared with the one that was put into the journal.
const ratesEvery = 2 * time.Second

// JournalRates puts each mid-market table that comes into use into the journal, so that what the ledger records
// beside a fill is the same on every node and every replay; it goes on until ctx ends. Several gateways may do so:
// a table has one key, and the ledger takes it once. Without the operator's key it does nothing.
func (g *Gateway) JournalRates(ctx context.Context) {
	if g.cfg.Operator == nil || g.cfg.Mids == nil {
		return
	}
	ticker := time.NewTicker(ratesEvery)
	defer ticker.Stop()
	var last int64
	for {
		if table, err := g.mids(); err == nil && table.Date().UnixMilli() > last {
			if err := g.journalRates(ctx); err != nil && ctx.Err() == nil {
				g.cfg.Log.Warn("mid-market rates are not in the journal yet", "error", err)
			} else {
				last = table.Date().UnixMilli()
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (g *Gateway) journalRates(ctx context.Context) error {
	table, err := g.mids()
	if err != nil {
		return err
	}
	rates := &ledger.SetRates{Rates: ledger.Rates{Source: table.Source(), At: table.Date().UnixMilli(), Base: table.Base()}}
	rates.Source = rates.Source[:min(len(rates.Source), 64)]
	for _, c := range money.Currencies() {
		if price, ok := table.Price(c); ok && c != rates.Base && len(rates.Rates.Rates) < ledger.MaxRates {
			rates.Rates.Rates = append(rates.Rates.Rates, ledger.Rate{Currency: c, Price: price})
		}
	}
	key := fmt.Sprintf("rates:%d", rates.At)
	sub := ledger.Submission{Network: g.cfg.Network, Key: []byte(key), Fingerprint: sha256.Sum256([]byte(key)), Salt: sha256.Sum256([]byte("salt " + key))}
	data, err := ledger.Sign(&sub, []ledger.Instruction{rates}, g.cfg.Operator)
	if err != nil {
		return err
	}
	_, err = g.cfg.Engine.Submit(ctx, data)
	return err
}
