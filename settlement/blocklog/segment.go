package blocklog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"viaduct/settlement/disk"
)

const (
	segmentSuffix = ".blocks"
	segmentDigits = 20 // of the first height, so that names sort like heights
	// scanBuffer is how much of a segment is read at once when it is opened.
	scanBuffer = 256 << 10
)

// segment is one file: the records from height first on.
type segment struct {
	name    string
	file    disk.File
	first   uint64
	offsets []uint32 // where each record begins; a segment is far below 4 GiB
	size    int64    // where the next record goes
}

func segmentName(first uint64) string {
	return fmt.Sprintf("%0*d%s", segmentDigits, first, segmentSuffix)
}

// segmentFirst returns the first height of the segment of that name.
func segmentFirst(name string) (first uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != segmentDigits {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, err == nil
}

// next returns the height that follows the segment's records.
func (s *segment) next() uint64 { return s.first + uint64(len(s.offsets)) }

// scan reads the whole segment through r and builds its index. Only in the last one it cuts off a
// torn tail.
func (s *segment) scan(r *bufio.Reader, last bool) error {
	size, err := s.file.Size()
	if err != nil {
		return fmt.Errorf("scan %s: %w", s.name, err)
	}
	r.Reset(io.NewSectionReader(s.file, 0, size))
	var buf []byte
	for s.size < size {
		n, err := s.scanRecord(r, &buf)
		if err == nil {
			s.offsets = append(s.offsets, uint32(s.size))
			s.size += n
			continue
		}
		if !errors.Is(err, errBadRecord) {
			return fmt.Errorf("scan %s at offset %d: %w", s.name, s.size, err)
		}
		if !last {
			return fmt.Errorf("%w: %s at offset %d, height %d", ErrDamaged, s.name, s.size, s.next())
		}
		return s.cut(size)
	}
	return nil
}

// errBadRecord is scanRecord's word for "no valid record here".
var errBadRecord = errors.New("no valid record")

// scanRecord reads the next record from r and returns its length on disk.
func (s *segment) scanRecord(r io.Reader, buf *[]byte) (int64, error) {
	var head [headerLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, shortRead(err)
	}
	h, ok := parseHeader(head[:])
	if !ok || h.height != s.next() {
		return 0, errBadRecord
	}
	if cap(*buf) < int(h.length) {
		*buf = make([]byte, h.length)
	}
	data := (*buf)[:h.length]
	if _, err := io.ReadFull(r, data); err != nil {
		return 0, shortRead(err)
	}
	if castagnoli(data) != h.dataCRC {
		return 0, errBadRecord
	}
	return headerLen + int64(h.length), nil
}

// shortRead tells the end of the file from a disk that cannot be read.
func shortRead(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errBadRecord
	}
	return err
}

// cut removes a torn record from the end, or refuses when the bytes there are not one.
func (s *segment) cut(size int64) error {
	tail, err := readAll(s.file, s.size, size)
	if err != nil {
		return fmt.Errorf("scan %s at offset %d: %w", s.name, s.size, err)
	}
	if !torn(tail, s.size, s.next()) {
		return fmt.Errorf("%w: %s at offset %d, height %d", ErrDamaged, s.name, s.size, s.next())
	}
	// Synced by Open before anything is appended: else the old bytes could come back around it.
	if err := s.file.Truncate(s.size); err != nil {
		return fmt.Errorf("cut %s at offset %d: %w", s.name, s.size, err)
	}
	return nil
}

// read returns the data of the record at height, which the segment has.
func (s *segment) read(height uint64) ([]byte, error) {
	i := int(height - s.first)
	end := s.size
	if i+1 < len(s.offsets) {
		end = int64(s.offsets[i+1])
	}
	off := int64(s.offsets[i])
	b, err := readAll(s.file, off, end)
	if err != nil {
		return nil, fmt.Errorf("read %s at offset %d: %w", s.name, off, err)
	}
	h, data, ok := parseRecord(b)
	if !ok || h.height != height || headerLen+len(data) != len(b) {
		return nil, fmt.Errorf("%w: %s at offset %d, height %d", ErrDamaged, s.name, off, height)
	}
	return data, nil
}
