// Package journaltest holds every journal to the promises of package journal. An implementation
// that passes Run can stand in for any other.
package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"viaduct/settlement/journal"
)

// patience is how long a test waits for what must come; it is no measure of speed.
const patience = 30 * time.Second

// Run runs the suite. open makes a new, empty journal for one test; the function it returns gives
// another handle on that journal each time.
func Run(t *testing.T, open func(t *testing.T) (connect func() journal.Journal)) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, context.Context, func() journal.Journal)
	}{
		{"Empty", testEmpty},
		{"AppendThenRead", testAppendThenRead},
		{"Fence", testFence},
		{"ReaderWaits", testReaderWaits},
		{"ReaderStops", testReaderStops},
		{"TooLong", testTooLong},
		{"CancelledAppend", testCancelledAppend},
		{"TwoWriters", testTwoWriters},
		{"Resolve", testResolve},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			tt.test(t, ctx, open(t))
		})
	}
}

func testEmpty(t *testing.T, ctx context.Context, connect func() journal.Journal) {
	j := connect()
	wantTip(t, ctx, j, 0)
	if _, err := j.Read(ctx, 0); err == nil {
		t.Error("reading from position 0 succeeds")
	}
	if _, err := j.Read(ctx, 2); !errors.Is(err, journal.ErrTruncated) {
		t.Errorf("reading an empty journal from 2: %v, want ErrTruncated", err)
	}
}

