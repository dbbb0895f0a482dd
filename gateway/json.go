package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"viaduct/openapi"
)

// maxDepth bounds how deep a body may nest: the contract itself goes four deep.
const maxDepth = 32

// maxMembers bounds the members of one object: the contract's largest has a dozen and a half, and
// checking one against it costs as much again for each member it does not know.
const maxMembers = 256

// maxNumber bounds a number's text, so that nobody makes us work out 1e2000000.
const maxNumber = 40

// readJSON reads one JSON value strictly (RFC 8259, and section 2.1 of I-JSON, RFC 7493): UTF-8
// without lone surrogates, no member twice, nothing after the value. Numbers stay text. A fault in
// the syntax ends the reading; members that appear twice are all found.
func readJSON(data []byte, f *faults) any {
	r := jsonReader{src: data, faults: f}
	if at, ok := invalidUTF8(data); ok {
		f.add("", openapi.ErrorCodeInvalidUtf8, fmt.Sprintf("byte %d is not UTF-8", at), "FF01")
		return nil
	}
	r.space()
	v := r.value(0)
	if r.failed {
		return nil
	}
	r.space()
	if r.at < len(r.src) {
		f.add("", openapi.ErrorCodeTrailingData, fmt.Sprintf("something follows the value at byte %d", r.at), "FF01")
		return nil
	}
	return v
}

func invalidUTF8(data []byte) (int, bool) {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i, true
		}
		i += n
	}
	return 0, false
}

type jsonReader struct {
	src    []byte
	at     int
	path   []string
	failed bool
	faults *faults
}

func (r *jsonReader) fail(code openapi.ErrorCode, format string, args ...any) any {
	if !r.failed {
		r.failed = true
		r.faults.add(pointer(r.path), code, fmt.Sprintf(format, args...)+fmt.Sprintf(" at byte %d", r.at), "FF01")
	}
	return nil
}

func (r *jsonReader) space() {
	for r.at < len(r.src) && strings.IndexByte(" \t\r\n", r.src[r.at]) >= 0 {
		r.at++
	}
}

