package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Two snapshots of one ledger are the same or differ in what was admitted between them, by name.
func TestDiffState(t *testing.T) {
	data := t.TempDir()
	var files []string
	for run := range 2 {
		p := launch(t, "up", "--data", data)
		for i := range 260 { // one block each: a stop that far behind the last snapshot makes another
			bic := fmt.Sprintf("VIA%cUS%c%c", 'A'+run, 'A'+i/26, 'A'+i%26)
			call(t, p, request{method: "POST", path: "/v1/participants", key: p.ready.Operator, body: map[string]string{"bic": bic, "name": bic, "country": "US"}})
		}
		p.interrupt(t)
		now, err := filepath.Glob(filepath.Join(data, snapshotsDir, "*.snapshot"))
		if err != nil || len(now) != run+1 {
			t.Fatalf("snapshots: %v, %v", now, err)
		}
		files = now
	}
	genesis := filepath.Join(data, genesisFile)
	if out := command(t, 0, "diff-state", files[0], files[0], "--genesis", genesis); !strings.Contains(out, "are the same, at height") {
		t.Errorf("one with itself: %s", out)
	}
	out := command(t, 1, "diff-state", files[0], files[1], "--genesis", genesis, "--most", "100000")
	if !strings.Contains(out, "VIABUSAA") || !strings.Contains(out, "differ") {
		t.Errorf("two heights: %.2000s", out)
	}
	command(t, 2, "diff-state", files[0], genesis, "--genesis", genesis)
}
