// Package natsjournal keeps the journal in a NATS JetStream stream.
//
// A position is the stream's sequence number. The stream is one file-backed stream of one subject
// from which nothing can be deleted, purged or aged out; every publish states the sequence it
// expects to follow, and JetStream refuses it otherwise. Whether an ack means "on disk" is up to the
// server: package natsserver sets it so, a cluster's operator must (sync_interval: always).
package natsjournal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"viaduct/settlement/journal"
)

const (
	// StreamName and Subject are where the journal lives; accounts and exports refer to them.
	StreamName = "VIADUCT_JOURNAL"
	Subject    = "viaduct.journal"

	// pullMessages and pullBytes bound what a reader has in flight. 64 to 200 messages keep the
	// pipe full; with 2,000 of them the server stalls. The bytes bound matters for big batches.
	pullMessages = 128
	pullBytes    = 16 << 20
	// idleCheck is how often a waiting reader looks whether the stream has become shorter.
	idleCheck = 5 * time.Second
	// ackWait is how long an append waits for its answer; one that takes longer is unknown, and the
	// caller looks.
	ackWait = 3 * time.Second
	// readerIdle is when the server forgets a reader that disappeared without closing.
	readerIdle = time.Minute
)

// Journal is the journal in JetStream.
type Journal struct {
	js     jetstream.JetStream
	stream jetstream.Stream
	mu     sync.Mutex // one publish in flight
}

var _ journal.Journal = (*Journal)(nil)

// Open opens the journal over nc, which stays the caller's, and creates the stream with that many
// replicas if it is not there; with 0 it does not, for those who only read. A stream that is there must have the properties above.
func Open(ctx context.Context, nc *nats.Conn, replicas int) (*Journal, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	stream, err := js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) && replicas > 0 {
		stream, err = js.CreateStream(ctx, streamConfig(replicas))
	}
	if err != nil {
		return nil, fmt.Errorf("open journal: stream %s: %w", StreamName, err)
	}
	info := stream.CachedInfo()
	if err := checkStream(info.Config); err != nil {
		return nil, fmt.Errorf("open journal: stream %s: %w", StreamName, err)
	}
	if s := info.State; s.Msgs != 0 && (s.FirstSeq != 1 || s.NumDeleted != 0) {
		return nil, fmt.Errorf("open journal: stream %s begins at %d and lacks %d messages; if this node's block log is whole, move the stream's files away and it is published again from there", StreamName, s.FirstSeq, s.NumDeleted)
	}
	return &Journal{js: js, stream: stream}, nil
}

func streamConfig(replicas int) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:              StreamName,
		Subjects:          []string{Subject},
		Retention:         jetstream.LimitsPolicy,
		Storage:           jetstream.FileStorage,
		Discard:           jetstream.DiscardNew,
		Replicas:          replicas,
		MaxConsumers:      -1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxMsgSize:        -1,
		MaxMsgsPerSubject: -1,
		DenyDelete:        true,
		DenyPurge:         true,
	}
}

// checkStream refuses a stream that could lose or reorder what was written.
func checkStream(c jetstream.StreamConfig) error {
	switch {
	case len(c.Subjects) != 1 || c.Subjects[0] != Subject:
		return fmt.Errorf("subjects are %q, want %q", c.Subjects, Subject)
	case c.Storage != jetstream.FileStorage:
		return errors.New("is not stored in files")
	case c.Retention != jetstream.LimitsPolicy || c.Discard != jetstream.DiscardNew:
		return errors.New("discards messages by itself")
	case c.MaxMsgs > 0 || c.MaxBytes > 0 || c.MaxAge > 0 || c.MaxMsgsPerSubject > 0:
		return errors.New("has limits")
	case !c.DenyDelete || !c.DenyPurge || c.AllowRollup:
		return errors.New("allows messages to be deleted")
	case c.Mirror != nil || len(c.Sources) > 0 || c.SubjectTransform != nil:
		return errors.New("takes messages from elsewhere")
	}
	return nil
}

