package iso20022

import (
	"fmt"
	"strings"
)

// versionFindings says what a profile has against versions that were read by another's table.
func (r *reader) versionFindings(p Profile) {
	for _, part := range []struct {
		n  *Node
		id string
	}{{r.header, r.headerID}, {r.document, r.messageID}} {
		e := editionOf(part.id)
		if part.n == nil || e == nil {
			continue
		}
		misfit := 0
		for _, f := range r.findings {
			if f.Path == part.n.Path() || strings.HasPrefix(f.Path, part.n.Path()+"/") {
				misfit++
			}
		}
		message := ""
		switch {
		case cbpr.has(p):
			message = fmt.Sprintf("across borders the version is %s, not %s", e.by, part.id)
		case misfit > 0:
			message = fmt.Sprintf("%s is read as %s and differs from it in %d places", part.id, e.by, misfit)
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
