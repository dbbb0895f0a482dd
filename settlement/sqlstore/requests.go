package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"viaduct/ledger"
)

// Request is one use of an idempotency key: what was sent to the ledger for it, and its first answer.
type Request struct {
	Participant ledger.BIC // zero for the operator
	Key         string
	Fingerprint ledger.Hash
	Submission  []byte
	Created     int64
	Lease       int64 // whoever works at it has until then
	Height      uint64
	First       int // index of the submission's first result in block Height
	Status      int // of the first answer; 0 while there is none
	Header      []byte
	Body        []byte
	// RequestID and Trace are those of the HTTP request that began it: what the journal's bytes came from.
	RequestID, Trace string
}

// Begin is a request and all that must be on disk before its submission may be ordered.
type Begin struct {
	Request  Request
	Payments []Payment
	Details  []Details
	Messages []Message
	Parcels  []Parcel
	// Given says that the payments' ids are the participant's own choice: ErrExists when it used one before.
	Given bool
	// Traced says that the payments' events are to join the request's trace.
	Traced bool
	// Approval is set when the payments, which are held then, wait for a second key.
	Approval *Approval
}

// Begun says what BeginRequest found.
type Begun int

// What BeginRequest finds.
const (
	BegunNew      Begun = iota + 1 // the caller goes on
	BegunResumed                   // begun and never answered: the caller submits the stored bytes again
	BegunInFlight                  // someone is at work on it
	BegunAnswered                  // the stored answer is the answer
	BegunConflict                  // the key was used for something else
)

const requestColumns = "participant, key, fingerprint, submission, created, lease, height, first, status, header, body, request_id, trace"

func scanRequest(r *sql.Rows, q *Request) error {
	return r.Scan(toBIC(&q.Participant), &q.Key, toHash(&q.Fingerprint), &q.Submission, &q.Created, &q.Lease, &q.Height,
		&q.First, &q.Status, &q.Header, &q.Body, &q.RequestID, &q.Trace)
}

// BeginRequest writes a request with its payments (received), details and messages, or returns what
// the key was used for before. After a crash the same key finds the same bytes here: they are
// submitted again, and the ledger knows them if they had arrived. A request taken up again is the
// caller's until b.Request.Lease.
func (s *Store) BeginRequest(ctx context.Context, b *Begin, now int64) (begun Begun, found Request, err error) {
	q := &b.Request
	err = s.writer.do(ctx, func(ctx context.Context, t tx) error {
		ids := make([]ledger.ID, len(b.Payments))
		for i := range b.Payments {
			ids[i] = b.Payments[i].ID
		}
		n, err := t.exec(ctx, `INSERT INTO requests (`+requestColumns+`, payments)
			VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, $7, $7, $8, $9, $10) ON CONFLICT (participant, key) DO NOTHING`,
			q.Participant.String(), q.Key, q.Fingerprint[:], blob(q.Submission), q.Created, q.Lease, []byte{}, q.RequestID, q.Trace, joinIDs(ids))
		if err != nil {
			return err
		}
		if n == 1 {
			begun, found = BegunNew, *q
			if b.Given {
				if err := b.unused(ctx, t); err != nil {
					return err
				}
			}
			return b.write(ctx, t)
		}
		begun, found, err = resume(ctx, t, q, now)
		return err
	})
	if err != nil {
		return 0, Request{}, fmt.Errorf("begin request: %w", err)
	}
	return begun, found, nil
}

func resume(ctx context.Context, t tx, q *Request, now int64) (Begun, Request, error) {
	taken, err := t.exec(ctx, `UPDATE requests SET lease = $1 WHERE participant = $2 AND key = $3 AND fingerprint = $4 AND status = 0 AND lease <= $5`,
		q.Lease, q.Participant.String(), q.Key, q.Fingerprint[:], now)
	if err != nil {
		return 0, Request{}, err
	}
	found, err := request(ctx, t.query, q.Participant, q.Key)
	switch {
	case err != nil:
		return 0, Request{}, err
	case found.Fingerprint != q.Fingerprint:
		return BegunConflict, found, nil
	case found.Status != 0:
		return BegunAnswered, found, nil
	case taken == 1:
		return BegunResumed, found, nil
	}
	return BegunInFlight, found, nil
}

