package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement"
	"viaduct/settlement/sqlstore"
)

// leaseTime is how long a request is taken to be under way. It covers the submission; waiting for the
// result needs no lease, since repeating it does no harm.
const leaseTime = 10 * time.Second

// draft is what a request becomes: instructions, and what must be on disk before they are ordered.
type draft struct {
	instructions []ledger.Instruction
	payments     []sqlstore.Payment
	details      []sqlstore.Details
	messages     []sqlstore.Message
	parcels      []sqlstore.Parcel
	// signed is the submission as its participant signed it; without it the gateway signs.
	signed []byte
}

// order is a request on its way into the ledger.
type order struct {
	signer ledger.BIC // zero for the operator
	key    string
	method string
	path   string
	// draft makes the instructions of a request that is new. Its faults are the caller's.
	draft func(ctx context.Context) (*draft, error)
	// answer makes the first answer from where the results are, or will be.
	answer func(ctx context.Context, at placed) (*answer, error)
	// settle waits for the result whatever Prefer says, because only the result is an answer.
	settle bool
	// whole asks the ledger for all of the payments or none.
	whole bool
	// hold is set when its payments wait for a second API key.
	hold bool
}

// placed says where a submission's results are.
type placed struct {
	instructions []ledger.Instruction
	height       uint64
	first        int
	final        bool
	held         bool // not submitted: it waits for a second key
}

// run takes an order to its answer.
//
// What is on disk after a crash: before BeginRequest nothing; after it the request, its payments as
// received, what their receivers are to have, and the exact bytes. Whether those were ordered is then
// unknown, and a repeat with the same key submits the same bytes again, which the ledger takes once.
func (g *Gateway) run(ctx context.Context, o order) (*answer, error) {
	x := exchangeOf(ctx)
	if o.key == "" {
		o.key = "auto:" + uuid.Must(uuid.NewV7()).String()
	}
	fingerprint := g.secrets.fingerprintOf(o.method, o.path, o.signer, x.body)
	if len(x.faults.list) == 0 {
		a, err := g.known(ctx, o, fingerprint)
		if a != nil || err != nil {
			return a, err
		}
	}
	d, err := o.draft(ctx)
	if err != nil {
		return nil, err
	}
	if err := x.faults.problem(); err != nil {
		return nil, err
	}
	if d.parcels, err = g.parcelsFor(ctx, d); err != nil {
		return nil, err
	}
	var submission []byte // none, when nothing is ordered and what is kept is all there is
	switch {
	case d.signed != nil:
		submission = d.signed
	case len(d.instructions) > 0:
		if submission, err = g.sign(ctx, o, fingerprint, d.instructions); err != nil {
			return nil, err
		}
	}
	if o.hold, err = g.needsApproval(ctx, o.signer, d.payments); err != nil {
		return nil, err
	}
	now := g.now()
	var approval *sqlstore.Approval
	if o.hold {
		approval = &sqlstore.Approval{Maker: x.caller.key.ID, Expires: now + approvalTime.Milliseconds()}
		for i := range d.payments {
			d.payments[i].Status = sqlstore.StatusHeld
		}
	}
	begun, request, err := g.cfg.Store.BeginRequest(ctx, &sqlstore.Begin{
		Request: sqlstore.Request{
			Participant: o.signer, Key: o.key, Fingerprint: fingerprint, Submission: submission,
			Created: now, Lease: now + leaseTime.Milliseconds(), RequestID: x.id, Trace: x.trace.String(),
		},
		Payments: d.payments, Details: d.details, Messages: d.messages, Parcels: d.parcels, Given: d.signed != nil,
		Traced: g.cfg.Tracer != nil && x.trace.Sampled(), Approval: approval,
	}, now)
	if errors.Is(err, sqlstore.ErrExists) {
		return nil, refuse(openapi.ErrorCodeIdReused, "a payment of the submission was sent before")
	}
	if err != nil {
		return nil, err
	}
	return g.proceed(ctx, o, begun, request)
}

