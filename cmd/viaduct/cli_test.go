package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

// cli runs viaduct and checks that no key is in what it prints.
func cli(t *testing.T, args ...string) (code int, out, problem string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = run(t.Context(), args, &stdout, &stderr)
	if strings.Contains(stdout.String()+stderr.String(), secretKey) {
		t.Errorf("%q prints the key:\n%s%s", args, stdout.String(), stderr.String())
	}
	return code, stdout.String(), stderr.String()
}

// answers is a gateway that gives prepared answers in turn, the last one for ever, and notes the
// requests. An answer of status 0 is a broken connection.
type answers struct {
	mu    sync.Mutex
	list  []preparedAnswer
	asked []string
	under []string // the requests' idempotency keys
}

func (a *answers) seen() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.asked)
}

func (a *answers) keys() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.under)
}

type preparedAnswer struct {
	status int
	body   string
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.asked = append(a.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	a.under = append(a.under, r.Header.Get("Idempotency-Key"))
	next := a.list[0]
	if len(a.list) > 1 {
		a.list = a.list[1:]
	}
	a.mu.Unlock()
	if next.status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.body)
}

func prepared(t *testing.T, list ...preparedAnswer) *answers {
	t.Helper()
	a := &answers{list: list}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	t.Setenv("VIADUCT_CONFIG", filepath.Join(t.TempDir(), "config.yaml"))
	t.Setenv("VIADUCT_URL", server.URL)
	t.Setenv("VIADUCT_KEY", secretKey)
	return a
}

const (
	settled  = `{"id":"p1","status":"settled","from":"NOPLMXMM","to":"IBERESMM","uetr":"u","created_at":"c","delivered":{"currency":"EUR","value":"1.00"},"source":{"currency":"MXN","value":"20.00"}}`
	rejected = `{"id":"p1","status":"rejected","code":"no_funds","iso_reason":"AM04","from":"NOPLMXMM","to":"IBERESMM","uetr":"u","created_at":"c"}`
	accepted = `{"id":"p1","status":"accepted","from":"NOPLMXMM","to":"IBERESMM","uetr":"u","created_at":"c"}`
)

