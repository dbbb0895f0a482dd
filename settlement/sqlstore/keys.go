package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"viaduct/ledger"
)

// APIKey is what is kept of an API key: never the key.
type APIKey struct {
	ID          ledger.ID
	Prefix      string      // the key's public part, by which it is found
	Hash        ledger.Hash // SHA-256 of the key
	Participant ledger.BIC  // zero for the operator
	Name        string
	Scopes      []string
	Networks    []string // CIDR blocks it may be used from; none for all
	Created     int64
	Expires     int64 // 0 for never
	LastUsed    int64
	Revoked     int64 // when; 0 while it is good
}

// MaxAPIKeys is how many keys that are good a participant has at most; the operator has no more.
const MaxAPIKeys = 50

const apiKeyColumns = "id, prefix, hash, participant, name, scopes, networks, created, expires, last_used, revoked"

// scan reads apiKeyColumns, and what stands behind them into more.
func (k *APIKey) scan(r *sql.Rows, more ...any) error {
	return r.Scan(append([]any{toID(&k.ID), &k.Prefix, toHash(&k.Hash), toBIC(&k.Participant), &k.Name, toWords(&k.Scopes),
		toWords(&k.Networks), &k.Created, &k.Expires, &k.LastUsed, &k.Revoked}, more...)...)
}

func scanAPIKey(r *sql.Rows, k *APIKey) error { return k.scan(r) }

func (k *APIKey) insert(ctx context.Context, t tx) error {
	n, err := t.exec(ctx, `INSERT INTO api_keys (`+apiKeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
		k.ID[:], k.Prefix, k.Hash[:], k.Participant.String(), k.Name, strings.Join(k.Scopes, ","), strings.Join(k.Networks, ","),
		k.Created, k.Expires, k.LastUsed, k.Revoked)
	if err == nil && n == 0 {
		err = ErrExists
	}
	return err
}

// room says ErrFull when a participant has as many keys that are good at the time as it may have.
func room(ctx context.Context, t tx, participant ledger.BIC, now int64) error {
	if err := inTurn(ctx, t, participant); err != nil {
		return err
	}
	good, err := one(ctx, t.query, "API keys", scanValue[int],
		`SELECT COUNT(*) FROM api_keys WHERE participant = $1 AND revoked = 0 AND (expires = 0 OR expires > $2)`, participant.String(), now)
	if err == nil && good >= MaxAPIKeys {
		err = ErrFull
	}
	return err
}

// PutAPIKey adds a key; ErrExists when its id or prefix is taken, ErrFull when its participant has
// MaxAPIKeys.
func (s *Store) PutAPIKey(ctx context.Context, k APIKey) error {
	return s.writer.do(ctx, func(ctx context.Context, t tx) error {
		err := room(ctx, t, k.Participant, k.Created)
		if err == nil {
			err = k.insert(ctx, t)
		}
		if err != nil {
			return fmt.Errorf("put API key: %w", err)
		}
		return nil
	})
}

// ReplaceAPIKey adds a key in the place of one that is good, which ends at until unless it does before;
// ErrNotFound when there is none, ErrFull as for PutAPIKey.
func (s *Store) ReplaceAPIKey(ctx context.Context, old ledger.ID, until int64, k APIKey) error {
	return s.writer.do(ctx, func(ctx context.Context, t tx) error {
		n, err := t.exec(ctx, `UPDATE api_keys SET expires = CASE WHEN expires = 0 OR expires > $1 THEN $1 ELSE expires END
			WHERE id = $2 AND participant = $3 AND revoked = 0 AND (expires = 0 OR expires > $4)`, until, old[:], k.Participant.String(), k.Created)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		if err == nil {
			err = room(ctx, t, k.Participant, k.Created)
		}
		if err == nil {
			err = k.insert(ctx, t)
		}
		if err != nil {
			return fmt.Errorf("replace API key: %w", err)
		}
		return nil
	})
}

// APIKeyByPrefix returns the key of a prefix, good or not: the caller compares its hash and looks at
// its dates.
func (s *Store) APIKeyByPrefix(ctx context.Context, prefix string) (APIKey, error) {
	return one(ctx, s.read, "API key", scanAPIKey, `SELECT `+apiKeyColumns+` FROM api_keys WHERE prefix = $1`, prefix)
}

// APIKey returns a participant's key, good or not.
func (s *Store) APIKey(ctx context.Context, participant ledger.BIC, id ledger.ID) (APIKey, error) {
	return one(ctx, s.read, "API key", scanAPIKey,
		`SELECT `+apiKeyColumns+` FROM api_keys WHERE id = $1 AND participant = $2`, id[:], participant.String())
}

// APIKeys returns a page of a participant's keys behind an id, oldest first: ids grow with time.
func (s *Store) APIKeys(ctx context.Context, participant ledger.BIC, after ledger.ID, limit int) ([]APIKey, error) {
	return list(ctx, s.read, "API keys", scanAPIKey,
		`SELECT `+apiKeyColumns+` FROM api_keys WHERE participant = $1 AND id > $2 ORDER BY id LIMIT $3`, participant.String(), after[:], limit)
}

// RevokeAPIKey ends a participant's key; the time of the first revocation stays.
func (s *Store) RevokeAPIKey(ctx context.Context, participant ledger.BIC, id ledger.ID, now int64) error {
	return s.changeOne(ctx, "revoke API key", `UPDATE api_keys SET revoked = CASE revoked WHEN 0 THEN $1 ELSE revoked END
		WHERE id = $2 AND participant = $3`, now, id[:], participant.String())
}

// TouchAPIKey notes that a key was used.
func (s *Store) TouchAPIKey(ctx context.Context, id ledger.ID, now int64) error {
	return s.changeOne(ctx, "touch API key", `UPDATE api_keys SET last_used = $1 WHERE id = $2`, now, id[:])
}

// SigningKey is an Ed25519 key that the gateway keeps for a participant; Sealed is the private part,
// encrypted.
type SigningKey struct {
	Public      [32]byte
	Participant ledger.BIC
	Sealed      []byte
	Created     int64
}

// PutSigningKey adds a key; ErrExists when it is there.
func (s *Store) PutSigningKey(ctx context.Context, k SigningKey) error {
	return s.create(ctx, "put signing key", `INSERT INTO signing_keys (public, participant, sealed, created) VALUES ($1, $2, $3, $4)`,
		k.Public[:], k.Participant.String(), blob(k.Sealed), k.Created)
}

// SigningKeys returns a participant's keys, newest first.
func (s *Store) SigningKeys(ctx context.Context, participant ledger.BIC) ([]SigningKey, error) {
	return list(ctx, s.read, "signing keys", func(r *sql.Rows, k *SigningKey) error {
		return r.Scan(toFixed(k.Public[:]), toBIC(&k.Participant), &k.Sealed, &k.Created)
	}, `SELECT public, participant, sealed, created FROM signing_keys WHERE participant = $1 ORDER BY created DESC, public`, participant.String())
}

// DeleteSigningKey forgets a participant's key.
func (s *Store) DeleteSigningKey(ctx context.Context, participant ledger.BIC, public [32]byte) error {
	return s.changeOne(ctx, "delete signing key", `DELETE FROM signing_keys WHERE public = $1 AND participant = $2`, public[:], participant.String())
}
