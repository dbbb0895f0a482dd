package main

import (
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viaduct/openapi"
)

var update = flag.Bool("update", false, "write the golden files of quotes again")

// quoteCase is a file of testdata/quote: what was asked, and the gateway's answer.
type quoteCase struct {
	Ask    openapi.QuoteRequest `json:"ask"`
	Answer json.RawMessage      `json:"answer"`
}

// Each answer is printed as its golden file has it, and read like it: the diff of a golden file is what
// an operator will see.
func TestQuoteText(t *testing.T) {
	files, err := filepath.Glob("testdata/quote/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c quoteCase
			var q openapi.Quote
			if err := json.Unmarshal(data, &c); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(c.Answer, &q); err != nil {
				t.Fatal(err)
			}
			got := quoteText(&c.Ask, &q)
			golden := strings.TrimSuffix(file, ".json") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			for line := range strings.Lines(got) {
				if strings.TrimRight(line, " \n") != strings.TrimRight(line, "\n") {
					t.Errorf("a line ends in blanks: %q", line)
				}
			}
		})
	}
}

const secretKey = "vdk_0123456789ab_a-key-that-nobody-may-see-on-any-screen"

// ask runs viaduct quote and checks that the key is nowhere in what it prints.
func ask(t *testing.T, args ...string) (code int, out, problem string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = run(t.Context(), append([]string{"quote"}, args...), &stdout, &stderr)
	if strings.Contains(stdout.String()+stderr.String(), secretKey) {
		t.Errorf("quote %q prints the key:\n%s%s", args, stdout.String(), stderr.String())
	}
	return code, stdout.String(), stderr.String()
}

func TestQuoteCommand(t *testing.T) {
	status, body := 200, `{"height":1,"options":[{"currency":"MXN"}]}`
	var seen string
	gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		seen = r.Method + " " + r.URL.Path + " " + r.Header.Get("Authorization") + " " + string(data)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer gate.Close()
	t.Setenv("VIADUCT_URL", gate.URL+"/")
	t.Setenv("VIADUCT_KEY", secretKey)
	full := []string{"--to", "RHEIDEFF", "--deliver", "EUR 1000.00", "--source", "MXN"}

	code, out, problem := ask(t, append(full, "--json")...)
	if want := `POST /v1/quotes Bearer ` + secretKey + ` {"deliver":{"currency":"EUR","value":"1000.00"},"source":"MXN","to":"RHEIDEFF"}`; seen != want {
		t.Errorf("asked %s, want %s", seen, want)
	}
	if code != 0 || out != body+"\n" || problem != "" {
		t.Errorf("%d %q %q", code, out, problem)
	}
	ask(t, append(full, "--json", "--max-paths", "2", "--max-hops", "3")...)
	if want := `"max_hops":3,"max_paths":2`; !strings.Contains(seen, want) {
		t.Errorf("asked %s, want %s in it", seen, want)
	}
	body = `{"height":1,"options":[{"currency":"MXN","code":"no_path"}]}`
	if code, out, _ := ask(t, append(full, "--json")...); code != 1 || out != body+"\n" {
		t.Errorf("no way to pay: %d %q", code, out)
	}
	if code, out, problem := ask(t, full...); code != 1 || !strings.Contains(out, "no_path") || !strings.Contains(problem, "cannot be paid") {
		t.Errorf("no way to pay: %d %q %q", code, out, problem)
	}
	status, body = 400, `{"code":"unknown_receiver","status":400,"errors":[{"pointer":"/to","message":"not admitted to the network"}]}`
	if code, _, problem := ask(t, full...); code != 2 || !strings.Contains(problem, "/to: not admitted") {
		t.Errorf("a fault the gateway finds: %d %q", code, problem)
	}
	status, body = 401, `{"code":"unauthorized","status":401}`
	if code, _, problem := ask(t, full...); code != 1 || !strings.Contains(problem, "unauthorized") {
		t.Errorf("a key that is none: %d %q", code, problem)
	}
	status, body = 200, `{"height":`
	if code, _, _ := ask(t, full...); code != 1 {
		t.Errorf("an answer that is none: %d", code)
	}
	seen = ""
	for name, args := range map[string][]string{
		"nobody to pay":      {"--deliver", "EUR 1"},
		"nothing to pay":     {"--to", "RHEIDEFF"},
		"both ways":          {"--to", "RHEIDEFF", "--deliver", "EUR 1", "--send", "EUR 1"},
		"no amount":          {"--to", "RHEIDEFF", "--deliver", "EUR"},
		"no currency":        {"--to", "RHEIDEFF", "--deliver", "1000.00"},
		"no issuer":          {"--to", "RHEIDEFF", "--deliver", "EUR@X 1"},
		"too many decimals":  {"--to", "RHEIDEFF", "--send", "EUR 0.001"},
		"an unknown flag":    {"--to", "RHEIDEFF", "--deliver", "EUR 1", "--fast"},
		"a stray word":       {"--to", "RHEIDEFF", "--deliver", "EUR 1", "RHEIDEFF"},
		"a key and no more?": {"--key", secretKey},
	} {
		if code, out, problem := ask(t, args...); code != 2 || out != "" || problem == "" {
			t.Errorf("%s: %d %q %q", name, code, out, problem)
		}
	}
	if seen != "" {
		t.Errorf("misuse reached the gateway: %s", seen)
	}
	if code, out, _ := ask(t, "--help"); code != 0 || !strings.Contains(out, "VIADUCT_KEY") {
		t.Errorf("%d %s", code, out)
	}
}

