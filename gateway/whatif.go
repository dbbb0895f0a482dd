package gateway

import (
	"context"
	"errors"

	"viaduct/fx"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// readWhatIf reads the market that a quote is to be made on. A limit that may be asked about is one of the
// caller's own lines, or of one on it: what others hold is not for guessing.
func (g *Gateway) readWhatIf(ctx context.Context, in *openapi.WhatIf, x *exchange) (w fx.WhatIf, err error) {
	const at = "/what_if"
	f := &x.faults
	if in == nil || f.touching(at) {
		return w, nil
	}
	for _, text := range in.Without {
		bic, _ := ledger.ParseBIC(text)
		w.Without = append(w.Without, bic)
	}
	for i, l := range in.Limits {
		place := at + "/limits/" + itoa(i)
		holder, _ := ledger.ParseBIC(l.Holder)
		asset := readAsset(l.Currency, l.Issuer, place, f)
		line, err := g.cfg.Store.Line(ctx, holder, asset)
		if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
			return w, err
		}
		if err != nil || line.Own || !x.caller.mayRead(holder) && !x.caller.mayRead(asset.Issuer) {
			f.add(place, openapi.ErrorCodeInvalidValue, "no line that the caller holds or has issued", "")
			continue
		}
		limit := readUnits(l.Limit, asset.Currency, place+"/limit", f)
		if limit < 0 {
			f.add(place+"/limit", openapi.ErrorCodeInvalidAmount, "a limit is not below zero", "")
		}
		w.Limits = append(w.Limits, fx.LimitChange{Holder: holder, Asset: asset, Limit: limit, Was: line.Limit})
	}
	return w, nil
}
