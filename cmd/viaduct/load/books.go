package load

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// parallel calls f for 0 to n-1, workers at a time, and told after each, one call at a time.
func parallel(ctx context.Context, n, workers int, f func(ctx context.Context, i int) error, told func()) error {
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	finished := make(chan struct{})
	for range workers {
		g.Go(func() error {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := f(ctx, i); err != nil {
					return err
				}
				select {
				case finished <- struct{}{}:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		})
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Wait() }()
	for {
		select {
		case <-finished:
			told()
		case err := <-ended:
			return err
		}
	}
}

// holdings is what GET /v1/balances says, as far as it matters here.
type holdings struct {
	Data []struct {
		Currency string `json:"currency"`
		Issuer   string `json:"issuer"`
		Kind     string `json:"kind"`
		Value    string `json:"value"`
	} `json:"data"`
}

// of returns what is claimed of or owed in the currency's asset, in minor units.
func (h *holdings) of(kind, currency, issuer string) (int64, error) {
	for _, b := range h.Data {
		if b.Kind == kind && b.Currency == currency && b.Issuer == issuer {
			return strconv.ParseInt(strings.Replace(b.Value, ".", "", 1), 10, 64)
		}
	}
	return 0, nil
}

func balances(ctx context.Context, call Caller, b Bank) (*holdings, error) {
	h := new(holdings)
	if err := call(ctx, "GET", "/v1/balances", b.Key, "", nil, h); err != nil {
		return nil, fmt.Errorf("balances of %s: %w", b.BIC, err)
	}
	return h, nil
}

// Books is what all hold together of each correspondent's asset, and what it owes; in minor units.
type Books struct {
	Currency string `json:"currency"`
	Held     int64  `json:"held"`
	Issued   int64  `json:"issued"`
}

// Books adds up everybody's balances. A load of payments changes no sum, and at rest what is held of
// an asset is what its issuer owes.
func (m *Market) Books(ctx context.Context, call Caller, workers int) ([]Books, error) {
	books := make([]Books, len(currencies))
	for c := range books {
		books[c].Currency = currencies[c].code
		h, err := balances(ctx, call, m.correspondents[c])
		if err != nil {
			return nil, err
		}
		if books[c].Issued, err = h.of("obligation", currencies[c].code, m.correspondents[c].BIC); err != nil {
			return nil, err
		}
	}
	holders := append([]Bank{m.dealer}, m.Banks...)
	held := make([]*holdings, len(holders))
	err := parallel(ctx, len(holders), workers, func(ctx context.Context, i int) (err error) {
		held[i], err = balances(ctx, call, holders[i])
		return err
	}, func() {})
	if err != nil {
		return nil, err
	}
	for _, h := range held {
		for c := range books {
			value, err := h.of("claim", currencies[c].code, m.correspondents[c].BIC)
			if err != nil {
				return nil, err
			}
			books[c].Held += value
		}
	}
	return books, nil
}

// CheckBooks compares sums from before a load with those after it.
func CheckBooks(before, after []Books) error {
	for i := range after {
		switch {
		case after[i].Held != after[i].Issued:
			return fmt.Errorf("%s: %d minor units are held and %d owed", after[i].Currency, after[i].Held, after[i].Issued)
		case after[i] != before[i]:
			return fmt.Errorf("%s: %d minor units were held before, %d after", after[i].Currency, before[i].Held, after[i].Held)
		}
	}
	return nil
}
