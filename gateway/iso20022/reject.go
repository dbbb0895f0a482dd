package iso20022

import "time"

// Rejection is an admi.002: the answer to a document in which no message could be made out.
type Rejection struct {
	MessageID   string
	Created     time.Time
	From, To    string // BICs; without them the rejection has no header
	Reference   string // of what is rejected: its identifier if one was seen, else ours for the delivery
	Reason      string // an ISO code, at most 35 characters
	Location    string // where in the document
	Description string
}

// RejectionOf makes a rejection from the first finding.
func RejectionOf(findings []Finding, id, reference string, created time.Time) Rejection {
	r := Rejection{MessageID: id, Created: created, Reference: reference, Reason: "FF01"}
	if len(findings) > 0 {
		f := findings[0]
		r.Location, r.Description = f.Path, f.String()
		if f.Reason != "" {
			r.Reason = f.Reason
		}
	}
	return r
}

// EmitReject writes an admi.002.001.01, with its header when From and To are known.
func EmitReject(r Rejection) ([]byte, error) {
	m, body := compose("admi.002", "001.01", "admi.002.001.01", AppHdr{From: r.From, To: r.To, BizMsgIdr: r.MessageID, Created: r.Created})
	body.set(first(fold(r.Reference, 35, 1), "NOTPROVIDED"), "RltdRef", "Ref")
	body.set(first(fold(r.Reason, 35, 1), "FF01"), "Rsn", "RjctgPtyRsn")
	body.set(formatDateTime(r.Created), "Rsn", "RjctnDtTm")
	if lines := fold(r.Location, 350, 1); len(lines) > 0 {
		body.set(lines[0], "Rsn", "ErrLctn")
	}
	if lines := fold(r.Description, 350, 1); len(lines) > 0 {
		body.set(lines[0], "Rsn", "RsnDesc")
	}
	return Emit(m)
}

func first(lines []string, otherwise string) string {
	if len(lines) == 0 {
		return otherwise
	}
	return lines[0]
}
