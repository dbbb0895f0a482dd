package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"viaduct/internal/testenv"
)

// TestEndToEnd is the whole way of one payment through the real program: a bank that holds pesos only
// pays euros over dealers' offers, a webhook confirms it, a balance shows it, a receipt proves it, and
// the receipt with any byte changed proves nothing.
func TestEndToEnd(t *testing.T) {
	p := launch(t, "demo")
	key := p.ready.APIKeys["NOPLMXMM"]

	confirmed := make(chan []byte, 4)
	var verifier *standardwebhooks.Webhook
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = verifier.Verify(body, r.Header)
		}
		if err != nil {
			t.Errorf("delivery: %v", err)
		}
		confirmed <- body
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()
	var hook struct {
		Secret string `json:"secret"`
	}
	call(t, p, request{method: "POST", path: "/v1/webhooks", key: key, body: map[string]any{"url": receiver.URL}, out: &hook})
	var err error
	if verifier, err = standardwebhooks.NewWebhook(hook.Secret); err != nil {
		t.Fatal(err)
	}

	before := balanceOf(t, p, "IBERESMM", "EUR")
	var a struct {
		paymentAnswer
		Hops []struct {
			Kind string `json:"kind"`
		} `json:"hops"`
	}
	call(t, p, request{
		method: "POST", path: "/v1/payments", key: key, idempotency: "end-to-end", prefer: "wait=20",
		body: map[string]any{"to": "IBERESMM", "deliver": sum{"EUR", "1000.00"}}, out: &a,
	})
	fills := 0
	for _, h := range a.Hops {
		if h.Kind == "fill" {
			fills++
		}
	}
	if a.Status != "settled" || a.Source.Currency != "MXN" || a.Delivered != (sum{"EUR", "1000.00"}) || fills < 2 {
		t.Fatalf("payment %+v", a)
	}
	if a.Index == nil || a.Accepted == "" || a.Accepted > a.Settled {
		t.Errorf("index %v, accepted %s, settled %s", a.Index, a.Accepted, a.Settled)
	}
	if after := balanceOf(t, p, "IBERESMM", "EUR"); after-before != 100_000 {
		t.Errorf("the receiver's balance rose by %d cents", after-before)
	}
	select {
	case body := <-confirmed:
		if !bytes.Contains(body, []byte(a.ID)) || !bytes.Contains(body, []byte("payment.settled")) {
			t.Errorf("the webhook says %s", body)
		}
	case <-time.After(30 * time.Second):
		t.Error("no webhook within 30 s")
	}
	verifyAllBytes(t, p, key, a.ID)
	example, err := os.ReadFile("../../examples/pacs008.xml")
	if err != nil {
		t.Fatal(err)
	}
	if answer := fetch(t, p, "POST", "/v1/messages", key, "application/xml", example); !bytes.Contains(answer, []byte("<TxSts>ACSC</TxSts>")) {
		t.Errorf("the README's message is answered\n%s", answer)
	}
	p.interrupt(t)
}

// verifyAllBytes fetches a payment's receipt, verifies it with the command, and then with each byte
// changed.
func verifyAllBytes(t *testing.T, p *process, key, id string) {
	t.Helper()
	receipt := fetch(t, p, "GET", "/v1/payments/"+id+"/receipt", key, "", nil)
	file := filepath.Join(t.TempDir(), "receipt")
	verify := func(data []byte) (code int, out string) {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		code = run(context.Background(), []string{"verify", file, "--validator", strings.Join(p.ready.Validators, " ")}, &stdout, &stderr)
		return code, stdout.String() + stderr.String()
	}
	if code, out := verify(receipt); code != 0 || !strings.Contains(out, id) {
		t.Fatalf("verify exits %d: %s", code, out)
	}
	for i := range receipt {
		for _, flip := range []byte{1, 0x20} { // the second turns capitals into small letters
			bad := bytes.Clone(receipt)
			bad[i] ^= flip
			if code, out := verify(bad); code != 1 {
				t.Errorf("byte %d changed, and verify exits %d: %s", i, code, out)
			}
		}
	}
}

func call(t *testing.T, p *process, r request) {
	t.Helper()
	if err := p.api.do(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// fetch sends a request whose body or answer is not JSON.
func fetch(t *testing.T, p *process, method, path, key, contentType string, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.ready.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Prefer", "wait=20")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := p.api.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %s %v", method, path, resp.Status, data, err)
	}
	return data
}

// TestSampleMessage settles a real pacs.008: its agents are admitted, and its sender holds pesos only.
func TestSampleMessage(t *testing.T) {
	path := testenv.Shared(t, "iso20022/samples/valid/cbpr-ur-2026--pacs008-credit-transfer-sample.xml")
	sample, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, "demo")
	const sender, receiver = "FNTXDE2X", "GLPBES2X"
	keys := map[string]string{}
	for _, bic := range []string{sender, receiver} {
		call(t, p, request{method: "POST", path: "/v1/participants", key: p.ready.Operator, body: map[string]any{
			"bic": bic, "name": bic, "country": bic[4:6], "funding": []string{"MXN"}, "max_over_mid_bps": 200,
		}})
		var made struct {
			Key string `json:"key"`
		}
		call(t, p, request{method: "POST", path: "/v1/participants/" + bic + "/api-keys", key: p.ready.Operator, body: map[string]any{"name": "test"}, out: &made})
		keys[bic], p.ready.APIKeys[bic] = made.Key, made.Key
	}
	call(t, p, request{method: "PUT", path: "/v1/lines/" + sender + "/MXN/AZTLMXMM", key: keys[sender], body: map[string]any{"limit": "90000000.00"}})
	call(t, p, request{method: "PUT", path: "/v1/lines/" + receiver + "/EUR/RHEIDEFF", key: keys[receiver], body: map[string]any{"limit": "1000000.00"}})
	call(t, p, request{
		method: "POST", path: "/v1/payments", key: p.ready.APIKeys["AZTLMXMM"], idempotency: "fund", prefer: "wait=20",
		body: map[string]any{"to": sender, "deliver": sum{"MXN", "40000000.00"}, "send_max": sum{"MXN", "40000000.00"}},
	})
	answer := string(fetch(t, p, "POST", "/v1/messages", keys[sender], "application/xml", sample))
	uetr := regexp.MustCompile(`UETR>([^<]+)<`).FindSubmatch(sample)
	if !strings.Contains(answer, "<TxSts>ACSC</TxSts>") || !strings.Contains(answer, string(uetr[1])) {
		t.Fatalf("the answer is\n%s", answer)
	}
	if got := balanceOf(t, p, receiver, "EUR"); got != 75_000_000 {
		t.Errorf("the receiver holds %d cents, want 75000000", got)
	}
	var page struct {
		Data []paymentAnswer `json:"data"`
	}
	call(t, p, request{method: "GET", path: "/v1/payments?uetr=" + string(uetr[1]), key: keys[sender], out: &page})
	if len(page.Data) != 1 || page.Data[0].Source.Currency != "MXN" {
		t.Fatalf("payments %+v", page)
	}
	verifyAllBytes(t, p, keys[sender], page.Data[0].ID)
	p.interrupt(t)
}