// Append implements journal.Journal.
func (j *Journal) Append(ctx context.Context, after uint64, msg []byte) (uint64, error) {
	if len(msg) > journal.MaxMessage {
		return 0, fmt.Errorf("%w: %d bytes", journal.ErrTooLong, len(msg))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("append after %d: not sent: %w", after, err)
	}
	ctx, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	ack, err := j.js.Publish(ctx, Subject, msg,
		jetstream.WithExpectStream(StreamName), jetstream.WithExpectLastSequence(after))
	if err != nil {
		return 0, appendError(after, err)
	}
	if ack.Sequence != after+1 {
		// The fence makes this impossible; if it happens the stream is not what we think.
		return 0, fmt.Errorf("%w: acked at %d, want %d", journal.ErrUnknown, ack.Sequence, after+1)
	}
	return ack.Sequence, nil
}

// appendError sorts a failed publish. Only the fence's own answer and errors from before anything
// was sent are definite: a server may fail after it has written.
func appendError(after uint64, err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode {
		case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
			return fmt.Errorf("%w: append after %d: %w", journal.ErrConflict, after, err)
		case jetstream.JSErrCodeStreamMessageExceedsMaximum:
			return fmt.Errorf("%w: append after %d: %w", journal.ErrTooLong, after, err)
		}
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("%w: append after %d: %w", journal.ErrTooLong, after, err)
	}
	return fmt.Errorf("%w: append after %d: %w", journal.ErrUnknown, after, err)
}

// Tip implements journal.Journal; the answer comes from the stream's leader.
func (j *Journal) Tip(ctx context.Context) (uint64, error) {
	info, err := j.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("journal tip: %w", err)
	}
	return info.State.LastSeq, nil
}

// Read implements journal.Journal.
func (j *Journal) Read(ctx context.Context, from uint64) (journal.Reader, error) {
	if from == 0 {
		return nil, errors.New("read journal: positions begin at 1")
	}
	tip, err := j.Tip(ctx)
	if err != nil {
		return nil, fmt.Errorf("read journal from %d: %w", from, err)
	}
	if from > tip+1 {
		return nil, fmt.Errorf("read journal from %d: %w: the tip is at %d", from, journal.ErrTruncated, tip)
	}
	it, err := j.deliver(ctx, from)
	if err != nil {
		return nil, fmt.Errorf("read journal from %d: %w", from, err)
	}
	return &reader{j: j, it: it, next: from}, nil
}

// deliver has the server send the stream from a position on.
func (j *Journal) deliver(ctx context.Context, from uint64) (jetstream.MessagesContext, error) {
	c, err := j.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       from,
		InactiveThreshold: readerIdle,
	})
	if err != nil {
		return nil, err
	}
	return c.Messages(jetstream.PullMaxMessagesWithBytesLimit(pullMessages, pullBytes))
}

type reader struct {
	j    *Journal
	it   jetstream.MessagesContext
	next uint64
}

// Next implements journal.Reader.
func (r *reader) Next(ctx context.Context) (journal.Message, error) {
	for {
		wait, cancel := context.WithTimeout(ctx, idleCheck)
		m, err := r.it.Next(jetstream.NextContext(wait))
		cancel()
		if err == nil {
			return r.take(m)
		}
		if ctx.Err() != nil {
			return journal.Message{}, ctx.Err()
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			return journal.Message{}, fmt.Errorf("read journal at %d: %w", r.next, err)
		}
		// Nothing came for a while. A server that cannot be asked now will be there later, or the
		// iterator above will say that it is gone.
		tip, err := r.j.Tip(ctx)
		switch {
		case err != nil:
		case tip+1 < r.next:
			return journal.Message{}, fmt.Errorf("read journal at %d: %w: the tip is at %d", r.next, journal.ErrTruncated, tip)
		case tip >= r.next:
			// There is more, and it does not come: a consumer may not outlive the server that led it.
			if it, err := r.j.deliver(ctx, r.next); err == nil {
				r.it.Stop()
				r.it = it
			}
		}
	}
}

func (r *reader) take(m jetstream.Msg) (journal.Message, error) {
	meta, err := m.Metadata()
	if err != nil {
		return journal.Message{}, fmt.Errorf("read journal at %d: %w", r.next, err)
	}
	pos := meta.Sequence.Stream
	if pos > r.next {
		return journal.Message{}, fmt.Errorf("read journal at %d: the stream continues at %d", r.next, pos)
	}
	r.next = pos + 1
	return journal.Message{Position: pos, Data: m.Data()}, nil
}

// Close implements journal.Reader.
func (r *reader) Close() error {
	r.it.Stop()
	return nil
}
