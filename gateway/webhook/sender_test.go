package webhook

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func sample() Delivery {
	return Delivery{Seq: 1, EventID: "evt_1", Subject: "pay_1", Body: []byte(`{"type":"payment.settled"}`)}
}

func TestSendOverARealConnection(t *testing.T) {
	keys := Keys{NewKey()}
	verifier, err := standardwebhooks.NewWebhook(keys[0].Secret.Text())
	if err != nil {
		t.Fatal(err)
	}
	var status atomic.Int64
	var retry atomic.Value
	retry.Store("")
	var redirected atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			redirected.Store(true)
		}
		body, _ := io.ReadAll(r.Body)
		if err := verifier.Verify(body, r.Header); err != nil {
			t.Errorf("the independent verifier: %v", err)
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || string(body) != string(sample().Body) {
			t.Errorf("%s, %s, %s", r.Method, r.Header.Get("Content-Type"), body)
		}
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("Retry-After", retry.Load().(string))
		w.WriteHeader(int(status.Load()))
	}))
	defer server.Close()
	sender := NewSender(Guard{AllowPrivate: true}, time.Now)
	defer sender.Close()

	tests := []struct {
		status     int
		retryAfter string
		delivered  bool
		reason     string
		wait       time.Duration
	}{
		{200, "", true, "", 0},
		{204, "", true, "", 0},
		{302, "", false, "status 302", 0},
		{307, "", false, "status 307", 0},
		{400, "", false, "status 400", 0},
		{410, "", false, "status 410", 0},
		{503, "120", false, "status 503", 2 * time.Minute},
		{429, "999999999", false, "status 429", maxRetryAfter},
		{503, "-5", false, "status 503", 0},
		{503, "soon", false, "status 503", 0},
		{503, "Sun, 06 Nov 1994 08:49:37 GMT", false, "status 503", 0},
	}
	for _, tt := range tests {
		status.Store(int64(tt.status))
		retry.Store(tt.retryAfter)
		r := sender.Send(t.Context(), Endpoint{ID: "one", URL: server.URL + "/hook", Keys: keys}, sample())
		if r.Delivered() != tt.delivered || r.Status != tt.status || r.Reason != tt.reason || r.RetryAfter != tt.wait {
			t.Errorf("%d %q: %+v, want delivered %v, %q, %v", tt.status, tt.retryAfter, r, tt.delivered, tt.reason, tt.wait)
		}
	}
	if redirected.Load() {
		t.Error("a redirect was followed")
	}
}

func TestRetryAfterAsADate(t *testing.T) {
	now := time.Date(2026, time.March, 13, 14, 0, 0, 0, time.UTC)
	if got := retryAfter("Fri, 13 Mar 2026 14:10:00 GMT", now); got != 10*time.Minute {
		t.Errorf("ten minutes on: %v", got)
	}
	if got := retryAfter("Fri, 13 Mar 2036 14:10:00 GMT", now); got != maxRetryAfter {
		t.Errorf("ten years on: %v", got)
	}
}

func TestTheGuardStandsBeforeEverySend(t *testing.T) {
	var reached atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer server.Close()
	sender := NewSender(Guard{}, time.Now)
	defer sender.Close()
	r := sender.Send(t.Context(), Endpoint{URL: server.URL, Keys: Keys{NewKey()}}, sample())
	if r.Reason != "address refused" || !errors.Is(r.Err, ErrAddress) || reached.Load() {
		t.Errorf("to loopback: %+v, reached %v", r, reached.Load())
	}
	closed := NewSender(Guard{AllowPrivate: true}, time.Now)
	defer closed.Close()
	server.Close()
	r = closed.Send(t.Context(), Endpoint{URL: server.URL + "/?token=sesame", Keys: Keys{NewKey()}}, sample())
	if r.Reason != "connection failed" || strings.Contains(r.Err.Error(), "sesame") {
		t.Errorf("to a closed port: %+v", r)
	}
}

func TestACertificateNobodyVouchesForIsRefused(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	server.Config.ErrorLog = quietLog()
	defer server.Close()
	sender := NewSender(Guard{AllowPrivate: true}, time.Now)
	defer sender.Close()
	if r := sender.Send(t.Context(), Endpoint{URL: server.URL, Keys: Keys{NewKey()}}, sample()); r.Reason != "certificate refused" {
		t.Errorf("%+v", r)
	}
}

// The three ways to keep us waiting: no answer, an answer without end, a header without end.
func TestASlowEndpointIsLeftAfterItsTime(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		status  int
		reason  string
		took    time.Duration
	}{
		{"silent", func(_ http.ResponseWriter, r *http.Request) { hang(r) }, 0, "timeout", sendTimeout},
		{"drips its body", func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			for r.Context().Err() == nil {
				w.Write([]byte("."))
				w.(http.Flusher).Flush()
				time.Sleep(time.Second)
			}
		}, 200, "", sendTimeout},
		{"long header", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 2*maxAnswerHeader))
		}, 0, "connection failed", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := NewNetwork(t)
				n.Serve("bank.example", tt.handler)
				sender := NewSender(n.Guard(), time.Now)
				defer sender.Close()
				began := time.Now()
				r := sender.Send(t.Context(), Endpoint{URL: "http://bank.example/", Keys: Keys{NewKey()}}, sample())
				if took := time.Since(began); r.Status != tt.status || r.Reason != tt.reason || took != tt.took {
					t.Errorf("%+v after %v, want %d, %q after %v", r, took, tt.status, tt.reason, tt.took)
				}
			})
		})
	}
}

// hang keeps the client waiting until it leaves, which a server sees only once it has read the body.
func hang(r *http.Request) {
	io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}
