package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Bounds of a submission.
const (
	MaxInstructions = 1000 // a batch; a journal message holds a little more than one such
	MaxKeyLen       = 255  // an idempotency key, bytes
	MaxBody         = 1024 // an instruction, bytes: each ends up whole in its outcome's leaf
	// MaxValidatorsBody is what the one instruction may have that names a whole network and bears its
	// signatures: MaxValidators of the longest names, all approving and all new, are 26 kB.
	MaxValidatorsBody = 28 << 10
	MaxSubmission     = 512 << 10
)

// ErrEncoding says that bytes are not the canonical encoding of what they should be.
var ErrEncoding = errors.New("not canonical bytes")

const submissionDomain = "viaduct/submission/v1\x00"

// Submission is a signed set of instructions of one participant: the only way into the ledger.
type Submission struct {
	Network     Hash // the genesis hash of the network it is meant for
	Participant BIC  // zero for the operator
	Key         []byte
	Fingerprint Hash // of the request it came from; tells a repeat from a reuse of the key
	Salt        Hash // makes each outcome's leaf unguessable
	Signer      [32]byte
	// Whole asks for all of its payments or none of them. It may hold nothing but payments.
	Whole   bool
	Entries []Entry

	body      []byte // what is signed
	signature []byte
	checked   bool
	valid     bool
}

// submissionForm is the third byte of a submission: form 1 decides each instruction for itself, form 2
// settles all of its payments or none.
func submissionForm(whole bool) byte {
	if whole {
		return 2
	}
	return 1
}

// maxBody bounds the bytes of an instruction of the kind.
func maxBody(k Kind) int {
	switch k {
	case KindSetValidators:
		return MaxValidatorsBody
	case KindReplaceOffers:
		return MaxLadderBody
	}
	return MaxBody
}

// Entry is one instruction of a submission in canonical bytes.
type Entry struct {
	Kind Kind
	Body []byte
}

// Sign returns the canonical, signed bytes of a submission. Signer is taken from the key.
func Sign(s *Submission, instructions []Instruction, key ed25519.PrivateKey) ([]byte, error) {
	if len(instructions) == 0 || len(instructions) > MaxInstructions {
		return nil, fmt.Errorf("%d instructions, want 1 to %d", len(instructions), MaxInstructions)
	}
	if len(s.Key) == 0 || len(s.Key) > MaxKeyLen {
		return nil, fmt.Errorf("idempotency key of %d bytes, want 1 to %d", len(s.Key), MaxKeyLen)
	}
	w := writer{b: make([]byte, 0, 256+192*len(instructions))}
	w.raw([]byte(submissionDomain))
	w.tag('V', 'S', submissionForm(s.Whole))
	w.raw(s.Network[:])
	w.raw(s.Participant[:])
	w.u8(uint8(len(s.Key)))
	w.raw(s.Key)
	w.raw(s.Fingerprint[:])
	w.raw(s.Salt[:])
	w.raw(key.Public().(ed25519.PublicKey))
	w.u16(uint16(len(instructions)))
	var body writer
	for _, i := range instructions {
		body.b = body.b[:0]
		i.encode(&body)
		if body.bad || len(body.b) > maxBody(i.Kind()) {
			return nil, fmt.Errorf("%s instruction: %w", i.Kind(), ErrEncoding)
		}
		if s.Whole && i.Kind() != KindPay {
			return nil, fmt.Errorf("%s instruction in a submission of all or none: %w", i.Kind(), ErrEncoding)
		}
		w.u8(uint8(i.Kind()))
		w.u16(uint16(len(body.b)))
		w.raw(body.b)
	}
	w.raw(ed25519.Sign(key, w.b))
	if len(w.b)-len(submissionDomain) > MaxSubmission {
		return nil, fmt.Errorf("submission of %d bytes, want at most %d", len(w.b), MaxSubmission)
	}
	return w.b[len(submissionDomain):], nil
}

// DecodeSubmission reads canonical bytes; the slices of s alias them. It does not check the signature.
func DecodeSubmission(data []byte, s *Submission) error {
	r := reader{b: data}
	if s.Whole = len(data) > 2 && data[2] == submissionForm(true); s.Whole {
		r.tag('V', 'S', submissionForm(true))
	} else {
		r.tag('V', 'S', submissionForm(false))
	}
	r.fill(s.Network[:])
	s.Participant = r.bic()
	s.Key = r.take(int(r.u8()))
	r.fill(s.Fingerprint[:])
	r.fill(s.Salt[:])
	r.fill(s.Signer[:])
	n := int(r.u16())
	r.bad = r.bad || n == 0 || n > MaxInstructions || len(s.Key) == 0 || len(data) > MaxSubmission
	s.Entries = s.Entries[:0]
	for range n {
		kind := Kind(r.u8())
		body := r.take(int(r.u16()))
		if r.bad = r.bad || len(body) > maxBody(kind) || s.Whole && kind != KindPay; r.bad {
			break
		}
		s.Entries = append(s.Entries, Entry{kind, body})
	}
	s.body = data[:len(data)-len(r.b)]
	s.signature = r.take(ed25519.SignatureSize)
	s.checked, s.valid = false, false
	if !r.done() {
		return fmt.Errorf("submission: %w", ErrEncoding)
	}
	return nil
}

// Verify checks the signature against the key the submission names, once; whether that key may sign
// for the participant is the ledger's to say. It touches nothing but s, so that submissions can be
// verified in parallel before a message is applied.
func (s *Submission) Verify() bool {
	if !s.checked {
		signed := append(append(make([]byte, 0, len(submissionDomain)+len(s.body)), submissionDomain...), s.body...)
		s.checked, s.valid = true, ed25519.Verify(s.Signer[:], signed, s.signature)
	}
	return s.valid
}

// Commit returns the commitment to confidential details: SHA-256 over a 32-byte salt and the details.
func Commit(salt Hash, details []byte) Hash {
	h := sha256.New()
	h.Write([]byte("viaduct/details/v1\x00"))
	h.Write(salt[:])
	h.Write(details)
	return Hash(h.Sum(nil))
}
