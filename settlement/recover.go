package settlement

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"viaduct/fx"
	"viaduct/ledger"
)

// tellEvery is how often a long replay says how far it is.
const tellEvery = 5 * time.Second

// recover replays the block log, comparing every header, and projects what SQL lacks.
func (n *Node) recover(ctx context.Context) error {
	if err := n.replayAll(ctx); err != nil {
		return err
	}
	n.quoter = n.router.NewQuoter(n.state.Height())
	return nil
}

func (n *Node) replayAll(ctx context.Context) error {
	done, _, any, err := n.cfg.Store.Projected(ctx)
	if err != nil {
		return fmt.Errorf("projected height: %w", err)
	}
	s := <-n.slots
	defer func() { n.slots <- s }()
	if n.state, err = ledger.New(n.cfg.Genesis, &s.block); err != nil {
		return err
	}
	n.router = fx.New(n.state)
	n.state.Attach(n.router)
	if n.tree.Next() > n.log.Next() {
		// The block log lost its end, which the journal still has. Its leaf hashes are made again.
		n.cfg.Log.Error("the block log is shorter than it was; reading the journal again from there", "height", n.log.Next(), "was", n.tree.Next())
		if err := n.tree.Reset(); err != nil {
			return err
		}
	}
	if n.log.Next() == 0 {
		s.position, s.data = genesisPosition, n.cfg.Genesis.Encode()
		p, err := n.finish(s)
		if err != nil {
			return err
		}
		n.position = genesisPosition
		if err := n.cfg.Store.Project(ctx, p); err != nil {
			return fmt.Errorf("project height 0: %w", err)
		}
		n.projected.raise(0)
		return nil
	}
	last := n.log.Next() - 1
	told := time.Now()
	for height := uint64(0); height <= last; height++ {
		first, err := n.replay(height, s)
		if err != nil {
			return fmt.Errorf("replay height %d: %w", height, err)
		}
		if !any || height > done {
			p, err := n.projection(s, first)
			if err != nil {
				return err
			}
			if err := n.cfg.Store.Project(ctx, p); err != nil {
				return fmt.Errorf("project height %d: %w", height, err)
			}
		}
		if time.Since(told) > tellEvery {
			told = time.Now()
			n.cfg.Log.Info("replaying the block log", "height", height, "of", last)
		}
	}
	n.final.raise(last)
	n.projected.raise(last)
	n.deadline <- n.state.NextDeadline()
	return nil
}

// replay applies one logged block again and compares the header that comes out with the logged one.
// It returns the index of the block's first leaf.
func (n *Node) replay(height uint64, s *slot) (first uint64, err error) {
	data, err := n.log.Get(height)
	if err != nil {
		return 0, err
	}
	rec, err := decodeRecord(data)
	if err != nil {
		return 0, err
	}
	header, err := rec.header()
	if err != nil {
		return 0, err
	}
	if height == 0 {
		if !bytes.Equal(rec.Message, n.cfg.Genesis.Encode()) {
			return 0, fmt.Errorf("the block log is of another network: its genesis hash is %x", ledger.MessageHash(rec.Message))
		}
	} else {
		if err := ledger.DecodeMessage(rec.Message, &s.message); err != nil {
			return 0, err
		}
		verifyAll(s.message.Submissions)
		if err := n.state.Apply(&s.message, &s.block); err != nil {
			return 0, err
		}
	}
	if s.block.Header != header {
		return 0, fmt.Errorf("the block comes out as %+v, logged as %+v", s.block.Header, header)
	}
	first = rec.TreeSize - uint64(len(rec.Leaves))
	if n.tree.Next() <= height { // the hashes were not on disk before the crash
		if err := n.tree.Append(height, proofHashes(s.block.LeafHashes)); err != nil {
			return 0, err
		}
	}
	n.position = rec.Position
	return first, nil
}
