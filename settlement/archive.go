package settlement

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"viaduct/ledger"
)

// An archive is the journal of one network from its genesis on, with what makes it checkable: for each
// height the message as it was ordered, the block's header, and the checkpoint that a quorum signed, if
// the exporting node had one. Everything else, every state and every receipt's leaf, follows from it.
//
// It is a gzip stream (RFC 1952) of frames, integers big-endian:
//
//	"VX" 1
//	genesis  'G', length (4 bytes), the canonical genesis
//	block    'B', length (4 bytes), and in it three parts, each behind its length (4 bytes): the block's
//	         header, the journal message, the signed checkpoint or nothing; heights 1, 2, 3, ...
//	end      'E', length (4 bytes), and in it the number of blocks (8 bytes) and the SHA-256 of all that
//	         came before the frame
//
// docs/archive.md says the same to those who read one with other tools.

const (
	archiveMagic   = "VX\x01"
	frameGenesis   = 'G'
	frameBlock     = 'B'
	frameEnd       = 'E'
	archiveEndLen  = 8 + sha256.Size
	maxHeaderLen   = 4096
	maxNoteLen     = 64 << 10 // a quorum of the most validators' signatures is a third of that
	maxArchiveLen  = ledger.MaxMessage + maxHeaderLen + maxNoteLen + 12
	maxGenesisLen  = 64 << 10
	archiveBufSize = 256 << 10
)

// ErrArchive says that bytes are not an archive of a network's journal.
var ErrArchive = errors.New("archive is damaged")

// archived is one block of an archive.
type archived struct {
	header, message, note []byte
}

// archiveWriter writes an archive.
type archiveWriter struct {
	zip    *gzip.Writer
	sum    hash.Hash
	frame  []byte
	blocks uint64
}

func newArchiveWriter(to io.Writer, genesis []byte) (*archiveWriter, error) {
	// Signatures and hashes do not compress: the fastest level is as good as any.
	zip, err := gzip.NewWriterLevel(to, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	w := &archiveWriter{zip: zip, sum: sha256.New()}
	w.frame = append(w.frame, archiveMagic...)
	return w, w.put(frameGenesis, genesis)
}

// put writes a frame behind what is in w.frame.
func (w *archiveWriter) put(kind byte, parts ...[]byte) error {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	w.frame = binary.BigEndian.AppendUint32(append(w.frame, kind), uint32(size))
	for _, p := range parts {
		w.frame = append(w.frame, p...)
	}
	w.sum.Write(w.frame)
	_, err := w.zip.Write(w.frame)
	w.frame = w.frame[:0]
	return err
}

func (w *archiveWriter) block(a archived) error {
	var lengths [3][4]byte
	for i, part := range [][]byte{a.header, a.message, a.note} {
		binary.BigEndian.PutUint32(lengths[i][:], uint32(len(part)))
	}
	w.blocks++
	return w.put(frameBlock, lengths[0][:], a.header, lengths[1][:], a.message, lengths[2][:], a.note)
}

// close ends the archive; what it was written to stays open.
func (w *archiveWriter) close() error {
	end := w.sum.Sum(binary.BigEndian.AppendUint64(nil, w.blocks))
	if err := w.put(frameEnd, end); err != nil {
		return err
	}
	return w.zip.Close()
}

// archiveReader reads an archive.
type archiveReader struct {
	in     *bufio.Reader
	sum    hash.Hash
	frame  []byte
	blocks uint64
}

// newArchiveReader begins to read and returns the genesis.
func newArchiveReader(from io.Reader) (*archiveReader, *ledger.Genesis, error) {
	zip, err := gzip.NewReader(bufio.NewReaderSize(from, archiveBufSize))
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	r := &archiveReader{in: bufio.NewReaderSize(zip, archiveBufSize), sum: sha256.New()}
	var magic [len(archiveMagic)]byte
	if err := r.fill(magic[:]); err != nil || string(magic[:]) != archiveMagic {
		return nil, nil, fmt.Errorf("%w: it is not an archive of this version", ErrArchive)
	}
	r.sum.Write(magic[:])
	kind, data, err := r.next(maxGenesisLen)
	if err != nil || kind != frameGenesis {
		return nil, nil, fmt.Errorf("%w: no genesis: %w", ErrArchive, err)
	}
	g, err := ledger.DecodeGenesis(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return r, g, nil
}

// block returns the next block, whose parts are valid until the next call, and io.EOF behind the last.
func (r *archiveReader) block() (a archived, err error) {
	before := r.sum.Sum(nil)
	kind, data, err := r.next(maxArchiveLen)
	if err != nil {
		return a, err
	}
	switch kind {
	case frameBlock:
		for _, part := range []*[]byte{&a.header, &a.message, &a.note} {
			if len(data) < 4 || uint64(len(data)-4) < uint64(binary.BigEndian.Uint32(data)) {
				return a, fmt.Errorf("%w: malformed block", ErrArchive)
			}
			n := binary.BigEndian.Uint32(data)
			*part, data = data[4:4+n:4+n], data[4+n:]
		}
		if len(data) > 0 {
			return a, fmt.Errorf("%w: malformed block", ErrArchive)
		}
		r.blocks++
		return a, nil
	case frameEnd:
		if len(data) != archiveEndLen || binary.BigEndian.Uint64(data) != r.blocks || string(data[8:]) != string(before) {
			return a, fmt.Errorf("%w: its end does not fit what came before", ErrArchive)
		}
		if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
			return a, fmt.Errorf("%w: bytes follow its end: %w", ErrArchive, err)
		}
		return a, io.EOF
	}
	return a, fmt.Errorf("%w: a frame of kind %q", ErrArchive, kind)
}

func (r *archiveReader) next(most int) (kind byte, data []byte, err error) {
	var head [5]byte
	if err := r.fill(head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if int64(n) > int64(most) {
		return 0, nil, fmt.Errorf("%w: a frame of %d bytes", ErrArchive, n)
	}
	if cap(r.frame) < int(n) {
		r.frame = make([]byte, n)
	}
	data = r.frame[:n]
	if err := r.fill(data); err != nil {
		return 0, nil, err
	}
	r.sum.Write(head[:])
	r.sum.Write(data)
	return head[0], data, nil
}

func (r *archiveReader) fill(b []byte) error {
	if _, err := io.ReadFull(r.in, b); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: it ends early", ErrArchive)
		}
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	return nil
}
