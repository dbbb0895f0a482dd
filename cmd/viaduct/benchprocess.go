package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is a gateway in a process of its own, so that its CPU time can be told from the generator's.
type child struct {
	url, operator string
	dir           string
	cmd           *exec.Cmd
	ended         chan error
}

const (
	childReadyMost = 60 * time.Second
	childStopMost  = 90 * time.Second
)

// startPrivate starts this program's `up` in a temporary directory.
func startPrivate(ctx context.Context) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "viaduct-bench-")
	if err != nil {
		return nil, err
	}
	ready := filepath.Join(dir, "ready.json")
	c := &child{dir: dir, ended: make(chan error, 1)}
	c.cmd = exec.Command(program, "up", "--http", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--ready-file", ready, "--network", "bench")
	c.cmd.Stderr = os.Stderr
	if err := c.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() { c.ended <- c.cmd.Wait() }()
	told, err := awaitReady(ctx, ready, c.ended, childReadyMost)
	if errors.Is(err, errEnded) {
		return nil, errors.Join(fmt.Errorf("private gateway: %w", err), os.RemoveAll(dir))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("private gateway: %w", err), c.stop())
	}
	c.url, c.operator = told.URL, told.Operator
	return c, nil
}

var errEnded = errors.New("it ended before it was ready")

// readyPoll is how often a ready file is looked for.
const readyPoll = 10 * time.Millisecond

// awaitReady waits for the ready file of a process whose end is told on ended.
func awaitReady(ctx context.Context, path string, ended <-chan error, most time.Duration) (told readyFile, err error) {
	deadline := time.After(most)
	for {
		if data, err := os.ReadFile(path); err == nil {
			return told, json.Unmarshal(data, &told)
		}
		select {
		case err := <-ended:
			return told, fmt.Errorf("%w: %v", errEnded, err)
		case <-ctx.Done():
			return told, ctx.Err()
		case <-deadline:
			return told, fmt.Errorf("not ready after %v", most)
		case <-time.After(readyPoll):
		}
	}
}

// stop ends the process and removes what it wrote.
func (c *child) stop() error {
	err := c.cmd.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	select {
	case e := <-c.ended:
		err = errors.Join(err, e)
	case <-time.After(childStopMost):
		err = errors.Join(err, errors.New("the private gateway did not stop in time"), c.cmd.Process.Kill())
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// used is what a process has used so far.
type used struct {
	cpu     time.Duration
	written int64 // bytes that went to disk
}

func (u used) since(before used) used { return used{u.cpu - before.cpu, u.written - before.written} }

// clockTick is the unit of CPU times in /proc, the same on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// usage reads what the child has used; nothing where there is no child, or no /proc to read it in.
func (c *child) usage() (u used) {
	if c == nil {
		return u
	}
	proc := "/proc/" + strconv.Itoa(c.cmd.Process.Pid)
	if data, err := os.ReadFile(proc + "/stat"); err == nil {
		// The name before the last parenthesis may hold anything; utime and stime are fields 14 and 15.
		_, rest, _ := strings.Cut(string(data), ") ")
		if fields := strings.Fields(rest); len(fields) > 13 {
			user, _ := strconv.ParseInt(fields[11], 10, 64)
			system, _ := strconv.ParseInt(fields[12], 10, 64)
			u.cpu = time.Duration(user+system) * clockTick
		}
	}
	if data, err := os.ReadFile(proc + "/io"); err == nil {
		_, rest, _ := strings.Cut(string(data), "\nwrite_bytes: ")
		line, _, _ := strings.Cut(rest, "\n")
		u.written, _ = strconv.ParseInt(line, 10, 64)
	}
	return u
}

// ownCPU is this process's CPU time so far.
func ownCPU() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
