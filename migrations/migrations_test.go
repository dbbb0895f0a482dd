package migrations

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"viaduct/internal/testenv"
)

func TestUpDownUp(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { upDownUp(t, "sqlite", filepath.Join(t.TempDir(), "viaduct.db"), SQLite) })
	t.Run("postgres", func(t *testing.T) { upDownUp(t, "pgx", testenv.Postgres(t), Postgres) })
}

func upDownUp(t *testing.T, driver, dsn string, d Dialect) {
	ctx := context.Background()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables := `SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name <> 'goose_db_version' AND name NOT LIKE 'sqlite_%'`
	if d == Postgres {
		tables = `SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version'`
	}
	count := func() (n int) {
		t.Helper()
		if err := db.QueryRow(tables).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	_, want, err := Versions(ctx, db, d)
	if err != nil || want == 0 {
		t.Fatalf("newest version %d, %v", want, err)
	}
	for round := range 2 {
		for range 2 { // the second time there is nothing to do
			if err := Up(ctx, db, d); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if have, _, err := Versions(ctx, db, d); err != nil || have != want {
			t.Errorf("round %d: version %d, %v, want %d", round, have, err, want)
		}
		var height int64
		if err := db.QueryRow(`SELECT height FROM projection`).Scan(&height); err != nil || height != -1 {
			t.Errorf("round %d: height %d, %v, want -1", round, height, err)
		}
		if n := count(); n == 0 {
			t.Errorf("round %d: no tables", round)
		}
		if err := Down(ctx, db, d); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if n := count(); n != 0 {
			t.Errorf("round %d: %d tables left", round, n)
		}
	}
}

func TestUpFromSeveralProcesses(t *testing.T) {
	dsn := testenv.Postgres(t)
	const processes = 4
	done := make(chan error, processes)
	for range processes {
		go func() {
			db, err := sql.Open("pgx", dsn)
			if err == nil {
				err = Up(context.Background(), db, Postgres)
				db.Close()
			}
			done <- err
		}()
	}
	for range processes {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
