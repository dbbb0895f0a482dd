package settlement

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// ErrNobody says that nobody listens on the subject of a request.
var ErrNobody = errors.New("nobody answers")

// Bus carries messages between nodes and clients. It may lose, delay, repeat and reorder them; what
// must not be lost goes through the journal. Over is its implementation on NATS.
type Bus interface {
	// Publish sends data to all who subscribed, at most once each.
	Publish(subject string, data []byte) error
	// Request sends data and returns the first answer. Errors: ErrNobody when nobody can have got it;
	// another one says nothing about that.
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
	// Subscribe calls f for each message on a subject, one at a time, until the returned function is
	// called. Messages published after it has returned arrive. The reply of a message that asks for
	// none goes nowhere.
	Subscribe(subject string, f func(data []byte, reply func([]byte))) (cancel func() error, err error)
}

// Over returns the bus over a NATS connection, which stays the caller's.
func Over(conn *nats.Conn) Bus { return natsBus{conn} }

type natsBus struct{ conn *nats.Conn }

func (b natsBus) Publish(subject string, data []byte) error { return b.conn.Publish(subject, data) }

func (b natsBus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	m, err := b.conn.RequestWithContext(ctx, subject, data)
	switch {
	case err == nil:
		return m.Data, nil
	case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrConnectionClosed), errors.Is(err, nats.ErrMaxPayload):
		return nil, fmt.Errorf("%w: %w", ErrNobody, err)
	}
	return nil, err
}

func (b natsBus) Subscribe(subject string, f func([]byte, func([]byte))) (func() error, error) {
	sub, err := b.conn.Subscribe(subject, func(m *nats.Msg) {
		// An answer that can't be sent is the requester's time-out.
		f(m.Data, func(answer []byte) { _ = m.Respond(answer) })
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	if err := b.conn.Flush(); err != nil {
		return nil, errors.Join(fmt.Errorf("subscribe to %s: %w", subject, err), sub.Unsubscribe())
	}
	return func() error {
		if err := sub.Unsubscribe(); !errors.Is(err, nats.ErrConnectionClosed) {
			return err
		}
		return nil // it went with the connection
	}, nil
}
