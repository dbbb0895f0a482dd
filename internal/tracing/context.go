package tracing

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// Context names a span: the trace it belongs to, itself, and whether anybody records it. The zero Context
// is none.
type Context struct {
	trace   [16]byte
	span    [8]byte
	sampled bool
}

// HeaderSize is the length of a Context's text.
const HeaderSize = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

// Parse reads a traceparent (W3C Trace Context, section 3.2): version 00, and what later versions begin
// with. What is not well formed is no context, as the standard asks.
func Parse(text string) Context {
	var c Context
	if len(text) < HeaderSize || text[:2] == "ff" || text[:2] == "00" && len(text) != HeaderSize || len(text) > HeaderSize && text[HeaderSize] != '-' {
		return c
	}
	text = text[:HeaderSize]
	for i, b := range []byte(text) {
		dash := i == 2 || i == 35 || i == 52
		if dash != (b == '-') || !dash && !strings.ContainsRune("0123456789abcdef", rune(b)) {
			return c
		}
	}
	var flags [1]byte
	// All of it is lower-case hexadecimal, so nothing can fail.
	_, _ = hex.Decode(c.trace[:], []byte(text[3:35]))
	_, _ = hex.Decode(c.span[:], []byte(text[36:52]))
	_, _ = hex.Decode(flags[:], []byte(text[53:55]))
	c.sampled = flags[0]&1 != 0
	if c.trace == ([16]byte{}) || c.span == ([8]byte{}) {
		return Context{}
	}
	return c
}

// String returns the context as a traceparent; nothing for none.
func (c Context) String() string {
	if c == (Context{}) {
		return ""
	}
	flags := "00"
	if c.sampled {
		flags = "01"
	}
	return "00-" + hex.EncodeToString(c.trace[:]) + "-" + hex.EncodeToString(c.span[:]) + "-" + flags
}

// Trace returns the id by which logs and errors are found; nothing for none.
func (c Context) Trace() string {
	if c == (Context{}) {
		return ""
	}
	return hex.EncodeToString(c.trace[:])
}

// Sampled says whether spans below this one are recorded.
func (c Context) Sampled() bool { return c.sampled }

// child returns a new span of the same trace.
func (c Context) child() Context {
	fill(c.span[:])
	return c
}

// fill draws an id, which may not be all zeros.
func fill(id []byte) {
	for zero := true; zero; {
		_, _ = rand.Read(id) // it never fails: see its documentation
		for _, b := range id {
			zero = zero && b == 0
		}
	}
}
