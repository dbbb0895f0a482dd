package gateway

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"

	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// HTTP message signatures (RFC 9421) with content digests (RFC 9530), in the profile that docs/security.md
// tells: one signature with the tag viaduct, made with a registered Ed25519 key, over the method, the
// target, the credentials, the idempotency key and the body's digest, at a time that is now, and once.
const (
	signatureTag = "viaduct"
	// signatureAgeSec is how long a signature is taken after it was made, and for how long its nonce is kept.
	signatureAgeSec = 300
	// signatureSkewSec is how far a signer's clock may be ahead.
	signatureSkewSec = 30
	maxNonce         = 128
)

// acceptSignature tells what is asked for (RFC 9421, section 5.1).
const acceptSignature = `viaduct=("@method" "@target-uri" "authorization" "content-digest" "content-type" "idempotency-key");created;nonce;keyid;alg="ed25519";tag="viaduct"`

// signedTarget is what a signature can cover of a request beside its fields.
type signedTarget struct {
	method, scheme, authority, uri string // uri is the request's target in origin form
}

func targetOf(r *http.Request) signedTarget {
	t := signedTarget{method: r.Method, scheme: "http", authority: strings.ToLower(r.Host), uri: r.RequestURI}
	port := ":80"
	if r.TLS != nil {
		t.scheme, port = "https", ":443"
	}
	t.authority = strings.TrimSuffix(t.authority, port)
	return t
}

// signatureBase returns the bytes that were signed (RFC 9421, section 2.5); false when a component is not
// there or none that is understood.
func signatureBase(t signedTarget, h http.Header, m *sfMember) (string, bool) {
	path, query, _ := strings.Cut(t.uri, "?")
	var b strings.Builder
	seen := make(map[string]bool)
	for _, c := range m.list {
		name, ok := c.value.(string)
		if !ok || len(c.params) > 0 || seen[name] || name == "@signature-params" {
			return "", false
		}
		seen[name] = true
		var value string
		switch name {
		case "@method":
			value = t.method
		case "@target-uri":
			value = t.scheme + "://" + t.authority + t.uri
		case "@authority":
			value = t.authority
		case "@scheme":
			value = t.scheme
		case "@request-target":
			value = t.uri
		case "@path":
			value = path
		case "@query":
			value = "?" + query
		default:
			given := h.Values(name)
			if len(given) == 0 || name != strings.ToLower(name) || strings.HasPrefix(name, "@") {
				return "", false
			}
			trimmed := make([]string, len(given))
			for i, v := range given {
				trimmed[i] = strings.Trim(v, " \t")
			}
			value = strings.Join(trimmed, ", ")
		}
		b.WriteString(sfText(name) + ": " + value + "\n")
	}
	b.WriteString(`"@signature-params": ` + m.innerListText())
	return b.String(), true
}

// covers says whether a signature covers all that it must.
func (m *sfMember) covers(h http.Header, body bool) bool {
	has := func(name string) bool {
		return slices.ContainsFunc(m.list, func(c sfItem) bool { return c.value == name })
	}
	need := []string{"@method", "authorization"}
	if !has("@target-uri") {
		need = append(need, "@authority", "@path", "@query")
	}
	if body {
		need = append(need, "content-digest", "content-type")
	}
	if len(h.Values("Idempotency-Key")) > 0 {
		need = append(need, "idempotency-key")
	}
	return !slices.ContainsFunc(need, func(name string) bool { return !has(name) })
}

// checkDigest compares a body with the digests that were sent for it. Those of algorithms that are not
// known are passed over, as RFC 9530 asks, but one that is known must be among them.
func checkDigest(h http.Header, body []byte) bool {
	given := h.Values("Content-Digest")
	if len(given) == 0 {
		return true
	}
	all, err := parseDictionary(strings.Join(given, ", "))
	if err != nil {
		return false
	}
	known := 0
	for _, m := range all {
		var sum []byte
		switch m.name {
		case "sha-256":
			s := sha256.Sum256(body)
			sum = s[:]
		case "sha-512":
			s := sha512.Sum512(body)
			sum = s[:]
		default:
			continue
		}
		known++
		if got, ok := m.item.value.([]byte); !ok || subtle.ConstantTimeCompare(got, sum) == 0 {
			return false
		}
	}
	return known > 0
}

