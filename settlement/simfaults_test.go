package settlement_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"viaduct/settlement/disk/simdisk"
	"viaduct/settlement/journal/sim"
)

// simCounts is how often each thing went wrong, over all runs of a test.
type simCounts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *simCounts) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[what] += n
}

// report logs the counts and fails the test when one of those that must be is 0.
func (c *simCounts) report(t *testing.T, must []string) {
	for _, what := range slices.Sorted(maps.Keys(c.of)) {
		t.Logf("%7d %s", c.of[what], what)
	}
	for _, what := range must {
		if c.of[what] == 0 {
			t.Errorf("%q never happened: the runs show nothing about it", what)
		}
	}
}

// simMust is what has to go wrong in a test's runs, for their good end to mean anything.
var simMust = []string{
	"power goes before sending a vote", "power goes after sending a vote",
	"power goes before an append", "power goes after an append", "power goes after reading a message",
	"power goes before a projection", "power goes after a projection",
	"power goes at write of the block log", "power goes at sync of the block log",
	"power goes at write of certificates", "power goes at write of a snapshot", "power goes at rename of a snapshot", "power goes at write of the tree",
	"disk full at write of the block log", "disk full at write of certificates", "disk full at write of a snapshot",
	"disk: an unsynced write is lost", "disk: an unsynced write is torn", "disk: an unsynced write lacks sectors", "disk: an unsynced file or name is lost",
	"a sync is slow",
	"a node is stopped", "a node is cut off", "blackout", "blackout at a vote",
	"bus: lost", "bus: late", "bus: again", "bus: cut off",
	"journal: an append is lost", "journal: an append comes late", "journal: an append is not answered", "journal: an append is refused",
	"journal: late", "journal: a message comes again", "journal: the tail is lost", "a tail is published again",
	"database fails before it writes", "database fails after it wrote",
	"a sequencer that was replaced goes on", "a signature waits for a clock",
	"lie: withholds", "lie: signs a wrong root", "lie: signs two checkpoints", "lie: signs what is to come", "lie: says again what was said", "lie: says another's vote",
	"lie: signs another log size", "lie: signs in another's name",
	"a payment is refused", "a payment of unknown fate is repeated", "a submission stands in two messages",
}

// count notes that something went wrong.
func (r *simRun) count(what string) { r.counts.add(what, 1) }

// misfortunes lets things go wrong for a while, then ends all faults.
func (r *simRun) misfortunes(ctx context.Context) {
	for n := 0; time.Since(r.started) < simFaults; n++ {
		time.Sleep(between(600*time.Millisecond, r.seed, "pause", n))
		m := r.members[drawn(r.seed, "who", n)%uint64(len(r.members))]
		switch drawn(r.seed, "what", n) % 10 {
		case 0, 1:
			r.count("a node is cut off")
			r.bus.isolate(m.name, true)
			time.AfterFunc(between(2500*time.Millisecond, r.seed, "cut", n), func() { r.bus.isolate(m.name, false) })
		case 2, 3, 4:
			m.powerAt(1 + int(drawn(r.seed, "change", n)%40))
		case 5:
			m.failAt(1 + int(drawn(r.seed, "change", n)%20))
		case 6:
			r.count("a node is stopped")
			m.restart()
		case 7, 8:
			m.crashAt(1 + int(drawn(r.seed, "step", n)%40))
		case 9:
			r.loseTail(ctx, n)
		}
	}
	r.stream.SetFaults(sim.Faults{Latency: 2 * time.Millisecond, AckWait: 50 * time.Millisecond})
	r.bus.calmDown()
	r.mu.Lock()
	r.calm = true
	r.mu.Unlock()
	for _, m := range r.members {
		m.spare()
	}
}

