package iso20022

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// specimen makes random valid messages from the table and random faults in them.
type specimen struct {
	*rand.Rand
	left int // elements still to spend on optional content
}

// part is an element of a document that can be taken apart and written again.
type part struct {
	name  string
	attrs string
	text  string // raw
	kids  []*part
	typ   *typ // what the table says it is; nil for what it does not know
}

// message returns a random valid document of s, the way its root stands alone.
func (g *specimen) message(s schema) *part {
	g.left = 20 + g.IntN(120)
	root := g.element(s.root, s.typ, 0)
	root.attrs = fmt.Sprintf(` xmlns="%s%s"`, spacePrefix, s.id)
	return root
}

func (g *specimen) element(name string, t *typ, depth int) *part {
	g.left--
	p := &part{name: name, typ: t}
	if t.ccy != nil {
		p.attrs = fmt.Sprintf(` Ccy="%s"`, g.text(t.ccy))
	}
	switch t.kind {
	case kindSequence:
		for _, el := range t.els {
			for n := g.times(el, depth); n > 0; n-- {
				p.kids = append(p.kids, g.element(el.name, el.typ, depth+1))
			}
		}
	case kindChoice:
		el := t.els[g.IntN(len(t.els))]
		p.kids = append(p.kids, g.element(el.name, el.typ, depth+1))
	case kindWildcard:
		space := t.space
		if space == "" {
			space = g.pick("urn:example:any", "")
		}
		p.kids = append(p.kids, &part{name: "Any", attrs: fmt.Sprintf(` xmlns="%s" kept="yes"`, space), kids: []*part{{name: "x", text: "1 &lt; 2"}}})
	default:
		p.text = g.text(t)
	}
	return p
}

func (g *specimen) times(el elem, depth int) int {
	n := int(el.min)
	if g.left > 0 && g.IntN(2+depth) == 0 {
		n = 1
		if el.max > 1 {
			n = min(1+g.IntN(3), int(el.max))
		}
	}
	return n
}

func (g *specimen) pick(from ...string) string { return from[g.IntN(len(from))] }

func (g *specimen) text(t *typ) string {
	switch t.kind {
	case kindDecimal:
		for {
			s := g.pick("0", "1", "12.5", "0.00001", "100000.00", "-1.5", "0.0123456789", fmt.Sprint(g.IntN(1000)))
			if rule, _ := t.check(s); rule == "" {
				return s
			}
		}
	case kindBoolean:
		return g.pick("true", "false", "1", "0")
	case kindDate:
		return g.pick("2026-03-13", "2024-02-29", "1999-12-31Z", "2026-03-13+01:00")
	case kindDateTime:
		return g.pick("2026-03-13T10:00:00", "2026-03-13T10:00:00Z", "2026-03-13T24:00:00", "2026-03-13T10:00:00.123-14:00")
	case kindTime:
		return g.pick("10:00:00", "23:59:59.999Z", "00:00:00+01:00")
	case kindYearMonth:
		return g.pick("2026-03", "2026-12Z")
	}
	if t.enums != nil {
		return g.pick(t.enums...)
	}
	if t.pattern != nil {
		return g.matching(t.pattern)
	}
	n := 1 + g.IntN(8)
	if g.IntN(6) == 0 && t.maxLen > 0 {
		n = t.maxLen
	}
	n = max(n, t.minLen)
	if t.maxLen > 0 {
		n = min(n, t.maxLen)
	}
	var b strings.Builder
	for range n {
		b.WriteString(g.pick("a", "B", "7", "/", " ", "é", "&amp;", "&#x1F600;", "-", "x", "漢"))
	}
	return b.String()
}

func (g *specimen) matching(p *pattern) string {
	runs := p.runs
	if p.tail < len(runs) && g.IntN(2) == 0 {
		runs = runs[:p.tail]
	}
	var b strings.Builder
	for _, r := range runs {
		n := int(r.min) + g.IntN(int(r.max-r.min)+1)
		for n > 0 {
			if c := byte(g.IntN(128)); r.set[c/64]>>(c%64)&1 == 1 {
				b.WriteByte(c)
				n--
			}
		}
	}
	return b.String()
}

// odd are values that lie at the edges of what XML Schema's types allow.
var odd = []string{
	"", " ", "\t\n", "0", "-0", "-1", "+1", "1.", ".5", ".", "1e3", "00012.50000", "1.123456", "12345678901234567890",
	"123456789012345678", "0.0000000001", "1.00000000000000000000", "INF", "NaN", "TRUE", "true ", "01", "2026-02-29", "2026-13-01",
	"2026-3-1", "02026-03-13", "12026-03-13", "0000-01-01", "-2026-03-13", "2026-03-13T24:00:01", "2026-03-13T10:00:60",
	"2026-03-13T10:00:00.", "2026-03-13T10:00:00+14:01", "2026-03-13T10:00:00+14:00", " 2026-03-13", "2026-03-13Z ", "24:00:00", "9:00:00",
	"2026-00", "usd", "US", "USDX", "USD\n", "&#65;BC", "<![CDATA[A]]>", "a<!-- b -->c", "a<?b c?>d", "漢字", "&amp;", "]]", "\u0085",
	strings.Repeat("é", 35), strings.Repeat("x", 141), strings.Repeat("&#x1F600;", 140), strings.Repeat("9", 30), "ABCDGB2L", "ABCDGB2LXX", "abcdgb2l",
}

