package settlement

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"viaduct/ledger"
	"viaduct/settlement/journal"
)

// genesisPosition is where the genesis stands in every journal.
const genesisPosition = 1

// joinJournal makes sure that the journal is this network's and holds everything this node has made
// final. A journal that lost its tail gets it again, byte for byte.
func (n *Node) joinJournal(ctx context.Context) error {
	tip, err := n.cfg.Journal.Tip(ctx)
	if err != nil {
		return fmt.Errorf("tip of the journal: %w", err)
	}
	// Back to the last block whose message the journal still has; what is there must be the same. What is
	// missing may be the whole log, so the records are not kept but read again.
	last := n.log.Next() - 1
	missing := last + 1 // the first height that is
	for missing > 0 {
		rec, _, err := n.record(missing - 1)
		if err != nil {
			return err
		}
		if rec.Position <= tip {
			if err := n.compare(ctx, rec); err != nil {
				return err
			}
			break
		}
		missing--
	}
	if missing <= last && last > 0 {
		n.cfg.Log.Warn("the journal lost its tail; publishing it again", "blocks", last+1-missing, "journal tip", tip)
	}
	for height := missing; height <= last; height++ {
		rec, _, err := n.record(height)
		if err != nil {
			return err
		}
		if rec.Position != tip+1 {
			return fmt.Errorf("%w: it ends at %d and the next block was at %d: what was between is not in the block log", errJournal, tip, rec.Position)
		}
		if tip, err = journal.Resolve(ctx, n.cfg.Journal, tip, rec.Message); err != nil {
			return fmt.Errorf("publish a lost message again: %w", err)
		}
	}
	return nil
}

// compare checks that the journal holds at a record's position what the block log holds.
func (n *Node) compare(ctx context.Context, rec record) error {
	m, err := messageAt(ctx, n.cfg.Journal, rec.Position)
	if err != nil {
		return err
	}
	if !bytes.Equal(m.Data, rec.Message) {
		return fmt.Errorf("%w: position %d holds another message than the block log: this journal or this data directory is not this network's", errJournal, rec.Position)
	}
	return nil
}

// drainTimeout bounds how long a stop waits for what was accepted.
const drainTimeout = 15 * time.Second

// catchUp waits until the validator has applied the journal up to tip.
func (n *Node) catchUp(ctx context.Context, tip uint64) error {
	for n.applied.Load() < tip {
		if err := sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// joined returns a context that ends with either.
func joined(a, b context.Context) context.Context {
	ctx, cancel := context.WithCancel(a)
	context.AfterFunc(b, cancel)
	return ctx
}

// StateHash returns the ledger's height and state hash.
func (n *Node) StateHash() (uint64, ledger.Hash) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state.Height(), n.state.Hash()
}