// known answers a request whose key was used before; nil when it was not.
func (g *Gateway) known(ctx context.Context, o order, fingerprint ledger.Hash) (*answer, error) {
	found, err := g.cfg.Store.Request(ctx, o.signer, o.key)
	if errors.Is(err, sqlstore.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	now := g.now()
	// Beginning it again with the bytes that are kept takes it up, or says that someone is at it.
	found.Fingerprint, found.Lease = fingerprint, now+leaseTime.Milliseconds()
	begun, request, err := g.cfg.Store.BeginRequest(ctx, &sqlstore.Begin{Request: found}, now)
	if err != nil {
		return nil, err
	}
	if begun == sqlstore.BegunNew {
		// It was given up in between. What was just written lacks its payments, so it goes too.
		return nil, g.cfg.Store.AbandonRequest(ctx, o.signer, o.key)
	}
	return g.proceed(ctx, o, begun, request)
}

// proceed goes on from what BeginRequest found.
func (g *Gateway) proceed(ctx context.Context, o order, begun sqlstore.Begun, request sqlstore.Request) (*answer, error) {
	switch begun {
	case sqlstore.BegunConflict:
		return nil, &problem{code: openapi.ErrorCodeIdempotencyKeyReused, faults: []openapi.Fault{{
			Pointer: "header:Idempotency-Key", Rule: openapi.ErrorCodeIdempotencyKeyReused,
			Message: "the key was used for a request with other content", IsoReason: ledger.ISOReason(ledger.KeyReused),
		}}}
	case sqlstore.BegunInFlight:
		wait := max(1, (request.Lease-g.now()+999)/1000)
		return nil, &problem{code: openapi.ErrorCodeRequestInFlight, retry: int(wait)}
	case sqlstore.BegunAnswered:
		return replay(request)
	}
	// From here the work goes on though the caller may hang up: its record is worth having.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout+time.Duration(max(exchangeOf(ctx).wait, 0))*time.Second)
	defer cancel()
	at := placed{final: true}
	if len(request.Submission) > 0 {
		withheld := o.hold
		var err error
		if begun == sqlstore.BegunResumed {
			if withheld, err = g.cfg.Store.Withheld(ctx, o.signer, o.key); err != nil {
				return nil, err
			}
		}
		if withheld {
			at = placed{held: true}
			at.instructions, err = instructionsOf(request.Submission)
		} else {
			at, err = g.submit(ctx, o, begun, request)
		}
		if err != nil {
			return nil, err
		}
	}
	a, err := o.answer(ctx, at)
	var p *problem
	if errors.As(err, &p) && !kinds[p.code].retryable {
		// The ledger refused what is no payment: that is the answer to the key, now and later.
		a, err = g.problemAnswer(exchangeOf(ctx), p)
	}
	if err != nil {
		return nil, err
	}
	header, err := json.Marshal(a.media)
	if err != nil {
		return nil, err
	}
	if err := g.cfg.Store.FinishRequest(ctx, o.signer, o.key, a.status, header, a.body, a.sent...); err != nil {
		return nil, err
	}
	if begun == sqlstore.BegunResumed {
		// Whoever began it may have answered first after all; the first answer is the answer.
		if first, err := g.cfg.Store.Request(ctx, o.signer, o.key); err == nil && first.Status != 0 {
			return replay(first)
		}
	}
	return a, nil
}

// submit sends a request's bytes and notes where they were put.
func (g *Gateway) submit(ctx context.Context, o order, begun sqlstore.Begun, request sqlstore.Request) (placed, error) {
	at := placed{}
	var err error
	if at.instructions, err = instructionsOf(request.Submission); err != nil {
		return at, err
	}
	if err := g.deliver(ctx, o.signer, paymentIDs(at.instructions)); err != nil {
		if begun == sqlstore.BegunNew {
			g.abandon(ctx, o)
		}
		return at, err
	}
	for range submitTries {
		start := time.Now()
		accepted, err := g.submitTraced(ctx, request.Submission)
		switch {
		case errors.Is(err, settlement.ErrUnavailable):
			if begun == sqlstore.BegunNew {
				g.abandon(ctx, o)
			}
			g.cfg.Log.Warn("settlement is not available", "request_id", exchangeOf(ctx).id, "error", err)
			return at, &problem{code: openapi.ErrorCodeUnavailable, detail: "nothing was ordered; repeat the request with the same key", retry: 1}
		case errors.Is(err, settlement.ErrUnknown):
			g.cfg.Log.Warn("unknown whether ordered", "request_id", exchangeOf(ctx).id, "error", err)
			return at, &problem{code: openapi.ErrorCodeOutcomeUnknown, retry: int(leaseTime.Seconds())}
		case err != nil:
			return at, fmt.Errorf("submit: %w", err)
		}
		g.cfg.Meters.Stage("accepted", time.Since(start))
		at.height, at.first = accepted.Height, accepted.First
		if err := g.cfg.Store.MarkAccepted(ctx, o.signer, o.key, at.height, at.first, paymentIDs(at.instructions), g.now()); err != nil {
			return at, err
		}
		if at.final, err = g.await(ctx, o, at.height); err != nil || !at.final {
			return at, err
		}
		block, err := g.cfg.Store.Block(ctx, at.height)
		if err != nil || block.Message == accepted.Message {
			return at, err
		}
		g.cfg.Log.Error("the journal lost what it had acknowledged; submitting it again", "request_id", exchangeOf(ctx).id, "height", at.height)
	}
	return at, &problem{code: openapi.ErrorCodeOutcomeUnknown, retry: int(leaseTime.Seconds())}
}

// submitTries bounds how often a request submits what the journal acknowledges and loses: once is a fault of
// the journal's disks, and a second time more than one.
const submitTries = 2

// abandon frees the key of a request that was surely not ordered.
func (g *Gateway) abandon(ctx context.Context, o order) {
	if err := g.cfg.Store.AbandonRequest(ctx, o.signer, o.key); err != nil {
		g.cfg.Log.Error("abandon request", "request_id", exchangeOf(ctx).id, "error", err)
	}
}

// await waits for the result as long as the caller asked, or as long as the order needs.
func (g *Gateway) await(ctx context.Context, o order, height uint64) (bool, error) {
	limit := time.Duration(max(exchangeOf(ctx).wait, 0)) * time.Second
	if o.settle {
		limit = max(limit, settleTimeout)
	}
	if limit == 0 {
		return false, nil
	}
	wait, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := g.cfg.Engine.WaitFinal(wait, height); err != nil {
		if !o.settle && wait.Err() != nil && ctx.Err() == nil {
			return false, nil // the caller gets "accepted" and looks again
		}
		g.cfg.Log.Warn("wait for the result", "request_id", exchangeOf(ctx).id, "height", height, "error", err)
		if o.settle {
			return false, &problem{code: openapi.ErrorCodeOutcomeUnknown, detail: "accepted, but not final in time", retry: 1}
		}
		return false, nil
	}
	return true, nil
}

// instructionsOf reads the instructions of a submission that this gateway made.
func instructionsOf(submission []byte) ([]ledger.Instruction, error) {
	var s ledger.Submission
	if err := ledger.DecodeSubmission(submission, &s); err != nil {
		return nil, fmt.Errorf("kept submission: %w", err)
	}
	all := make([]ledger.Instruction, len(s.Entries))
	for i, e := range s.Entries {
		var ok bool
		if all[i], ok = ledger.DecodeInstruction(e.Kind, e.Body); !ok {
			return nil, fmt.Errorf("kept submission: instruction %d: %w", i, ledger.ErrEncoding)
		}
	}
	return all, nil
}

func paymentIDs(all []ledger.Instruction) []ledger.ID {
	ids := make([]ledger.ID, len(all))
	for i, one := range all {
		if pay, ok := one.(*ledger.Pay); ok {
			ids[i] = pay.ID
		}
	}
	return ids
}
