package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

const (
	// approvalTime is how long a payment waits for its second key. It ends well before the ledger forgets
	// the submission's key, so that it can't be ordered twice.
	approvalTime = 24 * time.Hour
	// approvalGrace is how long whoever approves has to submit before others take it up.
	approvalGrace = time.Minute
)

// needsApproval says whether a submission waits for a second API key: when one of its payments sends or
// delivers more than its sender's rules let one key order, or nothing in a currency that they name.
func (g *Gateway) needsApproval(ctx context.Context, sender ledger.BIC, payments []sqlstore.Payment) (bool, error) {
	if len(payments) == 0 || sender == (ledger.BIC{}) {
		return false, nil
	}
	rules, err := g.cfg.Store.ApprovalRules(ctx, sender)
	if err != nil || len(rules) == 0 {
		return false, err
	}
	for i := range payments {
		p := &payments[i]
		sent, delivered := p.Bound, p.Amount
		if p.Mode == ledger.ExactSend {
			sent, delivered = p.Amount, p.Bound
		}
		named := false
		for _, r := range rules {
			for _, side := range []struct {
				currency money.Currency
				units    int64
			}{{p.Send.Currency, sent}, {p.Deliver.Currency, delivered}} {
				if side.currency == r.Currency {
					named = true
					if side.units > r.Above {
						return true, nil
					}
				}
			}
		}
		if !named {
			return true, nil
		}
	}
	return false, nil
}

// ApprovePayment lets a second API key of the sender's decide about a payment that waits for it, and about
// all that were ordered with it.
func (s server) ApprovePayment(ctx context.Context, r openapi.ApprovePaymentRequestObject) (openapi.ApprovePaymentResponseObject, error) {
	x := exchangeOf(ctx)
	id, err := parseID(r.Id)
	if err != nil || x.caller.operator {
		return nil, errNotFound
	}
	q, err := s.cfg.Store.Decide(ctx, x.caller.bic, id, x.caller.key.ID, r.Body.Approve, s.now())
	switch {
	case errors.Is(err, sqlstore.ErrNotFound):
		if _, err := s.cfg.Store.Payment(ctx, x.caller.bic, id); err != nil {
			return nil, missing(err)
		}
		return nil, refuse(openapi.ErrorCodeNotHeld, "it does not wait for an approval")
	case errors.Is(err, sqlstore.ErrOwnApproval):
		return nil, refuse(openapi.ErrorCodeNotAllowed, "another API key than the one that ordered it has to approve")
	case errors.Is(err, sqlstore.ErrDecided):
		return nil, refuse(openapi.ErrorCodeNotHeld, "it was decided or expired")
	case err != nil:
		return nil, err
	}
	final := true
	if r.Body.Approve {
		if final, err = s.orderApproved(ctx, q); err != nil {
			return nil, err
		}
	}
	p, err := s.cfg.Store.Payment(ctx, x.caller.bic, id)
	if err != nil {
		return nil, missing(err)
	}
	if !final {
		return s.acceptedAnswer(ctx, p, x.caller)
	}
	view, err := s.paymentFor(ctx, p, x.caller)
	if err != nil {
		return nil, err
	}
	return jsonAnswer(http.StatusOK, view)
}

// orderApproved submits what was approved, as it was signed when it was ordered; the ledger takes it once
// however often that is.
func (g *Gateway) orderApproved(ctx context.Context, q sqlstore.Request) (final bool, err error) {
	o := order{signer: q.Participant, key: q.Key}
	if q.Height != 0 {
		return g.await(ctx, o, q.Height)
	}
	at, err := g.submit(ctx, o, sqlstore.BegunResumed, q)
	return at.final, err
}

// sweepApprovals ends what nobody approved in time, and orders what was approved by a gateway that stopped
// before it could.
func (g *Gateway) sweepApprovals(ctx context.Context) error {
	now := g.now()
	if err := g.cfg.Store.ExpireApprovals(ctx, now); err != nil {
		return err
	}
	left, err := g.cfg.Store.ApprovedUnordered(ctx, now-approvalGrace.Milliseconds())
	if err != nil {
		return err
	}
	var failed error
	for _, q := range left { // one that can't be ordered yet holds up no other
		own := context.WithValue(ctx, exchangeKey{}, &exchange{id: requestID(q.RequestID), wait: -1})
		if _, err := g.orderApproved(own, q); err != nil {
			failed = errors.Join(failed, fmt.Errorf("order what %s approved: %w", q.Participant, err))
		}
	}
	return failed
}

// changeApprovalRules sets a participant's rules: its own to set once, the operator's to change, so that no
// one key lifts what holds that key's payments.
func (g *Gateway) changeApprovalRules(ctx context.Context, bic ledger.BIC, in *[]openapi.Money, by caller) error {
	if in == nil {
		return nil
	}
	rules := make([]sqlstore.ApprovalRule, 0, len(*in))
	for _, m := range *in {
		c, err := money.ParseCurrency(m.Currency)
		if err != nil {
			return err // the contract's format let it pass
		}
		amount, err := money.Parse(m.Value, c)
		if err != nil {
			return err // checkApprovalRules let it pass
		}
		rules = append(rules, sqlstore.ApprovalRule{Currency: c, Above: amount.Units()})
	}
	err := g.cfg.Store.PutApprovalRules(ctx, bic, rules, by.operator)
	if errors.Is(err, sqlstore.ErrExists) {
		return refuse(openapi.ErrorCodeNotAllowed, "approval_above is set; the operator changes it")
	}
	return err
}

// checkApprovalRules finds what is wrong with rules.
func checkApprovalRules(in *[]openapi.Money, f *faults) {
	if in == nil {
		return
	}
	seen := make(map[money.Currency]bool)
	for i, m := range *in {
		at := "/approval_above/" + itoa(i)
		c, err := money.ParseCurrency(m.Currency)
		if err != nil || f.touching(at) {
			continue // the contract's format found it
		}
		if m.Issuer != "" {
			f.add(at+"/issuer", openapi.ErrorCodeInvalidValue, "the bound is on a currency, whoever issued it", "")
		}
		if readUnits(m.Value, c, at+"/value", f) < 0 {
			f.add(at+"/value", openapi.ErrorCodeInvalidAmount, "not below zero", "")
		}
		if seen[c] {
			f.add(at+"/currency", openapi.ErrorCodeInvalidValue, "named twice", "")
		}
		seen[c] = true
	}
}

// VisitApprovePaymentResponse writes the answer.
func (a *answer) VisitApprovePaymentResponse(w http.ResponseWriter) error { return a.write(w) }
