package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// Errors of a decision about a payment that waits for a second key.
var (
	// ErrOwnApproval refuses the key that ordered the payment.
	ErrOwnApproval = errors.New("approved by the key that ordered it")
	// ErrDecided says that it waits no more.
	ErrDecided = errors.New("decided already")
)

// ApprovalRule is the amount in a currency above which a participant's payments need a second API key.
type ApprovalRule struct {
	Currency money.Currency
	Above    int64
}

// ApprovalRules returns a participant's rules, by currency; none when it set none.
func (s *Store) ApprovalRules(ctx context.Context, participant ledger.BIC) ([]ApprovalRule, error) {
	return list(ctx, s.read, "approval rules", func(r *sql.Rows, v *ApprovalRule) error { return r.Scan(toCurrency(&v.Currency), &v.Above) },
		`SELECT currency, above FROM approval_rules WHERE participant = $1 ORDER BY currency`, participant.String())
}

// PutApprovalRules replaces a participant's rules. Unless they may be replaced, ErrExists when there are
// some.
func (s *Store) PutApprovalRules(ctx context.Context, participant ledger.BIC, rules []ApprovalRule, replace bool) error {
	err := s.writer.do(ctx, func(ctx context.Context, t tx) error {
		if err := inTurn(ctx, t, participant); err != nil {
			return err
		}
		n, err := t.exec(ctx, `DELETE FROM approval_rules WHERE participant = $1`, participant.String())
		if err == nil && n > 0 && !replace {
			err = ErrExists
		}
		if err != nil {
			return err
		}
		all := insertion{into: "approval_rules (participant, currency, above)"}
		for _, r := range rules {
			all.row(participant.String(), r.Currency.String(), r.Above)
		}
		return all.run(ctx, t)
	})
	if err != nil {
		return fmt.Errorf("put approval rules: %w", err)
	}
	return nil
}

// Approval has the payments of a request wait, as held, for a key other than Maker until Expires.
type Approval struct {
	Maker   ledger.ID
	Expires int64
}

// writeApprovals notes that the payments of a request wait.
func (b *Begin) writeApprovals(ctx context.Context, t tx) error {
	n := insertion{into: "approvals (sender, payment, key, maker, decider, state, created, expires, decided)"}
	for i := range b.Payments {
		n.row(b.Request.Participant.String(), b.Payments[i].ID[:], b.Request.Key, b.Approval.Maker[:], []byte{}, "held", b.Request.Created, b.Approval.Expires, int64(0))
	}
	return n.run(ctx, t)
}

// Withheld says whether a request may not be submitted: it waits for a second key, or got none.
func (s *Store) Withheld(ctx context.Context, sender ledger.BIC, key string) (bool, error) {
	n, err := one(ctx, s.read, "approval", scanValue[int], `SELECT COUNT(*) FROM approvals WHERE sender = $1 AND key = $2 AND state <> 'approved'`,
		sender.String(), key)
	return n > 0, err
}

type approvalRow struct {
	key, state string
	maker      ledger.ID
	expires    int64
}

