package ledger_test

import (
	"bytes"
	"strings"
	"testing"

	"viaduct/ledger"
)

// TestCompareNamesTheEntry: two states that began as one and took different messages differ in the entries
// that these touched, and a state does not differ from its copy.
func TestCompareNamesTheEntry(t *testing.T) {
	w, data := smallSnapshot(t)
	copied, err := ledger.RestoreSnapshot(bytes.NewReader(data), w.genesis)
	if err != nil {
		t.Fatal(err)
	}
	if d := ledger.Compare(w.state, copied, 10); len(d) != 0 {
		t.Fatalf("a copy differs: %+v", d)
	}
	w.run("line XCHGSGSG USD@CHASUS33 limit=900.00")
	all := ledger.Compare(w.state, copied, 100)
	found := false
	for _, d := range all {
		if d.Table == "positions" {
			found = strings.Contains(d.AText, "XCHGSGSG holds USD@CHASUS33: balance") && strings.Contains(d.AText, "limit 90000") &&
				strings.Contains(d.BText, "limit 100000") && len(d.A) == len(d.B) && len(d.A) > 0
		}
		if d.Table == "purses" || d.Table == "offers" || d.Table == "assets" {
			t.Errorf("%s %d differs: %s, %s", d.Table, d.Entry, d.AText, d.BText)
		}
	}
	if !found {
		t.Errorf("the line is not named: %+v", all)
	}
	w.run("admit HSBCGB2L")
	all = ledger.Compare(w.state, copied, 100)
	if last := all[len(all)-2]; last.Table == "participants" && (last.B != nil || last.BText != "no such entry") {
		t.Errorf("an entry on one side alone: %+v", last)
	}
	if got := ledger.Compare(w.state, copied, 1); len(got) != 1 {
		t.Errorf("%d differences, asked for one", len(got))
	}
}
