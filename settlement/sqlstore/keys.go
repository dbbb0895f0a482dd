package sqlstore

import (
	"context"
	"database/sql"
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
	Created     int64
	Expires     int64 // 0 for never
	LastUsed    int64
	Revoked     int64 // when; 0 while it is good
}

const apiKeyColumns = "id, prefix, hash, participant, name, scopes, created, expires, last_used, revoked"

func scanAPIKey(r *sql.Rows, k *APIKey) error {
	return r.Scan(toID(&k.ID), &k.Prefix, toHash(&k.Hash), toBIC(&k.Participant), &k.Name, toWords(&k.Scopes), &k.Created,
		&k.Expires, &k.LastUsed, &k.Revoked)
}

// PutAPIKey adds a key; ErrExists when its id or prefix is taken.
func (s *Store) PutAPIKey(ctx context.Context, k APIKey) error {
	return s.create(ctx, "put API key", `INSERT INTO api_keys (`+apiKeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		k.ID[:], k.Prefix, k.Hash[:], k.Participant.String(), k.Name, strings.Join(k.Scopes, ","), k.Created, k.Expires, k.LastUsed, k.Revoked)
}

// APIKeyByPrefix returns the key of a prefix, good or not: the caller compares its hash and looks at
// its dates.
func (s *Store) APIKeyByPrefix(ctx context.Context, prefix string) (APIKey, error) {
	return one(ctx, s.read, "API key", scanAPIKey, `SELECT `+apiKeyColumns+` FROM api_keys WHERE prefix = $1`, prefix)
}

// APIKeys returns a participant's keys, oldest first.
func (s *Store) APIKeys(ctx context.Context, participant ledger.BIC) ([]APIKey, error) {
	return list(ctx, s.read, "API keys", scanAPIKey,
		`SELECT `+apiKeyColumns+` FROM api_keys WHERE participant = $1 ORDER BY created, id`, participant.String())
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
