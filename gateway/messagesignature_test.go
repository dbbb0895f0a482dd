package gateway

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// The Ed25519 example of RFC 9421, appendix B.2.6, and the digest of its request, appendix B.2.
func TestSignatureExampleOfTheStandard(t *testing.T) {
	h := http.Header{}
	for name, value := range map[string]string{
		"Date": "Tue, 20 Apr 2021 02:07:55 GMT", "Content-Type": "application/json", "Content-Length": "18",
		"Content-Digest":  "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:",
		"Signature-Input": `sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`,
		"Signature":       "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:",
	} {
		h.Set(name, value)
	}
	inputs, err := parseDictionary(h.Get("Signature-Input"))
	if err != nil || len(inputs) != 1 {
		t.Fatalf("input: %v, %v", inputs, err)
	}
	signatures, err := parseDictionary(h.Get("Signature"))
	if err != nil {
		t.Fatal(err)
	}
	base, ok := signatureBase(signedTarget{"POST", "https", "example.com", "/foo?param=Value&Pet=dog"}, h, &inputs[0])
	if !ok {
		t.Fatal("no base")
	}
	key, err := base64.RawURLEncoding.DecodeString("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs")
	if err != nil || !ed25519.Verify(key, []byte(base), signatures[0].item.value.([]byte)) {
		t.Errorf("does not verify:\n%s", base)
	}
	if !checkDigest(h, []byte(`{"hello": "world"}`)) || checkDigest(h, []byte(`{"hello": "world" }`)) {
		t.Error("digest")
	}
}

// signer makes signed requests as a bank's program does.
type signer struct {
	*rig
	keyid, key string
	spoil      func(*http.Request) // before it is signed
	after      func(*http.Request)
	input      string // instead of the usual components and parameters
	nonce      string
	created    int64
}

func (s signer) send(method, path string, body any) *reply {
	s.t.Helper()
	data, err := json.Marshal(body)
	s.ok(err)
	if body == nil {
		data = nil
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, bytes.NewReader(data))
	s.ok(err)
	req.Header.Set("Authorization", "Bearer "+s.keys[mexican])
	components := `"@method" "@target-uri" "authorization"`
	if data != nil {
		sum := sha256.Sum256(data)
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
		req.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
		components += ` "content-type" "content-digest"`
	}
	if method == "POST" {
		req.Header.Set("Idempotency-Key", fmt.Sprintf("signed-%d", s.requests.Add(1)))
		components += ` "idempotency-key"`
	}
	if s.nonce == "" {
		s.nonce = idText(newID())
	}
	if s.created == 0 {
		s.created = time.Now().Unix()
	}
	if s.input == "" {
		s.input = fmt.Sprintf(`(%s);created=%d;nonce="%s";keyid="%s";alg="ed25519";tag="viaduct"`, components, s.created, s.nonce, s.keyid)
	}
	if s.spoil != nil {
		s.spoil(req)
	}
	m, err := parseDictionary("sig=" + s.input)
	s.ok(err)
	base, ok := signatureBase(signedTarget{method, "http", req.URL.Host, req.URL.RequestURI()}, req.Header, &m[0])
	if !ok {
		s.t.Fatalf("no base for %s", s.input)
	}
	req.Header.Set("Signature-Input", "sig="+s.input)
	req.Header.Set("Signature", "sig=:"+base64Of(ed25519.Sign(keyOf(s.key), []byte(base)))+":")
	if s.after != nil {
		s.after(req)
	}
	resp, err := s.client.Do(req)
	s.ok(err)
	defer resp.Body.Close()
	out := &reply{t: s.t, what: method + " " + path, status: resp.StatusCode, header: resp.Header}
	out.body, err = io.ReadAll(resp.Body)
	s.ok(err)
	out.readJSON()
	return out
}