// Each way a command can end has its exit code, and what is printed says what is wrong, where, and
// what to do next.
func TestExitCodesAndProblems(t *testing.T) {
	pay := []string{"pay", "--to", "IBERESMM", "--deliver", "EUR 1.00"}
	tests := []struct {
		name    string
		args    []string
		answer  preparedAnswer
		code    int
		out     []string
		problem []string
	}{
		{"settled", pay, preparedAnswer{201, settled}, 0, []string{"payment p1: settled", "delivered  1.00 EUR", "cost       20.00 MXN"}, nil},
		{"settled, for a script", append(pay, "--json"), preparedAnswer{201, settled}, 0, []string{settled + "\n"}, nil},
		{"rejected", pay, preparedAnswer{201, rejected}, 1, []string{"rejected, no_funds (AM04)"}, []string{"did not settle", "next: see what there is with viaduct balances"}},
		{"not final", pay, preparedAnswer{202, accepted}, 3, []string{"accepted"}, []string{"viaduct watch p1"}},
		{"not waited for", append(pay, "--wait", "0"), preparedAnswer{202, accepted}, 0, []string{"accepted"}, nil},
		{"faulty fields", pay, preparedAnswer{400, `{"code":"invalid_request","title":"The request has several faults","status":400,"request_id":"r1","errors":[{"pointer":"/to","message":"not admitted","iso_reason":"RC01"},{"pointer":"/deliver/value","message":"too many decimals"}]}`},
			2, nil, []string{"/to: not admitted (RC01)", "/deliver/value: too many decimals", "request id r1"}},
		{"no key of theirs", pay, preparedAnswer{401, `{"code":"unauthorized","title":"A valid API key is needed","status":401}`}, 1, nil, []string{"next: check the key"}},
		{"another order", pay, preparedAnswer{422, `{"code":"idempotency_key_reused","status":422}`}, 1, nil, []string{"needs a new --idempotency-key"}},
		{"no JSON", pay, preparedAnswer{201, "<html>"}, 1, nil, []string{"invalid character"}},
		{"a proxy's error", []string{"balances"}, preparedAnswer{500, "Oops"}, 3, nil, []string{"status 500", "Oops"}},
		{"not there", []string{"payments", "show", "p9"}, preparedAnswer{404, `{"code":"not_found","title":"Not found","status":404}`}, 1, nil, []string{"Not found (not_found)", "next: check the id"}},
		{"no balances", []string{"balances"}, preparedAnswer{200, `{"participant":"NOPLMXMM","height":7,"data":[]}`}, 0, []string{"NOPLMXMM, as of block 7", "no balances"}, nil},
		{"watched", []string{"watch", "p1"}, preparedAnswer{200, settled}, 0, []string{"settled"}, nil},
		{"watched too long", []string{"watch", "p1", "--timeout", "300ms"}, preparedAnswer{200, accepted}, 3, []string{"accepted"}, []string{"not final yet after 300ms"}},
		{"an endpoint that refuses", []string{"webhooks", "test", "w1"}, preparedAnswer{200, `{"event_id":"e","delivered":false,"reason":"status 500","status":500,"took_ms":3}`}, 1, []string{"not delivered: status 500 after 3 ms"}, []string{"next:"}},
		{"nothing to change", []string{"webhooks", "change", "w1"}, preparedAnswer{}, 2, nil, []string{"--address"}},
		{"nothing to redeliver", []string{"webhooks", "redeliver", "w1"}, preparedAnswer{}, 2, nil, []string{"--failed"}},
		{"no amount", []string{"pay", "--to", "IBERESMM"}, preparedAnswer{}, 2, nil, []string{"--deliver"}},
		{"no status", []string{"payments", "--status", "lost"}, preparedAnswer{}, 2, nil, []string{"--status"}},
		{"a receipt that is not there", []string{"verify", "no-such-file", "--validator", "x"}, preparedAnswer{}, 2, nil, []string{"no-such-file"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			prepared(t, tt.answer)
			code, out, problem := cli(t, tt.args...)
			if code != tt.code {
				t.Errorf("exits %d, want %d", code, tt.code)
			}
			for _, want := range tt.out {
				if !strings.Contains(out, want) {
					t.Errorf("prints %q, want %q", out, want)
				}
			}
			for _, want := range tt.problem {
				if !strings.Contains(problem, want) {
					t.Errorf("says %q, want %q", problem, want)
				}
			}
			if tt.problem == nil && problem != "" {
				t.Errorf("says %q", problem)
			}
		})
	}
}

// A payment whose answer was lost is asked for again under the same key, made or given; what is no
// order is not sent twice.
func TestRepeatsUseTheSameKey(t *testing.T) {
	busy := preparedAnswer{503, `{"code":"unavailable","status":503,"retryable":true}`}
	a := prepared(t, preparedAnswer{}, busy, preparedAnswer{502, "Bad Gateway"}, preparedAnswer{201, settled})
	if code, _, problem := cli(t, "pay", "--to", "IBERESMM", "--deliver", "EUR 1.00"); code != 0 || len(a.seen()) != 4 {
		t.Errorf("exits %d after %q: %s", code, a.seen(), problem)
	}
	if a.keys()[0] == "" || len(slices.Compact(slices.Clone(a.keys()))) != 1 || len(slices.Compact(a.seen())) != 1 {
		t.Errorf("keys %q for %q", a.keys(), a.seen())
	}
	first := a.keys()[0]
	a = prepared(t, preparedAnswer{}, preparedAnswer{201, settled})
	if code, _, _ := cli(t, "pay", "--to", "IBERESMM", "--deliver", "EUR 1.00", "--idempotency-key", "mine"); code != 0 || !slices.Equal(a.keys(), []string{"mine", "mine"}) {
		t.Errorf("exits %d, keys %q", code, a.keys())
	}
	a = prepared(t, preparedAnswer{201, settled})
	if cli(t, "pay", "--to", "IBERESMM", "--deliver", "EUR 1.00"); a.keys()[0] == first {
		t.Error("two orders under one key")
	}
	a = prepared(t, preparedAnswer{}, preparedAnswer{201, `{}`})
	if code, _, problem := cli(t, "webhooks", "add", "https://bank.example/"); code != 3 || len(a.seen()) != 1 || !strings.Contains(problem, "no answer from") {
		t.Errorf("exits %d after %q: %s", code, a.seen(), problem)
	}
	a = prepared(t, preparedAnswer{}, preparedAnswer{200, `{"participant":"NOPLMXMM","height":7,"data":[]}`})
	if code, _, problem := cli(t, "balances"); code != 0 || len(a.seen()) != 2 {
		t.Errorf("exits %d after %q: %s", code, a.seen(), problem)
	}
}

