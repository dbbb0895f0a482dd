package settlement

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"viaduct/fx"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement/blocklog"
	"viaduct/settlement/disk"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Import reads an archive and proves every hash in it again: each message is applied to a ledger that
// begins with the genesis, and the header that comes out must be the archived one, with the message's
// hash, the header before it and the state hash it names; each signed checkpoint must be of a quorum of
// the network's validators, on the log as it comes out. The first height at which anything differs is
// in the error.
//
// begin is told the genesis, once; it returns where the blocks go, an empty block log, or nil to keep
// nothing. A node that starts on it publishes the messages again if its journal does not have them.
func Import(ctx context.Context, from io.Reader, begin func(*ledger.Genesis) (disk.Disk, error), tell Progress) (*Imported, error) {
	r, g, err := newArchiveReader(from)
	if err != nil {
		return nil, err
	}
	blocks, err := begin(g)
	if err != nil {
		return nil, err
	}
	i := &importer{reader: r, tell: tell, done: Imported{Genesis: g}}
	if blocks != nil {
		if i.log, err = blocklog.Open(blocks, 0); err != nil {
			return nil, err
		}
		if i.log.Next() != 0 {
			return nil, errors.Join(fmt.Errorf("the block log is not empty: it has %d blocks", i.log.Next()), i.log.Close())
		}
	}
	err = i.run(ctx)
	if i.log != nil {
		err = errors.Join(err, i.log.Close())
	}
	if err != nil {
		return nil, err
	}
	return &i.done, nil
}

type importer struct {
	reader   *archiveReader
	log      *blocklog.Log // nil keeps nothing
	policies policies
	tell     Progress
	done     Imported

	state   *ledger.State
	message ledger.Message
	block   ledger.Block
	edge    *compact.Range
	record  []byte
}

func (i *importer) run(ctx context.Context) error {
	var err error
	if i.state, err = ledger.New(i.done.Genesis, &i.block); err != nil {
		return err
	}
	i.state.Attach(fx.New(i.state))
	i.edge = (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	if err := i.keep(0, i.done.Genesis.Encode(), nil); err != nil {
		return err
	}
	for height := uint64(1); ; height++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		a, err := i.reader.block()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = i.apply(a)
		}
		if err == nil {
			err = i.keep(height, a.message, a.note)
		}
		if err != nil {
			return fmt.Errorf("height %d: %w", height, err)
		}
		i.done.Height, i.done.Instructions = height, i.done.Instructions+len(i.block.Results)
		i.tell(height, 0, i.done.Instructions)
	}
}

// apply applies a message and compares what comes out with the archived header, the causes first.
func (i *importer) apply(a archived) error {
	want, err := ledger.DecodeHeader(a.header)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	if h := ledger.MessageHash(a.message); h != want.Message {
		return fmt.Errorf("%w: the message's hash is %x, the block's header names %x", ErrArchive, h, want.Message)
	}
	if want.Prev != i.state.LastHeader() {
		return fmt.Errorf("%w: the block's header follows %x, the header before it is %x", ErrArchive, want.Prev, i.state.LastHeader())
	}
	if err := ledger.DecodeMessage(a.message, &i.message); err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	verifyAll(i.message.Submissions)
	if err := i.state.Apply(&i.message, &i.block); err != nil {
		return fmt.Errorf("%w: %w", ErrArchive, err)
	}
	if i.block.Header != want {
		return fmt.Errorf("%w: the block comes out with another header: %s", ErrArchive, differences(&i.block.Header, &want))
	}
	return nil
}

// differences names the fields in which a header differs from the one it should be.
func differences(got, want *ledger.Header) string {
	var all []string
	field := func(name string, got, want any) {
		if got != want {
			all = append(all, fmt.Sprintf("%s %v, want %v", name, got, want))
		}
	}
	hash := func(h ledger.Hash) string { return fmt.Sprintf("%x", h) }
	field("network", hash(got.Network), hash(want.Network))
	field("height", got.Height, want.Height)
	field("epoch", got.Epoch, want.Epoch)
	field("previous header", hash(got.Prev), hash(want.Prev))
	field("message", hash(got.Message), hash(want.Message))
	field("time", got.Time, want.Time)
	field("rules version", got.Rules, want.Rules)
	field("state hash", hash(got.State), hash(want.State))
	field("validators", hash(got.Validators), hash(want.Validators))
	field("results", got.Results, want.Results)
	return strings.Join(all, "; ")
}

// keep adds the block to the log and its tree, and checks the checkpoint at its end.
func (i *importer) keep(height uint64, message, note []byte) error {
	for _, h := range i.block.LeafHashes {
		if err := i.edge.Append(h[:], nil); err != nil {
			return err
		}
	}
	i.done.LogSize = i.edge.End()
	if len(note) > 0 {
		root, err := i.edge.GetRootHash(nil)
		if err != nil {
			return err
		}
		if spans := i.state.Spans(); len(i.policies) != len(spans) {
			if i.policies, err = policiesOf(i.done.Genesis.Origin(), spans); err != nil {
				return err
			}
		}
		c, _, err := proof.VerifyCheckpoint(note, i.policies.at(height).policy)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrArchive, err)
		}
		if c.Size != i.edge.End() || !bytes.Equal(c.Root[:], root) {
			return fmt.Errorf("%w: a quorum signed another log: %d leaves with root %s, here are %d with root %s", ErrArchive, c.Size, c.Root, i.edge.End(), proof.Hash(root))
		}
		i.done.Certified = height
	}
	if i.log == nil {
		return nil
	}
	// The archive has no messages that were none: in the new journal the heights follow each other.
	rec := record{Position: genesisPosition + height, TreeSize: i.edge.End(), Message: message, Leaves: i.block.Leaves}
	i.record = rec.encode(i.record[:0])
	return i.log.Append(height, i.record)
}
