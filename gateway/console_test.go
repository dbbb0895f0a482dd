package gateway

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// visitor is a browser without a script.
type visitor struct {
	t      testing.TB
	base   string
	client *http.Client
	header http.Header
}

func (r *rig) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	r.ok(err)
	return &visitor{r.t, r.url, &http.Client{Jar: jar, Transport: r.client.Transport}, http.Header{}}
}

// visit returns a page, wherever it leads, its status and its address.
func (v *visitor) visit(method, path string, form url.Values) (status int, page, place string, header http.Header) {
	v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header = v.header.Clone()
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.StatusCode, string(data), resp.Request.URL.RequestURI(), resp.Header
}

func (v *visitor) signIn(key string) string {
	v.t.Helper()
	_, page, place, _ := v.visit("POST", "/console/sign-in", url.Values{"key": {key}, "next": {"/console/payments"}})
	if place != "/console/payments" {
		v.t.Fatalf("signed in, and was led to %s: %s", place, page)
	}
	return page
}

func TestConsoleShowsWhatItsReaderMaySee(t *testing.T) {
	r := newRig(t)
	r.market()
	order := euros("100.00")
	order["details"] = obj{"remittance": "for <b>eggs</b> & ham"}
	id := r.must(201, r.do("POST", "/v1/payments", mexican, order, "Prefer", "wait=10")).text("id")
	v := r.visitor()

	// Who has not signed in is led to where one does, and back.
	if _, _, place, _ := v.visit("GET", "/console/payments/"+id, nil); place != "/console/sign-in?next="+url.QueryEscape("/console/payments/"+id) {
		t.Errorf("without a session one is led to %s", place)
	}
	for _, bad := range []string{"", "vdk_no", strings.Repeat("x", 10_000), "a\r\nb", r.keys[""]} {
		status, page, _, _ := v.visit("POST", "/console/sign-in", url.Values{"key": {bad}})
		if status != http.StatusUnprocessableEntity || !strings.Contains(page, `role="alert"`) {
			t.Errorf("signing in with %.20q: %d", bad, status)
		}
	}
	v.signIn(r.keys[mexican])

	for path, want := range map[string]string{
		"/console":                                 "Positions of " + mexican,
		"/console/":                                "Positions of " + mexican,
		"/console?base=USD":                        "Vostro",
		"/console/payments":                        id[:8],
		"/console/payments?status=rejected":        "No payment is like that",
		"/console/payments/" + id:                  "for &lt;b&gt;eggs&lt;/b&gt; &amp; ham",
		"/console/payments/" + id + "?verify=1":    "Verified.",
		"/console/intraday":                        "Net position in MXN",
		"/console/intraday?day=2026-03-13":         "2026-03-12",
		"/console/intraday?day=soon":               "up to now",
		"/console/quote":                           "Say whom to pay",
		"/console/liquidity":                       "Lines others hold with us",
		"/console/market?give=EUR&want=MXN":        "20.5",
		"/console/network":                         "validator-1",
		"/console/settings":                        "The bank " + mexican,
		"/console/search?q=" + german:              german,
		"/console/search?q=" + strings.ToUpper(id): "Payment <span class=\"code\">" + id,
		"/console/quote?to=" + german + "&currency=EUR&value=1.00": "Pay at most",
		"/console/quote?to=" + german + "&currency=EUR&value=1e9":  `role="alert"`,
	} {
		status, page, _, header := v.visit("GET", path, nil)
		if status != http.StatusOK || !strings.Contains(page, want) {
			t.Errorf("%s: %d, and no %q in it:\n%s", path, status, want, page)
		}
		if csp := header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: policy %q, %s", path, csp, header.Get("Cache-Control"))
		}
		if strings.Contains(page, "<b>eggs") || strings.Contains(page, " style=") || strings.Contains(page, "onclick") || len(page) > 200_000 {
			t.Errorf("%s: %d bytes, with markup that does not belong there", path, len(page))
		}
	}
	for path, want := range map[string]int{
		"/console/payments/00000000-0000-7000-8000-000000000000": 404,
		"/console/payments/..%2f..":                              404,
		"/console/nothing":                                       404,
		"/console/payments?cursor=x":                             400,
		"/console/payments?status=gone":                          400,
		"/console/market?give=ZZZ&want=EUR":                      400,
	} {
		if status, page, _, _ := v.visit("GET", path, nil); status != want {
			t.Errorf("%s: %d, want %d\n%s", path, status, want, page)
		}
	}
	if status, receipt, _, header := v.visit("GET", "/console/payments/"+id+"/receipt", nil); status != 200 ||
		!strings.HasPrefix(receipt, "c2sp.org/tlog-proof") || !strings.Contains(header.Get("Content-Disposition"), id) {
		t.Errorf("receipt: %d %.60s %s", status, receipt, header.Get("Content-Disposition"))
	}

	for query, want := range map[string]string{"format=csv": "currency,issuer,kind", "": `"participant"`, "format=camt.052": "camt.052.001.08"} {
		if status, file, _, header := v.visit("GET", "/console/statement?"+query, nil); status != 200 || !strings.Contains(file, want) ||
			!strings.HasPrefix(header.Get("Content-Disposition"), "attachment") {
			t.Errorf("statement %s: %d %.80s", query, status, file)
		}
	}

	// The links of the day's page lead to files.
	_, day, _, _ := v.visit("GET", "/console/intraday", nil)
	for _, part := range strings.Split(day, `href="/console/statement?`)[1:] {
		query, _, _ := strings.Cut(part, `"`)
		if status, file, _, _ := v.visit("GET", "/console/statement?"+html.UnescapeString(query), nil); status != 200 {
			t.Errorf("statement %s: %d %s", query, status, file)
		}
	}

	// Another participant does not see the payment; it looks like one that is not there.
	other := r.visitor()
	other.signIn(r.keys[romanian])
	if status, page, _, _ := other.visit("GET", "/console/payments/"+id, nil); status != 404 || strings.Contains(page, "eggs") {
		t.Errorf("a stranger sees %d\n%s", status, page)
	}
}

