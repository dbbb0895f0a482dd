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

	"viaduct/ledger/proof"
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

// unfinished returns whose quorums make the blocks behind the last final one final, the next one
// included: one set, or two where a change lies between.
func (n *Node) unfinished() []proof.Policy {
	first := uint64(0)
	if final, known := n.final.get(); known {
		first = final + 1
	}
	all := []proof.Policy{n.policy(first)}
	for _, s := range *n.policies.Load() {
		if s.from > first && s.from <= n.log.Next() {
			all = append(all, s.policy)
		}
	}
	return all
}

// nothingLost asks the validators how far their block logs go and returns nil when a quorum of each of the
// sets has answered and none is ahead of the journal. Whatever is final is in the logs of a quorum, and any
// two quorums share an honest validator: what is final is in an answer. Those who are ahead are waited for,
// but not for ever when they are so few that nothing final can be missing.
func (n *Node) nothingLost(ctx context.Context, tip uint64, sets []proof.Policy) error {
	ctx, cancel := context.WithTimeout(ctx, tipTimeout)
	defer cancel()
	type answer struct {
		name     string
		position uint64
	}
	asked := make(map[string]bool)
	for _, set := range sets {
		for _, v := range set.Validators() {
			asked[v.Name()] = true
		}
	}
	answers := make(chan answer, len(asked))
	var asking sync.WaitGroup
	for name := range asked {
		if name == n.cfg.Name {
			answers <- answer{name, n.lastPosition()}
			continue
		}
		asking.Go(func() {
			if data, err := n.cfg.Bus.Request(ctx, doorOf(name, doorTip), nil); err == nil && len(data) == 8 {
				answers <- answer{name, binary.BigEndian.Uint64(data)}
			}
		})
	}
	go func() { asking.Wait(); close(answers) }()
	heard := make(map[string]uint64)
	whole := func(set proof.Policy) bool {
		positions := positionsOf(set, heard)
		return len(positions) >= set.Quorum() && positions[0] <= tip
	}
	for a := range answers {
		heard[a.name] = a.position
		if !slices.ContainsFunc(sets, func(set proof.Policy) bool { return !whole(set) }) {
			return nil
		}
	}
	for _, set := range sets {
		if err := n.judge(set, positionsOf(set, heard), tip); err != nil {
			return err
		}
	}
	return nil
}

// positionsOf returns what a set's validators answered, the largest first.
func positionsOf(set proof.Policy, heard map[string]uint64) []uint64 {
	var all []uint64
	for _, v := range set.Validators() {
		if position, ok := heard[v.Name()]; ok {
			all = append(all, position)
		}
	}
	slices.SortFunc(all, func(a, b uint64) int { return cmp.Compare(b, a) })
	return all
}

// judge says whether the journal is whole by all that a set's validators answered, the largest first.
func (n *Node) judge(set proof.Policy, heard []uint64, tip uint64) error {
	quorum, all := set.Quorum(), len(set.Validators())
	if len(heard) < quorum {
		return fmt.Errorf("%d validators answer, it takes %d to know that the journal is whole", len(heard), quorum)
	}
	if heard[0] <= tip {
		return nil
	}
	// Of the quorum that made a block final some may lie, as many as a quorum can do without, and some may
	// be among those who did not answer. The others said at least where it is.
	spare, silent := all-quorum, all-len(heard)
	final := heard[quorum-spare-silent-1]
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
