package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"viaduct/ledger"
)

// EncryptionKey is an X25519 key that details for a participant are sealed to.
type EncryptionKey struct {
	Public      [32]byte
	Participant ledger.BIC
	Sealed      []byte   // the private half, encrypted; empty where the participant has it alone
	Signer      [32]byte // the signing key that vouches for it
	Proof       []byte   // its signature
	Created     int64
}

// Parcel is what one payment's receiver gets of its confidential details, sealed to a key of the receiver's.
type Parcel struct {
	Payment   ledger.ID
	From, To  ledger.BIC
	Key       [32]byte
	Sealed    []byte
	Delivered bool // stored where the receiver is served
	Created   int64
}

// PutEncryptionKey adds a key; ErrExists when it is there, whosever it is.
func (s *Store) PutEncryptionKey(ctx context.Context, k EncryptionKey) error {
	return s.create(ctx, "put encryption key", `INSERT INTO encryption_keys (public, participant, sealed, signer, proof, created)
		VALUES ($1, $2, $3, $4, $5, $6)`, k.Public[:], k.Participant.String(), blob(k.Sealed), k.Signer[:], blob(k.Proof), k.Created)
}

// EncryptionKeys returns a participant's keys, newest first.
func (s *Store) EncryptionKeys(ctx context.Context, participant ledger.BIC) ([]EncryptionKey, error) {
	return list(ctx, s.read, "encryption keys", func(r *sql.Rows, k *EncryptionKey) error {
		return r.Scan(toFixed(k.Public[:]), toBIC(&k.Participant), &k.Sealed, toFixed(k.Signer[:]), &k.Proof, &k.Created)
	}, `SELECT public, participant, sealed, signer, proof, created FROM encryption_keys WHERE participant = $1
		ORDER BY created DESC, public`, participant.String())
}

const parcelColumns = "payment, sender, receiver, key, sealed, delivered, created"

func (p *Parcel) appendTo(in *insertion) {
	in.row(p.Payment[:], p.From.String(), p.To.String(), p.Key[:], blob(p.Sealed), p.Delivered, p.Created)
}

func scanParcel(r *sql.Rows, p *Parcel) error {
	return r.Scan(toID(&p.Payment), toBIC(&p.From), toBIC(&p.To), toFixed(p.Key[:]), &p.Sealed, &p.Delivered, &p.Created)
}

// PutParcel keeps a parcel for a receiver. The same again does no harm; ErrExists when there is another one
// for the payment.
func (s *Store) PutParcel(ctx context.Context, p Parcel) error {
	err := s.writer.do(ctx, func(ctx context.Context, t tx) error {
		in := insertion{into: "parcels (" + parcelColumns + ")", tail: "ON CONFLICT DO NOTHING"}
		p.appendTo(&in)
		if err := in.run(ctx, t); err != nil {
			return err
		}
		kept, err := one(ctx, t.query, "parcel", scanParcel, `SELECT `+parcelColumns+` FROM parcels WHERE payment = $1 AND sender = $2`,
			p.Payment[:], p.From.String())
		if err == nil && (kept.To != p.To || kept.Key != p.Key || !bytes.Equal(kept.Sealed, p.Sealed)) {
			err = ErrExists
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("put parcel: %w", err)
	}
	return nil
}

// Undelivered returns those of a sender's parcels for these payments that are not known to be stored where
// their receiver is served.
func (s *Store) Undelivered(ctx context.Context, sender ledger.BIC, payments []ledger.ID) (all []Parcel, err error) {
	for _, id := range payments {
		p, err := one(ctx, s.read, "parcel", scanParcel, `SELECT `+parcelColumns+` FROM parcels WHERE payment = $1 AND sender = $2 AND NOT delivered`,
			id[:], sender.String())
		switch {
		case errors.Is(err, ErrNotFound):
		case err != nil:
			return nil, err
		default:
			all = append(all, p)
		}
	}
	return all, nil
}

// MarkDelivered notes that a parcel is stored where its receiver is served.
func (s *Store) MarkDelivered(ctx context.Context, sender ledger.BIC, payment ledger.ID) error {
	return s.changeOne(ctx, "mark parcel delivered", `UPDATE parcels SET delivered = TRUE WHERE payment = $1 AND sender = $2`, payment[:], sender.String())
}

// Parcel returns what a payment's receiver got, once the payment has settled.
func (s *Store) Parcel(ctx context.Context, receiver ledger.BIC, p *Payment) (Parcel, error) {
	return one(ctx, s.read, "parcel", scanParcel, `SELECT `+parcelColumns+` FROM parcels WHERE payment = $1 AND sender = $2 AND receiver = $3
		AND EXISTS (SELECT 1 FROM payments WHERE id = $1 AND sender = $2 AND receiver = $3 AND status = 'settled')`,
		p.ID[:], p.From.String(), receiver.String())
}
