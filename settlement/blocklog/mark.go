package blocklog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"viaduct/ledger/proof"
	"viaduct/settlement/disk"
)

// A mark is what Tree.Sync leaves behind: up to where the level files are complete. There are two
// places for it, each a sector of its own, written in turn, so that a torn one leaves the other.
//
//	0   version    1
//	1   next       uint64, little-endian like all
//	9   size       uint64
//	17  root       32 bytes
//	49  CRC-32C    uint32
const (
	markVersion = 1
	markLen     = 53
	markSlots   = 2
	markName    = "mark"
)

type markState struct {
	next, size uint64
	root       proof.Hash
}

// mark is the open file of marks.
type mark struct {
	file disk.File
	turn int // the slot to write next
}

// openMark opens the file of marks and returns the valid ones, the largest first.
func openMark(d disk.Disk) (*mark, []markState, error) {
	file, err := d.Open(markName)
	if err != nil {
		return nil, nil, err
	}
	m := &mark{file: file}
	var valid []markState
	for i := range markSlots {
		b := make([]byte, markLen)
		if _, err := file.ReadAt(b, int64(i)*sectorSize); err != nil && !errors.Is(err, io.EOF) {
			return nil, nil, errors.Join(fmt.Errorf("read mark: %w", err), file.Close())
		}
		s, ok := parseMark(b)
		if !ok {
			continue
		}
		if len(valid) == 0 || s.size > valid[0].size {
			m.turn = (i + 1) % markSlots // keep the largest, write over the other
			valid = slices.Insert(valid, 0, s)
		} else {
			valid = append(valid, s)
		}
	}
	return m, valid, nil
}

func (m *mark) write(s markState) error {
	b := make([]byte, 0, markLen)
	b = append(b, markVersion)
	b = binary.LittleEndian.AppendUint64(b, s.next)
	b = binary.LittleEndian.AppendUint64(b, s.size)
	b = append(b, s.root[:]...)
	b = binary.LittleEndian.AppendUint32(b, castagnoli(b))
	if _, err := m.file.WriteAt(b, int64(m.turn)*sectorSize); err != nil {
		return fmt.Errorf("write mark: %w", err)
	}
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("sync mark: %w", err)
	}
	m.turn = (m.turn + 1) % markSlots
	return nil
}

// clear removes all marks, durably: the levels they speak of are about to go.
func (m *mark) clear() error {
	if err := m.file.Truncate(0); err != nil {
		return fmt.Errorf("clear mark: %w", err)
	}
	if err := m.file.Sync(); err != nil {
		return fmt.Errorf("clear mark: %w", err)
	}
	m.turn = 0
	return nil
}

func (m *mark) close() error { return m.file.Close() }

func parseMark(b []byte) (markState, bool) {
	if b[0] != markVersion || binary.LittleEndian.Uint32(b[markLen-4:]) != castagnoli(b[:markLen-4]) {
		return markState{}, false
	}
	return markState{
		next: binary.LittleEndian.Uint64(b[1:]),
		size: binary.LittleEndian.Uint64(b[9:]),
		root: proof.Hash(b[17:]),
	}, true
}
