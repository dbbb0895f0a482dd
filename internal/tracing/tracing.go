// Package tracing records what a payment went through as OpenTelemetry spans and exports them by OTLP.
//
// It promises: nothing is recorded or sent unless the standard OTEL_ variables ask for it (a nil *Tracer
// is the tracer that is off, and costs a nil check); recording never waits: when the collector is slow or
// away spans are dropped, counted and told in the log; nothing but names, times, ids and numbers that the
// caller gives goes out.
//
// It speaks OTLP over HTTP in its JSON form, with the standard library alone. The SDK and its exporter
// would compile about 200 packages more, gRPC among them, into a program that sends one kind of document
// to one address.
package tracing

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Kind is what a span is to the network; the numbers are OTLP's.
type Kind int

// The kinds of span.
const (
	Internal Kind = 1
	Server   Kind = 2
	Client   Kind = 3
)

// Attribute says something of a span: Text, or Number when there is no text.
type Attribute struct {
	Key    string
	Text   string
	Number int64
}

// Span is something that took time.
type Span struct {
	Context    Context
	Parent     Context // of the same trace; zero for a trace's first span
	Name       string
	Kind       Kind
	Start, End time.Time
	Attributes []Attribute
	Failed     bool
}

// Tracer records spans. A nil Tracer records nothing. It is safe for concurrent use.
type Tracer struct {
	settings
	client  *http.Client
	log     *slog.Logger
	spans   chan Span
	dropped atomic.Int64
	cancel  context.CancelFunc // of requests under way
	closing sync.Once
	stop    chan struct{}
	ended   chan struct{}
}

// Begin returns the context of a new span below parent, or of a new trace when there is no parent. The
// caller gives it back in a Span when it has ended.
func (t *Tracer) Begin(parent Context) Context {
	if t == nil {
		return Context{}
	}
	if parent != (Context{}) {
		c := parent.child()
		if !t.byParent {
			c.sampled = t.takes(c.trace)
		}
		return c
	}
	var c Context
	fill(c.trace[:])
	c.sampled = t.takes(c.trace)
	return c.child()
}

// takes decides about a trace by its id, so that whoever decides decides the same.
func (t *Tracer) takes(trace [16]byte) bool {
	return t.share >= 1 || float64(binary.BigEndian.Uint64(trace[8:])>>1) < t.share*math.MaxInt64
}

// Record takes a span that has ended. It does not wait; what finds no room is dropped.
func (t *Tracer) Record(s Span) {
	if t == nil || !s.Context.sampled {
		return
	}
	select {
	case t.spans <- s:
	default:
		t.dropped.Add(1)
	}
}

// Stage records a span of that name below parent, a traceparent, with the block it was about. It is how
// the settlement engine tells of its work.
func (t *Tracer) Stage(parent, name, node string, height uint64, start, end time.Time) {
	above := Parse(parent)
	if t == nil || !above.sampled {
		return
	}
	t.Record(Span{Context: above.child(), Parent: above, Name: name, Kind: Internal, Start: start, End: end, Attributes: []Attribute{
		{Key: "viaduct.node", Text: node}, {Key: "viaduct.height", Number: int64(height)},
	}})
}

// Close exports what was recorded and stops. It takes no longer than one export may.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	t.closing.Do(func() { close(t.stop) })
	timer := time.AfterFunc(t.timeout, t.cancel)
	defer timer.Stop()
	<-t.ended
	t.cancel()
	t.client.CloseIdleConnections()
	if n := t.dropped.Load(); n > 0 {
		return fmt.Errorf("%d spans were not exported", n)
	}
	return nil
}
