// Package sim keeps a journal in memory and makes it misbehave as a seed says.
//
// It loses acknowledgements and messages, lets messages arrive after their writer gave up, delivers
// late and again, and loses its tail. What it never does is break the promises of package journal:
// whatever a test finds wrong on it is the tested code's fault.
//
// Each fault is decided by the seed, the client's name, the position and how often that client tried
// there, not by one shared sequence of random numbers: two goroutines that run in another order meet
// the same faults. With a Latency no two operations meet at one instant either, and since time is the
// time package's, a run inside testing/synctest is exact: a failing seed fails again, in no time.
package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"sync"
	"time"

	"viaduct/settlement/journal"
)

// Faults says how many operations of 1,000 go wrong in each way. The zero Faults is a journal that
// works.
type Faults struct {
	LostWrite int // an append is not written; its writer gets ErrUnknown
	LateWrite int // an append is written later, if the tip is still there; its writer has ErrUnknown
	LostAck   int // an append is written; its writer gets ErrUnknown
	Late      int // an operation takes up to MaxDelay
	Repeat    int // a delivery goes back by up to maxRewind messages

	Latency  time.Duration // each operation takes up to this
	MaxDelay time.Duration // of what is late
	AckWait  time.Duration // how long a writer waits before it has ErrUnknown
}

// maxRewind bounds how far a reader's deliveries go back.
const maxRewind = 8

// Kinds of decisions; each draws its own numbers.
const (
	drawAppend = iota
	drawLatency
	drawLate
	drawRepeat
	drawRewind
)

// Stream is the simulated server side: the messages, shared by all clients.
type Stream struct {
	seed uint64

	mu      sync.Mutex
	faults  Faults
	msgs    [][]byte
	changed chan struct{} // closed and replaced whenever msgs changes
	counts  map[string]int
}

// New returns an empty stream whose faults come from seed.
func New(seed uint64, faults Faults) *Stream {
	return &Stream{seed: seed, faults: faults, changed: make(chan struct{}), counts: map[string]int{}}
}

// Happened returns how often each fault struck.
func (s *Stream) Happened() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

func (s *Stream) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
}

// SetFaults changes what goes wrong from now on; writes that are under way still arrive late.
func (s *Stream) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = f
}

// Truncate loses everything after tip, as a server does that acknowledged what its disk did not
// have yet. It returns how many messages are gone.
func (s *Stream) Truncate(tip uint64) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := len(s.msgs) - int(min(tip, uint64(len(s.msgs))))
	s.msgs = s.msgs[: len(s.msgs)-lost : len(s.msgs)-lost]
	s.wake()
	return lost
}

// Client returns the journal as the node of that name sees it.
func (s *Stream) Client(name string) *Client {
	return &Client{s: s, name: name, tries: map[uint64]uint64{}, readers: map[uint64]uint64{}}
}

// wake tells waiting readers to look again. The lock is held.
func (s *Stream) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Stream) land(after uint64, msg []byte) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tip := uint64(len(s.msgs))
	if tip != after {
		s.counts["an append is refused"]++
		return 0, fmt.Errorf("%w: append after %d, the tip is at %d", journal.ErrConflict, after, tip)
	}
	s.msgs = append(s.msgs, msg)
	s.wake()
	return tip + 1, nil
}

func (s *Stream) tip() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(len(s.msgs))
}

func (s *Stream) current() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// draw returns a number that depends on the seed and the arguments alone.
func (s *Stream) draw(kind int, who string, a, b uint64) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%d/%s/%d/%d", s.seed, kind, who, a, b)
	// FNV's high bits hardly move for short inputs; mix them (the finalizer of splitmix64).
	x := h.Sum64()
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// travel is the time that an operation of who takes to get to the server, or its answer back: a and b tell it
// from who's others.
func (s *Stream) travel(ctx context.Context, who string, a, b uint64) error {
	f := s.current()
	d := fraction(s.draw(drawLatency, who, a, b), f.Latency)
	if x := s.draw(drawLate, who, a, b); int(x%1000) < f.Late {
		s.count("late")
		d += fraction(x/1000, f.MaxDelay)
	}
	if d == 0 {
		return ctx.Err()
	}
	return wait(ctx, d)
}