func (r *jsonReader) take(c byte) bool {
	if r.at < len(r.src) && r.src[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *jsonReader) value(depth int) any {
	if depth > maxDepth {
		return r.fail(openapi.ErrorCodeTooDeep, "nested more than %d deep", maxDepth)
	}
	if r.at == len(r.src) {
		return r.fail(openapi.ErrorCodeMalformedJson, "a value is missing")
	}
	switch c := r.src[r.at]; {
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.array(depth)
	case c == '"':
		return r.text()
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	for word, v := range map[string]any{"true": true, "false": false, "null": nil} {
		if strings.HasPrefix(string(r.src[r.at:min(len(r.src), r.at+5)]), word) {
			r.at += len(word)
			return v
		}
	}
	return r.fail(openapi.ErrorCodeMalformedJson, "not a JSON value")
}

func (r *jsonReader) object(depth int) any {
	r.at++
	o := make(map[string]any)
	for r.space(); !r.take('}'); r.space() {
		if len(o) > 0 {
			if !r.take(',') {
				return r.fail(openapi.ErrorCodeMalformedJson, "a comma or } is missing")
			}
			r.space()
		}
		if r.at == len(r.src) || r.src[r.at] != '"' {
			return r.fail(openapi.ErrorCodeMalformedJson, "a member's name is missing")
		}
		if len(o) == maxMembers {
			return r.fail(openapi.ErrorCodeInvalidValue, "more than %d members", maxMembers)
		}
		name, _ := r.text().(string)
		if r.space(); !r.failed && !r.take(':') {
			r.fail(openapi.ErrorCodeMalformedJson, "a colon is missing")
		}
		if r.failed {
			return nil
		}
		r.space()
		r.path = append(r.path, name)
		v := r.value(depth + 1)
		if r.failed {
			return nil
		}
		if _, twice := o[name]; twice {
			r.faults.add(pointer(r.path), openapi.ErrorCodeDuplicateKey, "the member appears twice", "FF01")
		}
		r.path = r.path[:len(r.path)-1]
		o[name] = v
	}
	return o
}

func (r *jsonReader) array(depth int) any {
	r.at++
	list := []any{}
	for r.space(); !r.take(']'); r.space() {
		if len(list) > 0 {
			if !r.take(',') {
				return r.fail(openapi.ErrorCodeMalformedJson, "a comma or ] is missing")
			}
			r.space()
		}
		r.path = append(r.path, strconv.Itoa(len(list)))
		v := r.value(depth + 1)
		if r.failed {
			return nil
		}
		r.path = r.path[:len(r.path)-1]
		list = append(list, v)
	}
	return list
}

func (r *jsonReader) number() any {
	start := r.at
	r.take('-')
	if !r.take('0') {
		r.digits()
	}
	if r.take('.') {
		r.digits()
	}
	if r.take('e') || r.take('E') {
		if !r.take('-') {
			r.take('+')
		}
		r.digits()
	}
	if r.failed {
		return nil
	}
	if r.at-start > maxNumber {
		r.faults.add(pointer(r.path), openapi.ErrorCodeInvalidValue, "the number is too long", "")
		return json.Number("0")
	}
	n := json.Number(r.src[start:r.at])
	if _, err := n.Float64(); err != nil {
		r.faults.add(pointer(r.path), openapi.ErrorCodeInvalidValue, "the number is out of range", "")
		return json.Number("0")
	}
	return n
}

func (r *jsonReader) digits() {
	start := r.at
	for r.at < len(r.src) && r.src[r.at] >= '0' && r.src[r.at] <= '9' {
		r.at++
	}
	if r.at == start {
		r.fail(openapi.ErrorCodeMalformedJson, "a digit is missing")
	}
}

func (r *jsonReader) text() any {
	r.at++
	var out []byte
	for r.at < len(r.src) {
		c := r.src[r.at]
		switch {
		case c == '"':
			r.at++
			return string(out)
		case c < 0x20:
			return r.fail(openapi.ErrorCodeMalformedJson, "a control character stands in a text")
		case c == '\\':
			if out = r.escape(out); r.failed {
				return nil
			}
		default:
			out = append(out, c)
			r.at++
		}
	}
	return r.fail(openapi.ErrorCodeMalformedJson, "a text does not end")
}

func (r *jsonReader) escape(out []byte) []byte {
	r.at++
	if r.at == len(r.src) {
		r.fail(openapi.ErrorCodeMalformedJson, "a text does not end")
		return out
	}
	c := r.src[r.at]
	r.at++
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		return append(out, "\"\\/\b\f\n\r\t"[i])
	}
	if c != 'u' {
		r.fail(openapi.ErrorCodeMalformedJson, "no such escape")
		return out
	}
	u := r.hex()
	if utf16.IsSurrogate(u) {
		low := rune(-1)
		if r.take('\\') && r.take('u') {
			low = r.hex()
		}
		if u = utf16.DecodeRune(u, low); u == utf8.RuneError && !r.failed {
			r.fail(openapi.ErrorCodeInvalidUtf8, "half a surrogate pair")
		}
	}
	if u == 0 {
		// No database of ours keeps it, and no name or reference has it.
		r.faults.add(pointer(r.path), openapi.ErrorCodeInvalidValue, "U+0000 stands in a text", "CH16")
	}
	return utf8.AppendRune(out, u)
}

func (r *jsonReader) hex() rune {
	if r.at+4 <= len(r.src) {
		if n, err := strconv.ParseUint(string(r.src[r.at:r.at+4]), 16, 32); err == nil {
			r.at += 4
			return rune(n)
		}
	}
	r.fail(openapi.ErrorCodeMalformedJson, "four hexadecimal digits are missing")
	return utf8.RuneError
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// pointer returns the JSON pointer (RFC 6901) of a path of names.
func pointer(path []string) string {
	var b strings.Builder
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(pointerEscapes.Replace(p))
	}
	return b.String()
}

// checkTexts finds the texts in a value that hold what can't be seen.
func checkTexts(v any, path []string, f *faults) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			checkTexts(v[name], append(path, name), f)
		}
	case []any:
		for i, x := range v {
			checkTexts(x, append(path, strconv.Itoa(i)), f)
		}
	case string:
		if strings.ContainsFunc(v, unseen) {
			f.add(pointer(path), openapi.ErrorCodeInvalidValue, "a control character or a change of direction stands in the text", "CH16")
		}
	}
}

// unseen says that a character controls rather than shows: it has no place in a bank's texts, XML 1.0
// can't carry most of them, and some make a line read as another.
func unseen(c rune) bool {
	return c < 0x20 || c >= 0x7f && c < 0xa0 || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069
}
