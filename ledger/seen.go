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

// seenKey names an idempotency key by its digest, so that a long one costs no more to keep.
type seenKey struct {
	by  PartID
	key Hash
}

// seen is what was seen before. It forgets in the order in which it learned.
type seen struct {
	keys    map[seenKey]Hash // to the fingerprint
	keyLine []datedKey       // oldest first
	values  idSet
	pending []seenValue // of the submission under way
	now     int64

	// chain hashes everything learned, in order: the state hash covers it instead of the tables,
	// which follow from it.
	chain Hash
	fresh []byte
}

type datedKey struct {
	at  int64
	key seenKey
}

func newSeen() seen {
	return seen{keys: make(map[seenKey]Hash), values: newIDSet()}
}

// begin starts a message: what is older than the memory is forgotten.
func (m *seen) begin(now int64) {
	m.now = now
	for len(m.keyLine) > 0 && m.keyLine[0].at < now-KeyMemory {
		delete(m.keys, m.keyLine[0].key)
		m.keyLine = m.keyLine[1:]
	}
	m.values.forgetBefore(now - UETRMemory)
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
	m.keyLine = append(m.keyLine, datedKey{m.now, k})
	m.fresh = binary.BigEndian.AppendUint32(append(m.fresh, 0), uint32(by))
	m.fresh = append(append(m.fresh, k.key[:]...), print[:]...)
	for _, v := range m.pending {
		if !m.values.has(v) {
			m.remember(v)
		}
	}
	m.pending = m.pending[:0]
}

func (m *seen) has(by PartID, tag seenTag, value [16]byte) bool {
	if value == ([16]byte{}) {
		return false
	}
	return m.values.has(seenValue{value, by, tag})
}

func (m *seen) add(by PartID, tag seenTag, value [16]byte) {
	if value != ([16]byte{}) {
		m.remember(seenValue{value, by, tag})
	}
}

// later remembers a value at the end of the submission: the payments of one message share its id.
func (m *seen) later(by PartID, tag seenTag, value [16]byte) {
	if value != ([16]byte{}) {
		m.pending = append(m.pending, seenValue{value, by, tag})
	}
}

func (m *seen) remember(v seenValue) {
	m.values.add(v, m.now)
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
