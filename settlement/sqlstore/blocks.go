package sqlstore

import (
	"context"
	"database/sql"

	"viaduct/ledger"
)

// Block is a block's header and its place in the chain-wide log.
type Block struct {
	Height, Epoch uint64
	Time          int64
	Header        []byte // canonical bytes
	Hash          ledger.Hash
	Message       ledger.Hash
	State         ledger.Hash
	FirstLeaf     uint64
	Leaves        int    // results, and the header
	Checkpoint    []byte // signed by the quorum
}

const blockColumns = "height, epoch, time, header, hash, message, state, first_leaf, leaves, checkpoint"

func scanBlock(r *sql.Rows, b *Block) error {
	return r.Scan(&b.Height, &b.Epoch, &b.Time, &b.Header, toHash(&b.Hash), toHash(&b.Message), toHash(&b.State), &b.FirstLeaf, &b.Leaves, &b.Checkpoint)
}

// Block returns the block at a height.
func (s *Store) Block(ctx context.Context, height uint64) (Block, error) {
	return one(ctx, s.read, "block", scanBlock, `SELECT `+blockColumns+` FROM blocks WHERE height = $1`, int64(height))
}

// Blocks returns a page of blocks below a height, newest first; below 0, from the newest.
func (s *Store) Blocks(ctx context.Context, before uint64, limit int) ([]Block, error) {
	if before == 0 {
		before = 1 << 62
	}
	return list(ctx, s.read, "blocks", scanBlock,
		`SELECT `+blockColumns+` FROM blocks WHERE height < $1 ORDER BY height DESC LIMIT $2`, int64(before), limit)
}

// LeafHashes returns the hashes of a block's leaves, the header's last.
func (s *Store) LeafHashes(ctx context.Context, height uint64) ([]ledger.Hash, error) {
	return list(ctx, s.read, "leaves", scanHash, `SELECT hash FROM leaves WHERE height = $1 ORDER BY idx`, int64(height))
}
