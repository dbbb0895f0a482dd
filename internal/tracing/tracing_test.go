package tracing

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const sample = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// W3C Trace Context, section 3.2.2: what is not well formed is ignored; a later version may have more.
func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		sample: sample, "01" + sample[2:] + "-more": sample, "cc" + sample[2:]: sample, sample[:53] + "00": sample[:53] + "00", sample[:53] + "ff": sample,
		"": "", "x": "", sample + "0": "", sample + "-more": "", "ff" + sample[2:]: "", strings.ToUpper(sample): "", "01" + sample[2:] + "more": "",
		"00-" + strings.Repeat("0", 32) + sample[35:]: "", sample[:36] + strings.Repeat("0", 16) + "-01": "", strings.Replace(sample, "-", "_", 1): "",
	} {
		if got := Parse(text).String(); got != want {
			t.Errorf("Parse(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample)
	f.Add("01" + sample[2:] + "-x")
	f.Add(strings.ToUpper(sample))
	f.Fuzz(func(t *testing.T, text string) {
		c := Parse(text)
		if again := Parse(c.String()); again != c {
			t.Errorf("%q: %v, then %v", text, c, again)
		}
		if c != (Context{}) && !strings.Contains(text, c.Trace()) {
			t.Errorf("%q: the trace %q is not in it", text, c.Trace())
		}
	})
}

func environment(all map[string]string) func(string) string {
	return func(name string) string { return all[name] }
}

// collector is an OTLP receiver that keeps what it gets.
type collector struct {
	*httptest.Server
	mu       sync.Mutex
	spans    []span
	resource []attribute
	header   http.Header
	answers  []int // before 200
}

func newCollector(t *testing.T) *collector {
	c := new(collector)
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var d document
		if err == nil {
			err = json.Unmarshal(body, &d)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.header = r.Header
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", r.URL, err)
			return
		}
		if len(c.answers) > 0 {
			w.WriteHeader(c.answers[0])
			c.answers = c.answers[1:]
			return
		}
		for _, r := range d.ResourceSpans {
			c.resource = r.Resource.Attributes
			for _, s := range r.ScopeSpans {
				c.spans = append(c.spans, s.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func TestExport(t *testing.T) {
	c := newCollector(t)
	c.answers = []int{503, 429}
	tracer, err := FromEnvironment(environment(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": c.URL, "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=bank%20a", "OTEL_RESOURCE_ATTRIBUTES": "service.name=other,deployment=test",
		"OTEL_SERVICE_NAME": "viaduct-test", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2", "OTEL_BSP_SCHEDULE_DELAY": "600000",
	}), slog.New(slog.DiscardHandler))
	if err != nil || tracer == nil {
		t.Fatalf("%v, %v", tracer, err)
	}
	parent := Parse(sample)
	own := tracer.Begin(parent)
	at := time.Unix(1700000000, 5)
	tracer.Record(Span{Context: own, Parent: parent, Name: "CreatePayment", Kind: Server, Start: at, End: at.Add(7), Failed: true, Attributes: []Attribute{{Key: "status", Number: 500}}})
	tracer.Stage(own.String(), "applied", "validator-1", 9, at, at)
	unsampled := Parse(sample[:53] + "00")
	tracer.Record(Span{Context: tracer.Begin(unsampled), Parent: unsampled, Name: "not recorded"})
	tracer.Stage(unsampled.String(), "not recorded", "n", 1, at, at)
	tracer.Record(Span{Context: tracer.Begin(Context{}), Name: "of its own", Start: at, End: at})
	if err := tracer.Close(); err != nil {
		t.Error(err)
	}
	if len(c.spans) != 3 {
		t.Fatalf("%d spans: %+v", len(c.spans), c.spans)
	}
	first, second, third := c.spans[0], c.spans[1], c.spans[2]
	if first.TraceID != sample[3:35] || first.ParentID != sample[36:52] || first.Kind != Server || first.Start != "1700000000000000005" || first.End != "1700000000000000012" ||
		first.Status == nil || first.Status.Code != 2 || *first.Attributes[0].Value.Number != "500" {
		t.Errorf("%+v", first)
	}
	if second.TraceID != first.TraceID || second.ParentID != first.SpanID || second.Name != "applied" || *second.Attributes[0].Value.Text != "validator-1" || second.Status != nil {
		t.Errorf("%+v", second)
	}
	if third.TraceID == first.TraceID || third.ParentID != "" || third.Name != "of its own" {
		t.Errorf("%+v", third)
	}
	if c.header.Get("X-Tenant") != "bank a" || len(c.resource) != 2 || c.resource[0].Key != "service.name" || *c.resource[0].Value.Text != "viaduct-test" {
		t.Errorf("%v, %+v", c.header, c.resource)
	}
}

// A collector that is away costs spans, never time of whoever records them, and is told.
func TestCollectorAway(t *testing.T) {
	c := newCollector(t)
	var answers []int
	for range 100 {
		answers = append(answers, 400)
	}
	c.answers = answers
	tracer, err := FromEnvironment(environment(map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": c.URL + "/v1/traces", "OTEL_BSP_MAX_QUEUE_SIZE": "4"}), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	const sent = 1000
	for range sent {
		tracer.Record(Span{Context: tracer.Begin(Context{})})
	}
	if err := tracer.Close(); err == nil || tracer.dropped.Load() != sent || len(c.spans) != 0 {
		t.Errorf("%v: %d dropped, %d exported", err, tracer.dropped.Load(), len(c.spans))
	}
}

func TestOff(t *testing.T) {
	for _, env := range []map[string]string{
		nil,
		{"OTEL_SERVICE_NAME": "x"},
		{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"},
		{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"},
	} {
		tracer, err := FromEnvironment(environment(env), nil)
		if tracer != nil || err != nil {
			t.Errorf("%v: %v, %v", env, tracer, err)
		}
	}
	var off *Tracer
	parent := Parse(sample).String()
	if n := testing.AllocsPerRun(100, func() {
		off.Record(Span{Context: off.Begin(Context{})})
		off.Stage(parent, "applied", "n", 1, time.Time{}, time.Time{})
	}); n != 0 {
		t.Errorf("%v allocations when off", n)
	}
	if err := off.Close(); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	const at = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, env := range []map[string]string{
		{at: "localhost:4317"}, {at: "grpc://x"}, {at: "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {at: "http://x", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
		{"OTEL_TRACES_EXPORTER": "zipkin"}, {at: "http://x", "OTEL_EXPORTER_OTLP_HEADERS": "a"}, {at: "http://x", "OTEL_TRACES_SAMPLER": "sometimes"},
		{at: "http://x", "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "NaN"}, {at: "http://x", "OTEL_BSP_SCHEDULE_DELAY": "-1"},
		{at: "http://x", "OTEL_EXPORTER_OTLP_TIMEOUT": "soon"}, {at: "http://x", "OTEL_RESOURCE_ATTRIBUTES": "=b"},
	} {
		if _, _, err := read(environment(env)); err == nil {
			t.Errorf("%v was taken", env)
		}
	}
	_, _, err := read(environment(map[string]string{at: "http://x", "OTEL_EXPORTER_OTLP_HEADERS": "authorization: Bearer secret"}))
	if err == nil || !strings.Contains(err.Error(), "OTEL_EXPORTER_OTLP_HEADERS") || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v: want the variable, not its value", err)
	}
	s, on, err := read(environment(map[string]string{"OTEL_TRACES_EXPORTER": "otlp"}))
	if err != nil || !on || s.url != "http://localhost:4318/v1/traces" || s.share != 1 || !s.byParent {
		t.Errorf("%+v, %v, %v", s, on, err)
	}
}

// The decision is the trace's, not the span's, and as many are taken as was asked for.
func TestSampling(t *testing.T) {
	half := &Tracer{settings: settings{share: 0.5}}
	taken := 0
	for range 10_000 {
		c := half.Begin(Context{})
		if half.Begin(c).sampled != c.sampled {
			t.Fatal("a trace is sampled in part")
		}
		if c.sampled {
			taken++
		}
	}
	if taken < 4_500 || taken > 5_500 {
		t.Errorf("%d of 10,000 taken, want about half", taken)
	}
	never := &Tracer{settings: settings{byParent: true}}
	if never.Begin(Context{}).sampled || !never.Begin(Parse(sample)).sampled {
		t.Error("parentbased_always_off: the parent decides, and without one nothing is sampled")
	}
}
