package settlement_test

import (
	"testing"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/note"
	tlogproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"viaduct/ledger"
)

// TestOthersVerifyANodesReceipt checks a receipt that a running node gave out with other people's code
// alone: readers and Merkle proofs of transparency-dev, given the origin and the validator's key as text.
// One byte of the leaf, and it no longer verifies.
func TestOthersVerifyANodesReceipt(t *testing.T) {
	e := start(t, t.TempDir())
	e.populate()
	a := e.submit("BNMXMXMM", "one", pay(1, "HSBCGB2L", 100))
	receipt, err := e.client.Receipt(t.Context(), a.Height, a.First)
	if err != nil {
		t.Fatal(err)
	}
	status, err := e.client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var theirs tlogproof.TLogProof
	if err := theirs.Unmarshal(receipt); err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifierForCosignatureV1(status.Sets[0].Validators[0])
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, _, n, err := log.ParseCheckpoint(theirs.Checkpoint, status.Origin, verifier)
	if err != nil || len(n.Sigs) != 1 {
		t.Fatalf("ParseCheckpoint: %v, %d signatures", err, len(n.Sigs))
	}
	var hashes [][]byte
	for i := range theirs.Hashes {
		hashes = append(hashes, theirs.Hashes[i][:])
	}
	check := func(leaf []byte) error {
		return proof.VerifyInclusion(rfc6962.DefaultHasher, theirs.Index, checkpoint.Size, rfc6962.DefaultHasher.HashLeaf(leaf), hashes, checkpoint.Hash)
	}
	if err := check(theirs.ExtraData); err != nil {
		t.Error(err)
	}
	leaf, err := ledger.DecodeLeaf(theirs.ExtraData)
	if err != nil || leaf.Height != a.Height || leaf.Outcome != ledger.Applied || leaf.Delivered != 100 {
		t.Errorf("the leaf says %+v, %v", leaf, err)
	}
	theirs.ExtraData[len(theirs.ExtraData)-1] ^= 1
	if check(theirs.ExtraData) == nil {
		t.Error("another leaf verifies")
	}
}
