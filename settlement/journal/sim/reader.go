package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"

	"viaduct/settlement/journal"
)

type reader struct {
	s         *Stream
	who       string
	from      uint64 // where it was opened; repeats go back no further
	next      uint64 // what comes next
	seen      uint64 // the highest position that is known to have been there
	delivered uint64 // how many times something was
	closeOnce sync.Once
	closed    chan struct{}
}

// Next implements journal.Reader.
func (r *reader) Next(ctx context.Context) (journal.Message, error) {
	f := r.s.current()
	if int(r.s.draw(drawRepeat, r.who, r.next, r.delivered)%1000) < f.Repeat {
		back := r.s.draw(drawRewind, r.who, r.next, r.delivered)%maxRewind + 1
		r.s.count("a message comes again")
		r.next = max(r.from, r.next-min(back, r.next))
	}
	for {
		_, changed, err := r.peek()
		if err != nil {
			return journal.Message{}, err
		}
		if changed != nil {
			select {
			case <-changed:
			case <-r.closed:
			case <-ctx.Done():
				return journal.Message{}, ctx.Err()
			}
			continue
		}
		// It is there and on its way; what arrives is what is there by then.
		if err := r.s.travel(ctx, r.who, 1, r.delivered); err != nil {
			return journal.Message{}, err
		}
		m, changed, err := r.peek()
		if err != nil {
			return journal.Message{}, err
		}
		if changed == nil {
			r.seen = max(r.seen, r.next)
			r.next++
			r.delivered++
			return m, nil
		}
	}
}

// peek returns the next message, or what to wait for when it is not there.
func (r *reader) peek() (journal.Message, <-chan struct{}, error) {
	select {
	case <-r.closed:
		return journal.Message{}, nil, errors.New("read journal: the reader is closed")
	default:
	}
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	tip := uint64(len(r.s.msgs))
	if tip < r.seen {
		return journal.Message{}, nil, fmt.Errorf("read journal at %d: %w: the tip is at %d", r.next, journal.ErrTruncated, tip)
	}
	if r.next > tip {
		return journal.Message{}, r.s.changed, nil
	}
	return journal.Message{Position: r.next, Data: bytes.Clone(r.s.msgs[r.next-1])}, nil, nil
}

// Close implements journal.Reader.
func (r *reader) Close() error {
	r.closeOnce.Do(func() { close(r.closed) })
	return nil
}
