package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"viaduct/ledger"
)

// tx is a transaction under way.
type tx interface {
	exec(ctx context.Context, text string, args ...any) (changed int64, err error)
	query(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	// bulk is how many rows one INSERT best carries, and whether its parameters have numbers.
	bulk() (rows int, numbered bool)
}

var errClosed = errors.New("database is closed")

// maxGroup bounds how many writes share one commit, and with it how long one of them waits.
const maxGroup = 256

// sqliteWriter is the one connection that writes. Whatever writes wait while it is at work share the
// next transaction, so that a hundred requests at once cost one fsync, not a hundred.
type sqliteWriter struct {
	db    *sql.DB
	conn  *sql.Conn
	stmts map[string]*sql.Stmt // by text; only the writer's goroutine touches it
	jobs  chan *job
	ended chan struct{}
	lazy  bool // commits do not wait for the disk; only the writer's goroutine touches it

	mu     sync.RWMutex // held for reading while a job is handed over
	closed bool
}

type job struct {
	ctx     context.Context
	f       func(context.Context, tx) error
	derived bool // need not be on disk
	done    chan error
}

func newSQLiteWriter(ctx context.Context, db *sql.DB) (*sqliteWriter, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	w := &sqliteWriter{
		db: db, conn: conn, stmts: make(map[string]*sql.Stmt),
		jobs: make(chan *job, maxGroup), ended: make(chan struct{}),
	}
	go w.run()
	return w, nil
}

func (w *sqliteWriter) do(ctx context.Context, f func(context.Context, tx) error) error {
	return w.submit(&job{ctx: ctx, f: f, done: make(chan error, 1)})
}

func (w *sqliteWriter) derive(ctx context.Context, f func(context.Context, tx) error) error {
	return w.submit(&job{ctx: ctx, f: f, derived: true, done: make(chan error, 1)})
}

func (w *sqliteWriter) submit(j *job) error {
	ctx := j.ctx
	w.mu.RLock()
	if w.closed {
		w.mu.RUnlock()
		return errClosed
	}
	select {
	case w.jobs <- j:
		w.mu.RUnlock()
	case <-ctx.Done():
		w.mu.RUnlock()
		return ctx.Err()
	}
	// From here the answer comes soon, and is the only way to know whether the write happened.
	return <-j.done
}

func (w *sqliteWriter) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	close(w.jobs)
	w.mu.Unlock()
	<-w.ended
	errs := make([]error, 0, len(w.stmts)+2)
	for _, stmt := range w.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, w.conn.Close(), w.db.Close())...)
}

func (w *sqliteWriter) run() {
	defer close(w.ended)
	for first := range w.jobs {
		group := []*job{first}
	gather:
		for len(group) < maxGroup {
			select {
			case j, ok := <-w.jobs:
				if !ok {
					break gather
				}
				group = append(group, j)
			default:
				break gather
			}
		}
		w.commit(group)
	}
}

// commit runs a group in one transaction. A job that fails takes back its own part; if the
// transaction fails, all of them did. Statements run to their end whatever the callers' contexts say:
// an interrupted one would roll back its neighbours' work.
func (w *sqliteWriter) commit(group []*job) {
	ctx := context.Background()
	answers := make([]error, len(group))
	failed := w.wait(ctx, group)
	if failed == nil {
		_, failed = w.exec(ctx, "BEGIN IMMEDIATE")
	}
	for i, j := range group {
		if failed != nil {
			break
		}
		if answers[i] = j.ctx.Err(); answers[i] != nil {
			continue
		}
		answers[i], failed = w.part(ctx, j, len(group) == 1)
	}
	if failed == nil {
		_, failed = w.exec(ctx, "COMMIT")
	}
	if failed != nil {
		// Where SQLite rolled back by itself (a full disk) this one fails, and means nothing.
		_, _ = w.exec(ctx, "ROLLBACK")
	}
	for i, j := range group {
		if failed != nil && answers[i] == nil {
			answers[i] = fmt.Errorf("commit: %w", failed)
		}
		j.done <- answers[i]
	}
}

// wait sets whether the commit of a group is to wait for the disk: when any of its jobs must be there.
// In WAL mode a commit that waits takes with it all that came before, so order is kept either way.
func (w *sqliteWriter) wait(ctx context.Context, group []*job) error {
	lazy := true
	for _, j := range group {
		lazy = lazy && j.derived
	}
	if lazy == w.lazy {
		return nil
	}
	text := "PRAGMA synchronous=FULL"
	if lazy {
		text = "PRAGMA synchronous=NORMAL"
	}
	_, err := w.exec(ctx, text)
	if err == nil {
		w.lazy = lazy
	}
	return err
}

