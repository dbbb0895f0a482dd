package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"viaduct/gateway/iso20022"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// inbound is a message on its way in.
type inbound struct {
	*exchange
	m *iso20022.Message // nil while none was made out
}

// SubmitMessage takes an ISO 20022 message and answers in its form.
func (s server) SubmitMessage(ctx context.Context, _ openapi.SubmitMessageRequestObject) (openapi.SubmitMessageResponseObject, error) {
	in := &inbound{exchange: exchangeOf(ctx)}
	a, err := s.receive(ctx, in)
	if err != nil && !in.json {
		return s.refusal(in, err)
	}
	return a, err
}

// receive reads a message by its sender's rules and does what it asks for.
func (g *Gateway) receive(ctx context.Context, in *inbound) (*answer, error) {
	if in.caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator sends no messages")
	}
	settings, err := g.cfg.Store.Settings(ctx, in.caller.bic)
	if err != nil {
		return nil, err
	}
	profile, err := iso20022.ParseProfile(settings.ISOProfile)
	if err != nil {
		return nil, fmt.Errorf("settings of %s: %w", in.caller.bic, err)
	}
	var findings []iso20022.Finding
	in.m, findings = iso20022.Check(in.body, profile)
	if in.m == nil || iso20022.Unreadable(findings) {
		in.m = nil
		return nil, messageProblem(openapi.ErrorCodeMalformedXml, findings)
	}
	if len(findings) > 0 {
		return nil, messageProblem(openapi.ErrorCodeInvalidMessage, findings)
	}
	if h := in.m.Header; h != nil && h.From != "" && !isBank(h.From, in.caller.bic) {
		in.faults.add("/AppHdr/Fr", openapi.ErrorCodeNotYourMessage, "the sender is not the caller", "RC03")
	}
	switch in.m.Type {
	case "pacs.008", "pacs.009":
		return g.transfer(ctx, in)
	case "pacs.004":
		return g.giveBack(ctx, in)
	case "pain.001":
		return g.initiate(ctx, in)
	case "camt.056":
		return g.recall(ctx, in)
	case "camt.029":
		return g.answerRecall(ctx, in)
	case "camt.057":
		return g.notice(ctx, in)
	case "pacs.028":
		return g.tellStatus(ctx, in)
	case "camt.060":
		return g.report(ctx, in)
	}
	return nil, messageProblem(openapi.ErrorCodeInvalidMessage, []iso20022.Finding{{
		Rule: "unsupported_message", Path: "/Document", Line: 1, Reason: "FF01", Message: in.m.ID() + " is sent by Viaduct, not to it",
	}})
}

// isBank tells whether a BIC in a message is a participant's.
func isBank(text string, bic ledger.BIC) bool {
	b, err := ledger.ParseBIC(text)
	return err == nil && b == bic
}

func messageProblem(code openapi.ErrorCode, findings []iso20022.Finding) error {
	p := &problem{code: code}
	for _, f := range findings {
		p.faults = append(p.faults, openapi.Fault{
			Pointer: f.Path, Xpath: f.Path, Rule: code, DetailRule: f.Rule, IsoReason: f.Reason,
			Message: fmt.Sprintf("line %d: %s", f.Line, f.Message),
		})
	}
	return p
}

// orderOf begins the order that a message is. Its id is the key where the caller gives none.
func (in *inbound) orderOf() order {
	key := in.key
	if key == "" {
		key = in.m.MessageID()
	}
	return order{signer: in.caller.bic, key: key, method: http.MethodPost, path: "/v1/messages"}
}

// digest is what the ledger remembers a message by, so that it is settled once, under whatever key and in
// whatever form it comes.
func (in *inbound) digest() (d [16]byte) {
	sum := sha256.Sum256([]byte(in.m.MessageID()))
	copy(d[:], sum[:])
	return d
}

// asking begins the order of a message that moves nothing. It is told from others by its id alone, since
// no ledger sees to it that it counts once.
func (in *inbound) asking() order {
	o := in.orderOf()
	o.key = in.m.MessageID()
	return o
}

