package settlement_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"viaduct/ledger/proof"
	"viaduct/settlement"
)

// drawn returns a number that depends on the seed and the arguments alone, whatever else runs.
func drawn(seed uint64, args ...any) uint64 {
	h := hash64{offset64}
	h.number(seed)
	for _, a := range args {
		switch a := a.(type) {
		case string:
			h.text(a)
		case int:
			h.number(uint64(a))
		case uint64:
			h.number(a)
		case []byte:
			h.bytes(a)
		default:
			panic(fmt.Sprintf("a number cannot depend on %T", a))
		}
	}
	return mix(h.sum)
}

// chance says yes with so many of 1,000.
func chance(permille int, seed uint64, args ...any) bool {
	return int(drawn(seed, args...)%1000) < permille
}

// between draws a duration of 1 ns to limit.
func between(limit time.Duration, seed uint64, args ...any) time.Duration {
	return time.Duration(drawn(seed, args...)%uint64(limit)) + 1
}

// simBus is a bus that loses, delays, repeats and reorders as a seed says, and can cut endpoints off.
type simBus struct {
	seed uint64

	mu     sync.Mutex
	calm   bool
	subs   map[string][]*simSub // by subject
	cut    map[string]bool      // endpoints that nothing reaches and nothing leaves
	copies map[uint64]int       // how often the same went from one to the other
	votes  map[string]map[uint64]proof.Checkpoint
	voted  uint64 // the highest height that an honest validator signed
	epoch  uint64 // the highest of which a sequencer has told
	liar   string
	r      *simRun
}

// Faults of the bus, of 1,000 messages.
const (
	busLost    = 50
	busRepeat  = 50
	busLate    = 50
	busLatency = 3 * time.Millisecond
	busDelay   = 400 * time.Millisecond
)

func newSimBus(r *simRun, liar string) *simBus {
	return &simBus{
		seed: r.seed, subs: map[string][]*simSub{}, cut: map[string]bool{}, copies: map[uint64]int{},
		votes: map[string]map[uint64]proof.Checkpoint{}, liar: liar, r: r,
	}
}

type simSub struct {
	owner string
	power *simPower
	f     func([]byte, func([]byte))
	inbox chan simMessage
	done  chan struct{}
}

type simMessage struct {
	data  []byte
	reply func([]byte)
}

// endpoint is the bus as one node or client has it.
type endpoint struct {
	b     *simBus
	name  string
	power *simPower // nil for one that never loses it
}

func (e endpoint) Publish(subject string, data []byte) error {
	kind := simBusKind(subject)
	if !e.power.step("before sending " + kind) {
		return errOff
	}
	defer e.power.step("after sending " + kind)
	e.b.watch(e.name, subject, data)
	for _, s := range e.b.subscribers(subject) {
		e.b.send(e.name, s, subject, data, func([]byte) {})
	}
	return nil
}

func (e endpoint) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	// No step: a node asks several at one instant, which has no order.
	if e.power != nil && e.power.disk.Dead() {
		return nil, errOff
	}
	subs := e.b.subscribers(subject)
	if len(subs) == 0 {
		return nil, settlement.ErrNobody
	}
	answers := make(chan []byte, 8)
	for _, s := range subs {
		e.b.send(e.name, s, subject, data, func(answer []byte) {
			if !s.power.step("before an answer") {
				return
			}
			e.b.travel(s.owner, e.name, "answer/"+subject, answer, func() {
				select {
				case answers <- answer:
				default:
				}
			})
		})
	}
	select {
	case a := <-answers:
		return a, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (e endpoint) Subscribe(subject string, f func([]byte, func([]byte))) (func() error, error) {
	s := &simSub{owner: e.name, power: e.power, f: f, inbox: make(chan simMessage, 512), done: make(chan struct{})}
	e.b.mu.Lock()
	e.b.subs[subject] = append(e.b.subs[subject], s)
	e.b.mu.Unlock()
	go func() {
		for {
			select {
			case m := <-s.inbox:
				s.f(m.data, m.reply)
			case <-s.done:
				return
			}
		}
	}()
	return func() error {
		e.b.mu.Lock()
		defer e.b.mu.Unlock()
		for i, x := range e.b.subs[subject] {
			if x == s {
				e.b.subs[subject] = append(e.b.subs[subject][:i:i], e.b.subs[subject][i+1:]...)
				close(s.done)
			}
		}
		return nil
	}, nil
}

func (b *simBus) subscribers(subject string) []*simSub {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := append([]*simSub(nil), b.subs[subject]...)
	if i := strings.LastIndexByte(subject, '.'); i > 0 {
		all = append(all, b.subs[subject[:i]+".*"]...)
	}
	return all
}

// send brings a message to a subscription, or not.
func (b *simBus) send(from string, to *simSub, subject string, data []byte, reply func([]byte)) {
	b.travel(from, to.owner, subject, data, func() {
		select {
		case to.inbox <- simMessage{data, reply}:
		case <-to.done:
		default: // the subscriber is far behind
		}
	})
}

func (b *simBus) travel(from, to, subject string, data []byte, arrive func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := drawn(b.seed, from, to, subject, data)
	b.copies[key]++
	n := b.copies[key]
	b.r.trace.note("send", from+">"+to+" "+subject, data, uint64(n))
	delay := between(busLatency, b.seed, "latency", key, n)
	times := 1
	if !b.calm {
		switch {
		case b.cut[from] || b.cut[to]:
			b.r.count("bus: cut off")
			return
		case chance(busLost, b.seed, "lost", key, n):
			b.r.count("bus: lost")
			return
		case chance(busLate, b.seed, "late", key, n):
			b.r.count("bus: late")
			delay += between(busDelay, b.seed, "delay", key, n)
		case chance(busRepeat, b.seed, "repeat", key, n):
			b.r.count("bus: again")
			times = 2
		}
	}
	for i := range times {
		time.AfterFunc(delay+time.Duration(i)*busDelay/8, func() {
			b.mu.Lock()
			gone := b.cut[to]
			b.mu.Unlock()
			if !gone {
				b.r.trace.note("arrive", from+">"+to+" "+subject, data, uint64(n))
				arrive()
			}
		})
	}
}

func (b *simBus) isolate(name string, yes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut[name] = yes
}

// calmDown ends all faults.
func (b *simBus) calmDown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calm = true
	clear(b.cut)
}

// watch holds every vote of an honest validator against its others: two checkpoints of one height, in
// whatever life, are the end.
func (b *simBus) watch(from, subject string, data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if subject == "viaduct.leader" {
		var beat struct{ Epoch uint64 }
		b.r.must(json.Unmarshal(data, &beat))
		if beat.Epoch < b.epoch {
			b.r.count("a sequencer that was replaced goes on")
		}
		b.epoch = max(b.epoch, beat.Epoch)
	}
	if !strings.HasPrefix(subject, "viaduct.vote.") || from == b.liar || len(data) < 51 {
		return
	}
	height := binary.BigEndian.Uint64(data[3:])
	c := proof.Checkpoint{Size: binary.BigEndian.Uint64(data[11:]), Root: proof.Hash(data[19:])}
	if b.votes[from] == nil {
		b.votes[from] = map[uint64]proof.Checkpoint{}
	}
	before, voted := b.votes[from][height]
	if voted && before != c {
		b.r.broken("%s signed twice at height %d: %+v and %+v", from, height, before, c)
	}
	b.votes[from][height] = c
	if height > b.voted {
		b.voted = height
		b.r.blackoutAtVote(height)
	}
}

var errNoSpace = errors.New("no space left on device")
