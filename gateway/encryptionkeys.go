package gateway

import (
	"context"
	"encoding/base64"
	"errors"

	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// maxEncryptionKeys is how many a participant may register; each stays, to open what was sealed to it.
const maxEncryptionKeys = 50

func base64Text(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// AddEncryptionKey registers a key of the participant's own: from then on confidential details for it are sealed
// so that it alone can open them. Only the participant does that, for whoever does reads what comes.
func (s server) AddEncryptionKey(ctx context.Context, r openapi.AddEncryptionKeyRequestObject) (openapi.AddEncryptionKeyResponseObject, error) {
	x := exchangeOf(ctx)
	p, err := s.ownKeys(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	if !x.caller.speaksFor(p.BIC) {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "only the participant says to which key its details are sealed")
	}
	k := sqlstore.EncryptionKey{Participant: p.BIC, Created: s.now()}
	public, err := base64.StdEncoding.DecodeString(r.Body.PublicKey)
	if err != nil {
		return nil, err // the contract's format let nothing else through
	}
	copy(k.Public[:], public)
	all, err := s.cfg.Store.EncryptionKeys(ctx, p.BIC)
	switch {
	case err != nil:
		return nil, err
	case len(all) >= maxEncryptionKeys:
		return nil, refuse(openapi.ErrorCodeTooManyClientKeys, "at most "+itoa(maxEncryptionKeys)+" encryption keys")
	case r.Body.Proof == "":
		var unkept *problem // by whose gateway no signing key is kept vouches itself, and didn't
		if err := s.vouch(ctx, &k); err != nil && !errors.As(err, &unkept) {
			return nil, err
		}
	default:
		if k.Proof, err = base64.StdEncoding.DecodeString(r.Body.Proof); err != nil {
			return nil, err
		}
		for _, signer := range p.Keys {
			k.Signer = signer
			if vouched(s.cfg.Network, &p, &k) {
				break
			}
		}
	}
	if !vouched(s.cfg.Network, &p, &k) {
		x.faults.add("/proof", openapi.ErrorCodeBadSignature, "not a signature of one of the participant's signing keys for this key", "")
		return nil, x.faults.problem()
	}
	// A parcel that nobody can make would stop every payment with details.
	if _, err := newParcel(s.cfg.Network, &sqlstore.Payment{To: p.BIC}, k.Public, newSalt(), nil); err != nil {
		x.faults.add("/public_key", openapi.ErrorCodeInvalidValue, "not an X25519 key that can be sealed to", "")
		return nil, x.faults.problem()
	}
	switch err := s.cfg.Store.PutEncryptionKey(ctx, k); {
	case errors.Is(err, sqlstore.ErrExists):
		return nil, refuse(openapi.ErrorCodeClientKeyExists, "")
	case err != nil:
		return nil, err
	}
	return openapi.AddEncryptionKey201JSONResponse(encryptionKeyView(k)), nil
}

func encryptionKeyView(k sqlstore.EncryptionKey) openapi.EncryptionKey {
	return openapi.EncryptionKey{PublicKey: base64Text(k.Public[:]), KeptByGateway: len(k.Sealed) > 0, CreatedAt: timeText(k.Created)}
}

// ListEncryptionKeys lists them, the one in use first.
func (s server) ListEncryptionKeys(ctx context.Context, r openapi.ListEncryptionKeysRequestObject) (openapi.ListEncryptionKeysResponseObject, error) {
	p, err := s.ownKeys(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	all, err := s.cfg.Store.EncryptionKeys(ctx, p.BIC)
	page := openapi.ListEncryptionKeys200JSONResponse{Data: []openapi.EncryptionKey{}}
	for _, k := range all {
		page.Data = append(page.Data, encryptionKeyView(k))
	}
	return page, err
}
