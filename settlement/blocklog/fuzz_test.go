package blocklog

import (
	"bytes"
	"testing"
)

// FuzzRecord reads whatever a disk may give back: no panic, and only what was written whole is a record.
func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, 7, []byte("a block")))
	f.Add(appendRecord(appendRecord(nil, 1, nil), 2, []byte{0}))
	f.Add(make([]byte, markLen))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, data, ok := parseRecord(b); ok {
			if again := appendRecord(nil, h.height, data); !bytes.HasPrefix(b, again) {
				t.Errorf("%x reads as %+v %x, which is written as %x", b, h, data, again)
			}
		}
		torn(b, 0, 1)
		if len(b) >= markLen {
			parseMark(b[:markLen])
		}
	})
}
