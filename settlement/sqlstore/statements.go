package sqlstore

import (
	"context"
	"database/sql"

	"viaduct/ledger"
)

// Statement is one position over a time: what it held before, each change, and what it held at the end.
type Statement struct {
	Line
	Opening, Closing int64
	Postings         []StatementPosting
	More             bool // there were more postings than asked for; Closing is that after the last one given
}

// StatementPosting is one change, and the result that made it.
type StatementPosting struct {
	Posting
	Leaf []byte // of the result, as it is proven
}

// Statement returns what happened to a position of holder at or after from and before until (block
// times), at most limit changes.
func (s *Store) Statement(ctx context.Context, line Line, from, until int64, limit int) (Statement, error) {
	st := Statement{Line: line}
	first, err := s.lastBefore(ctx, from)
	if err != nil {
		return st, err
	}
	last, err := s.lastBefore(ctx, until)
	if err != nil {
		return st, err
	}
	before, err := list(ctx, s.read, "opening balance", scanValue[int64],
		`SELECT balance FROM postings WHERE pos = $1 AND height <= $2 ORDER BY height DESC, idx DESC, seq DESC LIMIT 1`, int64(line.Pos), first)
	if err != nil {
		return st, err
	}
	for _, b := range before {
		st.Opening = b
	}
	st.Postings, err = list(ctx, s.read, "statement", func(r *sql.Rows, p *StatementPosting) error {
		var reason ledger.PostingReason
		err := r.Scan(&p.Height, &p.Index, &p.Seq, &reason, &p.Delta, &p.Balance, &p.Time, &p.Leaf)
		p.Holder, p.Asset, p.Reason = line.Holder, line.Asset, reason.String()
		return err
	}, `SELECT n.height, n.idx, n.seq, n.reason, n.delta, n.balance, b.time, l.leaf
		FROM postings n JOIN blocks b ON b.height = n.height JOIN leaves l ON l.height = n.height AND l.idx = n.idx
		WHERE n.pos = $1 AND n.height > $2 AND n.height <= $3 ORDER BY n.height, n.idx, n.seq LIMIT $4`, int64(line.Pos), first, last, limit+1)
	if err != nil {
		return st, err
	}
	if st.More = len(st.Postings) > limit; st.More {
		st.Postings = st.Postings[:limit]
	}
	st.Closing = st.Opening
	if n := len(st.Postings); n > 0 {
		st.Closing = st.Postings[n-1].Balance
	}
	return st, nil
}

// lastBefore returns the height of the last block before a time, -1 when there is none. Times never go
// back as heights go up, so the last by time is the highest.
func (s *Store) lastBefore(ctx context.Context, time int64) (int64, error) {
	found, err := list(ctx, s.read, "block", scanValue[int64],
		`SELECT height FROM blocks WHERE time < $1 ORDER BY time DESC, height DESC LIMIT 1`, time)
	if err != nil || len(found) == 0 {
		return -1, err
	}
	return found[0], nil
}
