package gateway

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"slices"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// sign makes a submission of instructions with the key that the gateway keeps for the signer.
func (g *Gateway) sign(ctx context.Context, o order, fingerprint ledger.Hash, instructions []ledger.Instruction) ([]byte, error) {
	key, err := g.signingKey(ctx, o.signer)
	if err != nil {
		return nil, err
	}
	s := &ledger.Submission{
		Network: g.cfg.Network, Participant: o.signer, Key: []byte(o.key), Fingerprint: fingerprint, Salt: newSalt(), Whole: o.whole,
	}
	data, err := ledger.Sign(s, instructions, key)
	if err != nil {
		return nil, fmt.Errorf("sign submission: %w", err)
	}
	return data, nil
}

func (g *Gateway) signingKey(ctx context.Context, signer ledger.BIC) (ed25519.PrivateKey, error) {
	if signer == (ledger.BIC{}) {
		if g.cfg.Operator == nil {
			return nil, refuse(openapi.ErrorCodeNoSigningKey, "this gateway does not sign for the operator")
		}
		return g.cfg.Operator, nil
	}
	kept, err := g.keptKeys(ctx, signer)
	if err != nil {
		return nil, err
	}
	if len(kept) == 0 {
		return nil, refuse(openapi.ErrorCodeNoSigningKey, "the participant signs for itself: send a submission")
	}
	seed, err := g.secrets.opened(kept[0].Sealed, signingKeyUse(kept[0].Public))
	if err != nil {
		return nil, fmt.Errorf("signing key of %s: %w", signer, err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// keptKeys returns the keys that the gateway keeps for a participant and that the ledger accepts, newest
// first. Two admissions at once keep two keys, of which the ledger took one; one that was replaced may be
// there until it is forgotten.
func (g *Gateway) keptKeys(ctx context.Context, signer ledger.BIC) ([]sqlstore.SigningKey, error) {
	keys, err := g.cfg.Store.SigningKeys(ctx, signer)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	p, err := g.cfg.Store.Participant(ctx, signer)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(keys, func(k sqlstore.SigningKey) bool { return !slices.Contains(p.Keys, k.Public) }), nil
}

func signingKeyUse(public [32]byte) string { return fmt.Sprintf("signing-key:%x", public) }

func newSalt() (salt ledger.Hash) {
	_, _ = rand.Read(salt[:]) // never fails
	return salt
}
