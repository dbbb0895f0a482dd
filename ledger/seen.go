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

// seenTag says what a remembered value is. The UETR tags are the UETRKinds, but for that of an advice.
type seenTag uint8

const (
	seenMessage seenTag = 4 + iota
	seenPayment
	seenOffer
	seenAdvice
	seenHold
	seenQuoteUsed
	seenQuoteExpired
	seenQuoteReleased
)

// seenKey names an idempotency key by its digest, so that a long one costs no more to keep.
type seenKey struct {
	by  PartID
	key Hash
}

// seen is what was seen before. It forgets in the order in which it learned.
type seen struct {
	keys    map[seenKey]uint64 // to where it stands in the line
	line    line[keyEntry]
	values  idSet
	pending []seenValue // of the submission under way
	now     int64
}

// keyEntry is a key with the fingerprint of what came with it.
type keyEntry struct {
	at int64
	seenKey
	print Hash
}

const keyEntryLen = 8 + 4 + 32 + 32

func (e keyEntry) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.at))
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.by))
	return append(append(dst, e.key[:]...), e.print[:]...)
}

func newSeen() seen {
	return seen{keys: make(map[seenKey]uint64), line: newLine[keyEntry](), values: newIDSet()}
}

// begin starts a message: what is older than the memory is forgotten.
func (m *seen) begin(now int64) {
	m.now = now
	for m.line.first < m.line.next && m.line.entry(m.line.first).at < now-KeyMemory {
		delete(m.keys, m.line.entry(m.line.first).seenKey)
		m.line.shift()
	}
	m.values.forgetBefore(now - UETRMemory)
}

func (m *seen) key(by PartID, key []byte) (Hash, bool) {
	at, ok := m.keys[seenKey{by, sha256.Sum256(key)}]
	if !ok {
		return Hash{}, false
	}
	return m.line.entry(at).print, true
}

// addKey remembers a submission's key and whatever its instructions left for later.
func (m *seen) addKey(by PartID, key []byte, print Hash) {
	k := seenKey{by, sha256.Sum256(key)}
	m.keys[k] = m.line.next
	m.line.push(keyEntry{m.now, k, print})
	for _, v := range m.pending {
		if !m.values.has(v) {
			m.values.add(v, m.now)
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
		m.values.add(seenValue{value, by, tag}, m.now)
	}
}

// later remembers a value at the end of the submission: the payments of one message share its id.
func (m *seen) later(by PartID, tag seenTag, value [16]byte) {
	if value != ([16]byte{}) {
		m.pending = append(m.pending, seenValue{value, by, tag})
	}
}

// appendHash appends what the state hash covers: every key and id that is kept, with its time.
func (m *seen) appendHash(dst []byte) []byte {
	return m.values.appendHash(m.line.appendHash(dst))
}
