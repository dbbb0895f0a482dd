package iso20022

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// check returns the rule that text breaks as a value of t, and why; "" when it is valid.
func (t *typ) check(s string) (rule, why string) {
	switch t.kind {
	case kindDecimal:
		return t.checkDecimal(trimSpace(s))
	case kindBoolean:
		switch trimSpace(s) {
		case "true", "false", "1", "0":
			return "", ""
		}
		return "facet_format", "must be true, false, 1 or 0"
	case kindDate, kindDateTime, kindTime, kindYearMonth:
		if !validTime(t.kind, s) {
			return "facet_date", "is not a valid " + map[kind]string{
				kindDate: "date", kindDateTime: "date and time", kindTime: "time", kindYearMonth: "year and month",
			}[t.kind]
		}
		return "", ""
	}
	return t.checkText(s)
}

func (t *typ) checkText(s string) (rule, why string) {
	if t.pattern != nil && !t.pattern.match(s) {
		return "facet_pattern", "must match " + t.pattern.text
	}
	if t.enums != nil {
		for _, e := range t.enums {
			if e == s {
				return "", ""
			}
		}
		list := t.enums
		if len(list) > 12 {
			return "facet_enumeration", fmt.Sprintf("must be one of %s and %d more", strings.Join(list[:12], ", "), len(list)-12)
		}
		return "facet_enumeration", "must be one of " + strings.Join(list, ", ")
	}
	n := len(s)
	if n > t.maxLen || t.minLen > 1 {
		n = utf8.RuneCountInString(s)
	}
	switch {
	case n < t.minLen:
		return "facet_length", fmt.Sprintf("has %d characters, at least %d are needed", n, t.minLen)
	case t.maxLen > 0 && n > t.maxLen:
		return "facet_length", fmt.Sprintf("has %d characters, at most %d are allowed", n, t.maxLen)
	}
	return "", ""
}

// maxDecimalDigits bounds a decimal's text. The widest type has 18 digits; zeros beyond this many
// change no value and have no honest use.
const maxDecimalDigits = 24

func (t *typ) checkDecimal(s string) (rule, why string) {
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	whole, frac, _ := strings.Cut(s, ".")
	if !allDigits(whole) || !allDigits(frac) || whole == "" && frac == "" {
		return "facet_format", "is not a decimal number"
	}
	whole = strings.TrimLeft(whole, "0")
	if len(whole)+len(frac) > maxDecimalDigits {
		return "facet_digits", "has too many digits"
	}
	frac = strings.TrimRight(frac, "0")
	switch {
	case t.total > 0 && len(whole)+len(frac) > int(t.total):
		return "facet_digits", fmt.Sprintf("has more than %d digits", t.total)
	case t.total > 0 && len(frac) > int(t.fraction):
		return "facet_digits", fmt.Sprintf("has more than %d decimals", t.fraction)
	case t.notNegative && negative && (whole != "" || frac != ""):
		return "facet_minimum", "must not be negative"
	}
	return "", ""
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func trimSpace(s string) string {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// validTime reads the lexical forms of XML Schema: a year of four digits or more that is not 0, 24:00:00
// as the end of a day, no leap second, a time zone of at most 14 hours. White space is refused around
// them but for two places where xmllint, the schemas' common reader, lets it pass: before a time, and
// after a date and time that ends in its zone.
func validTime(k kind, s string) bool {
	r := timeReader{s: s}
	switch k {
	case kindTime:
		for r.s != "" && isSpace(r.s[0]) {
			r.s = r.s[1:]
		}
		return r.clock() && r.zone()
	case kindYearMonth:
		return r.year() && r.lit('-') && r.month() && r.zone()
	case kindDate:
		return r.date() && r.zone()
	}
	if end := len(s); end > 0 && isSpace(s[end-1]) {
		r.s = trimSpace(s)
		if isSpace(s[0]) || !r.date() || !r.lit('T') || !r.clock() || r.s == "" {
			return false
		}
		return r.zone()
	}
	return r.date() && r.lit('T') && r.clock() && r.zone()
}

type timeReader struct {
	s    string
	y, m int // the year modulo 400, which decides leap years; the month
}

func (r *timeReader) lit(c byte) bool {
	if r.s == "" || r.s[0] != c {
		return false
	}
	r.s = r.s[1:]
	return true
}

func (r *timeReader) two(lo, hi int) (int, bool) {
	if len(r.s) < 2 || !allDigits(r.s[:2]) {
		return 0, false
	}
	v := int(r.s[0]-'0')*10 + int(r.s[1]-'0')
	r.s = r.s[2:]
	return v, v >= lo && v <= hi
}

func (r *timeReader) year() bool {
	r.lit('-')
	n := 0
	for n < len(r.s) && r.s[n] >= '0' && r.s[n] <= '9' {
		r.y = (r.y*10 + int(r.s[n]-'0')) % 400
		n++
	}
	digits := r.s[:n]
	r.s = r.s[n:]
	return n >= 4 && n <= 18 && (n == 4 || digits[0] != '0') && digits != "0000"
}

func (r *timeReader) month() (ok bool) {
	r.m, ok = r.two(1, 12)
	return ok
}

func (r *timeReader) date() bool {
	if !r.year() || !r.lit('-') || !r.month() || !r.lit('-') {
		return false
	}
	day, ok := r.two(1, 31)
	switch {
	case !ok:
		return false
	case r.m == 2 && (r.y%4 != 0 || r.y%100 == 0 && r.y != 0):
		return day <= 28
	case r.m == 2:
		return day <= 29
	case r.m == 4 || r.m == 6 || r.m == 9 || r.m == 11:
		return day <= 30
	}
	return true
}

func (r *timeReader) clock() bool {
	h, okH := r.two(0, 24)
	if !okH || !r.lit(':') {
		return false
	}
	m, okM := r.two(0, 59)
	if !okM || !r.lit(':') {
		return false
	}
	s, okS := r.two(0, 59)
	if !okS {
		return false
	}
	frac := ""
	if r.lit('.') {
		n := 0
		for n < len(r.s) && r.s[n] >= '0' && r.s[n] <= '9' {
			n++
		}
		if n == 0 {
			return false
		}
		frac, r.s = r.s[:n], r.s[n:]
	}
	return h < 24 || m == 0 && s == 0 && strings.Trim(frac, "0") == ""
}

func (r *timeReader) zone() bool {
	if r.s == "" || r.s == "Z" {
		return true
	}
	if !r.lit('+') && !r.lit('-') {
		return false
	}
	h, okH := r.two(0, 14)
	if !okH || !r.lit(':') {
		return false
	}
	m, okM := r.two(0, 59)
	return okM && r.s == "" && (h < 14 || m == 0)
}
