// Package journal says what the settlement engine needs of the one totally ordered, durable stream
// of messages that everything else is derived from.
//
// Positions count from 1 without gaps. A message is appended behind a stated position or not at all:
// of two writers that believe in the same tip one succeeds and the other learns it (ErrConflict), so
// a sequencer that was replaced without noticing fails loudly. A writer may also learn nothing
// (ErrUnknown): the message may be there, may never be, or may still arrive; Resolve finds out.
//
// What was acknowledged is there for every reader, in the same order, with one exception this
// package does not hide: a journal that lost disks can come back shorter (ErrTruncated). A journal
// knows nothing of what its messages say.
//
// Package natsjournal keeps a journal in NATS JetStream, package sim in memory with seeded faults;
// package journaltest holds both to this page.
package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// MaxMessage is the longest message in bytes: what a NATS server with default settings takes
// (1 MiB), less room for headers.
const MaxMessage = 1<<20 - 4096

// Errors of a journal; callers match with errors.Is. Another error of Append (its context had ended
// before anything was sent) means that nothing was written.
var (
	// ErrConflict refuses an append because the tip is not where the caller said. This call wrote
	// nothing; an earlier one with the same bytes may have.
	ErrConflict = errors.New("journal: the tip is elsewhere")
	// ErrUnknown says that the append may or may not have happened, or may still happen.
	ErrUnknown = errors.New("journal: unknown whether the message was written")
	// ErrTruncated says that the journal ends before a position that the caller has seen.
	ErrTruncated = errors.New("journal: shorter than it was")
	// ErrTooLong refuses a message over MaxMessage; nothing was written.
	ErrTooLong = errors.New("journal: message too long")
)

// Message is a message and where it stands.
type Message struct {
	Position uint64
	Data     []byte // the reader's to keep, not to change
}

// Journal is the stream. Its methods may be called from several goroutines.
type Journal interface {
	// Append writes msg at position after+1 if the tip is at after, and returns the new position
	// once the message is on disk. Errors: ErrConflict, ErrUnknown, ErrTooLong.
	Append(ctx context.Context, after uint64, msg []byte) (uint64, error)
	// Read opens a reader whose first message is the one at position from, at least 1, which may be
	// the next one to be written. Further on it returns ErrTruncated.
	Read(ctx context.Context, from uint64) (Reader, error)
	// Tip returns the last position, 0 for an empty journal.
	Tip(ctx context.Context) (uint64, error)
}

// Reader hands out messages in order. One goroutine at a time.
type Reader interface {
	// Next waits for the next message. It never skips one, but may hand out again what it has
	// already: consumers compare positions. After an error other than ctx's the reader is of no
	// more use; ErrTruncated comes when the reader notices, not by a promised time, so consumers
	// also check that each message follows from the one before.
	Next(ctx context.Context) (Message, error)
	// Close frees the reader. It does not wait for a Next under way.
	Close() error
}

// resolveAttempts bounds Resolve. Each attempt ends in an answer unless the journal is failing or
// a tail is being lost meanwhile; then the caller should hear of it.
const resolveAttempts = 8

// Resolve appends msg at after+1 and does not rest at ErrUnknown: it reads what is there and, if
// nothing is, appends again, which is safe since at most one message ever stands at a position. It
// returns the position once msg is there, ErrConflict when another message is, and ErrUnknown when
// the journal gave no answer within several attempts or ctx ended first.
func Resolve(ctx context.Context, j Journal, after uint64, msg []byte) (uint64, error) {
	var last error
	for range resolveAttempts {
		pos, err := j.Append(ctx, after, msg)
		switch {
		case err == nil:
			return pos, nil
		case !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrConflict):
			if last != nil { // an earlier attempt may have written it
				return 0, fmt.Errorf("%w: %w", ErrUnknown, err)
			}
			return 0, err
		}
		last = err
		tip, err := j.Tip(ctx)
		if err != nil {
			return 0, fmt.Errorf("%w: after %w: %w", ErrUnknown, last, err)
		}
		if tip < after {
			return 0, fmt.Errorf("%w: %w: the tip is at %d, not %d", ErrConflict, ErrTruncated, tip, after)
		}
		if tip == after {
			continue // not there, or not yet
		}
		there, err := at(ctx, j, after+1)
		if err != nil {
			return 0, fmt.Errorf("%w: after %w: %w", ErrUnknown, last, err)
		}
		if !bytes.Equal(there, msg) {
			return 0, fmt.Errorf("%w: position %d has another message", ErrConflict, after+1)
		}
		return after + 1, nil
	}
	return 0, fmt.Errorf("%w: position %d, %d attempts: %w", ErrUnknown, after+1, resolveAttempts, last)
}

// at returns the message at pos, which the journal has.
func at(ctx context.Context, j Journal, pos uint64) ([]byte, error) {
	r, err := j.Read(ctx, pos)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	m, err := r.Next(ctx)
	if err != nil {
		return nil, err
	}
	if m.Position != pos {
		return nil, fmt.Errorf("journal: asked for position %d, got %d", pos, m.Position)
	}
	return m.Data, nil
}
