package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"viaduct/ledger"

	"pgregory.net/rapid"
)

func snapshot(t rapid.TB, s *ledger.State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.WriteSnapshot(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// smallSnapshot is of a state with an entry of every table, free slots and marks among them.
func smallSnapshot(t rapid.TB) (*world, []byte) {
	w := newWorldOf(t, fxRouter)
	for _, line := range []string{
		"admit CHASUS33", "admit DEUTDEFF", "admit XCHGSGSG",
		"line XCHGSGSG USD@CHASUS33 limit=1000.00", "line XCHGSGSG EUR@DEUTDEFF limit=1000.00",
		"pay CHASUS33 XCHGSGSG deliver=USD amount=500.00 send=USD max=500.00",
		"pay DEUTDEFF XCHGSGSG deliver=EUR amount=500.00 send=EUR max=500.00",
		"offer XCHGSGSG o1 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=10.00 price=1.10",
		"offer XCHGSGSG o2 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=10.00 price=1.20",
		"cancel XCHGSGSG o1",
	} {
		w.run(line)
	}
	return w, snapshot(t, w.state)
}

const snapshotFile = "testdata/snapshot.txt"

// TestSnapshotVector compares a snapshot with the one on file; it reads back, and is written again as
// the same bytes.
func TestSnapshotVector(t *testing.T) {
	w, got := smallSnapshot(t)
	text := hex.EncodeToString(got) + "\n"
	if *update {
		if err := os.WriteFile(snapshotFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(snapshotFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != text {
		t.Errorf("canonical bytes changed:\n%s\nwant:\n%s", text, want)
	}
	s, err := ledger.RestoreSnapshot(iotest.OneByteReader(bytes.NewReader(got)), w.genesis)
	if err != nil {
		t.Fatal(err)
	}
	if s.Hash() != w.state.Hash() || s.Header() != w.state.Header() || s.LastMessage() != w.state.LastMessage() || s.LastHeader() != w.state.LastHeader() {
		t.Errorf("restored %+v, want %+v", s.Header(), w.state.Header())
	}
	if err := s.CheckInvariants(); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(snapshot(t, s), got) {
		t.Error("the restored state has another snapshot")
	}
}

// TestSnapshotRefusesDamage flips every bit of a snapshot, cuts it at every byte and adds one.
func TestSnapshotRefusesDamage(t *testing.T) {
	w, good := smallSnapshot(t)
	try := func(name string, data []byte) {
		if _, err := ledger.RestoreSnapshot(bytes.NewReader(data), w.genesis); err == nil {
			t.Errorf("%s: it is restored", name)
		}
	}
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			try(fmt.Sprintf("byte %d, bit %d", i, bit), bad)
		}
		if _, err := ledger.RestoreSnapshot(bytes.NewReader(good[:i]), w.genesis); !errors.Is(err, ledger.ErrSnapshot) || !strings.Contains(err.Error(), "ends in") {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	try("a byte behind it", append(bytes.Clone(good), 0))
	other := testGenesis()
	other.Name = "other"
	if _, err := ledger.RestoreSnapshot(bytes.NewReader(good), other); err == nil || !strings.Contains(err.Error(), "another network") {
		t.Errorf("of another network: %v", err)
	}
	broken := errors.New("disk on fire")
	if _, err := ledger.RestoreSnapshot(io.MultiReader(bytes.NewReader(good[:50]), iotest.ErrReader(broken)), w.genesis); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	if err := w.state.WriteSnapshot(&failingWriter{left: 100, err: broken}); !errors.Is(err, broken) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type failingWriter struct {
	left int
	err  error
}

func (w *failingWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, w.err
	}
	return len(b), nil
}

// forge changes bytes of a snapshot and makes its checksum fit.
func forge(good []byte, change func([]byte) []byte) []byte {
	b := change(bytes.Clone(good[:len(good)-sha256.Size]))
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// TestForgedSnapshot changes every byte behind the header and makes the checksum fit: the state hash in
// the header finds it.
func TestForgedSnapshot(t *testing.T) {
	w, good := smallSnapshot(t)
	h := w.state.Header()
	at := 4 + 3 + 2 + len(h.Encode())
	for i := at; i < len(good)-sha256.Size; i++ {
		bad := forge(good, func(b []byte) []byte { b[i] ^= 1; return b })
		if _, err := ledger.RestoreSnapshot(bytes.NewReader(bad), w.genesis); !errors.Is(err, ledger.ErrSnapshot) {
			t.Errorf("byte %d changed, and the checksum made to fit: %v", i, err)
		}
	}
}

// TestSnapshotMemory: a head that claims four thousand million entries costs no memory.
func TestSnapshotMemory(t *testing.T) {
	w, good := smallSnapshot(t)
	h := w.state.Header()
	counts := 4 + 3 + 2 + len(h.Encode()) + 8 + 4
	bad := forge(good, func(b []byte) []byte {
		for table := range 5 {
			binary.BigEndian.PutUint32(b[counts+4*table:], 1<<32-1)
		}
		return b
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := ledger.RestoreSnapshot(bytes.NewReader(bad), w.genesis); !errors.Is(err, ledger.ErrSnapshot) {
		t.Errorf("restored: %v", err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("refusing %d bytes took %d", len(bad), used)
	}
}

// TestSnapshotAndTail: a state restored from the snapshot of any height, its graph of the market built
// from what it holds, applies the messages behind it with the same results, leaves and state hashes as
// the state that went on; in the end the two have the same snapshot.
func TestSnapshotAndTail(t *testing.T) {
	fewer(t, 20)
	rapid.Check(t, func(rt *rapid.T) {
		m := newMarket(rt)
		for range m.below(20, "changes before") {
			m.change()
		}
		data, tail := snapshot(rt, m.state), len(m.messages)
		restored, err := ledger.RestoreSnapshot(bytes.NewReader(data), m.genesis)
		if err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(snapshot(rt, restored), data) {
			rt.Fatal("the restored state has another snapshot")
		}
		restored.Attach(m.router(restored))
		before := m.leaves
		for range 1 + m.below(20, "changes after") {
			m.change()
		}
		m.now += m.number("pass", 0, ledger.KeyMemory+1, ledger.UETRMemory+1)
		m.apply()
		m.after()
		m.change()
		if got := m.follow(restored, before, m.messages[tail:]); got != m.state.Hash() {
			rt.Fatalf("snapshot of height %d and tail give another state hash at %d", tail, m.state.Height())
		}
		if err := restored.CheckInvariants(); err != nil {
			rt.Fatal(err)
		}
		if !bytes.Equal(snapshot(rt, restored), snapshot(rt, m.state)) {
			rt.Fatal("in the end the snapshots differ")
		}
	})
}

// TestSnapshotRemembers: what was seen before, over several chunks and partly forgotten, is seen after.
func TestSnapshotRemembers(t *testing.T) {
	w := newWorld(t)
	w.trusting = true
	w.run("admit CHASUS33")
	w.run("admit DEUTDEFF")
	w.run("line DEUTDEFF USD@CHASUS33 limit=1000000.00")
	var all [][]byte
	pays := func(messages int) {
		for range messages {
			var in []ledger.Instruction
			for range ledger.MaxInstructions {
				w.count++
				in = append(in, &ledger.Pay{
					ID: idOf(fmt.Sprint("p", w.count)), To: ledger.MustBIC("DEUTDEFF"), Mode: ledger.ExactDeliver, Send: asset("USD"), Deliver: asset("USD"),
					Amount: 1, Bound: 1, UETR: idOf(fmt.Sprint("u", w.count)), UETRKind: ledger.UETRPayment,
				})
			}
			all = append(all, w.submission("CHASUS33", in...))
			w.apply(all[len(all)-1])
		}
	}
	pays(6)
	w.now += ledger.KeyMemory + 1
	pays(6)
	w.now += ledger.UETRMemory - ledger.KeyMemory
	w.apply() // forgets the first six, which end within a chunk
	data := snapshot(t, w.state)
	restored, err := ledger.RestoreSnapshot(bytes.NewReader(data), w.genesis)
	if err != nil {
		t.Fatal(err)
	}
	restored.Attach(w.router(restored))
	tail, before := len(w.messages), w.leaves
	for i, s := range all {
		if r := w.apply(s)[0]; (r.Outcome == ledger.Applied) != (i < 6) {
			t.Errorf("message %d again: %s", i, r.Outcome)
		}
	}
	if w.follow(restored, before, w.messages[tail:]) != w.state.Hash() {
		t.Error("the restored state goes another way")
	}
	// An id less, and the checksum made to fit: the state hash finds it.
	last := forge(data, func(b []byte) []byte { return b[:len(b)-29] })
	if _, err := ledger.RestoreSnapshot(bytes.NewReader(last), w.genesis); !errors.Is(err, ledger.ErrSnapshot) {
		t.Errorf("with an id less: %v", err)
	}
}

// FuzzSnapshot hands in bytes whose hashes nobody compares. Whatever they are, they lead to an error or
// to a state that can be asked; true snapshots among them are written again as they were.
func FuzzSnapshot(f *testing.F) {
	w, good := smallSnapshot(f)
	f.Add(good)
	f.Add(snapshot(f, newWorld(f).state))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := ledger.RestoreSnapshot(bytes.NewReader(data), w.genesis); err == nil && !bytes.Equal(snapshot(t, s), data) {
			t.Errorf("%x is restored and written as %x", data, snapshot(t, s))
		}
		s, err := ledger.RestoreForged(data, w.genesis)
		if err != nil {
			return
		}
		_ = s.CheckInvariants()
		s.Attach(fxRouter(s))
		s.NextDeadline()
		for _, o := range s.Offers() {
			if o.Live {
				s.Book(o.Give, o.Want)
			}
		}
		for a := range s.Assets() {
			s.FindAsset(s.AssetName(ledger.AssetID(a)))
		}
	})
}
