package ledger_test

import (
	"bytes"
	"testing"

	"viaduct/ledger"
)

// TestRestoredInventory: what a bounded dealer's offers show follows from a snapshot, and making it anew is
// no change: the restored state is written as it was read, and goes on with the same state hashes.
func TestRestoredInventory(t *testing.T) {
	w := newWorldOf(t, fxRouter)
	for _, line := range []string{
		"admit CHASUS33", "admit DEUTDEFF", "admit XCHGSGSG",
		"line XCHGSGSG USD@CHASUS33 limit=1000.00", "line XCHGSGSG EUR@DEUTDEFF limit=1000.00",
		"pay DEUTDEFF XCHGSGSG deliver=EUR amount=500.00 send=EUR max=500.00",
		"offer XCHGSGSG o1 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=100.00 price=1.10",
		"inventory XCHGSGSG EUR short=40.00",
	} {
		w.run(line)
	}
	if o := &w.state.Offers()[0]; o.Shown >= o.Remaining {
		t.Fatalf("the offer shows %d of %d, want less", o.Shown, o.Remaining)
	}
	data, tail, before := snapshot(t, w.state), len(w.messages), w.leaves
	restored, err := ledger.RestoreSnapshot(bytes.NewReader(data), w.genesis)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(snapshot(t, restored), data) {
		t.Error("the restored state has another snapshot")
	}
	restored.Attach(w.router(restored))
	w.apply()
	if w.follow(restored, before, w.messages[tail:]) != w.state.Hash() {
		t.Error("the restored state goes another way")
	}
}

// TestReleasedAllOrNone: what a submission of all or none that comes too late releases is shown again in the same block, so
// that a state restored behind it has nothing left to do that the other still has.
func TestReleasedAllOrNone(t *testing.T) {
	w := holdWorld(t)
	w.run("inventory XCHGSGSG EUR short=1000.00")
	o := w.hold("h1", "BNMXMXMM", 100_00, 9_000)
	w.expect("BNMXMXMM", o, ledger.Applied)
	shown := w.state.Offers()[0].Shown
	late := w.payOn(o, "late")
	late.NotAfter = w.now - 1
	w.apply(w.whole("BNMXMXMM", late))
	if got := w.state.Offers()[0].Shown; got <= shown {
		t.Errorf("the offer shows %d when its hold is released, %d before", got, shown)
	}
	data, tail, before := snapshot(t, w.state), len(w.messages), w.leaves
	restored, err := ledger.RestoreSnapshot(bytes.NewReader(data), w.genesis)
	if err != nil {
		t.Fatal(err)
	}
	restored.Attach(w.router(restored))
	w.apply()
	if w.follow(restored, before, w.messages[tail:]) != w.state.Hash() {
		t.Error("the restored state goes another way")
	}
}
