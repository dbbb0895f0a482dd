package proof

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

const (
	receiptHeader = "c2sp.org/tlog-proof@v1"
	extraPrefix   = "extra "
	indexPrefix   = "index "

	// MaxReceiptLen bounds what VerifyReceipt looks at. A leaf is a few kilobytes, a proof at most
	// 64 hashes, a signature line under 400 bytes.
	MaxReceiptLen = 1 << 20
	maxHashes     = 64
)

// Receipt is what a verified receipt proves: that the leaf is at Index in the log of which the
// quorum signed the checkpoint.
type Receipt struct {
	Leaf         []byte
	Index        uint64
	Checkpoint   Checkpoint
	Cosignatures []Cosignature
}

// SignedAt returns the Unix second by which the whole quorum had signed.
func (r Receipt) SignedAt() int64 {
	var at int64
	for _, cs := range r.Cosignatures {
		at = max(at, cs.Time)
	}
	return at
}

// BuildReceipt returns the receipt of a leaf: signed is the checkpoint as SignCheckpoint wrote it,
// hashes the inclusion proof from the leaf's sibling upwards. It checks the inclusion, so a store
// that returned a wrong hash is found here and not by whoever relies on the receipt.
func BuildReceipt(leaf []byte, index uint64, hashes []Hash, signed []byte, p Policy) ([]byte, error) {
	if len(leaf) == 0 {
		return nil, fmt.Errorf("receipt of leaf %d: %w: the leaf is empty", index, ErrForm)
	}
	c, _, err := VerifyCheckpoint(signed, p)
	if err != nil {
		return nil, fmt.Errorf("receipt of leaf %d: %w", index, err)
	}
	if err := VerifyInclusion(c, index, LeafHash(leaf), hashes); err != nil {
		return nil, fmt.Errorf("receipt of leaf %d: %w", index, err)
	}
	receipt := writeReceipt(leaf, index, hashes, signed)
	if len(receipt) > MaxReceiptLen {
		return nil, fmt.Errorf("receipt of leaf %d: %w: %d bytes", index, ErrForm, len(receipt))
	}
	return receipt, nil
}

// VerifyReceipt checks a receipt against p and returns what it proves. The answer is to be trusted
// as far as p's validators are, and for nothing but these bytes: no other text carries the same
// signatures, index and leaf and verifies.
func VerifyReceipt(receipt []byte, p Policy) (Receipt, error) {
	r, hashes, signed, err := parseReceipt(receipt)
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	if r.Checkpoint, r.Cosignatures, err = VerifyCheckpoint(signed, p); err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	if err := VerifyInclusion(r.Checkpoint, r.Index, LeafHash(r.Leaf), hashes); err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	if string(writeReceipt(r.Leaf, r.Index, hashes, signed)) != string(receipt) {
		return Receipt{}, fmt.Errorf("receipt: %w", ErrForm)
	}
	return r, nil
}

// OriginOf returns the network that a receipt claims to be of, unverified: for a verifier that knows
// the validators by their keys and takes the network's name from what they signed.
func OriginOf(receipt []byte) (string, error) {
	_, _, signed, err := parseReceipt(receipt)
	if err != nil {
		return "", fmt.Errorf("receipt: %w", err)
	}
	l := lines{rest: string(signed)}
	c, err := l.checkpoint()
	if err != nil {
		return "", fmt.Errorf("receipt: checkpoint: %w", err)
	}
	return c.Origin, nil
}

// LeafOf returns the leaf that a receipt claims to prove, unverified: for a verifier that must know its
// height to know whose signatures to ask for.
func LeafOf(receipt []byte) ([]byte, error) {
	r, _, _, err := parseReceipt(receipt)
	if err != nil {
		return nil, fmt.Errorf("receipt: %w", err)
	}
	return r.Leaf, nil
}

