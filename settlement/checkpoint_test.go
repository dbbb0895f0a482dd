package settlement_test

import (
	"errors"
	"testing"

	"viaduct/ledger/proof"
	"viaduct/settlement"
)

// TestCheckpointsGoOnFromEachOther: two checkpoints, each signed by a quorum, and the proof that the
// newer log begins with the older one.
func TestCheckpointsGoOnFromEachOther(t *testing.T) {
	n := startNetwork(t)
	n.startAll()
	n.populate()
	older, err := n.client.Checkpoint(t.Context(), 0)
	n.must(err)
	if older.Consistency != nil {
		t.Errorf("a proof that nobody asked for: %v", older.Consistency)
	}
	a := n.submit("BNMXMXMM", "one", pay(1, "HSBCGB2L", 100))
	n.submit("BNMXMXMM", "two", pay(2, "HSBCGB2L", 100))
	waitFinal(t, n.nodes[0].node, a.Height)
	waitFinal(t, n.nodes[1].node, a.Height)
	newer, err := n.client.Checkpoint(t.Context(), older.Size)
	n.must(err)
	if newer.Height < a.Height || newer.Size <= older.Size {
		t.Errorf("checkpoint of height %d, %d leaves, after height %d and %d leaves", newer.Height, newer.Size, a.Height, older.Size)
	}
	before, _, err := proof.VerifyCheckpoint([]byte(older.Note), n.policy())
	n.must(err)
	after, _, err := proof.VerifyCheckpoint([]byte(newer.Note), n.policy())
	n.must(err)
	if err := proof.VerifyConsistency(before, after, newer.Consistency); err != nil {
		t.Error(err)
	}
	newer.Consistency[0][0] ^= 1
	if err := proof.VerifyConsistency(before, after, newer.Consistency); !errors.Is(err, proof.ErrConsistency) {
		t.Errorf("a changed proof: %v", err)
	}
	if _, err := n.client.Checkpoint(t.Context(), newer.Size+1000); !errors.Is(err, settlement.ErrNotFound) {
		t.Errorf("from a size that is not there yet: %v, want ErrNotFound", err)
	}
}
