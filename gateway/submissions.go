package gateway

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// signedSubmission is what a participant signed itself, as it came.
type signedSubmission struct {
	data         []byte
	instructions []ledger.Instruction
}

// readSubmission reads canonical bytes and checks all that can be told without the ledger's state: that
// they are well formed, meant for this network, the caller's and the request's own, and signed by a key
// that the ledger accepts for the caller. What the instructions ask for is the ledger's to judge.
func (g *Gateway) readSubmission(ctx context.Context, data []byte, at string) (*signedSubmission, error) {
	x := exchangeOf(ctx)
	bad := func(message string) error {
		x.faults.add(at, openapi.ErrorCodeInvalidSubmission, message, "")
		return x.faults.problem()
	}
	var s ledger.Submission
	if err := ledger.DecodeSubmission(data, &s); err != nil {
		return nil, bad("not the canonical bytes of a submission")
	}
	out := &signedSubmission{data: data}
	for i, e := range s.Entries {
		one, ok := ledger.DecodeInstruction(e.Kind, e.Body)
		if !ok {
			return nil, bad(fmt.Sprintf("instruction %d is not in canonical bytes", i))
		}
		if pay, ok := one.(*ledger.Pay); ok && !plausible(pay) {
			return nil, bad(fmt.Sprintf("instruction %d: a payment names its currencies, a mode, and a UETR of version 4", i))
		}
		out.instructions = append(out.instructions, one)
	}
	switch {
	case s.Network != g.cfg.Network:
		return nil, bad("signed for another network")
	case s.Participant != x.caller.bic:
		return nil, bad("signed for another participant than the caller")
	case string(s.Key) != x.key:
		x.faults.add("header:Idempotency-Key", openapi.ErrorCodeConflictingFields, "not the key that was signed", "")
		return nil, x.faults.problem()
	case s.Fingerprint != s.EntriesFingerprint():
		return nil, bad("the fingerprint is not that of its instructions")
	case s.Salt == ledger.Hash{}:
		return nil, bad("without 32 random bytes of salt its results could be guessed")
	case !s.Verify():
		return nil, refuse(openapi.ErrorCodeBadSignature, "the signature does not verify under the key that the submission names")
	}
	return out, g.maySpeak(ctx, x.caller, s.Signer)
}

// plausible says whether a payment can be kept and shown as what it says.
func plausible(p *ledger.Pay) bool {
	inUse := func(c money.Currency) bool {
		_, err := money.ParseCurrency(c.String())
		return err == nil
	}
	_, err := parseUETR(uuid.UUID(p.UETR).String())
	return inUse(p.Send.Currency) && inUse(p.Deliver.Currency) && err == nil && p.ID != ledger.ID{} && p.UETRKind == ledger.UETRPayment &&
		(p.Mode == ledger.ExactDeliver || p.Mode == ledger.ExactSend) && p.Amount >= 0 && p.Bound >= 0 && p.Least >= 0
}

// maySpeak says whether the ledger accepts a key's signatures for the caller.
func (g *Gateway) maySpeak(ctx context.Context, by caller, signer [32]byte) error {
	if by.operator {
		return nil // the genesis names the operator's key; the ledger compares
	}
	p, err := g.cfg.Store.Participant(ctx, by.bic)
	if err == nil && !slices.Contains(p.Keys, signer) {
		return refuse(openapi.ErrorCodeUnknownSigningKey, "")
	}
	return err
}

