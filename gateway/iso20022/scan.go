package iso20022

import (
	"fmt"
	"strings"
)

// Bounds of a document. The deepest ISO 20022 message is under 20 elements deep; 4 MiB hold a pacs.008
// of 1,000 transactions with everything a bank writes into them.
const (
	MaxBytes = 4 << 20
	maxDepth = 64
	maxAttrs = 64 // on one element
	maxScope = 64 // namespace declarations in scope at once
)

const (
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsSpace = "http://www.w3.org/2000/xmlns/"
	xsiSpace   = "http://www.w3.org/2001/XMLSchema-instance"
)

// tokenKind is what the scanner met.
type tokenKind uint8

const (
	tokenEnd   tokenKind = iota // the end of the document
	tokenStart                  // a start tag
	tokenClose                  // an end tag, or the second half of an empty-element tag
	tokenText                   // character data, decoded
	tokenError                  // see scanner.fault
)

// token is what next returns. attrs is used again by the next token.
type token struct {
	kind         tokenKind
	offset       int
	space, local string
	attrs        []attr
	text         string
	cdata        bool
}

type attr struct {
	prefix, local, space, value string
}

// binding is a namespace prefix in scope.
type binding struct{ prefix, space string }

// scanner splits one document into tokens. It accepts well-formed XML 1.0 with namespaces in UTF-8
// and nothing that could make a small document large or reach outside it: no document type, no
// entity beyond the five predefined ones. The text must have been checked to be UTF-8.
type scanner struct {
	src   string
	pos   int
	open  []openTag
	scope []binding
	tok   token
	empty bool // an empty-element tag was met; its end comes next
	root  bool // the root element has begun
	more  bool // another may follow: the document of a header that stands beside it in no wrapper

	prefix, space string // the prefix resolved last, while scope did not change
	fault         Finding
}

type openTag struct {
	name  string
	scope int
}

func (s *scanner) fail(offset int, rule, format string, args ...any) *token {
	s.fault = Finding{Rule: rule, Message: fmt.Sprintf(format, args...), offset: offset}
	s.tok = token{kind: tokenError, offset: offset}
	return &s.tok
}

func (s *scanner) malformed(format string, args ...any) *token {
	return s.fail(s.pos, "not_well_formed", format, args...)
}

// next returns the next token. Comments and processing instructions are checked and passed over.
func (s *scanner) next() *token {
	if s.empty {
		s.empty = false
		return s.closeTag(s.pos)
	}
	for s.pos < len(s.src) {
		if s.src[s.pos] != '<' {
			if len(s.open) > 0 {
				return s.characters()
			}
			if s.pos == 0 {
				s.pos = s.start()
			}
			if !s.skipSpace() && (s.pos >= len(s.src) || s.src[s.pos] != '<') {
				return s.malformed("text outside the root element")
			}
			continue
		}
		rest := s.src[s.pos:]
		switch {
		case len(rest) > 1 && rest[1] == '/':
			return s.endTag()
		case strings.HasPrefix(rest, "<!--"):
			if !s.comment() {
				return &s.tok
			}
		case strings.HasPrefix(rest, "<![CDATA["):
			return s.cdata()
		case strings.HasPrefix(rest, "<!DOCTYPE"):
			return s.fail(s.pos, "dtd_refused", "a document type declaration is not accepted")
		case len(rest) > 1 && rest[1] == '?':
			if !s.instruction() {
				return &s.tok
			}
		default:
			return s.startTag()
		}
	}
	if len(s.open) > 0 {
		return s.malformed("the document ends inside <%s>", clip(s.open[len(s.open)-1].name))
	}
	if !s.root {
		return s.malformed("there is no root element")
	}
	s.tok = token{kind: tokenEnd, offset: s.pos}
	return &s.tok
}

