package settlement

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

const (
	// beatEvery is how often the sequencer says that it is there.
	beatEvery = 500 * time.Millisecond
	// leaseTime is how long a sequencer's word lasts: after it, others stop believing in one they can
	// reach and that does not answer. One that is gone altogether is noticed within beatEvery.
	leaseTime = 3 * time.Second
	// whoTimeout bounds the question who leads.
	whoTimeout = time.Second
)

// beat is what the sequencer says of itself. Of two the one with the higher epoch is right: its first
// message is in the journal, and the other's next one will be refused.
type beat struct {
	Name     string `json:"name"`
	Epoch    uint64 `json:"epoch"`
	Resigned bool   `json:"resigned,omitempty"`
}

// leadership is what a node or client knows of who sequences.
type leadership struct {
	mu    sync.Mutex
	last  beat
	heard time.Time
	// reign ends when another has taken over, or this one resigned.
	reign context.Context
	end   context.CancelFunc
}

func (l *leadership) hear(b beat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.Name == "" || b.Epoch < l.last.Epoch {
		return // an old one that has not noticed yet
	}
	if l.end != nil && (b.Resigned || b.Name != l.last.Name || b.Epoch != l.last.Epoch) {
		l.end()
		l.end = nil
	}
	l.last = b
	if b.Resigned {
		return
	}
	l.heard = time.Now()
	if l.end == nil {
		l.reign, l.end = context.WithCancel(context.Background())
	}
}

// hearBytes reads a beat off the bus; what is not one is nobody's.
func (l *leadership) hearBytes(data []byte) {
	var b beat
	if json.Unmarshal(data, &b) == nil {
		l.hear(b)
	}
}

// current returns who leads by what was heard lately; ok is false when nobody does.
func (l *leadership) current() (b beat, reign context.Context, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil || time.Since(l.heard) > leaseTime {
		return beat{}, nil, false
	}
	return l.last, l.reign, true
}

// quiet returns how long nothing was heard of a sequencer; for ever when there never was one.
func (l *leadership) quiet() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.heard)
}

// forget ends the reign of a sequencer that is known to be gone.
func (l *leadership) forget(b beat) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end != nil && l.last == b {
		l.end()
		l.end, l.heard = nil, time.Time{}
	}
}

// ask asks who leads. Errors: ErrNobody when nobody does; another one when there may be one that does
// not answer.
func (l *leadership) ask(ctx context.Context, bus Bus) error {
	ctx, cancel := context.WithTimeout(ctx, whoTimeout)
	defer cancel()
	data, err := bus.Request(ctx, subjectWhoLeads, nil)
	if err != nil {
		if errors.Is(err, ErrNobody) {
			l.mu.Lock()
			last := l.last
			l.mu.Unlock()
			l.forget(last)
		}
		return err
	}
	l.hearBytes(data)
	return nil
}
