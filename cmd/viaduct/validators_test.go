package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"viaduct/openapi"
)

// A validator changes its key and the operator his, by the commands that docs/network.md names; a receipt
// of afterwards is verified from the first key on, and from no other way.
func TestKeysChange(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	t.Setenv("VIADUCT_CONFIG", file("config.yaml"))
	var p *process
	start := func() {
		t.Helper()
		p = launch(t, "up", "--data", data)
		t.Setenv("VIADUCT_URL", p.ready.URL)
		t.Setenv("VIADUCT_KEY", p.ready.Operator)
	}
	do := func(args ...string) string {
		t.Helper()
		code, out, problem := cli(t, args...)
		if code != 0 {
			t.Fatalf("%q exits %d: %s%s", args, code, out, problem)
		}
		return out
	}
	refused := func(code int, words string, args ...string) {
		t.Helper()
		if got, out, problem := cli(t, args...); got != code || !strings.Contains(problem, words) {
			t.Errorf("%q exits %d, want %d with %q: %s%s", args, got, code, words, out, problem)
		}
	}
	admit := func(bic string) {
		t.Helper()
		call(t, p, request{method: "POST", path: "/v1/participants", key: p.ready.Operator, body: map[string]string{"bic": bic, "name": bic, "country": bic[4:6]}})
	}
	start()
	first := p.ready.Validators[0]
	p.interrupt(t)
	next := strings.TrimSpace(do("keys", "validator", "--data", data))
	if again := strings.TrimSpace(do("keys", "validator", "--data", data)); next == first || again != next {
		t.Fatalf("the next key is %q, then %q; the first %q", next, again, first)
	}

	start()
	change := file("change.json")
	refused(2, "nobody", "validators", "propose", change, "--remove", "nobody")
	refused(2, "nothing changes", "validators", "propose", change, "--add", first)
	do("validators", "propose", change, "--add", next, "--blocks", "1")
	refused(1, "there already", "validators", "propose", change, "--add", next)
	sign := func(seed, to string) {
		t.Helper()
		if err := os.WriteFile(file(to), []byte(do("validators", "sign", change, "--seed-file", filepath.Join(data, seed))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sign(validatorFile, "old.sig")
	sign(nextValidatorFile, "new.sig")
	operator := filepath.Join(data, operatorFile)
	refused(2, "neither a present nor a new", "validators", "sign", change, "--seed-file", operator)
	refused(2, "has not signed", "validators", "submit", change, file("old.sig"), "--seed-file", operator)
	refused(2, "it takes 1", "validators", "submit", change, file("new.sig"), "--seed-file", operator)
	refused(2, "no signature", "validators", "submit", change, change, "--seed-file", operator)
	do("validators", "submit", change, file("old.sig"), file("new.sig"), "--seed-file", operator)
	admit("BKMXMXMM")
	admit("EURBDEFF")
	var shown openapi.Network
	if err := json.Unmarshal([]byte(do("validators", "show", "--json")), &shown); err != nil {
		t.Fatal(err)
	}
	if len(shown.Validators) != 1 || shown.Validators[0] != next || shown.Changes != 1 || shown.Coming != nil {
		t.Errorf("shown: %+v", shown)
	}
	if out := do("validators", "show"); !strings.Contains(out, "1 of 1 sign\n  "+next) || !strings.Contains(out, "changes 1") {
		t.Errorf("shown:\n%s", out)
	}

	// The old key is forgotten, and the next change, of the operator, is signed by the new one alone. It is
	// made as by another gateway: in a copy of this one's directory.
	p.interrupt(t)
	do("keys", "validator", "--data", data, "--done")
	refused(2, "no next key", "keys", "validator", "--data", data, "--done")
	start()
	other := t.TempDir()
	entries, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	carry := func(from, to, name string) {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(from, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			carry(data, other, e.Name())
		}
	}
	if out := do("keys", "operator", "--data", other); !strings.Contains(out, "the operator's key is") {
		t.Errorf("keys operator: %s", out)
	}
	p.interrupt(t)
	carry(other, data, operatorFile)
	carry(other, data, operatorChangedFile)
	start()
	defer p.interrupt(t)
	admit("USBKUS33")

	// A receipt of a later block, by the first key and the change, not by the first key alone.
	do("validators", "changes", dir)
	var payer, holder struct {
		Key string `json:"key"`
	}
	call(t, p, request{method: "POST", path: "/v1/participants/BKMXMXMM/api-keys", key: p.ready.Operator, body: map[string]string{"name": "t"}, out: &payer})
	call(t, p, request{method: "POST", path: "/v1/participants/EURBDEFF/api-keys", key: p.ready.Operator, body: map[string]string{"name": "t"}, out: &holder})
	call(t, p, request{method: "PUT", path: "/v1/lines/EURBDEFF/MXN/BKMXMXMM", key: holder.Key, body: map[string]string{"limit": "1000.00"}})
	t.Setenv("VIADUCT_KEY", payer.Key)
	var paid paymentAnswer
	if err := json.Unmarshal([]byte(do("pay", "--to", "EURBDEFF", "--deliver", "MXN 10.00", "--send-max", "MXN 10.00", "--json")), &paid); err != nil {
		t.Fatal(err)
	}
	do("payments", "receipt", paid.ID, "-o", file("receipt.txt"))
	refused(1, "not verified", "verify", file("receipt.txt"), "--validator", first)
	if out := do("verify", file("receipt.txt"), "--validator", first, "--change", file("change-1.txt")); !strings.Contains(out, paid.ID) {
		t.Errorf("verify:\n%s", out)
	}
	refused(1, "not verified: change", "verify", file("receipt.txt"), "--validator", first, "--change", file("receipt.txt"))
}
