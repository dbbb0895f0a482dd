package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

func TestBenchPaymentsAccountsForEveryOrder(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"--count 200 --clients 8 --fx 30 --refused 20",
		"--count 200 --clients 3 --batch 20 --refused 20",
		"--for 1s --rate 100 --clients 4 --no-wait --refused 20",
	} {
		out, err := exec.Command(path, append([]string{"bench", "payments", "--banks", "4", "--json"}, strings.Fields(args)...)...).Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
		var r benchReport
		if err := json.Unmarshal(out, &r); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
		if r.Sent == 0 || r.Settled+r.Refused != r.Sent || r.Settled == 0 || r.Refused == 0 || r.Codes["send_max_exceeded"] != r.Refused {
			t.Errorf("%s: sent %d, settled %d, refused %d %v, errors %v", args, r.Sent, r.Settled, r.Refused, r.Codes, r.Errors)
		}
		if len(r.Books) != 3 || r.FinalPer <= 0 || r.Answered.P99 < r.Answered.P50 || r.GatewayCPU <= 0 {
			t.Errorf("%s: %s", args, out)
		}
	}
}

func TestBenchPaymentsRefusesNonsense(t *testing.T) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{"--clients 0", "--banks 1", "--batch 1001", "--count 0", "--fx 90 --refused 20", "--rate -1", "--url http://127.0.0.1:1"} {
		out, err := exec.Command(path, append([]string{"bench", "payments"}, strings.Fields(args)...)...).CombinedOutput()
		if e, ok := err.(*exec.ExitError); !ok || e.ExitCode() != 2 {
			t.Errorf("%s: %v, want exit code 2\n%s", args, err, out)
		}
	}
}