// part runs one job of a transaction. A savepoint makes SQLite keep a copy of each page it changes, so
// a job that is alone goes without: taking back all of the transaction is the same for it.
func (w *sqliteWriter) part(ctx context.Context, j *job, alone bool) (answer, failed error) {
	if alone {
		answer = j.f(ctx, w)
		return answer, answer
	}
	if _, failed = w.exec(ctx, "SAVEPOINT job"); failed != nil {
		return nil, failed
	}
	if answer = j.f(ctx, w); answer != nil {
		if _, failed = w.exec(ctx, "ROLLBACK TO job"); failed != nil {
			return answer, failed
		}
	}
	_, failed = w.exec(ctx, "RELEASE job")
	return answer, failed
}

func (w *sqliteWriter) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	if stmt, ok := w.stmts[text]; ok {
		return stmt, nil
	}
	stmt, err := w.conn.PrepareContext(ctx, text)
	if err == nil {
		w.stmts[text] = stmt
	}
	return stmt, err
}

func (w *sqliteWriter) exec(ctx context.Context, text string, args ...any) (int64, error) {
	stmt, err := w.stmt(ctx, text)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (w *sqliteWriter) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	stmt, err := w.stmt(ctx, text)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

// bulk: the driver looks a numbered parameter's name up along the list of all, which makes long
// statements slow.
func (w *sqliteWriter) bulk() (int, bool) { return 16, false }

// postgresWriter gives each write a transaction and a connection of its own; Postgres itself lets
// commits that wait share an fsync.
type postgresWriter struct{ db *sql.DB }

type postgresTx struct{ *sql.Tx }

func (w postgresWriter) do(ctx context.Context, f func(context.Context, tx) error) error {
	t, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := f(ctx, postgresTx{t}); err != nil {
		// The server rolls back what it can't be told to.
		_ = t.Rollback()
		return err
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// derive waits for the disk all the same: the server may lose its last commits while this process lives
// on and takes them to be there.
func (w postgresWriter) derive(ctx context.Context, f func(context.Context, tx) error) error {
	return w.do(ctx, f)
}

func (postgresWriter) close() error { return nil } // the reads' pool is the same one

func (t postgresTx) exec(ctx context.Context, text string, args ...any) (int64, error) {
	result, err := t.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (t postgresTx) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return t.QueryContext(ctx, text, args...)
}

func (postgresTx) bulk() (int, bool) { return 256, true }

// inTurn has those who ask for one participant at once take turns, until their transactions end: each takes
// the participant's row.
func inTurn(ctx context.Context, t tx, participant ledger.BIC) error {
	_, err := t.exec(ctx, `UPDATE participants SET height = height WHERE bic = $1`, participant.String())
	return err
}

// insertion is an INSERT of many rows.
type insertion struct {
	into string // "payments (id, sender)"
	tail string // "ON CONFLICT ...", or nothing
	cols int
	args []any // row after row
}

func (n *insertion) row(values ...any) {
	n.cols = len(values)
	n.args = append(n.args, values...)
}

// run inserts the rows in statements of 2^k rows each, so that few texts, each prepared once, do for
// any number of rows.
func (n *insertion) run(ctx context.Context, t tx) error {
	args := n.args
	size, numbered := t.bulk()
	for ; len(args) > 0; size /= 2 {
		for len(args) >= size*n.cols {
			if _, err := t.exec(ctx, n.text(size, numbered), args[:size*n.cols]...); err != nil {
				return fmt.Errorf("insert into %s: %w", strings.Fields(n.into)[0], err)
			}
			args = args[size*n.cols:]
		}
	}
	return nil
}

func (n *insertion) text(rows int, numbered bool) string {
	return "INSERT INTO " + n.into + " VALUES " + n.places(rows, numbered) + " " + n.tail
}

// places returns the places of rows of parameters, "($1,$2),($3,$4)".
func (n *insertion) places(rows int, numbered bool) string {
	b := make([]byte, 0, rows*n.cols*6)
	for i := range rows * n.cols {
		switch {
		case i == 0:
			b = append(b, '(')
		case i%n.cols == 0:
			b = append(b, "),("...)
		default:
			b = append(b, ',')
		}
		if numbered {
			b = strconv.AppendInt(append(b, '$'), int64(i+1), 10)
		} else {
			b = append(b, '?')
		}
	}
	return string(append(b, ')'))
}
