package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"viaduct/ledger"
)

// Message is an ISO 20022 message byte for byte, as it came in or went out.
type Message struct {
	ID           ledger.ID
	Participant  ledger.BIC // who sent it, or whom Viaduct sent it to
	Counterparty ledger.BIC // the other bank that may read it; zero when there is none, or more than one
	Author       ledger.BIC // the bank that sent it; zero for Viaduct
	Direction    string     // MessageIn or MessageOut
	Type         string     // "pacs.008.001.08"
	MessageID    string     // its MsgId, or the header's BizMsgIdr
	Created      int64
	Body         []byte
	Payments     []MessagePayment // that it is about; written with it, not read back
	// Passed says that the counterparty has it. A message that ordered payments it sees once one that it
	// received has settled.
	Passed bool
}

// MessagePayment is a payment that a message is about.
type MessagePayment struct {
	ID   ledger.ID
	From ledger.BIC
	// Reference is how the message names the payment, in the writer's own form, where the message ordered
	// it; nothing elsewhere.
	Reference []byte
}

// The directions of a message, as the gateway sees it.
const (
	MessageIn  = "in"
	MessageOut = "out"
)

func (m *Message) write(ctx context.Context, t tx) error {
	_, err := t.exec(ctx, `INSERT INTO messages (id, participant, counterparty, author, direction, type, message_id, created, body, passed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING`, m.ID[:], m.Participant.String(), m.Counterparty.String(),
		m.Author.String(), m.Direction, m.Type, text(m.MessageID), m.Created, blob(m.Body), m.Passed)
	if err != nil {
		return fmt.Errorf("insert message: %w", err)
	}
	links := insertion{into: "message_payments (payment, sender, message, reference)", tail: "ON CONFLICT DO NOTHING"}
	for i := range m.Payments {
		p := &m.Payments[i]
		links.row(p.ID[:], p.From.String(), m.ID[:], blob(p.Reference))
	}
	return links.run(ctx, t)
}

const messageColumns = "m.id, m.participant, m.counterparty, m.author, m.direction, m.type, m.message_id, m.created, m.body, m.passed"

func scanMessage(r *sql.Rows, m *Message) error {
	return r.Scan(toID(&m.ID), toBIC(&m.Participant), toBIC(&m.Counterparty), toBIC(&m.Author), &m.Direction, &m.Type, &m.MessageID,
		&m.Created, &m.Body, &m.Passed)
}

// Messages returns the messages about a payment that viewer may see, oldest first. A message that is
// also about others' payments is shown to its sender alone.
func (s *Store) Messages(ctx context.Context, viewer ledger.BIC, payment ledger.ID) ([]Message, error) {
	p, err := s.Payment(ctx, viewer, payment)
	if err != nil {
		return nil, err
	}
	return list(ctx, s.read, "messages", scanMessage, `SELECT `+messageColumns+` FROM message_payments l JOIN messages m ON m.id = l.message
		WHERE l.payment = $1 AND l.sender = $2 AND (m.participant = $3 OR m.counterparty = $3 AND `+forCounterparty+`)
		ORDER BY m.created, m.id`, payment[:], p.From.String(), viewer.String())
}

// forCounterparty holds for a message m that its counterparty may see.
const forCounterparty = `m.counterparty <> '' AND (m.passed OR EXISTS (SELECT 1 FROM message_payments l JOIN payments p ON p.id = l.payment AND p.sender = l.sender
	WHERE l.message = m.id AND length(l.reference) > 0 AND p.receiver = m.counterparty AND p.status = 'settled'))`

// MessageCursor is the last message of a page; zero asks for the first page.
type MessageCursor struct {
	Created int64
	ID      ledger.ID
}

