package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// Line is a participant's position in one asset: a line, or the issuer's own position (Own), whose
// balance is minus what it owes.
type Line struct {
	Pos                        ledger.PosID
	Holder                     ledger.BIC
	Asset                      ledger.AssetName
	Own                        bool
	Balance, Limit             int64
	HeldOut, HeldIn            int64 // what firm quotes will give from it and bring to it
	QualityIn, QualityOut      int64 // parts per billion
	Ripple, Frozen, Authorized bool
	Height                     uint64 // of the last change
}

const lineColumns = `pos, holder, currency, issuer, own, balance, "limit", held_out, held_in, quality_in, quality_out, ripple, frozen, authorized, height`

func scanLine(r *sql.Rows, l *Line) error {
	return r.Scan(&l.Pos, toBIC(&l.Holder), toCurrency(&l.Asset.Currency), toBIC(&l.Asset.Issuer), &l.Own, &l.Balance, &l.Limit, &l.HeldOut, &l.HeldIn,
		&l.QualityIn, &l.QualityOut, &l.Ripple, &l.Frozen, &l.Authorized, &l.Height)
}

// Line returns holder's position in an asset.
func (s *Store) Line(ctx context.Context, holder ledger.BIC, asset ledger.AssetName) (Line, error) {
	return one(ctx, s.read, "line", scanLine, `SELECT `+lineColumns+` FROM positions
		WHERE holder = $1 AND currency = $2 AND issuer = $3`, holder.String(), asset.Currency.String(), asset.Issuer.String())
}

// LineFilter narrows a list of lines; zero fields ask nothing.
type LineFilter struct {
	Currency       money.Currency
	Holder, Issuer ledger.BIC
	OthersOnly     bool // without the issuers' own positions
}

// Lines returns a page of the positions behind after (ledger.None for the first page) that viewer
// holds or has issued, in the order of their opening.
func (s *Store) Lines(ctx context.Context, viewer ledger.BIC, f LineFilter, after ledger.PosID, limit int) ([]Line, error) {
	var w where
	w.add("SELECT " + lineColumns + " FROM positions")
	w.add(" WHERE (holder = ? OR issuer = ?) AND pos > ?", viewer.String(), viewer.String(), int64(after))
	if f.Currency != 0 {
		w.add(" AND currency = ?", f.Currency.String())
	}
	if f.Holder != (ledger.BIC{}) {
		w.add(" AND holder = ?", f.Holder.String())
	}
	if f.Issuer != (ledger.BIC{}) {
		w.add(" AND issuer = ?", f.Issuer.String())
	}
	if f.OthersOnly {
		w.add(" AND holder <> issuer")
	}
	w.add(" ORDER BY pos LIMIT ?", limit)
	return list(ctx, s.read, "lines", scanLine, string(w.text), w.args...)
}

// Balances returns all positions of a holder, and the height they are true at.
func (s *Store) Balances(ctx context.Context, holder ledger.BIC) (lines []Line, height uint64, err error) {
	// One snapshot for both reads: a block projected between them would make the height a lie. On
	// Postgres that takes repeatable read; a SQLite transaction never sees anything newer.
	t, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return nil, 0, err
	}
	at, err := one(ctx, t.QueryContext, "projection", scanValue[int64],
		`SELECT height FROM projection WHERE id = 1`)
	if err == nil {
		lines, err = list(ctx, t.QueryContext, "balances", scanLine, `SELECT `+lineColumns+` FROM positions WHERE holder = $1 ORDER BY pos`, holder.String())
	}
	if err = errors.Join(err, t.Rollback()); err != nil {
		return nil, 0, err
	}
	return lines, uint64(max(at, 0)), nil
}