// A range that is too long for one request is asked for in several.
func TestRedeliverGoesOn(t *testing.T) {
	a := prepared(t, preparedAnswer{202, `{"count":10000,"next_from":"2026-03-13T12:00:00.000Z"}`}, preparedAnswer{202, `{"count":5}`})
	code, out, problem := cli(t, "webhooks", "redeliver", "w1", "--from", "2026-03-13T00:00:00Z")
	if code != 0 || out != "10000 due again\n5 due again\n" {
		t.Errorf("exits %d: %s%s", code, out, problem)
	}
	if d := cmp.Diff([]string{
		`POST /v1/webhooks/w1/redeliver {"from":"2026-03-13T00:00:00Z"}`, `POST /v1/webhooks/w1/redeliver {"from":"2026-03-13T12:00:00.000Z"}`,
	}, a.seen()); d != "" {
		t.Error(d)
	}
}

// Which gateway is asked, and with which key: flags first, then the profile that is named, then the
// environment, then the default profile.
func TestProfiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "viaduct", "config.yaml")
	t.Setenv("VIADUCT_CONFIG", path)
	for _, name := range []string{"VIADUCT_URL", "VIADUCT_KEY", "VIADUCT_PROFILE"} {
		t.Setenv(name, "")
	}
	if code, _, problem := cli(t, "balances"); code != 2 || !strings.Contains(problem, "viaduct profiles set") {
		t.Errorf("without any: %d %s", code, problem)
	}
	if code, out, _ := cli(t, "profiles"); code != 0 || !strings.Contains(out, "no profiles in "+path) {
		t.Errorf("%d %s", code, out)
	}
	for _, name := range []string{"test", "prod"} {
		if code, _, problem := cli(t, "profiles", "set", name, "--url", "https://"+name+".example/", "--key", secretKey+name); code != 0 {
			t.Fatalf("%d %s", code, problem)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if code, out, _ := cli(t, "profiles", "list"); code != 0 || out != "PROFILE  URL\nprod     https://prod.example/\ntest     https://test.example/  default\n" {
		t.Errorf("%d\n%s", code, out)
	}
	tests := []struct {
		name     string
		flags    clientFlags
		env      map[string]string
		url, key string
		wrong    string
	}{
		{"the default", clientFlags{}, nil, "https://test.example", secretKey + "test", ""},
		{"a profile", clientFlags{Profile: "prod"}, nil, "https://prod.example", secretKey + "prod", ""},
		{"the environment's profile", clientFlags{}, map[string]string{"VIADUCT_PROFILE": "prod"}, "https://prod.example", secretKey + "prod", ""},
		{"the environment", clientFlags{}, map[string]string{"VIADUCT_URL": "http://e/", "VIADUCT_KEY": "k"}, "http://e", "k", ""},
		{"the environment before its profile", clientFlags{}, map[string]string{"VIADUCT_URL": "http://e", "VIADUCT_KEY": "k", "VIADUCT_PROFILE": "prod"}, "http://e", "k", ""},
		{"a profile before the environment", clientFlags{Profile: "prod"}, map[string]string{"VIADUCT_URL": "http://e", "VIADUCT_KEY": "k"}, "https://prod.example", secretKey + "prod", ""},
		{"flags before all", clientFlags{Profile: "prod", URL: "http://f", Key: "g"}, nil, "http://f", "g", ""},
		{"half an environment takes no key of a profile", clientFlags{}, map[string]string{"VIADUCT_URL": "http://e"}, "", "", "as whom"},
		{"an unknown profile", clientFlags{Profile: "dev"}, nil, "", "", "there are: prod, test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			url, key, err := tt.flags.where()
			if tt.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wrong) {
					t.Errorf("%v, want %q", err, tt.wrong)
				}
				return
			}
			if url != tt.url || key != tt.key || err != nil {
				t.Errorf("%s %s %v, want %s %s", url, key, err, tt.url, tt.key)
			}
		})
	}
	for _, args := range [][]string{{"set", "x", "--url", "ftp://x", "--key", "k"}, {"set", "a b", "--url", "http://x", "--key", "k"}} {
		if code, _, problem := cli(t, append([]string{"profiles"}, args...)...); code != 2 {
			t.Errorf("%q: %d %s", args, code, problem)
		}
	}
	if code, _, _ := cli(t, "profiles", "delete", "test"); code != 0 {
		t.Errorf("delete: %d", code)
	}
	if code, _, _ := cli(t, "profiles", "delete", "test"); code != 1 {
		t.Errorf("delete again: %d", code)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, problem := cli(t, "balances", "--profile", "prod"); code != 2 || !strings.Contains(problem, "chmod 600") {
		t.Errorf("a file for all to read: %d %s", code, problem)
	}
}

