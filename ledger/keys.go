package ledger

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// fieldPrime is 2^255-19 in little-endian bytes, the field of Ed25519 (RFC 8032, section 5.1).
var fieldPrime = [32]byte{
	0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
}

// lowOrder are the y coordinates of the eight points of order 1, 2, 4 and 8, in little-endian bytes. A
// signature under such a key can be made without any secret.
var lowOrder = [...][32]byte{
	{0x01}, // order 1
	{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, // order 2
	{}, // order 4
	{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}, // order 8
	{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a}, // order 8
}

// GoodKey says whether 32 bytes may become a signing key: the one encoding of their point, and no point
// of small order. Whether they are a point at all shows when a signature is verified.
func GoodKey(key [32]byte) bool {
	key[31] &= 0x7f // the sign of x
	if slices.Contains(lowOrder[:], key) {
		return false
	}
	// Coordinates at or above the prime are second encodings of those below.
	slices.Reverse(key[:])
	prime := fieldPrime
	slices.Reverse(prime[:])
	return bytes.Compare(key[:], prime[:]) < 0
}

// KeyProof returns what a new signing key signs to show that whoever registers it for the participant
// has it.
func KeyProof(network Hash, participant BIC, key [32]byte) []byte {
	b := append([]byte("viaduct/signing-key/v1\x00"), network[:]...)
	b = append(b, participant[:]...)
	return append(b, key[:]...)
}

// EntriesFingerprint is the fingerprint of a submission that its participant makes itself: SHA-256 over
// its form and its instructions, each with its kind and its length, as they are encoded.
func (s *Submission) EntriesFingerprint() Hash {
	w := writer{b: []byte("viaduct/entries/v1\x00")}
	w.u8(submissionForm(s.Whole))
	for _, e := range s.Entries {
		w.u8(uint8(e.Kind))
		w.u16(uint16(len(e.Body)))
		w.raw(e.Body)
	}
	return sha256.Sum256(w.b)
}

// EntriesOf returns instructions in canonical bytes.
func EntriesOf(instructions []Instruction) []Entry {
	entries := make([]Entry, len(instructions))
	for i, one := range instructions {
		var w writer
		one.encode(&w)
		entries[i] = Entry{one.Kind(), w.b}
	}
	return entries
}
