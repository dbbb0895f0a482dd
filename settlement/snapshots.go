package settlement

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement/disk"
)

// SnapshotDisk is where snapshots are kept; *disk.Dir is one.
type SnapshotDisk interface {
	disk.Disk
	Rename(from, to string) error
}

// A snapshot's file is named by its height in 20 digits and holds, integers big-endian:
//
//	"VP" 1
//	position  of the block's message in the journal of the node that wrote it (8 bytes)
//	leaves    in the chain-wide log behind the block (8 bytes)
//	edge      the roots of the complete subtrees that make up the log, largest first: a hash for each
//	          bit set in leaves
//	SHA-256 of the above (32 bytes)
//	the ledger's snapshot, to the end of the file
//
// It is written under another name, synced, and renamed: a file of the right name is whole, and if a
// disk damages it later, its checksums tell.

const (
	snapshotMagic  = "VP\x01"
	snapshotSuffix = ".snapshot"
	snapshotPart   = "part" // the name of one that is being written
	snapshotDigits = 20
	snapshotBuf    = 64 << 10
	// snapshotsKept is how many snapshots a node keeps: if the newest is damaged, the one before will do.
	snapshotsKept = 2
)

// ErrSnapshot says that a file is not a snapshot that can be started from.
var ErrSnapshot = errors.New("snapshot cannot be used")

// place is where in the chain a snapshot was taken.
type place struct {
	position uint64
	leaves   uint64
	edge     []proof.Hash
}

func (p *place) encode() []byte {
	b := append([]byte(snapshotMagic), make([]byte, 16)...)
	binary.BigEndian.PutUint64(b[3:], p.position)
	binary.BigEndian.PutUint64(b[11:], p.leaves)
	for _, h := range p.edge {
		b = append(b, h[:]...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

func readPlace(from io.Reader) (p place, err error) {
	head := make([]byte, 19, 19+65*proof.HashSize)
	if _, err := io.ReadFull(from, head); err != nil {
		return p, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if string(head[:3]) != snapshotMagic {
		return p, fmt.Errorf("%w: it is not a snapshot of this version", ErrSnapshot)
	}
	p.position, p.leaves = binary.BigEndian.Uint64(head[3:]), binary.BigEndian.Uint64(head[11:])
	p.edge = make([]proof.Hash, bits.OnesCount64(p.leaves))
	for i := range p.edge {
		if _, err := io.ReadFull(from, p.edge[i][:]); err != nil {
			return p, fmt.Errorf("%w: %w", ErrSnapshot, err)
		}
		head = append(head, p.edge[i][:]...)
	}
	var sum [sha256.Size]byte
	if _, err := io.ReadFull(from, sum[:]); err != nil || sum != sha256.Sum256(head) {
		return p, fmt.Errorf("%w: its head is damaged", ErrSnapshot)
	}
	return p, nil
}

// snapshots are the snapshots of a directory.
type snapshots struct{ d SnapshotDisk }

func snapshotName(height uint64) string {
	return fmt.Sprintf("%0*d%s", snapshotDigits, height, snapshotSuffix)
}

// heights returns the heights of which there are snapshots, newest first.
func (s snapshots) heights() ([]uint64, error) {
	names, err := s.d.List()
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var all []uint64
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, snapshotSuffix)
		if height, err := strconv.ParseUint(digits, 10, 64); ok && err == nil && len(digits) == snapshotDigits {
			all = append(all, height)
		}
	}
	slices.Sort(all)
	slices.Reverse(all)
	return all, nil
}

// write writes the state's snapshot, durably, and removes those that are too many. A snapshot that is
// there already is left as it is. The state must not change meanwhile.
func (s snapshots) write(state *ledger.State, p place) error {
	err := s.put(state, p)
	if err == nil {
		err = s.prune()
	}
	if err != nil {
		return fmt.Errorf("snapshot of height %d: %w", state.Height(), err)
	}
	return nil
}

func (s snapshots) put(state *ledger.State, p place) (err error) {
	there, err := s.heights()
	if err != nil || slices.Contains(there, state.Height()) {
		return err
	}
	f, err := s.d.Open(snapshotPart)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil { // left by a crash
		return errors.Join(err, f.Close())
	}
	w := bufio.NewWriterSize(io.NewOffsetWriter(f, 0), snapshotBuf)
	_, err = w.Write(p.encode())
	if err == nil {
		err = state.WriteSnapshot(w)
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := s.d.Rename(snapshotPart, snapshotName(state.Height())); err != nil {
		return err
	}
	return s.d.Sync()
}

func (s snapshots) prune() error {
	all, err := s.heights()
	if err != nil || len(all) <= snapshotsKept {
		return err
	}
	for _, height := range all[snapshotsKept:] {
		if err := s.d.Remove(snapshotName(height)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return s.d.Sync()
}

// open reads a snapshot and the place it was taken at.
func (s snapshots) open(height uint64, g *ledger.Genesis) (state *ledger.State, p place, err error) {
	f, err := s.d.Open(snapshotName(height))
	if err != nil {
		return nil, p, fmt.Errorf("snapshot of height %d: %w", height, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err == nil {
		state, p, err = readSnapshot(io.NewSectionReader(f, 0, size), g)
	}
	if err == nil && state.Height() != height {
		err = fmt.Errorf("%w: it is of height %d", ErrSnapshot, state.Height())
	}
	if err != nil {
		return nil, p, fmt.Errorf("snapshot of height %d: %w", height, err)
	}
	return state, p, nil
}

// ReadSnapshot reads the ledger in a snapshot's file, for who compares two. That the network signed it is
// not checked.
func ReadSnapshot(from io.Reader, g *ledger.Genesis) (*ledger.State, error) {
	state, _, err := readSnapshot(from, g)
	return state, err
}

// readSnapshot reads a snapshot's file.
func readSnapshot(from io.Reader, g *ledger.Genesis) (*ledger.State, place, error) {
	r := bufio.NewReaderSize(from, snapshotBuf)
	p, err := readPlace(r)
	if err != nil {
		return nil, p, err
	}
	state, err := ledger.RestoreSnapshot(r, g)
	return state, p, err
}
