package main

import (
	"fmt"
	"log/slog"
	"time"

	"viaduct/fx/rates"
	"viaduct/gateway"
)

// feed returns the source of mid-market rates that the flags name.
func (f serveFlags) feed(meters *gateway.Meters, log *slog.Logger, first *rates.Table) (*rates.Feed, error) {
	c := rates.FeedConfig{Location: f.Rates, Every: f.RatesEvery, Now: time.Now, Log: log, Observe: meters.RatesRead}
	if f.RatesEvery < time.Second {
		return nil, fmt.Errorf("%w: --rates-every is at least a second", errUsed)
	}
	if f.RatesMap != "" {
		var err error
		if c.Mapping, err = rates.ReadMapping(f.RatesMap); err != nil {
			return nil, fmt.Errorf("%w: --rates-mapping: %w", errUsed, err)
		}
	}
	return rates.NewFeed(c, first), nil
}
