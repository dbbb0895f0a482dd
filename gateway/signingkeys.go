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
