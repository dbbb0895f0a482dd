package gateway

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"viaduct/settlement/sqlstore"
)

// A key ends when it expires or is revoked, and one character less or other is no key.
func TestKeysEnd(t *testing.T) {
	r := newRig(t)
	until := time.Now().Add(time.Hour)
	made := r.must(201, r.do("POST", "/v1/participants/"+mexican+"/api-keys", mexican, obj{
		"name": "short", "expires_at": until.UTC().Format(time.RFC3339),
	}))
	key := made.text("key")
	try := func(key string) int {
		return r.call(call{method: "GET", path: "/v1/balances", token: "Bearer " + key}).status
	}
	if got := try(key); got != 200 {
		t.Fatalf("a fresh key: %d", got)
	}
	listed := r.must(200, r.do("GET", "/v1/participants/"+mexican+"/api-keys", mexican, nil))
	if strings.Contains(string(listed.body), key) || !strings.Contains(string(listed.body), "last_used_at") {
		t.Errorf("listed: %s", listed.body)
	}
	last := byte('A')
	if key[len(key)-2] == last {
		last = 'B'
	}
	for _, bad := range []string{key[:len(key)-1], key + "A", key[:len(key)-2] + string(last) + key[len(key)-1:], strings.ToUpper(key)} {
		if got := try(bad); got != 401 {
			t.Errorf("key %q instead of %q: %d", bad, key, got)
		}
	}
	r.clock.Store(int64(2 * time.Hour))
	if got := try(key); got != 401 {
		t.Errorf("an expired key: %d", got)
	}
	r.clock.Store(0)
	r.must(204, r.do("DELETE", "/v1/participants/"+mexican+"/api-keys/"+made.text("id"), mexican, nil))
	if got := try(key); got != 401 {
		t.Errorf("a revoked key: %d", got)
	}
	if got := r.must(200, r.do("GET", "/v1/participants/"+mexican+"/api-keys", mexican, nil)).text("data", "1", "revoked_at"); got == "" {
		t.Error("a revoked key is not listed as such")
	}
	r.must(400, r.do("POST", "/v1/participants/"+mexican+"/api-keys", mexican, obj{"name": "late", "expires_at": "2020-01-01T00:00:00Z"}))
}

// newAPIKey makes a key for a participant as the operator; "" is the operator's own.
func (r *rig) newAPIKey(bic string, body obj) *reply {
	r.t.Helper()
	if bic == "" {
		bic = "operator"
	}
	body["name"] = "tests"
	return r.must(201, r.do("POST", "/v1/participants/"+bic+"/api-keys", "", body))
}

// with sends a request with a key instead of its caller's.
func (r *rig) with(key, method, path string, body any) *reply {
	r.t.Helper()
	return r.call(call{method: method, path: path, body: body, token: "Bearer " + key})
}

// A key makes no key that may do more than itself, and what it makes may by default do as much.
func TestKeysDoNotRise(t *testing.T) {
	r := newRig(t)
	path := "/v1/participants/" + mexican + "/api-keys"
	narrow := r.newAPIKey(mexican, obj{"scopes": []string{"keys:write", "keys:read", "payments:read"}})
	key := narrow.text("key")
	got := r.must(403, r.with(key, "POST", path, obj{"name": "x", "scopes": []string{"payments:read", "payments:write", "all"}}))
	diff(t, "faults", got.faults(), []string{"/scopes/1 insufficient_scope", "/scopes/2 insufficient_scope"})
	same := r.must(201, r.with(key, "POST", path, obj{"name": "x"}))
	diff(t, "scopes", same.json["scopes"], narrow.json["scopes"])
	r.must(201, r.with(key, "POST", path, obj{"name": "x", "scopes": []string{"payments:read"}}))

	// Nor does it take over one that may do more.
	wide := r.newAPIKey(mexican, obj{})
	diff(t, "scopes", wide.json["scopes"], []any{"all"})
	if got := r.must(403, r.with(key, "POST", path+"/"+wide.text("id")+"/rotate", obj{})); got.text("code") != "insufficient_scope" {
		t.Errorf("rotated: %s", got.body)
	}
	// An operator's key is bound alike, and a participant never gets one.
	clerk := r.newAPIKey("", obj{"scopes": []string{"keys:write"}}).text("key")
	r.must(403, r.with(clerk, "POST", path, obj{"name": "x", "scopes": []string{"payments:write"}}))
	r.must(404, r.do("POST", "/v1/participants/operator/api-keys", mexican, obj{"name": "x"}))
}

