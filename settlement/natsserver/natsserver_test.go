package natsserver

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	began := time.Now()
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(began))
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("stopped in %v", time.Since(began))
}

func TestAckedMessagesSurviveARestart(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	const n = 100
	for round := range 2 {
		s := start(t, Config{Dir: dir})
		if got := s.URL(); got != "" {
			t.Errorf("listens on %s without being asked", got)
		}
		if cfg := s.ns.JetStreamConfig(); !cfg.SyncAlways || !strings.HasPrefix(cfg.StoreDir, dir) {
			t.Errorf("JetStream runs with %+v, want SyncAlways under %s", cfg, dir)
		}
		nc, err := s.Connect("test")
		if err != nil {
			t.Fatal(err)
		}
		js, err := jetstream.New(nc)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
		if err != nil {
			t.Fatal(err)
		}
		info, err := stream.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := uint64(round * n); info.State.LastSeq != want {
			t.Errorf("round %d begins with %d messages, want %d", round, info.State.LastSeq, want)
		}
		for range n {
			if _, err := js.Publish(t.Context(), "s", []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		nc.Close()
		stop(t, s)
	}
}

func TestListensOnLoopbackWhenAsked(t *testing.T) {
	s := start(t, Config{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
	defer stop(t, s)
	if !strings.HasPrefix(s.URL(), "nats://127.0.0.1:") {
		t.Fatalf("URL() = %q", s.URL())
	}
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

func TestStartRefuses(t *testing.T) {
	for _, listen := range []string{"0.0.0.0:0", ":4222", "192.0.2.1:4222", "localhost:4222", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536"} {
		if s, err := Start(Config{Dir: t.TempDir(), Listen: listen}); err == nil {
			stop(t, s)
			t.Errorf("Start listening on %q succeeds", listen)
		}
	}
	if s, err := Start(Config{}); err == nil {
		stop(t, s)
		t.Error("Start without a directory succeeds")
	}
}

func TestLogsThroughSlog(t *testing.T) {
	var b bytes.Buffer
	l := logger{slog.New(slog.NewTextHandler(&b, nil))}
	l.Noticef("quiet %d", 1)
	l.Warnf("loud %d", 2)
	l.Errorf("louder %d", 3)
	if got := b.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `level=WARN msg="nats server: loud 2"`) || !strings.Contains(got, "louder 3") {
		t.Errorf("logged %s", got)
	}
}