// loseTail has the journal lose some of what it acknowledged, half the time in a blackout.
func (r *simRun) loseTail(ctx context.Context, n int) {
	tip, err := r.stream.Client("nobody").Tip(ctx)
	if err != nil || !r.tails {
		return
	}
	if chance(500, r.seed, "blackout", n) {
		r.count("blackout")
		r.cutAll()
	}
	r.truncate(tip - min(tip, drawn(r.seed, "lost", n)%6))
}

// blackoutAtVote takes the power of all nodes, and the journal's tail with it, soon after the first
// vote on a block: what was signed then and is not in the signer's log is nowhere.
func (r *simRun) blackoutAtVote(height uint64) {
	if !r.tails || r.isCalm() || !chance(40, r.seed, "blackout at", height) {
		return
	}
	time.AfterFunc(between(500*time.Microsecond, r.seed, "after the vote on", height), func() {
		r.count("blackout at a vote")
		r.cutAll()
		// A block's message stands behind that of its height's number, and of any that are no block.
		r.truncate(height)
	})
}

func (r *simRun) cutAll() {
	for _, m := range r.members {
		m.cut()
	}
}

func (r *simRun) truncate(tip uint64) {
	if lost := r.stream.Truncate(tip); lost > 0 {
		r.trace.note("lost", "journal", nil, tip)
		r.count("journal: the tail is lost")
	}
}

// powerAt has the power go at the n-th change of the disk from now.
func (m *simMember) powerAt(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk.PowerAt(n)
}

// crashAt has the power go at the n-th thing from now that the node does to anything but its disk.
func (m *simMember) crashAt(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.crash = n
}

// failAt has the n-th change of the disk from now fail for lack of space.
func (m *simMember) failAt(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk.FailAt(n, errNoSpace)
}

// restart ends a life in order.
func (m *simMember) restart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.end()
}

// spare takes back what was to befall the node.
func (m *simMember) spare() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk.Spare()
	m.crash = 0
}

// cut takes the power now; whatever the node still tries is for nothing.
func (m *simMember) cut() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.disk.Cut()
	m.end()
}

// simPower is the power of one life of a node: without it the node does nothing to the world. Clients and
// liars have none that goes.
type simPower struct {
	m    *simMember
	disk *simdisk.Disk
}

// step is called before and after what a node does to the world; it says whether the node still has power.
func (p *simPower) step(what string) bool {
	if p == nil {
		return true
	}
	if p.disk.Dead() {
		return false
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if p.m.crash == 0 || p.m.disk != p.disk {
		return true
	}
	if p.m.crash--; p.m.crash > 0 {
		return true
	}
	p.m.r.count("power goes " + what)
	p.m.disk.Cut()
	p.m.end()
	return false
}

// simFileKind names a file's kind.
func simFileKind(name string) string {
	switch {
	case strings.HasPrefix(name, "certified-"):
		return "certificates"
	case strings.HasSuffix(name, ".blocks"):
		return "the block log"
	case strings.HasSuffix(name, ".snapshot"), name == "part":
		return "a snapshot"
	case name == "unsigned":
		return "the heights not to be signed"
	case name == "":
		return "the directory"
	}
	return "the tree"
}

// simBusKind names what a message on the bus is.
func simBusKind(subject string) string {
	for prefix, kind := range map[string]string{
		"viaduct.vote.": "a vote", "viaduct.certified.": "certificates", "viaduct.missing": "a question for certificates",
		"viaduct.leader": "who leads", "viaduct.projected": "what is projected",
	} {
		if strings.HasPrefix(subject, prefix) {
			return kind
		}
	}
	return "a question or an answer"
}

var errOff = fmt.Errorf("the power is gone: %w", simdisk.ErrPower)

// countLosses takes in what a power cut took from a disk.
func (r *simRun) countLosses(l simdisk.Losses) {
	r.counts.add("disk: an unsynced write is lost", l.Lost)
	r.counts.add("disk: an unsynced write is torn", l.Torn)
	r.counts.add("disk: an unsynced write lacks sectors", l.Holed)
	r.counts.add("disk: an unsynced file or name is lost", l.Names)
}
