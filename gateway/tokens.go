package gateway

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// An access token is vdt_ and, in base64url, the 12 characters its key is looked up by, the second it ends, the
// thumbprint of the certificate it was asked for with (zero for none), the scopes with a space between,
// and an HMAC of these under a key that the gateways share. It is good while its key is.
const (
	tokenMark     = "vdt_"
	tokenLife     = 10 * time.Minute
	tokenHead     = prefixSize - len(keyMark) + 8 + 32
	maxTokenBytes = tokenHead + 512 + sha256.Size
)

func (s *Secrets) tokenTag(head []byte) []byte {
	m := hmac.New(sha256.New, s.token)
	m.Write(head)
	return m.Sum(nil)
}

func (s *Secrets) newToken(prefix string, ends int64, thumbprint [32]byte, scopes []string) string {
	b := append([]byte(nil), prefix[len(keyMark):]...)
	b = binary.BigEndian.AppendUint64(b, uint64(ends))
	b = append(b, thumbprint[:]...)
	b = append(b, strings.Join(scopes, " ")...)
	return tokenMark + base64.RawURLEncoding.EncodeToString(append(b, s.tokenTag(b)...))
}

// authenticateToken finds out who has an access token.
func (g *Gateway) authenticateToken(ctx context.Context, text string, conn connection) (caller, error) {
	if len(text) > len(tokenMark)+base64.RawURLEncoding.EncodedLen(maxTokenBytes) {
		return caller{}, errUnauthorized
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text[len(tokenMark):])
	if err != nil || len(b) < tokenHead+sha256.Size {
		return caller{}, errUnauthorized
	}
	head, tag := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if !hmac.Equal(tag, g.secrets.tokenTag(head)) {
		return caller{}, errUnauthorized
	}
	id, rest := string(head[:prefixSize-len(keyMark)]), head[prefixSize-len(keyMark):]
	ends, thumbprint, scopes := int64(binary.BigEndian.Uint64(rest)), [32]byte(rest[8:40]), string(rest[40:])
	if ends <= g.now() || thumbprint != [32]byte{} && thumbprint != conn.thumbprint() {
		return caller{}, errUnauthorized
	}
	kept, err := g.cfg.Store.Credential(ctx, keyMark+id)
	if errors.Is(err, sqlstore.ErrNotFound) {
		return caller{}, errUnauthorized
	}
	if err != nil {
		return caller{}, err
	}
	c, err := g.letIn(ctx, kept, conn)
	c.key.Scopes, c.ends = strings.Fields(scopes), ends
	return c, err
}

// tokenAnswer is an answer of the token endpoint, in the form of RFC 6749, sections 5.1 and 5.2.
type tokenAnswer struct {
	status int
	body   any
}

func oauthRefusal(code openapi.OAuthErrorError, description string) *tokenAnswer {
	status := http.StatusBadRequest
	if code == openapi.OAuthInvalidClient {
		status = http.StatusUnauthorized
	}
	return &tokenAnswer{status, openapi.OAuthError{Error: code, ErrorDescription: description}}
}

// VisitIssueTokenResponse writes the answer, which nobody is to store.
func (a *tokenAnswer) VisitIssueTokenResponse(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	if a.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="viaduct"`)
	}
	w.WriteHeader(a.status)
	return json.NewEncoder(w).Encode(a.body)
}

// IssueToken gives an access token for an API key.
func (s server) IssueToken(ctx context.Context, _ openapi.IssueTokenRequestObject) (openapi.IssueTokenResponseObject, error) {
	x := exchangeOf(ctx)
	form, err := url.ParseQuery(string(x.body))
	if err != nil {
		return oauthRefusal(openapi.OAuthInvalidRequest, "the body is not a form"), nil
	}
	for name, values := range form {
		if len(values) > 1 {
			return oauthRefusal(openapi.OAuthInvalidRequest, name+" is there more than once"), nil
		}
	}
	key, refusal := clientOf(x.authorization, form)
	if refusal != nil {
		return refusal, nil
	}
	c, err := s.authenticateKey(ctx, key, x.conn)
	var p *problem
	switch {
	case errors.As(err, &p):
		return oauthRefusal(openapi.OAuthInvalidClient, kinds[p.code].title), nil
	case err != nil:
		return nil, err
	}
	switch form.Get("grant_type") {
	case "client_credentials":
	case "":
		return oauthRefusal(openapi.OAuthInvalidRequest, "grant_type is missing"), nil
	default:
		return oauthRefusal(openapi.OAuthUnsupportedGrantType, "only client_credentials"), nil
	}
	scopes := c.key.Scopes
	if asked := form.Get("scope"); asked != "" {
		if scopes = strings.Split(asked, " "); len(scopes) > 16 {
			return oauthRefusal(openapi.OAuthInvalidScope, "too many scopes"), nil
		}
	}
	for _, scope := range scopes {
		if !openapi.Scope(scope).Valid() || !c.may(scope) {
			return oauthRefusal(openapi.OAuthInvalidScope, "the key does not have what is asked for"), nil
		}
	}
	ends := s.now() + tokenLife.Milliseconds()
	if c.key.Expires != 0 {
		ends = min(ends, c.key.Expires)
	}
	return &tokenAnswer{http.StatusOK, openapi.Token{
		AccessToken: s.secrets.newToken(c.key.Prefix, ends, x.conn.thumbprint(), scopes), TokenType: "Bearer",
		ExpiresIn: int((ends - s.now()) / 1000), Scope: strings.Join(scopes, " "),
	}}, nil
}

// clientOf reads the API key out of HTTP Basic or the form, but not both (RFC 6749, section 2.3.1).
func clientOf(authorization []string, form url.Values) (string, *tokenAnswer) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if len(authorization) > 0 {
		r := http.Request{Header: http.Header{"Authorization": authorization}}
		user, password, ok := r.BasicAuth()
		basicID, err1 := url.QueryUnescape(user)
		basicSecret, err2 := url.QueryUnescape(password)
		switch {
		case len(authorization) > 1 || secret != "":
			return "", oauthRefusal(openapi.OAuthInvalidRequest, "more than one way to say who the client is")
		case !ok || err1 != nil || err2 != nil || id != "" && id != basicID:
			return "", oauthRefusal(openapi.OAuthInvalidClient, "Authorization is not Basic with client_id and client_secret")
		}
		id, secret = basicID, basicSecret
	}
	if len(secret) != keySize || id != secret[:prefixSize] {
		return "", oauthRefusal(openapi.OAuthInvalidClient, "client_id is the key's prefix and client_secret the key")
	}
	return secret, nil
}

// GetOAuthMetadata tells where tokens are had.
func (s server) GetOAuthMetadata(ctx context.Context, _ openapi.GetOAuthMetadataRequestObject) (openapi.GetOAuthMetadataResponseObject, error) {
	base := exchangeOf(ctx).base
	return openapi.GetOAuthMetadata200JSONResponse{
		Issuer: base, TokenEndpoint: base + "/oauth/token", GrantTypesSupported: []string{"client_credentials"}, ResponseTypesSupported: []string{},
		TokenEndpointAuthMethodsSupported: []string{"client_secret_basic", "client_secret_post"}, ScopesSupported: slices.Clone(s.contract.scopes),
		ServiceDocumentation: base + "/openapi.yaml",
	}, nil
}

// baseURL is the URL under which a caller sees the gateway.
func baseURL(r *http.Request) string {
	t := targetOf(r)
	return t.scheme + "://" + t.authority
}