// mutate makes one fault, or what may turn out to be none, somewhere in the document.
func (g *specimen) mutate(root *part) {
	var all, parents []*part
	var walk func(p *part)
	walk = func(p *part) {
		all = append(all, p)
		if len(p.kids) > 0 {
			parents = append(parents, p)
		}
		for _, k := range p.kids {
			walk(k)
		}
	}
	walk(root)
	p := all[g.IntN(len(all))]
	up := root
	if len(parents) > 0 {
		up = parents[g.IntN(len(parents))]
	}
	k := 0
	if len(up.kids) > 0 {
		k = g.IntN(len(up.kids))
	}
	if g.IntN(2) == 0 {
		g.mutateByTable(all, root.space())
		return
	}
	switch g.IntN(16) {
	case 0: // lose an element
		if len(up.kids) > 0 {
			up.kids = append(up.kids[:k:k], up.kids[k+1:]...)
		}
	case 1: // repeat one, next to itself or at the end
		if len(up.kids) > 0 {
			up.kids = append(up.kids[:k+1:k+1], up.kids[k:]...)
		}
	case 2:
		if len(up.kids) > 0 {
			up.kids = append(up.kids, up.kids[k])
		}
	case 3: // swap two
		if j := g.IntN(max(len(up.kids), 1)); len(up.kids) > 0 {
			up.kids[j], up.kids[k] = up.kids[k], up.kids[j]
		}
	case 4:
		p.name = g.pick(all[g.IntN(len(all))].name, "Foo", strings.ToLower(p.name), p.name+"x")
	case 5: // a subtree where it does not belong, kept small by moving leaves and small parents
		if q := all[g.IntN(len(all))]; len(q.kids) < 4 && q != root && q != up && !q.holds(up) {
			up.kids = append(up.kids[:k:k], append([]*part{q}, up.kids[k:]...)...)
		}
	case 6, 7, 8, 9: // other text
		leaf := p
		for len(leaf.kids) > 0 {
			leaf = leaf.kids[g.IntN(len(leaf.kids))]
		}
		switch g.IntN(4) {
		case 0:
			leaf.text = all[g.IntN(len(all))].text
		case 1:
			leaf.text += g.pick("x", " ", "0", "é", ".", "Z", "\n")
		default:
			leaf.text = odd[g.IntN(len(odd))]
		}
	case 10:
		p.text += g.pick("x", " ", "\n\t", "&#x20;", "<![CDATA[ ]]>", "<!-- c -->", "<?p i?>", "\u00a0")
	case 11:
		p.attrs = ""
	case 12:
		p.attrs += g.pick(` Ccy="EUR"`, ` a="1"`, ` xml:lang="en"`, ` xmlns:q="urn:q"`, ` xmlns=""`, ` xmlns="urn:q"`, ` Ccy="eur"`, ` xmlns:xsi="`+xsiSpace+`" xsi:schemaLocation="a b"`)
	case 13:
		p.kids, p.text = nil, ""
	case 14:
		p.kids = append(p.kids, &part{name: "Foo", text: "x"})
	case 15:
		p.attrs = strings.NewReplacer("USD", "usd", `="`, `=" `, "A", "a").Replace(p.attrs)
	}
}

// space is the namespace that a root made from the table declares.
func (p *part) space() string {
	_, rest, _ := strings.Cut(p.attrs, `xmlns="`)
	space, _, _ := strings.Cut(rest, `"`)
	return space
}

func (p *part) holds(q *part) bool {
	if p == q {
		return true
	}
	for _, k := range p.kids {
		if k.holds(q) {
			return true
		}
	}
	return false
}

func (p *part) write(b *strings.Builder) {
	fmt.Fprintf(b, "<%s%s>%s", p.name, p.attrs, p.text)
	for _, k := range p.kids {
		k.write(b)
	}
	fmt.Fprintf(b, "</%s>\n", p.name)
}

func (p *part) String() string {
	var b strings.Builder
	p.write(&b)
	return b.String()
}

// scratch changes a document as bytes, below what its elements are.
func (g *specimen) scratch(doc string) string {
	if doc == "" {
		return doc
	}
	i := g.IntN(len(doc))
	j := min(i+1+g.IntN(8), len(doc))
	switch g.IntN(5) {
	case 0:
		return doc[:i] + doc[j:]
	case 1:
		return doc[:i] + g.pick("<", ">", "&", "/", "\"", "'", ":", "=", " ", "\x00", "\x1f", "\xff", "é", "<!--", "-->", "]]>", "&#0;", "&lt;", "?>", "\uFFFE") + doc[i:]
	case 2:
		return doc[:i] + doc[i:j] + doc[i:]
	case 3:
		return doc[:i]
	}
	return doc[:i] + string(rune(32+g.IntN(95))) + doc[i+1:]
}
