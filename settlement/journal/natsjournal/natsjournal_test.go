package natsjournal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"viaduct/settlement/journal"
	"viaduct/settlement/journal/journaltest"
	"viaduct/settlement/natsserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server starts a NATS server in dir for the length of the test, or until stop is called.
func server(t testing.TB, dir string) (s *natsserver.Server, stop func()) {
	t.Helper()
	s, err := natsserver.Start(natsserver.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return s, stop
}

func open(t testing.TB, s *natsserver.Server) *Journal {
	t.Helper()
	nc, err := s.Connect(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	j, err := Open(context.Background(), nc, 1)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestSuite(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) func() journal.Journal {
		s, _ := server(t, t.TempDir())
		return func() journal.Journal { return open(t, s) }
	})
}

func TestJournalSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	for round := range uint64(3) {
		s, stop := server(t, dir)
		nc, err := s.Connect("test")
		if err != nil {
			t.Fatal(err)
		}
		j, err := Open(t.Context(), nc, 1)
		if err != nil {
			t.Fatal(err)
		}
		if tip, err := j.Tip(t.Context()); err != nil || tip != round {
			t.Fatalf("round %d begins with the tip at %d, %v", round, tip, err)
		}
		if _, err := j.Append(t.Context(), round, fmt.Append(nil, "round ", round)); err != nil {
			t.Fatal(err)
		}
		r, err := j.Read(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		for i := range round + 1 {
			if m, err := r.Next(t.Context()); err != nil || string(m.Data) != fmt.Sprint("round ", i) {
				t.Errorf("round %d: position %d reads %q, %v", round, i+1, m.Data, err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		nc.Close()
		stop()
	}
}

func TestStreamCannotBeShortened(t *testing.T) {
	s, _ := server(t, t.TempDir())
	j := open(t, s)
	if _, err := j.Append(t.Context(), 0, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := j.stream.Purge(t.Context()); err == nil {
		t.Error("the stream can be purged")
	}
	if err := j.stream.DeleteMsg(t.Context(), 1); err == nil {
		t.Error("a message can be deleted")
	}
	// The fence holds against a writer that does not know it exists.
	if tip, err := j.Tip(t.Context()); err != nil || tip != 1 {
		t.Errorf("Tip() = %d, %v", tip, err)
	}
}

func TestOpenRefusesAnotherStream(t *testing.T) {
	for want, change := range map[string]func(*jetstream.StreamConfig){
		"subjects":     func(c *jetstream.StreamConfig) { c.Subjects = []string{Subject, "other"} },
		"not stored":   func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"discards":     func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"limits":       func(c *jetstream.StreamConfig) { c.MaxMsgs = 100 },
		"deleted":      func(c *jetstream.StreamConfig) { c.DenyPurge = false },
		"begins at 10": func(c *jetstream.StreamConfig) { c.FirstSeq = 10 },
	} {
		s, _ := server(t, t.TempDir())
		nc, err := s.Connect("test")
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		cfg := streamConfig(1)
		change(&cfg)
		if _, err := js.CreateStream(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		if cfg.FirstSeq > 1 {
			if _, err := js.Publish(t.Context(), Subject, nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(t.Context(), nc, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, want an error with %q", err, want)
		}
	}
}

func TestAppendWithoutServerIsUnknown(t *testing.T) {
	s, stop := server(t, t.TempDir())
	j := open(t, s)
	stop()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := j.Append(ctx, 0, []byte("x")); !errors.Is(err, journal.ErrUnknown) {
		t.Errorf("append to a server that is gone: %v, want ErrUnknown", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 512 << 10} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			s, _ := server(b, b.TempDir())
			j := open(b, s)
			msg := make([]byte, size)
			b.SetBytes(int64(size))
			var tip uint64
			var err error
			for b.Loop() {
				if tip, err = j.Append(context.Background(), tip, msg); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
