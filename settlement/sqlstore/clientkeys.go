package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"viaduct/ledger"
)

// ClientKey is a public key by which a participant proves itself beside its API key.
type ClientKey struct {
	ID          ledger.ID
	Participant ledger.BIC // zero for the operator
	Kind        string
	Public      [32]byte // an Ed25519 key, or the SHA-256 of a certificate
	Name        string
	Created     int64
}

// The kinds of client key.
const (
	SignatureKey   = "signature"   // signs HTTP messages
	CertificateKey = "certificate" // is shown by mutual TLS
)

// MaxClientKeys bounds what one participant registers.
const MaxClientKeys = 16

const clientKeyColumns = "id, participant, kind, public, name, created"

func scanClientKey(r *sql.Rows, k *ClientKey) error {
	return r.Scan(toID(&k.ID), toBIC(&k.Participant), &k.Kind, toFixed(k.Public[:]), &k.Name, &k.Created)
}

// PutClientKey adds a key; ErrExists when the participant has it, ErrFull when it has MaxClientKeys.
func (s *Store) PutClientKey(ctx context.Context, k ClientKey) error {
	return s.writer.do(ctx, func(ctx context.Context, t tx) error {
		err := inTurn(ctx, t, k.Participant)
		var have, n int64
		if err == nil {
			have, err = one(ctx, t.query, "client keys", scanValue[int64],
				`SELECT COUNT(*) FROM client_keys WHERE participant = $1`, k.Participant.String())
		}
		if err == nil && have >= MaxClientKeys {
			err = ErrFull
		}
		if err == nil {
			n, err = t.exec(ctx, `INSERT INTO client_keys (`+clientKeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
				k.ID[:], k.Participant.String(), k.Kind, k.Public[:], k.Name, k.Created)
		}
		if err == nil && n == 0 {
			err = ErrExists
		}
		if err != nil {
			return fmt.Errorf("put client key: %w", err)
		}
		return nil
	})
}

// ClientKey returns a participant's key.
func (s *Store) ClientKey(ctx context.Context, participant ledger.BIC, id ledger.ID) (ClientKey, error) {
	return one(ctx, s.read, "client key", scanClientKey,
		`SELECT `+clientKeyColumns+` FROM client_keys WHERE id = $1 AND participant = $2`, id[:], participant.String())
}

// ClientKeys returns a participant's keys, oldest first.
func (s *Store) ClientKeys(ctx context.Context, participant ledger.BIC) ([]ClientKey, error) {
	return list(ctx, s.read, "client keys", scanClientKey,
		`SELECT `+clientKeyColumns+` FROM client_keys WHERE participant = $1 ORDER BY id`, participant.String())
}

// DeleteClientKey forgets a participant's key.
func (s *Store) DeleteClientKey(ctx context.Context, participant ledger.BIC, id ledger.ID) error {
	return s.changeOne(ctx, "delete client key", `DELETE FROM client_keys WHERE id = $1 AND participant = $2`, id[:], participant.String())
}

// Credential is an API key and what its participant asks for beside it.
type Credential struct {
	APIKey
	RequireSignature bool
	Pinned           bool // it has registered certificates: one of them must be shown
}

// Credential returns the key of a prefix, good or not, and what goes with it.
func (s *Store) Credential(ctx context.Context, prefix string) (Credential, error) {
	return one(ctx, s.read, "API key", func(r *sql.Rows, c *Credential) error {
		return c.scan(r, &c.RequireSignature, &c.Pinned)
	}, `SELECT `+apiKeyColumns+`,
			EXISTS (SELECT 1 FROM settings s WHERE s.participant = k.participant AND s.require_signature),
			EXISTS (SELECT 1 FROM client_keys c WHERE c.participant = k.participant AND c.kind = 'certificate')
		FROM api_keys k WHERE prefix = $1`, prefix)
}

// UseNonce notes that a nonce was used with a key, until it expires; ErrExists when it was before.
func (s *Store) UseNonce(ctx context.Context, key ledger.ID, nonce string, expires, now int64) error {
	return s.writer.do(ctx, func(ctx context.Context, t tx) error {
		_, err := t.exec(ctx, `DELETE FROM nonces WHERE expires <= $1`, now)
		var n int64
		if err == nil {
			n, err = t.exec(ctx, `INSERT INTO nonces (client_key, nonce, expires) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, key[:], text(nonce), expires)
		}
		if err == nil && n == 0 {
			err = ErrExists
		}
		if err != nil {
			return fmt.Errorf("use nonce: %w", err)
		}
		return nil
	})
}