// A key that is replaced is valid for the time that was said, and the new one is like it.
func TestKeysRotate(t *testing.T) {
	r := newRig(t)
	path := "/v1/participants/" + mexican + "/api-keys"
	old := r.newAPIKey(mexican, obj{
		"scopes": []string{"balances:read", "keys:write"}, "allowed_networks": []string{"127.0.0.1", "::1"},
		"expires_at": time.Now().Add(30 * 24 * time.Hour).UTC().Format(time.RFC3339),
	})
	try := func(key string) int { return r.with(key, "GET", "/v1/balances", nil).status }
	rotated := r.must(201, r.with(old.text("key"), "POST", path+"/"+old.text("id")+"/rotate", obj{"overlap_seconds": 60}))
	diff(t, "scopes", rotated.json["scopes"], old.json["scopes"])
	diff(t, "networks", rotated.json["allowed_networks"], []any{"127.0.0.1/32", "::1/128"})
	if rotated.text("key") == old.text("key") || rotated.text("expires_at") <= old.text("expires_at") {
		t.Errorf("rotated to %s", rotated.body)
	}
	diff(t, "both, at once", []int{try(old.text("key")), try(rotated.text("key"))}, []int{200, 200})
	r.clock.Store(int64(61 * time.Second))
	diff(t, "both, a minute later", []int{try(old.text("key")), try(rotated.text("key"))}, []int{401, 200})
	// What has ended is not there to be replaced.
	r.must(404, r.do("POST", path+"/"+old.text("id")+"/rotate", mexican, obj{}))
	last := r.must(201, r.do("POST", path+"/"+rotated.text("id")+"/rotate", mexican, obj{"overlap_seconds": 0}))
	diff(t, "both, without an overlap", []int{try(rotated.text("key")), try(last.text("key"))}, []int{401, 200})
	for _, bad := range []int{-1, 604801} {
		r.must(400, r.do("POST", path+"/"+last.text("id")+"/rotate", mexican, obj{"overlap_seconds": bad}))
	}
	// The operator's own keys rotate too.
	operator := r.newAPIKey("", obj{})
	next := r.must(201, r.do("POST", "/v1/participants/operator/api-keys/"+operator.text("id")+"/rotate", "", obj{"overlap_seconds": 0}))
	r.must(401, r.with(operator.text("key"), "GET", "/v1/participants", nil))
	r.must(200, r.with(next.text("key"), "GET", "/v1/participants", nil))
	r.must(204, r.do("DELETE", "/v1/participants/operator/api-keys/"+next.text("id"), "", nil))
	r.must(401, r.with(next.text("key"), "GET", "/v1/participants", nil))
}

// A key works from where it may be used only, and a header does not say where that is.
func TestKeysAreBoundToNetworks(t *testing.T) {
	r := newRig(t)
	here := r.newAPIKey(mexican, obj{"allowed_networks": []string{"10.0.0.0/8", "127.0.0.0/8"}}).text("key")
	away := r.newAPIKey(mexican, obj{"allowed_networks": []string{"10.0.0.0/8", "2001:db8::/32"}}).text("key")
	r.must(200, r.with(here, "GET", "/v1/balances", nil))
	for _, name := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "True-Client-Ip"} {
		got := r.call(call{method: "GET", path: "/v1/balances", token: "Bearer " + away, header: map[string]string{name: "10.0.0.1"}})
		if got.status != 403 || got.text("code") != "address_not_allowed" {
			t.Errorf("with %s: %d %s", name, got.status, got.body)
		}
	}
	for _, bad := range []string{"10.0.0.1/8", "10.0.0.0/33", "::ffff:10.0.0.0/104", "fe80::1%eth0", "bank.example", ""} {
		got := r.must(400, r.do("POST", "/v1/participants/"+mexican+"/api-keys", mexican, obj{"name": "x", "allowed_networks": []string{bad}}))
		diff(t, bad, got.faults(), []string{"/allowed_networks/0 invalid_value"})
	}
}