// checkSigned checks a request's digest, and its signature when it has one or must have one.
func (g *Gateway) checkSigned(r *http.Request, x *exchange, body []byte) error {
	if !checkDigest(r.Header, body) {
		var f faults
		f.add("header:Content-Digest", openapi.ErrorCodeDigestMismatch, "not a digest of the body by sha-256 or sha-512", "")
		return f.problem()
	}
	if x.op.open {
		return nil
	}
	m, signature, err := ownSignature(r.Header)
	if err != nil {
		return invalidSignature(err.Error())
	}
	if m == nil {
		if x.caller.mustSign && strings.HasSuffix(x.op.scope, ":write") {
			return refuse(openapi.ErrorCodeSignatureRequired, "the participant asks for a message signature on all that changes something")
		}
		return nil
	}
	return g.verifySignature(r.Context(), targetOf(r), r.Header, x.caller, len(body) > 0, m, signature)
}

// ownSignature finds the one signature that is meant for Viaduct; nil when there is none. Others may be
// anyone's, such as a proxy's.
func ownSignature(h http.Header) (*sfMember, []byte, error) {
	inputs, err := parseDictionary(strings.Join(h.Values("Signature-Input"), ", "))
	if err != nil {
		return nil, nil, errors.New("the Signature-Input is not a dictionary of RFC 9651")
	}
	var found *sfMember
	for i := range inputs {
		if inputs[i].param("tag") != signatureTag {
			continue
		}
		if found != nil {
			return nil, nil, errors.New("more than one signature with the tag viaduct")
		}
		found = &inputs[i]
	}
	if found == nil {
		return nil, nil, nil
	}
	signatures, err := parseDictionary(strings.Join(h.Values("Signature"), ", "))
	if err != nil {
		return nil, nil, errors.New("the Signature is not a dictionary of RFC 9651")
	}
	for _, s := range signatures {
		if data, ok := s.item.value.([]byte); ok && s.name == found.name && found.many {
			return found, data, nil
		}
	}
	return nil, nil, errors.New("the Signature lacks the signature that Signature-Input names")
}

func invalidSignature(detail string) error {
	return refuse(openapi.ErrorCodeInvalidSignature, detail)
}

func (g *Gateway) verifySignature(ctx context.Context, t signedTarget, h http.Header, by caller, body bool, m *sfMember, signature []byte) error {
	created, timed := m.param("created").(int64)
	nonce, _ := m.param("nonce").(string)
	keyid, _ := m.param("keyid").(string)
	now := g.now()
	switch alg := m.param("alg"); {
	case !timed || nonce == "" || len(nonce) > maxNonce || keyid == "":
		return invalidSignature("created, nonce and keyid are needed")
	case alg != nil && alg != "ed25519":
		return invalidSignature("alg is ed25519")
	case created*1000 > now+signatureSkewSec*1000 || (created+signatureAgeSec)*1000 <= now:
		return invalidSignature("created is not within the last five minutes")
	case !m.covers(h, body):
		return invalidSignature("it does not cover " + acceptSignature)
	}
	if expires := m.param("expires"); expires != nil {
		if at, ok := expires.(int64); !ok || at*1000 <= now {
			return invalidSignature("it has expired")
		}
	}
	base, ok := signatureBase(t, h, m)
	if !ok {
		return invalidSignature("it covers what the request does not have, or with parameters")
	}
	id, err := parseID(keyid)
	if err != nil {
		return invalidSignature("keyid is no key of the participant's")
	}
	key, err := g.cfg.Store.ClientKey(ctx, by.bic, id)
	if errors.Is(err, sqlstore.ErrNotFound) || err == nil && key.Kind != sqlstore.SignatureKey {
		return invalidSignature("keyid is no key of the participant's")
	}
	if err != nil {
		return err
	}
	if !ed25519.Verify(key.Public[:], []byte(base), signature) {
		return invalidSignature("it does not verify")
	}
	// Only what verified uses up a nonce: nobody else can fill the table, or spoil a nonce to come.
	err = g.cfg.Store.UseNonce(ctx, id, nonce, (created+signatureAgeSec)*1000, now)
	if errors.Is(err, sqlstore.ErrExists) {
		return refuse(openapi.ErrorCodeSignatureReplayed, "the nonce was used before; sign each request anew, repeats too")
	}
	return err
}
