package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// What goes into a column and comes out of it. Nothing is NULL: zero values stand for none.

func blob(b []byte) []byte {
	if b == nil {
		return []byte{} // a nil slice would be NULL
	}
	return b
}

// text makes bytes that the ledger let in fit for a TEXT column: Postgres refuses zero bytes and
// broken UTF-8, and a block must never fail to be projected for a name in it.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// scanned reads a column through set.
type scanned[V string | []byte] struct{ set func(V) error }

// Scan takes what a driver found.
func (s scanned[V]) Scan(value any) error {
	switch v := value.(type) {
	case string:
		return s.set(V(v))
	case []byte:
		return s.set(V(append([]byte{}, v...)))
	default:
		return fmt.Errorf("column of type %T", value)
	}
}

func toBIC(b *ledger.BIC) sql.Scanner {
	return scanned[string]{func(v string) (err error) {
		if *b = (ledger.BIC{}); v != "" {
			*b, err = ledger.ParseBIC(v)
		}
		return err
	}}
}

// toCurrency reads a code; one that is in use no more, or never was (a payment refused for it), is
// none.
func toCurrency(c *money.Currency) sql.Scanner {
	return scanned[string]{func(v string) error {
		*c, _ = money.ParseCurrency(v)
		return nil
	}}
}

func toID(id *ledger.ID) sql.Scanner    { return toFixed(id[:]) }
func toHash(h *ledger.Hash) sql.Scanner { return toFixed(h[:]) }
func toFixed(dst []byte) sql.Scanner {
	return scanned[[]byte]{func(v []byte) error {
		clear(dst)
		if len(v) != 0 && len(v) != len(dst) {
			return fmt.Errorf("%d bytes, want %d", len(v), len(dst))
		}
		copy(dst, v)
		return nil
	}}
}

// toWords reads words with a comma between; none is no words.
func toWords(words *[]string) sql.Scanner {
	return scanned[string]{func(v string) error {
		*words = nil
		if v = strings.Trim(v, ","); v != "" {
			*words = strings.Split(v, ",")
		}
		return nil
	}}
}

func toKeys(keys *[][32]byte) sql.Scanner {
	return scanned[[]byte]{func(v []byte) error {
		*keys = nil
		for ; len(v) >= 32; v = v[32:] {
			*keys = append(*keys, [32]byte(v))
		}
		return nil
	}}
}

func toIDs(ids *[]ledger.ID) sql.Scanner {
	return scanned[[]byte]{func(v []byte) error {
		*ids = nil
		for ; len(v) >= 16; v = v[16:] {
			*ids = append(*ids, ledger.ID(v))
		}
		return nil
	}}
}

func joinIDs(ids []ledger.ID) []byte {
	b := make([]byte, 0, 16*len(ids))
	for i := range ids {
		b = append(b, ids[i][:]...)
	}
	return b
}

// scanValue reads the one column of a query.
func scanValue[T any](r *sql.Rows, v *T) error { return r.Scan(v) }

// querier is a pool or a transaction.
type querier func(ctx context.Context, text string, args ...any) (*sql.Rows, error)

// list runs a query and reads every row with scan.
func list[T any](ctx context.Context, q querier, what string, scan func(*sql.Rows, *T) error, text string, args ...any) ([]T, error) {
	rows, err := q(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, fmt.Errorf("read %s: %w", what, err)
		}
		all = append(all, v)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return all, nil
}

// one is list for a query that finds at most one row; ErrNotFound when it finds none.
func one[T any](ctx context.Context, q querier, what string, scan func(*sql.Rows, *T) error, text string, args ...any) (T, error) {
	found, err := list(ctx, q, what, scan, text, args...)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}

// where gathers the text of a query and its arguments; "?" is the next argument's place.
type where struct {
	text []byte
	args []any
}

func (w *where) add(part string, args ...any) {
	for _, c := range []byte(part) {
		if c != '?' {
			w.text = append(w.text, c)
			continue
		}
		w.args = append(w.args, args[0])
		args = args[1:]
		w.text = fmt.Appendf(w.text, "$%d", len(w.args))
	}
}
