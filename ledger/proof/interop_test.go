package proof_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/note"
	tlogproof "github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"
	sumdbnote "golang.org/x/mod/sumdb/note"

	"viaduct/ledger"
	viaduct "viaduct/ledger/proof"
)

// TestOthersVerifyOurReceipt reads a receipt with other people's code only: transparency-dev's
// tlog-proof, checkpoint and cosignature readers and its inclusion check, configured with nothing
// but the origin and the verifier keys as text.
func TestOthersVerifyOurReceipt(t *testing.T) {
	const origin, index, size = "viaduct.example/testnet", 5, 12
	tree := testonly.New(rfc6962.DefaultHasher)
	for i := range size {
		tree.AppendData(fmt.Appendf(nil, "outcome %d", i))
	}
	c := viaduct.Checkpoint{Origin: origin, Size: size, Root: viaduct.Hash(tree.Hash())}
	var vkeys []string
	var validators []viaduct.Validator
	var sigs []viaduct.Cosignature
	for _, name := range []string{"CHASUS33", "DEUTDEFF", "HSBCHKHH", "MHCBJPJT"} {
		seed := sha256.Sum256([]byte(name))
		s, err := viaduct.NewSigner(name, ed25519.NewKeyFromSeed(seed[:]))
		if err != nil {
			t.Fatal(err)
		}
		cs, err := s.Cosign(c, 1_770_000_000)
		if err != nil {
			t.Fatal(err)
		}
		validators, sigs = append(validators, s.Validator()), append(sigs, cs)
		vkeys = append(vkeys, s.Validator().String())
	}
	policy, err := viaduct.NewPolicy(origin, validators, ledger.Quorum(len(validators)))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := viaduct.SignCheckpoint(c, sigs, policy)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tree.InclusionProof(index, size)
	if err != nil {
		t.Fatal(err)
	}
	var hashes []viaduct.Hash
	for _, h := range raw {
		hashes = append(hashes, viaduct.Hash(h))
	}
	receipt, err := viaduct.BuildReceipt([]byte("outcome 5"), index, hashes, signed, policy)
	if err != nil {
		t.Fatal(err)
	}

	var theirs tlogproof.TLogProof
	if err := theirs.Unmarshal(receipt); err != nil {
		t.Fatal(err)
	}
	var verifiers []sumdbnote.Verifier
	for _, vkey := range vkeys {
		v, err := note.NewVerifierForCosignatureV1(vkey)
		if err != nil {
			t.Fatalf("%s: %v", vkey, err)
		}
		verifiers = append(verifiers, v)
	}
	cp, rest, n, err := log.ParseCheckpoint(theirs.Checkpoint, origin, verifiers[0], verifiers[1:]...)
	if err != nil || len(rest) != 0 {
		t.Fatalf("ParseCheckpoint: %v, rest %q", err, rest)
	}
	if len(n.Sigs) != 3 || len(n.UnverifiedSigs) != 0 {
		t.Errorf("%d signatures verified and %d not, want 3 and 0", len(n.Sigs), len(n.UnverifiedSigs))
	}
	for _, s := range n.Sigs {
		if at, err := note.CoSigV1Timestamp(s); err != nil || at.Unix() != 1_770_000_000 {
			t.Errorf("%s signed at %v, %v", s.Name, at, err)
		}
	}
	var theirHashes [][]byte
	for i := range theirs.Hashes {
		theirHashes = append(theirHashes, theirs.Hashes[i][:])
	}
	leafHash := rfc6962.DefaultHasher.HashLeaf(theirs.ExtraData)
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, theirs.Index, cp.Size, leafHash, theirHashes, cp.Hash); err != nil {
		t.Error(err)
	}
	if got := theirs.Marshal(); string(got) != string(receipt) {
		t.Errorf("their spelling of the receipt is\n%s, ours\n%s", got, receipt)
	}
}

// TestWeVerifyOthersCosignature goes the other way: a cosignature made by transparency-dev's signer.
func TestWeVerifyOthersCosignature(t *testing.T) {
	seed := sha256.Sum256([]byte("theirs"))
	ours, err := viaduct.NewSigner("witness.example/w1", ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		t.Fatal(err)
	}
	v := ours.Validator()
	skey := fmt.Sprintf("PRIVATE+KEY+%s+%08x+%s", v.Name(), v.KeyID(), base64.StdEncoding.EncodeToString(append([]byte{4}, seed[:]...)))
	theirs, err := note.NewSignerForCosignatureV1(skey)
	if err != nil {
		t.Fatal(err)
	}
	if theirs.KeyHash() != v.KeyID() {
		t.Errorf("their key id is %08x, ours %08x", theirs.KeyHash(), v.KeyID())
	}
	body, err := viaduct.Checkpoint{Origin: "viaduct.example/net", Size: 3, Root: viaduct.EmptyRoot()}.Body()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := sumdbnote.Sign(&sumdbnote.Note{Text: body}, theirs)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := viaduct.NewPolicy("viaduct.example/net", []viaduct.Validator{v}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if c, _, err := viaduct.VerifyCheckpoint(signed, policy); err != nil || c.Size != 3 {
		t.Errorf("VerifyCheckpoint = %+v, %v\n%s", c, err, signed)
	}
}