func (s *scanner) startTag() *token {
	start := s.pos
	if s.root && len(s.open) == 0 && !s.more {
		return s.malformed("a second root element")
	}
	if len(s.open) >= maxDepth {
		return s.fail(start, "too_deep", "elements are more than %d deep", maxDepth)
	}
	s.pos++
	name := s.name()
	if name == "" {
		return s.malformed("a tag without a name")
	}
	s.root = true
	mark := len(s.scope)
	attrs := s.tok.attrs[:0]
	for {
		gap := s.skipSpace()
		if s.pos >= len(s.src) {
			return s.malformed("the document ends inside a tag")
		}
		if s.src[s.pos] == '>' {
			s.pos++
			break
		}
		if strings.HasPrefix(s.src[s.pos:], "/>") {
			s.pos += 2
			s.empty = true
			break
		}
		a, ok := s.attribute(gap)
		if !ok {
			return &s.tok
		}
		switch {
		case a.prefix == "xmlns" || a.prefix == "" && a.local == "xmlns":
			if !s.declare(a, mark) {
				return &s.tok
			}
		case len(attrs) == maxAttrs:
			return s.malformed("more than %d attributes", maxAttrs)
		default:
			attrs = append(attrs, a)
		}
	}
	s.open = append(s.open, openTag{name, mark})
	if len(s.scope) > mark {
		s.prefix, s.space = "", "?" // nothing is known of the new scope yet
	}
	prefix, local := splitName(name)
	space, ok := s.resolve(prefix)
	if !ok {
		return s.fail(start, "not_well_formed", "the prefix %q is not declared", clip(prefix))
	}
	for i := range attrs {
		if attrs[i].prefix != "" {
			if attrs[i].space, ok = s.lookup(attrs[i].prefix); !ok {
				return s.fail(start, "not_well_formed", "the prefix %q is not declared", clip(attrs[i].prefix))
			}
		}
		for j := range i {
			if attrs[j].local == attrs[i].local && attrs[j].space == attrs[i].space {
				return s.fail(start, "not_well_formed", "the attribute %s appears twice", clip(attrs[i].local))
			}
		}
	}
	s.tok = token{kind: tokenStart, offset: start, space: space, local: local, attrs: attrs}
	return &s.tok
}

func (s *scanner) attribute(gap bool) (attr, bool) {
	start := s.pos
	name := s.name()
	if name == "" || !gap {
		s.malformed("an attribute was expected")
		return attr{}, false
	}
	s.skipSpace()
	if s.pos >= len(s.src) || s.src[s.pos] != '=' {
		s.malformed("the attribute %s has no value", clip(name))
		return attr{}, false
	}
	s.pos++
	s.skipSpace()
	if s.pos >= len(s.src) || s.src[s.pos] != '"' && s.src[s.pos] != '\'' {
		s.malformed("the value of %s is not quoted", clip(name))
		return attr{}, false
	}
	quote := s.src[s.pos]
	s.pos++
	end := strings.IndexByte(s.src[s.pos:], quote)
	if end < 0 {
		s.malformed("the value of %s has no end", clip(name))
		return attr{}, false
	}
	raw := s.src[s.pos : s.pos+end]
	value, why := decode(raw, inAttribute)
	if why != "" {
		s.fail(start, "not_well_formed", "%s", why)
		return attr{}, false
	}
	s.pos += end + 1
	prefix, local := splitName(name)
	return attr{prefix: prefix, local: local, value: value}, true
}

// declare puts a namespace declaration into scope; mark is where this element's own begin.
func (s *scanner) declare(a attr, mark int) bool {
	prefix := ""
	if a.prefix == "xmlns" {
		prefix = a.local
	}
	for _, b := range s.scope[mark:] {
		if b.prefix == prefix {
			s.malformed("the prefix %q is declared twice", clip(prefix))
			return false
		}
	}
	if len(s.scope) >= maxScope ||
		a.value == "" && prefix != "" || prefix == "xmlns" || a.value == xmlnsSpace ||
		(prefix == "xml") != (a.value == xmlSpace) {
		s.malformed("a namespace declaration that is not allowed, or too many of them")
		return false
	}
	s.scope = append(s.scope, binding{prefix, a.value})
	return true
}

// resolve is lookup for elements, which mostly have the prefix of the one before.
func (s *scanner) resolve(prefix string) (string, bool) {
	if prefix == s.prefix && s.space != "?" {
		return s.space, true
	}
	space, ok := s.lookup(prefix)
	if ok {
		s.prefix, s.space = prefix, space
	}
	return space, ok
}

func (s *scanner) lookup(prefix string) (string, bool) {
	for i := len(s.scope) - 1; i >= 0; i-- {
		if s.scope[i].prefix == prefix {
			return s.scope[i].space, true
		}
	}
	if prefix == "xml" {
		return xmlSpace, true
	}
	return "", prefix == ""
}

