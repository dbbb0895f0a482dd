package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"viaduct/openapi"
)

// StreamQuotes tells what a payment would cost, again each time that changes.
func (s server) StreamQuotes(ctx context.Context, r openapi.StreamQuotesRequestObject) (openapi.StreamQuotesResponseObject, error) {
	x := exchangeOf(ctx)
	q := r.Params
	in := &openapi.QuoteRequest{
		From: q.From, To: q.To, Source: q.Source, Target: q.Target, MaxPaths: q.MaxPaths, MaxHops: q.MaxHops,
		Deliver: moneyOfText(q.Deliver, "/deliver", &x.faults), Send: moneyOfText(q.Send, "/send", &x.faults),
	}
	ask, err := s.readQuote(ctx, in, x)
	if err != nil {
		return nil, inQuery(err)
	}
	st, err := s.streams.watch(x.caller.bic, ask)
	if err != nil {
		return nil, err
	}
	first, err := s.price(ctx, &ask)
	if err != nil {
		s.streams.remove(st.owner, st)
		return nil, err
	}
	return &quoteStream{gateway: s.Gateway, ctx: ctx, stream: st, first: first}, nil
}

// moneyOfText reads an amount of a query; its form was checked.
func moneyOfText(text, at string, f *faults) *openapi.Money {
	if text == "" {
		return nil
	}
	name, value, _ := strings.Cut(text, " ")
	asset, err := parseAsset(name)
	var bad *formatFault
	if errors.As(err, &bad) {
		f.add(at, bad.code, bad.message, bad.isoReason)
		return nil
	}
	m := &openapi.Money{Currency: asset.Currency.String(), Value: value, Issuer: asset.Issuer.String()}
	return m
}

// inQuery makes pointers into a body those into the query they came from.
func inQuery(err error) error {
	var p *problem
	if !errors.As(err, &p) {
		return err
	}
	for i := range p.faults {
		if at, ok := strings.CutPrefix(p.faults[i].Pointer, "/"); ok {
			name, _, _ := strings.Cut(at, "/")
			p.faults[i].Pointer = "query:" + name
		}
	}
	return p
}

// quoteStream is the answer of StreamQuotes.
type quoteStream struct {
	gateway *Gateway
	ctx     context.Context // ends with the connection
	stream  *stream
	first   openapi.Quote
}

// VisitStreamQuotesResponse writes events until the reader leaves or is too slow, the engine does not
// answer, or the server shuts down. Whoever is cut off asks again and misses nothing.
func (v *quoteStream) VisitStreamQuotesResponse(w http.ResponseWriter) error {
	all := v.gateway.streams
	defer all.remove(v.stream.owner, v.stream)
	out, err := startStream(w, all.patience)
	if err != nil {
		return nil
	}
	last := v.first
	told, err := json.Marshal(last.Options)
	if err != nil || out.quote(&last) != nil {
		return nil
	}
	all.attend(v.ctx, v.stream.poked, func(quiet bool) (bool, error) {
		if quiet {
			height, so := all.unchangedAt(v.stream, uint64(last.Height))
			if !so {
				return false, nil
			}
			return false, out.unchanged(height)
		}
		now, err := v.gateway.price(v.ctx, &v.stream.ask)
		if err != nil {
			return false, err
		}
		options, err := json.Marshal(now.Options)
		if err != nil {
			return false, err
		}
		if last = now; bytes.Equal(options, told) {
			return false, nil
		}
		told = options
		return true, out.quote(&now)
	})
	return nil
}

// events writes server-sent events.
type events struct {
	w        http.ResponseWriter
	conn     *http.ResponseController
	patience time.Duration
}

func (e *events) quote(q *openapi.Quote) error {
	data, err := json.Marshal(q)
	if err != nil {
		return err
	}
	return e.withID(fmt.Sprint(q.Height), "quote", data)
}

// unchanged tells that what was told last is still true at a height.
func (e *events) unchanged(height uint64) error {
	return e.event("unchanged", fmt.Appendf(nil, `{"height":%d}`, height))
}

// event writes one event out; data has no line breaks. A reader that does not take it in time is an
// error.
func (e *events) event(name string, data []byte) error {
	if err := e.deadline(); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(e.w, "event: %s\ndata: %s\n\n", name, data); err != nil {
		return err
	}
	return e.conn.Flush()
}

func (e *events) deadline() error {
	err := e.conn.SetWriteDeadline(time.Now().Add(e.patience))
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
