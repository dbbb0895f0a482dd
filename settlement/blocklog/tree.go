package blocklog

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"

	"github.com/transparency-dev/merkle/compact"
	merkle "github.com/transparency-dev/merkle/proof"

	"viaduct/ledger/proof"
	"viaduct/settlement/disk"
)

// maxLevels is the height of a tree of 2^63 leaves.
const maxLevels = 64

// Tree holds the hashes of the chain-wide RFC 6962 log: all nodes of complete subtrees, one file for
// each level, so that a root or a proof at any size takes a number of reads logarithmic in it.
//
// It is derived data. Append writes without syncing; Sync marks a size up to which everything is on
// disk, and after a crash OpenTree goes back to the last mark. The owner then appends again, from
// the block log, the leaves of the blocks from Next on.
type Tree struct {
	d     disk.Disk
	first uint64 // the height of the first block

	writing sync.Mutex // held by Append, Sync and Reset; guards what follows
	dirty   []bool     // levels written since the last Sync
	mark    *mark
	work    frontier              // Append's copy of the frontier
	pending [maxLevels + 1][]byte // Append's new nodes, by level

	// mu guards what readers see, which only the holder of writing changes. Nodes below size never
	// change, so that the files are written and synced without it.
	mu       sync.RWMutex
	size     uint64 // leaves
	next     uint64 // the height of the block whose leaves come next
	frontier frontier
	levels   []disk.File
}

// frontier is the tree's right edge: where bit l of the size is set, element l is the complete
// subtree of 2^l leaves that ends the leaves that bit stands for.
type frontier [maxLevels]proof.Hash

// OpenTree opens the tree in d as of its last mark; first is the height of the chain's first block.
func OpenTree(d disk.Disk, first uint64) (*Tree, error) {
	t := &Tree{d: d, first: first, next: first}
	var marks []markState
	var err error
	if t.mark, marks, err = openMark(d); err != nil {
		return nil, fmt.Errorf("open tree: %w", err)
	}
	for _, m := range marks {
		ok, err := t.load(m)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open tree: %w", err), t.Close())
		}
		if ok {
			return t, nil
		}
	}
	t.size, t.next, t.frontier = 0, first, frontier{}
	return t, nil
}

// load takes the state that m describes if the files have it.
func (t *Tree) load(m markState) (bool, error) {
	if m.next < t.first || m.size >= 1<<62 {
		return false, nil
	}
	t.size, t.next = m.size, m.next
	for l := 0; t.size>>l > 0; l++ {
		f, err := t.level(l)
		if err != nil {
			return false, err
		}
		have, err := f.Size()
		if err != nil {
			return false, err
		}
		want := int64(t.size>>l) * proof.HashSize
		if have < want {
			return false, nil
		}
		// What was written after the mark is of no use and may be full of holes.
		if have > want {
			if err := f.Truncate(want); err != nil {
				return false, err
			}
		}
		if t.size>>l&1 == 1 {
			if t.frontier[l], err = t.node(l, t.size>>l-1); err != nil {
				return false, err
			}
		}
	}
	return t.frontier.root(t.size) == m.root, nil
}

// Append adds the leaf hashes of the block at height, which must be Next. A block that fails to be
// written is not in the tree and can be appended again.
func (t *Tree) Append(height uint64, leaves []proof.Hash) error {
	t.writing.Lock()
	defer t.writing.Unlock()
	if height != t.next {
		return fmt.Errorf("tree: append height %d: the next is %d", height, t.next)
	}
	for l := range t.pending {
		t.pending[l] = t.pending[l][:0]
	}
	t.work = t.frontier
	size := t.size
	for i := range leaves {
		h := leaves[i]
		t.pending[0] = append(t.pending[0], h[:]...)
		l := 0
		for ; size>>l&1 == 1; l++ {
			h = proof.NodeHash(t.work[l], h)
			t.pending[l+1] = append(t.pending[l+1], h[:]...)
		}
		t.work[l] = h
		size++
	}
	for l := 0; len(t.pending[l]) > 0; l++ {
		f, err := t.level(l)
		if err != nil {
			return fmt.Errorf("tree: append height %d: %w", height, err)
		}
		t.dirty[l] = true
		if _, err := f.WriteAt(t.pending[l], int64(t.size>>l)*proof.HashSize); err != nil {
			return fmt.Errorf("tree: append height %d: level %d: %w", height, l, err)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.frontier, t.size, t.next = t.work, size, height+1
	return nil
}

// level returns the file of level l, which it opens with those below when it is not open.
func (t *Tree) level(l int) (disk.File, error) {
	for len(t.levels) <= l {
		f, err := t.d.Open(fmt.Sprintf("level-%02d.hashes", len(t.levels)))
		if err != nil {
			return nil, err
		}
		t.mu.Lock()
		t.levels = append(t.levels, f)
		t.mu.Unlock()
		t.dirty = append(t.dirty, true)
	}
	return t.levels[l], nil
}

// Size returns the number of leaves.
func (t *Tree) Size() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.size
}

// Next returns the height of the block whose leaves the tree lacks first.
func (t *Tree) Next() uint64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.next
}

