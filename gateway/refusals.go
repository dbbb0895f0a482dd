package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"viaduct/gateway/iso20022"
	"viaduct/openapi"
)

// refusal tells a sender of XML in XML that its message was refused: with an admi.002 when none could be
// made out, a pain.002 for an initiation, else with a pacs.002. What says nothing of the message (who
// calls, a gateway that cannot tell, a request under way) stays the problem it is.
func (g *Gateway) refusal(in *inbound, err error) (*answer, error) {
	var p *problem
	if !errors.As(err, &p) {
		return nil, err
	}
	status := kinds[p.code].status
	switch status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusUnprocessableEntity:
	default:
		return nil, err
	}
	if kinds[p.code].retryable {
		return nil, err
	}
	in.code = p.code
	if in.m == nil {
		body, err := g.rejection(in, p)
		return xmlAnswer(status, body), err
	}
	emit := g.refusedReport
	if in.m.Type == "pain.001" {
		emit = g.refusedInitiation
	}
	// What is faulty in the message may be the very reference that its answer repeats, so each try
	// repeats less of it.
	for _, full := range []bool{true, false} {
		if body, err := emit(in, p, full); err == nil {
			return xmlAnswer(status, body), nil
		}
	}
	body, err := g.rejection(in, p)
	return xmlAnswer(status, body), err
}

// reasonFor returns the ISO reason and the words for one transaction: its own first fault, or else the
// message's first.
func reasonFor(p *problem, path string) (reason, info string) {
	if len(p.faults) == 0 {
		return "NARR", string(p.code) + ": " + cmp.Or(p.detail, kinds[p.code].title)
	}
	f := p.faults[0]
	for _, x := range p.faults {
		if path != "" && within(x.Pointer, path) {
			f = x
			break
		}
	}
	more := ""
	if n := len(p.faults) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	rule := cmp.Or(f.DetailRule, string(f.Rule))
	return cmp.Or(f.IsoReason, "NARR"), rule + " " + f.Pointer + ": " + f.Message + more
}

func (g *Gateway) refusedReport(in *inbound, p *problem, full bool) ([]byte, error) {
	r := in.m.Answer(messageID(), g.cfg.Now().UTC())
	if !full {
		r.Transactions, r.From, r.To, r.BizSvc = nil, "", "", ""
		r.OriginalID = cmp.Or(strings.Join(strings.Fields(r.OriginalID), " "), "NOTPROVIDED")
		r.OriginalID = r.OriginalID[:min(len(r.OriginalID), 35)]
	}
	for i := range r.Transactions {
		t := &r.Transactions[i]
		t.Status = iso20022.Rejected
		t.Reason, t.Info = reasonFor(p, t.Path)
	}
	r.Group.Status = iso20022.Rejected
	r.Group.Reason, r.Group.Info = reasonFor(p, "")
	return iso20022.EmitStatusReport(r)
}

func (g *Gateway) refusedInitiation(in *inbound, p *problem, full bool) ([]byte, error) {
	r := in.m.AnswerInitiation(messageID(), g.cfg.Now().UTC())
	if !full {
		r.From, r.To, r.BizSvc = "", "", ""
		r.OriginalID = "NOTPROVIDED"
	}
	r.Lots = nil
	r.Group.Status = iso20022.Rejected
	r.Group.Reason, r.Group.Info = reasonFor(p, "")
	return iso20022.EmitInitiationReport(r)
}

// rejection makes the admi.002 for a document in which no message could be made out.
func (g *Gateway) rejection(in *inbound, p *problem) ([]byte, error) {
	r := iso20022.Rejection{MessageID: messageID(), Created: g.cfg.Now().UTC(), Reference: strings.ReplaceAll(in.id, "-", "")}
	reason, info := reasonFor(p, "")
	r.Reason, r.Description = reason, info
	if len(p.faults) > 0 {
		r.Location = p.faults[0].Pointer
	}
	if p.code != openapi.ErrorCodeMalformedXml && in.m != nil {
		r.Reference = cmp.Or(in.m.MessageID(), r.Reference)
	}
	return iso20022.EmitReject(r)
}
