package gateway

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"viaduct/openapi"
)

// Meters counts what a process does, for Prometheus. It is safe for concurrent use.
type Meters struct{ set *metrics.Set }

// NewMeters returns meters at zero.
func NewMeters() *Meters { return &Meters{metrics.NewSet()} }

// stageBuckets are seconds, from a cached read to what a caller no longer waits for.
var stageBuckets = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}

// Stage notes how long a payment's stage took: accepted (from the request to its place in the journal),
// ordered (one message's append), applied, final (the quorum's signatures), projected (into SQL) and
// notified (a webhook's attempt).
func (m *Meters) Stage(name string, took time.Duration) {
	m.set.GetOrCreatePrometheusHistogramExt(fmt.Sprintf(`viaduct_stage_seconds{stage=%q}`, name), stageBuckets).Update(took.Seconds())
}

// RatesRead notes how reading the mid-market rates ended: "ok", or why the last good ones stay.
func (m *Meters) RatesRead(code string) {
	m.set.GetOrCreateCounter(fmt.Sprintf(`viaduct_rates_reads_total{result=%q}`, code)).Inc()
}

// request notes an answer.
func (m *Meters) request(operation string, status int, took time.Duration) {
	m.set.GetOrCreateCounter(fmt.Sprintf(`viaduct_http_requests_total{operation=%q,status="%d"}`, operation, status)).Inc()
	m.set.GetOrCreatePrometheusHistogramExt(fmt.Sprintf(`viaduct_http_request_seconds{operation=%q}`, operation), stageBuckets).Update(took.Seconds())
}

// Metrics tells the operator's monitoring what this process counted.
func (s server) Metrics(ctx context.Context, _ openapi.MetricsRequestObject) (openapi.MetricsResponseObject, error) {
	if !exchangeOf(ctx).caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator's to read")
	}
	var text bytes.Buffer
	s.cfg.Meters.set.WritePrometheus(&text)
	metrics.WriteProcessMetrics(&text)
	return metricsText(text.Bytes()), nil
}

// metricsText is Prometheus' text format.
type metricsText []byte

// VisitMetricsResponse writes the text.
func (t metricsText) VisitMetricsResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(t)
	return err
}
