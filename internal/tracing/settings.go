package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// settings are what the OTEL_ variables say, with the defaults that their specification gives.
type settings struct {
	url      string
	headers  map[string]string
	timeout  time.Duration
	resource []Attribute
	byParent bool    // a caller's decision to sample is followed
	share    float64 // of traces that are sampled, where this program decides
	queue    int
	batch    int
	every    time.Duration
}

// FromEnvironment returns the tracer that the standard variables ask for: nil unless an OTLP endpoint is
// given (OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) or OTEL_TRACES_EXPORTER=otlp
// asks for the usual one. A variable that it can't follow is an error, for who sets one counts on it.
func FromEnvironment(getenv func(string) string, log *slog.Logger) (*Tracer, error) {
	s, on, err := read(getenv)
	if err != nil || !on {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	t := &Tracer{
		settings: s, client: &http.Client{Timeout: s.timeout}, log: log, spans: make(chan Span, s.queue),
		cancel: cancel, stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go t.run(ctx)
	return t, nil
}

func read(getenv func(string) string) (s settings, on bool, err error) {
	var faults []error
	bad := func(name, want string) {
		faults = append(faults, fmt.Errorf("%s=%q: want %s", name, getenv(name), want))
	}
	// The variable for traces goes before the one for all signals.
	either := func(end string) (name, value string) {
		name = "OTEL_EXPORTER_OTLP_TRACES_" + end
		if getenv(name) == "" {
			name = "OTEL_EXPORTER_OTLP_" + end
		}
		return name, getenv(name)
	}
	number := func(name string, standard, most int) int {
		text := getenv(name)
		if text == "" {
			return standard
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > most {
			bad(name, "a number from 1 to "+strconv.Itoa(most))
			return standard
		}
		return n
	}

	exporter := getenv("OTEL_TRACES_EXPORTER")
	endpointName, endpoint := either("ENDPOINT")
	switch {
	case strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter == "" && endpoint == "":
		return s, false, nil
	case exporter != "" && exporter != "otlp":
		bad("OTEL_TRACES_EXPORTER", "otlp or none")
	}
	if name, protocol := either("PROTOCOL"); protocol != "" && protocol != "http/json" {
		bad(name, "http/json, which is what this program speaks and collectors take on the same port as http/protobuf")
	}
	if endpoint == "" {
		endpoint = "http://localhost:4318"
	}
	at, err := url.Parse(endpoint)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		bad(endpointName, "an http or https URL")
	} else if strings.HasSuffix(endpointName, "TRACES_ENDPOINT") {
		s.url = at.String()
	} else {
		s.url = at.JoinPath("v1/traces").String()
	}
	name, text := either("HEADERS")
	headers, ok := pairs(text)
	if !ok { // they may hold a token, and the error goes to the log
		faults = append(faults, fmt.Errorf("%s: want key=value,key=value", name))
	}
	s.headers = make(map[string]string)
	for _, h := range headers {
		s.headers[h.Key] = h.Text
	}
	timeoutName, _ := either("TIMEOUT")
	s.timeout = time.Duration(number(timeoutName, 10_000, 600_000)) * time.Millisecond
	if s.resource, ok = pairs(getenv("OTEL_RESOURCE_ATTRIBUTES")); !ok {
		bad("OTEL_RESOURCE_ATTRIBUTES", "key=value,key=value")
	}
	service := getenv("OTEL_SERVICE_NAME")
	for _, a := range s.resource {
		if a.Key == "service.name" && service == "" {
			service = a.Text
		}
	}
	if service == "" {
		service = "viaduct"
	}
	named := []Attribute{{Key: "service.name", Text: service}}
	for _, a := range s.resource {
		if a.Key != "service.name" {
			named = append(named, a)
		}
	}
	s.resource = named

	sampler := getenv("OTEL_TRACES_SAMPLER")
	kind, byParent := strings.CutPrefix(sampler, "parentbased_")
	s.byParent = byParent || sampler == ""
	switch kind {
	case "", "always_on":
		s.share = 1
	case "always_off":
	case "traceidratio":
		s.share = 1
		if arg := getenv("OTEL_TRACES_SAMPLER_ARG"); arg != "" {
			if s.share, err = strconv.ParseFloat(arg, 64); err != nil || !(s.share >= 0 && s.share <= 1) {
				bad("OTEL_TRACES_SAMPLER_ARG", "a share from 0 to 1")
			}
		}
	default:
		bad("OTEL_TRACES_SAMPLER", "always_on, always_off, traceidratio, or one of them behind parentbased_")
	}
	s.queue = number("OTEL_BSP_MAX_QUEUE_SIZE", 2048, 1<<20)
	s.batch = number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1<<14)
	s.every = time.Duration(number("OTEL_BSP_SCHEDULE_DELAY", 5000, 600_000)) * time.Millisecond
	return s, true, errors.Join(faults...)
}

// pairs reads "key=value,key=value", the values percent-encoded, as the specification writes lists.
func pairs(text string) (all []Attribute, ok bool) {
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		key, value, found := strings.Cut(part, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if key = strings.TrimSpace(key); !found || key == "" || err != nil {
			return nil, false
		}
		all = append(all, Attribute{Key: key, Text: value})
	}
	return all, true
}
