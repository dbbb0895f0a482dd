package gateway

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// AdmitParticipant admits an institution and keeps a signing key for it.
func (s server) AdmitParticipant(ctx context.Context, r openapi.AdmitParticipantRequestObject) (openapi.AdmitParticipantResponseObject, error) {
	x := exchangeOf(ctx)
	if !x.caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "only the operator admits participants")
	}
	return s.run(ctx, order{
		key: x.key, method: http.MethodPost, path: "/v1/participants", settle: true,
		draft: func(ctx context.Context) (*draft, error) { return s.draftAdmission(ctx, r.Body, &x.faults) },
		answer: func(ctx context.Context, at placed) (*answer, error) {
			bic := at.instructions[0].(*ledger.Admit).BIC
			p, err := s.cfg.Store.Participant(ctx, bic)
			if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
				return nil, err
			}
			if err := s.applied(ctx, at, func() bool { return err == nil }); err != nil {
				return nil, err
			}
			return s.participantAnswer(ctx, http.StatusCreated, p, x.caller)
		},
	})
}

func (g *Gateway) draftAdmission(ctx context.Context, in *openapi.NewParticipant, f *faults) (*draft, error) {
	bic, _ := ledger.ParseBIC(in.Bic)
	if !f.at("/bic") && !f.at("/country") && bic.Country() != in.Country {
		f.add("/country", openapi.ErrorCodeCountryMismatch, "the BIC is of "+bic.Country(), "")
	}
	if len(f.list) > 0 {
		return nil, f.problem()
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	admit := &ledger.Admit{BIC: bic, Name: in.Name, LEI: in.Lei, Key: [32]byte(public)}
	copy(admit.Country[:], in.Country)
	// The key is kept before the admission is ordered: a participant whose key was lost could do nothing.
	kept := sqlstore.SigningKey{Public: admit.Key, Participant: bic, Created: g.now()}
	kept.Sealed = g.secrets.sealed(private.Seed(), signingKeyUse(kept.Public))
	if _, err := g.cfg.Store.Participant(ctx, bic); err == nil {
		return nil, refuse(openapi.ErrorCodeParticipantExists, bic.String()+" is admitted already")
	} else if !errors.Is(err, sqlstore.ErrNotFound) {
		return nil, err
	}
	if err := g.cfg.Store.PutSigningKey(ctx, kept); err != nil {
		return nil, err
	}
	if in.Funding != nil || in.MaxOverMidBps != 0 || in.IsoProfile != "" {
		err = g.cfg.Store.PutSettings(ctx, sqlstore.Settings{
			Participant: bic, Funding: in.Funding, MaxOverMidBps: in.MaxOverMidBps, ISOProfile: string(in.IsoProfile), Updated: g.now(),
		})
	}
	return &draft{instructions: []ledger.Instruction{admit}}, err
}

// ListParticipants lists who is admitted.
func (s server) ListParticipants(ctx context.Context, r openapi.ListParticipantsRequestObject) (openapi.ListParticipantsResponseObject, error) {
	const list = "participants"
	var after ledger.BIC
	at, err := s.behind(list, r.Params.Cursor, len(after))
	if err != nil {
		return nil, err
	}
	copy(after[:], at)
	limit := limitOf(r.Params.Limit)
	found, err := s.cfg.Store.Participants(ctx, after, limit+1)
	if err != nil {
		return nil, err
	}
	found, next := cut(s.Gateway, list, found, limit, func(p *sqlstore.Participant) []byte { return p.BIC[:] })
	page := openapi.ListParticipants200JSONResponse{Data: []openapi.Participant{}, NextCursor: next}
	for _, p := range found {
		page.Data = append(page.Data, participantView(p))
	}
	return page, nil
}

// GetParticipant reads one.
func (s server) GetParticipant(ctx context.Context, r openapi.GetParticipantRequestObject) (openapi.GetParticipantResponseObject, error) {
	p, err := s.participant(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	view, err := s.participantFor(ctx, p, exchangeOf(ctx).caller)
	return openapi.GetParticipant200JSONResponse(view), err
}

// participant finds a participant by the text of its BIC.
func (g *Gateway) participant(ctx context.Context, text string) (sqlstore.Participant, error) {
	bic, err := ledger.ParseBIC(text)
	if err != nil {
		return sqlstore.Participant{}, errNotFound
	}
	p, err := g.cfg.Store.Participant(ctx, bic)
	return p, missing(err)
}

// missing turns the store's "not found" into the caller's.
func missing(err error) error {
	if errors.Is(err, sqlstore.ErrNotFound) {
		return errNotFound
	}
	return err
}

// ChangeParticipant changes terms and caps in the ledger and settings at the gateway.
func (s server) ChangeParticipant(ctx context.Context, r openapi.ChangeParticipantRequestObject) (openapi.ChangeParticipantResponseObject, error) {
	x := exchangeOf(ctx)
	bic, err := ledger.ParseBIC(r.Bic)
	if err != nil || !x.caller.mayRead(bic) {
		return nil, errNotFound
	}
	instructions := changes(bic, r.Body, x.caller, &x.faults)
	if err := x.faults.problem(); err != nil {
		return nil, err
	}
	if _, err := s.cfg.Store.Participant(ctx, bic); err != nil {
		return nil, missing(err)
	}
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodPatch, path: "/v1/participants/" + bic.String(), settle: true,
		draft: func(context.Context) (*draft, error) { return &draft{instructions: instructions}, nil },
		answer: func(ctx context.Context, at placed) (*answer, error) {
			if err := s.applied(ctx, at, func() bool { return true }); err != nil {
				return nil, err
			}
			// Settings follow the terms, so that a refusal of these leaves both as they were.
			if err := s.changeSettings(ctx, bic, r.Body); err != nil {
				return nil, err
			}
			if err := s.changeApprovalRules(ctx, bic, r.Body.ApprovalAbove, x.caller); err != nil {
				return nil, err
			}
			p, err := s.cfg.Store.Participant(ctx, bic)
			if err != nil {
				return nil, missing(err)
			}
			return s.participantAnswer(ctx, http.StatusOK, p, x.caller)
		},
	})
}