// A participant that asks for signatures gets them asked for on all that changes something, its settings
// and keys too; reads go on without.
func TestMessageSignatures(t *testing.T) {
	r := newRig(t)
	r.market()
	bank := "/v1/participants/" + mexican
	id := r.must(201, r.do("POST", bank+"/client-keys", mexican, obj{"name": "x", "public_key": r.ownKey(mexican, "http")["public_key"]})).text("id")
	s := signer{rig: r, keyid: id, key: "http"}
	r.must(200, r.do("PATCH", bank, mexican, obj{"require_signature": true}))
	for _, c := range []call{
		{method: "POST", path: "/v1/payments", body: euros("1.00")}, {method: "PATCH", path: bank, body: obj{"require_signature": false}},
		{method: "POST", path: bank + "/api-keys", body: obj{"name": "x"}}, {method: "DELETE", path: bank + "/client-keys/" + id},
	} {
		c.as = mexican
		if got := r.must(401, r.call(c)); got.text("code") != "signature_required" || got.header.Get("Accept-Signature") == "" {
			t.Errorf("%s: %s", got.what, got.body)
		}
	}
	r.must(200, r.do("GET", "/v1/balances", mexican, nil))
	r.must(202, s.send("POST", "/v1/payments", euros("1.00")))
	r.must(200, s.send("GET", "/v1/balances?participant="+mexican, nil))

	now := time.Now().Unix()
	with := func(components, params string) string {
		return fmt.Sprintf(`(%s);created=%d;nonce="%s";keyid="%s"%s`, components, now, idText(newID()), id, params)
	}
	const all = `"@method" "@authority" "@path" "@query" "authorization" "content-type" "content-digest" "idempotency-key"`
	good := signer{rig: r, keyid: id, key: "http", input: with(all, `;tag="viaduct"`)}
	r.must(202, good.send("POST", "/v1/payments", euros("1.00")))
	r.must(401, good.send("POST", "/v1/payments", euros("1.00"))) // the nonce again
	other := r.must(201, r.do("POST", "/v1/participants/"+german+"/client-keys", german, obj{"name": "x", "public_key": r.ownKey(german, "http")["public_key"]})).text("id")

	tests := map[string]struct {
		signer
		code string
	}{
		"another key":                 {signer{key: "other"}, "invalid_signature"},
		"another bank's key":          {signer{keyid: other}, "invalid_signature"},
		"no such key":                 {signer{keyid: "00000000-0000-7000-8000-000000000000"}, "invalid_signature"},
		"too old":                     {signer{created: now - 301}, "invalid_signature"},
		"too early":                   {signer{created: now + 60}, "invalid_signature"},
		"expired":                     {signer{input: with(all, fmt.Sprintf(`;expires=%d;tag="viaduct"`, now-1))}, "invalid_signature"},
		"another tag":                 {signer{input: with(all, `;tag="other"`)}, "signature_required"},
		"another algorithm":           {signer{input: with(all, `;alg="hmac-sha256";tag="viaduct"`)}, "invalid_signature"},
		"method not covered":          {signer{input: with(strings.Replace(all, `"@method" `, "", 1), `;tag="viaduct"`)}, "invalid_signature"},
		"query not covered":           {signer{input: with(strings.Replace(all, `"@query" `, "", 1), `;tag="viaduct"`)}, "invalid_signature"},
		"digest not covered":          {signer{input: with(strings.Replace(all, `"content-digest" `, "", 1), `;tag="viaduct"`)}, "invalid_signature"},
		"API key not covered":         {signer{input: with(strings.Replace(all, `"authorization" `, "", 1), `;tag="viaduct"`)}, "invalid_signature"},
		"idempotency key not covered": {signer{input: with(strings.Replace(all, ` "idempotency-key"`, "", 1), `;tag="viaduct"`)}, "invalid_signature"},
		"no nonce":                    {signer{input: fmt.Sprintf(`(%s);created=%d;keyid="%s";tag="viaduct"`, all, now, id)}, "invalid_signature"},
		"idempotency key changed":     {signer{after: func(q *http.Request) { q.Header.Set("Idempotency-Key", "other") }}, "invalid_signature"},
		"digest changed":              {signer{after: func(q *http.Request) { q.Header.Set("Content-Digest", "sha-256=:"+base64Of(make([]byte, 32))+":") }}, "digest_mismatch"},
		"body changed": {signer{after: func(q *http.Request) {
			q.Body = io.NopCloser(strings.NewReader(strings.Repeat(" ", int(q.ContentLength))))
		}}, "digest_mismatch"},
		"target changed":  {signer{after: func(q *http.Request) { q.URL.RawQuery = "x=1" }}, "invalid_signature"},
		"no signature":    {signer{after: func(q *http.Request) { q.Header.Del("Signature") }}, "invalid_signature"},
		"no dictionary":   {signer{after: func(q *http.Request) { q.Header.Set("Signature-Input", "sig=(") }}, "invalid_signature"},
		"two signatures":  {signer{after: func(q *http.Request) { q.Header.Add("Signature-Input", `b=();tag="viaduct"`) }}, "invalid_signature"},
		"a label twice":   {signer{after: func(q *http.Request) { q.Header.Add("Signature-Input", `sig=();tag="viaduct"`) }}, "invalid_signature"},
		"an empty digest": {signer{after: func(q *http.Request) { q.Header.Set("Content-Digest", "md5=:AAAA:") }}, "digest_mismatch"},
	}
	before := string(r.must(200, r.do("GET", "/v1/payments?limit=200", mexican, nil)).body)
	for name, tt := range tests {
		q := tt.signer
		q.rig = r
		if q.keyid == "" {
			q.keyid = id
		}
		if q.key == "" {
			q.key = "http"
		}
		if got := q.send("POST", "/v1/payments", euros("1.00")); got.text("code") != tt.code {
			t.Errorf("%s: %d %s, want %s", name, got.status, got.body, tt.code)
		}
	}
	once := signer{rig: r, keyid: id, key: "http", nonce: "once"}
	r.must(202, once.send("POST", "/v1/payments", euros("2.00")))
	if got := once.send("POST", "/v1/payments", euros("2.00")); got.status != 401 || got.text("code") != "signature_replayed" {
		t.Errorf("replayed: %d %s", got.status, got.body)
	}
	after := string(r.must(200, r.do("GET", "/v1/payments?limit=200", mexican, nil)).body)
	if strings.Count(after, `"uetr"`) != strings.Count(before, `"uetr"`)+1 {
		t.Error("something refused became a payment")
	}
	r.must(200, s.send("PATCH", bank, obj{"require_signature": false}))
	r.must(202, r.do("POST", "/v1/payments", mexican, euros("1.00")))
}

func FuzzParseDictionary(f *testing.F) {
	for _, s := range []string{`a=("x" "y";q);b=1;c="d\"e", f=:AA==:, g;h=?0, i=tok/en`, `a=(`, `a=1,`, `a="é"`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseDictionary(text)
		if err != nil {
			return
		}
		// What was read says the same when it is written and read again.
		for i := range all {
			m := &all[i]
			written := m.name + "=" + sfText(m.item.value) + sfParams(m.item.params)
			if m.many {
				written = m.name + "=" + m.innerListText()
			}
			again, err := parseDictionary(written)
			if err != nil || len(again) != 1 || again[0].many != m.many || m.many && again[0].innerListText() != m.innerListText() {
				t.Errorf("%q read as %q: %v", text, written, err)
			}
		}
	})
}