// Keys come in pages, and there are only so many.
func TestKeysArePaged(t *testing.T) {
	r := newRig(t)
	path := "/v1/participants/" + mexican + "/api-keys"
	made := 1 // by the rig
	for ; made < sqlstore.MaxAPIKeys; made++ {
		r.newAPIKey(mexican, obj{})
	}
	if got := r.must(409, r.do("POST", path, mexican, obj{"name": "x"})); got.text("code") != "too_many_api_keys" {
		t.Errorf("one more: %s", got.body)
	}
	seen := map[string]bool{}
	cursor := ""
	for {
		page := r.must(200, r.do("GET", path+"?limit=20"+cursor, mexican, nil))
		for _, k := range page.json["data"].([]any) {
			seen[k.(obj)["id"].(string)] = true
		}
		if page.text("next_cursor") == "" {
			break
		}
		cursor = "&cursor=" + page.text("next_cursor")
	}
	if len(seen) != made {
		t.Errorf("%d keys listed, %d made", len(seen), made)
	}
	if got := r.must(400, r.do("GET", "/v1/participants/"+german+"/api-keys?limit=1"+cursor, german, nil)); got.text("code") != "invalid_cursor" {
		t.Errorf("another's cursor: %s", got.body)
	}
	// One that ended makes room.
	for id := range seen {
		r.must(204, r.do("DELETE", path+"/"+id, "", nil))
		break
	}
	r.newAPIKey(mexican, obj{})
	for range maxWebhooks {
		r.must(201, r.do("POST", "/v1/webhooks", german, obj{"url": "http://127.0.0.1:1/"}))
	}
	if got := r.must(409, r.do("POST", "/v1/webhooks", german, obj{"url": "http://127.0.0.1:1/"})); got.text("code") != "too_many_webhooks" {
		t.Errorf("one webhook more: %s", got.body)
	}
}

// A stream ends soon after the key that opened it: revoked, expired, or replaced.
func TestStreamsEndWithTheirKey(t *testing.T) {
	r := newRig(t)
	r.market()
	r.gateway.recheck = 10 * time.Millisecond
	path := "/v1/participants/" + mexican + "/api-keys/"
	for name, end := range map[string]func(id string){
		"revoked": func(id string) { r.must(204, r.do("DELETE", path+id, mexican, nil)) },
		"expired": func(string) { r.clock.Store(int64(2 * time.Hour)) },
		"replaced": func(id string) {
			r.must(201, r.do("POST", path+id+"/rotate", mexican, obj{"overlap_seconds": 0}))
		},
	} {
		made := r.newAPIKey(mexican, obj{"expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
		req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/v1/quotes/stream?to="+german+"&deliver=EUR%2010.00", nil)
		r.ok(err)
		req.Header.Set("Authorization", "Bearer "+made.text("key"))
		resp, err := r.client.Do(req)
		r.ok(err)
		lines := bufio.NewScanner(resp.Body)
		if resp.StatusCode != 200 || !lines.Scan() {
			t.Fatalf("%s: stream: %d", name, resp.StatusCode)
		}
		end(made.text("id"))
		for lines.Scan() { // until the gateway ends it; the test's own deadline is the bound
		}
		if lines.Err() != nil {
			t.Errorf("%s: %v", name, lines.Err())
		}
		resp.Body.Close()
		r.clock.Store(0)
	}
}
