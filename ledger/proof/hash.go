// Package proof writes and checks what Viaduct hands out as evidence: checkpoints of the chain-wide
// log, the validators' cosignatures on them, and receipts for single leaves.
//
// The formats are public ones, so that anybody's tools can check them: the log is an RFC 6962 tree
// over SHA-256, checkpoints, cosignatures (cosignature/v1, Ed25519) and receipts (tlog-proof) are as
// c2sp.org defines them. Those formats leave room: unknown signatures, extension lines, loose
// base64. This package leaves none. It reads only the one canonical text that it would itself have
// written, with exactly a quorum of signatures sorted by validator name, so that a receipt that
// verifies has no second spelling and a receipt with any byte changed does not verify.
//
// Everything here is a pure function of its arguments: no clock, no I/O, no package state.
package proof

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// HashSize is the length in bytes of a leaf hash, a node hash and a root.
const HashSize = sha256.Size

// Hash is a SHA-256 hash of a leaf or a node of the log.
type Hash [HashSize]byte

// Prefixes of RFC 6962 section 2.1: they keep a leaf from ever passing for a node.
const (
	leafPrefix = 0x00
	nodePrefix = 0x01
)

// LeafHash returns the RFC 6962 hash of a leaf's bytes.
func LeafHash(leaf []byte) Hash {
	h := sha256.New()
	h.Write([]byte{leafPrefix})
	h.Write(leaf)
	var sum Hash
	h.Sum(sum[:0])
	return sum
}

// NodeHash returns the RFC 6962 hash of a node with the given children.
func NodeHash(left, right Hash) Hash {
	var buf [1 + 2*HashSize]byte
	buf[0] = nodePrefix
	copy(buf[1:], left[:])
	copy(buf[1+HashSize:], right[:])
	return sha256.Sum256(buf[:])
}

// EmptyRoot returns the root of a log without leaves.
func EmptyRoot() Hash { return sha256.Sum256(nil) }

// String returns the hash in the base64 that checkpoints and receipts use.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// parseHash reads what String writes and nothing else.
func parseHash(s string) (Hash, error) {
	b, err := decodeBase64(s)
	if err != nil {
		return Hash{}, err
	}
	if len(b) != HashSize {
		return Hash{}, fmt.Errorf("%w: a hash of %d bytes", ErrForm, len(b))
	}
	return Hash(b), nil
}

// decodeBase64 accepts only the text that encoding the result gives back: the standard decoder
// skips line breaks and, unless strict, ignores stray bits after the last byte.
func decodeBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("%w: base64: %w", ErrForm, err)
	}
	if base64.StdEncoding.EncodeToString(b) != s {
		return nil, fmt.Errorf("%w: base64 is not canonical", ErrForm)
	}
	return b, nil
}