func TestConsolePaysOnce(t *testing.T) {
	r := newRig(t)
	r.market()
	v := r.visitor()
	v.signIn(r.keys[mexican])
	form := url.Values{
		"to": {german}, "currency": {"EUR"}, "value": {"10.00"}, "send_currency": {"MXN"}, "send_max": {"300.00"},
		"key": {"0190f5a0-0000-7000-8000-000000000001"}, "remittance": {"once"},
	}
	// A form that another site sends is not ours, whatever cookies come with it.
	v.header.Set("Sec-Fetch-Site", "cross-site")
	if status, _, _, _ := v.visit("POST", "/console/quote", form); status != http.StatusForbidden {
		t.Errorf("another site's form: %d", status)
	}
	v.header.Set("Sec-Fetch-Site", "same-origin")
	status, page, first, _ := v.visit("POST", "/console/quote", form)
	if status != 200 || !strings.Contains(page, `class="status settled"`) {
		t.Fatalf("paying: %d\n%s", status, page)
	}
	// The button pressed twice.
	if _, _, second, _ := v.visit("POST", "/console/quote", form); second != first {
		t.Errorf("the second press made %s, the first %s", second, first)
	}
	form.Set("value", "11.00")
	if status, page, _, _ := v.visit("POST", "/console/quote", form); status != 422 || !strings.Contains(page, "Idempotency-Key") {
		t.Errorf("the same form with another amount: %d\n%s", status, page)
	}
	if got := len(r.must(200, r.do("GET", "/v1/payments", mexican, nil)).json["data"].([]any)); got != 1 {
		t.Errorf("%d payments, want 1", got)
	}
}

