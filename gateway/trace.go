package gateway

import (
	"context"
	"net/http"
	"time"

	"viaduct/internal/tracing"
	"viaduct/settlement"
	"viaduct/settlement/sqlstore"
)

// traceRequest records the span of a request that was answered; parent is the caller's.
func (g *Gateway) traceRequest(x *exchange, parent tracing.Context, name string, status int, start, end time.Time) {
	if !x.trace.Sampled() || g.cfg.Tracer == nil {
		return
	}
	all := []tracing.Attribute{{Key: "http.response.status_code", Number: int64(status)}, {Key: "viaduct.request_id", Text: x.id}}
	if x.code != "" {
		all = append(all, tracing.Attribute{Key: "error.type", Text: string(x.code)})
	}
	g.cfg.Tracer.Record(tracing.Span{
		Context: x.trace, Parent: parent, Name: name, Kind: tracing.Server, Start: start, End: end,
		Failed: status >= http.StatusInternalServerError, Attributes: all,
	})
}

// submitTraced hands a submission to the engine under a span of its own, which what happens there goes on
// from.
func (g *Gateway) submitTraced(ctx context.Context, submission []byte) (settlement.Accepted, error) {
	above := exchangeOf(ctx).trace
	if g.cfg.Tracer == nil || !above.Sampled() {
		return g.cfg.Engine.Submit(ctx, submission)
	}
	own, start := g.cfg.Tracer.Begin(above), time.Now()
	at, err := g.cfg.Engine.Submit(settlement.Traced(ctx, own.String()), submission)
	g.cfg.Tracer.Record(tracing.Span{
		Context: own, Parent: above, Name: "accepted", Kind: tracing.Client, Start: start, End: time.Now(), Failed: err != nil,
		Attributes: []tracing.Attribute{{Key: "viaduct.height", Number: int64(at.Height)}},
	})
	return at, err
}

// deliveryTrace returns the traceparent under which an event is sent: that of a span below the request
// that ordered its payment. A trace that cannot be read is no reason not to send.
func (g *Gateway) deliveryTrace(ctx context.Context, e *sqlstore.Event) (parent, own string) {
	if g.cfg.Tracer == nil {
		return "", ""
	}
	parent, err := g.cfg.Store.PaymentTrace(ctx, e.Sender(), e.Payment)
	if err != nil {
		g.cfg.Log.Warn("trace of a payment", "event", e.ID, "error", err)
	}
	above := tracing.Parse(parent)
	if !above.Sampled() {
		return "", ""
	}
	return parent, g.cfg.Tracer.Begin(above).String()
}

// traceDelivery records the span of an attempt to deliver an event.
func (g *Gateway) traceDelivery(parent, own, event string, status int, delivered bool, start time.Time, took time.Duration) {
	g.cfg.Tracer.Record(tracing.Span{
		Context: tracing.Parse(own), Parent: tracing.Parse(parent), Name: "notified", Kind: tracing.Client, Start: start, End: start.Add(took), Failed: !delivered,
		Attributes: []tracing.Attribute{{Key: "http.response.status_code", Number: int64(status)}, {Key: "viaduct.event_id", Text: event}},
	})
}
