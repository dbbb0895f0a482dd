package load

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	// The driver registers itself with database/sql.
	_ "github.com/jackc/pgx/v5/stdlib"
)

// Baseline is what the same transfers cost as plain double entry on Postgres, written the way one would
// without a ledger: lock and change two balances, insert two entries, commit and wait for the disk.
type Baseline struct {
	Transfers uint64        `json:"transfers"`
	Took      time.Duration `json:"-"`
	Latency   Histogram     `json:"-"`
}

// baselineTables is made in a schema of its own, which is dropped before and after.
const (
	baselineDrop   = `DROP SCHEMA IF EXISTS viaduct_baseline CASCADE`
	baselineTables = `CREATE SCHEMA viaduct_baseline;
		CREATE TABLE viaduct_baseline.accounts (id integer PRIMARY KEY, balance bigint NOT NULL);
		CREATE TABLE viaduct_baseline.entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
			transfer uuid NOT NULL, account integer NOT NULL REFERENCES viaduct_baseline.accounts, amount bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
		CREATE INDEX entries_by_account ON viaduct_baseline.entries (account, id)`
)

// RunBaseline moves random amounts between the accounts of so many banks, three each, with clients
// connections, count times or for a while. done is raised with each transfer.
func RunBaseline(ctx context.Context, url string, banks, clients int, count int64, limit time.Duration, seed uint64, done *atomic.Int64) (b *Baseline, err error) {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return nil, errors.New("open database: not a Postgres URL") // the driver's error would tell the password
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(clients)
	db.SetMaxIdleConns(clients)
	if _, err := db.ExecContext(ctx, baselineDrop+";"+baselineTables); err != nil {
		return nil, fmt.Errorf("make the baseline's tables: %w", err)
	}
	defer func() {
		if _, e := db.ExecContext(context.WithoutCancel(ctx), baselineDrop); e != nil {
			err = errors.Join(err, fmt.Errorf("drop the baseline's tables: %w", e))
		}
	}()
	accounts := banks * len(currencies)
	if _, err := db.ExecContext(ctx, `INSERT INTO viaduct_baseline.accounts SELECT n, 0 FROM generate_series(0, $1::integer) n`, accounts-1); err != nil {
		return nil, fmt.Errorf("open the baseline's accounts: %w", err)
	}
	if limit > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, limit)
		defer stop()
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	parts := make([]Baseline, clients)
	failed := make([]error, clients)
	start := time.Now()
	for i := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			for ctx.Err() == nil && (count == 0 || next.Add(1) <= count) {
				at := time.Now()
				// What is under way when the time is over is finished.
				if failed[i] = transfer(context.WithoutCancel(ctx), db, rng, banks); failed[i] != nil {
					return
				}
				parts[i].Latency.Add(time.Since(at))
				parts[i].Transfers++
				done.Add(1)
			}
		})
	}
	wg.Wait()
	b = &Baseline{Took: time.Since(start)}
	for i := range parts {
		b.Transfers += parts[i].Transfers
		b.Latency.Merge(&parts[i].Latency)
	}
	if err := errors.Join(failed...); err != nil {
		return nil, fmt.Errorf("transfer: %w", err)
	}
	var sum, entries int64
	if err := db.QueryRowContext(context.WithoutCancel(ctx), `SELECT (SELECT sum(balance) FROM viaduct_baseline.accounts),
		(SELECT count(*) FROM viaduct_baseline.entries)`).Scan(&sum, &entries); err != nil {
		return nil, err
	}
	if sum != 0 || entries != 2*int64(b.Transfers) {
		return nil, fmt.Errorf("after %d transfers the accounts sum to %d and there are %d entries", b.Transfers, sum, entries)
	}
	return b, nil
}

// transfer makes one transfer between two banks' accounts in one currency.
func transfer(ctx context.Context, db *sql.DB, rng *rand.Rand, banks int) error {
	from, to := rng.IntN(banks), rng.IntN(banks-1)
	if to >= from {
		to++
	}
	c := rng.IntN(len(currencies))
	from, to = from*len(currencies)+c, to*len(currencies)+c
	amount := 1 + rng.Int64N(100_000)
	var id [16]byte
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback() // after a commit it does nothing
	if _, err := t.ExecContext(ctx, `SET LOCAL synchronous_commit TO on`); err != nil {
		return err
	}
	// The smaller account first: two transfers that cross would lock each other out.
	first, second, change := from, to, -amount
	if to < from {
		first, second, change = to, from, amount
	}
	for _, u := range []struct {
		account int
		change  int64
	}{{first, change}, {second, -change}} {
		if _, err := t.ExecContext(ctx, `UPDATE viaduct_baseline.accounts SET balance = balance + $1 WHERE id = $2`, u.change, u.account); err != nil {
			return err
		}
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO viaduct_baseline.entries (transfer, account, amount) VALUES ($1, $2, $3)`, id, from, -amount); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, `INSERT INTO viaduct_baseline.entries (transfer, account, amount) VALUES ($1, $2, $3)`, id, to, amount); err != nil {
		return err
	}
	return t.Commit()
}
