package settlement_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"viaduct/settlement/disk"
	"viaduct/settlement/journal"
)

// simTrace keeps what happened in a run and when: every message that was sent and came, every change of a
// disk, every message read from the journal, every block projected. What happened at one instant has no
// order. Two runs of one seed must have one digest.
type simTrace struct {
	started time.Time

	mu     sync.Mutex
	sum    uint64
	events int
	lines  []string // with -sim.trace
}

// note takes in one event: what happened to whom, with numbers and bytes that say more.
func (t *simTrace) note(what, who string, data []byte, numbers ...uint64) {
	at := uint64(time.Since(t.started))
	h := hash64{offset64}
	h.number(at)
	h.text(what)
	h.text(who)
	h.bytes(data)
	for _, n := range numbers {
		h.number(n)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum += mix(h.sum) // a sum of well-mixed numbers depends on no order
	t.events++
	if *simTraceTo != "" {
		t.lines = append(t.lines, fmt.Sprintf("%012d %s %s %d %x", at, what, who, numbers, data))
	}
}

// digest returns one number for all that happened.
func (t *simTrace) digest() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return mix(t.sum ^ uint64(t.events))
}

// write writes the events to the file that -sim.trace names.
func (t *simTrace) write() error {
	if *simTraceTo == "" {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.Sort(t.lines)
	var text []byte
	for _, l := range t.lines {
		text = append(append(text, l...), '\n')
	}
	return os.WriteFile(*simTraceTo, text, 0o600)
}

// simDisk is a member's disk: each change takes a while, so that no two meet at one instant, and in some
// runs a sync takes long. A change that fails takes its time too: the power may go between any two.
type simDisk struct {
	SimDevice
	m    *simMember
	life int
	n    *sync.Map // changes so far, by file
}

// SimDevice is what simdisk.Disk is to a node.
type SimDevice interface {
	disk.Disk
	Rename(from, to string) error
	Dead() bool
}

const (
	diskLatency  = 300 * time.Microsecond
	diskSlowSync = 60 * time.Millisecond
)

// change lets a change take its time and then has it made. Its length is drawn by the file and how often
// that was changed: no two goroutines change one file.
func (d simDisk) change(what, name string, limit time.Duration, do func() error, numbers ...uint64) error {
	at, _ := d.n.LoadOrStore(name, new(uint64))
	count := at.(*uint64)
	*count++
	time.Sleep(between(limit, d.m.r.seed, "disk", d.m.name, d.life, name, *count))
	d.m.r.trace.note(what, d.m.name+"/"+name, nil, numbers...)
	before := d.Dead()
	err := do()
	if !before && d.Dead() {
		d.m.r.count("power goes at " + what + " of " + simFileKind(name))
		d.m.restart() // what runs without power only seems to
	}
	if errors.Is(err, errNoSpace) {
		d.m.r.count("disk full at " + what + " of " + simFileKind(name))
	}
	return err
}

func (d simDisk) Open(name string) (f disk.File, err error) {
	err = d.change("open", name, diskLatency, func() error {
		f, err = d.SimDevice.Open(name)
		return err
	})
	return simFile{f, name, d}, err
}

func (d simDisk) Rename(from, to string) error {
	return d.change("rename", from, diskLatency, func() error { return d.SimDevice.Rename(from, to) })
}

func (d simDisk) Remove(name string) error {
	return d.change("remove", name, diskLatency, func() error { return d.SimDevice.Remove(name) })
}

func (d simDisk) Sync() error {
	return d.change("sync", "", diskLatency, d.SimDevice.Sync)
}

type simFile struct {
	disk.File
	name string
	d    simDisk
}

func (f simFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.d.change("write", f.name, diskLatency, func() error {
		n, err = f.File.WriteAt(p, off)
		return err
	}, uint64(off), uint64(len(p)))
	return n, err
}

func (f simFile) Truncate(size int64) error {
	return f.d.change("truncate", f.name, diskLatency, func() error { return f.File.Truncate(size) }, uint64(size))
}

func (f simFile) Sync() error {
	limit := diskLatency
	if f.d.m.slow && !f.d.m.r.isCalm() {
		f.d.m.r.count("a sync is slow")
		limit = diskSlowSync
	}
	return f.d.change("sync", f.name, limit, f.File.Sync)
}

// simJournal notes what a node appends and reads.
type simJournal struct {
	journal.Journal
	r     *simRun
	name  string
	power *simPower
}

func (j simJournal) Append(ctx context.Context, after uint64, msg []byte) (uint64, error) {
	if !j.power.step("before an append") {
		return 0, errOff
	}
	defer j.power.step("after an append")
	j.r.trace.note("append", j.name, msg, after)
	position, err := j.Journal.Append(ctx, after, msg)
	j.r.trace.note("appended", j.name, nil, after, position)
	return position, err
}

func (j simJournal) Read(ctx context.Context, from uint64) (journal.Reader, error) {
	r, err := j.Journal.Read(ctx, from)
	return simReader{r, j}, err
}

type simReader struct {
	journal.Reader
	j simJournal
}

func (r simReader) Next(ctx context.Context) (journal.Message, error) {
	m, err := r.Reader.Next(ctx)
	if !r.j.power.step("after reading a message") {
		return journal.Message{}, errOff
	}
	r.j.r.trace.note("read", r.j.name, m.Data, m.Position)
	return m, err
}

// hash64 is FNV-1a, 64 bits, without the allocations of hash/fnv.
type hash64 struct{ sum uint64 }

const (
	offset64 = 14695981039346656037
	prime64  = 1099511628211
)

func (h *hash64) bytes(b []byte) {
	for _, c := range b {
		h.sum = (h.sum ^ uint64(c)) * prime64
	}
	h.number(uint64(len(b)))
}

func (h *hash64) text(s string) {
	for i := range len(s) {
		h.sum = (h.sum ^ uint64(s[i])) * prime64
	}
	h.number(uint64(len(s)))
}

func (h *hash64) number(n uint64) {
	for range 8 {
		h.sum = (h.sum ^ n&0xff) * prime64
		n >>= 8
	}
}

// mix spreads a hash's bits, as package sim does.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// simLogCounter counts what the nodes say happened to them.
type simLogCounter struct {
	slog.Handler
	counts *simCounts
}

func (simLogCounter) Enabled(context.Context, slog.Level) bool { return true }

func (c simLogCounter) Handle(ctx context.Context, record slog.Record) error {
	if strings.Contains(record.Message, "publishing it again") {
		c.counts.add("a tail is published again", 1)
	}
	if strings.Contains(record.Message, "dropping them") {
		c.counts.add("a node drops blocks that were lost", 1)
	}
	record.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok && strings.Contains(err.Error(), "ahead of this clock") {
			c.counts.add("a signature waits for a clock", 1)
		}
		return true
	})
	return c.Handler.Handle(ctx, record)
}

func (c simLogCounter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return simLogCounter{c.Handler.WithAttrs(attrs), c.counts}
}
