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
	if n.cfg.Sequence {
		n.quoter = n.router.NewQuoter(n.state.Height())
	}
	return nil
}

func (n *Node) replayAll(ctx context.Context) error {
	var done uint64
	var any bool
	var err error
	if n.cfg.Store != nil {
		if done, _, any, err = n.cfg.Store.Projected(ctx); err != nil {
			return fmt.Errorf("projected height: %w", err)
		}
	}
	s := <-n.slots
	defer func() { n.slots <- s }()
	if n.tree.Next() > n.log.Next() {
		// The block log lost its end, or had to drop it. Its leaf hashes are made again.
		n.cfg.Log.Error("the block log is shorter than it was; reading the journal again from there", "height", n.log.Next(), "was", n.tree.Next())
		if err := n.tree.Reset(); err != nil {
			return err
		}
	}
	from, err := n.resume(s, done, any)
	if err != nil {
		return err
	}
	if err := n.learnValidators(); err != nil {
		return err
	}
	n.router = fx.New(n.state)
	n.state.Attach(n.router)
	if n.log.Next() == 0 {
		s.position, s.data = genesisPosition, n.cfg.Genesis.Encode()
		rec := record{Position: s.position, TreeSize: uint64(len(s.block.Leaves)), Message: s.data, Leaves: s.block.Leaves}
		if err := n.log.Append(0, rec.encode(nil)); err != nil {
			return err
		}
	}
	if err := n.restoreBefore(ctx, from); err != nil {
		return err
	}
	last, told := n.log.Next()-1, time.Now()
	for height := from; height <= last && len(n.tally.pending) < maxPending; height++ {
		if err := n.replay(height, s); err != nil {
			return fmt.Errorf("replay height %d: %w", height, err)
		}
		m, err := n.make(s, n.cfg.Store != nil && (!any || height > done))
		if err != nil {
			return err
		}
		if err := n.restore(ctx, m); err != nil {
			return err
		}
		if time.Since(told) > tellEvery {
			told = time.Now()
			n.cfg.Log.Info("replaying the block log", "height", height, "of", last)
		}
	}
	n.deadline <- n.state.NextDeadline()
	return nil
}

// restoreBefore takes up the blocks before the height that is replayed first: those with certificates are
// final, and the few without are not yet.
func (n *Node) restoreBefore(ctx context.Context, from uint64) error {
	n.tally = newTally(n.spanAt, min(from, n.certificates.next()))
	if certified := n.tally.next; certified > 0 {
		n.final.raise(certified - 1)
		if n.cfg.Store != nil {
			n.projected.raise(certified - 1)
		}
	}
	for height := n.tally.next; height < from; height++ {
		m, err := n.remade(height)
		if err != nil {
			return err
		}
		if err := n.restore(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// restore makes a replayed block final when its certificate is here, or this node's signature is all
// it takes. Otherwise it is left pending for the others. When too many are, the rest of the log is
// read again in the course of Run.
func (n *Node) restore(ctx context.Context, m *made) error {
	if err := n.tally.add(m); err != nil {
		return err
	}
	var err error
	if n.certificates.next() > m.height {
		var note []byte
		if note, err = n.certificates.get(m.height); err == nil {
			err = n.tally.take(certificate{m.height, note})
		}
	} else {
		err = n.vote(m)
	}
	if err != nil {
		return fmt.Errorf("restore height %d: %w", m.height, err)
	}
	for {
		m, err := n.tally.certified()
		if m == nil || err != nil {
			return err
		}
		if err := n.certified(m); err != nil {
			return err
		}
		if m.projection != nil {
			if err := n.cfg.Store.Project(ctx, m.projection); err != nil {
				return fmt.Errorf("project height %d: %w", m.height, err)
			}
		}
		if n.cfg.Store != nil {
			n.projected.raise(m.height)
		}
	}
}

// replay applies one logged block again and compares the header that comes out with the logged one.
func (n *Node) replay(height uint64, s *slot) error {
	rec, header, err := n.record(height)
	if err != nil {
		return err
	}
	if height == 0 {
		if !bytes.Equal(rec.Message, n.cfg.Genesis.Encode()) {
			return fmt.Errorf("the block log is of another network: its genesis hash is %x", ledger.MessageHash(rec.Message))
		}
	} else {
		if err := ledger.DecodeMessage(rec.Message, &s.message); err != nil {
			return err
		}
		verifyAll(s.message.Submissions)
		if err := n.state.Apply(&s.message, &s.block); err != nil {
			return err
		}
	}
	if err := n.learnValidators(); err != nil {
		return err
	}
	if s.block.Header != header {
		return fmt.Errorf("the block comes out as %+v, logged as %+v", s.block.Header, header)
	}
	if err := n.grow(height, s.block.LeafHashes); err != nil {
		return err
	}
	n.position = rec.Position
	return nil
}
