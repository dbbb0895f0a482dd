// Package testenv hands a test the real things it needs: a database, a Redis, a browser, test data.
//
// `make test` (scripts/test) starts private instances of the servers and names them in environment
// variables; each function here reads one of them and gives the test a corner of its own, cleaned up
// when the test ends. Where the variable is absent, as in a bare `go test`, the test is skipped and
// says which variable it missed; under CI=true that is a failure, since there nothing may be skipped
// for want of a server.
package testenv

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// The variables that scripts/test sets.
const (
	PostgresVar = "VIADUCT_TEST_POSTGRES_URL"
	RedisVar    = "VIADUCT_TEST_REDIS_URL"
	ChromiumVar = "VIADUCT_TEST_CHROMIUM"
	ScaleVar    = "VIADUCT_TEST_SCALE"
)

// Chromium returns the path of a Chromium that a test may start, or skips.
func Chromium(t testing.TB) string {
	t.Helper()
	path := os.Getenv(ChromiumVar)
	if path == "" {
		// Not a failure under CI: some Ubuntu releases have no Chromium package that runs in a container.
		t.Skipf("skipped: %s is not set; `make test` sets it where a Chromium can be had", ChromiumVar)
	}
	return path
}

// Scale returns n, how often a test repeats something random, times VIADUCT_TEST_SCALE (a whole
// number from 1; absent means 1). A nightly run sets it high.
func Scale(t testing.TB, n int) int {
	t.Helper()
	text := os.Getenv(ScaleVar)
	if text == "" {
		return n
	}
	scale, err := strconv.Atoi(text)
	if err != nil || scale < 1 || scale > 1_000_000 {
		t.Fatalf("%s=%q: want a whole number from 1 to 1000000", ScaleVar, text)
	}
	return n * scale
}

// Shared returns the path of test data in the folder `shared` that may lie beside the repository
// (schemas and messages that are not ours to ship), or skips where it isn't there.
func Shared(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(Root(t), "..", "shared", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("skipped: no ../shared/%s beside the repository", name)
	}
	return path
}

// Root returns the repository's top folder: the nearest one above the test's that has a go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatalf("working directory: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod in any folder above the test")
		}
		dir = parent
	}
}

// server returns what name holds, or ends the test.
func server(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value != "" {
		return value
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is not set, and under CI no test is skipped for want of a server: run `make test`", name)
	}
	t.Skipf("skipped: %s is not set; `make test` starts a private server and sets it", name)
	return ""
}
