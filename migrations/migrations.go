// Package migrations brings a database to the schema that this program writes. The same SQL runs on
// SQLite and on Postgres; each step has a way back.
//
// Types: BIGINT for numbers, amounts (minor units) and times (Unix milliseconds), BYTEA for ids and
// hashes (SQLite stores what it is given under a type it does not know), TEXT for the rest. Nothing is
// NULL: zero and the empty text mean none.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed sql/*.sql
var files embed.FS

// Dialect is the kind of a database.
type Dialect = goose.Dialect

// The databases Viaduct runs on.
const (
	SQLite   Dialect = goose.DialectSQLite3
	Postgres Dialect = goose.DialectPostgres
)

// Up applies what is missing. Several processes may start at once: on Postgres they take turns.
func Up(ctx context.Context, db *sql.DB, d Dialect) error {
	p, err := provider(db, d)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate up: %w", err)
	}
	return nil
}

// Down takes back everything, and with it every row.
func Down(ctx context.Context, db *sql.DB, d Dialect) error {
	p, err := provider(db, d)
	if err != nil {
		return err
	}
	if _, err := p.DownTo(ctx, 0); err != nil {
		return fmt.Errorf("migrate down: %w", err)
	}
	return nil
}

// Versions returns the schema version of the database, 0 for an empty one, and the one this program
// writes. It only reads.
func Versions(ctx context.Context, db *sql.DB, d Dialect) (have, want int64, err error) {
	p, err := provider(db, d)
	if err != nil {
		return 0, 0, err
	}
	for _, step := range p.ListSources() {
		want = max(want, step.Version)
	}
	there := `SELECT COUNT(*) FROM sqlite_schema WHERE name = 'goose_db_version'`
	if d == Postgres {
		there = `SELECT COUNT(*) FROM pg_tables WHERE tablename = 'goose_db_version' AND schemaname = ANY (current_schemas(false))`
	}
	var tables int
	err = db.QueryRowContext(ctx, there).Scan(&tables)
	if err == nil && tables > 0 {
		err = db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`).Scan(&have)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("schema version: %w", err)
	}
	return have, want, nil
}

// A migration holds its lock for a moment; whoever waits for it looks every second, for two minutes.
const (
	lockPeriodSec = 1
	lockTries     = 120
)

func provider(db *sql.DB, d Dialect) (*goose.Provider, error) {
	steps, err := fs.Sub(files, "sql")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if d == Postgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPeriodSec, lockTries))
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(d, db, steps, options...)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return p, nil
}
