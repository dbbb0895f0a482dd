package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// sendTimeout is what one attempt may take, from the look-up of the name to the end of the answer.
const sendTimeout = 15 * time.Second

const (
	maxAnswerHeader = 16 << 10
	// maxAnswer is how much of an answer's body is read, and thrown away, so that the connection can
	// be used again. An answer that is longer costs its endpoint a new connection.
	maxAnswer = 64 << 10
)

// Sender makes single attempts.
type Sender struct {
	guard  Guard
	client *http.Client
	now    func() time.Time
}

// NewSender returns a Sender whose connections all pass the guard. now stamps and signs.
func NewSender(guard Guard, now func() time.Time) *Sender {
	return &Sender{
		guard: guard,
		now:   now,
		client: &http.Client{
			Timeout: sendTimeout,
			// A redirect would take signed data to where nobody registered.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				// No Proxy: it would look names up again, out of the guard's sight.
				DialContext:            guard.DialContext,
				TLSHandshakeTimeout:    10 * time.Second,
				TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
				IdleConnTimeout:        time.Minute,
				MaxIdleConnsPerHost:    window,
				MaxResponseHeaderBytes: maxAnswerHeader,
				DisableCompression:     true,
			},
		},
	}
}

// CheckURL tells whether raw may be registered as an endpoint; see Guard.CheckURL.
func (s *Sender) CheckURL(raw string) error { return s.guard.CheckURL(raw) }

// Close gives the idle connections up.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

// Result is how an attempt went.
type Result struct {
	Status     int           // 0 when there was no answer
	RetryAfter time.Duration // how long the endpoint asks us to wait; 0 when it doesn't
	Reason     string        // as Attempt.Reason
	Err        error         // the whole story, for our own log; nil when there was an answer
}

// Delivered tells whether the endpoint took the event.
func (r Result) Delivered() bool { return r.Status >= 200 && r.Status <= 299 }

// Send makes one attempt: signs the delivery as of now, posts it and reads the answer.
func (s *Sender) Send(ctx context.Context, to Endpoint, d Delivery) Result {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(d.Body))
	if err != nil {
		return Result{Reason: "malformed URL", Err: ErrURL}
	}
	at := s.now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Viaduct-Webhooks/1")
	req.Header.Set(HeaderID, d.EventID)
	req.Header.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	req.Header.Set(HeaderSignature, to.Keys.Sign(d.EventID, at, d.Body))
	if d.Trace != "" {
		req.Header.Set("traceparent", d.Trace)
	}

	resp, err := s.client.Do(req)
	if err != nil {
		result := Result{Reason: reason(err), Err: err}
		var whole *url.Error // it repeats the URL, which may carry a token that isn't for our log
		if errors.As(err, &whole) {
			result.Err = whole.Err
		}
		return result
	}
	defer resp.Body.Close()
	// The status is the answer; what becomes of the rest changes nothing.
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)

	r := Result{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), s.now())}
	if !r.Delivered() {
		r.Reason = "status " + strconv.Itoa(r.Status)
	}
	return r
}

// reason says what failed without telling the endpoint's owner anything about our network.
func reason(err error) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var netErr net.Error
	switch {
	case errors.Is(err, ErrAddress):
		return "address refused"
	case errors.As(err, &netErr) && netErr.Timeout():
		return "timeout"
	case errors.As(err, &dns):
		return "name not found"
	case errors.As(err, &cert):
		return "certificate refused"
	}
	return "connection failed"
}

// retryAfter reads the header's two forms (RFC 9110, 10.2.3); what it cannot read asks for nothing.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
