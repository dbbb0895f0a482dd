package settlement

import (
	"errors"
	"fmt"
	"time"

	"viaduct/ledger/proof"
	"viaduct/settlement/sqlstore"
)

// What a validator's vote can be, other than good. None of them stops this node.
var (
	errForged     = errors.New("forged vote")
	errEquivocal  = errors.New("a validator signed two checkpoints of one height")
	errOtherBlock = errors.New("a validator signed another block than this node computed")
)

// ErrDiverged means that a quorum signed another block than this node computed. The node must not go on.
var ErrDiverged = errors.New("this node computed another block than the quorum")

// divergence is where ErrDiverged was seen.
type divergence struct {
	height       uint64
	ours, theirs proof.Checkpoint
}

func (d *divergence) Error() string {
	return fmt.Sprintf("%v: height %d: the log has %d leaves and root %s here, %d leaves and root %s there",
		ErrDiverged, d.height, d.ours.Size, d.ours.Root, d.theirs.Size, d.theirs.Root)
}

func (d *divergence) Unwrap() error { return ErrDiverged }

const (
	// maxPending bounds the blocks a node has applied and that wait for their quorum. It is above
	// maxAhead, so that a quorum that is slow holds up the intake before it holds up a validator.
	maxPending = 2 * maxAhead
	// earlyWindow bounds how far ahead of its own blocks a node keeps others' votes, and how many
	// final blocks back it tells a validator's second signature from the first.
	earlyWindow = 2 * maxPending
)

// made is a block that this node has on disk.
type made struct {
	height     uint64
	checkpoint proof.Checkpoint
	time       int64                // the block's, Unix milliseconds
	projection *sqlstore.Projection // nil when this node need not project it
	began      time.Time            // when this node had made it

	withheld   bool                         // this node's signature, for the block's time
	signatures map[string]proof.Cosignature // by validator
	dissent    map[string]proof.Checkpoint  // what others signed instead
	note       []byte                       // the certificate, when it came whole
}

// tally counts votes: for the blocks this node has made and that are not final, and, for a while, for
// those it will make. Its memory is bounded by the windows above and the number of validators. It is
// used by one goroutine.
type tally struct {
	spanAt  func(height uint64) policySpan
	next    uint64  // the height of the next block to be made
	pending []*made // those before it that are not final, in order
	early   map[uint64]map[string]earlyVote
	settled [earlyWindow]proof.Checkpoint // of the last final blocks, by height modulo its length
}

// earlyVote is a vote on a block that is not made yet, and from which height on they sign whom it was
// checked against: the blocks before it may announce others.
type earlyVote struct {
	vote
	span uint64
}

// newTally returns a tally; spanAt says whom a height's votes are checked against.
func newTally(spanAt func(height uint64) policySpan, next uint64) *tally {
	return &tally{spanAt: spanAt, next: next, early: make(map[uint64]map[string]earlyVote)}
}

func (t *tally) verify(v vote) error {
	if err := t.spanAt(v.height).policy.Verify(v.checkpoint, v.cosignature); err != nil {
		return fmt.Errorf("height %d: %w: %w", v.height, errForged, err)
	}
	return nil
}

// final returns the height after the last final block.
func (t *tally) final() uint64 { return t.next - uint64(len(t.pending)) }

// add takes in the next block this node made and the votes that came before it. An error is ErrDiverged.
func (t *tally) add(m *made) error {
	if m.height != t.next {
		return fmt.Errorf("tally: height %d, want %d", m.height, t.next)
	}
	t.pending = append(t.pending, m)
	t.next++
	votes := t.early[m.height]
	delete(t.early, m.height)
	for _, v := range votes {
		if v.span != t.spanAt(m.height).from && t.verify(v.vote) != nil {
			continue // of one who signs this block no more
		}
		if err := t.count(m, v.vote); errors.Is(err, ErrDiverged) {
			return err
		}
	}
	return nil
}

