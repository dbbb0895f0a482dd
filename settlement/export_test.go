package settlement

import (
	"bytes"
	"context"
	"encoding/binary"

	"viaduct/ledger/proof"
)

// WaitFinal waits until the node itself has a block's certificate.
func (n *Node) WaitFinal(ctx context.Context, height uint64) error { return n.final.wait(ctx, height) }

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
