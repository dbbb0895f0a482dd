package gateway

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"viaduct/ledger"
	"viaduct/openapi"
)

func contractBytes() []byte { return openapi.Contract }

func loadedContract(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(openapi.Contract)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestContractIsValid(t *testing.T) {
	if err := loadedContract(t).Validate(context.Background()); err != nil {
		t.Error(err)
	}
}

// The contract's codes are those that can be answered: each kind of problem, and each outcome with
// which the ledger can refuse a payment. None is missing and none is left over.
func TestEveryCodeIsInTheContract(t *testing.T) {
	known := map[openapi.ErrorCode]bool{}
	for _, v := range loadedContract(t).Components.Schemas["ErrorCode"].Value.Enum {
		known[openapi.ErrorCode(v.(string))] = true
	}
	meant := map[openapi.ErrorCode]bool{}
	for code := range kinds {
		meant[code] = true
	}
	for _, o := range ledger.Outcomes() {
		if o != ledger.Applied {
			meant[openapi.ErrorCode(o.String())] = true
		}
	}
	for code := range meant {
		if !known[code] {
			t.Errorf("%s is not in the contract", code)
		}
	}
	for code := range known {
		if !meant[code] {
			t.Errorf("%s is in the contract, and nothing answers it", code)
		}
	}
}

// Each code that this package can answer is written somewhere in it besides its table: none is dead.
func TestEveryKindIsUsed(t *testing.T) {
	var all strings.Builder
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := f.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if name == "problem.go" {
				data = regexp.MustCompile(`(?s)var kinds = .*?\n}\n`).ReplaceAll(data, nil)
			}
			all.Write(data)
		}
	}
	outcomes := map[string]bool{}
	for _, o := range ledger.Outcomes() {
		outcomes[o.String()] = true
	}
	for code := range kinds {
		parts := strings.Split(string(code), "_")
		for i, p := range parts {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
		if !outcomes[string(code)] && !regexp.MustCompile(`openapi\.ErrorCode`+strings.Join(parts, "")+`\b`).MatchString(all.String()) {
			t.Errorf("nothing answers %s", code)
		}
	}
}

// The contract's examples are requests that work, sent here as they stand.
func TestExamplesWork(t *testing.T) {
	r := newRig(t)
	// The examples' market is the tests' own; they name the same banks.
	r.market()
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"funding": []string{"MXN"}, "max_over_mid_bps": 300}))
	for _, e := range r.examples() {
		header := []string{"Prefer", "wait=10"}
		if e.operation == "Submit" {
			header = append(header, "Idempotency-Key", "example")
		}
		got := r.do(e.method, e.path, e.as, e.body, header...)
		if got.status >= 300 || got.text("status") == "rejected" {
			t.Errorf("%s %s, example %s: %d %s", e.method, e.path, e.name, got.status, got.body)
		}
	}
}

// example is a request that the contract shows.
type example struct {
	operation, name, method, path, as string
	body                              obj
}