func TestConsoleSessionsEnd(t *testing.T) {
	r := newRig(t)
	made := r.must(201, r.do("POST", "/v1/participants/"+mexican+"/api-keys", mexican, obj{"name": "console"}))
	v := r.visitor()
	page := v.signIn(made.text("key"))
	if !strings.Contains(page, "No payments yet") {
		t.Errorf("an empty page does not say how to begin:\n%s", page)
	}
	at, err := url.Parse(r.url + "/console")
	r.ok(err)
	cookie := *v.client.Jar.Cookies(at)[0]

	// A cookie that was touched is none.
	for _, value := range []string{"", "AAAA", cookie.Value[:len(cookie.Value)-2], cookie.Value + "A", strings.Repeat("A", 4000)} {
		other := r.visitor()
		other.client.Jar.SetCookies(at, []*http.Cookie{{Name: cookie.Name, Value: value}})
		if _, _, place, _ := other.visit("GET", "/console", nil); place != "/console/sign-in" {
			t.Errorf("cookie %.20q leads to %s", value, place)
		}
	}
	// Signing in never leads to another site.
	for _, next := range []string{"https://evil.example", "//evil.example", "/v1/balances", `/console/\evil`, "/console/../v1"} {
		other := r.visitor()
		if _, _, place, _ := other.visit("POST", "/console/sign-in", url.Values{"key": {made.text("key")}, "next": {next}}); !strings.HasPrefix(place, "/console") {
			t.Errorf("next %q leads to %s", next, place)
		}
	}
	r.clock.Store(int64(9 * time.Hour))
	if _, _, place, _ := v.visit("GET", "/console", nil); place != "/console/sign-in" {
		t.Errorf("after nine hours: %s", place)
	}
	r.clock.Store(0)
	r.must(204, r.do("DELETE", "/v1/participants/"+mexican+"/api-keys/"+made.text("id"), mexican, nil))
	if _, page, place, _ := v.visit("GET", "/console", nil); place != "/console/sign-in?again=1" || !strings.Contains(page, "no longer valid") {
		t.Errorf("with a revoked key: %s\n%s", place, page)
	}
	out := r.visitor()
	out.signIn(r.keys[mexican])
	if _, _, place, _ := out.visit("POST", "/console/sign-out", url.Values{}); place != "/console/sign-in" {
		t.Errorf("signed out: %s", place)
	}
	if _, _, place, _ := out.visit("GET", "/console", nil); place != "/console/sign-in" {
		t.Errorf("after signing out: %s", place)
	}
}

// The settings page makes and revokes keys, and adds, tests and removes webhooks, without a script.
func TestConsoleChangesSettings(t *testing.T) {
	r := newRig(t)
	v := r.visitor()
	v.signIn(r.keys[mexican])
	v.header.Set("Sec-Fetch-Site", "same-origin")
	post := func(want int, form url.Values) string {
		t.Helper()
		status, page, place, _ := v.visit("POST", "/console/settings", form)
		if status != want || place != "/console/settings" {
			t.Fatalf("%v: %d at %s\n%s", form, status, place, page)
		}
		return page
	}
	page := post(200, url.Values{"do": {"create-key"}, "name": {"night <desk>"}})
	_, key, _ := strings.Cut(page, `class="code secret">`)
	key, _, _ = strings.Cut(key, "<")
	if r.with(key, "GET", "/v1/balances", nil).status != 200 || !strings.Contains(page, "night &lt;desk&gt;") {
		t.Fatalf("the new key %q is none\n%s", key, page)
	}
	if _, again, _, _ := v.visit("GET", "/console/settings", nil); strings.Contains(again, key) {
		t.Error("the key is shown twice")
	}
	list := r.must(200, r.do("GET", "/v1/participants/"+mexican+"/api-keys", mexican, nil))
	id := ""
	for _, k := range list.json["data"].([]any) {
		if k.(obj)["name"] == "night <desk>" {
			id = k.(obj)["id"].(string)
		}
	}
	if page := post(200, url.Values{"do": {"revoke-key"}, "id": {id}}); !strings.Contains(page, "revoked") {
		t.Errorf("not revoked:\n%s", page)
	}
	if got := r.with(key, "GET", "/v1/balances", nil).status; got != 401 {
		t.Errorf("the revoked key: %d", got)
	}

	inbox := make(chan []byte, 1)
	endpoint := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		inbox <- body
	}))
	defer endpoint.Close()
	if page := post(200, url.Values{"do": {"create-webhook"}, "url": {endpoint.URL}}); !strings.Contains(page, "whsec_") {
		t.Errorf("no secret:\n%s", page)
	}
	hook := r.must(200, r.do("GET", "/v1/webhooks", mexican, nil)).text("data", "0", "id")
	if page := post(200, url.Values{"do": {"test-webhook"}, "id": {hook}, "url": {endpoint.URL}}); !strings.Contains(page, "Delivered in") || !strings.Contains(string(<-inbox), "webhook.test") {
		t.Errorf("the test:\n%s", page)
	}
	endpoint.Close()
	if page := post(200, url.Values{"do": {"test-webhook"}, "id": {hook}, "url": {endpoint.URL}}); !strings.Contains(page, "Not delivered") {
		t.Errorf("the test of one that is away:\n%s", page)
	}
	if page := post(200, url.Values{"do": {"remove-webhook"}, "id": {hook}}); !strings.Contains(page, "No webhooks yet") {
		t.Errorf("not removed:\n%s", page)
	}
	// What is wrong is said on the page, and another's is not there.
	for _, bad := range []struct {
		status int
		form   url.Values
	}{
		{400, url.Values{"do": {"create-key"}, "name": {""}}}, {400, url.Values{"do": {"create-webhook"}, "url": {"gopher://x"}}}, {400, url.Values{"do": {"nothing"}}},
		{404, url.Values{"do": {"revoke-key"}, "id": {"00000000-0000-7000-8000-000000000000"}}}, {404, url.Values{"do": {"revoke-key"}, "id": {"../x"}}},
	} {
		if page := post(bad.status, bad.form); !strings.Contains(page, `role="alert"`) {
			t.Errorf("%v:\n%s", bad.form, page)
		}
	}
	v.header.Set("Sec-Fetch-Site", "cross-site")
	if status, _, _, _ := v.visit("POST", "/console/settings", url.Values{"do": {"create-key"}, "name": {"x"}}); status != http.StatusForbidden {
		t.Errorf("another site's form: %d", status)
	}
}

