package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// A snapshot is the whole state behind one block, in canonical bytes:
//
//	frames, each its length (4 bytes) and that many bytes:
//	  head     "VN" 2, the block's header behind its length (2 bytes), the scalars, the number of sets
//	           and the hash over them, the number of entries of each table (4 bytes each), and for the keys and the ids seen before: the sequence
//	           number of the oldest remembered and of the next one (8 bytes each) and the chain of the
//	           hashes before the first chunk that follows (32 bytes)
//	  sets     a frame for each set of validators since the genesis, with its heights
//	  tables   in the order of the state hash: 512 entries to a frame (32 of the holds), the last of a table has the rest
//	  keys     8,192 to a frame, from the start of the chunk that holds the oldest remembered
//	  ids      likewise
//	SHA-256 of all the above, 32 bytes, without a length
//
// There is one snapshot of a state, byte for byte. The checksum finds what a disk or a wire did to it;
// what somebody did on purpose is found by the state hash in the header, once the header is known to be
// the network's: see RestoreSnapshot.

const (
	snapshotEntries = 512     // of a table, to a frame
	snapshotHolds   = 32      // of the holds: so many of MaxHoldFlows are half a frame
	maxFrame        = 1 << 20 // 512 participants with names of 560 bytes and 8 keys are half of that
)

// framed returns how many entries of a table go into a frame.
func framed(table int) int64 {
	if table == tableHolds {
		return snapshotHolds
	}
	return snapshotEntries
}

// ErrSnapshot says that bytes are not the snapshot of a state.
var ErrSnapshot = errors.New("snapshot is damaged")

// WriteSnapshot writes the state's snapshot. It holds no more than a frame beside the state, which must
// not change meanwhile.
func (s *State) WriteSnapshot(to io.Writer) error {
	w := snapshotWriter{to: to, sum: sha256.New()}
	w.w.tag('V', 'N', 2)
	header := s.header.Encode()
	w.w.u16(uint16(len(header)))
	w.w.raw(header)
	s.appendScalars(&w.w)
	for _, n := range s.tableLengths() {
		w.w.u32(uint32(n))
	}
	appendSpan(&w.w, &s.seen.line)
	appendSpan(&w.w, &s.seen.values.line)
	w.frame()
	for i := range s.auth.spans {
		s.auth.spans[i].append(&w.w)
		w.frame()
	}
	for table, n := range s.tableLengths() {
		for i := range n {
			s.appendEntry(&w.w, table, i)
			if int64(i+1)%framed(table) == 0 || i+1 == n {
				w.frame()
			}
		}
	}
	writeLine(&w, &s.seen.line)
	writeLine(&w, &s.seen.values.line)
	if w.err == nil {
		_, w.err = to.Write(w.sum.Sum(nil))
	}
	if w.err != nil {
		return fmt.Errorf("write snapshot of height %d: %w", s.height, w.err)
	}
	return nil
}

// appendSpan tells which entries of a line follow, and from where its hash is made.
func appendSpan[T lineEntry](w *writer, l *line[T]) {
	w.u64(l.first)
	w.u64(l.next)
	before := l.chain
	if len(l.before) > 0 {
		before = l.before[0]
	}
	w.raw(before[:])
}

func writeLine[T lineEntry](w *snapshotWriter, l *line[T]) {
	for _, chunk := range l.chunks {
		for _, e := range chunk {
			w.w.b = e.append(w.w.b)
		}
		w.frame()
	}
}

// snapshotWriter writes frames until something fails.
type snapshotWriter struct {
	to  io.Writer
	sum hash.Hash
	w   writer // the frame under way
	err error
}

func (w *snapshotWriter) frame() {
	if w.err != nil {
		return
	}
	var length writer
	length.u32(uint32(len(w.w.b)))
	for _, b := range [][]byte{length.b, w.w.b} {
		w.sum.Write(b)
		if _, w.err = w.to.Write(b); w.err != nil {
			return
		}
	}
	w.w.b = w.w.b[:0]
}