// unused says ErrExists when one of the payments is there.
func (b *Begin) unused(ctx context.Context, t tx) error {
	sender := b.Request.Participant
	if err := inTurn(ctx, t, sender); err != nil {
		return err
	}
	for i := range b.Payments {
		n, err := one(ctx, t.query, "payment", scanValue[int],
			`SELECT COUNT(*) FROM payments WHERE id = $1 AND sender = $2`, b.Payments[i].ID[:], sender.String())
		if err == nil && n > 0 {
			err = ErrExists
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Begin) write(ctx context.Context, t tx) error {
	if b.Traced {
		if err := b.writeTraces(ctx, t); err != nil {
			return err
		}
	}
	if b.Approval != nil {
		if err := b.writeApprovals(ctx, t); err != nil {
			return err
		}
	}
	payments := insertion{into: "payments (" + paymentColumns + ")"}
	for i := range b.Payments {
		b.Payments[i].appendTo(&payments)
	}
	if err := payments.run(ctx, t); err != nil {
		return err
	}
	details := insertion{into: "payment_details (payment, sender, salt, details)"}
	for i := range b.Details {
		d := &b.Details[i]
		details.row(d.Payment[:], d.From.String(), d.Salt[:], blob(d.Text))
	}
	if err := details.run(ctx, t); err != nil {
		return err
	}
	parcels := insertion{into: "parcels (" + parcelColumns + ")"}
	for i := range b.Parcels {
		b.Parcels[i].appendTo(&parcels)
	}
	if err := parcels.run(ctx, t); err != nil {
		return err
	}
	for i := range b.Messages {
		if err := b.Messages[i].write(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

func request(ctx context.Context, q querier, participant ledger.BIC, key string) (Request, error) {
	return one(ctx, q, "request", scanRequest, `SELECT `+requestColumns+` FROM requests WHERE participant = $1 AND key = $2`,
		participant.String(), key)
}

// Request returns what a key was used for.
func (s *Store) Request(ctx context.Context, participant ledger.BIC, key string) (Request, error) {
	return request(ctx, s.read, participant, key)
}

// MarkAccepted notes where the journal has a request's submission. payments[i] is the payment that
// result first+i decides, zero where that is no payment. One that is decided already stays so.
func (s *Store) MarkAccepted(ctx context.Context, participant ledger.BIC, key string, height uint64, first int, payments []ledger.ID, now int64) error {
	err := s.writer.derive(ctx, func(ctx context.Context, t tx) error {
		if _, err := t.exec(ctx, `UPDATE requests SET height = $1, first = $2 WHERE participant = $3 AND key = $4`,
			int64(height), first, participant.String(), key); err != nil {
			return err
		}
		for i := range payments {
			if payments[i] == (ledger.ID{}) {
				continue
			}
			if _, err := t.exec(ctx, `UPDATE payments SET status = 'accepted', accepted = $1, height = $2, idx = $3
				WHERE id = $4 AND sender = $5 AND status = 'received'`, now, int64(height), first+i, payments[i][:], participant.String()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mark accepted: %w", err)
	}
	return nil
}

// FinishRequest keeps the first answer to a request, and the messages that went out with it; a later one
// changes nothing.
func (s *Store) FinishRequest(ctx context.Context, participant ledger.BIC, key string, status int, header, body []byte, sent ...Message) error {
	err := s.writer.do(ctx, func(ctx context.Context, t tx) error {
		n, err := t.exec(ctx, `UPDATE requests SET status = $1, header = $2, body = $3, lease = 0 WHERE participant = $4 AND key = $5 AND status = 0`,
			status, blob(header), blob(body), participant.String(), key)
		if err != nil || n == 0 {
			return err
		}
		for i := range sent {
			if err := sent[i].write(ctx, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("finish request: %w", err)
	}
	return nil
}

// AbandonRequest forgets a request whose submission was surely not ordered, with the payments it
// began, so that the key is free again.
func (s *Store) AbandonRequest(ctx context.Context, participant ledger.BIC, key string) error {
	me := participant.String()
	err := s.writer.do(ctx, func(ctx context.Context, t tx) error {
		ids, err := list(ctx, t.query, "request", func(r *sql.Rows, ids *[]ledger.ID) error { return r.Scan(toIDs(ids)) },
			`DELETE FROM requests WHERE participant = $1 AND key = $2 AND height = 0 AND status = 0 RETURNING payments`, me, key)
		if err != nil {
			return err
		}
		for _, id := range slices.Concat(ids...) {
			for _, text := range []string{
				`DELETE FROM messages WHERE id IN (SELECT message FROM message_payments WHERE payment = $1 AND sender = $2)`,
				`DELETE FROM message_payments WHERE message IN (SELECT message FROM message_payments WHERE payment = $1 AND sender = $2)`,
				`DELETE FROM parcels WHERE payment = $1 AND sender = $2`,
				`DELETE FROM payment_details WHERE payment = $1 AND sender = $2`,
				`DELETE FROM payments WHERE id = $1 AND sender = $2 AND status = 'received'`,
			} {
				if _, err := t.exec(ctx, text, id[:], me); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("abandon request: %w", err)
	}
	return nil
}

// ExpireRequests forgets requests that were begun before a time, and returns how many.
func (s *Store) ExpireRequests(ctx context.Context, before int64) (n int64, err error) {
	err = s.writer.do(ctx, func(ctx context.Context, t tx) (err error) {
		if n, err = t.exec(ctx, `DELETE FROM requests WHERE created < $1`, before); err != nil {
			return err
		}
		if _, err = t.exec(ctx, `DELETE FROM approvals WHERE created < $1`, before); err != nil {
			return err
		}
		_, err = t.exec(ctx, `DELETE FROM payment_traces WHERE created < $1`, before)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("expire requests: %w", err)
	}
	return n, nil
}

// change runs one statement in a transaction.
func (s *Store) change(ctx context.Context, text string, args ...any) error {
	return s.writer.do(ctx, func(ctx context.Context, t tx) error {
		_, err := t.exec(ctx, text, args...)
		return err
	})
}

// changeOne is change for a statement that must find its row.
func (s *Store) changeOne(ctx context.Context, what, text string, args ...any) error {
	return s.writer.do(ctx, func(ctx context.Context, t tx) error {
		n, err := t.exec(ctx, text, args...)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	})
}

// create runs an INSERT ... ON CONFLICT DO NOTHING; ErrExists when that did nothing.
func (s *Store) create(ctx context.Context, what, text string, args ...any) error {
	return s.writer.do(ctx, func(ctx context.Context, t tx) error {
		n, err := t.exec(ctx, text+" ON CONFLICT DO NOTHING", args...)
		if err == nil && n == 0 {
			err = ErrExists
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	})
}