// What would be if: asked of the API, shown beside what is.
func TestConsoleAsksWhatIf(t *testing.T) {
	r := newRig(t)
	r.market()
	v := r.visitor()
	v.signIn(r.keys[mexican])
	look := func(query, want string) {
		t.Helper()
		if status, page, _, _ := v.visit("GET", "/console/liquidity?"+query, nil); status != 200 || !strings.Contains(page, want) {
			t.Errorf("%s: %d, and no %q:\n%s", query, status, want, page)
		}
	}
	look("", "Choose a line and another limit")
	look("without="+romanian, "Nothing was paid yet")
	r.pay("10.00")
	look("without="+dealer, "no way left")
	look("without="+romanian, ">none<")
	line := url.QueryEscape(dealer + "/MXN@" + mexican)
	look("limit=0.00&line="+line, "no way left")
	look("limit=0.00&line="+line+"&to="+german+"&currency=EUR&value=5.00", "EUR 5.00 to "+german)
	look("limit=x&line="+line, `role="alert"`)
	look("without=nobody", `role="alert"`)
	look("limit=1.00&line="+url.QueryEscape(dealer+"/EUR@"+german), `role="alert"`) // a line between two others
	if got := r.must(200, r.do("POST", "/v1/quotes", mexican, obj{"to": german, "deliver": cash("EUR", "1.00")})); got.text("options", "0", "code") != "" {
		t.Errorf("the questions left a trace: %s", got.body)
	}
	for _, tt := range []struct {
		ask  obj
		want string
	}{
		{obj{"limits": []obj{{"holder": dealer, "currency": "EUR", "issuer": german, "limit": "1.00"}}}, "/what_if/limits/0"},
		{obj{"limits": []obj{{"holder": dealer, "currency": "MXN", "issuer": mexican, "limit": "-1.00"}}}, "/what_if/limits/0/limit"},
		{obj{"limits": []obj{{"holder": dealer, "currency": "MXN", "issuer": mexican, "limit": "1.001"}}}, "/what_if/limits/0/limit"},
		{obj{"without": []string{"X"}}, "/what_if/without/0"},
		{obj{"with": 1}, "/what_if/with"},
	} {
		got := r.must(400, r.do("POST", "/v1/quotes", mexican, obj{"to": german, "deliver": cash("EUR", "1.00"), "what_if": tt.ask}))
		if at := got.text("errors", "0", "pointer"); at != tt.want {
			t.Errorf("%v: %s, want %s", tt.ask, at, tt.want)
		}
	}
}