// changes makes the instructions of a change: the participant's terms are its own, its caps the
// operator's.
func changes(bic ledger.BIC, in *openapi.ParticipantChange, by caller, f *faults) (all []ledger.Instruction) {
	terms := &ledger.SetTerms{}
	if in.TransferFee != "" {
		fee, ok := parts(in.TransferFee)
		if !ok || fee < 0 || fee > ledger.Unit {
			f.add("/transfer_fee", openapi.ErrorCodeBadFee, "from 0 to 1, at most nine decimals", "")
		}
		terms.SetTransferFee, terms.TransferFee = true, fee
	}
	for _, b := range []struct {
		in       *bool
		set, out *bool
	}{
		{in.RequireAuthorization, &terms.SetRequireAuthorization, &terms.RequireAuthorization},
		{in.Frozen, &terms.SetFrozen, &terms.Frozen},
		{in.RippleDefault, &terms.SetRippleDefault, &terms.RippleDefault},
	} {
		if b.in != nil {
			*b.set, *b.out = true, *b.in
		}
	}
	if *terms != (ledger.SetTerms{}) {
		all = append(all, terms)
	}
	hold := holdTerms(bic, in, f)
	if *hold != (ledger.SetHoldTerms{Participant: bic}) {
		all = append(all, hold)
	}
	for i, c := range in.NetDebitCaps {
		at := fmt.Sprintf("/net_debit_caps/%d", i)
		currency, err := money.ParseCurrency(c.Currency)
		if err != nil {
			continue // the contract's format found it
		}
		limit := int64(ledger.NoCap)
		if c.Value != "" && !f.at(at+"/value") {
			if limit = readUnits(c.Value, currency, at+"/value", f); limit < 0 {
				f.add(at+"/value", openapi.ErrorCodeBadLimit, "a cap is not below zero", "")
			}
		}
		all = append(all, &ledger.SetCap{Participant: bic, Currency: currency, Cap: limit})
	}
	checkApprovalRules(in.ApprovalAbove, f)
	if by.operator {
		if *terms != (ledger.SetTerms{}) || hold.SetLongestHold || hold.SetHoldShare || in.Funding != nil || in.MaxOverMidBps != nil || in.IsoProfile != "" || in.RequireSignature != nil {
			f.add("", openapi.ErrorCodeNotAllowed, "terms and settings are the participant's own; the operator sets net_debit_caps and longest_quote", "")
		}
		return all
	}
	if len(in.NetDebitCaps) > 0 {
		f.add("/net_debit_caps", openapi.ErrorCodeNotAllowed, "net debit caps are the operator's to set", "")
	}
	if hold.SetLongestQuote {
		f.add("/longest_quote", openapi.ErrorCodeNotAllowed, "how long firm quotes may stand is the operator's to set", "")
	}
	return all
}

