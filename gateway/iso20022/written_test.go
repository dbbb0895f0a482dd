package iso20022

import (
	"fmt"
	"slices"
	"testing"
)

// What is kept by hand writes nothing again that the generated table has, in whole or in part: of two
// types that agree in every facet and element there is one. Rules tell types by their identity.
func TestNoTypeStandsTwice(t *testing.T) {
	first := map[string]*typ{} // by content, in which a type stands as the first of its content
	known := map[*typ]*typ{}
	var same func(t *typ) *typ
	same = func(p *typ) *typ {
		if p == nil || known[p] != nil {
			return known[p]
		}
		content := fmt.Sprintf("%s %d %q %q %d %d %d %d %v %p", p.name, p.kind, p.space, p.enums, p.minLen, p.maxLen, p.total, p.fraction, p.notNegative, same(p.ccy))
		if p.pattern != nil {
			content += p.pattern.text
		}
		for _, el := range p.els {
			content += fmt.Sprintf(" %s %d %d %p", el.name, el.min, el.max, same(el.typ))
		}
		if first[content] == nil {
			first[content] = p
		} else {
			t.Errorf("%s stands in the table twice", p.name)
		}
		known[p] = first[content]
		return known[p]
	}
	for _, s := range slices.Concat(generatedSchemas, writtenSchemas) {
		same(s.typ)
	}
	if len(known) < 400 {
		t.Errorf("only %d types were looked at", len(known))
	}
}

// A version is read by its own table where it has one, by one other's that there is, or not at all.
func TestEditionsHaveOneTable(t *testing.T) {
	covered := map[string]bool{}
	for _, e := range editions {
		if _, ok := lookup(e.by); !ok {
			t.Errorf("%s is read by %s, which has no table", e.message, e.by)
		}
		for n := e.first; n <= e.last; n++ {
			id := fmt.Sprintf("%s.%02d", e.message, n)
			if _, own := lookup(id); own || covered[id] {
				t.Errorf("%s is read by %s, and has another table", id, e.by)
			}
			if got := editionOf(id); got == nil || got.by != e.by {
				t.Errorf("editionOf(%s) = %v", id, got)
			}
			covered[id] = true
		}
	}
}
