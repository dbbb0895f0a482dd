package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchPaths runs the command on a market of that text, gzipped and then without its last bytes.
func benchPaths(t *testing.T, market string, without int, args ...string) (code int, out, problem string) {
	t.Helper()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write([]byte(market)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "market.json.gz")
	if err := os.WriteFile(file, zipped.Bytes()[:zipped.Len()-without], 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	code = run(t.Context(), append([]string{"bench", "paths", "--market", file}, args...), &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func TestBenchPaths(t *testing.T) {
	const market = `{"name":"m","assets":[["A"],["B"],["C"]],"offers":[[1,0,60,1,1],[2,0,50,1,1],[1,2,50,1,1]],
		"payments":[{"src":0,"dst":1,"deliver":100,"spend":100,"opt_source":100}]}`
	code, out, problem := benchPaths(t, market, 0, "--json")
	first, _, _ := strings.Cut(out, "\n")
	var got searched
	if err := json.Unmarshal([]byte(first), &got); err != nil || code != 0 {
		t.Fatalf("%d %q %q %v", code, out, problem, err)
	}
	if got.Source != 100 || got.Delivered != 100 || got.Paths != 2 || len(got.Fills) != 3 || got.Outcome != "applied" || got.Nanos <= 0 || *got.Above != 0 {
		t.Errorf("%s", first)
	}
	if code, out, _ := benchPaths(t, market, 0); code != 0 || !strings.Contains(out, "deliver") {
		t.Errorf("as a table: %d %q", code, out)
	}
	// All of the market is there, and the checksum behind it is not.
	if code, _, problem := benchPaths(t, market, 5, "--json"); code != 2 || !strings.Contains(problem, "unexpected EOF") {
		t.Errorf("cut off: %d %q", code, problem)
	}
	if code, out, problem := benchPaths(t, strings.Replace(market, "[1,0,60,1,1]", "[1,0,-60,1,1]", 1), 0); code != 2 || out != "" || !strings.Contains(problem, "offer 0") {
		t.Errorf("below zero: %d %q %q", code, out, problem)
	}
}
