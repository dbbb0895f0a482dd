package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadme does what the README says, literally: its shell blocks in their order, pasted into one
// shell beside a running demo. Only what builds and what runs the tests is left out.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	blocks := 0
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if m[1] == "go run ./cmd/viaduct demo\n" || m[1] == "make test\n" {
			continue
		}
		script.WriteString(m[1])
		blocks++
	}
	if blocks < 10 {
		t.Fatalf("%d blocks", blocks)
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	// A folder like the clone, with the command built already.
	dir := t.TempDir()
	for name, target := range map[string]string{"bin/viaduct": path, "examples": filepath.Join(root, "examples"), "cmd": filepath.Join(root, "cmd")} {
		link := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "bin", "go"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	t.Setenv("PATH", filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	for _, name := range []string{"VIADUCT_CONFIG", "VIADUCT_URL", "VIADUCT_KEY", "VIADUCT_PROFILE"} {
		t.Setenv(name, "")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	p := launch(t, "demo")
	defer p.interrupt(t)

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-e", "-c", strings.ReplaceAll(script.String(), "127.0.0.1:9099", free.Addr().String())+"wait\n")
	shell.Dir = dir
	// What it leaves in the background goes with it.
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	shell.WaitDelay = time.Second
	data, err := shell.CombinedOutput()
	out := string(data)
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "up.log"))
		t.Fatalf("%v\n%s\n%s", err, out, log)
	}
	at := 0
	for _, want := range []string{
		"1. from MXN: ", "path 1 of 1",
		`"end_to_end_id":"INVOICE-118"`, `"status":"settled"`,
		"IBERESMM, as of block", "EUR@", "1000.00 EUR",
		"verified: pay, applied", "not verified", "refused, exit code 1",
		"<TxSts>ACSC</TxSts>",
		`"pointer":"/to"`, "rejected", "not settled, exit code 1",
		"(signature good)", `"type":"payment.settled"`,
		`"bic":"BETAGB2L"`, `"limit":"1000000.00"`, ": settled", "delivered  250.00 USD", "USD@ALFAUS33  claim   250.00",
	} {
		i := strings.Index(out[at:], want)
		if i < 0 {
			t.Fatalf("the tour does not print %q, at its turn:\n%s", want, out)
		}
		at += i
	}
}
