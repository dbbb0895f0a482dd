package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTLSFilesThatAreNoneAreFlagsUsedWrongly(t *testing.T) {
	file := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--tls-cert", file}, "go together"},
		{[]string{"--client-ca", file}, "go together"},
		{[]string{"--tls-cert", file, "--tls-key", file}, "--tls-cert and --tls-key: "},
	} {
		var out, problem strings.Builder
		args := append([]string{"up", "--http", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "data")}, tt.flags...)
		if code := run(t.Context(), args, &out, &problem); code != 2 || !strings.Contains(problem.String(), tt.want) {
			t.Errorf("%v: exit code %d, %q", tt.flags, code, problem.String())
		}
	}
}
