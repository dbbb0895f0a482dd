// Package sqlstore holds every SQL statement of Viaduct, for SQLite and Postgres alike.
//
// It has two sides. Project writes what the ledger decided, one transaction a block, in height order
// and once each, whoever repeats it. The rest is what the gateway keeps: requests under way,
// confidential details, keys, messages, webhooks; and the reads over both. A read that could show
// what is confidential takes the participant who looks and finds nothing else: what isn't yours looks
// like what isn't there.
//
// A write that returned without error is on disk, but for Project and MarkAccepted on SQLite, which can
// be made again from the block log and the journal: a power cut may take the last of them, never a
// crash of the process. A write that returned an error other than those named here may or may not have
// happened; every write may be repeated.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	// The drivers register themselves with database/sql.
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"viaduct/migrations"
)

// Errors that callers match with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already there")
	ErrSchema   = errors.New("database schema is not this program's")
	ErrCursor   = errors.New("not a cursor of this list")
	// ErrFull says that there are as many as there may be.
	ErrFull = errors.New("no room for another")
	// ErrGap says that a block before the one to project is missing.
	ErrGap = errors.New("block out of order")
	// ErrForked says that the database holds another chain.
	ErrForked = errors.New("database holds another chain")
)

// Connections. SQLite has one writer, so more would only wait for each other; readers don't block it.
const (
	sqliteReaders = 4
	postgresConns = 16
	idlePostgres  = 8
)

// Store is a database. It is safe for concurrent use.
type Store struct {
	reads  *sql.DB
	read   querier // over reads
	writer writer
}

// writer runs functions in transactions.
type writer interface {
	// do returns when the change is on disk.
	do(ctx context.Context, f func(ctx context.Context, t tx) error) error
	// derive is do for what can be made again from elsewhere. The change is seen when it returns, and on
	// disk no later than that of the next do.
	derive(ctx context.Context, f func(ctx context.Context, t tx) error) error
	close() error
}

// Open opens a database that Migrate has brought up to date: "sqlite:PATH", a plain path, or a
// "postgres://" URL.
func Open(ctx context.Context, dsn string) (*Store, error) {
	dialect, err := dialectOf(dsn)
	if err != nil {
		return nil, err
	}
	s := new(Store)
	if dialect == migrations.Postgres {
		if s.reads, err = openPostgres(dsn); err == nil {
			s.read, s.writer = s.reads.QueryContext, postgresWriter{s.reads}
		}
	} else if s.reads, s.writer, err = openSQLite(ctx, dsn); err == nil {
		s.read = (&preparedReads{db: s.reads}).query
	}
	if err != nil {
		return nil, err
	}
	have, want, err := migrations.Versions(ctx, s.reads, dialect)
	if err == nil && have != want {
		err = fmt.Errorf("%w: version %d, want %d", ErrSchema, have, want)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Migrate brings a database to the newest schema, creating a SQLite file that is not there.
func Migrate(ctx context.Context, dsn string) error {
	dialect, err := dialectOf(dsn)
	if err != nil {
		return err
	}
	var db *sql.DB
	if dialect == migrations.Postgres {
		db, err = openPostgres(dsn)
	} else {
		db, err = sql.Open("sqlite", sqliteDSN(dsn, writing))
	}
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	return errors.Join(migrations.Up(ctx, db, dialect), db.Close())
}

// Close waits for the writes under way and closes the database.
func (s *Store) Close() error { return errors.Join(s.writer.close(), s.reads.Close()) }

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.reads.PingContext(ctx); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

func dialectOf(dsn string) (migrations.Dialect, error) {
	switch scheme, _, ok := strings.Cut(dsn, ":"); {
	case dsn == "":
		return "", errors.New("no database URL")
	case scheme == "postgres" || scheme == "postgresql":
		return migrations.Postgres, nil
	case !ok || scheme == "sqlite" || strings.ContainsAny(scheme, `/\`):
		return migrations.SQLite, nil
	default:
		return "", fmt.Errorf("database URL of kind %.20q: want sqlite:PATH or postgres://", scheme)
	}
}

func openPostgres(dsn string) (*sql.DB, error) {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		// The driver's error would tell the password.
		return nil, errors.New("open database: not a Postgres URL")
	}
	db.SetMaxOpenConns(postgresConns)
	db.SetMaxIdleConns(idlePostgres)
	return db, nil
}

// How a SQLite connection is used.
const (
	writing = iota
	reading
)

// preparedReads keeps SQLite's statements prepared: parsing one takes as long as running it. (The driver
// for Postgres does the same by itself.) Closing the database closes them.
type preparedReads struct {
	db    *sql.DB
	stmts sync.Map // *sql.Stmt by text
	count atomic.Int64
}

// maxPrepared bounds the texts that are kept; lists with many filters have many.
const maxPrepared = 256

func (p *preparedReads) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	if stmt, ok := p.stmts.Load(text); ok {
		return stmt.(*sql.Stmt).QueryContext(ctx, args...)
	}
	if p.count.Load() >= maxPrepared {
		return p.db.QueryContext(ctx, text, args...)
	}
	stmt, err := p.db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	if kept, loaded := p.stmts.LoadOrStore(text, stmt); loaded {
		_ = stmt.Close() // another was as fast; this one was never used
		return kept.(*sql.Stmt).QueryContext(ctx, args...)
	}
	p.count.Add(1)
	return stmt.QueryContext(ctx, args...)
}

// sqliteDSN turns "sqlite:PATH" or a path into the driver's form. In WAL mode with synchronous=FULL a
// commit is on disk when it returns, and readers see the last one without waiting.
func sqliteDSN(dsn string, use int) string {
	path := strings.TrimPrefix(strings.TrimPrefix(dsn, "sqlite:"), "//")
	pragmas := []string{"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "temp_store(MEMORY)", "cache_size(-32768)"}
	if use == reading {
		pragmas = append(pragmas, "query_only(1)")
	} else {
		// Most pages that a block changes the next one changes again: the longer the log before it is
		// copied into the database, the fewer copies. 16,384 pages are 64 MiB, which a start reads in a
		// fraction of a second.
		pragmas = append(pragmas, "wal_autocheckpoint(16384)")
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: url.Values{"_pragma": pragmas}.Encode()}).String()
}

func openSQLite(ctx context.Context, dsn string) (*sql.DB, writer, error) {
	db, err := sql.Open("sqlite", sqliteDSN(dsn, writing))
	if err != nil {
		return nil, nil, fmt.Errorf("open database: %w", err)
	}
	w, err := newSQLiteWriter(ctx, db)
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	reads, err := sql.Open("sqlite", sqliteDSN(dsn, reading))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open database: %w", err), w.close())
	}
	reads.SetMaxOpenConns(sqliteReaders)
	reads.SetMaxIdleConns(sqliteReaders)
	return reads, w, nil
}
