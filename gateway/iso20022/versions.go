package iso20022

import (
	"fmt"
	"strconv"
	"strings"
)

// edition is a run of versions of one message that have no table of their own. They are read by the
// table nearest to them. A message of such a version that fits the table means what the table's own
// version would mean, since names do not change their meaning; one that does not fit is refused as
// unsupported_version, and the findings say where it differs.
type edition struct {
	message     string // "pacs.008.001"
	first, last int
	by          string // whose table reads it
	renamed     string // "BIC=BICFI": what the table calls by another name
	lifted      string // "Sts=Cd": what stands directly in an element that the table made a choice
}

// What all messages of the first generation (2009) share.
const (
	oldNames = "BIC=BICFI BICOrBEI=AnyBIC"
	oldRef   = "ReqdExctnDt=Dt Dbtr=Pty Cdtr=Pty UltmtDbtr=Pty UltmtCdtr=Pty"
)

// editions lists every version that is read without a table of its own. The oldest come first, since
// the first that fits a version is taken.
var editions = []edition{
	{"head.001.001", 3, 4, "head.001.001.02", "", ""},

	{"pacs.008.001", 2, 2, "pacs.008.001.08", oldNames + " Pty=Agt", ""},
	{"pacs.008.001", 3, 13, "pacs.008.001.08", "", ""},
	{"pacs.009.001", 2, 2, "pacs.009.001.08", oldNames, ""},
	{"pacs.009.001", 3, 12, "pacs.009.001.08", "", ""},
	{"pacs.002.001", 3, 3, "pacs.002.001.10", oldNames + " Pty=Agt", oldRef},
	{"pacs.002.001", 4, 15, "pacs.002.001.10", "", oldRef},
	{"pacs.004.001", 2, 2, "pacs.004.001.09", oldNames + " Pty=Agt", oldRef},
	{"pacs.004.001", 3, 14, "pacs.004.001.09", "", oldRef},
	{"pacs.028.001", 1, 6, "pacs.028.001.03", "", oldRef},

	{"camt.029.001", 3, 3, "camt.029.001.09", oldNames, oldRef},
	{"camt.029.001", 4, 13, "camt.029.001.09", "", oldRef},
	{"camt.052.001", 2, 2, "camt.052.001.08", oldNames, "Sts=Cd " + oldRef},
	{"camt.052.001", 3, 13, "camt.052.001.08", "", "Sts=Cd " + oldRef},
	{"camt.053.001", 2, 2, "camt.053.001.08", oldNames, "Sts=Cd " + oldRef},
	{"camt.053.001", 3, 13, "camt.053.001.08", "", "Sts=Cd " + oldRef},
	{"camt.054.001", 2, 2, "camt.054.001.08", oldNames, "Sts=Cd " + oldRef},
	{"camt.054.001", 3, 13, "camt.054.001.08", "", "Sts=Cd " + oldRef},
	{"camt.056.001", 1, 1, "camt.056.001.08", oldNames, oldRef},
	{"camt.056.001", 2, 11, "camt.056.001.08", "", oldRef},
	{"camt.057.001", 2, 2, "camt.057.001.06", oldNames, ""},
	{"camt.057.001", 3, 8, "camt.057.001.06", "", ""},
	{"camt.060.001", 2, 2, "camt.060.001.05", oldNames, ""},
	{"camt.060.001", 3, 7, "camt.060.001.05", "", ""},

	{"pain.001.001", 3, 3, "pain.001.001.09", oldNames, "ReqdExctnDt=Dt"},
	{"pain.001.001", 4, 12, "pain.001.001.09", "", "ReqdExctnDt=Dt"},
	{"pain.002.001", 3, 3, "pain.002.001.10", oldNames + " Pty=Agt", oldRef},
	{"pain.002.001", 4, 14, "pain.002.001.10", "", oldRef},
}

// editionOf returns how a version without a table of its own is read; nil when it is not.
func editionOf(id string) *edition {
	at := strings.LastIndexByte(id, '.')
	if at < 0 || len(id)-at != 3 {
		return nil
	}
	n, err := strconv.Atoi(id[at+1:])
	if err != nil {
		return nil
	}
	for i := range editions {
		if e := &editions[i]; e.message == id[:at] && n >= e.first && n <= e.last {
			return e
		}
	}
	return nil
}

// renames returns what the table calls an element of the edition; "" when by the same name.
func (e *edition) renames(name string) string { return paired(e.renamed, name) }

// lifts returns which of a choice's elements stands directly in the element of that name.
func (e *edition) lifts(name string) string { return paired(e.lifted, name) }

// paired finds name in a list of "a=b" with blanks between.
func paired(list, name string) string {
	for pair := range strings.FieldsSeq(list) {
		if from, to, _ := strings.Cut(pair, "="); from == name {
			return to
		}
	}
	return ""
}

// versionFindings says what a profile has against versions that were read by another's table.
func (r *reader) versionFindings(p Profile) {
	for _, part := range []struct {
		n  *Node
		id string
	}{{r.header, r.headerID}, {r.document, r.messageID}} {
		if part.n == nil || editionOf(part.id) == nil {
			continue
		}
		if _, own := lookup(part.id); own {
			continue
		}
		by := editionOf(part.id).by
		misfit := 0
		for _, f := range r.findings {
			if f.Path == part.n.Path() || strings.HasPrefix(f.Path, part.n.Path()+"/") {
				misfit++
			}
		}
		message := ""
		switch {
		case cbpr.has(p):
			message = fmt.Sprintf("across borders the version is %s, not %s", by, part.id)
		case misfit > 0:
			message = fmt.Sprintf("%s is read as %s and differs from it in %d places", part.id, by, misfit)
		default:
			continue
		}
		f := Finding{
			Rule: "unsupported_version", Path: part.n.Path(), Reason: schemaReasons["unsupported_version"],
			Message: message, offset: int(part.n.offset),
		}
		if cbpr.has(p) {
			// What a version that is not accepted says is nobody's business.
			r.findings = withoutPath(r.findings, part.n.Path())
		}
		r.findings = append([]Finding{f}, r.findings...)
	}
}

// withoutPath drops the findings at a path and below.
func withoutPath(all []Finding, path string) []Finding {
	var left []Finding
	for _, f := range all {
		if f.Path != path && !strings.HasPrefix(f.Path, path+"/") || f.Rule == "not_well_formed" {
			left = append(left, f)
		}
	}
	return left
}

// refusedVersion tells whether the version was refused, so that no rule of ours need speak.
func refusedVersion(findings []Finding) bool {
	for _, f := range findings {
		if f.Rule == "unsupported_version" && f.Path == "/Document" {
			return true
		}
	}
	return false
}
