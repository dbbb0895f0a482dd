package settlement

import (
	"context"
	"errors"
	"fmt"
	"io"

	"viaduct/ledger"
	"viaduct/settlement/blocklog"
	"viaduct/settlement/disk"
)

// Progress is told how far a long run has come, now and then: the height done, the last one if it is
// known (0 if not), and the instructions so far.
type Progress func(height, last uint64, instructions int)

// Export writes the archive of the blocks in a block log that begins with the genesis and that no node
// has open, and returns the height of the last one. tree is where the node keeps its certificates.
func Export(ctx context.Context, blocks, tree disk.Disk, to io.Writer, tell Progress) (height uint64, err error) {
	log, err := blocklog.Open(blocks, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	certificates, err := openCertificates(tree)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, certificates.close()) }()
	if log.First() != 0 || log.Next() == 0 {
		return 0, fmt.Errorf("the block log has no genesis: this node began with a snapshot at height %d; export from one that did not", log.First())
	}
	var w *archiveWriter
	instructions := 0
	for rec, err := range log.From(0) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return height, err
		}
		r, err := decodeRecord(rec.Data)
		if err != nil {
			return height, fmt.Errorf("height %d: %w", rec.Height, err)
		}
		height, instructions = rec.Height, instructions+len(r.Leaves)-1
		if height == 0 {
			w, err = newArchiveWriter(to, r.Message)
		} else {
			a := archived{header: r.Leaves[len(r.Leaves)-1], message: r.Message}
			if height < certificates.next() {
				if a.note, err = certificates.get(height); err != nil {
					return height, err
				}
			}
			err = w.block(a)
		}
		if err != nil {
			return height, fmt.Errorf("write archive: height %d: %w", height, err)
		}
		tell(height, log.Next()-1, instructions)
	}
	if err := w.close(); err != nil {
		return height, fmt.Errorf("write archive: %w", err)
	}
	return height, nil
}

// Imported is what an archive held.
type Imported struct {
	Genesis      *ledger.Genesis
	Height       uint64
	Instructions int
	LogSize      uint64
	// Certified is the last height with a checkpoint that a quorum signed; what comes behind it is
	// consistent, but nobody vouches for it.
	Certified uint64
}
