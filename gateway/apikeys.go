package gateway

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// A key is vdk_, 12 hexadecimal characters by which it is looked up, another underscore, and 256
// random bits. Only the SHA-256 of the whole is kept; with that many random bits it needs no salt.
const (
	keyMark    = "vdk_"
	prefixSize = len(keyMark) + 12
	keySize    = prefixSize + 1 + 43
)

func newKey() (key, prefix string, hash ledger.Hash) {
	var id [6]byte
	var secret [32]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(secret[:])
	prefix = keyMark + hex.EncodeToString(id[:])
	key = prefix + "_" + base64.RawURLEncoding.EncodeToString(secret[:])
	return key, prefix, sha256.Sum256([]byte(key))
}

// CreateOperatorKey makes and keeps an API key for the operator, who has none to ask for one with.
func (g *Gateway) CreateOperatorKey(ctx context.Context, name string) (string, error) {
	key, kept := g.newAPIKey(sqlstore.APIKey{Name: name, Scopes: []string{string(openapi.ScopeAll)}})
	if err := g.cfg.Store.PutAPIKey(ctx, kept); err != nil {
		return "", fmt.Errorf("keep API key: %w", err)
	}
	return key, nil
}

// Knows says whether an API key opens this gateway.
func (g *Gateway) Knows(ctx context.Context, key string) (bool, error) {
	_, err := g.authenticate(ctx, http.Header{"Authorization": {"Bearer " + key}}, connection{from: netip.IPv6Loopback()})
	var p *problem
	if errors.As(err, &p) {
		return p.code == openapi.ErrorCodeAddressNotAllowed || p.code == openapi.ErrorCodeCertificateRequired, nil
	}
	return err == nil, err
}

// newAPIKey makes a key that is like another in what it may do.
func (g *Gateway) newAPIKey(like sqlstore.APIKey) (string, sqlstore.APIKey) {
	key, prefix, hash := newKey()
	return key, sqlstore.APIKey{
		ID: newID(), Prefix: prefix, Hash: hash, Participant: like.Participant, Name: like.Name,
		Scopes: like.Scopes, Networks: like.Networks, Created: g.now(), Expires: like.Expires,
	}
}

// operatorName stands in a path for the operator, who has no BIC.
const operatorName = "operator"

// keysOf returns whose keys a path names, if the caller may see and change them.
func (g *Gateway) keysOf(ctx context.Context, text string) (ledger.BIC, error) {
	by := exchangeOf(ctx).caller
	if text == operatorName && by.operator {
		return ledger.BIC{}, nil
	}
	p, err := g.ownKeys(ctx, text)
	return p.BIC, err
}

// keyOf is keysOf for one key, and its id.
func (g *Gateway) keyOf(ctx context.Context, whose, key string) (ledger.BIC, ledger.ID, error) {
	bic, err := g.keysOf(ctx, whose)
	if err != nil {
		return bic, ledger.ID{}, err
	}
	id, err := parseID(key)
	return bic, id, err
}

