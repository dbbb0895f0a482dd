package settlement

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"

	"viaduct/ledger"
	"viaduct/ledger/proof"
)

// WaitFinal waits until the node itself has a block's certificate.
func (n *Node) WaitFinal(ctx context.Context, height uint64) error { return n.final.wait(ctx, height) }

// Asker returns a node that is no validator and can do nothing but NothingLost.
func Asker(bus Bus, g *ledger.Genesis) (*Node, error) {
	n := &Node{cfg: Config{Name: "asker", Bus: bus, Log: slog.New(slog.DiscardHandler)}}
	all, err := policiesOf(g.Origin(), []ledger.Span{{Set: g.Validators}})
	n.policies.Store(&all)
	return n, err
}

// NothingLost asks the validators whether a journal that ends at tip is whole.
func (n *Node) NothingLost(ctx context.Context, tip uint64) error {
	return n.nothingLost(ctx, tip, []proof.Policy{n.policy(0)})
}

// TailPatience is how long a log that too few claim is waited for.
const TailPatience = tailPatience

// EncodeVote returns a vote as it goes over the bus, true or not.
func EncodeVote(height uint64, c proof.Checkpoint, s *proof.Signer, unixSeconds int64) []byte {
	cs, err := s.Cosign(c, unixSeconds)
	if err != nil {
		panic(err)
	}
	v := vote{height, c, cs}
	return v.encode()
}

// LaterMessage returns a message with a time one millisecond later: behind the tag (3 bytes), height,
// epoch (8 each) and previous hash (32).
func LaterMessage(data []byte) []byte {
	later := bytes.Clone(data)
	at := later[3+8+8+32:]
	binary.BigEndian.PutUint64(at, binary.BigEndian.Uint64(at)+1)
	return later
}

// RecordAt returns the header, the log's size and the journal position of a block in the block log.
func (n *Node) RecordAt(height uint64) (h ledger.Header, leaves, position uint64, err error) {
	rec, h, err := n.record(height)
	return h, rec.TreeSize, rec.Position, err
}

// EncodeRecord returns what the block log keeps of a block.
func EncodeRecord(position, size uint64, message []byte, leaves [][]byte) []byte {
	r := record{position, size, message, leaves}
	return r.encode(nil)
}

// WriteSnapshot writes a snapshot of the last block. Run must not be running.
func (n *Node) WriteSnapshot() error {
	n.writeSnapshot()
	if n.snapped != n.state.Height() {
		return errors.New("no snapshot was written")
	}
	return nil
}

// MessageAt returns the journal message of a block in the block log.
func (n *Node) MessageAt(height uint64) ([]byte, error) {
	rec, _, err := n.record(height)
	return rec.Message, err
}

// CertificateAt returns the signed checkpoint of a height, nil when the node has none.
func (n *Node) CertificateAt(height uint64) ([]byte, error) {
	if height >= n.certificates.next() {
		return nil, nil
	}
	return n.certificates.get(height)
}

// CheckInvariants checks the node's whole ledger. Run must have returned.
func (n *Node) CheckInvariants() error { return n.state.CheckInvariants() }

// Final returns the last height that is final at the node.
func (n *Node) Final() (uint64, bool) { return n.final.get() }
