package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const formMedia = "application/x-www-form-urlencoded"

func (r *rig) token(form, authorization string) *reply {
	r.t.Helper()
	c := call{method: "POST", path: "/oauth/token", body: form, media: formMedia, token: authorization, noKey: true, header: map[string]string{}}
	if authorization == "" {
		c.token, c.header["Authorization"] = "none", ""
	}
	return r.call(c)
}

// A key is exchanged for a token that does as much or less, as long, and no longer than the key.
func TestTokens(t *testing.T) {
	r := newRig(t)
	made := r.newAPIKey(mexican, obj{"scopes": []string{"balances:read", "payments:read", "quotes:read"}})
	key := made.text("key")
	id := made.text("prefix")
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(key)))
	post := "&client_id=" + id + "&client_secret=" + key
	full := r.must(200, r.token("grant_type=client_credentials", basic))
	if full.text("token_type") != "Bearer" || full.text("scope") != "balances:read payments:read quotes:read" || full.header.Get("Cache-Control") != "no-store" {
		t.Errorf("token: %s %v", full.body, full.header)
	}
	narrow := r.must(200, r.token("grant_type=client_credentials&scope=balances:read"+post, ""))
	use := func(token, path string) int { return r.with(token, "GET", path, nil).status }
	diff(t, "the full one", []int{use(full.text("access_token"), "/v1/balances"), use(full.text("access_token"), "/v1/payments"), use(full.text("access_token"), "/v1/webhooks")}, []int{200, 200, 403})
	diff(t, "the narrow one", []int{use(narrow.text("access_token"), "/v1/balances"), use(narrow.text("access_token"), "/v1/payments")}, []int{200, 403})

	for what, tt := range map[string]struct {
		form, authorization, want string
		status                    int
	}{
		"no grant":            {post[1:], "", "invalid_request", 400},
		"another grant":       {"grant_type=password" + post, "", "unsupported_grant_type", 400},
		"no client":           {"grant_type=client_credentials", "", "invalid_client", 401},
		"a bearer":            {"grant_type=client_credentials", "Bearer " + key, "invalid_client", 401},
		"a wrong secret":      {"grant_type=client_credentials" + post[:len(post)-2] + "xx", "", "invalid_client", 401},
		"another id":          {"grant_type=client_credentials&client_id=vdk_000000000000&client_secret=" + key, "", "invalid_client", 401},
		"both ways":           {"grant_type=client_credentials" + post, basic, "invalid_request", 400},
		"a parameter twice":   {"grant_type=client_credentials&grant_type=client_credentials" + post, "", "invalid_request", 400},
		"no form":             {"%zz", "", "invalid_request", 400},
		"more scope":          {"grant_type=client_credentials&scope=payments:write" + post, "", "invalid_scope", 400},
		"unknown scope":       {"grant_type=client_credentials&scope=root" + post, "", "invalid_scope", 400},
		"all":                 {"grant_type=client_credentials&scope=all" + post, "", "invalid_scope", 400},
		"a token as a secret": {"grant_type=client_credentials&client_id=" + id + "&client_secret=" + full.text("access_token"), "", "invalid_client", 401},
	} {
		got := r.token(tt.form, tt.authorization)
		if got.status != tt.status || got.text("error") != tt.want || got.text("code") != "" {
			t.Errorf("%s: %d %s, want %d %s", what, got.status, got.body, tt.status, tt.want)
		}
	}
	if got := r.call(call{method: "POST", path: "/oauth/token", body: "{}", token: basic}); got.status != 400 || got.text("error") != "invalid_request" {
		t.Errorf("as JSON: %d %s", got.status, got.body)
	}

	// Not a bit of it can be changed.
	token := full.text("access_token")
	for i := len(tokenMark); i < len(token); i += 7 {
		c := byte('A')
		if token[i] == c {
			c = 'B'
		}
		if got := use(token[:i]+string(c)+token[i+1:], "/v1/balances"); got != 401 {
			t.Errorf("with character %d changed: %d", i, got)
		}
	}
	for _, bad := range []string{token[:len(token)-1], token + "A", tokenMark, tokenMark + strings.Repeat("A", 4000)} {
		if got := use(bad, "/v1/balances"); got != 401 {
			t.Errorf("%.20s…, %d characters: %d", bad, len(bad), got)
		}
	}
	r.clock.Store(int64(tokenLife))
	if got := use(token, "/v1/balances"); got != 401 {
		t.Errorf("after its life: %d", got)
	}
	r.clock.Store(0)
	r.must(204, r.do("DELETE", "/v1/participants/"+mexican+"/api-keys/"+made.text("id"), mexican, nil))
	if got := use(token, "/v1/balances"); got != 401 {
		t.Errorf("after its key was revoked: %d", got)
	}
	if got := r.token("grant_type=client_credentials", basic); got.text("error") != "invalid_client" {
		t.Errorf("for a revoked key: %s", got.body)
	}
	meta := r.must(200, r.call(call{method: "GET", path: "/.well-known/oauth-authorization-server", token: "none"}))
	if meta.text("issuer") != r.url || meta.text("token_endpoint") != r.url+"/oauth/token" {
		t.Errorf("metadata: %s", meta.body)
	}
}

