package ledger

import (
	"encoding/binary"
	"math"

	"viaduct/internal/money"
)

// Canonical bytes. Every structure that is signed, hashed or stored starts with two letters that name
// it and a version, integers are big endian, and whatever varies in length has its length before it.
// There is exactly one encoding of a value, and reading refuses any other. testdata has vectors.

type writer struct {
	b   []byte
	bad bool // a text was too long for the length before it
}

func (w *writer) u8(v uint8)             { w.b = append(w.b, v) }
func (w *writer) u16(v uint16)           { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32)           { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64)           { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) i64(v int64)            { w.u64(uint64(v)) }
func (w *writer) bool(v bool)            { w.u8(bit(v)) }
func (w *writer) raw(v []byte)           { w.b = append(w.b, v...) }
func (w *writer) asset(v AssetName)      { w.u16(uint16(v.Currency)); w.raw(v.Issuer[:]) }
func (w *writer) tag(a, b, version byte) { w.b = append(w.b, a, b, version) }

func (w *writer) text(v string) {
	w.bad = w.bad || len(v) > math.MaxUint8
	w.u8(uint8(len(v)))
	w.b = append(w.b, v...)
}

// name writes a participant's name, whose 140 characters can take 560 bytes.
func (w *writer) name(v string) {
	w.bad = w.bad || len(v) > math.MaxUint16
	w.u16(uint16(len(v)))
	w.b = append(w.b, v...)
}

func bit(v bool) uint8 {
	if v {
		return 1
	}
	return 0
}

// reader reads canonical bytes; after the first fault it reads zeros and stays bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.b) {
		r.bad = true
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *reader) u8() uint8 {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if v := r.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if v := r.take(4); v != nil {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if v := r.take(8); v != nil {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (r *reader) i64() int64 { return int64(r.u64()) }

func (r *reader) bool() bool {
	v := r.u8()
	r.bad = r.bad || v > 1
	return v == 1
}

func (r *reader) text() string { return string(r.take(int(r.u8()))) }
func (r *reader) name() string { return string(r.take(int(r.u16()))) }

func (r *reader) fill(dst []byte) { copy(dst, r.take(len(dst))) }

// bic reads a BIC that may be absent (zero).
func (r *reader) bic() (b BIC) {
	r.fill(b[:])
	if b != (BIC{}) && !b.wellFormed() {
		r.bad = true
	}
	return b
}

func (r *reader) asset() AssetName {
	return AssetName{money.Currency(r.u16()), r.bic()}
}

func (r *reader) tag(a, b, version byte) {
	v := r.take(3)
	if v != nil && (v[0] != a || v[1] != b || v[2] != version) {
		r.bad = true
	}
}

// done reports whether everything was read and nothing was wrong.
func (r *reader) done() bool { return !r.bad && len(r.b) == 0 }
