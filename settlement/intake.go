package settlement

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"viaduct/ledger"
	"viaduct/settlement/journal"

	"github.com/nats-io/nats.go"
)

// genesisPosition is where the genesis stands in every journal.
const genesisPosition = 1

// joinJournal makes sure that the journal is this network's and holds everything this node has made
// final, and returns its tip. A journal that lost its tail gets it again, byte for byte.
func (n *Node) joinJournal(ctx context.Context) (tip uint64, err error) {
	if tip, err = n.cfg.Journal.Tip(ctx); err != nil {
		return 0, fmt.Errorf("tip of the journal: %w", err)
	}
	// Back to the last block whose message the journal still has; what is there must be the same.
	last := n.log.Next() - 1
	var missing []record
	for height := last; ; height-- {
		data, err := n.log.Get(height)
		if err != nil {
			return 0, err
		}
		rec, err := decodeRecord(data)
		if err != nil {
			return 0, err
		}
		if rec.Position <= tip {
			if err := n.compare(ctx, rec); err != nil {
				return 0, err
			}
			break
		}
		missing = append(missing, rec)
		if height == 0 {
			break
		}
	}
	if len(missing) > 0 && last > 0 {
		n.cfg.Log.Warn("the journal lost its tail; publishing it again", "blocks", len(missing), "journal tip", tip)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if missing[i].Position != tip+1 {
			return 0, fmt.Errorf("the journal ends at %d and the next block was at %d: what was between is not in the block log", tip, missing[i].Position)
		}
		if tip, err = journal.Resolve(ctx, n.cfg.Journal, tip, missing[i].Message); err != nil {
			return 0, fmt.Errorf("publish a lost message again: %w", err)
		}
	}
	return tip, nil
}

// compare checks that the journal holds at a record's position what the block log holds.
func (n *Node) compare(ctx context.Context, rec record) error {
	r, err := n.cfg.Journal.Read(ctx, rec.Position)
	if err != nil {
		return err
	}
	defer r.Close()
	m, err := r.Next(ctx)
	if err != nil {
		return err
	}
	if m.Position != rec.Position || !bytes.Equal(m.Data, rec.Message) {
		return fmt.Errorf("journal position %d holds another message than the block log: this journal or this data directory is not this network's", rec.Position)
	}
	return nil
}

const (
	// resyncPause keeps a sequencer that lost its place from running in circles.
	resyncPause = 200 * time.Millisecond
	// drainTimeout bounds how long a stop waits for what was accepted.
	drainTimeout = 15 * time.Second
)

// intake answers requests and runs the sequencer until ctx ends, then waits for what was accepted to
// be final and projected. work lives longer than ctx, until all is done.
func (n *Node) intake(ctx, work context.Context, tip uint64) error {
	queue := make(chan waiting, queueLen)
	seq := &sequencer{journal: n.cfg.Journal, queue: queue, deadline: n.deadline, final: n.final, now: n.cfg.Now}
	if err := n.catchUp(work, tip); err != nil {
		return err
	}
	subs, err := n.subscribe(seq)
	if err != nil {
		return err
	}
	for ctx.Err() == nil && work.Err() == nil {
		n.mu.RLock()
		seq.height, seq.epoch, seq.prev, seq.time = n.state.Height(), n.state.Epoch()+1, n.state.LastMessage(), n.state.Time()
		n.mu.RUnlock()
		seq.position = tip
		if err = seq.run(joined(ctx, work)); err == nil {
			break
		}
		// Something was written that this sequencer does not know of, or it can't know. Read the
		// journal to its end and go on from there in a new epoch.
		n.cfg.Log.Error("sequencer lost its place; reading the journal again", "error", err)
		if err = sleep(work, resyncPause); err != nil {
			break
		}
		if tip, err = n.cfg.Journal.Tip(work); err != nil {
			return fmt.Errorf("tip of the journal: %w", err)
		}
		if err = n.catchUp(work, tip); err != nil {
			return err
		}
	}
	for _, sub := range subs {
		err = errors.Join(err, sub.Unsubscribe())
	}
	seq.refuseAll()
	drain, cancel := context.WithTimeout(work, drainTimeout)
	defer cancel()
	return errors.Join(err, n.projected.wait(drain, seq.height))
}

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

// subscribe opens the doors.
func (n *Node) subscribe(seq *sequencer) ([]*nats.Subscription, error) {
	doors := []struct {
		subject string
		answer  func(*nats.Msg)
	}{
		{subjectSubmit, func(m *nats.Msg) {
			if v := seq.offer(m); v != accepted {
				respond(m, encodeVerdict(v, Accepted{}))
			}
		}},
		{subjectQuote, n.answerQuote},
		{subjectReceipt, n.answerReceipt},
		{subjectStatus, n.answerStatus},
	}
	var subs []*nats.Subscription
	for _, d := range doors {
		sub, err := n.cfg.Conn.Subscribe(d.subject, d.answer)
		if err != nil {
			return subs, fmt.Errorf("subscribe to %s: %w", d.subject, err)
		}
		subs = append(subs, sub)
	}
	return subs, n.cfg.Conn.Flush()
}

func (n *Node) announce(height uint64) {
	n.projected.raise(height)
	if err := n.cfg.Conn.Publish(subjectProjected, binary.BigEndian.AppendUint64(nil, height)); err != nil {
		n.cfg.Log.Warn("announce block; clients will ask", "height", height, "error", err)
	}
}

// respond answers a request; an answer that can't be sent is the requester's time-out.
func respond(m *nats.Msg, data []byte) { _ = m.Respond(data) }

// StateHash returns the ledger's height and state hash.
func (n *Node) StateHash() (uint64, ledger.Hash) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state.Height(), n.state.Hash()
}
