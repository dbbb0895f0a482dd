package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"

	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// AddClientKey registers an Ed25519 key or a certificate.
func (s server) AddClientKey(ctx context.Context, r openapi.AddClientKeyRequestObject) (openapi.AddClientKeyResponseObject, error) {
	bic, err := s.keysOf(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	f := &exchangeOf(ctx).faults
	key := sqlstore.ClientKey{ID: newID(), Participant: bic, Name: r.Body.Name, Created: s.now(), Kind: sqlstore.SignatureKey}
	switch {
	case (r.Body.PublicKey == "") == (r.Body.Certificate == ""):
		f.add("/public_key", openapi.ErrorCodeConflictingFields, "public_key or certificate", "")
	case r.Body.PublicKey != "":
		public, err := base64.StdEncoding.DecodeString(r.Body.PublicKey)
		if err != nil {
			return nil, err // the contract's format let nothing else through
		}
		copy(key.Public[:], public)
	default:
		der, err := base64.StdEncoding.Strict().DecodeString(r.Body.Certificate)
		if err != nil {
			f.add("/certificate", openapi.ErrorCodeInvalidCertificate, "not base64", "")
			break
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil || s.cfg.Now().After(cert.NotAfter) {
			f.add("/certificate", openapi.ErrorCodeInvalidCertificate, "not an X.509 certificate, or it has expired", "")
			break
		}
		key.Kind, key.Public = sqlstore.CertificateKey, sha256.Sum256(cert.Raw)
	}
	if err := f.problem(); err != nil {
		return nil, err
	}
	switch err := s.cfg.Store.PutClientKey(ctx, key); {
	case errors.Is(err, sqlstore.ErrExists):
		return nil, refuse(openapi.ErrorCodeClientKeyExists, "")
	case errors.Is(err, sqlstore.ErrFull):
		return nil, refuse(openapi.ErrorCodeTooManyClientKeys, "at most "+itoa(sqlstore.MaxClientKeys))
	case err != nil:
		return nil, err
	}
	return openapi.AddClientKey201JSONResponse(clientKeyView(key)), nil
}

func clientKeyView(k sqlstore.ClientKey) openapi.ClientKey {
	view := openapi.ClientKey{Id: idText(k.ID), Kind: openapi.ClientKeyKind(k.Kind), Name: k.Name, CreatedAt: timeText(k.Created)}
	if k.Kind == sqlstore.CertificateKey {
		view.Thumbprint = base64.RawURLEncoding.EncodeToString(k.Public[:])
	} else {
		view.PublicKey = base64.StdEncoding.EncodeToString(k.Public[:])
	}
	return view
}

// ListClientKeys lists them.
func (s server) ListClientKeys(ctx context.Context, r openapi.ListClientKeysRequestObject) (openapi.ListClientKeysResponseObject, error) {
	bic, err := s.keysOf(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	kept, err := s.cfg.Store.ClientKeys(ctx, bic)
	page := openapi.ListClientKeys200JSONResponse{Data: []openapi.ClientKey{}}
	for _, k := range kept {
		page.Data = append(page.Data, clientKeyView(k))
	}
	return page, err
}

// DeleteClientKey forgets one.
func (s server) DeleteClientKey(ctx context.Context, r openapi.DeleteClientKeyRequestObject) (openapi.DeleteClientKeyResponseObject, error) {
	bic, id, err := s.keyOf(ctx, r.Bic, r.Id)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Store.DeleteClientKey(ctx, bic, id); err != nil {
		return nil, missing(err)
	}
	return openapi.DeleteClientKey204Response{}, nil
}
