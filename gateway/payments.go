package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// CreatePayment takes a payment order.
func (s server) CreatePayment(ctx context.Context, r openapi.CreatePaymentRequestObject) (openapi.CreatePaymentResponseObject, error) {
	x := exchangeOf(ctx)
	if x.caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator makes no payments")
	}
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodPost, path: "/v1/payments",
		draft: func(ctx context.Context) (*draft, error) {
			if r.JSONBody == nil {
				return s.signedPayment(ctx, x.body)
			}
			p, err := s.readPayment(ctx, r.JSONBody, x)
			if err != nil || len(x.faults.list) > 0 {
				return nil, errors.Join(err, x.faults.problem())
			}
			return draftPayments([]*paymentOrder{p})
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			p, err := s.cfg.Store.Payment(ctx, x.caller.bic, at.instructions[0].(*ledger.Pay).ID)
			if err != nil {
				return nil, err
			}
			if at.held {
				view, err := s.paymentFor(ctx, p, x.caller)
				if err != nil {
					return nil, err
				}
				return jsonAnswer(http.StatusAccepted, view)
			}
			if !at.final {
				return s.acceptedAnswer(ctx, p, x.caller)
			}
			view, err := s.paymentFor(ctx, p, x.caller)
			if err != nil {
				return nil, err
			}
			return jsonAnswer(http.StatusCreated, view)
		},
	})
}

// acceptedAnswer tells of a payment whose result the caller does not wait for. What may be known by
// now is left out, so that the answer is one thing only.
func (g *Gateway) acceptedAnswer(ctx context.Context, p sqlstore.Payment, by caller) (*answer, error) {
	notFinal(&p)
	view, err := g.paymentFor(ctx, p, by)
	if err != nil {
		return nil, err
	}
	return jsonAnswer(http.StatusAccepted, view)
}

func notFinal(p *sqlstore.Payment) {
	p.Status, p.Code, p.ISOReason, p.Source, p.Delivered, p.Settled = sqlstore.StatusAccepted, "", "", 0, 0, 0
}

// paymentOrder is an order as it was read, whichever form it came in.
type paymentOrder struct {
	pay     ledger.Pay
	from    ledger.BIC
	kind    string
	e2e     string
	details *openapi.Details
	bound   priceBound
	// givesBack is the payment that a return is of.
	givesBack *sqlstore.Payment
	created   int64
}

