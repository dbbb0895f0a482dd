package iso20022

import (
	"fmt"
	"strings"
)

// mutateByTable makes a fault that only someone who knows the table would think of: at the edge of a
// facet, of a choice, of an order or of an occurrence.
func (g *specimen) mutateByTable(all []*part, space string) {
	var leaves, sequences, choices []*part
	for _, p := range all {
		switch {
		case p.typ == nil:
		case p.typ.kind > kindWildcard:
			leaves = append(leaves, p)
		case p.typ.kind == kindChoice:
			choices = append(choices, p)
		case p.typ.kind == kindSequence:
			sequences = append(sequences, p)
		}
	}
	p := all[g.IntN(len(all))]
	switch g.IntN(13) {
	case 0, 1, 2: // another text
		if leaf := one(g, leaves); leaf != nil {
			leaf.text = g.edge(leaf.typ)
		}
	case 3: // the same text, written in another way
		if leaf := one(g, leaves); leaf != nil && leaf.text != "" && !strings.ContainsAny(leaf.text, "&<") {
			leaf.text = g.rewrite(leaf.text)
		}
	case 4: // both of a choice, or none
		c := one(g, choices)
		if c == nil || len(c.kids) == 0 || g.IntN(4) == 0 {
			if c != nil {
				c.kids = nil
			}
			return
		}
		el := c.typ.els[g.IntN(len(c.typ.els))]
		more := g.element(el.name, el.typ, 9)
		if g.IntN(2) == 0 {
			c.kids = append(c.kids, more)
		} else {
			c.kids = append([]*part{more}, c.kids...)
		}
	case 5: // one of the right elements in some place
		if s := one(g, sequences); s != nil && len(s.typ.els) > 0 {
			el := s.typ.els[g.IntN(len(s.typ.els))]
			at := g.IntN(len(s.kids) + 1)
			s.kids = append(s.kids[:at:at], append([]*part{g.element(el.name, el.typ, 9)}, s.kids[at:]...)...)
		}
	case 6: // once more than allowed, or just as often
		for range 20 {
			s := one(g, sequences)
			if s == nil || len(s.kids) == 0 {
				return
			}
			k := g.IntN(len(s.kids))
			at := s.typ.find(s.kids[k].name, 0)
			if at < 0 || s.typ.els[at].max >= many {
				continue
			}
			for range int(s.typ.els[at].max) - g.IntN(2) {
				s.kids = append(s.kids[:k:k], append([]*part{s.kids[k]}, s.kids[k:]...)...)
			}
			return
		}
	case 7: // neighbours change places
		if s := one(g, sequences); s != nil && len(s.kids) > 1 {
			k := g.IntN(len(s.kids) - 1)
			s.kids[k], s.kids[k+1] = s.kids[k+1], s.kids[k]
		}
	case 8: // an element inside itself
		p.kids = []*part{{name: p.name, attrs: p.attrs, text: p.text, kids: p.kids, typ: p.typ}}
		p.text = ""
	case 9: // the same name by a prefix, which is the same element; or in another namespace
		ns := g.pick(space, space, space+"x", strings.Replace(space, ".08", ".09", 1), "")
		p.attrs += fmt.Sprintf(` xmlns:n="%s"`, ns)
		p.name = "n:" + p.name
	case 10: // attributes that are not the schema's
		p.attrs += g.pick(` xsi:nil="true"`, ` xsi:nil="false"`, ` xmlns:xsi="`+xsiSpace+`" xsi:nil="true"`, ` xmlns:xsi="`+xsiSpace+`" xsi:nil="0"`,
			` xmlns:xsi="`+xsiSpace+`" xsi:type="Max35Text"`, ` xmlns:xsi="`+xsiSpace+`" xsi:noNamespaceSchemaLocation="a"`, ` xml:space="preserve"`, ` xml:base="a"`, ` xml:id="a"`, ` id="1"`,
			` xmlns:xsi="`+xsiSpace+`" xsi:schemaLocation="one"`, ` xmlns:xsi="`+xsiSpace+`" xsi:foo="1"`)
	case 11: // the currency of an amount
		for range 20 {
			a := one(g, leaves)
			if a == nil || a.typ.ccy == nil {
				continue
			}
			a.attrs = g.pick(` Ccy="EU"`, ` Ccy="EURO"`, ` Ccy=" EUR"`, ` Ccy="EUR "`, ` Ccy="eUR"`, ` Ccy="&#69;UR"`, ` Ccy="EUR&#10;"`, ` ccy="EUR"`, ` Ccy="EUR" Ccy="EUR"`,
				` Ccy='EUR'`, " Ccy\n=\n\"EUR\"", ` Ccy=""`, ` Ccy="E&amp;R"`, ` Ccy="EUR" ccy="EUR"`, ` xmlns:n="`+space+`" n:Ccy="EUR"`, ` Ccy="ÉUR"`)
			return
		}
	case 12: // text where only elements are
		if s := one(g, append(sequences, choices...)); s != nil {
			s.text = g.pick("0", "&#65;", "&#9;", "&#32;", "<![CDATA[]]>", "<![CDATA[x]]>", "<!-- x --> \r\n <?x?>", ".", "&#xA0;", "\u200b")
		}
	}
}

// one picks a part; nil when there is none.
func one(g *specimen, from []*part) *part {
	if len(from) == 0 {
		return nil
	}
	return from[g.IntN(len(from))]
}

