package settlement

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"viaduct/ledger"
)

// Subjects of the engine. What is asked of the sequencer goes to that one node by name: a node that lost
// the lease without noticing gets no new work. A submission goes in as its canonical bytes; other
// questions and answers are JSON, what validators tell each other is binary.
const (
	subjectLeader    = "viaduct.leader"     // the sequencer, again and again: who it is
	subjectWhoLeads  = "viaduct.leader.ask" // answered by the sequencer
	subjectProjected = "viaduct.projected"  // a projector: the height that SQL has
	subjectVote      = "viaduct.vote"       // .NAME, a validator's vote on a block
	subjectMissing   = "viaduct.missing"    // a node: from which height it lacks certificates
	subjectCertified = "viaduct.certified"  // .NAME, the certificates a node asked for
)

// The subjects that gateways tell each other by. Every gateway hears them, and who serves the participant
// answers.
const (
	SubjectEncryptionKey = "viaduct.details.key" // which key a participant's details are sealed to
	SubjectParcel        = "viaduct.details.put" // sealed details; answered once they are on disk
)

// The doors of a node: all but the last two are open at the sequencer alone.
const (
	doorSubmit     = "submit"
	doorQuote      = "quote"
	doorReceipt    = "receipt"
	doorStatus     = "status"
	doorCheckpoint = "checkpoint"
	doorRecord     = "record" // a height, big-endian; answered with the block log's record
	doorTip        = "tip"    // answered with the journal position of the block log's last record
)

// doorOf returns the subject of a door of the node with that name.
func doorOf(node, door string) string { return "viaduct.node." + token(node) + "." + door }

// token makes one token of a subject of a name, which is of a-z, 0-9, '-' and '.'.
func token(name string) string { return strings.ReplaceAll(name, ".", "_") }

// Errors of a Client.
var (
	// ErrUnavailable means that the submission was certainly not accepted; try again later.
	ErrUnavailable = errors.New("settlement is not available")
	// ErrUnknown means that the submission may have been accepted: repeat the same bytes.
	ErrUnknown = errors.New("unknown whether the submission was accepted")
	// ErrMalformed means that the bytes are not a submission.
	ErrMalformed = errors.New("malformed submission")
	// ErrNotFound means that there is no such block or result.
	ErrNotFound = errors.New("not found")
	// ErrNotFinal means that the block is not final yet.
	ErrNotFinal = errors.New("not final yet")
)

// verdict is the first byte of the answer to a submission.
type verdict byte

const (
	accepted verdict = iota
	unavailable
	unknown
	malformed
)

// Accepted tells where a submission's results will be.
type Accepted struct {
	Height uint64 // of the block
	First  int    // index of the first result in the block; the others follow
	// Message is the hash of the journal message that has it. A block of that height made of another message
	// says that the journal lost this one before a node had read it: the submission is in no block.
	Message ledger.Hash
}

const verdictSize = 1 + 8 + 4 + len(ledger.Hash{})

func encodeVerdict(v verdict, a Accepted) []byte {
	b := binary.BigEndian.AppendUint64([]byte{byte(v)}, a.Height)
	b = binary.BigEndian.AppendUint32(b, uint32(a.First))
	return append(b, a.Message[:]...)
}

func decodeVerdict(b []byte) (Accepted, error) {
	if len(b) != verdictSize {
		return Accepted{}, fmt.Errorf("%w: an answer of %d bytes", ErrUnknown, len(b))
	}
	switch verdict(b[0]) {
	case accepted:
		return Accepted{binary.BigEndian.Uint64(b[1:]), int(binary.BigEndian.Uint32(b[9:])), ledger.Hash(b[13:])}, nil
	case unavailable:
		return Accepted{}, ErrUnavailable
	case malformed:
		return Accepted{}, ErrMalformed
	}
	return Accepted{}, ErrUnknown
}
