package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// line keeps what was learned in the order in which it came, and forgets the oldest. Its hash covers
// every entry that is kept, so that whoever is handed the entries can check them against a state hash
// that was signed, and adding costs no more than hashing what is new.
//
// Entries are hashed by the chunk: one running digest for the chunk under way, and a chain of the
// digests of those before it. The chunk that holds the oldest entry is kept whole, what it has forgotten
// included, and so is the chain as it was before it: from there the hash can be made again.
type line[T lineEntry] struct {
	chunks [][]T
	before []Hash // per chunk: the chain before it
	first  uint64 // sequence number of the oldest entry that is remembered
	next   uint64 // of the next one

	chain  Hash
	digest hash.Hash // of the chunk under way
	fresh  []byte    // what the digest has not seen yet
	sum    []byte
}

// lineEntry is an entry of fixed length with its canonical bytes.
type lineEntry interface {
	append(dst []byte) []byte
}

const lineChunk = 1 << 13

func newLine[T lineEntry]() line[T] { return line[T]{digest: sha256.New()} }

func (l *line[T]) entry(seq uint64) *T {
	return &l.chunks[seq/lineChunk-l.first/lineChunk][seq%lineChunk]
}

func (l *line[T]) push(e T) {
	at := int(l.next/lineChunk - l.first/lineChunk)
	if at == len(l.chunks) {
		l.chunks = append(l.chunks, nil)
		l.before = append(l.before, l.chain)
	}
	l.chunks[at] = append(l.chunks[at], e)
	l.fresh = e.append(l.fresh)
	if l.next++; l.next%lineChunk == 0 {
		l.fold()
		l.sum = l.digest.Sum(l.sum[:0])
		l.chain = sha256.Sum256(append(l.chain[:], l.sum...))
		l.digest.Reset()
	}
}

// shift forgets the oldest entry.
func (l *line[T]) shift() {
	if l.first++; l.first%lineChunk == 0 {
		l.chunks[0] = nil
		l.chunks, l.before = l.chunks[1:], l.before[1:]
	}
}

// start returns the sequence number of the first entry that is kept, forgotten or not.
func (l *line[T]) start() uint64 { return l.first &^ (lineChunk - 1) }

// fold hashes what is new.
func (l *line[T]) fold() {
	l.digest.Write(l.fresh)
	l.fresh = l.fresh[:0]
}

// appendHash appends what the state hash covers of the line.
func (l *line[T]) appendHash(dst []byte) []byte {
	l.fold()
	dst = binary.BigEndian.AppendUint64(dst, l.first)
	dst = binary.BigEndian.AppendUint64(dst, l.next)
	dst = append(dst, l.chain[:]...)
	l.sum = l.digest.Sum(l.sum[:0])
	return append(dst, l.sum...)
}