// A gateway of the same store takes the token; one of another store does not.
func TestTokensAreSharedByTheGatewaysOfAStore(t *testing.T) {
	r := startRig(t)
	cfg := r.config
	cfg.Secrets = r.unlock(r.store)
	same, err := New(cfg)
	r.ok(err)
	cfg.Secrets = testSecrets(t, 1)
	other, err := New(cfg)
	r.ok(err)
	key := r.keys[""]
	token := r.must(200, r.token("grant_type=client_credentials&client_id="+key[:prefixSize]+"&client_secret="+key, "")).text("access_token")
	h := http.Header{"Authorization": {"Bearer " + token}}
	if _, err := same.authenticate(t.Context(), h, connection{}); err != nil {
		t.Errorf("at a gateway with the same key: %v", err)
	}
	if _, err := other.authenticate(t.Context(), h, connection{}); err == nil {
		t.Error("a gateway with another key takes the token")
	}
}

// certificate makes a self-signed client certificate.
func certificate(t *testing.T, until time.Time) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bank"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, base64Of(der)
}

// A participant with a pinned certificate is served over a connection that shows it, and over no other.
func TestCertificatesArePinned(t *testing.T) {
	r := newRig(t)
	server := httptest.NewUnstartedServer(r.gateway.Handler())
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	mine, text := certificate(t, time.Now().Add(time.Hour))
	others, othersText := certificate(t, time.Now().Add(time.Hour))
	over := func(token string, certs ...tls.Certificate) *reply {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certs}}}
		defer client.CloseIdleConnections()
		plain, at := r.client, r.url
		defer func() { r.client, r.url = plain, at }()
		r.client, r.url = client, server.URL
		return r.call(call{method: "GET", path: "/v1/balances", token: "Bearer " + token})
	}
	path := "/v1/participants/" + mexican + "/client-keys"
	r.must(200, over(r.keys[mexican]))
	pinned := r.must(201, r.do("POST", path, mexican, obj{"name": "x", "certificate": text}))
	r.must(201, r.do("POST", "/v1/participants/"+german+"/client-keys", german, obj{"name": "x", "certificate": othersText}))
	for what, got := range map[string]*reply{
		"plain": r.do("GET", "/v1/balances", mexican, nil), "without": over(r.keys[mexican]), "another bank's": over(r.keys[mexican], others),
	} {
		if got.status != 401 || got.text("code") != "certificate_required" {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	if got := r.call(call{method: "GET", path: "/v1/balances", as: mexican, header: map[string]string{"X-Client-Cert": text, "X-SSL-Client-Verify": "SUCCESS"}}); got.status != 401 {
		t.Errorf("by a header: %d", got.status)
	}
	r.must(200, over(r.keys[mexican], mine))
	r.must(200, over(r.keys[german], others))
	r.clock.Store(int64(2 * time.Hour))
	r.must(401, over(r.keys[mexican], mine)) // it has expired
	r.clock.Store(0)
	key := r.keys[romanian]
	form := "grant_type=client_credentials&client_id=" + key[:prefixSize] + "&client_secret=" + key
	if got := r.token(form, ""); got.status != 200 || over(got.text("access_token"), mine).status != 200 {
		t.Errorf("a token that was asked for without a certificate: %s", got.body)
	}
	// The operator helps whoever lost its certificate.
	r.must(204, r.do("DELETE", path+"/"+pinned.text("id"), "", nil))
	r.must(200, r.do("GET", "/v1/balances", mexican, nil))

	for name, body := range map[string]obj{
		"certificate": {"name": "x", "certificate": "AAAA"}, "text": {"name": "x", "certificate": "x"},
		"two": {"name": "x", "certificate": text + text},
	} {
		if got := r.must(400, r.do("POST", path, mexican, body)); got.text("code") != "invalid_certificate" {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	r.must(400, r.do("POST", path, mexican, obj{"name": "x"}))
	own := obj{"name": "x", "public_key": r.ownKey(mexican, "x")["public_key"]}
	r.must(201, r.do("POST", path, mexican, own))
	if got := r.must(409, r.do("POST", path, mexican, own)); got.text("code") != "client_key_exists" {
		t.Errorf("again: %s", got.body)
	}
	for i := range 15 {
		r.must(201, r.do("POST", path, mexican, obj{"name": "x", "public_key": r.ownKey(mexican, "k"+itoa(i))["public_key"]}))
	}
	if got := r.must(409, r.do("POST", path, mexican, obj{"name": "x", "public_key": r.ownKey(mexican, "more")["public_key"]})); got.text("code") != "too_many_client_keys" {
		t.Errorf("one more: %s", got.body)
	}
}

// Nothing but one Authorization header lets anyone in: not two, not a query, not another case or form.
func TestCredentialsAreNotSmuggled(t *testing.T) {
	r := newRig(t)
	key := r.keys[mexican]
	for what, change := range map[string]func(*http.Request){
		"two headers": func(q *http.Request) {
			q.Header["Authorization"] = []string{"Bearer " + key, "Bearer " + r.keys[german]}
		},
		"the same twice":    func(q *http.Request) { q.Header["Authorization"] = []string{"Bearer " + key, "Bearer " + key} },
		"two in one":        func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+key+", Bearer "+key) },
		"two spaces":        func(q *http.Request) { q.Header.Set("Authorization", "Bearer  "+key) },
		"a space behind":    func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+key+"\t x") },
		"upper case":        func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+strings.ToUpper(key)) },
		"a query":           func(q *http.Request) { q.URL.RawQuery = "access_token=" + key },
		"another header":    func(q *http.Request) { q.Header.Set("X-Api-Key", key) },
		"a proxy's header":  func(q *http.Request) { q.Header.Set("Proxy-Authorization", "Bearer "+key) },
		"a cookie":          func(q *http.Request) { q.Header.Set("Cookie", "authorization="+key) },
		"a wide letter":     func(q *http.Request) { q.Header.Set("Authorization", "Bearer ｖ"+key[1:]) },
		"a megabyte of key": func(q *http.Request) { q.Header.Set("Authorization", "Bearer "+key+strings.Repeat("A", 20_000)) },
		"an empty one":      func(q *http.Request) { q.Header.Set("Authorization", "") },
		"the prefix and zeros": func(q *http.Request) {
			q.Header.Set("Authorization", "Bearer "+key[:prefixSize]+"_"+strings.Repeat("A", 43))
		},
	} {
		q, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/v1/balances", nil)
		r.ok(err)
		change(q)
		resp, err := r.client.Do(q)
		r.ok(err)
		resp.Body.Close()
		if resp.StatusCode != 401 {
			t.Errorf("%s: %d", what, resp.StatusCode)
		}
	}
	// A BIC is its letters and nothing that looks like them, in a path, a query and a body.
	for _, bic := range []string{"bkmxmxmm", "ＢＫＭＸＭＸＭＭ", "BKMXMXMM%00", "BKMXMXM%D0%9C", "BKMXMXMMXX", "operator", "OPERATOR", "..%2F" + mexican} {
		if got := r.do("GET", "/v1/participants/"+bic+"/api-keys", romanian, nil); got.status != 400 && got.status != 404 {
			t.Errorf("keys of %s: %d %s", bic, got.status, got.body)
		}
	}
	if got := r.do("GET", "/v1/participants/"+mexican+"XXX/api-keys", romanian, nil); got.status != 404 {
		t.Errorf("by the long form of a BIC: %d", got.status)
	}
}