// CreateAPIKey makes a key for a participant.
func (s server) CreateAPIKey(ctx context.Context, r openapi.CreateAPIKeyRequestObject) (openapi.CreateAPIKeyResponseObject, error) {
	bic, err := s.keysOf(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	x := exchangeOf(ctx)
	like := sqlstore.APIKey{Participant: bic, Name: r.Body.Name}
	for i, scope := range r.Body.Scopes {
		like.Scopes = append(like.Scopes, string(scope))
		if !x.caller.may(string(scope)) {
			x.faults.add("/scopes/"+itoa(i), openapi.ErrorCodeInsufficientScope, "the calling key does not have it itself", "")
		}
	}
	if len(like.Scopes) == 0 {
		// The new key may do what the calling one may, and for a plain key that is everything.
		like.Scopes = x.caller.key.Scopes
	}
	for _, text := range r.Body.AllowedNetworks {
		n, _ := parseNetwork(text) // its format was checked
		like.Networks = append(like.Networks, n.String())
	}
	if r.Body.ExpiresAt != "" {
		if like.Expires, err = parseTime(r.Body.ExpiresAt); err != nil || like.Expires <= s.now() {
			x.faults.add("/expires_at", openapi.ErrorCodeInvalidTime, "not a time to come", "")
		}
	}
	if err := x.faults.problem(); err != nil {
		return nil, err
	}
	key, kept := s.newAPIKey(like)
	if err := s.cfg.Store.PutAPIKey(ctx, kept); err != nil {
		return nil, tooManyKeys(err)
	}
	view := apiKeyView(kept)
	view.Key = key
	return openapi.CreateAPIKey201JSONResponse(view), nil
}

func tooManyKeys(err error) error {
	if errors.Is(err, sqlstore.ErrFull) {
		return refuse(openapi.ErrorCodeTooManyApiKeys, "at most "+itoa(sqlstore.MaxAPIKeys)+" that are valid; revoke some")
	}
	return missing(err)
}

// defaultOverlap is how long a key that was replaced stays valid, unless the caller says otherwise.
const defaultOverlap = 24 * time.Hour

// RotateAPIKey replaces a key.
func (s server) RotateAPIKey(ctx context.Context, r openapi.RotateAPIKeyRequestObject) (openapi.RotateAPIKeyResponseObject, error) {
	bic, id, err := s.keyOf(ctx, r.Bic, r.Id)
	if err != nil {
		return nil, err
	}
	old, err := s.cfg.Store.APIKey(ctx, bic, id)
	if err != nil {
		return nil, missing(err)
	}
	by := exchangeOf(ctx).caller
	for _, scope := range old.Scopes {
		if !by.may(scope) {
			return nil, refuse(openapi.ErrorCodeInsufficientScope, "the key has a scope that the calling key has not: "+scope)
		}
	}
	overlap := defaultOverlap
	if r.Body.OverlapSeconds != nil {
		overlap = time.Duration(*r.Body.OverlapSeconds) * time.Second
	}
	now := s.now()
	like := old
	if old.Expires != 0 {
		like.Expires = now + old.Expires - old.Created
	}
	key, kept := s.newAPIKey(like)
	if err := s.cfg.Store.ReplaceAPIKey(ctx, id, now+overlap.Milliseconds(), kept); err != nil {
		return nil, tooManyKeys(err)
	}
	view := apiKeyView(kept)
	view.Key = key
	return openapi.RotateAPIKey201JSONResponse(view), nil
}

// ListAPIKeys lists a participant's keys.
func (s server) ListAPIKeys(ctx context.Context, r openapi.ListAPIKeysRequestObject) (openapi.ListAPIKeysResponseObject, error) {
	bic, err := s.keysOf(ctx, r.Bic)
	if err != nil {
		return nil, err
	}
	list := "api-keys:" + bic.String()
	var after ledger.ID
	at, err := s.behind(list, r.Params.Cursor, len(after))
	if err != nil {
		return nil, err
	}
	copy(after[:], at)
	limit := limitOf(r.Params.Limit)
	kept, err := s.cfg.Store.APIKeys(ctx, bic, after, limit+1)
	if err != nil {
		return nil, err
	}
	kept, next := cut(s.Gateway, list, kept, limit, func(k *sqlstore.APIKey) []byte { return k.ID[:] })
	page := openapi.ListAPIKeys200JSONResponse{Data: []openapi.APIKey{}, NextCursor: next}
	for _, k := range kept {
		page.Data = append(page.Data, apiKeyView(k))
	}
	return page, nil
}

func apiKeyView(k sqlstore.APIKey) openapi.APIKey {
	view := openapi.APIKey{
		Id: idText(k.ID), Participant: k.Participant.String(), Prefix: k.Prefix, Name: k.Name, AllowedNetworks: k.Networks,
		Scopes: []openapi.Scope{}, CreatedAt: timeText(k.Created), ExpiresAt: timeText(k.Expires), LastUsedAt: timeText(k.LastUsed),
		RevokedAt: timeText(k.Revoked),
	}
	for _, scope := range k.Scopes {
		view.Scopes = append(view.Scopes, openapi.Scope(scope))
	}
	return view
}

// DeleteAPIKey revokes a key.
func (s server) DeleteAPIKey(ctx context.Context, r openapi.DeleteAPIKeyRequestObject) (openapi.DeleteAPIKeyResponseObject, error) {
	bic, id, err := s.keyOf(ctx, r.Bic, r.Id)
	if err != nil {
		return nil, err
	}
	if err := s.cfg.Store.RevokeAPIKey(ctx, bic, id, s.now()); err != nil {
		return nil, missing(err)
	}
	return openapi.DeleteAPIKey204Response{}, nil
}