// readPayment reads an order, and records in x.faults what is wrong with it.
func (g *Gateway) readPayment(ctx context.Context, in *openapi.NewPayment, x *exchange) (*paymentOrder, error) {
	f := &x.faults
	p := &paymentOrder{from: x.caller.bic, kind: sqlstore.KindJSON, e2e: in.EndToEndId, details: in.Details, created: g.now()}
	p.pay = ledger.Pay{ID: newID(), UETRKind: ledger.UETRPayment, Partial: in.Partial}
	if in.From != "" && !f.at("/from") {
		if from, _ := ledger.ParseBIC(in.From); from != x.caller.bic {
			f.add("/from", openapi.ErrorCodeUnknownParticipant, "not the caller", "RC03")
		}
	}
	if err := g.readReceiver(ctx, in.To, "/to", &p.pay, f); err != nil {
		return nil, err
	}
	readSides(in, &p.pay, f)
	if !f.at("/to") && p.pay.To == p.from && p.pay.Send.Currency == p.pay.Deliver.Currency && p.pay.Send.Currency != 0 {
		f.add("/to", openapi.ErrorCodeSelfPayment, "a participant does not pay itself in one currency", "AG01")
	}
	if err := g.checkIssuer(ctx, sidePointer(in, "/deliver"), p.pay.Deliver, f); err != nil {
		return nil, err
	}
	if err := g.checkIssuer(ctx, sidePointer(in, "/send"), p.pay.Send, f); err != nil {
		return nil, err
	}
	switch {
	case f.at("/uetr"):
	case in.Uetr != "":
		p.pay.UETR, _ = parseUETR(in.Uetr)
	default:
		p.pay.UETR = uuid.New()
	}
	if in.NotAfter != "" && !f.at("/not_after") {
		p.pay.NotAfter, _ = parseTime(in.NotAfter)
		if p.pay.NotAfter <= p.created {
			f.add("/not_after", openapi.ErrorCodePastNotAfter, "the time has passed", ledger.ISOReason(ledger.PastNotAfter))
		}
	}
	if len(f.list) > 0 {
		return p, nil
	}
	if in.QuoteId != "" {
		return p, g.readQuoted(ctx, in, p, f)
	}
	if p.pay.Send.Currency == 0 {
		if err := g.setBound(ctx, p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// setBound gives an order without a bound the one its sender's settings make.
func (g *Gateway) setBound(ctx context.Context, p *paymentOrder) (err error) {
	p.bound, err = g.bound(ctx, p.from, p.pay.Deliver, p.pay.Amount)
	p.pay.Send, p.pay.Bound = p.bound.source, p.bound.units
	return err
}

// readReceiver reads whom a payment is for, who must be admitted.
func (g *Gateway) readReceiver(ctx context.Context, to, at string, pay *ledger.Pay, f *faults) error {
	if f.at(at) {
		return nil
	}
	pay.To, _ = ledger.ParseBIC(to)
	known, err := g.admitted(ctx, pay.To)
	if err == nil && !known {
		f.add(at, openapi.ErrorCodeUnknownReceiver, "not admitted to the network", ledger.ISOReason(ledger.UnknownReceiver))
		return nil
	}
	return err
}

// admitted says whether a participant is in the network. One that was admitted stays so, and most orders
// name one that was seen before.
func (g *Gateway) admitted(ctx context.Context, bic ledger.BIC) (bool, error) {
	if _, seen := g.seen.Load(bic); seen {
		return true, nil
	}
	_, err := g.cfg.Store.Participant(ctx, bic)
	if errors.Is(err, sqlstore.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	g.seen.Store(bic, struct{}{})
	return true, nil
}

func (g *Gateway) checkIssuer(ctx context.Context, at string, a ledger.AssetName, f *faults) error {
	if a.Issuer == (ledger.BIC{}) {
		return nil
	}
	known, err := g.admitted(ctx, a.Issuer)
	if err == nil && !known {
		f.add(at+"/issuer", openapi.ErrorCodeUnknownIssuer, "not admitted to the network", ledger.ISOReason(ledger.UnknownIssuer))
		return nil
	}
	return err
}

// sidePointer returns where an order names what it sends or delivers.
func sidePointer(in *openapi.NewPayment, side string) string {
	switch {
	case side == "/send" && in.Send == nil:
		return "/send_max"
	case side == "/deliver" && in.Deliver == nil:
		return "/deliver_min"
	}
	return side
}

// readSides reads what is exact and what bounds it: deliver and send_max, or send and deliver_min.
func readSides(in *openapi.NewPayment, pay *ledger.Pay, f *faults) {
	hasDeliver := in.Deliver != nil || f.touching("/deliver")
	hasSend := in.Send != nil || f.touching("/send")
	switch {
	case hasDeliver && hasSend:
		f.add("/send", openapi.ErrorCodeConflictingFields, "deliver or send, not both", "")
	case !hasDeliver && !hasSend:
		f.add("/deliver", openapi.ErrorCodeMissingField, "deliver or send is needed", "CH21")
	case hasDeliver:
		pay.Mode = ledger.ExactDeliver
		pay.Amount, pay.Deliver = readMoney(in.Deliver, "/deliver", f)
		pay.Bound, pay.Send = readMoney(in.SendMax, "/send_max", f)
		if in.DeliverMin == nil {
			return
		}
		least, asset := readMoney(in.DeliverMin, "/deliver_min", f)
		pay.Least = least
		switch {
		case !in.Partial:
			f.add("/deliver_min", openapi.ErrorCodeConflictingFields, "beside deliver it bounds a partial payment", "")
		case asset != pay.Deliver || least > pay.Amount:
			f.add("/deliver_min", openapi.ErrorCodeInvalidValue, "of deliver's asset, and not above deliver", "")
		}
	default:
		pay.Mode = ledger.ExactSend
		pay.Amount, pay.Send = readMoney(in.Send, "/send", f)
		if in.DeliverMin == nil && !f.touching("/deliver_min") && in.QuoteId == "" {
			f.add("/deliver_min", openapi.ErrorCodeMissingField, "send needs the least that must arrive", "CH21")
		}
		pay.Bound, pay.Deliver = readMoney(in.DeliverMin, "/deliver_min", f)
		if in.SendMax != nil {
			f.add("/send_max", openapi.ErrorCodeConflictingFields, "send is its own bound", "")
		}
		if in.Partial {
			f.add("/partial", openapi.ErrorCodeConflictingFields, "an exact send has no amount to fall short of", "")
		}
	}
}

// draftPayments makes the instructions of orders that were read without a fault, and what is kept of
// them. The ledger gets a salted hash of the details.
func draftPayments(orders []*paymentOrder) (*draft, error) {
	d := &draft{}
	for _, o := range orders {
		text, err := json.Marshal(o.details)
		if err != nil {
			return nil, fmt.Errorf("details: %w", err)
		}
		salt := newSalt()
		pay := o.pay
		if o.details != nil {
			pay.Commitment = ledger.Commit(salt, text)
			d.details = append(d.details, sqlstore.Details{Payment: pay.ID, From: o.from, Salt: salt, Text: text})
		}
		d.instructions = append(d.instructions, &pay)
		kept := sqlstore.Payment{
			ID: pay.ID, From: o.from, To: pay.To, Kind: o.kind, Status: sqlstore.StatusReceived,
			Mode: pay.Mode, Partial: pay.Partial, Send: pay.Send, Deliver: pay.Deliver,
			Amount: pay.Amount, Bound: pay.Bound, Least: pay.Least, NotAfter: pay.NotAfter,
			UETR: pay.UETR, UETRKind: pay.UETRKind, EndToEndID: o.e2e, Commitment: pay.Commitment, Created: o.created,
		}
		if mid := o.bound.mid; mid.Give != 0 {
			kept.MidRate, kept.MidTime, kept.MidSource = mid.Decimal().String(), mid.Date.UnixMilli(), mid.Source
		}
		d.payments = append(d.payments, kept)
	}
	return d, nil
}
