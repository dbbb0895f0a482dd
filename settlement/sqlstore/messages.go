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
	Participant  ledger.BIC // whose order it is about: the sender of its payments
	Counterparty ledger.BIC // the other bank that may read it; zero when it is about several banks' payments
	Author       ledger.BIC // the bank that sent it
	Direction    string     // MessageIn or MessageOut
	Type         string     // "pacs.008.001.08"
	MessageID    string     // its MsgId, or the header's BizMsgIdr
	Created      int64
	Body         []byte
	Payments     []ledger.ID
}

// The directions of a message, as the gateway sees it.
const (
	MessageIn  = "in"
	MessageOut = "out"
)

func (m *Message) write(ctx context.Context, t tx) error {
	_, err := t.exec(ctx, `INSERT INTO messages (id, participant, counterparty, author, direction, type, message_id, created, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`, m.ID[:], m.Participant.String(), m.Counterparty.String(),
		m.Author.String(), m.Direction, m.Type, text(m.MessageID), m.Created, blob(m.Body))
	if err != nil {
		return fmt.Errorf("insert message: %w", err)
	}
	links := insertion{into: "message_payments (payment, sender, message)", tail: "ON CONFLICT DO NOTHING"}
	for i := range m.Payments {
		links.row(m.Payments[i][:], m.Participant.String(), m.ID[:])
	}
	return links.run(ctx, t)
}

// PutMessage adds a message; one with the same id is left as it is.
func (s *Store) PutMessage(ctx context.Context, m Message) error {
	err := s.writer.do(ctx, func(ctx context.Context, t tx) error { return m.write(ctx, t) })
	if err != nil {
		return fmt.Errorf("put message: %w", err)
	}
	return nil
}

// Messages returns the messages about a payment that viewer may see, oldest first. A message that is
// also about others' payments is shown to its sender alone.
func (s *Store) Messages(ctx context.Context, viewer ledger.BIC, payment ledger.ID) ([]Message, error) {
	p, err := s.Payment(ctx, viewer, payment)
	if err != nil {
		return nil, err
	}
	return list(ctx, s.read, "messages", func(r *sql.Rows, m *Message) error {
		m.Payments = []ledger.ID{payment}
		return r.Scan(toID(&m.ID), toBIC(&m.Participant), toBIC(&m.Counterparty), toBIC(&m.Author), &m.Direction, &m.Type, &m.MessageID, &m.Created, &m.Body)
	}, `SELECT m.id, m.participant, m.counterparty, m.author, m.direction, m.type, m.message_id, m.created, m.body
		FROM message_payments l JOIN messages m ON m.id = l.message
		WHERE l.payment = $1 AND l.sender = $2 AND (m.participant = $3 OR m.counterparty = $3)
		ORDER BY m.created, m.id`, payment[:], p.From.String(), viewer.String())
}

// PaymentsOfMessage returns the payments that a message of sender's ordered, by the message's id.
func (s *Store) PaymentsOfMessage(ctx context.Context, sender ledger.BIC, messageID string) ([]Payment, error) {
	return list(ctx, s.read, "payments", scanPayment, `SELECT `+paymentColumns+` FROM payments
		WHERE sender = $1 AND id IN (SELECT l.payment FROM messages m JOIN message_payments l ON l.message = m.id
			WHERE m.participant = $1 AND m.author = $1 AND m.message_id = $2 AND m.type NOT LIKE 'camt.%')
		ORDER BY created, id`, sender.String(), text(messageID))
}
