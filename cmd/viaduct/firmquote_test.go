package main

import (
	"encoding/json"
	"strings"
	"testing"

	"viaduct/openapi"
)

// A firm quote is asked for, told, and paid with by the commands, at just its price; a quote is used once.
func TestFirmQuoteOfARealNetwork(t *testing.T) {
	p := launch(t, "demo")
	defer p.interrupt(t)
	t.Setenv("VIADUCT_URL", p.ready.URL)
	t.Setenv("VIADUCT_KEY", p.ready.APIKeys["NOPLMXMM"])
	want := []string{"--to", "IBERESMM", "--deliver", "EUR 1000.00"}
	code, out, problem := cli(t, append([]string{"quote", "--firm", "--ttl", "30", "--json"}, want...)...)
	var q openapi.Quote
	if err := json.Unmarshal([]byte(out), &q); err != nil || code != 0 || q.Status != openapi.QuoteStatusHeld || q.Held == nil {
		t.Fatalf("quote: %d, %v %s%s", code, err, out, problem)
	}
	pay := append([]string{"pay", "--quote", q.Id, "--json"}, want...)
	code, out, problem = cli(t, pay...)
	var paid openapi.Payment
	if err := json.Unmarshal([]byte(out), &paid); err != nil || code != 0 || paid.Source == nil || *paid.Source != *q.Held.Source {
		t.Errorf("paid: %d, %v %s%s; quoted %+v", code, err, out, problem, q.Held)
	}
	if code, out, _ := cli(t, pay...); code == 0 {
		t.Errorf("a quote pays twice: %s", out)
	}
	if code, out, problem := cli(t, append([]string{"quote", "--firm"}, want...)...); code != 0 || !strings.Contains(out, ", held until ") {
		t.Errorf("told: %d %s%s", code, out, problem)
	}
	if code, out, _ := cli(t, "quote", "--firm", "--to", "IBERESMM", "--deliver", "EUR 999999999.00", "--send-max", "MXN 99999999999.00"); code != 1 {
		t.Errorf("what cannot be had is held: %d %s", code, out)
	}
}
