package gateway

import (
	"context"
	"encoding/base64"
	"net/http"
	"slices"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// ownKeys returns whose keys a path names, if the caller may see and change them.
func (g *Gateway) ownKeys(ctx context.Context, text string) (sqlstore.Participant, error) {
	bic, err := ledger.ParseBIC(text)
	if err != nil || !exchangeOf(ctx).caller.mayRead(bic) {
		return sqlstore.Participant{}, errNotFound
	}
	p, err := g.cfg.Store.Participant(ctx, bic)
	return p, missing(err)
}

// CreateAPIKey makes a key for a participant.
func (s server) CreateAPIKey(ctx context.Context, r openapi.CreateAPIKeyRequestObject) (openapi.CreateAPIKeyResponseObject, error) {
	p, err := s.ownKeys(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	var expires int64
	if r.Body.ExpiresAt != "" {
		if expires, err = parseTime(r.Body.ExpiresAt); err != nil || expires <= s.now() {
			f := &exchangeOf(ctx).faults
			f.add("/expires_at", openapi.ErrorCodeInvalidTime, "not a time to come", "")
			return nil, f.problem()
		}
	}
	key, kept, err := s.issueKey(ctx, p.BIC, r.Body.Name, expires)
	if err != nil {
		return nil, err
	}
	view := apiKeyView(kept)
	view.Key = key
	return openapi.CreateAPIKey201JSONResponse(view), nil
}

// ListAPIKeys lists a participant's keys.
func (s server) ListAPIKeys(ctx context.Context, r openapi.ListAPIKeysRequestObject) (openapi.ListAPIKeysResponseObject, error) {
	p, err := s.ownKeys(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	kept, err := s.cfg.Store.APIKeys(ctx, p.BIC)
	page := openapi.ListAPIKeys200JSONResponse{Data: []openapi.APIKey{}}
	for _, k := range kept {
		page.Data = append(page.Data, apiKeyView(k))
	}
	return page, err
}

func apiKeyView(k sqlstore.APIKey) openapi.APIKey {
	return openapi.APIKey{
		Id: idText(k.ID), Participant: k.Participant.String(), Prefix: k.Prefix, Name: k.Name, CreatedAt: timeText(k.Created),
		ExpiresAt: timeText(k.Expires), LastUsedAt: timeText(k.LastUsed), RevokedAt: timeText(k.Revoked),
	}
}

// DeleteAPIKey revokes a key.
func (s server) DeleteAPIKey(ctx context.Context, r openapi.DeleteAPIKeyRequestObject) (openapi.DeleteAPIKeyResponseObject, error) {
	p, err := s.ownKeys(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	id, err := parseID(r.Id)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Store.RevokeAPIKey(ctx, p.BIC, id, s.now()); err != nil {
		return nil, missing(err)
	}
	return openapi.DeleteAPIKey204Response{}, nil
}

// AddSigningKey registers a public key with the ledger.
func (s server) AddSigningKey(ctx context.Context, r openapi.AddSigningKeyRequestObject) (openapi.AddSigningKeyResponseObject, error) {
	x := exchangeOf(ctx)
	p, err := s.ownKeys(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	set := &ledger.SetKey{Participant: p.BIC}
	key, err := base64.StdEncoding.DecodeString(r.Body.PublicKey)
	if err != nil {
		return nil, err // the contract's format let nothing else through
	}
	copy(set.Key[:], key)
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodPost,
		path: "/v1/participants/" + p.BIC.String() + "/signing-keys", settle: true,
		draft: func(context.Context) (*draft, error) {
			return &draft{instructions: []ledger.Instruction{set}}, nil
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			if err := s.applied(ctx, at, func() bool { return true }); err != nil {
				return nil, err
			}
			return jsonAnswer(http.StatusCreated, openapi.SigningKey{PublicKey: r.Body.PublicKey})
		},
	})
}

// ListSigningKeys lists the keys the ledger accepts for a participant.
func (s server) ListSigningKeys(ctx context.Context, r openapi.ListSigningKeysRequestObject) (openapi.ListSigningKeysResponseObject, error) {
	p, err := s.ownKeys(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	kept, err := s.cfg.Store.SigningKeys(ctx, p.BIC)
	page := openapi.ListSigningKeys200JSONResponse{Data: []openapi.SigningKey{}}
	for _, key := range p.Keys {
		page.Data = append(page.Data, openapi.SigningKey{
			PublicKey:     base64.StdEncoding.EncodeToString(key[:]),
			KeptByGateway: slices.ContainsFunc(kept, func(k sqlstore.SigningKey) bool { return k.Public == key }),
		})
	}
	return page, err
}
