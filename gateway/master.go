package gateway

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"

	"viaduct/settlement/sqlstore"
)

// What is confidential is encrypted under keys that come of a data key, and the database keeps the data key,
// encrypted under the master key that is in each gateway's data directory. So a new master key means one
// more row, and nothing else is written again; and for a while two master keys can open the same store.

// DataKeys keeps the data key; *sqlstore.Store serves it.
type DataKeys interface {
	DataKey(ctx context.Context, master []byte) ([]byte, error)
	FirstDataKey(ctx context.Context, master, sealed []byte) error
	AddDataKey(ctx context.Context, master, sealed []byte) error
	RetireDataKeys(ctx context.Context, keep []byte) (int64, error)
}

// ErrMaster says that a master key opens nothing in this store.
var ErrMaster = errors.New("the master key is not the one that this database's secrets were sealed under: give this gateway the master.key of the others, or restore it from a backup")

const dataKeyUse = "data-key"

// master is what a master key is used for: to seal the data key, and to name itself.
type master struct {
	seal cipher.AEAD
	name []byte // tells this master key from another, and tells nothing of it
}

func newMaster(key [32]byte) (m master, err error) {
	if key == [32]byte{} {
		return m, errors.New("no master key")
	}
	sealing, err := hkdf.Key(sha256.New, key[:], nil, "viaduct/master/seal/v1", 32)
	if err == nil {
		m.name, err = hkdf.Key(sha256.New, key[:], nil, "viaduct/master/name/v1", 32)
	}
	if err == nil {
		m.seal, err = newSeal(sealing)
	}
	if err != nil {
		return m, fmt.Errorf("master key: %w", err)
	}
	return m, nil
}

// Unlock returns a store's secrets. In a store that has none it makes them. ErrMaster when they were sealed
// under another master key: a gateway with that would start, and open nothing.
func Unlock(ctx context.Context, keys DataKeys, key [32]byte) (*Secrets, error) {
	m, err := newMaster(key)
	if err != nil {
		return nil, err
	}
	sealed, err := keys.DataKey(ctx, m.name)
	if errors.Is(err, sqlstore.ErrNotFound) {
		var data [32]byte
		_, _ = rand.Read(data[:]) // never fails
		if err := keys.FirstDataKey(ctx, m.name, sealWith(m.seal, data[:], dataKeyUse)); err != nil {
			return nil, err
		}
		sealed, err = keys.DataKey(ctx, m.name) // of two gateways that start at once, the first one's
	}
	if errors.Is(err, sqlstore.ErrNotFound) {
		return nil, ErrMaster
	}
	if err != nil {
		return nil, err
	}
	data, err := openWith(m.seal, sealed, dataKeyUse)
	if err != nil {
		return nil, fmt.Errorf("data key: %w", err)
	}
	return newSecrets([32]byte(data))
}

// AddMaster lets another master key open the store as well. To do it again does no harm.
func (s *Secrets) AddMaster(ctx context.Context, keys DataKeys, key [32]byte) error {
	m, err := newMaster(key)
	if err != nil {
		return err
	}
	return keys.AddDataKey(ctx, m.name, sealWith(m.seal, s.data[:], dataKeyUse))
}

// RetireMasters lets no master key but this one open the store, and says how many could. ErrMaster when this
// one can't.
func RetireMasters(ctx context.Context, keys DataKeys, key [32]byte) (int64, error) {
	m, err := newMaster(key)
	if err != nil {
		return 0, err
	}
	if _, err := keys.DataKey(ctx, m.name); errors.Is(err, sqlstore.ErrNotFound) {
		return 0, ErrMaster
	} else if err != nil {
		return 0, err
	}
	return keys.RetireDataKeys(ctx, m.name)
}
