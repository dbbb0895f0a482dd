package settlement

import (
	"context"
	"encoding/binary"
	"strings"
	"sync"
	"time"

	"viaduct/internal/tracing"
)

// subjectTraces carries from the sequencer to all nodes which traced submissions a height has.
const subjectTraces = "viaduct.traces"

// Tracer is told of each stage of a traced submission: what it took, on which node, and for which block.
// The parent is a traceparent. *tracing.Tracer is one.
type Tracer interface {
	Stage(parent, name, node string, height uint64, start, end time.Time)
}

type tracedKey struct{}

// Traced returns a context whose submissions carry a traceparent. It goes beside the submission, never
// into what is hashed, and who does not trace never sees it.
func Traced(ctx context.Context, traceparent string) context.Context {
	if len(traceparent) != tracing.HeaderSize {
		return ctx
	}
	return context.WithValue(ctx, tracedKey{}, traceparent)
}

// withTrace puts the context's traceparent before a submission. A submission begins with the number of
// its form, a traceparent with the digit '0': they can't be taken for one another.
func withTrace(ctx context.Context, submission []byte) []byte {
	trace, _ := ctx.Value(tracedKey{}).(string)
	if trace == "" {
		return submission
	}
	return append([]byte(trace), submission...)
}

// splitTrace takes it off again.
func splitTrace(data []byte) (trace string, submission []byte) {
	if len(data) < tracing.HeaderSize || data[0] != '0' {
		return "", data
	}
	return string(data[:tracing.HeaderSize]), data[tracing.HeaderSize:]
}

// tracedHeights is how many blocks back a node remembers its stages, and which submissions were traced:
// the news may come before the block or after it.
const tracedHeights = 256

// traces tells a tracer of this node's part in traced submissions. A nil traces does nothing.
type traces struct {
	tracer Tracer
	node   string
	bus    Bus

	mu     sync.Mutex
	blocks [tracedHeights]tracedBlock
}

type tracedBlock struct {
	height  uint64
	parents []string
	stages  []stageTime
}

type stageTime struct {
	name       string
	start, end time.Time
}

func newTraces(cfg *Config) *traces {
	if cfg.Tracer == nil {
		return nil
	}
	return &traces{tracer: cfg.Tracer, node: cfg.Name, bus: cfg.Bus}
}

// at returns what is known of a height. t.mu is held.
func (t *traces) at(height uint64) *tracedBlock {
	b := &t.blocks[height%tracedHeights]
	if b.height != height {
		*b = tracedBlock{height: height}
	}
	return b
}

// stage notes a stage of a block and tells of it, now or when it is known who traces the block.
func (t *traces) stage(name string, height uint64, start time.Time) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.at(height)
	s := stageTime{name, start, time.Now()}
	b.stages = append(b.stages, s)
	for _, parent := range b.parents {
		t.tracer.Stage(parent, s.name, t.node, height, s.start, s.end)
	}
}

// announce tells all nodes which traced submissions a height is about to have. What is lost on the way
// costs spans.
func (t *traces) announce(height uint64, batch []waiting) {
	if t == nil {
		return
	}
	var parents []byte
	for i := range batch {
		parents = append(parents, batch[i].trace...)
	}
	if len(parents) > 0 {
		_ = t.bus.Publish(subjectTraces, append(binary.BigEndian.AppendUint64(nil, height), parents...))
	}
}

// ordered tells of one message's append.
func (t *traces) ordered(height uint64, batch []waiting, start time.Time) {
	if t == nil {
		return
	}
	end := time.Now()
	for i := range batch {
		if batch[i].trace != "" {
			t.tracer.Stage(batch[i].trace, "ordered", t.node, height, start, end)
		}
	}
}

// hear takes in an announcement. What is no list of traceparents, or of a height long past, is left.
func (t *traces) hear(data []byte, _ func([]byte)) {
	if len(data) < 8 || (len(data)-8)%tracing.HeaderSize != 0 {
		return
	}
	height, text := binary.BigEndian.Uint64(data), string(data[8:])
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := &t.blocks[height%tracedHeights]; b.height > height {
		return
	}
	b := t.at(height)
	for ; text != ""; text = text[tracing.HeaderSize:] {
		parent := strings.Clone(text[:tracing.HeaderSize])
		if !tracing.Parse(parent).Sampled() {
			continue
		}
		b.parents = append(b.parents, parent)
		for _, s := range b.stages {
			t.tracer.Stage(parent, s.name, t.node, height, s.start, s.end)
		}
	}
}

// listen hears announcements until ctx ends.
func (t *traces) listen(ctx context.Context) error {
	if t == nil {
		return nil
	}
	cancel, err := t.bus.Subscribe(subjectTraces, t.hear)
	if err != nil {
		return err
	}
	<-ctx.Done()
	return cancel()
}
