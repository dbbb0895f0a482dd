package iso20022

import "strings"

// spacePrefix is what every ISO 20022 namespace starts with; the message's identifier follows.
const spacePrefix = "urn:iso:std:iso:20022:tech:xsd:"

// kind says how a type's content is read.
type kind uint8

// The kinds. Those up to kindWildcard hold elements, the others hold text.
const (
	kindSequence kind = iota
	kindChoice
	kindWildcard
	kindText
	kindDecimal
	kindBoolean
	kindDate
	kindDateTime
	kindTime
	kindYearMonth
)

// many is a maxOccurs of "unbounded".
const many = 65535

// typ is a row of the element table: a type with its elements in order, or its facets.
type typ struct {
	name string
	kind kind
	els  []elem // kindSequence, kindChoice

	space string // kindWildcard: the one namespace allowed, or any

	pattern         *pattern
	enums           []string
	minLen, maxLen  int   // in characters; 0: no bound
	total, fraction uint8 // decimal digits
	notNegative     bool
	ccy             *typ // the type of the required attribute Ccy
}

// elem is one element a type may hold, and how often.
type elem struct {
	name string
	typ  *typ
	min  uint8
	max  uint16
}

// schema is one message definition: its identifier, its root element and that element's type.
type schema struct {
	id   string
	root string
	typ  *typ
}

// lookup returns the definition for an identifier, "pacs.008.001.08".
func lookup(id string) (schema, bool) {
	for _, list := range [...][]schema{generatedSchemas, writtenSchemas} {
		for _, s := range list {
			if s.id == id {
				return s, true
			}
		}
	}
	return schema{}, false
}

// knownName tells whether some version of a message, "pacs.008", is in the table.
func knownName(name string) bool {
	for _, list := range [...][]schema{generatedSchemas, writtenSchemas} {
		for _, s := range list {
			if n, _, _ := versionOf(s.id); n == name {
				return true
			}
		}
	}
	return false
}

// versionOf splits an identifier into the message's name and its version: "pacs.008" and "001.08".
func versionOf(id string) (name, version string, ok bool) {
	part := strings.Split(id, ".")
	if len(part) != 4 || len(part[0]) != 4 || len(part[1]) != 3 || len(part[2]) != 3 || len(part[3]) != 2 {
		return "", "", false
	}
	return part[0] + "." + part[1], part[2] + "." + part[3], true
}

// find returns the place of an element in the type, looking from `from` on first because elements
// mostly come in order; -1 if the type has none of that name.
func (t *typ) find(name string, from int) int {
	for i := from; i < len(t.els); i++ {
		if t.els[i].name == name {
			return i
		}
	}
	for i := 0; i < from && i < len(t.els); i++ {
		if t.els[i].name == name {
			return i
		}
	}
	return -1
}

// pattern is a schema pattern as runs of character classes that can be taken greedily. runs[tail:]
// may be absent as a whole.
type pattern struct {
	text string
	runs []run
	tail int
}

// run is a class of ASCII characters, one bit each, repeated min to max times.
type run struct {
	set      [2]uint64
	min, max uint8
}

func (p *pattern) match(s string) bool {
	i := 0
	for k, r := range p.runs {
		if k == p.tail && i == len(s) {
			return true
		}
		n := uint8(0)
		for ; n < r.max && i < len(s) && s[i] < 0x80 && r.set[s[i]/64]>>(s[i]%64)&1 == 1; n++ {
			i++
		}
		if n < r.min {
			return false
		}
	}
	return i == len(s)
}