// VerifyInclusion checks that the leaf hash is at index in the log c describes.
func VerifyInclusion(c Checkpoint, index uint64, leafHash Hash, hashes []Hash) error {
	err := proof.VerifyInclusion(rfc6962.DefaultHasher, index, c.Size, leafHash[:], slicesOf(hashes), c.Root[:])
	if err != nil {
		return fmt.Errorf("%w: leaf %d of %d: %w", ErrInclusion, index, c.Size, err)
	}
	return nil
}

// VerifyConsistency checks that the log of newer begins with all of older's. Both checkpoints are
// ones the caller has verified; hashes are the RFC 6962 consistency proof between their sizes.
func VerifyConsistency(older, newer Checkpoint, hashes []Hash) error {
	if older.Origin != newer.Origin {
		return fmt.Errorf("%w: origins %q and %q", ErrConsistency, older.Origin, newer.Origin)
	}
	if older.Size == 0 && older.Root != EmptyRoot() {
		return fmt.Errorf("%w: an empty log has another root", ErrConsistency)
	}
	err := proof.VerifyConsistency(rfc6962.DefaultHasher, older.Size, newer.Size, slicesOf(hashes), older.Root[:], newer.Root[:])
	if err != nil {
		return fmt.Errorf("%w: %d and %d leaves: %w", ErrConsistency, older.Size, newer.Size, err)
	}
	return nil
}

func parseReceipt(receipt []byte) (r Receipt, hashes []Hash, signed []byte, err error) {
	if len(receipt) > MaxReceiptLen {
		return r, nil, nil, fmt.Errorf("%w: %d bytes, at most %d", ErrForm, len(receipt), MaxReceiptLen)
	}
	l := lines{rest: string(receipt)}
	header, err := l.next("header")
	if err != nil {
		return r, nil, nil, err
	}
	if header != receiptHeader {
		return r, nil, nil, fmt.Errorf("%w: the first line is not %q", ErrForm, receiptHeader)
	}
	leaf, err := l.after(extraPrefix)
	if err != nil {
		return r, nil, nil, err
	}
	if r.Leaf, err = decodeBase64(leaf); err != nil {
		return r, nil, nil, fmt.Errorf("leaf: %w", err)
	}
	if len(r.Leaf) == 0 {
		return r, nil, nil, fmt.Errorf("%w: the leaf is empty", ErrForm)
	}
	index, err := l.after(indexPrefix)
	if err != nil {
		return r, nil, nil, err
	}
	if r.Index, err = parseNumber(index); err != nil {
		return r, nil, nil, fmt.Errorf("index: %w", err)
	}
	for {
		line, err := l.next("proof")
		if err != nil {
			return r, nil, nil, err
		}
		if line == "" {
			return r, hashes, []byte(l.rest), nil
		}
		if len(hashes) == maxHashes {
			return r, nil, nil, fmt.Errorf("%w: more than %d hashes", ErrForm, maxHashes)
		}
		h, err := parseHash(line)
		if err != nil {
			return r, nil, nil, fmt.Errorf("hash %d: %w", len(hashes), err)
		}
		hashes = append(hashes, h)
	}
}

// after returns the next line without its prefix, which it must have.
func (l *lines) after(prefix string) (string, error) {
	line, err := l.next(strings.TrimSpace(prefix))
	if err != nil {
		return "", err
	}
	s, ok := strings.CutPrefix(line, prefix)
	if !ok {
		return "", fmt.Errorf("%w: a line should begin with %q", ErrForm, prefix)
	}
	return s, nil
}

func writeReceipt(leaf []byte, index uint64, hashes []Hash, signed []byte) []byte {
	var b strings.Builder
	b.WriteString(receiptHeader + "\n")
	b.WriteString(extraPrefix + base64.StdEncoding.EncodeToString(leaf) + "\n")
	b.WriteString(indexPrefix + strconv.FormatUint(index, 10) + "\n")
	for _, h := range hashes {
		b.WriteString(h.String() + "\n")
	}
	b.WriteByte('\n')
	b.Write(signed)
	return []byte(b.String())
}

func slicesOf(hashes []Hash) [][]byte {
	out := make([][]byte, len(hashes))
	for i := range hashes {
		out[i] = hashes[i][:]
	}
	return out
}
