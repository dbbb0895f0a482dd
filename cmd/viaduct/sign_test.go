package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"viaduct/ledger"
)

// sign runs the command on an order with a fixed seed.
func sign(t *testing.T, args ...string) (string, int) {
	t.Helper()
	seed := filepath.Join(t.TempDir(), "seed")
	if err := os.WriteFile(seed, []byte(strings.Repeat("07", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	args = append(args, "--seed-file", seed, "--network", strings.Repeat("ab", 32), "--participant", "BKMXMXMM")
	code := run(context.Background(), args, &out, &errs)
	return out.String() + errs.String(), code
}

// The vector in docs/signing.md is what the command makes, and it is a submission that verifies.
func TestSignVector(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "signing.md"))
	if err != nil {
		t.Fatal(err)
	}
	order := regexp.MustCompile("(?s)```json\n(.*?)```").FindSubmatch(doc)
	vector := regexp.MustCompile("(?s)```hex\n(.*?)```").FindSubmatch(doc)
	if order == nil || vector == nil {
		t.Fatal("docs/signing.md has no order or no vector")
	}
	file := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(file, order[1], 0o600); err != nil {
		t.Fatal(err)
	}
	got, code := sign(t, "sign", file, "--key", "order-118", "--salt", strings.Repeat("05", 32), "--form", "hex")
	want := strings.Join(strings.Fields(string(vector[1])), "")
	if code != 0 || strings.TrimSpace(got) != want {
		t.Errorf("exit code %d, signed\n%s\nwant\n%s", code, got, want)
	}
	data, err := hex.DecodeString(want)
	var s ledger.Submission
	if err == nil {
		err = ledger.DecodeSubmission(data, &s)
	}
	if err != nil || !s.Verify() || s.Fingerprint != s.EntriesFingerprint() {
		t.Errorf("the vector does not verify: %v", err)
	}
}

func TestSignRefuses(t *testing.T) {
	for _, order := range []string{
		``, `{}`, `[1]`, `{"pay":{}}`, `{"pay":{"to":"EURBDEFF"}}`, `{"pay":{"to":"EURBDEFF","deliver":{"currency":"EUR","value":"1.001"},"send_max":{"currency":"MXN","value":"1"}}}`,
		`{"pay":{"to":"EURBDEFF","deliver":{"currency":"EUR","value":"1"},"send":{"currency":"MXN","value":"1"}}}`,
		`{"set_key":{"public_key":"AA=="}}`, `{"set_key":{},"pay":{}}`, `{"pray":{}}`,
	} {
		file := filepath.Join(t.TempDir(), "order.json")
		if err := os.WriteFile(file, []byte(order), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, code := sign(t, "sign", file, "--key", "k"); code == 0 {
			t.Errorf("%s was signed: %q", order, out)
		}
	}
	short := filepath.Join(t.TempDir(), "short")
	if err := os.WriteFile(short, []byte("07"), 0o600); err != nil {
		t.Fatal(err)
	}
	network := strings.Repeat("ab", 32)
	if out := command(t, 2, "keys", "prove", "--seed-file", short, "--network", network, "--participant", "BKMXMXMM"); !strings.Contains(out, "32 bytes in hex") {
		t.Errorf("a short seed: %q", out)
	}
}

// A participant admits its own key and pays with it, by the commands that docs/signing.md names.
func TestSignAndPay(t *testing.T) {
	p := launch(t, "up", "--data", t.TempDir())
	defer p.kill(t)
	ctx := context.Background()
	do := func(r request) {
		t.Helper()
		if err := p.api.do(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	var network struct {
		Network string `json:"network"`
	}
	do(request{method: "GET", path: "/v1/validators", key: p.ready.Operator, out: &network})
	keys := map[string]string{}
	for _, bic := range []string{"BKMXMXMM", "EURBDEFF"} {
		var made struct {
			Key string `json:"key"`
		}
		do(request{method: "POST", path: "/v1/participants", key: p.ready.Operator, body: map[string]string{"bic": bic, "name": bic, "country": bic[4:6]}})
		do(request{method: "POST", path: "/v1/participants/" + bic + "/api-keys", key: p.ready.Operator, body: map[string]string{"name": "t"}, out: &made})
		keys[bic] = made.Key
	}
	do(request{method: "PUT", path: "/v1/lines/EURBDEFF/MXN/BKMXMXMM", key: keys["EURBDEFF"], body: map[string]string{"limit": "1000.00"}})
	seed := filepath.Join(t.TempDir(), "seed")
	if err := os.WriteFile(seed, []byte(strings.Repeat("07", 32)), 0o600); err != nil {
		t.Fatal(err)
	}
	command := func(args ...string) json.RawMessage {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(ctx, append(args, "--seed-file", seed, "--network", network.Network, "--participant", "BKMXMXMM"), &out, &errs); code != 0 {
			t.Fatalf("%s: %s", args, errs.String())
		}
		return out.Bytes()
	}
	do(request{method: "POST", path: "/v1/participants/BKMXMXMM/signing-keys", key: keys["BKMXMXMM"], body: command("keys", "prove")})
	order := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(order, []byte(`{"pay":{"to":"EURBDEFF","deliver":{"currency":"MXN","value":"10.00"},"send_max":{"currency":"MXN","value":"10.00"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Results []struct {
			Applied bool   `json:"applied"`
			Code    string `json:"code"`
		} `json:"results"`
	}
	do(request{method: "POST", path: "/v1/submissions", key: keys["BKMXMXMM"], idempotency: "one", body: command("sign", order, "--key", "one", "--form", "json"), out: &got})
	if len(got.Results) != 1 || !got.Results[0].Applied {
		t.Errorf("results: %+v", got)
	}
	if out := p.output(); strings.Count(out, p.ready.Operator) != 1 {
		t.Errorf("the operator's key is shown at the start that makes it: %s", out)
	}
}
