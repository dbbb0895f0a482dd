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

// Versions returns the schema version of the database and the one this program writes.
func Versions(ctx context.Context, db *sql.DB, d Dialect) (have, want int64, err error) {
	p, err := provider(db, d)
	if err != nil {
		return 0, 0, err
	}
	if have, want, err = p.GetVersions(ctx); err != nil {
		return 0, 0, fmt.Errorf("schema version: %w", err)
	}
	return have, want, nil
}

func provider(db *sql.DB, d Dialect) (*goose.Provider, error) {
	steps, err := fs.Sub(files, "sql")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if d == Postgres {
		locker, err := lock.NewPostgresSessionLocker()
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