// kept is the message as it is kept, byte for byte. Its payments, and the one bank on their other side,
// are for the caller to add: a message about several banks' payments is its author's alone to read.
func (g *Gateway) kept(in *inbound) sqlstore.Message {
	return sqlstore.Message{
		ID: newID(), Participant: in.caller.bic, Author: in.caller.bic, Direction: sqlstore.MessageIn, Type: in.m.ID(),
		MessageID: in.m.MessageID(), Created: g.now(), Body: in.body,
	}
}

// said makes the answer of a message of ours, which is kept with what was received.
func (g *Gateway) said(in *inbound, status int, kind, id string, body []byte, about []sqlstore.MessagePayment) *answer {
	a := xmlAnswer(status, body)
	a.sent = []sqlstore.Message{{
		ID: newID(), Participant: in.caller.bic, Direction: sqlstore.MessageOut, Type: kind, MessageID: id, Created: g.now(), Body: body,
		Payments: about,
	}}
	return a
}

// aboutPayment links a message to a payment that it speaks of.
func aboutPayment(p sqlstore.Payment) sqlstore.MessagePayment {
	return sqlstore.MessagePayment{ID: p.ID, From: p.From}
}

func aboutPayments(list []sqlstore.Payment) []sqlstore.MessagePayment {
	about := make([]sqlstore.MessagePayment, len(list))
	for i := range list {
		about[i] = aboutPayment(list[i])
	}
	return about
}

// messageID makes the identifier of a message of ours: 32 hexadecimal characters.
func messageID() string { return compactID(newID()) }

func compactID(id ledger.ID) string { return strings.ReplaceAll(uuid.UUID(id).String(), "-", "") }

// putStatus tells a payment's status as ISO 20022 does. What is not final is told as accepted, unless
// the payment waits.
func putStatus(p sqlstore.Payment, final bool, t *iso20022.TxStatus) {
	t.Status = iso20022.Accepted
	switch {
	case p.Status == sqlstore.StatusHeld || p.Status == sqlstore.StatusQueued:
		t.Status = iso20022.Pending
		if p.Mode == ledger.Covered {
			t.Info = "waits for its cover"
		}
	case !final:
	case p.Status == sqlstore.StatusSettled || p.Status == sqlstore.StatusReturned:
		t.Status, t.Accepted = iso20022.Settled, time.UnixMilli(p.Settled).UTC()
		t.SettlementDate = t.Accepted.Format(time.DateOnly)
	case p.Status == sqlstore.StatusRejected:
		t.Status, t.Reason, t.Info = iso20022.Rejected, p.ISOReason, p.Code
	case p.Status == sqlstore.StatusCancelled:
		t.Status, t.Info = iso20022.Cancelled, "cancelled by its sender"
	case p.Status == sqlstore.StatusExpired:
		t.Status, t.Reason = iso20022.Rejected, "TM01"
	}
}

// orderedBy returns the payments that a message of the caller's made, in its own order.
func (g *Gateway) orderedBy(ctx context.Context, in *inbound, at placed) ([]sqlstore.Payment, error) {
	list := make([]sqlstore.Payment, len(at.instructions))
	for i, one := range at.instructions {
		var err error
		if list[i], err = g.cfg.Store.Payment(ctx, in.caller.bic, one.(*ledger.Pay).ID); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// statusReport makes the pacs.002 that answers a message.
func (g *Gateway) statusReport(ctx context.Context, in *inbound, at placed) (*answer, error) {
	list, err := g.orderedBy(ctx, in, at)
	if err != nil {
		return nil, err
	}
	report := in.m.Answer(messageID(), g.cfg.Now().UTC())
	if len(report.Transactions) != len(list) {
		return nil, errors.New("a message whose kept payments are not its own")
	}
	for i := range list {
		putStatus(list[i], at.final, &report.Transactions[i])
	}
	body, err := iso20022.EmitStatusReport(report)
	if err != nil {
		return nil, fmt.Errorf("status report: %w", err)
	}
	return g.said(in, statusCode(report.Transactions), "pacs.002.001.10", report.MessageID, body, aboutPayments(list)), nil
}

// statusCode is 202 while a transaction is not final.
func statusCode(list []iso20022.TxStatus) int {
	for i := range list {
		if s := list[i].Status; s == iso20022.Accepted || s == iso20022.Pending {
			return http.StatusAccepted
		}
	}
	return http.StatusCreated
}

func xmlAnswer(status int, body []byte) *answer {
	return &answer{status: status, media: "application/xml", body: body}
}