// Root returns the root of the log's first size leaves.
func (t *Tree) Root(size uint64) (proof.Hash, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if size > t.size {
		return proof.Hash{}, fmt.Errorf("tree: root of %d leaves: there are %d", size, t.size)
	}
	if size == t.size {
		return t.frontier.root(size), nil
	}
	var edge frontier
	for _, id := range compact.RangeNodes(0, size, make([]compact.NodeID, 0, bits.OnesCount64(size))) {
		var err error
		if edge[id.Level], err = t.node(int(id.Level), id.Index); err != nil {
			return proof.Hash{}, fmt.Errorf("tree: root of %d leaves: %w", size, err)
		}
	}
	return edge.root(size), nil
}

// Edge returns the roots of the complete subtrees that make up the log's first size leaves, largest
// first: all of the tree that a later one grows from.
func (t *Tree) Edge(size uint64) ([]proof.Hash, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if size > t.size {
		return nil, fmt.Errorf("tree: edge of %d leaves: there are %d", size, t.size)
	}
	ids := compact.RangeNodes(0, size, make([]compact.NodeID, 0, bits.OnesCount64(size)))
	edge := make([]proof.Hash, len(ids))
	for i, id := range ids {
		var err error
		if edge[i], err = t.node(int(id.Level), id.Index); err != nil {
			return nil, fmt.Errorf("tree: edge of %d leaves: %w", size, err)
		}
	}
	return edge, nil
}

// root folds the right edge of a tree of size leaves into its root.
func (f *frontier) root(size uint64) proof.Hash {
	if size == 0 {
		return proof.EmptyRoot()
	}
	l := bits.TrailingZeros64(size)
	h := f[l]
	for l++; size>>l > 0; l++ {
		if size>>l&1 == 1 {
			h = proof.NodeHash(f[l], h)
		}
	}
	return h
}

// Inclusion returns the hashes that prove leaf index to be in the log of size leaves.
func (t *Tree) Inclusion(index, size uint64) ([]proof.Hash, error) {
	nodes, err := merkle.Inclusion(index, size)
	if err != nil {
		return nil, fmt.Errorf("tree: inclusion: %w", err)
	}
	return t.proof(nodes, size)
}

// Consistency returns the hashes that prove the log of newer leaves to begin with that of older.
func (t *Tree) Consistency(older, newer uint64) ([]proof.Hash, error) {
	nodes, err := merkle.Consistency(older, newer)
	if err != nil {
		return nil, fmt.Errorf("tree: consistency: %w", err)
	}
	return t.proof(nodes, newer)
}

// proof reads the nodes and hashes together those that make up the tree's incomplete edge.
func (t *Tree) proof(nodes merkle.Nodes, size uint64) ([]proof.Hash, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if size > t.size {
		return nil, fmt.Errorf("tree: proof in %d leaves: there are %d", size, t.size)
	}
	read := make([][]byte, len(nodes.IDs))
	for i, id := range nodes.IDs {
		h, err := t.node(int(id.Level), id.Index)
		if err != nil {
			return nil, fmt.Errorf("tree: proof in %d leaves: %w", size, err)
		}
		read[i] = h[:]
	}
	hashes, err := nodes.Rehash(read, func(left, right []byte) []byte {
		h := proof.NodeHash(proof.Hash(left), proof.Hash(right))
		return h[:]
	})
	if err != nil {
		return nil, fmt.Errorf("tree: proof in %d leaves: %w", size, err)
	}
	out := make([]proof.Hash, len(hashes))
	for i, h := range hashes {
		out[i] = proof.Hash(h)
	}
	return out, nil
}

// node reads one complete node. The lock is held.
func (t *Tree) node(level int, index uint64) (h proof.Hash, err error) {
	if _, err := t.levels[level].ReadAt(h[:], int64(index)*proof.HashSize); err != nil {
		return h, fmt.Errorf("node %d of level %d: %w", index, level, err)
	}
	return h, nil
}

// Sync makes the tree as it is now durable and marks it, so that after a crash it need not be made
// again from further back. It costs a sync for each level and more: call it now and then.
func (t *Tree) Sync() error {
	t.writing.Lock()
	defer t.writing.Unlock()
	for l, f := range t.levels {
		if !t.dirty[l] {
			continue
		}
		if err := f.Sync(); err != nil {
			return fmt.Errorf("tree: sync level %d: %w", l, err)
		}
		t.dirty[l] = false
	}
	if err := t.d.Sync(); err != nil {
		return fmt.Errorf("tree: sync: %w", err)
	}
	m := markState{next: t.next, size: t.size, root: t.frontier.root(t.size)}
	if err := t.mark.write(m); err != nil {
		return fmt.Errorf("tree: sync: %w", err)
	}
	return nil
}

// Reset empties the tree, for an owner that finds it to disagree with the block log.
func (t *Tree) Reset() error {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.mark.clear(); err != nil {
		return fmt.Errorf("tree: reset: %w", err)
	}
	for l, f := range t.levels {
		if err := f.Truncate(0); err != nil {
			return fmt.Errorf("tree: reset level %d: %w", l, err)
		}
		t.dirty[l] = true
	}
	t.size, t.next, t.frontier = 0, t.first, frontier{}
	return nil
}

// Close closes the files. Without a Sync before, what came after the last one is made again.
func (t *Tree) Close() error {
	t.writing.Lock()
	defer t.writing.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	errs := []error{t.mark.close()}
	for _, f := range t.levels {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
