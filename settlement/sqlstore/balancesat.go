package sqlstore

import (
	"context"
	"database/sql"

	"viaduct/ledger"
)

// BalancesAt returns what a holder had in each asset after the block at height, from the postings up to
// it. A position that had not moved by then is left out, and of the lines it is the balance alone that is
// of that height.
func (s *Store) BalancesAt(ctx context.Context, holder ledger.BIC, height uint64) ([]Line, error) {
	type past struct {
		Line
		balance sql.NullInt64
	}
	found, err := list(ctx, s.read, "balances", func(r *sql.Rows, p *past) error {
		return r.Scan(&p.Pos, toBIC(&p.Holder), toCurrency(&p.Asset.Currency), toBIC(&p.Asset.Issuer), &p.Own, &p.balance)
	}, `SELECT p.pos, p.holder, p.currency, p.issuer, p.own, (SELECT n.balance FROM postings n
			WHERE n.pos = p.pos AND n.height <= $2 ORDER BY n.height DESC, n.idx DESC, n.seq DESC LIMIT 1)
		FROM positions p WHERE p.holder = $1 ORDER BY p.pos`, holder.String(), int64(height))
	var lines []Line
	for i := range found {
		if found[i].balance.Valid {
			found[i].Balance = found[i].balance.Int64
			lines = append(lines, found[i].Line)
		}
	}
	return lines, err
}

// HeightAt returns the height of the last block at or before a time (Unix milliseconds, the ledger's);
// ErrNotFound before the first.
func (s *Store) HeightAt(ctx context.Context, time int64) (uint64, error) {
	return one(ctx, s.read, "block", scanValue[uint64],
		`SELECT height FROM blocks WHERE time <= $1 ORDER BY time DESC, height DESC LIMIT 1`, time)
}
