package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"viaduct/settlement/journal"
	"viaduct/settlement/journal/journaltest"
)

// bad is a journal on a bad day; a third of all appends leave their writer without an answer.
var bad = Faults{
	LostWrite: 100, LateWrite: 100, LostAck: 150, Late: 200, Repeat: 200,
	Latency: 10 * time.Millisecond, MaxDelay: 3 * time.Second, AckWait: time.Second,
}

func TestSuiteWithoutFaults(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) func() journal.Journal {
		return connect(New(1, Faults{}))
	})
}

func TestSuiteWithFaults(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			journaltest.Run(t, func(t *testing.T) func() journal.Journal {
				// The suite's tests of a definite refusal need an answer: only reads and answers
				// are late here. TestWritersAgreeUnderFaults has the rest.
				return connect(New(seed, Faults{Late: 20, Repeat: bad.Repeat, MaxDelay: time.Millisecond}))
			})
		})
	}
}

func connect(s *Stream) func() journal.Journal {
	n := 0
	return func() journal.Journal {
		n++
		return s.Client(fmt.Sprintf("client %d", n))
	}
}

// run lets three writers race through a stream with every fault and returns what is on it and what
// each writer believes it wrote, as one text.
func run(t *testing.T, seed uint64) string {
	var history string
	synctest.Test(t, func(t *testing.T) {
		s := New(seed, bad)
		const positions = 30
		var believed [3]map[uint64]string
		done := make(chan struct{})
		for w := range believed {
			believed[w] = map[uint64]string{}
			c := s.Client(fmt.Sprint("writer ", w))
			go func() {
				defer func() { done <- struct{}{} }()
				for after := uint64(0); after < positions; {
					msg := fmt.Sprintf("writer %d at %d", w, after+1)
					pos, err := journal.Resolve(t.Context(), c, after, []byte(msg))
					switch {
					case err == nil:
						believed[w][pos] = msg
						after = pos
					case errors.Is(err, journal.ErrTruncated):
						t.Errorf("seed %d: %v", seed, err)
						return
					case errors.Is(err, journal.ErrConflict):
						after++
					case !errors.Is(err, journal.ErrUnknown):
						t.Errorf("seed %d: %v", seed, err)
						return
					}
				}
			}()
		}
		for range believed {
			<-done
		}
		time.Sleep(2 * bad.MaxDelay) // what is late arrives, and changes nothing that was believed
		s.SetFaults(Faults{})
		there := readAll(t, s.Client("reader"))
		for w, b := range believed {
			for pos, msg := range b {
				if there[pos-1] != msg {
					t.Errorf("seed %d: writer %d believes in %q, position %d holds %q", seed, w, msg, pos, there[pos-1])
				}
			}
		}
		history = fmt.Sprint(there, believed, time.Now())
	})
	return history
}

func TestWritersAgreeUnderFaults(t *testing.T) {
	for seed := range uint64(200) {
		run(t, seed)
	}
}

func TestSameSeedSameHistory(t *testing.T) {
	for seed := range uint64(20) {
		if a, b := run(t, seed), run(t, seed); a != b {
			t.Errorf("seed %d gives\n%s\nand\n%s", seed, a, b)
		}
	}
	if run(t, 1) == run(t, 2) {
		t.Error("seeds 1 and 2 give the same history")
	}
}

func TestEveryFaultHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(7, bad)
		c := s.Client("writer")
		var unknownGone, unknownThere, late int
		for after := uint64(0); after < 200; {
			_, err := c.Append(t.Context(), after, fmt.Append(nil, after))
			tip, terr := c.Tip(t.Context())
			if terr != nil {
				t.Fatal(terr)
			}
			if errors.Is(err, journal.ErrUnknown) {
				time.Sleep(bad.MaxDelay)
				settled, _ := c.Tip(t.Context())
				switch {
				case settled > tip:
					late++
				case tip == after:
					unknownGone++
				default:
					unknownThere++
				}
				tip = settled
			} else if err != nil {
				t.Fatal(err)
			}
			after = tip
		}
		repeats := 0
		r, err := c.Read(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for last := uint64(0); last < 200; {
			m, err := r.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if m.Position > last+1 {
				t.Fatalf("position %d after %d", m.Position, last)
			}
			if m.Position <= last {
				repeats++
			}
			last = max(last, m.Position)
		}
		if unknownGone == 0 || unknownThere == 0 || late == 0 || repeats == 0 {
			t.Errorf("lost writes %d, lost acks %d, late writes %d, repeats %d: want some of each", unknownGone, unknownThere, late, repeats)
		}
	})
}

func TestTruncate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(1, Faults{})
		c := s.Client("a")
		for i := range uint64(5) {
			if _, err := c.Append(t.Context(), i, []byte{byte(i)}); err != nil {
				t.Fatal(err)
			}
		}
		ahead, behind := reading(t, c, 5), reading(t, c, 2)
		fresh, err := c.Read(t.Context(), 6) // and has read nothing yet
		if err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error)
		for _, r := range []journal.Reader{ahead, fresh} {
			go func() {
				_, err := r.Next(t.Context())
				waiting <- err
			}()
		}
		synctest.Wait()
		if lost := s.Truncate(3); lost != 2 {
			t.Errorf("Truncate(3) of 5 lost %d", lost)
		}
		for range 2 {
			if err := <-waiting; !errors.Is(err, journal.ErrTruncated) {
				t.Errorf("a reader that waits past the new end: %v, want ErrTruncated", err)
			}
		}
		if m, err := behind.Next(t.Context()); err != nil || m.Position != 3 {
			t.Errorf("a reader before the new end: %d, %v", m.Position, err)
		}
		if _, err := c.Append(t.Context(), 5, nil); !errors.Is(err, journal.ErrConflict) {
			t.Errorf("append after the lost tail: %v, want ErrConflict", err)
		}
		if pos, err := c.Append(t.Context(), 3, []byte("new")); err != nil || pos != 4 {
			t.Errorf("append after the truncation: %d, %v", pos, err)
		}
		if m, err := behind.Next(t.Context()); err != nil || string(m.Data) != "new" {
			t.Errorf("the rewritten position reads %q, %v", m.Data, err)
		}
		if lost := s.Truncate(9); lost != 0 {
			t.Errorf("Truncate past the end lost %d", lost)
		}
	})
}

func TestResolveGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(1, Faults{LostWrite: 1000, AckWait: time.Second}).Client("a")
		if _, err := journal.Resolve(t.Context(), c, 0, []byte("x")); !errors.Is(err, journal.ErrUnknown) {
			t.Errorf("Resolve on a journal that swallows everything: %v, want ErrUnknown", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if _, err := journal.Resolve(ctx, c, 0, []byte("x")); !errors.Is(err, journal.ErrUnknown) {
			t.Errorf("Resolve with its context ending meanwhile: %v, want ErrUnknown", err)
		}
	})
}

// reading returns a reader that has read position at.
func reading(t *testing.T, c *Client, at uint64) journal.Reader {
	t.Helper()
	r, err := c.Read(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := r.Next(t.Context()); err != nil || m.Position != at {
		t.Fatalf("reading at %d: %d, %v", at, m.Position, err)
	}
	return r
}

func readAll(t *testing.T, c *Client) []string {
	t.Helper()
	tip, err := c.Tip(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Read(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var out []string
	for range tip {
		m, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(m.Data))
	}
	return slices.Clip(out)
}
