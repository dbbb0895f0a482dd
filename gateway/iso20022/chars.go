package iso20022

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// context is where character data stands, which decides what is special in it.
type context uint8

const (
	inText context = iota
	inAttribute
	inCDATA
)

// decode returns character data as the reader of the document should see it: references resolved,
// line ends made \n, and in attributes white space made blanks. why is not empty when the data is
// not well formed.
func decode(raw string, in context) (text, why string) {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c >= 0x20 && c != '&' && c != '<' && c != ']' && c < 0x80, c == '\n' && in != inAttribute:
		case c >= 0x80 || c < 0x20 || c == '&' && in != inCDATA, c == '<' && in == inAttribute, c == ']' && in == inText:
			return decodeSlow(raw, in, i)
		}
	}
	return raw, ""
}

func decodeSlow(raw string, in context, from int) (text, why string) {
	var b strings.Builder
	done := 0 // raw[:done] is in b
	for i := from; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '\r' || in == inAttribute && (c == '\n' || c == '\t'):
			b.WriteString(raw[done:i])
			if c == '\r' && i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
			if in == inAttribute {
				b.WriteByte(' ')
			} else {
				b.WriteByte('\n')
			}
			done = i + 1
		case c < 0x20 && c != '\n' && c != '\t':
			return "", "a control character"
		case c == 0xEF && (strings.HasPrefix(raw[i:], "\uFFFE") || strings.HasPrefix(raw[i:], "\uFFFF")):
			return "", "a character that XML does not allow"
		case c == '&' && in != inCDATA:
			r, n := reference(raw[i:])
			if n == 0 {
				return "", "an & that starts no character reference and none of the five entities"
			}
			b.WriteString(raw[done:i])
			b.WriteRune(r)
			i += n - 1
			done = i + 1
		case c == '<' && in == inAttribute:
			return "", "a < inside an attribute value"
		case c == ']' && in == inText && strings.HasPrefix(raw[i:], "]]>"):
			return "", "]]> inside text"
		}
	}
	if done == 0 {
		return raw, ""
	}
	b.WriteString(raw[done:])
	return b.String(), ""
}

// reference reads a character reference or one of the five entities at the start of s, and how many
// bytes it took: 0 if it is neither.
func reference(s string) (rune, int) {
	end := strings.IndexByte(s[:min(len(s), 32)], ';')
	if end < 2 {
		return 0, 0
	}
	name := s[1:end]
	switch name {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "apos":
		return '\'', end + 1
	case "quot":
		return '"', end + 1
	}
	if name[0] != '#' {
		return 0, 0
	}
	digits, base := name[1:], 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	v, err := strconv.ParseUint(digits, base, 32)
	if err != nil || v > utf8.MaxRune || !isChar(rune(v)) {
		return 0, 0
	}
	return rune(v), end + 1
}

// isChar tells which characters an XML 1.0 document may hold.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func (s *scanner) skipSpace() bool {
	from := s.pos
	for s.pos < len(s.src) && isSpace(s.src[s.pos]) {
		s.pos++
	}
	return s.pos > from
}

// name reads an XML name with at most one colon, each part being a name itself; "" if there is none.
func (s *scanner) name() string {
	from, first, colon := s.pos, true, false
	for s.pos < len(s.src) {
		c := s.src[s.pos]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_', !first && (c >= '0' && c <= '9' || c == '-' || c == '.'):
			s.pos++
			first = false
		case c == ':' && !first && !colon:
			s.pos++
			first, colon = true, true
		case c >= 0x80:
			r, n := utf8.DecodeRuneInString(s.src[s.pos:])
			if !isNameStart(r) && (first || !isNameMore(r)) {
				return s.ended(from, first)
			}
			s.pos += n
			first = false
		default:
			return s.ended(from, first)
		}
	}
	return s.ended(from, first)
}

func (s *scanner) ended(from int, unfinished bool) string {
	if unfinished {
		s.pos = from
	}
	return s.src[from:s.pos]
}

// isNameStart and isNameMore are XML 1.0's NameStartChar and the rest of NameChar, outside ASCII.
func isNameStart(r rune) bool {
	return r >= 0xC0 && r <= 0x2FF && r != 0xD7 && r != 0xF7 || r >= 0x370 && r <= 0x1FFF && r != 0x37E ||
		r == 0x200C || r == 0x200D || r >= 0x2070 && r <= 0x218F || r >= 0x2C00 && r <= 0x2FEF ||
		r >= 0x3001 && r <= 0xD7FF || r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0 && r <= 0xFFFD ||
		r >= 0x10000 && r <= 0xEFFFF
}

func isNameMore(r rune) bool {
	return r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

func splitName(name string) (prefix, local string) {
	if i := strings.IndexByte(name, ':'); i >= 0 {
		return name[:i], name[i+1:]
	}
	return "", name
}

// clip keeps what a document says short in what we say about it.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
