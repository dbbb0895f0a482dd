package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
)

// RestoreSnapshot reads the snapshot of a state of g's network. The state it returns has the hash that
// its header states; whether that header is the network's is for the caller to know: from its own block
// log, or from a checkpoint that a quorum signed. Memory grows with what was read, never with what the
// bytes claim will come. The state has no router yet: see Attach.
func RestoreSnapshot(from io.Reader, g *Genesis) (*State, error) {
	s, err := readSnapshot(from, g)
	if err != nil {
		return nil, err
	}
	// Before anything follows an index of the tables.
	if h := s.Hash(); h != s.header.State {
		return nil, fmt.Errorf("%w: height %d has state hash %x, its content %x", ErrSnapshot, s.height, s.header.State, h)
	}
	if err := s.relink(); err != nil {
		return nil, err
	}
	return s, nil
}

// readSnapshot reads the tables and what was seen before, with every byte of the snapshot but nothing
// that follows from them.
func readSnapshot(from io.Reader, g *Genesis) (*State, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	s := blank(g)
	r := &snapshotReader{from: from, sum: sha256.New()}
	var counts [tableCount]uint32
	var keys, ids span
	if err := r.frame("head"); err != nil {
		return nil, err
	}
	r.r.tag('V', 'N', 2)
	header, err := DecodeHeader(r.r.take(int(r.r.u16())))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	spans, spansHash := s.readScalars(&r.r)
	for table := range counts {
		counts[table] = r.r.u32()
	}
	keys.read(&r.r)
	ids.read(&r.r)
	if err := r.end("head"); err != nil {
		return nil, err
	}
	if header.Network != s.network {
		return nil, fmt.Errorf("snapshot is of another network: its genesis hash is %x, want %x", header.Network, s.network)
	}
	s.header, s.lastHeader, s.lastMsg = header, header.Hash(), header.Message
	s.height, s.epoch, s.time = header.Height, header.Epoch, header.Time
	if err := s.readSpans(r, spans, spansHash); err != nil {
		return nil, err
	}
	for table, n := range counts {
		if err := s.readTable(r, table, int64(n)); err != nil {
			return nil, err
		}
	}
	if err := readLine(r, &s.seen.line, keys, "keys", keyEntryLen, (*keyEntry).read); err != nil {
		return nil, err
	}
	if err := readLine(r, &s.seen.values.line, ids, "ids", seenEntryLen, (*seenEntry).read); err != nil {
		return nil, err
	}
	return s, r.close()
}

// readSpans reads who signed, signs and will sign the blocks.
func (s *State) readSpans(r *snapshotReader, n uint32, hash Hash) error {
	const what = "validators"
	a := &s.auth
	a.spans, a.spansHash, a.current = nil, Hash{}, 0
	for range n {
		if err := r.frame(what); err != nil {
			return err
		}
		var p Span
		p.read(&r.r)
		if err := r.end(what); err != nil {
			return err
		}
		a.add(p)
	}
	if a.spansHash != hash || n == 0 {
		return fmt.Errorf("%w: malformed %s", ErrSnapshot, what)
	}
	if err := a.check(s.height); err != nil {
		return err
	}
	for range n {
		a.advance(s.height)
	}
	return nil
}

func (s *State) readTable(r *snapshotReader, table int, n int64) error {
	for i := int64(0); i < n; i++ {
		if i%framed(table) == 0 {
			if err := r.frame(tableNames[table]); err != nil {
				return err
			}
		}
		s.readEntry(&r.r, table)
		if i%pageEntries == 0 {
			s.trees[table].touch(int(i))
		}
		if r.r.bad {
			return fmt.Errorf("%w: entry %d of %s", ErrSnapshot, i, tableNames[table])
		}
		if (i+1)%framed(table) == 0 || i+1 == n {
			if err := r.end(tableNames[table]); err != nil {
				return err
			}
		}
	}
	return nil
}

// span is what a snapshot's head says of a line.
type span struct {
	first, next uint64
	before      Hash
}

func (p *span) read(r *reader) {
	p.first, p.next = r.u64(), r.u64()
	r.fill(p.before[:])
	r.bad = r.bad || p.first > p.next || p.next >= idSeqMask
}

func readLine[T lineEntry](r *snapshotReader, l *line[T], p span, what string, length int, read func(*T, *reader)) error {
	l.first = p.first
	l.next = l.start()
	l.chain = p.before
	for l.next < p.next {
		if err := r.frame(what); err != nil {
			return err
		}
		n := int(min(p.next-l.next, lineChunk))
		if len(r.r.b) != n*length {
			return fmt.Errorf("%w: %d bytes hold %d %s", ErrSnapshot, len(r.r.b), n, what)
		}
		for range n {
			var e T
			read(&e, &r.r)
			l.push(e)
		}
		if err := r.end(what); err != nil {
			return err
		}
	}
	return nil
}

// snapshotReader reads frames.
type snapshotReader struct {
	from io.Reader
	sum  hash.Hash
	buf  []byte
	r    reader // the frame under way
}

func (r *snapshotReader) frame(what string) error {
	var length [4]byte
	if err := r.fill(length[:], what); err != nil {
		return err
	}
	n := int(length[0])<<24 | int(length[1])<<16 | int(length[2])<<8 | int(length[3])
	if n > maxFrame {
		return fmt.Errorf("%w: a frame of %d bytes in %s", ErrSnapshot, n, what)
	}
	if cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	r.r = reader{b: r.buf[:n]}
	return r.fill(r.buf[:n], what)
}

func (r *snapshotReader) fill(b []byte, what string) error {
	if _, err := io.ReadFull(r.from, b); err != nil {
		return shortSnapshot(err, what)
	}
	r.sum.Write(b)
	return nil
}

func shortSnapshot(err error, what string) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it ends in %s", ErrSnapshot, what)
	}
	return fmt.Errorf("read snapshot: %w", err)
}

func (r *snapshotReader) end(what string) error {
	if !r.r.done() {
		return fmt.Errorf("%w: malformed %s", ErrSnapshot, what)
	}
	return nil
}

// close checks the checksum, and that nothing follows it.
func (r *snapshotReader) close() error {
	want := Hash(r.sum.Sum(nil))
	var got [len(want) + 1]byte
	switch n, err := io.ReadFull(r.from, got[:]); {
	case err == nil:
		return fmt.Errorf("%w: bytes follow its end", ErrSnapshot)
	case !errors.Is(err, io.ErrUnexpectedEOF) || n < len(want):
		return shortSnapshot(err, "its checksum")
	}
	if Hash(got[:len(want)]) != want {
		return fmt.Errorf("%w: its checksum is another", ErrSnapshot)
	}
	return nil
}
