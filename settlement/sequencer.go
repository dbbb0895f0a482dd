package settlement

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"viaduct/ledger"
	"viaduct/settlement/journal"
)

const (
	// queueLen bounds the submissions that wait for the message under way; past it they are refused
	// as unavailable, so that latency is bounded.
	queueLen = 8192
	// batchBytes bounds what is packed behind the first submission of a message.
	batchBytes = 512 << 10
	// maxAhead bounds how many messages the journal may be ahead of the final height, so that a slow
	// validator or projector refuses work instead of piling it up.
	maxAhead = 64
	// appendTimeout bounds one append, its repeats included.
	appendTimeout = 15 * time.Second
)

// waiting is a submission that waits for its message.
type waiting struct {
	data  []byte
	count int
	reply func([]byte)
	trace string // a traceparent; "" for none
}

// sequencer puts what waits into journal messages, one at a time: the batch grows with the load.
type sequencer struct {
	journal  journal.Journal
	queue    chan waiting
	deadline <-chan int64 // ledger deadlines, newest last
	final    *watermark
	now      func() time.Time
	observe  func(stage string, since time.Time)
	traces   *traces

	height   uint64 // of the last message
	epoch    uint64
	prev     ledger.Hash
	time     int64
	position uint64
	gate     sync.RWMutex
	closed   bool     // nobody reads the queue any more
	carried  *waiting // taken from the queue but too much for the last message
}

// offer takes a submission in, or refuses it at once.
func (s *sequencer) offer(data []byte, reply func([]byte)) verdict {
	trace, data := splitTrace(data)
	var sub ledger.Submission
	if err := ledger.DecodeSubmission(data, &sub); err != nil {
		return malformed
	}
	s.gate.RLock()
	defer s.gate.RUnlock()
	if s.closed {
		return unavailable
	}
	select {
	case s.queue <- waiting{data, len(sub.Entries), reply, trace}:
		return accepted
	default:
		return unavailable
	}
}

// run publishes until ctx ends or the journal refuses. It never goes on after an error: whether a
// message landed is found out by reading the journal before the next reign.
func (s *sequencer) run(ctx context.Context) error {
	tick := time.NewTimer(time.Hour)
	defer tick.Stop()
	var due int64
	for {
		if ctx.Err() != nil {
			return nil
		}
		var first waiting
		if s.carried != nil {
			first, s.carried = *s.carried, nil
		} else {
			select {
			case <-ctx.Done():
				return nil
			case first = <-s.queue:
			case due = <-s.deadline:
				tick.Reset(time.Until(s.clock(due)))
				continue
			case <-tick.C:
				if due == 0 || s.now().UnixMilli() < due {
					continue
				}
				due = 0
			}
		}
		if err := s.publish(ctx, first); err != nil {
			return err
		}
	}
}

// clock turns a ledger deadline into a time to wake up at; 0 means none.
func (s *sequencer) clock(due int64) time.Time {
	if due == 0 {
		return time.Now().Add(time.Hour)
	}
	return time.Now().Add(time.UnixMilli(due).Sub(s.now()))
}

func (s *sequencer) publish(ctx context.Context, first waiting) error {
	batch := s.gather(first)
	if s.height >= maxAhead {
		if err := s.final.wait(ctx, s.height-maxAhead); err != nil {
			answer(batch, unavailable, Accepted{})
			return nil
		}
	}
	at := max(s.time, s.now().UnixMilli())
	bodies := make([][]byte, len(batch))
	for i := range batch {
		bodies[i] = batch[i].data
	}
	msg := ledger.EncodeMessage(nil, s.height+1, s.epoch, s.prev, at, bodies)
	// The append is not cut short by a shutdown: an answer that is on its way is waited for.
	appendCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	start := time.Now()
	s.traces.announce(s.height+1, batch)
	position, err := journal.Resolve(appendCtx, s.journal, s.position, msg)
	if err != nil {
		v := unavailable
		// A journal that lost its tail may get it back, and then take what is on its way.
		if errors.Is(err, journal.ErrUnknown) || errors.Is(err, journal.ErrTruncated) {
			v = unknown
		}
		answer(batch, v, Accepted{})
		return fmt.Errorf("publish height %d: %w", s.height+1, err)
	}
	s.observe("ordered", start)
	s.traces.ordered(s.height+1, batch, start)
	s.height, s.time, s.position, s.prev = s.height+1, at, position, ledger.MessageHash(msg)
	answer(batch, accepted, Accepted{Height: s.height, Message: s.prev})
	return nil
}

// gather packs what waits behind first, up to a message's bounds; an empty first is a tick.
func (s *sequencer) gather(first waiting) []waiting {
	var batch []waiting
	count, size := 0, 0
	add := func(w waiting) bool {
		if count+w.count > ledger.MaxMessageInstructions || size > 0 && size+len(w.data) > batchBytes {
			s.carried = &w
			return false
		}
		count, size, batch = count+w.count, size+len(w.data), append(batch, w)
		return true
	}
	if first.data != nil && !add(first) {
		return batch
	}
	for {
		select {
		case w := <-s.queue:
			if !add(w) {
				return batch
			}
		default:
			return batch
		}
	}
}

// answer tells each submission of a batch what became of it.
func answer(batch []waiting, v verdict, a Accepted) {
	for i := range batch {
		batch[i].reply(encodeVerdict(v, a))
		a.First += batch[i].count
	}
}

// refuseAll answers what still waits when the sequencer stops: none of it was published.
func (s *sequencer) refuseAll() {
	s.gate.Lock()
	s.closed = true
	s.gate.Unlock()
	if s.carried != nil {
		answer([]waiting{*s.carried}, unavailable, Accepted{})
		s.carried = nil
	}
	for {
		select {
		case w := <-s.queue:
			answer([]waiting{w}, unavailable, Accepted{})
		default:
			return
		}
	}
}
