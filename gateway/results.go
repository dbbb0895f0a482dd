package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"viaduct/ledger"
)

// outcome reads what became of one instruction, from the leaf that its receipt proves.
func (g *Gateway) outcome(ctx context.Context, at placed, i int) (*ledger.Leaf, error) {
	text, err := g.cfg.Engine.Receipt(ctx, at.height, at.first+i)
	if err != nil {
		return nil, fmt.Errorf("result %d of block %d: %w", at.first+i, at.height, err)
	}
	leaf, err := leafOf(text)
	if err != nil {
		return nil, fmt.Errorf("receipt of result %d of block %d: %w", at.first+i, at.height, err)
	}
	return leaf, nil
}

// leafOf reads the leaf out of a receipt of our own engine: the line that C2SP's tlog-proof calls
// extra. Who relies on a receipt verifies it; here it only carries the leaf.
func leafOf(receipt []byte) (*ledger.Leaf, error) {
	for line := range strings.Lines(string(receipt)) {
		if extra, ok := strings.CutPrefix(line, "extra "); ok {
			leaf, err := base64.StdEncoding.DecodeString(strings.TrimSpace(extra))
			if err != nil {
				return nil, err
			}
			return ledger.DecodeLeaf(leaf)
		}
	}
	return nil, errors.New("no leaf in it")
}

// applied returns a problem unless all instructions were applied. A submission that was ordered before
// is Repeated; then seen says whether what it asked for is there.
func (g *Gateway) applied(ctx context.Context, at placed, seen func() bool) error {
	for i := range at.instructions {
		leaf, err := g.outcome(ctx, at, i)
		if err != nil {
			return err
		}
		switch {
		case leaf.Outcome == ledger.Applied:
		case leaf.Outcome == ledger.Repeated && seen():
			return nil
		default:
			return refused(leaf.Outcome)
		}
	}
	return nil
}
