package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// lineOf reads the line a path names, if the caller is one of its sides or the operator. The line
// itself may not be open yet.
func lineOf(holder, currency, issuer string, by caller) (h ledger.BIC, a ledger.AssetName, err error) {
	h, err1 := ledger.ParseBIC(holder)
	i, err2 := ledger.ParseBIC(issuer)
	c, err3 := money.ParseCurrency(currency)
	if errors.Join(err1, err2, err3) != nil || !by.mayRead(h) && !by.mayRead(i) {
		return h, a, errNotFound
	}
	return h, ledger.AssetName{Currency: c, Issuer: i}, nil
}

// GetLine reads a line.
func (s server) GetLine(ctx context.Context, r openapi.GetLineRequestObject) (openapi.GetLineResponseObject, error) {
	holder, asset, err := lineOf(r.Holder, r.Currency, r.Issuer, exchangeOf(ctx).caller)
	if err != nil {
		return nil, err
	}
	line, err := s.line(ctx, holder, asset)
	if err != nil {
		return nil, missing(err)
	}
	return openapi.GetLine200JSONResponse(lineView(line)), nil
}

func (g *Gateway) line(ctx context.Context, holder ledger.BIC, asset ledger.AssetName) (sqlstore.Line, error) {
	line, err := g.cfg.Store.Line(ctx, holder, asset)
	if err == nil && line.Own {
		return line, sqlstore.ErrNotFound // an issuer's own position is no line
	}
	return line, err
}

// SetLine sets the caller's side of a line.
func (s server) SetLine(ctx context.Context, r openapi.SetLineRequestObject) (openapi.SetLineResponseObject, error) {
	x := exchangeOf(ctx)
	holder, asset, err := lineOf(r.Holder, r.Currency, r.Issuer, x.caller)
	if err != nil {
		return nil, err
	}
	switch {
	case holder == asset.Issuer:
		x.faults.add("path:issuer", openapi.ErrorCodeOwnAsset, "an issuer keeps no line in its own asset", "")
	case x.caller.operator:
		x.faults.add("", openapi.ErrorCodeNotAllowed, "a line is its holder's and its issuer's to set", "")
	}
	return s.setLine(ctx, http.MethodPut, holder, asset, func(ctx context.Context) (ledger.Instruction, error) {
		if x.caller.speaksFor(holder) {
			return s.holderSide(ctx, holder, asset, r.Body, &x.faults)
		}
		return issuerSide(holder, asset, r.Body, &x.faults), nil
	})
}

// CloseLine sets the holder's limit to zero.
func (s server) CloseLine(ctx context.Context, r openapi.CloseLineRequestObject) (openapi.CloseLineResponseObject, error) {
	x := exchangeOf(ctx)
	holder, asset, err := lineOf(r.Holder, r.Currency, r.Issuer, x.caller)
	if err != nil {
		return nil, err
	}
	if !x.caller.speaksFor(holder) {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "only the holder closes its line")
	}
	return s.setLine(ctx, http.MethodDelete, holder, asset, func(ctx context.Context) (ledger.Instruction, error) {
		line, err := s.line(ctx, holder, asset)
		if err != nil {
			return nil, missing(err)
		}
		return &ledger.SetLine{Asset: asset, QualityIn: line.QualityIn, QualityOut: line.QualityOut}, nil
	})
}

func (g *Gateway) setLine(ctx context.Context, method string, holder ledger.BIC, asset ledger.AssetName, make func(context.Context) (ledger.Instruction, error)) (*answer, error) {
	x := exchangeOf(ctx)
	return g.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: method, settle: true,
		path: "/v1/lines/" + holder.String() + "/" + asset.Currency.String() + "/" + asset.Issuer.String(),
		draft: func(ctx context.Context) (*draft, error) {
			one, err := make(ctx)
			return &draft{instructions: []ledger.Instruction{one}}, err
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			line, err := g.line(ctx, holder, asset)
			if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
				return nil, err
			}
			if err := g.applied(ctx, at, func() bool { return err == nil }); err != nil {
				return nil, err
			}
			return jsonAnswer(http.StatusOK, lineView(line))
		},
	})
}

