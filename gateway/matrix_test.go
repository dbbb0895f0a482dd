package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"viaduct/openapi"
)

// access is what one operation answers to each kind of caller, where it is another's thing that is asked
// for and where it is the caller's own.
type access struct {
	op, path             string
	body                 any
	owner                string // whose it is
	own, other, operator int
	// missing is the same request for what is not there; where another's is not shown, the two answers
	// are the same to the byte.
	missing string
}

// Every operation of the contract by everyone: the participant concerned, another one, the operator, and
// with no key, an expired, a revoked, an unknown one, one for other networks, and one without the scope
// that the contract asks for. An operation without a row here fails.
func TestAuthorisation(t *testing.T) {
	r := newRig(t)
	r.market()
	paid := r.must(201, r.do("POST", "/v1/payments", mexican, euros("10.00"), "Prefer", "wait=10")).text("id")
	offer := r.must(201, r.do("POST", "/v1/offers", dealer, obj{
		"give": cash("EUR", "1.00", german), "want": cash("MXN", "30.00", mexican),
	})).text("id")
	quote := r.must(201, r.do("POST", "/v1/quotes", mexican, obj{"to": german, "deliver": cash("EUR", "1.00"), "firm": true})).text("id")
	hook := r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": "http://127.0.0.1:1/x"})).text("id")
	apiKey := r.newAPIKey(mexican, obj{}).text("id")
	r.must(200, r.send(mexican, pacs028(mexican, german, "Q-1", uetrA)))
	asked := r.must(200, r.do("GET", "/v1/messages?limit=1", mexican, nil)).text("data", "0", "id")
	clientKey := r.must(201, r.do("POST", "/v1/participants/"+mexican+"/client-keys", mexican, obj{"name": "x", "public_key": r.ownKey(mexican, "x")["public_key"]})).text("id")
	const (
		noID  = "00000000-0000-7000-8000-000000000000"
		noBIC = "NONEUS33"
	)
	line, noLine := "/v1/lines/"+dealer+"/EUR/"+german, "/v1/lines/"+noBIC+"/EUR/"+german
	bank, noBank := "/v1/participants/"+mexican, "/v1/participants/"+noBIC
	newKey := r.ownKey(romanian, "own")

	// What takes away comes last; of those who ask, the owner does.
	rows := []access{
		{"Health", "/healthz", nil, mexican, 200, 200, 200, ""},
		{"Ready", "/readyz", nil, mexican, 200, 200, 200, ""},
		{"AdmitParticipant", "/v1/participants", obj{"bic": "NEWBUS33", "name": "New", "country": "US"}, mexican, 403, 403, 201, ""},
		{"ListParticipants", "/v1/participants", nil, mexican, 200, 200, 200, ""},
		{"GetParticipant", bank, nil, mexican, 200, 200, 200, ""},
		{"ChangeParticipant", bank, obj{"max_over_mid_bps": 10}, mexican, 200, 404, 403, noBank},
		{"ChangeParticipant", bank, obj{"net_debit_caps": []any{cash("MXN", "5000000.00")}}, mexican, 403, 404, 200, noBank},
		{"CreateAPIKey", bank + "/api-keys", obj{"name": "x"}, mexican, 201, 404, 201, noBank + "/api-keys"},
		{"CreateAPIKey", "/v1/participants/operator/api-keys", obj{"name": "x"}, mexican, 404, 404, 201, noBank + "/api-keys"},
		{"ListAPIKeys", bank + "/api-keys", nil, mexican, 200, 404, 200, noBank + "/api-keys"},
		{"ListAPIKeys", "/v1/participants/operator/api-keys", nil, mexican, 404, 404, 200, noBank + "/api-keys"},
		{"RotateAPIKey", bank + "/api-keys/" + apiKey + "/rotate", obj{}, mexican, 201, 404, 201, noBank + "/api-keys/" + noID + "/rotate"},
		{"AddSigningKey", bank + "/signing-keys", newKey, mexican, 400, 404, 400, noBank + "/signing-keys"},
		{"Submit", "/v1/submissions", obj{"submission": "AAAA"}, mexican, 400, 400, 400, ""},
		{"AddEncryptionKey", bank + "/encryption-keys", obj{"public_key": newKey["public_key"]}, mexican, 201, 404, 403, noBank + "/encryption-keys"},
		{"ListEncryptionKeys", bank + "/encryption-keys", nil, mexican, 200, 404, 200, noBank + "/encryption-keys"},
		{"ListSigningKeys", bank + "/signing-keys", nil, mexican, 200, 404, 200, noBank + "/signing-keys"},
		{"AddClientKey", bank + "/client-keys", obj{"name": "x"}, mexican, 400, 404, 400, noBank + "/client-keys"},
		{"ListClientKeys", bank + "/client-keys", nil, mexican, 200, 404, 200, noBank + "/client-keys"},
		{"IssueToken", "/oauth/token", "grant_type=client_credentials", mexican, 401, 401, 401, ""},
		{"GetOAuthMetadata", "/.well-known/oauth-authorization-server", nil, mexican, 200, 200, 200, ""},
		{"ListLines", "/v1/lines", nil, dealer, 200, 200, 400, ""},
		{"ListLines", "/v1/lines?participant=" + dealer, nil, dealer, 200, 404, 200, "/v1/lines?participant=" + noBIC},
		{"GetLine", line, nil, dealer, 200, 404, 200, noLine},
		{"SetLine", line, obj{"limit": "900000.00"}, dealer, 200, 404, 403, noLine},
		{"PlaceOffer", "/v1/offers", obj{"give": cash("EUR", "1.00", german), "want": cash("MXN", "31.00", mexican)}, dealer, 201, 409, 403, ""},
		{"ReplaceOffers", "/v1/offers", obj{"base": obj{"currency": "EUR", "issuer": german}, "quote": obj{"currency": "RON", "issuer": romanian}}, dealer, 200, 200, 403, ""},
		{"SetInventory", "/v1/inventory", obj{"currency": "RON", "long": "5.00"}, dealer, 200, 200, 403, ""},
		{"ListInventories", "/v1/inventory", nil, dealer, 200, 200, 400, ""},
		{"ListInventories", "/v1/inventory?participant=" + dealer, nil, dealer, 200, 404, 200, "/v1/inventory?participant=" + noBIC},
		{"ListFills", "/v1/fills", nil, dealer, 200, 200, 400, ""},
		{"ListFills", "/v1/fills?participant=" + dealer, nil, dealer, 200, 404, 200, "/v1/fills?participant=" + noBIC},
		{"ListOffers", "/v1/offers", nil, dealer, 200, 200, 400, ""},
		{"ListOffers", "/v1/offers?participant=" + dealer, nil, dealer, 200, 404, 200, "/v1/offers?participant=" + noBIC},
		{"GetOffer", "/v1/offers/" + offer, nil, dealer, 200, 404, 404, "/v1/offers/" + noID},
		{"Quote", "/v1/quotes", obj{"to": german, "deliver": cash("EUR", "1.00")}, mexican, 200, 200, 400, ""},
		{"GetQuote", "/v1/quotes/" + quote, nil, mexican, 200, 404, 404, "/v1/quotes/" + noID},
		{"StreamQuotes", "/v1/quotes/stream?to=" + german + "&deliver=EUR%201.00", nil, mexican, 200, 200, 400, ""},
		{"CreatePayment", "/v1/payments", euros("1.00"), mexican, 202, 202, 403, ""},
		{"CreatePayments", "/v1/payments/batch", obj{"payments": []any{euros("1.00")}}, mexican, 202, 202, 403, ""},
		{"ListPayments", "/v1/payments", nil, mexican, 200, 200, 400, ""},
		{"ListPayments", "/v1/payments?participant=" + mexican, nil, mexican, 200, 404, 200, "/v1/payments?participant=" + noBIC},
		{"GetPayment", "/v1/payments/" + paid, nil, mexican, 200, 404, 404, "/v1/payments/" + noID},
		{"ApprovePayment", "/v1/payments/" + paid + "/approve", obj{"approve": true}, mexican, 409, 404, 404, "/v1/payments/" + noID + "/approve"},
		{"GetReceipt", "/v1/payments/" + paid + "/receipt", nil, mexican, 200, 404, 404, "/v1/payments/" + noID + "/receipt"},
		{"ListPaymentMessages", "/v1/payments/" + paid + "/messages", nil, mexican, 200, 404, 404, "/v1/payments/" + noID + "/messages"},
		{"SubmitMessage", "/v1/messages", "<x/>", mexican, 400, 400, 403, ""},
		{"ListMessages", "/v1/messages", nil, mexican, 200, 200, 200, ""},
		{"GetMessage", "/v1/messages/" + asked, nil, mexican, 200, 404, 404, "/v1/messages/" + noID},
		{"GetBalances", "/v1/balances", nil, mexican, 200, 200, 400, ""},
		{"GetBalances", "/v1/balances?participant=" + mexican, nil, mexican, 200, 404, 200, "/v1/balances?participant=" + noBIC},
		{"StreamBalances", "/v1/balances/stream", nil, mexican, 200, 200, 400, ""},
		{"StreamBalances", "/v1/balances/stream?participant=" + mexican, nil, mexican, 200, 404, 200, "/v1/balances/stream?participant=" + noBIC},
		{"GetPositions", "/v1/positions", nil, mexican, 200, 200, 400, ""},
		{"GetPositions", "/v1/positions?participant=" + mexican, nil, mexican, 200, 404, 200, "/v1/positions?participant=" + noBIC},
		{"GetStatements", "/v1/statements", nil, mexican, 200, 200, 400, ""},
		{"GetStatements", "/v1/statements?participant=" + mexican, nil, mexican, 200, 404, 200, "/v1/statements?participant=" + noBIC},
		{"ListEvents", "/v1/events", nil, mexican, 200, 200, 400, ""},
		{"ListEvents", "/v1/events?participant=" + mexican, nil, mexican, 200, 404, 200, "/v1/events?participant=" + noBIC},
		{"StreamEvents", "/v1/events/stream", nil, mexican, 200, 200, 400, ""},
		{"StreamEvents", "/v1/events/stream?participant=" + mexican, nil, mexican, 200, 404, 200, "/v1/events/stream?participant=" + noBIC},
		{"Metrics", "/metrics", nil, mexican, 403, 403, 200, ""},
		{"ListBlocks", "/v1/blocks", nil, mexican, 200, 200, 200, ""},
		{"GetBlock", "/v1/blocks/1", nil, mexican, 200, 200, 200, ""},
		{"GetLatestCheckpoint", "/v1/checkpoints/latest", nil, mexican, 200, 200, 200, "/v1/checkpoints/latest?since=1000000000"},
		{"GetValidatorChange", "/v1/validators/changes/1", nil, mexican, 404, 404, 404, ""},
		{"ListValidators", "/v1/validators", nil, mexican, 200, 200, 200, ""},
		{"ListRates", "/v1/rates", nil, mexican, 200, 200, 200, ""},
		{"GetBook", "/v1/book/EUR@" + german + "/MXN@" + mexican, nil, mexican, 200, 200, 200, ""},
		{"CreateWebhook", "/v1/webhooks", obj{"url": "http://127.0.0.1:1/y"}, mexican, 201, 201, 403, ""},
		{"ListWebhooks", "/v1/webhooks", nil, mexican, 200, 200, 200, ""},
		{"GetWebhook", "/v1/webhooks/" + hook, nil, mexican, 200, 404, 404, "/v1/webhooks/" + noID},
		{"ChangeWebhook", "/v1/webhooks/" + hook, obj{"disabled": false}, mexican, 200, 404, 404, "/v1/webhooks/" + noID},
		{"ListDeliveries", "/v1/webhooks/" + hook + "/deliveries", nil, mexican, 200, 404, 404, "/v1/webhooks/" + noID + "/deliveries"},
		{"Redeliver", "/v1/webhooks/" + hook + "/redeliver", obj{"failed": true}, mexican, 202, 404, 404, "/v1/webhooks/" + noID + "/redeliver"},
		{"RotateWebhookSecret", "/v1/webhooks/" + hook + "/rotate-secret", nil, mexican, 200, 404, 404, "/v1/webhooks/" + noID + "/rotate-secret"},
		{"TestWebhook", "/v1/webhooks/" + hook + "/test", nil, mexican, 200, 404, 404, "/v1/webhooks/" + noID + "/test"},
		{"DeleteWebhook", "/v1/webhooks/" + hook, nil, mexican, 204, 404, 404, "/v1/webhooks/" + noID},
		{"DeleteClientKey", bank + "/client-keys/" + clientKey, nil, mexican, 404, 404, 204, noBank + "/client-keys/" + noID},
		{"DeleteAPIKey", bank + "/api-keys/" + apiKey, nil, mexican, 204, 404, 204, noBank + "/api-keys/" + noID},
		{"ReleaseQuote", "/v1/quotes/" + quote, nil, mexican, 200, 404, 404, "/v1/quotes/" + noID},
		{"CancelOffer", "/v1/offers/" + offer, nil, dealer, 200, 404, 404, "/v1/offers/" + noID},
		{"CloseLine", line, nil, dealer, 200, 404, 403, noLine},
	}

	m := matrix{rig: r, narrow: map[string]string{}}
	all := make(map[string]*openapi3.Operation)
	for path, item := range r.doc.Paths.Map() {
		for method, op := range item.Operations() {
			all[op.OperationID] = op
			m.methods = append(m.methods, [3]string{op.OperationID, method, path})
		}
	}
	tried := make(map[string]bool)
	for _, row := range rows {
		if all[row.op] == nil {
			t.Errorf("%s is not in the contract", row.op)
			continue
		}
		tried[row.op] = true
		m.strangers(row)
		m.callers(row)
	}
	for id := range all {
		if !tried[id] {
			t.Errorf("%s has no row: say who may call it", id)
		}
	}
}

