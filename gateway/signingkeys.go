package gateway

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
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

// AddSigningKey registers a key of the participant's own with the ledger, in the place of those that the
// gateway keeps for it: one submission adds the one and revokes the others.
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
	proof, err := base64.StdEncoding.DecodeString(r.Body.Proof)
	if err != nil {
		return nil, err
	}
	if !ed25519.Verify(key, ledger.KeyProof(s.cfg.Network, p.BIC, set.Key), proof) {
		x.faults.add("/proof", openapi.ErrorCodeBadSignature, "not this key's signature for this participant of this network", "")
		return nil, x.faults.problem()
	}
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodPost,
		path: "/v1/participants/" + p.BIC.String() + "/signing-keys", settle: true,
		draft: func(ctx context.Context) (*draft, error) {
			d := &draft{instructions: []ledger.Instruction{set}}
			kept, err := s.keptKeys(ctx, p.BIC)
			for _, k := range kept {
				d.instructions = append(d.instructions, &ledger.SetKey{Participant: p.BIC, Key: k.Public, Revoke: true})
			}
			return d, err
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			if err := s.applied(ctx, at, func() bool { return true }); err != nil {
				return nil, err
			}
			// What the ledger refuses from now on is of no use but to a thief.
			for _, one := range at.instructions {
				if k := one.(*ledger.SetKey); k.Revoke {
					if err := s.cfg.Store.DeleteSigningKey(ctx, p.BIC, k.Key); err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
						return nil, err
					}
				}
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
