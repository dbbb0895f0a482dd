package gateway

import (
	"context"
	"fmt"
	"slices"

	"viaduct/ledger"
	"viaduct/settlement/sqlstore"
)

// atRest is the store as the gateway uses it: details of payments, messages, references to them and the
// answers to keys are encrypted on their way in and opened on their way out. What stays as it is, is what
// the database searches by or what the ledger tells everyone concerned anyway; docs/security.md lists it.
type atRest struct {
	Store
	secrets *Secrets
}

func detailsUse(payment ledger.ID, sender ledger.BIC) string {
	return fmt.Sprintf("details:%x:%s", payment, sender)
}

func referenceUse(payment ledger.ID, sender ledger.BIC) string {
	return fmt.Sprintf("reference:%x:%s", payment, sender)
}

func messageUse(id ledger.ID) string { return fmt.Sprintf("message:%x", id) }

func answerUse(participant ledger.BIC, key string) string {
	return fmt.Sprintf("answer:%s:%s", participant, key)
}

// BeginRequest encrypts what a request brings and opens the answer that it finds.
func (s atRest) BeginRequest(ctx context.Context, b *sqlstore.Begin, now int64) (sqlstore.Begun, sqlstore.Request, error) {
	kept := *b
	kept.Details = slices.Clone(b.Details)
	for i := range kept.Details {
		d := &kept.Details[i]
		// The salt goes with the text: with it, and the commitment beside it, the text could be guessed.
		d.Text = s.secrets.sealed(slices.Concat(d.Salt[:], d.Text), detailsUse(d.Payment, d.From))
		d.Salt = ledger.Hash{}
	}
	kept.Messages = s.sealMessages(b.Messages)
	begun, found, err := s.Store.BeginRequest(ctx, &kept, now)
	if err == nil && begun == sqlstore.BegunAnswered {
		err = s.openAnswer(&found)
	}
	return begun, found, err
}

// Request opens the answer, if there is one.
func (s atRest) Request(ctx context.Context, participant ledger.BIC, key string) (sqlstore.Request, error) {
	found, err := s.Store.Request(ctx, participant, key)
	if err == nil && found.Status != 0 {
		err = s.openAnswer(&found)
	}
	return found, err
}

func (s atRest) openAnswer(r *sqlstore.Request) (err error) {
	if r.Body, err = s.secrets.opened(r.Body, answerUse(r.Participant, r.Key)); err != nil {
		return fmt.Errorf("kept answer: %w", err)
	}
	return nil
}

// FinishRequest encrypts the answer and the messages.
func (s atRest) FinishRequest(ctx context.Context, participant ledger.BIC, key string, status int, header, body []byte, sent ...sqlstore.Message) error {
	return s.Store.FinishRequest(ctx, participant, key, status, header, s.secrets.sealed(body, answerUse(participant, key)), s.sealMessages(sent)...)
}

func (s atRest) sealMessages(list []sqlstore.Message) []sqlstore.Message {
	list = slices.Clone(list)
	for i := range list {
		m := &list[i]
		m.Body = s.secrets.sealed(m.Body, messageUse(m.ID))
		m.Payments = slices.Clone(m.Payments)
		for j := range m.Payments {
			if p := &m.Payments[j]; len(p.Reference) > 0 { // that there is none is searched for
				p.Reference = s.secrets.sealed(p.Reference, referenceUse(p.ID, p.From))
			}
		}
	}
	return list
}

func (s atRest) openMessage(m *sqlstore.Message) (err error) {
	if m.Body, err = s.secrets.opened(m.Body, messageUse(m.ID)); err != nil {
		return fmt.Errorf("message %s: %w", idText(m.ID), err)
	}
	return nil
}

// PaymentDetails opens the details.
func (s atRest) PaymentDetails(ctx context.Context, viewer ledger.BIC, id ledger.ID) (sqlstore.Details, error) {
	d, err := s.Store.PaymentDetails(ctx, viewer, id)
	if err != nil {
		return d, err
	}
	plain, err := s.secrets.opened(d.Text, detailsUse(d.Payment, d.From))
	if err == nil && len(plain) < len(d.Salt) {
		err = errSealed
	}
	if err != nil {
		return d, fmt.Errorf("details of payment %s: %w", idText(id), err)
	}
	d.Salt, d.Text = ledger.Hash(plain[:len(d.Salt)]), plain[len(d.Salt):]
	return d, nil
}

// Messages opens the messages.
func (s atRest) Messages(ctx context.Context, viewer ledger.BIC, payment ledger.ID) ([]sqlstore.Message, error) {
	list, err := s.Store.Messages(ctx, viewer, payment)
	for i := range list {
		if err == nil {
			err = s.openMessage(&list[i])
		}
	}
	return list, err
}

// Message opens the message.
func (s atRest) Message(ctx context.Context, viewer ledger.BIC, id ledger.ID) (sqlstore.Message, error) {
	m, err := s.Store.Message(ctx, viewer, id)
	if err == nil {
		err = s.openMessage(&m)
	}
	return m, err
}

// MessageSent opens the message.
func (s atRest) MessageSent(ctx context.Context, author ledger.BIC, kind, messageID string) (sqlstore.Message, error) {
	m, err := s.Store.MessageSent(ctx, author, kind, messageID)
	if err == nil {
		err = s.openMessage(&m)
	}
	return m, err
}

// Reference opens the reference.
func (s atRest) Reference(ctx context.Context, sender ledger.BIC, payment ledger.ID) ([]byte, error) {
	sealed, err := s.Store.Reference(ctx, sender, payment)
	if err != nil {
		return nil, err
	}
	plain, err := s.secrets.opened(sealed, referenceUse(payment, sender))
	if err != nil {
		return nil, fmt.Errorf("reference of payment %s: %w", idText(payment), err)
	}
	return plain, nil
}