type matrix struct {
	*rig
	methods [][3]string       // operation, method, path
	narrow  map[string]string // keys by owner and the scope that they lack
}

// callers tries the operation as everyone with a good key.
func (m *matrix) callers(row access) {
	for _, as := range []struct {
		who  string
		want int
	}{{romanian, row.other}, {"", row.operator}, {row.owner, row.own}} {
		got := m.ask(row, row.path, "Bearer "+m.keys[as.who])
		if got.status != as.want {
			m.t.Errorf("%s as %q: %d, want %d: %s", got.what, as.who, got.status, as.want, got.body)
		}
		if as.want != http.StatusNotFound {
			continue
		}
		missing := m.ask(row, row.missing, "Bearer "+m.keys[as.who])
		got.header.Del("Date")
		missing.header.Del("Date")
		diff(m.t, fmt.Sprintf("%s as %q: another's (got) and what is not there (want)", got.what, as.who),
			got.text("code")+fmt.Sprint(got.header, string(got.body)), missing.text("code")+fmt.Sprint(missing.header, string(missing.body)))
	}
}

// strangers tries the operation with every credential that is not good for it.
func (m *matrix) strangers(row access) {
	op := m.gateway.contract.operations[m.method(row)+" "+m.pattern(row)]
	tokens := map[string]string{
		"no key": "", "no scheme": m.keys[row.owner], "another scheme": "Basic " + m.keys[row.owner], "half a key": "Bearer " + m.keys[row.owner][:40],
		"unknown": "Bearer vdk_000000000000_" + strings.Repeat("A", 43), "expired": "Bearer " + m.ended("expired"), "revoked": "Bearer " + m.ended("revoked"),
	}
	for name, token := range tokens {
		got := m.ask(row, row.path, token)
		want := http.StatusUnauthorized
		if op.open {
			want = row.own
		}
		if got.status != want || want == 401 && !op.open && (got.text("code") != "unauthorized" || got.header.Get("WWW-Authenticate") == "") {
			m.t.Errorf("%s with %s: %d, want %d: %s", got.what, name, got.status, want, got.body)
		}
	}
	if op.open {
		return
	}
	if got := m.ask(row, row.path, "Bearer "+m.ended("elsewhere")); got.status != 403 || got.text("code") != "address_not_allowed" {
		m.t.Errorf("%s with a key for elsewhere: %d %s", got.what, got.status, got.body)
	}
	if op.scope == "" {
		return // any key will do
	}
	for _, who := range []string{row.owner, romanian, ""} {
		got := m.ask(row, row.path, "Bearer "+m.without(who, op.scope))
		if got.status != 403 || got.text("code") != "insufficient_scope" || !strings.Contains(got.header.Get("WWW-Authenticate"), `scope="`+op.scope+`"`) {
			m.t.Errorf("%s as %q without %s: %d %s", got.what, who, op.scope, got.status, got.body)
		}
	}
}

