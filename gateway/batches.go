package gateway

import (
	"context"
	"errors"
	"net/http"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// CreatePayments takes many orders as one submission.
func (s server) CreatePayments(ctx context.Context, r openapi.CreatePaymentsRequestObject) (openapi.CreatePaymentsResponseObject, error) {
	x := exchangeOf(ctx)
	if x.caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator makes no payments")
	}
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodPost, path: "/v1/payments/batch", whole: r.Body.AllOrNothing,
		draft: func(ctx context.Context) (*draft, error) {
			orders, err := s.readBatch(ctx, r.Body.Payments, x)
			if err != nil || len(x.faults.list) > 0 {
				return nil, errors.Join(err, x.faults.problem())
			}
			return draftPayments(orders)
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			return s.batchAnswer(ctx, at, x.caller)
		},
	})
}

// readBatch reads each order as one of its own, and points at what is faulty from the batch's top.
func (g *Gateway) readBatch(ctx context.Context, in []openapi.NewPayment, x *exchange) ([]*paymentOrder, error) {
	orders := make([]*paymentOrder, len(in))
	for i := range in {
		own := &exchange{caller: x.caller}
		var err error
		orders[i], err = g.readPayment(ctx, &in[i], own)
		at := "/payments/" + itoa(i)
		var p *problem
		switch {
		case errors.As(err, &p) && len(p.faults) == 0:
			// What stands against the order as a whole is told where the order stands.
			x.faults.add(at, p.code, p.detail, "")
		case err != nil && p == nil:
			return nil, err
		}
		for _, f := range own.faults.list {
			x.faults.add(at+f.Pointer, f.Rule, f.Message, f.IsoReason)
		}
		if x.faults.full() {
			break
		}
	}
	return orders, nil
}

// batchAnswer tells of each payment in the order of the request.
func (g *Gateway) batchAnswer(ctx context.Context, at placed, by caller) (*answer, error) {
	ids := paymentIDs(at.instructions)
	found, err := g.cfg.Store.PaymentsByID(ctx, by.bic, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[ledger.ID]*sqlstore.Payment, len(found))
	for i := range found {
		byID[found[i].ID] = &found[i]
	}
	out := openapi.Batch{Data: make([]openapi.Payment, len(ids))}
	status := http.StatusCreated
	for i, id := range ids {
		p := byID[id]
		if p == nil {
			return nil, errors.New("a payment of the batch is not in the store")
		}
		if !at.final {
			status = http.StatusAccepted
			if !at.held {
				notFinal(p)
			}
		}
		out.Data[i] = paymentView(*p, by.bic)
	}
	return jsonAnswer(status, out)
}
