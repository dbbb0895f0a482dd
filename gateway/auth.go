package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// caller is who makes a request, and what its key lets it do.
type caller struct {
	bic      ledger.BIC // zero for the operator
	operator bool
	key      sqlstore.APIKey // it came with, or its token was made with; with the scopes of either
	ends     int64           // when its token ends; 0 for a key
	mustSign bool            // its participant asks for message signatures
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

var errUnauthorized = &problem{code: openapi.ErrorCodeUnauthorized}

// connection is what a request's connection says of who is at its other end.
type connection struct {
	from        netip.Addr
	certificate *x509.Certificate // shown by the client, who proved to have its key; nil for none
}

// connectionOf reads a request's connection. What headers say of it is anyone's to write.
func connectionOf(r *http.Request) connection {
	c := connection{from: remoteAddress(r)}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		c.certificate = r.TLS.PeerCertificates[0]
	}
	return c
}

// thumbprint is the SHA-256 of the certificate (x5t#S256 in RFC 8705, section 3.1); zero for none.
func (c connection) thumbprint() [32]byte {
	if c.certificate == nil {
		return [32]byte{}
	}
	return sha256.Sum256(c.certificate.Raw)
}

// authenticate finds out who calls, by an API key or a token made with one. Whatever is wrong with it,
// the answer is the same; only to whoever has the right one does it say what else is missing.
func (g *Gateway) authenticate(ctx context.Context, h http.Header, conn connection) (caller, error) {
	given := h.Values("Authorization")
	if len(given) != 1 {
		return caller{}, errUnauthorized
	}
	scheme, secret, _ := strings.Cut(given[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return caller{}, errUnauthorized
	}
	if strings.HasPrefix(secret, tokenMark) {
		return g.authenticateToken(ctx, secret, conn)
	}
	return g.authenticateKey(ctx, secret, conn)
}

// authenticateKey finds out who has an API key.
func (g *Gateway) authenticateKey(ctx context.Context, key string, conn connection) (caller, error) {
	if len(key) != keySize || key[:len(keyMark)] != keyMark {
		return caller{}, errUnauthorized
	}
	kept, err := g.cfg.Store.Credential(ctx, key[:prefixSize])
	if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
		return caller{}, fmt.Errorf("look up API key: %w", err)
	}
	hash := sha256.Sum256([]byte(key))
	if subtle.ConstantTimeCompare(hash[:], kept.Hash[:]) == 0 || err != nil {
		return caller{}, errUnauthorized
	}
	return g.letIn(ctx, kept, conn)
}

// letIn checks what is asked for beside the secret itself: that the key is good, comes from where it
// may, and with a certificate if its participant has registered any.
func (g *Gateway) letIn(ctx context.Context, kept sqlstore.Credential, conn connection) (caller, error) {
	now := g.now()
	if !good(&kept.APIKey, now) {
		return caller{}, errUnauthorized
	}
	if !allowed(kept.Networks, conn.from) {
		return caller{}, refuse(openapi.ErrorCodeAddressNotAllowed, "the key may not be used from "+conn.from.String())
	}
	if kept.Pinned {
		if err := g.checkCertificate(ctx, kept.Participant, conn.certificate); err != nil {
			return caller{}, err
		}
	}
	if g.touched.due(kept.ID, now) {
		if err := g.cfg.Store.TouchAPIKey(ctx, kept.ID, now); err != nil {
			g.cfg.Log.Warn("note the use of an API key", "error", err)
		}
	}
	return caller{
		bic: kept.Participant, operator: kept.Participant == ledger.BIC{}, key: kept.APIKey, mustSign: kept.RequireSignature,
	}, nil
}

// checkCertificate refuses a client that does not show one of the participant's certificates while it is
// valid.
func (g *Gateway) checkCertificate(ctx context.Context, bic ledger.BIC, shown *x509.Certificate) error {
	if shown == nil {
		return refuse(openapi.ErrorCodeCertificateRequired, "the participant's requests come over mutual TLS")
	}
	if now := g.cfg.Now(); now.Before(shown.NotBefore) || now.After(shown.NotAfter) {
		return refuse(openapi.ErrorCodeCertificateRequired, "the certificate is not valid now")
	}
	pinned, err := g.cfg.Store.ClientKeys(ctx, bic)
	if err != nil {
		return err
	}
	thumbprint := sha256.Sum256(shown.Raw)
	if !slices.ContainsFunc(pinned, func(k sqlstore.ClientKey) bool { return k.Kind == sqlstore.CertificateKey && k.Public == thumbprint }) {
		return refuse(openapi.ErrorCodeCertificateRequired, "the certificate is none of the participant's")
	}
	return nil
}

// good says whether a key has neither ended nor been revoked.
func good(k *sqlstore.APIKey, now int64) bool {
	return k.Revoked == 0 && (k.Expires == 0 || k.Expires > now)
}

// allowed says whether an address is in one of the networks; none are all.
func allowed(networks []string, from netip.Addr) bool {
	return len(networks) == 0 || slices.ContainsFunc(networks, func(text string) bool {
		n, err := parseNetwork(text)
		return err == nil && n.Contains(from)
	})
}

// parseNetwork reads a CIDR block, or an address as the block of it alone. A block names no host: with
// bits behind its prefix it is more likely a slip than meant.
func parseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	n, err := netip.ParsePrefix(text)
	if err != nil || n.Masked() != n || n.Addr().Is4In6() {
		return n, &formatFault{openapi.ErrorCodeInvalidValue, "not an address or a CIDR block without host bits", ""}
	}
	return n, nil
}

// remoteAddress returns the address that a request's connection comes from.
func remoteAddress(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}

// may says whether the caller's key has a scope; every key has the empty one.
func (c caller) may(scope string) bool {
	return scope == "" || slices.Contains(c.key.Scopes, scope) || slices.Contains(c.key.Scopes, string(openapi.ScopeAll))
}

// permit refuses a caller whose key lacks the scope of an operation.
func (op *operation) permit(c caller) error {
	if !c.may(op.scope) {
		return refuse(openapi.ErrorCodeInsufficientScope, "the key's scopes do not include "+op.scope)
	}
	return nil
}

// recheckEvery is how often it is looked whether the key that opened a stream is still good.
const recheckEvery = 5 * time.Second

// whileGood returns a context that ends soon after the caller's key did. Whether the key is good cannot
// be known while the store does not answer; until it does, the stream goes on.
func (g *Gateway) whileGood(ctx context.Context, c caller) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		tick := time.NewTicker(g.recheck)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			kept, err := g.cfg.Store.APIKeyByPrefix(ctx, c.key.Prefix)
			if errors.Is(err, sqlstore.ErrNotFound) || err == nil && !good(&kept, g.now()) || c.ends != 0 && c.ends <= g.now() {
				cancel()
			}
		}
	}()
	return ctx, cancel
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
