package gateway

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/google/uuid"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// caller is who makes a request.
type caller struct {
	bic      ledger.BIC // zero for the operator
	operator bool
}

// speaksFor says whether the caller may act and see as the participant.
func (c caller) speaksFor(bic ledger.BIC) bool { return !c.operator && c.bic == bic }

// mayRead says whether the caller may see the participant's affairs.
func (c caller) mayRead(bic ledger.BIC) bool { return c.operator || c.bic == bic }

// viewing returns whose affairs a list shows: the participant that is named, or the caller itself.
func (c caller) viewing(named string) (ledger.BIC, error) {
	if named == "" {
		if c.operator {
			f := faults{}
			f.add("query:participant", openapi.ErrorCodeMissingField, "the operator says whose", "")
			return ledger.BIC{}, f.problem()
		}
		return c.bic, nil
	}
	bic, err := ledger.ParseBIC(named)
	if err != nil || !c.mayRead(bic) {
		return ledger.BIC{}, errNotFound
	}
	return bic, nil
}

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
	key, _, err := g.issueKey(ctx, ledger.BIC{}, name, 0)
	return key, err
}

// Knows says whether an API key opens this gateway.
func (g *Gateway) Knows(ctx context.Context, key string) (bool, error) {
	_, err := g.authenticate(ctx, http.Header{"Authorization": {"Bearer " + key}})
	if errors.Is(err, errUnauthorized) {
		return false, nil
	}
	return err == nil, err
}

func (g *Gateway) issueKey(ctx context.Context, bic ledger.BIC, name string, expires int64) (string, sqlstore.APIKey, error) {
	key, prefix, hash := newKey()
	kept := sqlstore.APIKey{
		ID: newID(), Prefix: prefix, Hash: hash, Participant: bic, Name: name, Created: g.now(), Expires: expires,
	}
	if err := g.cfg.Store.PutAPIKey(ctx, kept); err != nil {
		return "", kept, fmt.Errorf("keep API key: %w", err)
	}
	return key, kept, nil
}

var errUnauthorized = &problem{code: openapi.ErrorCodeUnauthorized}

// authenticate finds out who calls. Whatever is wrong with a key, the answer is the same.
func (g *Gateway) authenticate(ctx context.Context, h http.Header) (caller, error) {
	scheme, key, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || len(key) != keySize || key[:len(keyMark)] != keyMark {
		return caller{}, errUnauthorized
	}
	kept, err := g.cfg.Store.APIKeyByPrefix(ctx, key[:prefixSize])
	if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
		return caller{}, fmt.Errorf("look up API key: %w", err)
	}
	hash := sha256.Sum256([]byte(key))
	now := g.now()
	if subtle.ConstantTimeCompare(hash[:], kept.Hash[:]) == 0 || err != nil ||
		kept.Revoked != 0 || kept.Expires != 0 && kept.Expires <= now {
		return caller{}, errUnauthorized
	}
	if g.touched.due(kept.ID, now) {
		if err := g.cfg.Store.TouchAPIKey(ctx, kept.ID, now); err != nil {
			g.cfg.Log.Warn("note the use of an API key", "error", err)
		}
	}
	return caller{bic: kept.Participant, operator: kept.Participant == ledger.BIC{}}, nil
}

// touchEvery is how exact "last used" is, in milliseconds; a write for each request would cost more
// than the request.
const touchEvery = 60_000

// touches remembers when each key's use was last noted.
type touches struct {
	mu sync.Mutex
	at map[ledger.ID]int64
}

func (t *touches) due(id ledger.ID, now int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == nil {
		t.at = make(map[ledger.ID]int64)
	}
	if now-t.at[id] < touchEvery {
		return false
	}
	t.at[id] = now
	return true
}

func newID() ledger.ID { return ledger.ID(uuid.Must(uuid.NewV7())) }

func idText(id ledger.ID) string { return uuid.UUID(id).String() }

// parseID reads an id of a path; what is no id is not there.
func parseID(text string) (ledger.ID, error) {
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return ledger.ID{}, errNotFound
	}
	return ledger.ID(id), nil
}
