package gateway

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The contract is proven by a generator that is not ours: openapi-typescript makes types of it, a small
// client written against them compiles under the strictest checks, and pays.
func TestTypeScriptClientPays(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: -short; it installs packages of npm")
	}
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("skipped: there is no %s; install Node 20 or newer to have the contract proven by openapi-typescript", tool)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "tsconfig.json", "pay.ts", "wrong.ts"} {
		data, err := os.ReadFile(filepath.Join("../openapi/clienttest", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.yaml"), contractBytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	do := func(env []string, args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := do(nil, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"); err != nil {
		t.Skipf("skipped: npm cannot install openapi-typescript here: %v\n%s", err, out)
	}
	bin := filepath.Join(dir, "node_modules", ".bin")
	if out, err := do(nil, filepath.Join(bin, "openapi-typescript"), "openapi.yaml", "-o", "contract.ts"); err != nil {
		t.Fatalf("openapi-typescript: %v\n%s", err, out)
	}
	if out, err := do(nil, filepath.Join(bin, "tsc"), "-p", "."); err != nil {
		t.Fatalf("tsc: %v\n%s", err, out)
	}
	r := newRig(t)
	r.market()
	out, err := do([]string{"URL=" + r.url, "KEY=" + r.keys[mexican]}, "node", "out/pay.js")
	if err != nil {
		t.Fatalf("the client: %v\n%s", err, out)
	}
	var paid struct{ ID, Cost string }
	if err := json.Unmarshal([]byte(strings.TrimSpace(out)), &paid); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := r.must(200, r.do("GET", "/v1/payments/"+paid.ID, german, nil)); got.text("status") != "settled" || got.text("delivered", "value") != "12.34" {
		t.Errorf("the receiver reads %s", got.body)
	}
}