// rewrite writes text so that it says the same, or nearly.
func (g *specimen) rewrite(s string) string {
	at := g.IntN(len(s))
	for at > 0 && s[at]&0xC0 == 0x80 {
		at--
	}
	switch g.IntN(8) {
	case 0:
		return "<![CDATA[" + s + "]]>"
	case 1:
		return s[:at] + "<!-- " + s[at:] + " -->" + s[at:]
	case 2:
		return s[:at] + "<?p " + s + "?>" + s[at:]
	case 3:
		return s[:at] + "<![CDATA[]]>" + s[at:]
	case 4:
		if s[at] < 0x80 {
			return fmt.Sprintf("%s&#%d;%s", s[:at], s[at], s[at+1:])
		}
	case 5:
		return g.pick(" ", "\n", "\t", "&#13;", "\r\n") + s
	case 6:
		return s + g.pick(" ", "\n", "\t", "&#13;", "\r\n")
	}
	return s[:at] + g.pick(" ", "\n", "&#32;", "&#xA0;") + s[at:]
}

// edge is a text at the edge of a type's facets, on either side of it.
func (g *specimen) edge(t *typ) string {
	switch t.kind {
	case kindDecimal:
		return g.pick("", "-") + g.edgeDecimal(t)
	case kindBoolean:
		return g.pick("true", "TRUE", "True", " 1", "0 ", "2", "yes", "\ttrue\n", "", "t", "01", "+1", "&#49;")
	case kindDate:
		return g.day() + g.pick("", "", g.zoneText(), "T00:00:00", " ", "x")
	case kindTime:
		return g.clockText() + g.pick("", "", g.zoneText(), " ")
	case kindDateTime:
		return g.day() + g.pick("T", "T", "T", "T", "t", " ", "") + g.clockText() + g.pick("", "", g.zoneText(), g.zoneText(), " ")
	case kindYearMonth:
		return g.pick("2026-01", "2026-12", "2026-13", "2026-00", "2026-1", "0000-01", "-0001-12", "10000-01", "2026-01-01", "26-01") + g.pick("", g.zoneText())
	}
	if t.enums != nil {
		e := g.pick(t.enums...)
		return g.pick(e, e+" ", " "+e, strings.ToLower(e), e+"X", e[:len(e)-1], "\n"+e, "")
	}
	if t.pattern != nil {
		s := g.matching(t.pattern)
		at := 0
		if s != "" {
			at = g.IntN(len(s))
		}
		switch g.IntN(6) {
		case 0:
			return xmlText(s[:at] + s[min(at+1, len(s)):])
		case 1:
			return xmlText(s[:at] + g.pick("a", "A", "0", "-", "é", " ", "+", ".") + s[at:])
		case 2:
			return xmlText(strings.ToLower(s))
		case 3:
			return xmlText(s) + g.pick("\n", " ", "0", "A")
		case 4:
			return xmlText(s[:at] + g.pick("a", "Z", "9", "_", "\u0661") + s[min(at+1, len(s)):])
		}
		return xmlText(s)
	}
	unit := g.pick("x", "é", "漢", "&amp;", "&#x1F600;", " ", "\U0001F600", "\r\n", "e\u0301")
	n := t.maxLen
	if n == 0 {
		n = 40
	}
	return strings.Repeat(unit, max(0, g.IntN(3)-1+[]int{n, t.minLen, n}[g.IntN(3)]))
}

func xmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;").Replace(s)
}

func (g *specimen) edgeDecimal(t *typ) string {
	nines := func(n int) string { return strings.Repeat("9", max(n, 0)) }
	total, fraction := int(t.total), int(t.fraction)
	return g.pick("0", "00", "0.0", ".0", "0.", ".", "", "100", "100.", ".5", "+1", "++1", "1,5", "1 000", "1e2", "0x1", "1_0", "١",
		nines(total), nines(total+1), nines(total-fraction)+"."+nines(fraction), nines(total-fraction+1)+"."+nines(fraction), "0."+nines(fraction), "0."+nines(fraction+1),
		"0."+nines(fraction)+"0", "000"+nines(total), nines(total)+".000", "1."+strings.Repeat("0", fraction+3), " 1", "1\n", "1.2.3", "INF", "NaN", "1-", "&#49;")
}

func (g *specimen) day() string {
	return g.pick("2026-02-28", "2026-02-29", "2024-02-29", "1900-02-29", "2000-02-29", "2026-02-30", "2026-04-31", "2026-12-31", "2026-12-32", "2026-00-10", "2026-13-10", "2026-01-00",
		"0000-01-01", "0001-01-01", "-0001-01-01", "-0000-01-01", "-0004-02-29", "-2026-03-13", "10000-01-01", "010000-01-01", "123456789-01-01", "99999999999999999999-01-01", "026-01-01", "+2026-01-01", "2026-1-01",
		"2026-01-1", "2026/01/01", "20260101", "2026-01-01", " 2026-01-01", "")
}

func (g *specimen) clockText() string {
	return g.pick("00:00:00", "23:59:59", "24:00:00", "24:00:00.000", "24:00:00.001", "24:00:01", "25:00:00", "10:60:00", "10:00:60", "10:00:59.999999999999", "10:00:59.", "10:00", "1:00:00",
		"10:0:00", "10:00:0", "10:00:00,5", "-10:00:00", "10.00.00", "100000", " 10:00:00", "10:00:00.1", "")
}

func (g *specimen) zoneText() string {
	return g.pick("Z", "z", "+00:00", "-00:00", "+14:00", "-14:00", "+14:01", "+15:00", "+13:59", "+13:60", "+1:00", "+0100", "+01", "UTC", "Z ", " Z", "+01:00\n", "ZZ", "+24:00")
}