func (s *scanner) endTag() *token {
	start := s.pos
	s.pos += 2
	if len(s.open) == 0 {
		return s.malformed("an end tag without a start")
	}
	want := s.open[len(s.open)-1].name
	if !strings.HasPrefix(s.src[s.pos:], want) {
		return s.fail(start, "not_well_formed", "<%s> is not closed by the end tag that follows", clip(want))
	}
	s.pos += len(want)
	s.skipSpace()
	if s.pos >= len(s.src) || s.src[s.pos] != '>' {
		return s.fail(start, "not_well_formed", "<%s> is not closed by the end tag that follows", clip(want))
	}
	s.pos++
	return s.closeTag(start)
}

func (s *scanner) closeTag(offset int) *token {
	top := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	if len(s.scope) > top.scope {
		s.scope = s.scope[:top.scope]
		s.prefix, s.space = "", "?"
	}
	s.tok.kind, s.tok.offset, s.tok.text = tokenClose, offset, ""
	return &s.tok
}

func (s *scanner) characters() *token {
	start := s.pos
	end := strings.IndexByte(s.src[start:], '<')
	if end < 0 {
		end = len(s.src) - start
	}
	raw := s.src[start : start+end]
	text, why := decode(raw, inText)
	if why != "" {
		return s.malformed("%s", why)
	}
	s.pos = start + end
	s.tok.kind, s.tok.offset, s.tok.text, s.tok.cdata = tokenText, start, text, false
	return &s.tok
}

func (s *scanner) cdata() *token {
	start := s.pos
	body := s.src[start+len("<![CDATA["):]
	end := strings.Index(body, "]]>")
	if len(s.open) == 0 || end < 0 {
		return s.malformed("a CDATA section outside the root element or without an end")
	}
	text, why := decode(body[:end], inCDATA)
	if why != "" {
		return s.malformed("%s", why)
	}
	s.pos = len(s.src) - len(body) + end + len("]]>")
	s.tok.kind, s.tok.offset, s.tok.text, s.tok.cdata = tokenText, start, text, true
	return &s.tok
}

func (s *scanner) comment() bool {
	body := s.src[s.pos+len("<!--"):]
	end := strings.Index(body, "--")
	if end < 0 || !strings.HasPrefix(body[end:], "-->") {
		s.malformed("a comment without an end, or with -- inside")
		return false
	}
	if _, why := decode(body[:end], inCDATA); why != "" {
		s.malformed("%s", why)
		return false
	}
	s.pos = len(s.src) - len(body) + end + len("-->")
	return true
}

func (s *scanner) instruction() bool {
	start := s.pos
	s.pos += 2
	target := s.name()
	body := s.src[s.pos:]
	end := strings.Index(body, "?>")
	switch {
	case target == "" || end < 0 || end > 0 && !isSpace(body[0]):
		s.malformed("a processing instruction that is not well formed")
	case target == "xml" && start == s.start():
		return s.declaration(body[:end], end)
	case strings.EqualFold(target, "xml"):
		s.malformed("an XML declaration that is not at the start")
	default:
		if _, why := decode(body[:end], inCDATA); why == "" {
			s.pos += end + 2
			return true
		}
		s.malformed("a character that XML does not allow")
	}
	return false
}

// start is where the document begins, after a byte order mark.
func (s *scanner) start() int {
	if strings.HasPrefix(s.src, "\uFEFF") {
		return len("\uFEFF")
	}
	return 0
}

// declaration reads what stands between <?xml and ?>: version 1.0, then perhaps an encoding, which
// must be UTF-8, then perhaps standalone.
func (s *scanner) declaration(body string, end int) bool {
	in := scanner{src: body}
	var got []attr
	for gap := in.skipSpace(); in.pos < len(body); gap = in.skipSpace() {
		a, ok := in.attribute(gap)
		if !ok || len(got) == 3 {
			s.malformed("the XML declaration is not well formed")
			return false
		}
		got = append(got, a)
	}
	ok := len(got) > 0 && got[0].local == "version"
	if ok && got[0].value != "1.0" {
		s.malformed("XML version %s; only 1.0 is accepted", clip(got[0].value))
		return false
	}
	if ok && len(got) > 1 && got[1].local == "encoding" {
		if !strings.EqualFold(got[1].value, "UTF-8") {
			s.fail(s.pos, "not_utf8", "encoding %s; only UTF-8 is accepted", clip(got[1].value))
			return false
		}
		got = append(got[:1], got[2:]...)
	}
	if ok && len(got) == 2 && got[1].local == "standalone" && (got[1].value == "yes" || got[1].value == "no") {
		got = got[:1]
	}
	if !ok || len(got) != 1 {
		s.malformed("the XML declaration is not well formed")
		return false
	}
	s.pos += end + 2
	return true
}