// submissionDraft makes what is kept of a submission's payments, whose ids are new.
func (g *Gateway) submissionDraft(ctx context.Context, sub *signedSubmission, details []openapi.CommittedDetails) (*draft, error) {
	x := exchangeOf(ctx)
	d := &draft{instructions: sub.instructions, signed: sub.data}
	at := make(map[string]int)
	for _, one := range sub.instructions {
		pay, ok := one.(*ledger.Pay)
		if !ok {
			continue
		}
		d.payments = append(d.payments, sqlstore.Payment{
			ID: pay.ID, From: x.caller.bic, To: pay.To, Kind: sqlstore.KindJSON, Status: sqlstore.StatusReceived,
			Mode: pay.Mode, Partial: pay.Partial, Send: pay.Send, Deliver: pay.Deliver, Amount: pay.Amount, Bound: pay.Bound,
			Least: pay.Least, NotAfter: pay.NotAfter, UETR: pay.UETR, UETRKind: pay.UETRKind, Commitment: pay.Commitment, Created: g.now(),
		})
		at[idText(pay.ID)] = len(d.payments) - 1
		known, err := g.cfg.Store.Payment(ctx, x.caller.bic, pay.ID)
		if err == nil && known.From == x.caller.bic || len(at) < len(d.payments) {
			return nil, refuse(openapi.ErrorCodeIdReused, "payment "+idText(pay.ID)+" was sent before")
		}
		if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
			return nil, err
		}
	}
	for i, in := range details {
		place := "/details/" + itoa(i)
		n, ok := at[in.Payment]
		if !ok {
			x.faults.add(place+"/payment", openapi.ErrorCodeInvalidValue, "not a payment of this submission, or told twice", "")
			continue
		}
		delete(at, in.Payment)
		p := &d.payments[n]
		p.EndToEndID = in.EndToEndId
		var salt ledger.Hash
		_, _ = hex.Decode(salt[:], []byte(in.Salt)) // its form was checked
		if ledger.Commit(salt, []byte(in.Text)) != p.Commitment {
			x.faults.add(place+"/text", openapi.ErrorCodeInvalidValue, "not what the payment's commitment covers", "")
			continue
		}
		var inner faults
		tree := readJSON([]byte(in.Text), &inner)
		if len(inner.list) == 0 {
			g.contract.visit(g.contract.details, tree, &inner)
		}
		for _, f := range inner.list {
			x.faults.add(place+"/text", f.Rule, f.Pointer+": "+f.Message, f.IsoReason)
		}
		d.details = append(d.details, sqlstore.Details{Payment: p.ID, From: p.From, Salt: salt, Text: []byte(in.Text)})
	}
	return d, x.faults.problem()
}

// Submit takes a submission of any instructions.
func (s server) Submit(ctx context.Context, r openapi.SubmitRequestObject) (openapi.SubmitResponseObject, error) {
	x := exchangeOf(ctx)
	data, err := base64.StdEncoding.Strict().DecodeString(r.Body.Submission)
	if err != nil {
		x.faults.add("/submission", openapi.ErrorCodeInvalidSubmission, "not base64", "")
		return nil, x.faults.problem()
	}
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodPost, path: "/v1/submissions", settle: true,
		draft: func(ctx context.Context) (*draft, error) {
			sub, err := s.readSubmission(ctx, data, "/submission")
			if err != nil {
				return nil, err
			}
			if err := s.fencedSubmission(sub.instructions, &x.faults); err != nil {
				return nil, err
			}
			return s.submissionDraft(ctx, sub, r.Body.Details)
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			out := openapi.SubmissionResults{Height: int64(at.height), Results: []openapi.SubmissionResult{}}
			for i, one := range at.instructions {
				leaf, err := s.outcome(ctx, at, i)
				if err != nil {
					return nil, err
				}
				result := openapi.SubmissionResult{Index: at.first + i, Kind: one.Kind().String(), Applied: leaf.Outcome == ledger.Applied}
				if !result.Applied {
					result.Code = openapi.ErrorCode(leaf.Outcome.String())
				}
				if pay, ok := one.(*ledger.Pay); ok {
					result.Payment = idText(pay.ID)
				}
				out.Results = append(out.Results, result)
			}
			return jsonAnswer(http.StatusCreated, out)
		},
	})
}

// signedPayment drafts a payment that came as a submission.
func (g *Gateway) signedPayment(ctx context.Context, data []byte) (*draft, error) {
	sub, err := g.readSubmission(ctx, data, "")
	if err != nil {
		return nil, err
	}
	if _, pay := sub.instructions[0].(*ledger.Pay); !pay || len(sub.instructions) != 1 {
		f := &exchangeOf(ctx).faults
		f.add("", openapi.ErrorCodeInvalidSubmission, "one payment; POST /v1/submissions takes everything else", "")
		return nil, f.problem()
	}
	return g.submissionDraft(ctx, sub, nil)
}