// without returns a key of everything but one scope.
func (m *matrix) without(who, scope string) string {
	if key, ok := m.narrow[who+scope]; ok {
		return key
	}
	var scopes []string
	for _, v := range m.doc.Components.Schemas["Scope"].Value.Enum {
		if v != scope && v != string(openapi.ScopeAll) {
			scopes = append(scopes, v.(string))
		}
	}
	m.narrow[who+scope] = m.newAPIKey(who, obj{"scopes": scopes}).text("key")
	return m.narrow[who+scope]
}

// ended returns a key of the Mexican bank that is good no more, or not here.
func (m *matrix) ended(how string) string {
	if key, ok := m.narrow[how]; ok {
		return key
	}
	body := obj{}
	if how == "elsewhere" {
		body["allowed_networks"] = []string{"192.0.2.0/24"}
	}
	made := m.newAPIKey(mexican, body)
	path := "/v1/participants/" + mexican + "/api-keys/" + made.text("id")
	switch how {
	case "revoked":
		m.must(204, m.do("DELETE", path, "", nil))
	case "expired": // which a key replaced without an overlap has
		m.must(201, m.do("POST", path+"/rotate", "", obj{"overlap_seconds": 0}))
	}
	m.narrow[how] = made.text("key")
	return m.narrow[how]
}