func TestCompletion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.yaml")
	t.Setenv("VIADUCT_CONFIG", path)
	if code, _, problem := cli(t, "profiles", "set", "bank", "--url", "http://x", "--key", "k"); code != 0 {
		t.Fatal(problem)
	}
	var c commands
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		words string // the last one is under the cursor
		want  string
	}{
		{"pa", "pay payments"},
		{"webhooks re", "redeliver"},
		{"pay --del", "--deliver --deliver-min"},
		{"pay --to IBERESMM --send-", "--send-max"},
		{"pay --profile ", "bank"},
		{"balances --profile b", "bank"},
		{"payments list --status s", "settled"},
		{"completion ", "bash fish zsh"},
		{"__comp", ""},
		{"pay --to pay", ""},
		{"nonsense --x", ""},
	}
	for _, tt := range tests {
		if got := strings.Join(candidates(parser.Model.Node, strings.Split(tt.words, " ")), " "); got != tt.want {
			t.Errorf("%q may become %q, want %q", tt.words, got, tt.want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if code, out, _ := cli(t, "completion", shell); code != 0 || !strings.Contains(out, "__complete") {
			t.Errorf("%s: %d %s", shell, code, out)
		}
	}
	if code, out, _ := cli(t, "__complete", "--", "pay", "--deliv"); code != 0 || out != "--deliver\n--deliver-min\n" {
		t.Errorf("%d %q", code, out)
	}
}

func TestVersionText(t *testing.T) {
	tests := []struct {
		info *debug.BuildInfo
		want string
	}{
		{nil, "viaduct, built without build information"},
		{&debug.BuildInfo{GoVersion: "go1.26.8"}, "viaduct devel (commit not recorded), go1.26.8"},
		{&debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v0.2.0"}, Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-03-13T16:00:00Z"}, {Key: "vcs.modified", Value: "true"},
		}}, "viaduct v0.2.0 (commit 0123456789ab of 2026-03-13T16:00:00Z, with changes), go1.26.8"},
	}
	for _, tt := range tests {
		if got := versionText(tt.info); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// The commands in the order in which a bank's integrator meets them, against a real network.
func TestClientCommandsOfARealNetwork(t *testing.T) {
	p := launch(t, "demo")
	defer p.interrupt(t)
	t.Setenv("VIADUCT_CONFIG", filepath.Join(t.TempDir(), "config.yaml"))
	t.Setenv("VIADUCT_URL", "")
	t.Setenv("VIADUCT_KEY", p.ready.APIKeys["NOPLMXMM"])
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer receiver.Close()
	do := func(args ...string) string {
		t.Helper()
		code, out, problem := cli(t, args...)
		if code != 0 {
			t.Fatalf("%q exits %d: %s%s", args, code, out, problem)
		}
		return out
	}
	do("profiles", "set", "bank", "--url", p.ready.URL)
	t.Setenv("VIADUCT_KEY", "")
	var hook struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(do("webhooks", "add", receiver.URL, "--events", "payment.settled", "--json")), &hook); err != nil {
		t.Fatal(err)
	}
	if out := do("webhooks"); !strings.Contains(out, hook.ID) || !strings.Contains(out, "payment.settled") {
		t.Errorf("webhooks:\n%s", out)
	}
	if out := do("webhooks", "test", hook.ID); !strings.HasPrefix(out, "delivered: status 204") {
		t.Errorf("test: %s", out)
	}
	if out := do("webhooks", "rotate", hook.ID); !strings.Contains(out, "whsec_") || !strings.Contains(out, "earlier ones") {
		t.Errorf("rotate:\n%s", out)
	}
	var paid paymentAnswer
	if err := json.Unmarshal([]byte(do("pay", "--to", "IBERESMM", "--deliver", "EUR 1000.00", "--end-to-end-id", "INV-1", "--remittance", "Invoice 1", "--json")), &paid); err != nil {
		t.Fatal(err)
	}
	again := do("pay", "--to", "IBERESMM", "--deliver", "EUR 1000.00")
	if !strings.Contains(again, "settled") || !strings.Contains(again, "HANDED ON BY") {
		t.Errorf("pay:\n%s", again)
	}
	if out := do("watch", paid.ID); !strings.Contains(out, "settled") {
		t.Errorf("watch:\n%s", out)
	}
	if out := do("payments", "show", paid.ID); !strings.Contains(out, "reference    INV-1") && !strings.Contains(out, "INV-1") {
		t.Errorf("show:\n%s", out)
	}
	if out := do("payments", "--limit", "1", "--status", "settled"); !strings.Contains(out, "1000.00 EUR") || !strings.Contains(out, "more: --cursor ") {
		t.Errorf("payments:\n%s", out)
	}
	if out := do("balances"); !strings.Contains(out, "MXN@") || !strings.Contains(out, "claim") {
		t.Errorf("balances:\n%s", out)
	}
	file := filepath.Join(t.TempDir(), "receipt.txt")
	do("payments", "receipt", paid.ID, "-o", file)
	if out := do("verify", file, "--validator", strings.Join(p.ready.Validators, " ")); !strings.Contains(out, paid.ID) {
		t.Errorf("verify:\n%s", out)
	}
	awaitDelivered(t, p, "/v1/webhooks/"+hook.ID, p.ready.APIKeys["NOPLMXMM"])
	log := do("webhooks", "deliveries", hook.ID)
	if !strings.Contains(log, "delivered") || !strings.Contains(log, paid.ID) {
		t.Errorf("deliveries:\n%s", log)
	}
	if out := do("webhooks", "redeliver", hook.ID, "--from", "2020-01-01T00:00:00Z"); out != "2 due again\n" {
		t.Errorf("redeliver: %s", out)
	}
	if out := do("webhooks", "change", hook.ID, "--off"); !strings.Contains(out, "off since") {
		t.Errorf("change:\n%s", out)
	}
	do("webhooks", "delete", hook.ID)
	if code, out, problem := cli(t, "pay", "--to", "NOWHERE", "--deliver", "EUR 1.00"); code != 2 || !strings.Contains(problem, "/to: ") {
		t.Errorf("%d %s%s", code, out, problem)
	}
	if code, _, problem := cli(t, "pay", "--to", "IBERESMM", "--deliver", "EUR 900000000.00", "--send-max", "MXN 1.00"); code != 1 || !strings.Contains(problem, "next: ask viaduct quote") {
		t.Errorf("%d %s", code, problem)
	}
	t.Logf("\n%s%s", again, log)
}
