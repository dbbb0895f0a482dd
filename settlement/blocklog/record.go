package blocklog

import (
	"encoding/binary"
	"hash/crc32"

	"viaduct/settlement/disk"
)

// A record on disk, integers little-endian:
//
//	0   length of the data   uint32
//	4   height               uint64
//	12  version              1
//	13  CRC-32C of the data  uint32
//	17  CRC-32C of the above uint32
//	21  data
//
// The header has its own checksum so that a damaged length is seen as damage and not taken for a
// record that the crash cut short.
const (
	headerLen     = 21
	recordVersion = 1
)

// MaxRecord is the longest record in bytes. A block of 1,024 outcomes is about a megabyte.
const MaxRecord = 16 << 20

// sectorSize is what a disk writes in one piece; a torn write lacks whole ones.
const sectorSize = 512

type header struct {
	length  uint32
	height  uint64
	dataCRC uint32
}

func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// appendRecord appends the record's bytes to buf.
func appendRecord(buf []byte, height uint64, data []byte) []byte {
	at := len(buf)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(data)))
	buf = binary.LittleEndian.AppendUint64(buf, height)
	buf = append(buf, recordVersion)
	buf = binary.LittleEndian.AppendUint32(buf, castagnoli(data))
	buf = binary.LittleEndian.AppendUint32(buf, castagnoli(buf[at:]))
	return append(buf, data...)
}

// parseHeader reads a header; ok is false when it is short, damaged or of another version.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < headerLen || b[12] != recordVersion {
		return header{}, false
	}
	if binary.LittleEndian.Uint32(b[17:]) != castagnoli(b[:17]) {
		return header{}, false
	}
	h = header{
		length:  binary.LittleEndian.Uint32(b),
		height:  binary.LittleEndian.Uint64(b[4:]),
		dataCRC: binary.LittleEndian.Uint32(b[13:]),
	}
	return h, h.length <= MaxRecord
}

// parseRecord reads a whole record from the start of b.
func parseRecord(b []byte) (h header, data []byte, ok bool) {
	h, ok = parseHeader(b)
	if !ok || int64(len(b)) < headerLen+int64(h.length) {
		return h, nil, false
	}
	data = b[headerLen : headerLen+int64(h.length)]
	return h, data, castagnoli(data) == h.dataCRC
}

// torn reports whether tail, the bytes from off to the end of the last file, can be what a crash
// left of the one record that was being written, with the given height. Each record is synced
// before the next is begun, so at most one is torn, and nothing valid follows it. What a crash
// leaves of it ends early or lacks whole sectors. Anything else is damage to a record that may have
// been signed, and must not be thrown away.
func torn(tail []byte, off int64, height uint64) bool {
	// A record further on means that the bytes here were once complete.
	for i := 1; i+headerLen <= len(tail); i++ {
		if h, _, ok := parseRecord(tail[i:]); ok && h.height > height {
			return false
		}
	}
	if len(tail) < headerLen {
		return true
	}
	if h, ok := parseHeader(tail); ok {
		if h.height != height {
			return false
		}
		if int64(len(tail)) < headerLen+int64(h.length) {
			return true
		}
	}
	return lacksSector(tail, off)
}

// lacksSector reports whether one of the sectors that b, at off in its file, lies in is all zeros.
func lacksSector(b []byte, off int64) bool {
	for len(b) > 0 {
		n := min(int64(len(b)), sectorSize-off%sectorSize)
		if allZero(b[:n]) {
			return true
		}
		b, off = b[n:], off+n
	}
	return false
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// readAll reads the part of the file from off to size.
func readAll(f disk.File, off, size int64) ([]byte, error) {
	b := make([]byte, size-off)
	_, err := f.ReadAt(b, off)
	return b, err
}