// Decide approves or refuses, with an API key, all payments of the request that ordered one, and returns
// the request. What was approved before may be approved again. Errors: ErrNotFound when it never waited,
// ErrOwnApproval, ErrDecided.
func (s *Store) Decide(ctx context.Context, sender ledger.BIC, payment, decider ledger.ID, approve bool, now int64) (q Request, err error) {
	var refused error
	err = s.writer.do(ctx, func(ctx context.Context, t tx) error {
		refused = nil
		if err := inTurn(ctx, t, sender); err != nil {
			return err
		}
		row, err := one(ctx, t.query, "approval", func(r *sql.Rows, v *approvalRow) error { return r.Scan(&v.key, &v.state, toID(&v.maker), &v.expires) },
			`SELECT key, state, maker, expires FROM approvals WHERE sender = $1 AND payment = $2`, sender.String(), payment[:])
		if err != nil {
			return err
		}
		if row.state == "approved" && approve {
			q, err = request(ctx, t.query, sender, row.key)
			return err
		}
		waits, err := one(ctx, t.query, "payments", scanValue[int], `SELECT COUNT(*) FROM approvals a JOIN payments p ON p.id = a.payment AND p.sender = a.sender
			WHERE a.sender = $1 AND a.key = $2 AND p.status <> 'held'`, sender.String(), row.key)
		switch {
		case err != nil:
			return err
		case row.state != "held" || waits > 0:
			refused = ErrDecided
			return nil
		case row.expires <= now:
			refused = ErrDecided
			return decide(ctx, t, sender, row.key, nil, "expired", StatusExpired, now)
		case row.maker == decider && approve:
			refused = ErrOwnApproval
			return nil
		}
		state, status := "approved", StatusReceived
		if !approve {
			state, status = "refused", StatusCancelled
		}
		if err := decide(ctx, t, sender, row.key, decider[:], state, status, now); err != nil {
			return err
		}
		q, err = request(ctx, t.query, sender, row.key)
		return err
	})
	if err = errors.Join(err, refused); err != nil {
		return Request{}, fmt.Errorf("decide about a payment: %w", err)
	}
	return q, nil
}

// decide writes a decision. A payment that is approved is received, as one that needed no approval was.
func decide(ctx context.Context, t tx, sender ledger.BIC, key string, decider []byte, state string, status Status, now int64) error {
	ended := now
	if status == StatusReceived {
		ended = 0
	}
	code := ""
	switch status {
	case StatusCancelled:
		code = ledger.Cancelled.String()
	case StatusExpired:
		code = ledger.Expired.String()
	}
	if _, err := t.exec(ctx, `UPDATE payments SET status = $1, code = $2, settled = $3 WHERE sender = $4 AND status = 'held'
		AND id IN (SELECT payment FROM approvals WHERE sender = $4 AND key = $5)`, string(status), code, ended, sender.String(), key); err != nil {
		return err
	}
	_, err := t.exec(ctx, `UPDATE approvals SET state = $1, decider = $2, decided = $3 WHERE sender = $4 AND key = $5`,
		state, blob(decider), now, sender.String(), key)
	return err
}

// ExpireApprovals ends what waited for a second key until now.
func (s *Store) ExpireApprovals(ctx context.Context, now int64) error {
	late, err := list(ctx, s.read, "approvals", func(r *sql.Rows, q *Request) error { return r.Scan(toBIC(&q.Participant), &q.Key) },
		`SELECT DISTINCT sender, key FROM approvals WHERE state = 'held' AND expires <= $1`, now)
	if err != nil {
		return err
	}
	for i := range late {
		q := &late[i]
		err := s.writer.do(ctx, func(ctx context.Context, t tx) error {
			if err := inTurn(ctx, t, q.Participant); err != nil {
				return err
			}
			held, err := one(ctx, t.query, "approval", scanValue[int], `SELECT COUNT(*) FROM approvals WHERE sender = $1 AND key = $2 AND state = 'held'`,
				q.Participant.String(), q.Key)
			if err != nil || held == 0 {
				return err
			}
			return decide(ctx, t, q.Participant, q.Key, nil, "expired", StatusExpired, now)
		})
		if err != nil {
			return fmt.Errorf("expire approvals: %w", err)
		}
	}
	return nil
}

// ApprovedUnordered returns requests that were approved before a time and whose submission has no place
// yet: whoever approved them did not get to submit it, or to hear that it was.
func (s *Store) ApprovedUnordered(ctx context.Context, before int64) ([]Request, error) {
	return list(ctx, s.read, "approved requests", scanRequest, `SELECT `+requestColumns+` FROM requests q
		WHERE q.height = 0 AND EXISTS (SELECT 1 FROM approvals a WHERE a.sender = q.participant AND a.key = q.key AND a.state = 'approved' AND a.decided < $1)`, before)
}
