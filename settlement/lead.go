package settlement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"viaduct/ledger"
)

// errDeposed says that another node has taken the lease.
var errDeposed = errors.New("another node has taken over")

// resyncPause keeps a sequencer that lost its place from running in circles.
const resyncPause = 200 * time.Millisecond

// lead stands by until nobody sequences, takes over, sequences until it loses its place, and stands by
// again, until ctx ends. work lives longer than ctx, until all is done.
//
// The lease is a matter of good order, not of safety: whoever leads begins with a message of a new
// epoch behind the journal's last one, and from then on the journal refuses what an older one appends,
// since it does not know of that message.
func (n *Node) lead(ctx, work context.Context) error {
	cancel, err := n.cfg.Bus.Subscribe(subjectLeader, func(data []byte, _ func([]byte)) { n.leaders.hearBytes(data) })
	if err != nil {
		return err
	}
	both := joined(ctx, work)
	for both.Err() == nil {
		if n.standBy(both) != nil {
			break
		}
		seq, err := n.takeOver(both)
		if err != nil && both.Err() != nil {
			break // stopped before it led: nothing of its own is left to end
		}
		if err == nil {
			err = n.reign(ctx, work, seq)
		}
		if both.Err() == nil {
			n.cfg.Log.Warn("not the sequencer; standing by", "error", err)
			_ = sleep(both, resyncPause)
		} else if err != nil {
			return errors.Join(err, cancel())
		}
	}
	return cancel()
}

// standBy returns when nobody sequences, as far as can be known: the last one resigned, nobody answers
// to its name, or it was silent for the length of the lease. An error is ctx's.
func (n *Node) standBy(ctx context.Context) error {
	for {
		pause := beatEvery
		if n.leaders.quiet() > 2*beatEvery {
			switch err := n.leaders.ask(ctx, n.cfg.Bus); {
			case ctx.Err() != nil:
				return ctx.Err()
			case errors.Is(err, ErrNobody), err != nil && n.leaders.quiet() > leaseTime:
				return nil
			case err != nil:
				pause = beatEvery / 5
			}
		} else if _, _, ok := n.leaders.current(); !ok {
			return nil // it resigned
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// takeOver publishes the first message of a new epoch. Of several candidates one succeeds. An append
// whose fate is unknown is a failure: the epoch is nobody's then, and the next attempt takes another.
func (n *Node) takeOver(ctx context.Context) (*sequencer, error) {
	tip, err := n.cfg.Journal.Tip(ctx)
	if err != nil {
		return nil, fmt.Errorf("take over: %w", err)
	}
	if err := n.nothingLost(ctx, tip, n.unfinished()); err != nil {
		return nil, fmt.Errorf("take over: %w", err)
	}
	if err := n.catchUp(ctx, tip); err != nil {
		return nil, err
	}
	seq := &sequencer{
		journal: n.cfg.Journal, queue: make(chan waiting, queueLen), deadline: n.deadline, final: n.final, now: n.cfg.Now, observe: n.cfg.observe, traces: n.traces,
	}
	n.mu.RLock()
	seq.height, seq.epoch, seq.prev, seq.time = n.state.Height()+1, n.state.Epoch()+1, n.state.LastMessage(), n.state.Time()
	n.mu.RUnlock()
	seq.time = max(seq.time, n.cfg.Now().UnixMilli())
	msg := ledger.EncodeMessage(nil, seq.height, seq.epoch, seq.prev, seq.time, nil)
	timed, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	if seq.position, err = n.cfg.Journal.Append(timed, tip, msg); err != nil {
		return nil, fmt.Errorf("take over: %w", err)
	}
	seq.prev = ledger.MessageHash(msg)
	return seq, n.catchUp(ctx, seq.position)
}

// reign sequences until ctx ends, when it returns nil after what was accepted is final and projected,
// or until this node has lost its place.
func (n *Node) reign(ctx, work context.Context, seq *sequencer) error {
	n.cfg.Log.Info("sequencing", "epoch", seq.epoch, "height", seq.height)
	lead, depose := context.WithCancel(joined(ctx, work))
	defer depose()
	me := beat{Name: n.cfg.Name, Epoch: seq.epoch}
	closeDoors, err := n.openDoors(seq, me)
	if err != nil {
		return errors.Join(err, closeDoors())
	}
	var beating sync.WaitGroup
	beating.Go(func() { n.beat(lead, depose, me) })
	err = seq.run(lead)
	depose()
	beating.Wait()
	err = errors.Join(err, closeDoors())
	seq.refuseAll()
	if ctx.Err() == nil {
		n.leaders.forget(me)
		if err == nil {
			err = errDeposed
		}
		return fmt.Errorf("epoch %d: %w", seq.epoch, err)
	}
	me.Resigned = true
	if said := n.cfg.Bus.Publish(subjectLeader, me.encode()); said != nil {
		return errors.Join(err, fmt.Errorf("resign: %w", said)) // cut off, this node would wait in vain
	}
	drain, cancel := context.WithTimeout(work, drainTimeout)
	defer cancel()
	done := n.final
	if n.cfg.Store != nil {
		done = n.projected
	}
	if drained := done.wait(drain, seq.height); drained != nil {
		n.cfg.Log.Warn("stopping before all that was accepted is final; it will be when the network goes on", "height", seq.height, "error", drained)
	}
	return err
}

// beat says who leads until ctx ends, and deposes this node when it sees a higher epoch.
func (n *Node) beat(ctx context.Context, depose func(), me beat) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		n.leaders.hear(me)
		if err := n.cfg.Bus.Publish(subjectLeader, me.encode()); err != nil {
			n.cfg.Log.Warn("tell who sequences", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		n.mu.RLock()
		epoch := n.state.Epoch()
		n.mu.RUnlock()
		if other, _, ok := n.leaders.current(); epoch > me.Epoch || ok && other.Epoch > me.Epoch {
			depose()
			return
		}
	}
}

func (b beat) encode() []byte {
	data, err := json.Marshal(b)
	if err != nil {
		panic(err) // strings and numbers
	}
	return data
}

// openDoors lets clients in. The function it returns closes what was opened.
func (n *Node) openDoors(seq *sequencer, me beat) (closeDoors func() error, err error) {
	var open []func() error
	closeDoors = func() error {
		var errs []error
		for _, cancel := range open {
			errs = append(errs, cancel())
		}
		return errors.Join(errs...)
	}
	for _, d := range []struct {
		subject string
		answer  func(data []byte, reply func([]byte))
	}{
		{doorOf(n.cfg.Name, doorSubmit), func(data []byte, reply func([]byte)) {
			if v := seq.offer(data, reply); v != accepted {
				reply(encodeVerdict(v, Accepted{}))
			}
		}},
		{doorOf(n.cfg.Name, doorQuote), n.answerQuote},
		{doorOf(n.cfg.Name, doorReceipt), n.answerReceipt},
		{doorOf(n.cfg.Name, doorStatus), n.answerStatus},
		{doorOf(n.cfg.Name, doorCheckpoint), n.answerCheckpoint},
		{subjectWhoLeads, func(_ []byte, reply func([]byte)) { reply(me.encode()) }},
	} {
		cancel, err := n.cfg.Bus.Subscribe(d.subject, d.answer)
		if err != nil {
			return closeDoors, err
		}
		open = append(open, cancel)
	}
	return closeDoors, nil
}
