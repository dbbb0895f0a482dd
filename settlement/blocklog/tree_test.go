package blocklog

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/merkle/testonly"

	"viaduct/ledger/proof"
	"viaduct/settlement/disk"
	"viaduct/settlement/disk/simdisk"
)

// blockLeaves returns the leaf hashes of a made-up block: 1 to 9 of them.
func blockLeaves(height uint64) []proof.Hash {
	var out []proof.Hash
	for i := range 1 + height*5%9 {
		out = append(out, proof.LeafHash(binary.LittleEndian.AppendUint64(nil, height<<8|i)))
	}
	return out
}

func mustOpenTree(t testing.TB, d disk.Disk) *Tree {
	t.Helper()
	tree, err := OpenTree(d, 1)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// reference is transparency-dev's in-memory tree, the independent opinion.
func reference(heights uint64) *testonly.Tree {
	ref := testonly.New(rfc6962.DefaultHasher)
	for h := uint64(1); h < heights; h++ {
		for _, leaf := range blockLeaves(h) {
			ref.Append(leaf[:])
		}
	}
	return ref
}

func grow(t testing.TB, tree *Tree, heights uint64) {
	t.Helper()
	for h := tree.Next(); h < heights; h++ {
		if err := tree.Append(h, blockLeaves(h)); err != nil {
			t.Fatal(err)
		}
	}
}

// compare holds every root and proof against the reference.
func compare(t testing.TB, tree *Tree, ref *testonly.Tree) {
	t.Helper()
	if tree.Size() != ref.Size() {
		t.Fatalf("the tree has %d leaves, want %d", tree.Size(), ref.Size())
	}
	for size := range ref.Size() + 1 {
		root, err := tree.Root(size)
		if err != nil || root != proof.Hash(ref.HashAt(size)) {
			t.Fatalf("Root(%d) = %v, %v", size, root, err)
		}
		c := proof.Checkpoint{Origin: "viaduct.example/net", Size: size, Root: root}
		for index := range size {
			hashes, err := tree.Inclusion(index, size)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyInclusion(c, index, proof.Hash(ref.LeafHash(index)), hashes); err != nil {
				t.Fatal(err)
			}
		}
		for older := range size + 1 {
			hashes, err := tree.Consistency(older, size)
			if err != nil {
				t.Fatal(err)
			}
			o := proof.Checkpoint{Origin: c.Origin, Size: older, Root: proof.Hash(ref.HashAt(older))}
			if err := proof.VerifyConsistency(o, c, hashes); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestTreeAgainstReference(t *testing.T) {
	tree := mustOpenTree(t, openDir(t, t.TempDir()))
	defer tree.Close()
	compare(t, tree, reference(1))
	for _, heights := range []uint64{2, 3, 9, 20} {
		grow(t, tree, heights)
		compare(t, tree, reference(heights))
	}
	if err := tree.Append(20, nil); err != nil { // a block without leaves is a block
		t.Fatal(err)
	}
	compare(t, tree, reference(20))
	for name, err := range map[string]error{
		"the same height":    tree.Append(20, blockLeaves(20)),
		"a height skipped":   tree.Append(22, blockLeaves(22)),
		"root beyond":        second(tree.Root(tree.Size() + 1)),
		"index beyond":       second(tree.Inclusion(5, 5)),
		"size beyond":        second(tree.Inclusion(0, tree.Size()+1)),
		"newer before older": second(tree.Consistency(6, 5)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestTreeReopens(t *testing.T) {
	path := t.TempDir()
	for _, heights := range []uint64{7, 12, 30} {
		d := openDir(t, path)
		tree := mustOpenTree(t, d)
		grow(t, tree, heights)
		if err := tree.Sync(); err != nil {
			t.Fatal(err)
		}
		grow(t, tree, heights+3) // not synced: forgotten
		if err := errors.Join(tree.Close(), d.Close()); err != nil {
			t.Fatal(err)
		}
		d = openDir(t, path)
		tree = mustOpenTree(t, d)
		if tree.Next() != heights {
			t.Fatalf("opens at height %d, want %d", tree.Next(), heights)
		}
		compare(t, tree, reference(heights))
		if err := errors.Join(tree.Close(), d.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTreeCrash cuts the power at every change to the disk. What OpenTree then finds must be some
// earlier state, complete, and never further back than the last Sync that returned.
func TestTreeCrash(t *testing.T) {
	const heights = 14
	run := func(d *simdisk.Disk) (synced uint64, err error) {
		tree, err := OpenTree(d, 1)
		if err != nil {
			return 1, err
		}
		synced = tree.Next()
		for h := tree.Next(); h < heights; h++ {
			if err := tree.Append(h, blockLeaves(h)); err != nil {
				return synced, err
			}
			if h%4 == 0 {
				if err := tree.Sync(); err != nil {
					return synced, err
				}
				synced = h + 1
			}
		}
		return synced, nil
	}
	whole := simdisk.New()
	if _, err := run(whole); err != nil {
		t.Fatal(err)
	}
	ref := reference(heights)
	for at := 1; at <= whole.Changes(); at++ {
		for seed := range uint64(8) {
			d := simdisk.New()
			d.PowerAt(at)
			synced, err := run(d)
			if err != nil && !errors.Is(err, simdisk.ErrPower) {
				t.Fatal(err)
			}
			d = d.Restart(seed)
			tree := mustOpenTree(t, d)
			if tree.Next() < synced {
				t.Fatalf("seed %d, power cut at change %d: opens at height %d, was synced to %d", seed, at, tree.Next(), synced)
			}
			if root, err := tree.Root(tree.Size()); err != nil || root != proof.Hash(ref.HashAt(tree.Size())) {
				t.Fatalf("seed %d, power cut at change %d: another root at %d, %v", seed, at, tree.Size(), err)
			}
			d.PowerAt(1 + int(seed)*2) // and once more, soon
			if _, err := run(d); err != nil && !errors.Is(err, simdisk.ErrPower) {
				t.Fatal(err)
			}
			tree = mustOpenTree(t, d.Restart(seed))
			grow(t, tree, heights)
			if seed == 0 {
				compare(t, tree, ref)
			} else if root, err := tree.Root(tree.Size()); err != nil || root != proof.Hash(ref.Hash()) {
				t.Fatalf("seed %d, power cut at change %d: another root at the end, %v", seed, at, err)
			}
		}
	}
}

func TestTreeAppendCanBeRepeated(t *testing.T) {
	full := errors.New("no space left on device")
	for at := 1; at <= 5; at++ {
		d := simdisk.New()
		tree := mustOpenTree(t, d)
		grow(t, tree, 6)
		d.FailAt(at, full)
		for tree.Next() < 12 {
			if err := tree.Append(tree.Next(), blockLeaves(tree.Next())); err != nil && !errors.Is(err, full) {
				t.Fatal(err)
			}
		}
		compare(t, tree, reference(12))
	}
}

func TestTreeReset(t *testing.T) {
	d := simdisk.New()
	tree := mustOpenTree(t, d)
	grow(t, tree, 10)
	if err := tree.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := tree.Reset(); err != nil {
		t.Fatal(err)
	}
	grow(t, tree, 14)
	compare(t, tree, reference(14))
	if err := tree.Reset(); err != nil {
		t.Fatal(err)
	}
	tree = mustOpenTree(t, d.Restart(1))
	if tree.Next() != 1 || tree.Size() != 0 {
		t.Errorf("after Reset and a crash the tree is at height %d with %d leaves", tree.Next(), tree.Size())
	}
	grow(t, tree, 14)
	compare(t, tree, reference(14))
}

// TestTreeRefusesDamagedEdge flips a bit in every file: a tree whose edge does not give the marked
// root is no tree, and is begun anew.
func TestTreeRefusesDamagedEdge(t *testing.T) {
	d := simdisk.New()
	tree := mustOpenTree(t, d)
	grow(t, tree, 10)
	if err := tree.Sync(); err != nil {
		t.Fatal(err)
	}
	ref := reference(10)
	names, err := d.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		f, err := d.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		size, err := f.Size()
		if err != nil {
			t.Fatal(err)
		}
		d.Damage(name, size-1, 1)
		again := mustOpenTree(t, d)
		root, err := again.Root(again.Size())
		if err != nil || root != proof.Hash(ref.HashAt(again.Size())) {
			t.Errorf("%s damaged: opens with %d leaves and another root, %v", name, again.Size(), err)
		}
		d.Damage(name, size-1, 1)
	}
}

func TestTreeAppendAllocatesNothing(t *testing.T) {
	tree := mustOpenTree(t, openDir(t, t.TempDir()))
	defer tree.Close()
	leaves := make([]proof.Hash, 1000)
	for range 200 { // until the buffers and the files of the levels are there
		if err := tree.Append(tree.Next(), leaves); err != nil {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(50, func() {
		if err := tree.Append(tree.Next(), leaves); err != nil {
			t.Fatal(err)
		}
	}); n > 1 { // a new level may open meanwhile
		t.Errorf("appending 1,000 leaves allocates %v times", n)
	}
}

func BenchmarkTreeAppend(b *testing.B) {
	tree := mustOpenTree(b, openDir(b, b.TempDir()))
	defer tree.Close()
	leaves := make([]proof.Hash, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if err := tree.Append(tree.Next(), leaves); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(leaves))/b.Elapsed().Seconds(), "leaves/s")
}

func BenchmarkTreeInclusion(b *testing.B) {
	tree := mustOpenTree(b, openDir(b, b.TempDir()))
	defer tree.Close()
	leaves := make([]proof.Hash, 10_000)
	for range 100 {
		if err := tree.Append(tree.Next(), leaves); err != nil {
			b.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		if _, err := tree.Inclusion(r.Uint64N(tree.Size()), tree.Size()); err != nil {
			b.Fatal(err)
		}
	}
}
