package tracing

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// tries bounds how often a batch is sent before it is dropped, and firstPause is the wait after the first.
const (
	tries      = 4
	firstPause = 200 * time.Millisecond
)

// run exports batches as they fill, or as time passes, until the tracer is closed.
func (t *Tracer) run(ctx context.Context) {
	defer close(t.ended)
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	var batch []Span
	flush := func() {
		if len(batch) > 0 {
			t.export(ctx, batch)
			batch = batch[:0]
		}
	}
	for {
		select {
		case s := <-t.spans:
			if batch = append(batch, s); len(batch) >= t.batch {
				flush()
			}
		case <-tick.C:
			flush()
		case <-t.stop:
			for {
				select {
				case s := <-t.spans:
					if batch = append(batch, s); len(batch) >= t.batch {
						flush()
					}
					continue
				default:
				}
				flush()
				return
			}
		}
	}
}

// export sends one batch. What the collector can't take now is sent again a few times; what it refuses is
// dropped.
func (t *Tracer) export(ctx context.Context, batch []Span) {
	body, err := json.Marshal(t.document(batch))
	pause := firstPause
	for i := 0; err == nil; i++ {
		var again bool
		if again, err = t.send(ctx, body); err == nil {
			return
		}
		if !again || i+1 == tries {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause, err = 2*pause, ctx.Err()
	}
	t.dropped.Add(int64(len(batch)))
	t.log.Warn("traces were not exported", "spans", len(batch), "dropped", t.dropped.Load(), "error", err)
}

func (t *Tracer) send(ctx context.Context, body []byte) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Viaduct/1 OTLP")
	for name, value := range t.headers {
		req.Header.Set(name, value)
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return true, err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection can be used again
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		again = true
	}
	if resp.StatusCode/100 != 2 {
		return again, fmt.Errorf("the collector answered %d", resp.StatusCode)
	}
	return false, nil
}

// The types below are OTLP's ExportTraceServiceRequest as JSON: ids are hexadecimal there, and 64-bit
// numbers are strings.
type document struct {
	ResourceSpans []resourceSpans `json:"resourceSpans"`
}

type resourceSpans struct {
	Resource struct {
		Attributes []attribute `json:"attributes"`
	} `json:"resource"`
	ScopeSpans []scopeSpans `json:"scopeSpans"`
}

type scopeSpans struct {
	Scope struct {
		Name string `json:"name"`
	} `json:"scope"`
	Spans []span `json:"spans"`
}

type span struct {
	TraceID    string      `json:"traceId"`
	SpanID     string      `json:"spanId"`
	ParentID   string      `json:"parentSpanId,omitempty"`
	Name       string      `json:"name"`
	Kind       Kind        `json:"kind"`
	Start      string      `json:"startTimeUnixNano"`
	End        string      `json:"endTimeUnixNano"`
	Attributes []attribute `json:"attributes,omitempty"`
	Status     *status     `json:"status,omitempty"`
}

type status struct {
	Code int `json:"code"`
}

type attribute struct {
	Key   string `json:"key"`
	Value value  `json:"value"`
}

type value struct {
	Text   *string `json:"stringValue,omitempty"`
	Number *string `json:"intValue,omitempty"`
}

// statusError is OTLP's code of a span that failed.
const statusError = 2

func (t *Tracer) document(batch []Span) document {
	r := resourceSpans{ScopeSpans: make([]scopeSpans, 1)}
	r.Resource.Attributes = attributes(t.resource)
	scope := &r.ScopeSpans[0]
	scope.Scope.Name = "viaduct"
	scope.Spans = make([]span, len(batch))
	for i := range batch {
		s := &batch[i]
		out := span{
			TraceID: s.Context.Trace(), SpanID: hex.EncodeToString(s.Context.span[:]), Name: s.Name, Kind: s.Kind,
			Start: strconv.FormatInt(s.Start.UnixNano(), 10), End: strconv.FormatInt(s.End.UnixNano(), 10), Attributes: attributes(s.Attributes),
		}
		if s.Parent != (Context{}) {
			out.ParentID = hex.EncodeToString(s.Parent.span[:])
		}
		if s.Failed {
			out.Status = &status{statusError}
		}
		scope.Spans[i] = out
	}
	return document{[]resourceSpans{r}}
}

func attributes(all []Attribute) []attribute {
	out := make([]attribute, len(all))
	for i, a := range all {
		out[i].Key = a.Key
		if a.Text != "" {
			out[i].Value.Text = &a.Text
		} else {
			n := strconv.FormatInt(a.Number, 10)
			out[i].Value.Number = &n
		}
	}
	return out
}
