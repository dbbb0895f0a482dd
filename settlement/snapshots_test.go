package settlement_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"viaduct/ledger"
	"viaduct/ledger/proof"
)

func snapshotFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "snapshots", "*.snapshot"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// TestStartsFromSnapshots runs a node that takes a snapshot every few blocks, and starts it again from
// the newest, from the one before when that is damaged, and from the genesis when both are: each time
// the same state, the same receipts, and what was seen before is still known.
func TestStartsFromSnapshots(t *testing.T) {
	dir := t.TempDir()
	e := start(t, dir)
	e.populate()
	var last [2]int
	for i := range 10 {
		a := e.submit("BNMXMXMM", fmt.Sprint("pay", i), pay(i+1, "HSBCGB2L", 10))
		last = [2]int{int(a.Height), a.First}
	}
	before, err := e.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e.stop()
	if files := snapshotFiles(t, dir); len(files) != 2 {
		t.Fatalf("snapshots: %q, want two", files)
	}
	for i, tt := range []struct{ damaged, passedOver int }{{0, 0}, {1, 1}, {2, 2}} {
		files := snapshotFiles(t, dir)
		for _, name := range files[len(files)-tt.damaged:] {
			data, err := os.ReadFile(name)
			if err == nil {
				data[len(data)/2] ^= 4
				err = os.WriteFile(name, data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		e = start(t, dir)
		e.goesOnFrom(before)
		log := e.log.String()
		if n := strings.Count(log, "passed over"); n != tt.passedOver {
			t.Errorf("%d damaged: %d passed over\n%s", tt.damaged, n, log)
		}
		if from := strings.Contains(log, "started from a snapshot"); from != (tt.damaged < 2) {
			t.Errorf("%d damaged: started from a snapshot: %v\n%s", tt.damaged, from, log)
		}
		receipt, err := e.client.Receipt(t.Context(), uint64(last[0]), last[1])
		if err == nil {
			_, err = proof.VerifyReceipt(receipt, e.policy())
		}
		if err != nil {
			t.Errorf("%d damaged: receipt: %v", tt.damaged, err)
		}
		// An old key and an old id are still known; a new payment is made.
		e.submit("BNMXMXMM", "pay3", pay(4, "HSBCGB2L", 10))
		e.submit("BNMXMXMM", fmt.Sprint("again", i), pay(4, "HSBCGB2L", 10))
		e.submit("BNMXMXMM", fmt.Sprint("new", i), pay(100+i, "HSBCGB2L", 1))
		lines, _, err := e.store.Balances(t.Context(), ledger.MustBIC("HSBCGB2L"))
		if want := int64(100 + i + 1); err != nil || lines[0].Balance != want {
			t.Errorf("%d damaged: the receiver holds %+v, %v, want %d", tt.damaged, lines, err, want)
		}
		if before, err = e.client.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		e.stop()
	}
}

// TestLostDatabaseNeedsTheWholeLog: a snapshot knows nothing of payments, so a node that has to project
// them starts from the genesis.
func TestLostDatabaseNeedsTheWholeLog(t *testing.T) {
	dir := t.TempDir()
	e := start(t, dir)
	e.populate()
	e.submit("BNMXMXMM", "pay", pay(1, "HSBCGB2L", 10))
	e.stop()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		removeAll(t, filepath.Join(dir, "viaduct.db"+suffix))
	}
	e = start(t, dir)
	if strings.Contains(e.log.String(), "started from a snapshot") {
		t.Error("started from a snapshot")
	}
	if p, err := e.store.Payment(t.Context(), ledger.MustBIC("BNMXMXMM"), pay(1, "HSBCGB2L", 10).ID); err != nil {
		t.Errorf("the payment is gone: %+v, %v", p, err)
	}
}
