package settlement

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// errTailLost says that the journal is shorter than what validators have made blocks of. The one with
// the longest log publishes what is missing again, byte for byte; nobody sequences before.
var errTailLost = errors.New("the journal lost its tail")

const (
	// tipTimeout bounds the question how long a validator's log is.
	tipTimeout = time.Second
	// tailPatience is how long a log that only too few claim is waited for: an honest validator has
	// noticed and published what is missing long before, and a liar must not stop the network.
	tailPatience = 30 * time.Second
	// tailGap is how long after the last claim a new one is another matter.
	tailGap = 6 * time.Second
)

// tailClaim is since when and until when validators, too few for it to be final, said to be ahead of the
// journal.
type tailClaim struct{ since, last time.Time }

// outlasted notes that the claim was made again and says whether it has been made for too long.
func (c *tailClaim) outlasted() bool {
	now := time.Now()
	if now.Sub(c.last) > tailGap {
		c.since = now
	}
	c.last = now
	return now.Sub(c.since) > tailPatience
}

// nothingLost asks the validators how far their block logs go and returns nil when a quorum of them has
// answered and none is ahead of the journal. Whatever is final is in the logs of a quorum, and any two
// quorums share an honest validator: what is final is in an answer. Those who are ahead are waited for,
// but not for ever when they are so few that nothing final can be missing.
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
	var heard []uint64 // the largest first
	for position := range answers {
		heard = append(heard, position)
		slices.SortFunc(heard, func(a, b uint64) int { return cmp.Compare(b, a) })
		if len(heard) >= n.policy.Quorum() && heard[0] <= tip {
			return nil
		}
	}
	if len(heard) < n.policy.Quorum() {
		return fmt.Errorf("%d validators answer, it takes %d to know that the journal is whole", len(heard), n.policy.Quorum())
	}
	// Of the quorum that made a block final some may lie, as many as a quorum can do without, and some may
	// be among those who did not answer. The others said at least where it is.
	spare, silent := len(all)-n.policy.Quorum(), len(all)-len(heard)
	final := heard[n.policy.Quorum()-spare-silent-1]
	if final <= tip && n.claim.outlasted() {
		n.alarm(fmt.Errorf("the journal ends at %d and has all that is final; too few validators say that they have more, up to %d, and it did not come", tip, heard[0]))
		return nil
	}
	return fmt.Errorf("%w: it ends at %d, a validator has %d", errTailLost, tip, heard[0])
}

// lastPosition returns where in the journal the message of the last logged block stands.
func (n *Node) lastPosition() uint64 {
	rec, _, err := n.record(n.log.Next() - 1)
	if err != nil {
		return 0
	}
	return rec.Position
}

func (n *Node) answerTip(_ []byte, reply func([]byte)) {
	reply(binary.BigEndian.AppendUint64(nil, n.lastPosition()))
}
