package proof

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"viaduct/ledger"
)

const testOrigin = "viaduct.example/testnet"

// testTime is a Unix time in 2026; every fixture counts from it.
const testTime = 1_770_000_000

// testSigners returns n signers with keys made from their names. They are not in the order of their
// names, so that whoever forgets to sort is found out.
func testSigners(t testing.TB, n int) []*Signer {
	t.Helper()
	var out []*Signer
	for i := range n {
		name := fmt.Sprintf("viaduct.example/%c", 'z'-i)
		seed := sha256.Sum256([]byte(name))
		s, err := NewSigner(name, ed25519.NewKeyFromSeed(seed[:]))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func testPolicy(t testing.TB, signers []*Signer) Policy {
	t.Helper()
	var vs []Validator
	for _, s := range signers {
		vs = append(vs, s.Validator())
	}
	p, err := NewPolicy(testOrigin, vs, ledger.Quorum(len(vs)))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func testLeaf(i int) []byte { return fmt.Appendf(nil, "leaf %d, padded to be read\x00\xff", i) }

// testTree is the slow, obvious log: every node recomputed from the leaves by RFC 6962's own words.
type testTree struct{ leaves []Hash }

func newTestTree(n int) testTree {
	var t testTree
	for i := range n {
		t.leaves = append(t.leaves, LeafHash(testLeaf(i)))
	}
	return t
}

func (t testTree) root(from, to int) Hash {
	switch n := to - from; n {
	case 0:
		return EmptyRoot()
	case 1:
		return t.leaves[from]
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		return NodeHash(t.root(from, from+k), t.root(from+k, to))
	}
}

func (t testTree) hashes(tb testing.TB, nodes proof.Nodes, err error) []Hash {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	var raw [][]byte
	for _, id := range nodes.IDs {
		h := t.node(id)
		raw = append(raw, h[:])
	}
	raw, err = nodes.Rehash(raw, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		tb.Fatal(err)
	}
	var out []Hash
	for _, h := range raw {
		out = append(out, Hash(h))
	}
	return out
}

func (t testTree) node(id compact.NodeID) Hash {
	from, to := id.Coverage()
	return t.root(int(from), int(to))
}

func (t testTree) inclusion(tb testing.TB, index, size int) []Hash {
	tb.Helper()
	nodes, err := proof.Inclusion(uint64(index), uint64(size))
	return t.hashes(tb, nodes, err)
}

func (t testTree) checkpoint(size int) Checkpoint {
	return Checkpoint{Origin: testOrigin, Size: uint64(size), Root: t.root(0, size)}
}

// cosignAll returns every signer's cosignature on c, each a second after the one before.
func cosignAll(tb testing.TB, signers []*Signer, c Checkpoint) []Cosignature {
	tb.Helper()
	var out []Cosignature
	for i, s := range signers {
		cs, err := s.Cosign(c, testTime+int64(i))
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, cs)
	}
	return out
}

// testReceipt returns a receipt of leaf index in a log of size leaves, signed by the first quorum.
func testReceipt(tb testing.TB, signers []*Signer, index, size int) []byte {
	tb.Helper()
	tree, p := newTestTree(size), testPolicy(tb, signers)
	c := tree.checkpoint(size)
	signed, err := SignCheckpoint(c, cosignAll(tb, signers, c), p)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := BuildReceipt(testLeaf(index), uint64(index), tree.inclusion(tb, index, size), signed, p)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}
