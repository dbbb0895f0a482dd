package iso20022

import (
	"fmt"
	"sort"
	"strings"
	"unicode"
)

// Finding is one fault in a message. Rule is a stable slug, Path says which element, Line where in
// the document, and Reason is the ISO 20022 external status reason code, where one fits.
type Finding struct {
	Rule    string `json:"rule"`
	Path    string `json:"path"`
	Line    int    `json:"line"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message"`

	offset int
}

// String returns the finding as one line: rule, path, line, reason, message. What the document wrote
// cannot break the line or drive a terminal.
func (f Finding) String() string {
	path := f.Path
	if path == "" {
		path = "/"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, fmt.Sprintf("%s %s line %d [%s]: %s", f.Rule, path, f.Line, f.Reason, f.Message))
}

// maxFindings bounds what one document can make us say; parsing stops there. A message with a
// thousand faults is not worth a thousand and one.
const maxFindings = 1000

// schemaReasons gives the ISO reason for each rule that comes from the schema or from XML itself.
// The rules of the profiles carry their own.
var schemaReasons = map[string]string{
	"not_well_formed":     "FF01",
	"not_utf8":            "FF01",
	"too_large":           "FF01",
	"too_deep":            "FF01",
	"dtd_refused":         "FF01",
	"too_many_findings":   "FF01",
	"missing_document":    "FF01",
	"duplicate_document":  "FF01",
	"duplicate_header":    "FF01",
	"header_position":     "FF01",
	"unknown_namespace":   "FF01",
	"unsupported_message": "FF01",
	"unsupported_version": "FF01",
	"unknown_element":     "CH17",
	"unknown_attribute":   "CH17",
	"text_not_allowed":    "CH17",
	"wrong_order":         "FF01",
	"duplicate_element":   "CH17",
	"too_many_elements":   "CH17",
	"missing_element":     "CH21",
	"missing_attribute":   "CH21",
	"choice_both":         "CH17",
	"choice_none":         "CH21",
	"facet_pattern":       "CH16",
	"facet_length":        "CH16",
	"facet_enumeration":   "CH16",
	"facet_format":        "CH16",
	"facet_digits":        "CH16",
	"facet_minimum":       "AM12",
	"facet_date":          "DT01",
}

// Unreadable reports whether a finding says that no message could be made out at all, so that the
// only answer is a rejection (admi.002), not a status of a payment.
func Unreadable(findings []Finding) bool {
	for _, f := range findings {
		switch f.Rule {
		case "not_well_formed", "not_utf8", "too_large", "too_deep", "dtd_refused", "missing_document":
			return true
		case "unknown_namespace", "unsupported_message", "unsupported_version":
			if f.Path == "/Document" { // a header that is not understood still leaves a message
				return true
			}
		}
	}
	return false
}

// place sorts findings as they stand in the document and gives each its line.
func place(src string, findings []Finding) {
	sort.SliceStable(findings, func(i, j int) bool { return findings[i].offset < findings[j].offset })
	line, at := 1, 0
	for i := range findings {
		to := min(findings[i].offset, len(src))
		line += strings.Count(src[at:to], "\n")
		at = to
		findings[i].Line = line
	}
}
