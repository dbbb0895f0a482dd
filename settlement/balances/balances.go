// Package balances keeps every holder's positions where they are quick to look at, with the block
// height they are true at.
//
// A cache is told of each projected block once. It promises that what Get returns is what the ledger
// said at the height that stands beside it, whatever was lost: a block that comes late, twice or never,
// a server emptied or brought back from yesterday. Nothing decides a payment by it, and losing it costs
// speed alone, since a holder that is not there is loaded again from the database.
//
// How: blocks that follow each other without a gap make a run. Within a run a holder is loaded whole,
// at a height no block of the run has passed, and each block then changes what it changed; a value of
// an older height never replaces one of a newer. A block that does not follow the last one begins a
// new run, in which nothing is known of anyone.
package balances

import (
	"context"

	"viaduct/ledger"
	"viaduct/settlement/sqlstore"
)

// Cache is what the node tells of blocks and the gateway asks for balances. *Map and *Redis are ones.
type Cache interface {
	// Set tells of the positions that a block changed. It is called when the block can be loaded.
	Set(ctx context.Context, height uint64, lines []sqlstore.Line) error
	// Get returns a holder's positions in the order of their opening, and the height they are true at.
	// When ok is false, ask the database.
	Get(ctx context.Context, holder ledger.BIC) (lines []sqlstore.Line, height uint64, ok bool, err error)
}

// Load reads a holder's positions from the database, with the height they are true at;
// (*sqlstore.Store).Balances is one.
type Load func(ctx context.Context, holder ledger.BIC) (lines []sqlstore.Line, height uint64, err error)
