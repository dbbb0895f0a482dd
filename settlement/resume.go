package settlement

import (
	"fmt"
	"slices"
	"time"

	"viaduct/ledger"
	"viaduct/ledger/proof"
)

const (
	// snapshotEvery is how many blocks lie between a node's snapshots.
	snapshotEvery = 8192
	// snapshotAtStop is the share of that behind the last snapshot which makes one at a stop worth its
	// while.
	snapshotAtStop = 32
)

// resume sets the node's ledger to the newest snapshot that is of use, or to the genesis, and returns the
// height to replay from. done is the last height projected, if any is; a node without a store needs
// none. A snapshot that is damaged is named and passed over.
func (n *Node) resume(s *slot, done uint64, any bool) (from uint64, err error) {
	if n.cfg.Snapshots != nil && n.log.Next() > 0 && (any || n.cfg.Store == nil) {
		heights, err := n.snapshots().heights()
		if err != nil {
			return 0, err
		}
		for _, height := range heights {
			switch {
			case n.cfg.Store != nil && height > done:
				continue // what lies between would not be projected
			case height >= n.log.Next() || height+1 >= n.certificates.next()+maxPending:
				continue // a crash took what belongs to it
			}
			err := n.resumeAt(height)
			if err == nil {
				n.snapped = height
				return height + 1, nil
			}
			n.cfg.Log.Error("a snapshot is passed over", "height", height, "error", err)
		}
	}
	if n.state, err = ledger.New(n.cfg.Genesis, &s.block); err != nil {
		return 0, err
	}
	n.position, n.leaves = 0, 0
	return 0, nil
}

// resumeAt restores the snapshot of a height and compares it with the record of its block.
func (n *Node) resumeAt(height uint64) error {
	began := time.Now()
	state, p, err := n.snapshots().open(height, n.cfg.Genesis)
	if err != nil {
		return err
	}
	rec, header, err := n.record(height)
	restored := state.Header()
	switch {
	case err != nil:
		return err
	case header != restored:
		return fmt.Errorf("%w: the block log has another block: %s", ErrSnapshot, differences(&header, &restored))
	case rec.Position != p.position || rec.TreeSize != p.leaves:
		return fmt.Errorf("%w: it was taken at journal position %d with %d leaves, the block log says %d with %d", ErrSnapshot, p.position, p.leaves, rec.Position, rec.TreeSize)
	}
	if err := n.regrow(height); err != nil {
		return err
	}
	edge, err := n.tree.Edge(p.leaves)
	if err != nil {
		return err
	}
	if !slices.Equal(edge, p.edge) {
		return fmt.Errorf("%w: the log's tree is another", ErrSnapshot)
	}
	n.state, n.position, n.leaves = state, p.position, p.leaves
	n.cfg.Log.Info("started from a snapshot", "height", height, "took", time.Since(began))
	return nil
}

// record returns the record of a block and its header.
func (n *Node) record(height uint64) (rec record, header ledger.Header, err error) {
	data, err := n.log.Get(height)
	if err != nil {
		return rec, header, err
	}
	if rec, err = decodeRecord(data); err != nil {
		return rec, header, err
	}
	header, err = rec.header()
	return rec, header, err
}

// regrow makes the tree's nodes up to a height again, from the leaves in the block log.
func (n *Node) regrow(height uint64) error {
	for n.tree.Next() <= height {
		at := n.tree.Next()
		rec, _, err := n.record(at)
		if err != nil {
			return err
		}
		hashes := make([]proof.Hash, len(rec.Leaves))
		for i, leaf := range rec.Leaves {
			hashes[i] = proof.LeafHash(leaf)
		}
		if err := n.tree.Append(at, hashes); err != nil {
			return err
		}
	}
	return nil
}

// remade returns what of a block before the snapshot waits for a quorum; it is projected already.
func (n *Node) remade(height uint64) (*made, error) {
	rec, header, err := n.record(height)
	if err != nil {
		return nil, err
	}
	root, err := n.tree.Root(rec.TreeSize)
	if err != nil {
		return nil, err
	}
	return &made{
		height: height, time: header.Time, signatures: make(map[string]proof.Cosignature),
		checkpoint: proof.Checkpoint{Origin: n.cfg.Genesis.Origin(), Size: rec.TreeSize, Root: root},
	}, nil
}

func (n *Node) snapshots() snapshots { return snapshots{n.cfg.Snapshots} }

// snap writes a snapshot when it is this node's turn behind the block just applied. One that fails costs
// the next start time, and nothing else.
func (n *Node) snap() {
	if n.cfg.Snapshots != nil && n.state.Height()%n.snapshotEvery() == n.snapTurn() {
		n.writeSnapshot()
	}
}

// snapAtStop writes a snapshot if the way from the last one has become long.
func (n *Node) snapAtStop() {
	if n.cfg.Snapshots != nil && n.state.Height() >= n.snapped+max(1, n.snapshotEvery()/snapshotAtStop) {
		n.writeSnapshot()
	}
}

func (n *Node) writeSnapshot() {
	height := n.state.Height()
	rec, _, err := n.record(height)
	var edge []proof.Hash
	if err == nil {
		edge, err = n.tree.Edge(rec.TreeSize)
	}
	if err == nil {
		err = n.snapshots().write(n.state, place{rec.Position, rec.TreeSize, edge})
	}
	if err != nil {
		n.cfg.Log.Error("write snapshot", "height", height, "error", err)
		return
	}
	n.snapped = height
}

func (n *Node) snapshotEvery() uint64 {
	if n.cfg.SnapshotEvery == 0 {
		return snapshotEvery
	}
	return n.cfg.SnapshotEvery
}

// snapTurn is at which heights, modulo the distance between them, the node takes snapshots: the validators take
// turns, so that a quorum goes on while one writes.
func (n *Node) snapTurn() uint64 {
	all := n.policy(n.state.Height()).Validators()
	for i, v := range all {
		if v.Name() == n.cfg.Name {
			return uint64(i) * n.snapshotEvery() / uint64(len(all))
		}
	}
	return 0
}