// MessagesOf returns a page of the messages that viewer sent or may see, newest first, without their
// bodies.
func (s *Store) MessagesOf(ctx context.Context, viewer ledger.BIC, after MessageCursor, limit int) ([]Message, error) {
	var w where
	side := func(condition string) {
		w.add("SELECT * FROM (SELECT m.id, m.participant, m.counterparty, m.author, m.direction, m.type, m.message_id, m.created, m.passed FROM messages m WHERE "+condition, viewer.String())
		if after != (MessageCursor{}) {
			w.add(" AND (m.created, m.id) < (?, ?)", after.Created, after.ID[:])
		}
		w.add(" ORDER BY m.created DESC, m.id DESC LIMIT ?) AS side", limit)
	}
	w.add("SELECT * FROM (")
	side("m.participant = ?")
	w.add(" UNION ALL ")
	side("m.counterparty = ? AND " + forCounterparty)
	w.add(") AS found ORDER BY created DESC, id DESC LIMIT ?", limit)
	return list(ctx, s.read, "messages", func(r *sql.Rows, m *Message) error {
		return r.Scan(toID(&m.ID), toBIC(&m.Participant), toBIC(&m.Counterparty), toBIC(&m.Author), &m.Direction, &m.Type, &m.MessageID, &m.Created, &m.Passed)
	}, string(w.text), w.args...)
}

// Message returns a message that viewer sent or may see.
func (s *Store) Message(ctx context.Context, viewer ledger.BIC, id ledger.ID) (Message, error) {
	return one(ctx, s.read, "message", scanMessage, `SELECT `+messageColumns+` FROM messages m
		WHERE m.id = $1 AND (m.participant = $2 OR m.counterparty = $2 AND `+forCounterparty+`)`, id[:], viewer.String())
}

// MessageSent returns the message of a type that author sent under an id, the last one if there are more.
func (s *Store) MessageSent(ctx context.Context, author ledger.BIC, kind, messageID string) (Message, error) {
	return one(ctx, s.read, "message", scanMessage, `SELECT `+messageColumns+` FROM messages m
		WHERE m.participant = $1 AND m.message_id = $2 AND m.author = $1 AND m.type = $3 ORDER BY m.created DESC, m.id DESC LIMIT 1`,
		author.String(), text(messageID), kind)
}

// Reference returns how the message that ordered a payment of sender's names it; ErrNotFound when no
// message did.
func (s *Store) Reference(ctx context.Context, sender ledger.BIC, payment ledger.ID) ([]byte, error) {
	return one(ctx, s.read, "message reference", scanValue[[]byte],
		`SELECT reference FROM message_payments WHERE payment = $1 AND sender = $2 AND length(reference) > 0`, payment[:], sender.String())
}

// PaymentsOfMessage returns the payments that a message ordered, by the message's id, as far as viewer may
// see them: those of its own messages, and of others' messages those it received.
func (s *Store) PaymentsOfMessage(ctx context.Context, viewer ledger.BIC, messageID string) ([]Payment, error) {
	return list(ctx, s.read, "payments", scanPayment, `SELECT `+paymentColumns+` FROM payments
		WHERE (id, sender) IN (SELECT l.payment, l.sender FROM messages m JOIN message_payments l ON l.message = m.id AND length(l.reference) > 0
			WHERE m.message_id = $2 AND m.direction = 'in')
		AND (sender = $1 OR receiver = $1 AND status = 'settled') ORDER BY created, id`, viewer.String(), text(messageID))
}

// PassOn hands a message on to its counterparty, and tells it so by an event about a payment, once.
func (s *Store) PassOn(ctx context.Context, m Message, kind string, p Payment, now int64) error {
	err := s.writer.do(ctx, func(ctx context.Context, t tx) error {
		if _, err := t.exec(ctx, `UPDATE messages SET passed = TRUE WHERE id = $1`, m.ID[:]); err != nil {
			return err
		}
		return tell(ctx, t, kind, m.ID, p, m.Counterparty, now)
	})
	if err != nil {
		return fmt.Errorf("pass on message: %w", err)
	}
	return nil
}
