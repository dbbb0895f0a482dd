package settlement

import (
	"encoding/binary"
	"errors"
	"fmt"

	"viaduct/ledger/proof"
)

// vote is one validator's cosignature on the checkpoint that ends a block, as it goes over the bus.
type vote struct {
	height      uint64
	checkpoint  proof.Checkpoint // its origin is the network's and does not travel
	cosignature proof.Cosignature
}

var errVote = errors.New("malformed vote")

const (
	voteVersion = 1
	voteHeader  = 3 + 8 + 8 + proof.HashSize
	// maxVote bounds a vote's bytes: a signature line has a name and 76 bytes in base64.
	maxVote = voteHeader + proof.MaxNameLen + 128
)

func (v *vote) encode() []byte {
	b := append(make([]byte, 0, maxVote), 'V', 'S', voteVersion)
	b = binary.BigEndian.AppendUint64(b, v.height)
	b = binary.BigEndian.AppendUint64(b, v.checkpoint.Size)
	b = append(b, v.checkpoint.Root[:]...)
	return append(b, v.cosignature.Line()...)
}

// decodeVote reads the form alone; the signature is for policy.Verify.
func decodeVote(data []byte, origin string) (vote, error) {
	if len(data) < voteHeader || len(data) > maxVote || data[0] != 'V' || data[1] != 'S' || data[2] != voteVersion {
		return vote{}, errVote
	}
	v := vote{
		height:     binary.BigEndian.Uint64(data[3:]),
		checkpoint: proof.Checkpoint{Origin: origin, Size: binary.BigEndian.Uint64(data[11:]), Root: proof.Hash(data[19:])},
	}
	var err error
	if v.cosignature, err = proof.ParseCosignature(string(data[voteHeader:])); err != nil {
		return vote{}, fmt.Errorf("%w: %w", errVote, err)
	}
	return v, nil
}

// certificate is a block's height and its checkpoint with the signatures of a quorum, as SignCheckpoint
// writes it.
type certificate struct {
	height uint64
	note   []byte
}

// appendCertificate appends one to an answer.
func appendCertificate(dst []byte, c certificate) []byte {
	return appendBytes(binary.BigEndian.AppendUint64(dst, c.height), c.note)
}

// decodeCertificates reads an answer of certificates; their notes alias data.
func decodeCertificates(data []byte) ([]certificate, error) {
	var all []certificate
	for len(data) > 0 {
		if len(data) < 12 || uint64(len(data)-12) < uint64(binary.BigEndian.Uint32(data[8:])) {
			return nil, errors.New("malformed certificates")
		}
		n := 12 + int(binary.BigEndian.Uint32(data[8:]))
		all = append(all, certificate{binary.BigEndian.Uint64(data), data[12:n:n]})
		data = data[n:]
	}
	return all, nil
}
