package ledger

import (
	"crypto/sha256"
	"fmt"
)

// Bounds of a journal message. A batch of MaxInstructions always fits beside others that wait.
const (
	MaxMessageInstructions = 1024
	MaxMessage             = 1 << 20
)

// Message is one journal message: a batch of submissions in their order.
type Message struct {
	Height      uint64
	Epoch       uint64
	Prev        Hash  // hash of the previous message's bytes; of the genesis for height 1
	Time        int64 // Unix milliseconds; never before the previous message's
	Submissions []Submission

	hash Hash
}

// Hash returns the SHA-256 of the message's bytes, which the next message and the block name.
func (m *Message) Hash() Hash { return m.hash }

// EncodeMessage appends a message of already encoded submissions to dst.
func EncodeMessage(dst []byte, height, epoch uint64, prev Hash, time int64, submissions [][]byte) []byte {
	w := writer{b: dst}
	w.tag('V', 'M', 1)
	w.u64(height)
	w.u64(epoch)
	w.raw(prev[:])
	w.i64(time)
	w.u16(uint16(len(submissions)))
	for _, s := range submissions {
		w.u32(uint32(len(s)))
		w.raw(s)
	}
	return w.b
}

// DecodeMessage reads a message; its submissions alias data. m's memory is reused.
func DecodeMessage(data []byte, m *Message) error {
	if len(data) > MaxMessage {
		return fmt.Errorf("message of %d bytes: %w", len(data), ErrEncoding)
	}
	r := reader{b: data}
	r.tag('V', 'M', 1)
	m.Height, m.Epoch = r.u64(), r.u64()
	r.fill(m.Prev[:])
	m.Time = r.i64()
	n := int(r.u16())
	if r.bad || n > MaxMessageInstructions {
		return fmt.Errorf("message: %w", ErrEncoding)
	}
	if cap(m.Submissions) < n {
		m.Submissions = append(m.Submissions[:cap(m.Submissions)], make([]Submission, n-cap(m.Submissions))...)
	}
	m.Submissions = m.Submissions[:n]
	instructions := 0
	for i := range m.Submissions {
		body := r.take(int(r.u32()))
		if r.bad {
			break
		}
		if err := DecodeSubmission(body, &m.Submissions[i]); err != nil {
			return fmt.Errorf("message %d, submission %d: %w", m.Height, i, err)
		}
		instructions += len(m.Submissions[i].Entries)
	}
	if !r.done() || instructions > MaxMessageInstructions {
		return fmt.Errorf("message %d: %w", m.Height, ErrEncoding)
	}
	m.hash = MessageHash(data)
	return nil
}

// MessageHash returns the hash of a message's bytes, as Message.Hash does after decoding.
func MessageHash(data []byte) Hash { return sha256.Sum256(data) }
