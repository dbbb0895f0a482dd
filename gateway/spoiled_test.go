package gateway

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"viaduct/ledger"
)

// spoilable is a good request of one operation.
type spoilable struct {
	operation, method, path, as, media string
	body                               any // JSON as a tree, or text
}

// Spoiled requests of every operation that has a body, its examples in the contract and more, get
// documented answers, never a 500; and one that is refused, as a request or as a payment, changes nobody's
// balance.
func TestSpoiledRequestsChangeNothing(t *testing.T) {
	r := newRig(t)
	r.market()
	r.must(200, r.do("PATCH", "/v1/participants/"+mexican, mexican, obj{"funding": []string{"MXN"}, "max_over_mid_bps": 300}))
	var all []spoilable
	for _, e := range r.examples() {
		all = append(all, spoilable{e.operation, e.method, e.path, e.as, "application/json", e.body})
	}
	all = append(all,
		spoilable{"SubmitMessage", "POST", "/v1/messages", mexican, "application/xml", pacs008()},
		spoilable{"SubmitMessage", "POST", "/v1/messages", mexican, "application/xml", pacs009(mexican, german, "MX-9", "8e3f1c6a-52d1-4c7e-9f3b-0d6a1b2c3d4f", "10.00", false)},
		spoilable{"CreatePayment", "POST", "/v1/payments", "SGNSGB2L", submissionMedia, string(r.signed("SGNSGB2L", "own", "spoiled", nil, euroPay(100)))},
		spoilable{"CreatePayments", "POST", "/v1/payments/batch", mexican, "application/json", obj{"all_or_nothing": true, "payments": []any{euros("1.00"), euros("2.00")}}},
		spoilable{"IssueToken", "POST", "/oauth/token", mexican, "application/x-www-form-urlencoded", "grant_type=client_credentials&scope=payments%3Awrite"},
	)
	everyBody := map[string]bool{}
	for _, item := range r.doc.Paths.Map() {
		for _, op := range item.Operations() {
			if op.RequestBody != nil {
				everyBody[op.OperationID] = false
			}
		}
	}
	// Kept from one request to the next: what a good or a half-good one did is waited for.
	balances := func() map[string]int64 {
		out := map[string]int64{}
		for _, bic := range []string{mexican, german, dealer, romanian} {
			lines, _, err := r.store.Balances(t.Context(), ledger.MustBIC(bic))
			r.ok(err)
			for i := range lines {
				out[bic+" "+lines[i].Asset.String()] = lines[i].Balance
			}
		}
		return out
	}
	refused, taken := map[string]int{}, 0
	before := balances()
	rapid.Check(t, func(rt *rapid.T) {
		one := rapid.SampledFrom(all).Draw(rt, "request")
		everyBody[one.operation] = true
		var body any
		if text, ok := one.body.(string); ok {
			body = spoilText(rt, text)
		} else {
			body = spoilTree(rt, clone(one.body))
		}
		got := r.call(call{method: one.method, path: one.path, as: one.as, media: one.media, body: body, header: map[string]string{"Prefer": "wait=10"}})
		if got.status >= 500 || t.Failed() {
			rt.Fatalf("%s %s %v: %d %s", one.method, one.path, body, got.status, got.body)
		}
		after := balances()
		if got.status >= 400 {
			refused[got.text("code")]++
			if d := cmp.Diff(before, after); d != "" {
				rt.Fatalf("%s %s %v was refused with %d and changed balances:\n%s", one.method, one.path, body, got.status, d)
			}
		} else {
			taken++
		}
		before = after
	})
	t.Logf("%d taken; refused: %v", taken, refused)
	if taken == 0 || len(refused) < 8 {
		t.Errorf("%d requests were taken, and refused for %d reasons: the spoiling spoils too much or too little", taken, len(refused))
	}
	offered := map[string]bool{}
	for _, one := range all {
		offered[one.operation] = true
	}
	for operation := range everyBody {
		if !offered[operation] {
			t.Errorf("%s has a body that is never spoiled", operation)
		}
	}
}

func clone(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came out of JSON
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	return out
}

// spoils are values that are wrong nearly everywhere.
func spoils() []any {
	return []any{
		nil, true, "", "x", 0, -1, json.Number("1e2000000"), json.Number("9223372036854775808"), "0", "-1", "1e2000000", "999999999999999999999",
		"1.0000000000001", "EUR", "USD", "XAU", "MXN@NOBKDEFF", german, dealer, "NOBKDEFF", "2020-01-01T00:00:00Z", strings.Repeat("é", 300), "\u202e\ufffd",
		[]any{}, []any{nil, obj{}}, obj{}, obj{"currency": "EUR"}, "http://127.0.0.1/", base64.StdEncoding.EncodeToString([]byte("VS\x01")),
	}
}

// spoilTree changes up to three places of a body, or none, and now and then writes it as no good client
// would: with a member twice, nested deeply, with something behind it, or as no UTF-8.
func spoilTree(rt *rapid.T, body any) any {
	for range rapid.IntRange(0, 3).Draw(rt, "changes") {
		at := body
		for {
			if list, ok := at.([]any); ok && len(list) > 0 {
				at = list[rapid.IntRange(0, len(list)-1).Draw(rt, "element")]
				continue
			}
			o, ok := at.(obj)
			if !ok || len(o) == 0 {
				break
			}
			name := rapid.SampledFrom(slices.Sorted(maps.Keys(o))).Draw(rt, "member")
			switch o[name].(type) {
			case obj, []any:
				if rapid.Bool().Draw(rt, "deeper") {
					at = o[name]
					continue
				}
			}
			switch rapid.IntRange(0, 3).Draw(rt, "change") {
			case 0:
				delete(o, name)
			case 1:
				o[rapid.SampledFrom([]string{"surplus", "To", "value", "send_max", ""}).Draw(rt, "new")] = rapid.SampledFrom(spoils()).Draw(rt, "value")
			default:
				o[name] = rapid.SampledFrom(spoils()).Draw(rt, "value")
			}
			break
		}
	}
	written, err := json.Marshal(body)
	if err != nil {
		rt.Fatal(err)
	}
	text := string(written)
	switch rapid.IntRange(0, 15).Draw(rt, "form") {
	case 0:
		return strings.Replace(text, "{", `{"to":"EURBDEFF","to":"EURBDEFF",`, 1)
	case 1:
		return strings.Replace(text, "{", `{"deep":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)+",", 1)
	case 2:
		return text + "{}"
	case 3:
		return strings.Replace(text, `"`, "\"\xff", 1)
	case 4:
		return spoilText(rt, text)
	}
	return text
}

// spoilText changes, drops or repeats a few bytes.
func spoilText(rt *rapid.T, text string) string {
	b := []byte(text)
	for range rapid.IntRange(0, 4).Draw(rt, "edits") {
		at := rapid.IntRange(0, len(b)-1).Draw(rt, "at")
		end := min(len(b), at+rapid.IntRange(1, 8).Draw(rt, "length"))
		switch rapid.IntRange(0, 2).Draw(rt, "edit") {
		case 0:
			b[at] = rapid.Byte().Draw(rt, "byte")
		case 1:
			b = slices.Delete(b, at, end)
		default:
			b = slices.Insert(b, at, slices.Clone(b[at:end])...)
		}
		if len(b) == 0 {
			break
		}
	}
	return string(b)
}
