package gateway

import (
	"context"
	"math/big"

	"viaduct/fx/rates"
	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
)

func (g *Gateway) mids() (*rates.Table, error) {
	if g.cfg.Mids == nil {
		return nil, rates.ErrNoTable
	}
	return g.cfg.Mids.Table()
}

func (g *Gateway) stale(t *rates.Table) bool {
	return g.cfg.MaxMidAge != 0 && g.cfg.Now().Sub(t.Date()) > g.cfg.MaxMidAge
}

// priceBound is the most an order may cost that names no bound itself.
type priceBound struct {
	source ledger.AssetName
	units  int64
	mid    rates.Mid // zero when no currency is crossed
}

// bound sets an order's bound from what its sender laid down: a funding currency at its mid-market
// rate and max_over_mid_bps more.
func (g *Gateway) bound(ctx context.Context, sender ledger.BIC, deliver ledger.AssetName, amount int64) (priceBound, error) {
	settings, err := g.cfg.Store.Settings(ctx, sender)
	if err != nil {
		return priceBound{}, err
	}
	if len(settings.Funding) == 0 {
		return priceBound{}, refuse(openapi.ErrorCodeNoPriceBound, "the order names no send_max, and the participant no funding")
	}
	table, err := g.mids()
	stale := err == nil && g.stale(table)
	var options []priceBound
	for _, text := range settings.Funding {
		source, err := parseAsset(text)
		if err != nil {
			return priceBound{}, err
		}
		b := priceBound{source: source}
		par := money.Ratio{N: 1, D: 1}
		if source.Currency != deliver.Currency {
			if table == nil || stale {
				continue
			}
			if b.mid, err = table.Mid(deliver.Currency, source.Currency); err != nil {
				continue // no rate for this one
			}
			par = b.mid.Ratio
		}
		if b.units = boundUnits(amount, par, settings.MaxOverMidBps); b.units > 0 {
			options = append(options, b)
		}
	}
	switch {
	case len(options) > 0:
		return g.affordable(ctx, sender, options)
	case stale:
		return priceBound{}, refuse(openapi.ErrorCodeNoPriceBound, "the order names no send_max, and the mid-market rates are stale")
	}
	return priceBound{}, refuse(openapi.ErrorCodeNoPriceBound, "the order names no send_max, and no funding currency has a mid-market rate")
}

// affordable returns the first bound whose currency the sender holds enough of, or can issue; failing
// that the first, so that the ledger says what is missing.
func (g *Gateway) affordable(ctx context.Context, sender ledger.BIC, options []priceBound) (priceBound, error) {
	if len(options) == 1 {
		return options[0], nil
	}
	lines, _, err := g.cfg.Store.Balances(ctx, sender)
	if err != nil {
		return priceBound{}, err
	}
	for _, b := range options {
		left := b.units
		for _, l := range lines {
			if l.Asset.Currency != b.source.Currency || b.source.Issuer != (ledger.BIC{}) && l.Asset != b.source {
				continue
			}
			if l.Own {
				return b, nil
			}
			if left -= l.Balance; left <= 0 {
				return b, nil
			}
		}
	}
	return options[0], nil
}

// boundUnits returns amount at a ratio and bps more, rounded down; 0 when it is out of bounds.
func boundUnits(amount int64, r money.Ratio, bps int64) int64 {
	top := new(big.Int).Mul(big.NewInt(amount), big.NewInt(r.N))
	top.Mul(top, big.NewInt(10_000+bps))
	bottom := new(big.Int).Mul(big.NewInt(r.D), big.NewInt(10_000))
	units := top.Quo(top, bottom)
	if !units.IsInt64() || units.Int64() > ledger.MaxUnits {
		return 0
	}
	return units.Int64()
}
