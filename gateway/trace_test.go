package gateway

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"viaduct/internal/tracing"
)

// exported is what an OTLP receiver is sent, as far as these tests look at it.
type exported struct {
	ResourceSpans []struct {
		ScopeSpans []struct {
			Spans []exportedSpan `json:"spans"`
		} `json:"scopeSpans"`
	} `json:"resourceSpans"`
}

type exportedSpan struct {
	Trace  string `json:"traceId"`
	ID     string `json:"spanId"`
	Parent string `json:"parentSpanId"`
	Name   string `json:"name"`
}

// One payment is one trace: from the bank's own span over the gateway, the journal and the block to the
// webhook that tells of it, as a receiver of OTLP over HTTP sees it.
func TestOnePaymentIsOneTrace(t *testing.T) {
	spans := make(chan exportedSpan, 1000)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var doc exported
		if err == nil {
			err = json.Unmarshal(body, &doc)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL, err)
		}
		for _, resource := range doc.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, s := range scope.Spans {
					spans <- s
				}
			}
		}
	}))
	defer collector.Close()
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_TRACES_SAMPLER": "parentbased_always_off"}
	tracer, err := tracing.FromEnvironment(func(name string) string { return env[name] }, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tracer.Close(); err != nil {
			t.Error(err)
		}
	}()
	r := startTracedRig(t, tracer)
	r.admit(mexican, german, dealer, romanian)
	r.market()
	received := make(chan string, 100)
	bank := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { received <- q.Header.Get("traceparent") }))
	defer bank.Close()
	r.must(201, r.do("POST", "/v1/webhooks", mexican, obj{"url": bank.URL}))
	run, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { r.gateway.Dispatcher(nil).Run(run); close(ended) }()
	defer func() { stop(); <-ended }()

	// The journal's bytes are the same with and without a trace; what is not sampled records nothing.
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	r.pay("1.00")
	paid := r.must(201, r.do("POST", "/v1/payments", mexican, euros("2.00"), "traceparent", "00-"+trace+"-"+parent+"-01", "Prefer", "wait=10"))
	if paid.text("status") != "settled" {
		t.Fatalf("%s", paid.body)
	}
	r.gateway.nudge <- struct{}{}

	want := []string{"CreatePayment", "accepted", "applied", "final", "notified", "ordered", "projected"}
	found := make(map[string]exportedSpan)
	for len(found) < len(want) {
		select {
		case s := <-spans:
			if s.Trace != trace {
				t.Errorf("a span of another trace: %+v", s)
			}
			if _, twice := found[s.Name]; twice {
				t.Errorf("%s came twice", s.Name)
			}
			found[s.Name] = s
		case <-time.After(30 * time.Second):
			t.Fatalf("only %+v", found)
		}
	}
	for _, name := range want {
		above := map[string]string{"CreatePayment": parent, "accepted": found["CreatePayment"].ID, "notified": found["CreatePayment"].ID}[name]
		if above == "" {
			above = found["accepted"].ID
		}
		if s, ok := found[name]; !ok || s.Parent != above {
			t.Errorf("%s: %+v, want below %s", name, s, above)
		}
	}
	var sent []string
	for len(sent) < 2 {
		sent = append(sent, <-received)
	}
	slices.Sort(sent)
	if sent[0] != "" || !strings.Contains(sent[1], found["notified"].ID) {
		t.Errorf("webhooks carried %q, want none, and the span of the second", sent)
	}
}
