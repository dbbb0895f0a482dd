package gateway

import (
	"bytes"
	"crypto/sha256"
	"net/http/httptest"
	"testing"
)

// FuzzCursor has the cursors of lists take any text: one that was not made for this list is none, and one
// that was gives its position back.
func FuzzCursor(f *testing.F) {
	s, err := newSecrets(sha256.Sum256([]byte("master")))
	if err != nil {
		f.Fatal(err)
	}
	other, err := newSecrets(sha256.Sum256([]byte("another")))
	if err != nil {
		f.Fatal(err)
	}
	for _, position := range [][]byte{nil, be64(7), timed(1, newID()), []byte("evt_1_0_0")} {
		f.Add(s.cursorFor("payments", position), position)
	}
	f.Fuzz(func(t *testing.T, text string, position []byte) {
		for _, size := range []int{8, 24, anySize} {
			if at, ok := s.positionOf("payments", text, size); ok && (s.cursorFor("payments", at) != text || size != anySize && len(at) != size) {
				t.Errorf("%q is taken as %x", text, at)
			}
		}
		made := s.cursorFor("payments", position)
		if at, ok := s.positionOf("payments", made, anySize); !ok || !bytes.Equal(at, position) {
			t.Errorf("%x became %q became %x", position, made, at)
		}
		if _, ok := s.positionOf("offers", made, anySize); ok {
			t.Errorf("%q is of another list", made)
		}
		if _, ok := other.positionOf("payments", made, anySize); ok {
			t.Errorf("%q is of another network", made)
		}
	})
}

// FuzzTexts has what reads parameters, headers and fields take any text, and write what it took the same.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{
		"USD@CHASUS33", "JPY", "174c245f-2682-4291-ad67-2a41e530cd27", "2026-03-13T16:00:00.5Z", "10.0.0.0/8", "::ffff:1.2.3.4", "wait=10", `respond-async, wait="30"`,
		"application/json; charset=utf-8", "VIADUCT0TESTBANK0175", "EURBDEFF",
	} {
		f.Add(s)
	}
	c, err := loadContract()
	if err != nil {
		f.Fatal(err)
	}
	op := c.operations["POST /v1/payments"]
	f.Fuzz(func(t *testing.T, text string) {
		if a, err := parseAsset(text); err == nil && a.String() != text {
			t.Errorf("asset %q is written as %q", text, a)
		}
		if id, err := parseUETR(text); err == nil && idText(id) != text {
			t.Errorf("UETR %q is written as %q", text, idText(id))
		}
		if id, err := parseID(text); err == nil && idText(id) != text {
			t.Errorf("id %q is written as %q", text, idText(id))
		}
		if at, err := parseTime(text); err == nil && (at <= 0 || at > maxTime) {
			t.Errorf("time %q is %d", text, at)
		}
		if n, err := parseNetwork(text); err == nil && n != n.Masked() {
			t.Errorf("network %q is %v", text, n)
		}
		var found faults
		if n := preferredWait(text, &found); n < -1 || n > maxWait || n != -1 && len(found.list) > 0 {
			t.Errorf("Prefer %q waits %d", text, n)
		}
		if id := requestID(text); id == "" || len(id) > 64 {
			t.Errorf("request id %q for %q", id, text)
		}
		r := httptest.NewRequest("POST", "/v1/payments", nil)
		r.Header["Content-Type"] = []string{text}
		op.checkMedia(r)
		validLEI(text)
		if p := pointer([]string{text}); len(p) > 2*len(text)+1 {
			t.Errorf("pointer %q", p)
		}
	})
}