// The real binary asks a real network, and prints what that answers.
func TestQuoteOfARealNetwork(t *testing.T) {
	p := launch(t, "demo")
	defer p.interrupt(t)
	t.Setenv("VIADUCT_URL", p.ready.URL)
	t.Setenv("VIADUCT_KEY", p.ready.APIKeys["NOPLMXMM"])
	code, out, problem := ask(t, "--to", "IBERESMM", "--deliver", "EUR 1000.00")
	if code != 0 || problem != "" || !strings.Contains(out, "path 1 of 1") || !strings.Contains(out, " MXN per EUR; ") || !strings.Contains(out, "HANDED ON BY") {
		t.Errorf("%d %s\n%s", code, problem, out)
	}
	if code, out, _ := ask(t, "--to", "IBERESMM", "--deliver", "EUR 999999999.00"); code != 1 || !strings.Contains(out, "What could be had instead") {
		t.Errorf("%d\n%s", code, out)
	}

	// Paid, and its receipt read: the same way, in the same lines.
	var paid struct {
		ID     string         `json:"id"`
		Status string         `json:"status"`
		Paths  []openapi.Path `json:"paths"`
	}
	err := p.api.do(t.Context(), request{
		method: "POST", path: "/v1/payments", key: p.ready.APIKeys["NOPLMXMM"], idempotency: "one", prefer: "wait=10", out: &paid,
		body: openapi.NewPayment{
			To: "IBERESMM", Deliver: &openapi.Money{Currency: "EUR", Value: "1000.00"}, SendMax: &openapi.Money{Currency: "MXN", Value: "30000.00"},
		},
	})
	if err != nil || paid.Status != "settled" || len(paid.Paths) != 1 {
		t.Fatalf("%+v, %v", paid, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", p.ready.URL+"/v1/payments/"+paid.ID+"/receipt", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.ready.APIKeys["NOPLMXMM"])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	receipt, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "receipt")
	if err := os.WriteFile(file, receipt, 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	if code := run(t.Context(), []string{"verify", file, "--validator", strings.Join(p.ready.Validators, " ")}, &stdout, &stderr); code != 0 {
		t.Fatal(stderr.String())
	}
	var want strings.Builder
	tellPaths(&want, paid.Paths, "NOPLMXMM", "IBERESMM", "    ")
	if !strings.Contains(stdout.String(), want.String()) || !strings.Contains(want.String(), "WHO") {
		t.Errorf("verify prints\n%s\nwithout\n%s", stdout.String(), want.String())
	}
	t.Logf("\n%s", stdout.String())
}
