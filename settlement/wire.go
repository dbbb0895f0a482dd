package settlement

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Subjects of the engine. A submission goes in as its canonical bytes; all other requests and answers
// are JSON.
const (
	subjectSubmit    = "viaduct.submit"
	subjectQuote     = "viaduct.quote"
	subjectReceipt   = "viaduct.receipt"
	subjectStatus    = "viaduct.status"
	subjectProjected = "viaduct.projected"
)

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
}

func encodeVerdict(v verdict, a Accepted) []byte {
	b := binary.BigEndian.AppendUint64([]byte{byte(v)}, a.Height)
	return binary.BigEndian.AppendUint32(b, uint32(a.First))
}

func decodeVerdict(b []byte) (Accepted, error) {
	if len(b) != 13 {
		return Accepted{}, fmt.Errorf("%w: an answer of %d bytes", ErrUnknown, len(b))
	}
	switch verdict(b[0]) {
	case accepted:
		return Accepted{binary.BigEndian.Uint64(b[1:]), int(binary.BigEndian.Uint32(b[9:]))}, nil
	case unavailable:
		return Accepted{}, ErrUnavailable
	case malformed:
		return Accepted{}, ErrMalformed
	}
	return Accepted{}, ErrUnknown
}