func testAppendThenRead(t *testing.T, ctx context.Context, connect func() journal.Journal) {
	j := connect()
	const n = 300 // more than a reader pulls at once
	for i := range uint64(n) {
		appendOK(t, ctx, j, i, message(i+1))
	}
	other := connect()
	wantTip(t, ctx, other, n)
	for _, from := range []uint64{1, 2, 150, n} {
		r := read(t, ctx, other, from)
		for want := from; want <= n; want++ {
			m := next(t, ctx, r, want)
			if !bytes.Equal(m.Data, message(want)) {
				t.Fatalf("position %d holds %q", want, m.Data)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := other.Read(ctx, n+2); !errors.Is(err, journal.ErrTruncated) {
		t.Errorf("reading past the end: %v, want ErrTruncated", err)
	}
	// A byte is a byte: nothing in a message has a meaning to the journal.
	odd := []byte("\x00\r\n+OK\r\nNATS/1.0\r\n\r\n\xff")
	appendOK(t, ctx, j, n, odd)
	appendOK(t, ctx, j, n+1, bytes.Repeat([]byte{'x'}, journal.MaxMessage))
	r := read(t, ctx, j, n+1)
	defer r.Close()
	if m := next(t, ctx, r, n+1); !bytes.Equal(m.Data, odd) {
		t.Errorf("wrote %q, read %q", odd, m.Data)
	}
	if m := next(t, ctx, r, n+2); len(m.Data) != journal.MaxMessage {
		t.Errorf("wrote %d bytes, read %d", journal.MaxMessage, len(m.Data))
	}
}

func testFence(t *testing.T, ctx context.Context, connect func() journal.Journal) {
	j := connect()
	for _, after := range []uint64{1, 7} {
		if _, err := j.Append(ctx, after, message(1)); !errors.Is(err, journal.ErrConflict) {
			t.Errorf("append after %d on an empty journal: %v, want ErrConflict", after, err)
		}
	}
	appendOK(t, ctx, j, 0, message(1))
	appendOK(t, ctx, j, 1, message(2))
	for _, after := range []uint64{0, 1, 3, 1 << 40} {
		if _, err := connect().Append(ctx, after, message(9)); !errors.Is(err, journal.ErrConflict) {
			t.Errorf("append after %d with the tip at 2: %v, want ErrConflict", after, err)
		}
	}
	wantTip(t, ctx, j, 2)
	r := read(t, ctx, j, 1)
	defer r.Close()
	for want := uint64(1); want <= 2; want++ {
		if m := next(t, ctx, r, want); !bytes.Equal(m.Data, message(want)) {
			t.Errorf("position %d holds %q", want, m.Data)
		}
	}
}

func testReaderWaits(t *testing.T, ctx context.Context, connect func() journal.Journal) {
	j := connect()
	r := read(t, ctx, j, 1)
	defer r.Close()
	got := make(chan journal.Message)
	go func() {
		defer close(got)
		for want := uint64(1); want <= 3; {
			m, err := r.Next(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			if m.Position == want { // and not one it had already
				got <- m
				want++
			}
		}
	}()
	for i := range uint64(3) {
		appendOK(t, ctx, j, i, message(i+1))
		if m := <-got; m.Position != i+1 || !bytes.Equal(m.Data, message(i+1)) {
			t.Errorf("after append %d the reader has position %d, %q", i+1, m.Position, m.Data)
		}
	}
	for range got { // until the reader has ended
	}
}

func testReaderStops(t *testing.T, ctx context.Context, connect func() journal.Journal) {
	j := connect()
	r := read(t, ctx, j, 1)
	short, cancel := context.WithCancel(ctx)
	stopped := make(chan error)
	go func() {
		_, err := r.Next(short)
		stopped <- err
	}()
	cancel()
	if err := <-stopped; !errors.Is(err, context.Canceled) {
		t.Errorf("Next with its context cancelled: %v", err)
	}
	// A wait that was given up costs nothing: the reader goes on.
	appendOK(t, ctx, j, 0, message(1))
	next(t, ctx, r, 1)
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if m, err := r.Next(ctx); err == nil {
		t.Errorf("a closed reader gives position %d", m.Position)
	}
	if err := r.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func testTooLong(t *testing.T, ctx context.Context, connect func() journal.Journal) {
	j := connect()
	if _, err := j.Append(ctx, 0, make([]byte, journal.MaxMessage+1)); !errors.Is(err, journal.ErrTooLong) {
		t.Errorf("a message over the limit: %v, want ErrTooLong", err)
	}
	wantTip(t, ctx, j, 0)
}

func testCancelledAppend(t *testing.T, ctx context.Context, connect func() journal.Journal) {
	j := connect()
	done, cancel := context.WithCancel(ctx)
	cancel()
	_, err := j.Append(done, 0, message(1))
	if !errors.Is(err, context.Canceled) || errors.Is(err, journal.ErrUnknown) {
		t.Errorf("append with its context already over: %v, want a definite refusal", err)
	}
	wantTip(t, ctx, j, 0)
}

// testTwoWriters lets writers race for every position: each has exactly one winner, every loser
// knows, and what is there is what the winners wrote.
func testTwoWriters(t *testing.T, ctx context.Context, connect func() journal.Journal) {
	const writers, positions = 3, 40
	var mu sync.Mutex
	won := map[uint64][]byte{}
	var wg sync.WaitGroup
	for w := range writers {
		j := connect()
		wg.Go(func() {
			for after := uint64(0); after < positions; {
				msg := fmt.Appendf(nil, "writer %d at %d", w, after+1)
				pos, err := journal.Resolve(ctx, j, after, msg)
				switch {
				case err == nil:
					mu.Lock()
					if other, ok := won[pos]; ok {
						t.Errorf("position %d was given to %q and %q", pos, other, msg)
					}
					won[pos] = msg
					mu.Unlock()
					after = pos
				case errors.Is(err, journal.ErrConflict):
					after++ // somebody was faster, so there is a message
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	r := read(t, ctx, connect(), 1)
	defer r.Close()
	for pos := uint64(1); pos <= positions; pos++ {
		if m := next(t, ctx, r, pos); !bytes.Equal(m.Data, won[pos]) {
			t.Errorf("position %d holds %q, its winner wrote %q", pos, m.Data, won[pos])
		}
	}
	wantTip(t, ctx, connect(), positions)
}

func testResolve(t *testing.T, ctx context.Context, connect func() journal.Journal) {
	j := connect()
	for range 3 { // the second and third time it is there already
		if pos, err := journal.Resolve(ctx, j, 0, message(1)); err != nil || pos != 1 {
			t.Fatalf("Resolve = %d, %v, want 1", pos, err)
		}
	}
	if _, err := journal.Resolve(ctx, j, 0, message(2)); !errors.Is(err, journal.ErrConflict) || errors.Is(err, journal.ErrTruncated) {
		t.Errorf("Resolve of another message at 1: %v, want ErrConflict", err)
	}
	if _, err := journal.Resolve(ctx, j, 5, message(6)); !errors.Is(err, journal.ErrConflict) || !errors.Is(err, journal.ErrTruncated) {
		t.Errorf("Resolve after 5 with the tip at 1: %v, want ErrConflict and ErrTruncated", err)
	}
	wantTip(t, ctx, j, 1)
}

func message(i uint64) []byte { return fmt.Appendf(nil, "message %d", i) }

// appendOK appends through Resolve: a journal with faults needs more than one try.
func appendOK(t *testing.T, ctx context.Context, j journal.Journal, after uint64, msg []byte) {
	t.Helper()
	pos, err := journal.Resolve(ctx, j, after, msg)
	if err != nil || pos != after+1 {
		t.Fatalf("append after %d: position %d, %v", after, pos, err)
	}
}

func read(t *testing.T, ctx context.Context, j journal.Journal, from uint64) journal.Reader {
	t.Helper()
	r, err := j.Read(ctx, from)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// next returns the message at want, over repeats of earlier ones.
func next(t *testing.T, ctx context.Context, r journal.Reader, want uint64) journal.Message {
	t.Helper()
	for {
		m, err := r.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for position %d: %v", want, err)
		}
		if m.Position > want {
			t.Fatalf("position %d comes before %d", m.Position, want)
		}
		if m.Position == want {
			return m
		}
	}
}

func wantTip(t *testing.T, ctx context.Context, j journal.Journal, want uint64) {
	t.Helper()
	if tip, err := j.Tip(ctx); err != nil || tip != want {
		t.Errorf("Tip() = %d, %v, want %d", tip, err, want)
	}
}
