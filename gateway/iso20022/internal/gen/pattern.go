package main

import (
	"fmt"
	"strconv"
	"strings"
)

// run is one character class repeated min to max times; set has a bit for each ASCII character.
type run struct {
	set      [2]uint64
	min, max int
}

// compilePattern turns a schema pattern into runs that a matcher can take greedily, without going
// back. What ISO 20022 uses fits: classes and characters, each repeated, and at the end perhaps one
// optional group, which starts at runs[tail]. Anything else is an error.
func compilePattern(text string) (runs []run, tail int, err error) {
	p := &patternReader{rest: text}
	tail = -1
	for p.rest != "" && p.err == nil {
		if strings.HasPrefix(p.rest, "(") {
			tail = len(runs)
			p.rest = p.rest[1:]
			for p.err == nil && p.rest != "" && p.rest[0] != ')' {
				runs = append(runs, p.run())
			}
			if p.rest != "){0,1}" {
				return nil, 0, fmt.Errorf("pattern %q: group that is not an optional end", text)
			}
			p.rest = ""
			continue
		}
		runs = append(runs, p.run())
	}
	if p.err != nil {
		return nil, 0, fmt.Errorf("pattern %q: %w", text, p.err)
	}
	for i := 0; i+1 < len(runs); i++ {
		a, b := runs[i], runs[i+1]
		if a.min != a.max && (a.set[0]&b.set[0] != 0 || a.set[1]&b.set[1] != 0) {
			return nil, 0, fmt.Errorf("pattern %q: run %d could eat what the next needs", text, i)
		}
	}
	if tail < 0 {
		tail = len(runs)
	}
	return runs, tail, nil
}

type patternReader struct {
	rest string
	err  error
}

func (p *patternReader) run() run {
	r := run{min: 1, max: 1}
	if p.rest[0] == '[' {
		end := strings.Index(strings.ReplaceAll(p.rest, `\]`, "??"), "]")
		if end < 0 {
			p.err = fmt.Errorf("class without an end")
			return r
		}
		p.class(&r, p.rest[1:end])
		p.rest = p.rest[end+1:]
	} else {
		c, n := p.char(p.rest, `\.?*|^$+()[]{}`)
		r.add(c, c)
		p.rest = p.rest[n:]
	}
	if strings.HasPrefix(p.rest, "{") {
		inside, rest, ok := strings.Cut(p.rest[1:], "}")
		lo, hi, ranged := strings.Cut(inside, ",")
		if !ranged {
			hi = lo
		}
		var e1, e2 error
		r.min, e1 = strconv.Atoi(lo)
		r.max, e2 = strconv.Atoi(hi)
		if !ok || e1 != nil || e2 != nil || r.max > 255 {
			p.err = fmt.Errorf("quantifier {%s}", inside)
		}
		p.rest = rest
	}
	return r
}

func (p *patternReader) class(r *run, body string) {
	for body != "" && p.err == nil {
		lo, n := p.char(body, inClass)
		body = body[n:]
		hi := lo
		if len(body) >= 2 && body[0] == '-' {
			hi, n = p.char(body[1:], inClass)
			body = body[1+n:]
		}
		r.add(lo, hi)
	}
}

// inClass lists what has a meaning of its own inside brackets.
const inClass = `\[]^-`

// char reads one literal character, escaped or not, and how many bytes it took; an unescaped one
// from special is an error.
func (p *patternReader) char(s, special string) (byte, int) {
	if s[0] == '\\' && len(s) > 1 && strings.IndexByte(`+-.?*\()[]{}|`, s[1]) >= 0 {
		return s[1], 2
	}
	if s[0] >= 0x80 || strings.IndexByte(special, s[0]) >= 0 {
		p.err = fmt.Errorf("unsupported character %q", s[0])
	}
	return s[0], 1
}

func (r *run) add(lo, hi byte) {
	for c := lo; c <= hi; c++ {
		r.set[c/64] |= 1 << (c % 64)
	}
}
