package settlement

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"viaduct/ledger/proof"
	"viaduct/settlement/disk"
	"viaduct/settlement/journal"
)

// adoptWait bounds the wait for the certificate of a block that took the place of this node's.
const adoptWait = 2 * time.Second

// adopt drops the last blocks of the block log when the journal lost their messages and has others in
// their place, of which a quorum signed the first. This node may have signed its own: it signs none of the
// heights it drops again. Without the quorum's signature it drops nothing and returns an error; a final
// block is never dropped, since of two quorums one would have lied.
func (n *Node) adopt(ctx context.Context) error {
	height, theirs, err := n.orphaned(ctx)
	if err != nil || theirs.Position == 0 {
		return err
	}
	if err := n.signedInstead(ctx, height); err != nil {
		return fmt.Errorf("%w: position %d holds another message than the block log, and that a quorum signed its block is not known: %w", errJournal, theirs.Position, err)
	}
	n.cfg.Log.Error("the journal lost these blocks before a quorum signed them, and a quorum signed another: dropping them, and signing no other in their place",
		"from height", height, "to", n.log.Next()-1)
	if err := n.unsigned.raise(n.log.Next()); err != nil {
		return err
	}
	return n.log.Cut(height)
}

// orphaned returns the lowest height whose message in the journal is another than the block log's, and that
// message; none when all agree. It looks no further back than this node's certificates. A journal that can't
// be asked is for Run to complain of.
func (n *Node) orphaned(ctx context.Context) (height uint64, theirs journal.Message, err error) {
	tip, err := n.cfg.Journal.Tip(ctx)
	if err != nil {
		return 0, theirs, nil
	}
	for at := n.log.Next(); at > max(n.certificates.next(), 1); at-- {
		rec, _, err := n.record(at - 1)
		if err != nil {
			return 0, theirs, err
		}
		if rec.Position > tip {
			continue // lost, and nothing is in its place
		}
		m, err := messageAt(ctx, n.cfg.Journal, rec.Position)
		if err != nil {
			return 0, theirs, err
		}
		if bytes.Equal(m.Data, rec.Message) {
			break
		}
		height, theirs = at-1, m
	}
	return height, theirs, nil
}

// messageAt reads one message of the journal.
func messageAt(ctx context.Context, j journal.Journal, position uint64) (journal.Message, error) {
	r, err := j.Read(ctx, position)
	if err != nil {
		return journal.Message{}, err
	}
	defer r.Close()
	m, err := r.Next(ctx)
	if err == nil && m.Position != position {
		err = fmt.Errorf("%w: asked for position %d it gave %d", errJournal, position, m.Position)
	}
	return m, err
}

// signedInstead returns nil when a quorum signed another block of a height than this node has, behind the
// same blocks before it: the log's root that comes out with another validator's leaves is what was signed.
func (n *Node) signedInstead(ctx context.Context, height uint64) error {
	before, _, err := n.record(height - 1)
	if err != nil {
		return err
	}
	if err := n.regrow(height - 1); err != nil {
		return err
	}
	edge, err := n.tree.Edge(before.TreeSize)
	if err != nil {
		return err
	}
	// The ledger is not there yet: it is made of what is left of the block log.
	if err := n.learnFromLog(height - 1); err != nil {
		return err
	}
	answers := make(chan []certificate, 8)
	cancel, err := n.cfg.Bus.Subscribe(subjectCertified+"."+token(n.cfg.Name), func(data []byte, _ func([]byte)) {
		if all, err := decodeCertificates(data); err == nil {
			select {
			case answers <- all:
			default:
			}
		}
	})
	if err != nil {
		return err
	}
	defer func() { _ = cancel() }() // the connection's end is its end too
	q := missing{From: height, Name: n.cfg.Name}
	if err := n.cfg.Bus.Publish(subjectMissing, q.encode()); err != nil {
		return err
	}
	roots := map[proof.Checkpoint]bool{}
	for _, v := range n.policy(height).Validators() {
		if v.Name() == n.cfg.Name {
			continue
		}
		rec, err := n.askRecord(ctx, v.Name(), height)
		if err != nil {
			continue // another may answer
		}
		if h, err := rec.header(); err != nil || h.Height != height {
			continue
		}
		hashes := make([][]byte, 0, len(edge))
		for i := range edge {
			hashes = append(hashes, edge[i][:])
		}
		grown, err := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewRange(0, before.TreeSize, hashes)
		if err != nil {
			return err
		}
		for _, leaf := range rec.Leaves {
			h := proof.LeafHash(leaf)
			if err := grown.Append(h[:], nil); err != nil {
				return err
			}
		}
		root, err := grown.GetRootHash(nil)
		if err != nil {
			return err
		}
		roots[proof.Checkpoint{Origin: n.cfg.Genesis.Origin(), Size: grown.End(), Root: proof.Hash(root)}] = true
	}
	ours, err := n.ownCheckpoint(height)
	if err != nil {
		return err
	}
	delete(roots, ours)
	patience := time.NewTimer(adoptWait)
	defer patience.Stop()
	for {
		select {
		case all := <-answers:
			for _, c := range all {
				if signed, _, err := proof.VerifyCheckpoint(c.note, n.policy(height)); err == nil && roots[signed] {
					return nil
				}
			}
		case <-patience.C:
			return errors.New("no validator has a certificate for it")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ownCheckpoint returns the checkpoint at the end of a block in the block log.
func (n *Node) ownCheckpoint(height uint64) (proof.Checkpoint, error) {
	if err := n.regrow(height); err != nil {
		return proof.Checkpoint{}, err
	}
	m, err := n.remade(height)
	if err != nil {
		return proof.Checkpoint{}, err
	}
	return m.checkpoint, nil
}

// unsigned keeps the height below which this node signs nothing any more, because it may have signed
// blocks there that it dropped. It is a file of entries, each a height and its CRC-32C, of which the highest
// counts; the file is there once it was needed.
type unsigned struct {
	d    disk.Disk
	mark uint64
}

const (
	unsignedName  = "unsigned"
	unsignedEntry = 12
)

func openUnsigned(d disk.Disk) (*unsigned, error) {
	u := &unsigned{d: d}
	names, err := d.List()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if name != unsignedName {
			continue
		}
		f, err := d.Open(name)
		if err != nil {
			return nil, err
		}
		size, err := f.Size()
		data := make([]byte, size/unsignedEntry*unsignedEntry)
		if err == nil && len(data) > 0 {
			_, err = f.ReadAt(data, 0)
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		for ; len(data) > 0; data = data[unsignedEntry:] {
			if binary.BigEndian.Uint32(data[8:]) == checksum(data[:8]) {
				u.mark = max(u.mark, binary.BigEndian.Uint64(data))
			}
		}
	}
	return u, nil
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// raise makes the mark durable; a lower one than before changes nothing.
func (u *unsigned) raise(height uint64) error {
	if height <= u.mark {
		return nil
	}
	f, err := u.d.Open(unsignedName)
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err == nil {
		entry := binary.BigEndian.AppendUint64(nil, height)
		_, err = f.WriteAt(binary.BigEndian.AppendUint32(entry, checksum(entry)), size/unsignedEntry*unsignedEntry)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = u.d.Sync()
	}
	if err != nil {
		return fmt.Errorf("note up to which height nothing is signed: %w", err)
	}
	u.mark = height
	return nil
}