// fraction makes a duration of 1 ns to limit from a drawn number, 0 when there is no limit.
func fraction(x uint64, limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return time.Duration(x%uint64(limit)) + 1
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Client is one node's view of the stream.
type Client struct {
	s    *Stream
	name string

	mu      sync.Mutex
	tries   map[uint64]uint64 // appends so far, by the position they wanted to follow
	tips    uint64            // questions for the tip so far
	readers map[uint64]uint64 // so far, by the position they began at
}

var _ journal.Journal = (*Client)(nil)

// Append implements journal.Journal.
func (c *Client) Append(ctx context.Context, after uint64, msg []byte) (uint64, error) {
	if len(msg) > journal.MaxMessage {
		return 0, fmt.Errorf("%w: %d bytes", journal.ErrTooLong, len(msg))
	}
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append after %d: not sent: %w", after, err)
	}
	msg = bytes.Clone(msg)
	c.mu.Lock()
	c.tries[after]++
	try := c.tries[after]
	c.mu.Unlock()

	if err := c.s.travel(ctx, c.name+" appends", after, try); err != nil {
		return 0, fmt.Errorf("%w: append after %d: %w", journal.ErrUnknown, after, err)
	}
	f := c.s.current()
	x := c.s.draw(drawAppend, c.name, after, try)
	switch n := int(x % 1000); {
	case n < f.LostWrite:
		c.s.count("an append is lost")
		return 0, c.giveUp(ctx, f, after)
	case n < f.LostWrite+f.LateWrite:
		c.s.count("an append comes late")
		time.AfterFunc(fraction(x/1000, f.MaxDelay), func() { _, _ = c.s.land(after, msg) }) // nobody waits for the answer
		return 0, c.giveUp(ctx, f, after)
	case n < f.LostWrite+f.LateWrite+f.LostAck:
		c.s.count("an append is not answered")
		_, _ = c.s.land(after, msg) // this answer is the one that gets lost
		return 0, c.giveUp(ctx, f, after)
	}
	pos, err := c.s.land(after, msg)
	if back := c.s.travel(ctx, c.name+" appended", after, try); back != nil { // the answer was under way when the writer gave up
		return 0, fmt.Errorf("%w: append after %d: %w", journal.ErrUnknown, after, back)
	}
	return pos, err
}

// giveUp is a writer's wait for an answer that does not come.
func (c *Client) giveUp(ctx context.Context, f Faults, after uint64) error {
	err := wait(ctx, f.AckWait)
	if err == nil {
		err = errors.New("no answer")
	}
	return fmt.Errorf("%w: append after %d: %w", journal.ErrUnknown, after, err)
}

// Tip implements journal.Journal.
func (c *Client) Tip(ctx context.Context) (uint64, error) {
	c.mu.Lock()
	c.tips++
	n := c.tips
	c.mu.Unlock()
	if err := c.s.travel(ctx, c.name+" asks", n, 0); err != nil {
		return 0, fmt.Errorf("journal tip: %w", err)
	}
	return c.s.tip(), nil
}

// Read implements journal.Journal.
func (c *Client) Read(ctx context.Context, from uint64) (journal.Reader, error) {
	if from == 0 {
		return nil, errors.New("read journal: positions begin at 1")
	}
	c.mu.Lock()
	c.readers[from]++
	who := fmt.Sprintf("%s reader %d of %d", c.name, c.readers[from], from)
	c.mu.Unlock()
	if err := c.s.travel(ctx, who, 0, 0); err != nil {
		return nil, fmt.Errorf("read journal from %d: %w", from, err)
	}
	if tip := c.s.tip(); from > tip+1 {
		return nil, fmt.Errorf("read journal from %d: %w: the tip is at %d", from, journal.ErrTruncated, tip)
	}
	return &reader{s: c.s, who: who, from: from, next: from, seen: from - 1, closed: make(chan struct{})}, nil
}
