package ledger

import (
	"crypto/sha256"
	"encoding/binary"
)

// How long the ledger remembers, in milliseconds of its own time.
const (
	KeyMemory  = 7 * 24 * 3600 * 1000  // idempotency keys
	UETRMemory = 90 * 24 * 3600 * 1000 // UETRs, message ids, and the ids of payments and offers
)

// seenTag says what a remembered value is. The UETR tags are the UETRKinds.
type seenTag uint8

const (
	seenMessage seenTag = 4 + iota
	seenPayment
	seenOffer
)

type seenValue struct {
	by    PartID
	tag   seenTag
	value [16]byte
}

// seenKey names an idempotency key by its digest, so that a long one costs no more to keep.
type seenKey struct {
	by  PartID
	key Hash
}

// seen is what was seen before. It forgets in the order in which it learned.
type seen struct {
	keys   map[seenKey]Hash // to the fingerprint
	values map[seenValue]struct{}

	keyLine   fifo[seenKey]
	valueLine fifo[seenValue]
	pending   []seenValue // of the submission under way
	now       int64

	// chain hashes everything learned, in order: state hash covers it instead of the tables, which
	// follow from it.
	chain Hash
	fresh []byte
}

type dated[T any] struct {
	at int64
	v  T
}

// fifo is a queue that moves its rest to the front once half of it is used up.
type fifo[T any] struct {
	items []dated[T]
	head  int
}

func (f *fifo[T]) push(at int64, v T) { f.items = append(f.items, dated[T]{at, v}) }

func (f *fifo[T]) popBefore(at int64, forget func(T)) {
	for f.head < len(f.items) && f.items[f.head].at < at {
		forget(f.items[f.head].v)
		f.head++
	}
	if f.head > 1024 && f.head*2 > len(f.items) {
		f.items = f.items[:copy(f.items, f.items[f.head:])]
		f.head = 0
	}
}

func newSeen() seen {
	return seen{keys: make(map[seenKey]Hash), values: make(map[seenValue]struct{})}
}

// begin starts a message: what is older than the memory is forgotten.
func (m *seen) begin(now int64) {
	m.now = now
	m.keyLine.popBefore(now-KeyMemory, func(k seenKey) { delete(m.keys, k) })
	m.valueLine.popBefore(now-UETRMemory, func(v seenValue) { delete(m.values, v) })
	m.fresh = m.fresh[:0]
}

func (m *seen) key(by PartID, key []byte) (Hash, bool) {
	print, ok := m.keys[seenKey{by, sha256.Sum256(key)}]
	return print, ok
}

// addKey remembers a submission's key and whatever its instructions left for later.
func (m *seen) addKey(by PartID, key []byte, print Hash) {
	k := seenKey{by, sha256.Sum256(key)}
	m.keys[k] = print
	m.keyLine.push(m.now, k)
	m.fresh = binary.BigEndian.AppendUint32(append(m.fresh, 0), uint32(by))
	m.fresh = append(append(m.fresh, k.key[:]...), print[:]...)
	for _, v := range m.pending {
		if _, ok := m.values[v]; !ok {
			m.remember(v)
		}
	}
	m.pending = m.pending[:0]
}

func (m *seen) has(by PartID, tag seenTag, value [16]byte) bool {
	if value == ([16]byte{}) {
		return false
	}
	_, ok := m.values[seenValue{by, tag, value}]
	return ok
}

func (m *seen) add(by PartID, tag seenTag, value [16]byte) {
	if value != ([16]byte{}) {
		m.remember(seenValue{by, tag, value})
	}
}

// later remembers a value at the end of the submission: the payments of one message share its id.
func (m *seen) later(by PartID, tag seenTag, value [16]byte) {
	if value != ([16]byte{}) {
		m.pending = append(m.pending, seenValue{by, tag, value})
	}
}

func (m *seen) remember(v seenValue) {
	m.values[v] = struct{}{}
	m.valueLine.push(m.now, v)
	m.fresh = binary.BigEndian.AppendUint32(append(m.fresh, uint8(v.tag)), uint32(v.by))
	m.fresh = append(m.fresh, v.value[:]...)
}

// hash folds what the message taught into the chain and returns it.
func (m *seen) hash() Hash {
	if len(m.fresh) > 0 {
		d := sha256.Sum256(m.fresh)
		m.chain = sha256.Sum256(append(m.chain[:], d[:]...))
		m.fresh = m.fresh[:0]
	}
	return m.chain
}
