package testenv

import (
	"context"
	"crypto/rand"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// patience bounds one statement to a server: each is over in milliseconds, and a test that hangs on a
// dead server says less than one that fails.
const patience = 30 * time.Second

// redisDatabases is how many numbered databases scripts/test asks of Redis. Numbers are handed out in
// turn, so one is used again only after this many tests, long after its first test ended.
const redisDatabases = 1024

// Postgres returns the URL of a new, empty database on the private server, dropped when the test ends;
// or skips.
func Postgres(t testing.TB) string {
	t.Helper()
	admin := server(t, PostgresVar)
	name := "viaduct_test_" + strings.ToLower(rand.Text())
	execPostgres(t, admin, "CREATE DATABASE "+name+" TEMPLATE template0")
	// FORCE: a test that failed may have left connections behind, and they must not keep the database.
	t.Cleanup(func() { execPostgres(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })

	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("%s: not a URL", PostgresVar)
	}
	u.Path = "/" + name
	return u.String()
}

func execPostgres(t testing.TB, dsn, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Errorf("connect to %s: %v", PostgresVar, err)
		return
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// Redis returns the URL of a numbered database of the private Redis that no other test is using,
// emptied first; or skips.
func Redis(t testing.TB) string {
	t.Helper()
	base := server(t, RedisVar)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()

	// Tests of several packages run as several processes, so the turn is kept in Redis itself.
	turn, err := counted(ctx, base)
	if err != nil {
		t.Fatalf("%s: %v", RedisVar, err)
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatalf("%s: not a URL", RedisVar)
	}
	u.Path = "/" + strconv.FormatInt(1+turn%(redisDatabases-1), 10)
	if err := flush(ctx, u.String()); err != nil {
		t.Fatalf("empty database %s of %s: %v", u.Path, RedisVar, err)
	}
	return u.String()
}

func counted(ctx context.Context, dsn string) (int64, error) {
	opts, err := redis.ParseURL(dsn)
	if err != nil {
		return 0, err
	}
	client := redis.NewClient(opts)
	defer client.Close()
	return client.Incr(ctx, "testenv:databases").Result()
}

func flush(ctx context.Context, dsn string) error {
	opts, err := redis.ParseURL(dsn)
	if err != nil {
		return err
	}
	client := redis.NewClient(opts)
	defer client.Close()
	return client.FlushDB(ctx).Err()
}