// examples returns the contract's examples as requests to this rig, and fails the test unless each
// operation with a body has one. The first one admits a bank that is there already, so it is given
// another BIC.
func (r *rig) examples() (all []example) {
	r.t.Helper()
	hook := r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": "https://bank.example/"})).text("id")
	r.fourEyesBank()
	held := r.must(202, r.do("POST", "/v1/payments", fourEyes, pesos("101.00"))).text("id")
	paths := map[string]struct{ path, as string }{
		"AdmitParticipant":  {"/v1/participants", ""},
		"ChangeParticipant": {"/v1/participants/" + mexican, mexican},
		"CreateAPIKey":      {"/v1/participants/" + mexican + "/api-keys", mexican},
		"RotateAPIKey":      {"/v1/participants/" + mexican + "/api-keys/" + r.newAPIKey(mexican, obj{}).text("id") + "/rotate", mexican},
		"AddSigningKey":     {"/v1/participants/WLSGGB2L/signing-keys", "WLSGGB2L"},
		"AddClientKey":      {"/v1/participants/" + mexican + "/client-keys", mexican},
		"AddEncryptionKey":  {"/v1/participants/" + romanian + "/encryption-keys", romanian},
		"Submit":            {"/v1/submissions", "SGNSGB2L"},
		"SetLine":           {"/v1/lines/" + romanian + "/MXN/" + mexican, romanian},
		"PlaceOffer":        {"/v1/offers", dealer},
		"SetInventory":      {"/v1/inventory", dealer},
		"ReplaceOffers":     {"/v1/offers", dealer},
		"Quote":             {"/v1/quotes", mexican},
		"CreatePayment":     {"/v1/payments", mexican},
		"ApprovePayment":    {"/v1/payments/" + held + "/approve", "second"},
		"CreatePayments":    {"/v1/payments/batch", mexican},
		"CreateWebhook":     {"/v1/webhooks", mexican},
		"ChangeWebhook":     {"/v1/webhooks/" + hook, mexican},
		"Redeliver":         {"/v1/webhooks/" + hook + "/redeliver", mexican},
	}
	const signs, willSign = "SGNSGB2L", "WLSGGB2L"
	r.admit(signs, willSign)
	r.must(201, r.do("POST", "/v1/participants/"+signs+"/signing-keys", signs, r.ownKey(signs, "own")))
	for path, item := range r.doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody == nil || op.RequestBody.Value.Content["application/json"] == nil {
				continue
			}
			content := op.RequestBody.Value.Content["application/json"]
			to, ok := paths[op.OperationID]
			if !ok || len(content.Examples) == 0 {
				r.t.Errorf("%s %s has no example", method, path)
				continue
			}
			for name, shown := range content.Examples {
				body := shown.Value.Value.(obj)
				as := to.as
				switch {
				case op.OperationID == "AdmitParticipant":
					body["bic"] = "BKNWMXMM"
				case op.OperationID == "AddSigningKey": // its proof is for one network and one bank
					body = r.ownKey(willSign, "own")
				case op.OperationID == "Submit": // so is what was signed
					body["submission"] = base64Of(r.signed(signs, "own", "example", nil, &ledger.SetTerms{SetRippleDefault: true}))
				case op.OperationID == "SetLine" && name == "issuer":
					as = mexican
				}
				all = append(all, example{op.OperationID, name, method, to.path, as, body})
			}
		}
	}
	if len(all) < len(paths) {
		r.t.Errorf("only %d examples", len(all))
	}
	slices.SortFunc(all, func(a, b example) int { return strings.Compare(a.operation+a.name, b.operation+b.name) })
	return all
}

// What the contract calls open asks for no key, and nothing else does.
func TestOpenOperations(t *testing.T) {
	c, err := loadContract()
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, op := range c.operations {
		if op.open {
			open = append(open, op.id)
		}
	}
	slices.Sort(open)
	diff(t, "open operations", open, []string{"GetOAuthMetadata", "Health", "IssueToken", "Ready"})
}

func BenchmarkCheckBody(b *testing.B) {
	c, err := loadContract()
	if err != nil {
		b.Fatal(err)
	}
	op := c.operations["POST /v1/payments"]
	data := []byte(`{"to":"EURBDEFF","deliver":{"currency":"EUR","value":"1000.00"},"send_max":{"currency":"MXN","value":"21000.00"},"end_to_end_id":"INV-118","details":{"remittance":"Invoice 118"}}`)
	b.ReportAllocs()
	for b.Loop() {
		var f faults
		c.visit(op.body, readJSON(data, &f), &f)
		if len(f.list) > 0 {
			b.Fatal(f.list)
		}
	}
}

func BenchmarkLoadContract(b *testing.B) {
	for b.Loop() {
		if _, err := loadContract(); err != nil {
			b.Fatal(err)
		}
	}
}

// Each code is told to integrators in docs/api.md, with the status it is answered with.
func TestEveryCodeIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range loadedContract(t).Components.Schemas["ErrorCode"].Value.Enum {
		code := openapi.ErrorCode(v.(string))
		want := "| `" + string(code) + "` |"
		if k, ok := kinds[code]; ok {
			want += fmt.Sprintf(" %d |", k.status)
		}
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/api.md has no %q", want)
		}
	}
}