// holdTerms reads how long and how much may be held.
func holdTerms(bic ledger.BIC, in *openapi.ParticipantChange, f *faults) *ledger.SetHoldTerms {
	hold := &ledger.SetHoldTerms{Participant: bic}
	if in.LongestQuote != 0 {
		hold.SetLongestQuote, hold.LongestQuote = true, int64(in.LongestQuote)*1_000
	}
	if in.LongestHold != nil {
		hold.SetLongestHold, hold.LongestHold = true, int64(*in.LongestHold)*1_000
	}
	if in.HoldShare != "" {
		part, ok := parts(in.HoldShare)
		if !ok || part < 0 || part > ledger.Unit {
			f.add("/hold_share", openapi.ErrorCodeBadShare, "from 0 to 1, at most nine decimals", "")
		}
		hold.SetHoldShare, hold.HoldShare = true, part
	}
	return hold
}

func (g *Gateway) changeSettings(ctx context.Context, bic ledger.BIC, in *openapi.ParticipantChange) error {
	if in.Funding == nil && in.MaxOverMidBps == nil && in.IsoProfile == "" && in.RequireSignature == nil {
		return nil
	}
	kept, err := g.cfg.Store.Settings(ctx, bic)
	if err != nil {
		return err
	}
	kept.Participant, kept.Updated = bic, g.now()
	if in.Funding != nil {
		kept.Funding = *in.Funding
	}
	if in.MaxOverMidBps != nil {
		kept.MaxOverMidBps = *in.MaxOverMidBps
	}
	if in.IsoProfile != "" {
		kept.ISOProfile = string(in.IsoProfile)
	}
	if in.RequireSignature != nil {
		kept.RequireSignature = *in.RequireSignature
	}
	return g.cfg.Store.PutSettings(ctx, kept)
}

func participantView(p sqlstore.Participant) openapi.Participant {
	longest := int(p.LongestHold / 1_000)
	return openapi.Participant{
		Bic: p.BIC.String(), Name: p.Name, Country: p.Country, Lei: p.LEI, TransferFee: share(p.TransferFee),
		RequireAuthorization: p.RequireAuthorization, Frozen: p.Frozen, RippleDefault: p.RippleDefault,
		AdmittedAt: timeText(p.Admitted), LongestQuote: int(p.LongestQuote / 1_000), LongestHold: &longest, HoldShare: share(p.HoldShare),
	}
}

// participantFor adds what only the participant and the operator see.
func (g *Gateway) participantFor(ctx context.Context, p sqlstore.Participant, by caller) (openapi.Participant, error) {
	view := participantView(p)
	if !by.mayRead(p.BIC) {
		return view, nil
	}
	caps, err := g.cfg.Store.Caps(ctx, p.BIC)
	if err != nil {
		return view, err
	}
	for _, c := range caps {
		if c.Cap != ledger.NoCap {
			view.NetDebitCaps = append(view.NetDebitCaps, openapi.Cap{
				Currency: c.Currency.String(), Value: money.New(c.Cap, c.Currency).Value(), Net: money.New(c.Net, c.Currency).Value(),
			})
		}
	}
	kept, err := g.cfg.Store.Settings(ctx, p.BIC)
	view.Funding, view.MaxOverMidBps, view.RequireSignature = kept.Funding, &kept.MaxOverMidBps, kept.RequireSignature
	if err != nil {
		return view, err
	}
	rules, err := g.cfg.Store.ApprovalRules(ctx, p.BIC)
	for _, r := range rules {
		view.ApprovalAbove = append(view.ApprovalAbove, openapi.Money{Currency: r.Currency.String(), Value: money.New(r.Above, r.Currency).Value()})
	}
	if view.IsoProfile = openapi.ISOProfile(kept.ISOProfile); view.IsoProfile == "" {
		view.IsoProfile = openapi.CbprSr2026
	}
	return view, err
}

func (g *Gateway) participantAnswer(ctx context.Context, status int, p sqlstore.Participant, by caller) (*answer, error) {
	view, err := g.participantFor(ctx, p, by)
	if err != nil {
		return nil, err
	}
	return jsonAnswer(status, view)
}
