package gateway

import (
	"context"
	"errors"

	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

const (
	// attemptsShown is how many attempts the log has of each delivery, twice what one takes by itself.
	attemptsShown = 20
	// maxRedeliver bounds the deliveries that one request makes due again.
	maxRedeliver = 10_000
)

// ListDeliveries lists a webhook's deliveries and what became of each attempt.
func (s server) ListDeliveries(ctx context.Context, r openapi.ListDeliveriesRequestObject) (openapi.ListDeliveriesResponseObject, error) {
	x := exchangeOf(ctx)
	hook, err := s.ownWebhook(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	list := "deliveries:" + idText(hook.ID) + ":" + string(r.Params.Status)
	before, err := s.behindNumber(list, r.Params.Cursor, 0)
	if err != nil {
		return nil, err
	}
	limit := limitOf(r.Params.Limit)
	found, err := s.cfg.Store.Deliveries(ctx, x.caller.bic, hook.ID, string(r.Params.Status), before, limit+1)
	found, next := cut(s.Gateway, list, found, limit, func(d *sqlstore.Delivery) []byte { return be64(uint64(d.Seq)) })
	page := openapi.ListDeliveries200JSONResponse{Data: []openapi.Delivery{}, NextCursor: next}
	if err != nil || len(found) == 0 {
		return page, err
	}
	attempts, err := s.cfg.Store.Attempts(ctx, x.caller.bic, hook.ID, found[len(found)-1].Seq, found[0].Seq, attemptsShown)
	if err != nil {
		return nil, err
	}
	log := make(map[int64][]openapi.DeliveryAttempt)
	for i := range attempts {
		a := &attempts[i]
		log[a.Seq] = append(log[a.Seq], openapi.DeliveryAttempt{
			Number: a.Number, At: timeText(a.At), TookMs: a.Took, Status: a.Status, Reason: a.Reason, Outcome: outcomeView(a.Outcome),
		})
	}
	for i := range found {
		page.Data = append(page.Data, deliveryView(&found[i], log[found[i].Seq]))
	}
	return page, nil
}

func deliveryView(d *sqlstore.Delivery, log []openapi.DeliveryAttempt) openapi.Delivery {
	view := openapi.Delivery{
		EventId: d.Event.ID, Type: openapi.EventType(d.Event.Type), Status: openapi.DeliveryStatus(d.State),
		Timestamp: timeText(d.Event.Time), Attempts: log,
	}
	if d.Event.Type != sqlstore.OfferFilled {
		view.PaymentId = idText(d.Event.Payment)
	}
	if log == nil {
		view.Attempts = []openapi.DeliveryAttempt{}
	}
	if d.State == sqlstore.DeliveryPending {
		view.NextAttemptAt = timeText(d.Due)
	}
	return view
}

func outcomeView(o sqlstore.AttemptOutcome) openapi.DeliveryAttemptOutcome {
	switch o {
	case sqlstore.AttemptDelivered:
		return openapi.DeliveryAttemptOutcomeDelivered
	case sqlstore.AttemptRetry:
		return openapi.DeliveryAttemptOutcomeRetry
	case sqlstore.AttemptGone:
		return openapi.DeliveryAttemptOutcomeGone
	}
	return openapi.DeliveryAttemptOutcomeFailed
}

// Redeliver has events sent again.
func (s server) Redeliver(ctx context.Context, r openapi.RedeliverRequestObject) (openapi.RedeliverResponseObject, error) {
	x := exchangeOf(ctx)
	hook, err := s.ownWebhook(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	meant := sqlstore.Redelivery{Event: r.Body.EventId, Failed: r.Body.Failed}
	for _, bound := range []struct {
		at   string
		text openapi.Time
		ms   *int64
	}{{"/from", r.Body.From, &meant.From}, {"/until", r.Body.Until, &meant.Until}} {
		if bound.text != "" {
			*bound.ms, _ = parseTime(bound.text) // the contract's format was checked
		}
	}
	ranged := meant.From != 0 || meant.Until != 0
	switch {
	case meant.Event != "" && (meant.Failed || ranged):
		x.faults.add("/event_id", openapi.ErrorCodeConflictingFields, "one event, or those of a range or given up", "")
	case meant.Event == "" && !meant.Failed && !ranged:
		x.faults.add("/event_id", openapi.ErrorCodeMissingField, "say which: event_id, failed: true, or from and until", "")
	case meant.Until != 0 && meant.Until <= meant.From:
		x.faults.add("/until", openapi.ErrorCodeInvalidTime, "not after from", "")
	}
	if err := x.faults.problem(); err != nil {
		return nil, err
	}
	if hook.Disabled != 0 {
		return nil, refuse(openapi.ErrorCodeWebhookDisabled, "turn it on first: PATCH with disabled: false")
	}
	count, next, err := s.cfg.Store.Redeliver(ctx, x.caller.bic, hook.ID, meant, s.now(), maxRedeliver)
	switch {
	case errors.Is(err, sqlstore.ErrCursor), err == nil && count == 0 && meant.Event != "":
		return nil, refuse(openapi.ErrorCodeNotFound, "no delivery of this event to this webhook")
	case err != nil:
		return nil, err
	}
	s.wakeDispatcher()
	return openapi.Redeliver202JSONResponse{Count: int(count), NextFrom: timeText(next)}, nil
}
