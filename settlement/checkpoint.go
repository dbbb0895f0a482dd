package settlement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"viaduct/ledger/proof"
)

// Checkpoint is the log as of its last final block.
type Checkpoint struct {
	Height uint64 `json:"height"` // of the block it ends with
	Size   uint64 `json:"size"`   // leaves
	Note   string `json:"note"`   // signed by a quorum
	// Consistency proves that the log began with the leaves of the size that was asked for, as RFC 6962
	// section 2.1.2 has it; nil when none was.
	Consistency []proof.Hash `json:"consistency,omitempty"`
}

type checkpointRequest struct {
	Since uint64 `json:"since,omitempty"`
}

// Checkpoint returns the newest one; since, unless it is 0, is the size of an older one that it is to be
// proven to go on from. Errors: ErrNotFound when the log is not that long.
func (c *Client) Checkpoint(ctx context.Context, since uint64) (Checkpoint, error) {
	var a Checkpoint
	return a, c.ask(ctx, doorCheckpoint, checkpointRequest{since}, &a)
}

func (n *Node) answerCheckpoint(data []byte, send func([]byte)) {
	var r checkpointRequest
	if err := json.Unmarshal(data, &r); err != nil {
		reply(send, nil, fmt.Errorf("%w: %w", ErrMalformed, err))
		return
	}
	a, err := n.checkpoint(r.Since)
	reply(send, a, err)
}

func (n *Node) checkpoint(since uint64) (*Checkpoint, error) {
	height, known := n.final.get()
	if !known {
		return nil, ErrNotFound
	}
	note, err := n.certificates.get(height)
	if err != nil {
		return nil, fmt.Errorf("checkpoint of height %d: %w", height, err)
	}
	c, _, err := proof.VerifyCheckpoint(note, n.policy(height))
	if err != nil {
		return nil, fmt.Errorf("checkpoint of height %d: %w", height, err)
	}
	a := &Checkpoint{Height: height, Size: c.Size, Note: string(note)}
	switch {
	case since > c.Size:
		return nil, ErrNotFound
	case since > 0:
		if a.Consistency, err = n.tree.Consistency(since, c.Size); err != nil {
			return nil, errors.Join(fmt.Errorf("consistency of %d and %d leaves", since, c.Size), err)
		}
	}
	return a, nil
}
