package testenv

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

func TestPostgresGivesEachTestItsOwn(t *testing.T) {
	first, second := Postgres(t), Postgres(t)
	if first == second {
		t.Fatal("the same database twice")
	}
	for _, dsn := range []string{first, second} {
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, "CREATE TABLE t (n bigint)"); err != nil {
			t.Errorf("a new database is not empty: %v", err)
		}
		var fsync string
		if err := conn.QueryRow(ctx, "SHOW fsync").Scan(&fsync); err != nil || fsync != "on" {
			t.Errorf("fsync = %q, %v, want on", fsync, err)
		}
	}
}

func TestPostgresDropsItWhenTheTestEnds(t *testing.T) {
	admin := server(t, PostgresVar)
	var dsn string
	t.Run("user", func(t *testing.T) { dsn = Postgres(t) })
	conn, err := pgx.Connect(context.Background(), dsn)
	if err == nil {
		conn.Close(context.Background())
		t.Errorf("the database outlived its test on %s", admin)
	}
}

func TestRedisGivesEachTestItsOwn(t *testing.T) {
	ctx := context.Background()
	first := open(t, Redis(t))
	if err := first.Set(ctx, "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	second := open(t, Redis(t))
	if n, err := second.DBSize(ctx).Result(); err != nil || n != 0 {
		t.Errorf("second database holds %d keys, %v, want none", n, err)
	}
	if got := first.Get(ctx, "key").Val(); got != "value" {
		t.Errorf("first database lost its key when the second was handed out: %q", got)
	}
}

func open(t *testing.T, dsn string) *redis.Client {
	opts, err := redis.ParseURL(dsn)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opts)
	t.Cleanup(func() { client.Close() })
	return client
}

func TestChromiumIsThere(t *testing.T) {
	if _, err := os.Stat(Chromium(t)); err != nil {
		t.Error(err)
	}
}

func TestScale(t *testing.T) {
	t.Setenv(ScaleVar, "")
	if got := Scale(t, 7); got != 7 {
		t.Errorf("Scale(7) = %d without %s", got, ScaleVar)
	}
	t.Setenv(ScaleVar, "3")
	if got := Scale(t, 7); got != 21 {
		t.Errorf("Scale(7) = %d with %s=3", got, ScaleVar)
	}
}

func TestWithoutTheVariableATestIsSkipped(t *testing.T) {
	t.Setenv("CI", "")
	t.Setenv(PostgresVar, "")
	t.Setenv(RedisVar, "")
	var reached []string
	t.Run("postgres", func(t *testing.T) { Postgres(t); reached = append(reached, "postgres") })
	t.Run("redis", func(t *testing.T) { Redis(t); reached = append(reached, "redis") })
	t.Run("shared", func(t *testing.T) { Shared(t, "no/such/file"); reached = append(reached, "shared") })
	if len(reached) != 0 {
		t.Errorf("not skipped: %v", reached)
	}
}

func TestRootHasTheModule(t *testing.T) {
	if _, err := os.Stat(filepath.Join(Root(t), "internal", "testenv", "testenv.go")); err != nil {
		t.Error(err)
	}
}