// holderSide makes the holder's instruction. The ledger sets all of the holder's side at once, so
// what is left out is filled in from the line as it is.
func (g *Gateway) holderSide(ctx context.Context, holder ledger.BIC, asset ledger.AssetName, in *openapi.LineChange, f *faults) (*ledger.SetLine, error) {
	if in.Frozen != nil {
		f.add("/frozen", openapi.ErrorCodeNotAllowed, "the issuer's to set", "")
	}
	if in.Authorized != nil {
		f.add("/authorized", openapi.ErrorCodeNotAllowed, "the issuer's to set", "")
	}
	line, err := g.line(ctx, holder, asset)
	if errors.Is(err, sqlstore.ErrNotFound) {
		line = sqlstore.Line{QualityIn: ledger.Unit, QualityOut: ledger.Unit}
		me, err := g.cfg.Store.Participant(ctx, holder)
		if err != nil {
			return nil, missing(err)
		}
		line.Ripple = me.RippleDefault
		if _, err := g.cfg.Store.Participant(ctx, asset.Issuer); errors.Is(err, sqlstore.ErrNotFound) {
			f.add("path:issuer", openapi.ErrorCodeUnknownIssuer, "not admitted", "")
		} else if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	set := &ledger.SetLine{Asset: asset, Limit: line.Limit, Ripple: line.Ripple, QualityIn: line.QualityIn, QualityOut: line.QualityOut}
	if in.Limit != "" && !f.at("/limit") {
		if set.Limit = readUnits(in.Limit, asset.Currency, "/limit", f); set.Limit < 0 {
			f.add("/limit", openapi.ErrorCodeBadLimit, "a limit is not below zero", "")
		}
	}
	if in.Ripple != nil {
		set.Ripple = *in.Ripple
	}
	if in.QualityIn != "" && !f.at("/quality_in") {
		var ok bool
		if set.QualityIn, ok = parts(in.QualityIn); !ok || set.QualityIn < 1 || set.QualityIn > ledger.Unit {
			f.add("/quality_in", openapi.ErrorCodeBadFee, "above 0, at most 1, at most nine decimals", "")
		}
	}
	if in.QualityOut != "" && !f.at("/quality_out") {
		var ok bool
		if set.QualityOut, ok = parts(in.QualityOut); !ok || set.QualityOut < ledger.Unit || set.QualityOut > 2*ledger.Unit {
			f.add("/quality_out", openapi.ErrorCodeBadFee, "from 1 to 2, at most nine decimals", "")
		}
	}
	return set, nil
}

func issuerSide(holder ledger.BIC, asset ledger.AssetName, in *openapi.LineChange, f *faults) *ledger.ControlLine {
	for _, x := range []struct {
		field string
		given bool
	}{
		{"/limit", in.Limit != ""}, {"/ripple", in.Ripple != nil},
		{"/quality_in", in.QualityIn != ""}, {"/quality_out", in.QualityOut != ""},
	} {
		if x.given {
			f.add(x.field, openapi.ErrorCodeNotAllowed, "the holder's to set", "")
		}
	}
	set := &ledger.ControlLine{Holder: holder, Currency: asset.Currency}
	if in.Frozen != nil {
		set.SetFrozen, set.Frozen = true, *in.Frozen
	}
	if in.Authorized != nil {
		set.SetAuthorized, set.Authorized = true, *in.Authorized
	}
	return set
}

// ListLines lists what a participant holds and has issued.
func (s server) ListLines(ctx context.Context, r openapi.ListLinesRequestObject) (openapi.ListLinesResponseObject, error) {
	whose, err := exchangeOf(ctx).caller.viewing(r.Params.Participant)
	if err != nil {
		return nil, err
	}
	f := sqlstore.LineFilter{OthersOnly: true}
	if r.Params.Currency != "" {
		f.Currency, _ = money.ParseCurrency(r.Params.Currency)
	}
	if r.Params.Issuer != "" {
		f.Issuer, _ = ledger.ParseBIC(r.Params.Issuer)
	}
	if r.Params.Holder != "" {
		f.Holder, _ = ledger.ParseBIC(r.Params.Holder)
	}
	list := fmt.Sprintf("lines:%s:%v", whose, f)
	after, err := s.behindNumber(list, r.Params.Cursor, ledger.None)
	if err != nil {
		return nil, err
	}
	limit := limitOf(r.Params.Limit)
	found, err := s.cfg.Store.Lines(ctx, whose, f, ledger.PosID(after), limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(s.Gateway, list, found, limit, func(l *sqlstore.Line) []byte { return be64(uint64(l.Pos)) })
	page := openapi.ListLines200JSONResponse{Data: []openapi.Line{}, NextCursor: next}
	for _, line := range found {
		page.Data = append(page.Data, lineView(line))
	}
	return page, nil
}

func lineView(l sqlstore.Line) openapi.Line {
	return openapi.Line{
		Holder: l.Holder.String(), Currency: l.Asset.Currency.String(), Issuer: l.Asset.Issuer.String(),
		Limit: money.New(l.Limit, l.Asset.Currency).Value(), Balance: money.New(l.Balance, l.Asset.Currency).Value(),
		Ripple: l.Ripple, QualityIn: share(l.QualityIn), QualityOut: share(l.QualityOut), Frozen: l.Frozen, Authorized: l.Authorized,
		Height: int64(l.Height),
	}
}