func (m *matrix) method(row access) string  { return m.methods[m.at(row)][1] }
func (m *matrix) pattern(row access) string { return m.methods[m.at(row)][2] }

func (m *matrix) at(row access) int {
	return slices.IndexFunc(m.methods, func(x [3]string) bool { return x[0] == row.op })
}

// ask sends a row's request with a token; of a stream it reads only that it began.
func (m *matrix) ask(row access, path, token string) *reply {
	m.t.Helper()
	c := call{method: m.method(row), path: path, body: row.body, token: token, header: map[string]string{"X-Request-Id": "the-same"}}
	if row.op == "SubmitMessage" {
		c.media = "application/xml"
	}
	if row.op == "IssueToken" {
		c.media = formMedia
	}
	if token == "" {
		c.token = "none"
		c.header["Authorization"] = ""
	}
	if !m.gateway.contract.operations[c.method+" "+m.pattern(row)].stream {
		return m.call(c)
	}
	ctx, cancel := context.WithCancel(m.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, c.method, m.url+path, nil)
	m.ok(err)
	req.Header.Set("Authorization", token)
	req.Header.Set("X-Request-Id", c.header["X-Request-Id"])
	resp, err := m.client.Do(req)
	m.ok(err)
	defer resp.Body.Close()
	out := &reply{t: m.t, what: c.method + " " + path, status: resp.StatusCode, header: resp.Header}
	if out.status != http.StatusOK {
		out.body, err = io.ReadAll(resp.Body)
		m.ok(err)
		out.readJSON()
	}
	return out
}
