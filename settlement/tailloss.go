package settlement

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// errTailLost says that the journal is shorter than what validators have made blocks of. The one with
// the longest log publishes what is missing again, byte for byte; nobody sequences before.
var errTailLost = errors.New("the journal lost its tail")

// tipTimeout bounds the question how long a validator's log is.
const tipTimeout = time.Second

// nothingLost asks the validators how far their block logs go and returns nil when a quorum of them has
// answered and none is ahead of the journal. Whatever is final is in the logs of a quorum, and any two
// quorums share an honest validator: what is final is in an answer.
func (n *Node) nothingLost(ctx context.Context, tip uint64) error {
	ctx, cancel := context.WithTimeout(ctx, tipTimeout)
	defer cancel()
	all := n.policy.Validators()
	answers := make(chan uint64, len(all))
	var asking sync.WaitGroup
	for _, v := range all {
		if v.Name() == n.cfg.Name {
			answers <- n.lastPosition()
			continue
		}
		asking.Go(func() {
			if data, err := n.cfg.Bus.Request(ctx, doorOf(v.Name(), doorTip), nil); err == nil && len(data) == 8 {
				answers <- binary.BigEndian.Uint64(data)
			}
		})
	}
	go func() { asking.Wait(); close(answers) }()
	heard, longest := 0, uint64(0)
	for position := range answers {
		heard, longest = heard+1, max(longest, position)
		if heard >= n.policy.Quorum() {
			break
		}
	}
	switch {
	case heard < n.policy.Quorum():
		return fmt.Errorf("%d validators answer, it takes %d to know that the journal is whole", heard, n.policy.Quorum())
	case longest > tip:
		return fmt.Errorf("%w: it ends at %d, a validator has %d", errTailLost, tip, longest)
	}
	return nil
}

// lastPosition returns where in the journal the message of the last logged block stands.
func (n *Node) lastPosition() uint64 {
	data, err := n.log.Get(n.log.Next() - 1)
	if err != nil {
		return 0
	}
	rec, err := decodeRecord(data)
	if err != nil {
		return 0
	}
	return rec.Position
}

func (n *Node) answerTip(_ []byte, reply func([]byte)) {
	reply(binary.BigEndian.AppendUint64(nil, n.lastPosition()))
}
