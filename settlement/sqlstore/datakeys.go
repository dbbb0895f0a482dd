package sqlstore

import (
	"context"
	"fmt"
)

// DataKey returns the data key as the master key that is named seals it. ErrNotFound when that master key
// opens nothing here.
func (s *Store) DataKey(ctx context.Context, master []byte) ([]byte, error) {
	return one(ctx, s.read, "data key", scanValue[[]byte], `SELECT sealed FROM data_keys WHERE master = $1`, master)
}

// FirstDataKey keeps a data key if there is none at all; of two at once one is kept.
func (s *Store) FirstDataKey(ctx context.Context, master, sealed []byte) error {
	err := s.change(ctx, `INSERT INTO data_keys (slot, master, sealed) SELECT 1, $1, $2
		WHERE NOT EXISTS (SELECT 1 FROM data_keys) ON CONFLICT DO NOTHING`, master, sealed)
	if err != nil {
		return fmt.Errorf("first data key: %w", err)
	}
	return nil
}

// AddDataKey keeps the data key as another master key seals it too. One that is there stays.
func (s *Store) AddDataKey(ctx context.Context, master, sealed []byte) error {
	err := s.change(ctx, `INSERT INTO data_keys (slot, master, sealed) SELECT COALESCE(MAX(slot), 0) + 1, $1, $2 FROM data_keys
		WHERE TRUE ON CONFLICT (master) DO NOTHING`, master, sealed)
	if err != nil {
		return fmt.Errorf("add data key: %w", err)
	}
	return nil
}

// RetireDataKeys forgets the data key as all master keys but one seal it, and returns how many those were.
// It forgets nothing when that one has none: then nothing would open what is kept.
func (s *Store) RetireDataKeys(ctx context.Context, keep []byte) (n int64, err error) {
	err = s.writer.do(ctx, func(ctx context.Context, t tx) (err error) {
		n, err = t.exec(ctx, `DELETE FROM data_keys WHERE master <> $1 AND EXISTS (SELECT 1 FROM data_keys WHERE master = $1)`, keep)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("retire data keys: %w", err)
	}
	return n, nil
}
