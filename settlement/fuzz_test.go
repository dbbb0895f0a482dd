package settlement

import (
	"bytes"
	"context"
	"testing"
	"time"

	"viaduct/internal/tracing"
	"viaduct/ledger"
	"viaduct/ledger/proof"
)

// FuzzWire has all that reads what other processes sent, or a disk kept, take whatever bytes there are:
// no panic, and what is read is written the same.
func FuzzWire(f *testing.F) {
	v := vote{height: 7, checkpoint: proof.Checkpoint{Origin: "o", Size: 9}}
	f.Add(v.encode())
	r := record{Position: 3, TreeSize: 2, Message: []byte("m"), Leaves: [][]byte{[]byte("leaf"), []byte("header")}}
	f.Add(r.encode(nil))
	f.Add(appendCertificate(appendCertificate(nil, certificate{1, []byte("a")}), certificate{2, []byte("b")}))
	f.Add(encodeVerdict(accepted, Accepted{Height: 8, First: 1, Message: ledger.Hash{2}}))
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	f.Add(append(make([]byte, 8), trace...))
	f.Add(withTrace(Traced(context.Background(), trace), []byte("VS\x01")))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := decodeRecord(data); err == nil && !bytes.Equal(r.encode(nil), data) {
			t.Errorf("record %x is written as %x", data, r.encode(nil))
		}
		if v, err := decodeVote(data, "o"); err == nil {
			if again, err := decodeVote(v.encode(), "o"); err != nil || again.height != v.height || again.checkpoint != v.checkpoint {
				t.Errorf("vote %x: %+v, then %+v: %v", data, v, again, err)
			}
		}
		if all, err := decodeCertificates(data); err == nil {
			var again []byte
			for _, c := range all {
				again = appendCertificate(again, c)
			}
			if !bytes.Equal(again, data) {
				t.Errorf("certificates %x are written as %x", data, again)
			}
		}
		if a, err := decodeVerdict(data); err == nil && !bytes.Equal(encodeVerdict(accepted, a), data) {
			t.Errorf("verdict %x is written as %x", data, encodeVerdict(accepted, a))
		}
		if head, rest := splitTrace(data); head+string(rest) != string(data) {
			t.Errorf("%x is split into %x and %x", data, head, rest)
		}
		heard := &traces{tracer: (*tracing.Tracer)(nil)}
		heard.hear(data, nil)
		heard.stage("applied", 1, time.Time{})
	})
}
