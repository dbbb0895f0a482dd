package settlement

import (
	"encoding/binary"
	"errors"
	"fmt"

	"viaduct/ledger"
)

// record is what the block log keeps of a block: enough to replay it, to prove any leaf of it, and to
// know that a replay came out the same.
type record struct {
	Position uint64   // of the message in the journal this node read it from
	TreeSize uint64   // of the chain-wide log after the block
	Message  []byte   // the journal message; the genesis at height 0
	Leaves   [][]byte // the header last
}

var errRecord = errors.New("block record is malformed")

const recordVersion = 1

func (r *record) encode(dst []byte) []byte {
	dst = append(dst, 'V', 'B', recordVersion)
	dst = binary.BigEndian.AppendUint64(dst, r.Position)
	dst = binary.BigEndian.AppendUint64(dst, r.TreeSize)
	dst = appendBytes(dst, r.Message)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.Leaves)))
	for _, leaf := range r.Leaves {
		dst = appendBytes(dst, leaf)
	}
	return dst
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, uint32(len(b))), b...)
}

// decodeRecord reads a record; its parts alias data.
func decodeRecord(data []byte) (record, error) {
	var r record
	if len(data) < 19 || data[0] != 'V' || data[1] != 'B' || data[2] != recordVersion {
		return r, errRecord
	}
	r.Position, r.TreeSize = binary.BigEndian.Uint64(data[3:]), binary.BigEndian.Uint64(data[11:])
	data = data[19:]
	ok := true
	next := func() []byte {
		if !ok || len(data) < 4 || uint64(len(data)-4) < uint64(binary.BigEndian.Uint32(data)) {
			ok = false
			return nil
		}
		n := binary.BigEndian.Uint32(data)
		b := data[4 : 4+n : 4+n]
		data = data[4+n:]
		return b
	}
	r.Message = next()
	if !ok || len(data) < 4 {
		return r, errRecord
	}
	n := binary.BigEndian.Uint32(data)
	data = data[4:]
	for range n {
		leaf := next()
		if !ok {
			return r, errRecord
		}
		r.Leaves = append(r.Leaves, leaf)
	}
	if !ok || len(data) != 0 || n == 0 {
		return r, errRecord
	}
	return r, nil
}

// header returns the block's header, its last leaf.
func (r *record) header() (ledger.Header, error) {
	h, err := ledger.DecodeHeader(r.Leaves[len(r.Leaves)-1])
	if err != nil {
		return h, fmt.Errorf("%w: %w", errRecord, err)
	}
	return h, nil
}
