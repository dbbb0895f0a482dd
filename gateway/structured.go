package gateway

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// What RFC 9421 and RFC 9530 need of RFC 9651's structured fields: dictionaries of items and of lists of
// strings, each with parameters. It reads them strictly, and writes them in the one form there is.

var errStructured = errors.New("not a structured field of RFC 9651")

// sfItem is a bare item (int64, string, sfToken, bool or []byte) with its parameters.
type sfItem struct {
	value  any
	params []sfParam
}

type sfToken string

type sfParam struct {
	name  string
	value any
}

// sfMember is one member of a dictionary: an item, or a list of items.
type sfMember struct {
	name string
	list []sfItem // of an inner list
	item sfItem   // its value, and the parameters of either
	many bool     // it is an inner list
}

// parseDictionary reads a dictionary (RFC 9651, section 4.2.2). One name twice is refused: the last would
// silently win.
func parseDictionary(text string) ([]sfMember, error) {
	p := sfParser{text: strings.Trim(text, " ")}
	var all []sfMember
	seen := make(map[string]bool)
	for p.text != "" {
		m := sfMember{name: p.key()}
		if p.bad || seen[m.name] {
			return nil, errStructured
		}
		seen[m.name] = true
		switch {
		case !p.take('='):
			m.item = sfItem{true, p.params()}
		case p.next() == '(':
			m.many, m.list = true, p.innerList()
			m.item.params = p.params()
		default:
			m.item = sfItem{p.bare(), p.params()}
		}
		all = append(all, m)
		p.space()
		if p.bad || p.text != "" && !p.take(',') {
			return nil, errStructured
		}
		if len(all) > 0 && p.text == "" {
			break
		}
		p.space()
		if p.text == "" {
			return nil, errStructured // a comma and nothing after it
		}
	}
	return all, nil
}

type sfParser struct {
	text string
	bad  bool
}

func (p *sfParser) next() byte {
	if p.text == "" {
		return 0
	}
	return p.text[0]
}

func (p *sfParser) take(c byte) bool {
	if p.next() != c {
		return false
	}
	p.text = p.text[1:]
	return true
}

// while takes the bytes that ok holds for.
func (p *sfParser) while(ok func(byte) bool) string {
	n := 0
	for n < len(p.text) && ok(p.text[n]) {
		n++
	}
	taken := p.text[:n]
	p.text = p.text[n:]
	return taken
}

func (p *sfParser) space() { p.while(func(c byte) bool { return c == ' ' || c == '\t' }) }

func isLower(c byte) bool    { return c >= 'a' && c <= 'z' }
func isDecimal(c byte) bool  { return c >= '0' && c <= '9' }
func isAlphabet(c byte) bool { return isLower(c | 0x20) }

func (p *sfParser) key() string {
	if c := p.next(); !isLower(c) && c != '*' {
		p.bad = true
		return ""
	}
	return p.while(func(c byte) bool { return isLower(c) || isDecimal(c) || strings.IndexByte("_-.*", c) >= 0 })
}

func (p *sfParser) params() (all []sfParam) {
	for !p.bad && p.take(';') {
		p.while(func(c byte) bool { return c == ' ' })
		param := sfParam{p.key(), true}
		if p.take('=') {
			param.value = p.bare()
		}
		for _, x := range all {
			p.bad = p.bad || x.name == param.name
		}
		all = append(all, param)
	}
	return all
}

func (p *sfParser) innerList() (all []sfItem) {
	p.take('(')
	for !p.bad {
		p.while(func(c byte) bool { return c == ' ' })
		if p.take(')') {
			return all
		}
		all = append(all, sfItem{p.bare(), p.params()})
		p.bad = p.bad || p.next() != ' ' && p.next() != ')'
	}
	return nil
}

// bare reads an item; decimals, dates and display strings have no use here and are refused.
func (p *sfParser) bare() any {
	switch c := p.next(); {
	case c == '"':
		return p.quoted()
	case c == ':':
		p.take(':')
		text := p.while(func(c byte) bool { return c != ':' })
		data, err := base64.StdEncoding.Strict().DecodeString(text)
		p.bad = p.bad || err != nil || !p.take(':')
		return data
	case c == '?':
		p.take('?')
		yes := p.take('1')
		p.bad = p.bad || !yes && !p.take('0')
		return yes
	case c == '-' || isDecimal(c):
		text := p.while(func(c byte) bool { return c == '-' || isDecimal(c) })
		n, err := strconv.ParseInt(text, 10, 64)
		p.bad = p.bad || err != nil || len(strings.TrimPrefix(text, "-")) > 15 || p.next() == '.'
		return n
	case isAlphabet(c) || c == '*':
		return sfToken(p.while(func(c byte) bool {
			return isAlphabet(c) || isDecimal(c) || strings.IndexByte("!#$%&'*+-.^_`|~:/", c) >= 0
		}))
	}
	p.bad = true
	return nil
}

func (p *sfParser) quoted() string {
	p.take('"')
	var b strings.Builder
	for p.text != "" {
		c := p.text[0]
		p.text = p.text[1:]
		switch {
		case c == '"':
			return b.String()
		case c == '\\' && (p.next() == '"' || p.next() == '\\'):
			b.WriteByte(p.text[0])
			p.text = p.text[1:]
		case c == '\\' || c < ' ' || c > '~':
			p.bad = true
			return ""
		default:
			b.WriteByte(c)
		}
	}
	p.bad = true
	return ""
}

// sfText writes a bare item (RFC 9651, section 4.1).
func sfText(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case string:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
	case sfToken:
		return string(v)
	case []byte:
		return ":" + base64.StdEncoding.EncodeToString(v) + ":"
	case bool:
		if v {
			return "?1"
		}
		return "?0"
	}
	return ""
}

func sfParams(all []sfParam) string {
	var b strings.Builder
	for _, p := range all {
		b.WriteString(";" + p.name)
		if p.value != true {
			b.WriteString("=" + sfText(p.value))
		}
	}
	return b.String()
}

// innerListText writes an inner list with its parameters.
func (m *sfMember) innerListText() string {
	items := make([]string, len(m.list))
	for i, x := range m.list {
		items[i] = sfText(x.value) + sfParams(x.params)
	}
	return "(" + strings.Join(items, " ") + ")" + sfParams(m.item.params)
}

func (m *sfMember) param(name string) any {
	for _, p := range m.item.params {
		if p.name == name {
			return p.value
		}
	}
	return nil
}