// hear takes in a vote from outside. A repeated, late or far too early one is nothing; an error other
// than ErrDiverged is for the operator's eyes.
func (t *tally) hear(v vote) error {
	name := v.cosignature.Name
	switch {
	case v.height >= t.next+earlyWindow || v.height+earlyWindow < t.final():
		return nil
	case v.height < t.final():
		c := t.settled[v.height%earlyWindow]
		if c == v.checkpoint || c == (proof.Checkpoint{}) {
			return nil
		}
		if err := t.verify(v); err != nil {
			return err
		}
		return fmt.Errorf("%w: %s, height %d, which is final with root %s: root %s", errOtherBlock, name, v.height, c.Root, v.checkpoint.Root)
	case v.height < t.next:
		m := t.pending[v.height-t.final()]
		if _, counted := m.signatures[name]; counted && v.checkpoint == m.checkpoint {
			return nil
		}
		if c, known := m.dissent[name]; known && c == v.checkpoint {
			return nil
		}
		if err := t.verify(v); err != nil {
			return err
		}
		return t.count(m, v)
	}
	first, known := t.early[v.height][name]
	if known && first.checkpoint == v.checkpoint {
		return nil
	}
	if err := t.verify(v); err != nil {
		return err
	}
	if known {
		return fmt.Errorf("%w: %s, height %d, roots %s and %s", errEquivocal, name, v.height, first.checkpoint.Root, v.checkpoint.Root)
	}
	if t.early[v.height] == nil {
		t.early[v.height] = make(map[string]earlyVote)
	}
	t.early[v.height][name] = earlyVote{v, t.spanAt(v.height).from}
	return nil
}

// count takes in a vote whose signature is valid.
func (t *tally) count(m *made, v vote) error {
	name := v.cosignature.Name
	if v.checkpoint == m.checkpoint {
		m.signatures[name] = v.cosignature
		if c, other := m.dissent[name]; other {
			return fmt.Errorf("%w: %s, height %d, roots %s and %s", errEquivocal, name, m.height, c.Root, m.checkpoint.Root)
		}
		return nil
	}
	if m.dissent == nil {
		m.dissent = make(map[string]proof.Checkpoint)
	}
	before, second := m.dissent[name]
	m.dissent[name] = v.checkpoint
	same := 0
	for _, c := range m.dissent {
		if c == v.checkpoint {
			same++
		}
	}
	if same >= t.spanAt(m.height).policy.Quorum() {
		return &divergence{m.height, m.checkpoint, v.checkpoint}
	}
	if _, counted := m.signatures[name]; counted {
		before, second = m.checkpoint, true
	}
	if second {
		return fmt.Errorf("%w: %s, height %d, roots %s and %s", errEquivocal, name, m.height, before.Root, v.checkpoint.Root)
	}
	return fmt.Errorf("%w: %s, height %d: root %s, here %s", errOtherBlock, name, m.height, v.checkpoint.Root, m.checkpoint.Root)
}

// take takes in a whole certificate. Errors as hear.
func (t *tally) take(c certificate) error {
	if c.height < t.final() || c.height >= t.next {
		return nil
	}
	m := t.pending[c.height-t.final()]
	if m.note != nil {
		return nil
	}
	signed, _, err := proof.VerifyCheckpoint(c.note, t.spanAt(c.height).policy)
	if err != nil {
		return fmt.Errorf("height %d: certificate: %w: %w", c.height, errForged, err)
	}
	if signed != m.checkpoint {
		// The quorum signed something: this block of another height, or another block of this one.
		if signed.Size != m.checkpoint.Size {
			return fmt.Errorf("height %d: certificate of %d leaves, want %d: %w", c.height, signed.Size, m.checkpoint.Size, errOtherBlock)
		}
		return &divergence{c.height, m.checkpoint, signed}
	}
	m.note = c.note
	return nil
}

// certified takes the oldest pending block off the tally once it has its quorum; nil otherwise.
func (t *tally) certified() (*made, error) {
	if len(t.pending) == 0 {
		return nil, nil
	}
	m := t.pending[0]
	policy := t.spanAt(m.height).policy
	if m.note == nil {
		if len(m.signatures) < policy.Quorum() {
			return nil, nil
		}
		all := make([]proof.Cosignature, 0, len(m.signatures))
		for _, cs := range m.signatures {
			all = append(all, cs) // SignCheckpoint sorts them
		}
		var err error
		if m.note, err = proof.SignCheckpoint(m.checkpoint, all, policy); err != nil {
			return nil, fmt.Errorf("certify height %d: %w", m.height, err)
		}
	}
	t.settled[m.height%earlyWindow] = m.checkpoint
	t.pending[0] = nil
	t.pending = t.pending[1:]
	return m, nil
}
