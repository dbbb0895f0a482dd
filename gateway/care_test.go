package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"viaduct/gateway/ratelimit"
	"viaduct/internal/testenv"
	"viaduct/ledger"
)

// limited is a second gateway with limits of its own.
func (r *rig) limited(limits Limits) *rig {
	r.t.Helper()
	r.config.Limits = limits
	defer func() { r.config.Limits = Limits{} }()
	return r.another()
}

// Each key has its own rate for reads and for money; past it the answer says when to come again, and it
// comes true.
func TestRateLimits(t *testing.T) {
	r := newRig(t)
	r.market()
	limiters := map[string]func(*testing.T) ratelimit.Limiter{
		"memory": func(*testing.T) ratelimit.Limiter { return ratelimit.NewMemory(r.config.Now) },
		"redis": func(t *testing.T) ratelimit.Limiter {
			l, err := ratelimit.NewRedis(testenv.Redis(t), "test:")
			r.ok(err)
			t.Cleanup(func() { _ = l.Close() })
			return l
		},
	}
	for name, limiter := range limiters {
		t.Run(name, func(t *testing.T) {
			g := r.limited(Limits{
				Limiter: limiter(t), Money: ratelimit.Rate{Burst: 2, Per: time.Hour}, Reads: ratelimit.Rate{Burst: 3, Per: 3 * time.Second},
			})
			for i := range 3 {
				got := g.must(200, g.do("GET", "/v1/balances", mexican, nil))
				if h := got.header; h.Get("RateLimit-Policy") != `"reads";q=3;w=3` || !strings.HasPrefix(h.Get("RateLimit"), fmt.Sprintf(`"reads";r=%d;t=`, 2-i)) {
					t.Errorf("%v", h)
				}
			}
			got := g.must(429, g.do("GET", "/v1/balances", mexican, nil))
			if got.text("code") != "rate_limited" || got.text("retryable") != "true" || got.header.Get("Retry-After") != "1" {
				t.Errorf("%s %v", got.body, got.header)
			}
			g.must(200, g.do("GET", "/v1/balances", german, nil))
			for range 2 {
				g.must(202, g.do("POST", "/v1/payments", mexican, euros("1.00")))
			}
			got = g.must(429, g.do("POST", "/v1/payments", mexican, euros("1.00"), "Idempotency-Key", "limited"))
			if got.header.Get("Retry-After") == "" || got.header.Get("RateLimit") == "" {
				t.Errorf("%v", got.header)
			}
			g.must(200, r.do("GET", "/v1/balances", mexican, nil)) // what has no limits has none
			if name == "memory" {
				r.clock.Add(int64(time.Second))
				g.must(200, g.do("GET", "/v1/balances", mexican, nil))
				g.must(429, g.do("GET", "/v1/balances", mexican, nil))
			}
			// A refusal for its rate bound no key.
			r.must(202, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Idempotency-Key", "limited-"+name))
		})
	}
}

// broken is a limiter that cannot tell.
type broken struct{}

func (broken) Allow(context.Context, string, ratelimit.Rate) (ratelimit.Decision, error) {
	return ratelimit.Decision{}, errors.New("no Redis")
}

// When nothing can be counted, reads go on and money does not; what was refused ordered nothing.
func TestLimiterAway(t *testing.T) {
	r := newRig(t)
	r.market()
	g := r.limited(Limits{Limiter: broken{}, Money: ratelimit.Rate{Burst: 1, Per: time.Second}, Reads: ratelimit.Rate{Burst: 1, Per: time.Second}})
	for range 5 {
		g.must(200, g.do("GET", "/v1/balances", mexican, nil))
		g.must(200, g.do("POST", "/v1/quotes", mexican, obj{"to": german, "deliver": cash("EUR", "1.00"), "source": "MXN"}))
	}
	got := g.must(503, g.do("POST", "/v1/payments", mexican, euros("1.00"), "Idempotency-Key", "k"))
	if got.text("code") != "unavailable" || got.header.Get("Retry-After") == "" {
		t.Errorf("%s", got.body)
	}
	if list := r.must(200, r.do("GET", "/v1/payments", mexican, nil)).statuses(); len(list) != 0 {
		t.Errorf("ordered: %v", list)
	}
	r.must(202, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Idempotency-Key", "k"))
}

// No request that was taken is lost when the server is told to stop: each is answered whole, or was never
// taken.
func TestDrain(t *testing.T) {
	r := newRig(t)
	r.market()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	r.ok(err)
	server := r.gateway.Server()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	var answered, refused atomic.Int64
	var begun sync.WaitGroup
	var all sync.WaitGroup
	const clients = 20
	begun.Add(clients)
	for i := range clients {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for n := 0; ; n++ {
				req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+listener.Addr().String()+"/v1/payments",
					strings.NewReader(`{"to":"EURBDEFF","deliver":{"currency":"EUR","value":"0.10"},"send_max":{"currency":"MXN","value":"9.00"}}`))
				r.ok(err)
				for name, value := range map[string]string{
					"Authorization": "Bearer " + r.keys[mexican], "Content-Type": "application/json", "Idempotency-Key": fmt.Sprintf("drain-%d-%d", i, n), "Prefer": "wait=10",
				} {
					req.Header.Set(name, value)
				}
				resp, err := client.Do(req)
				var dial *net.OpError
				switch {
				case errors.As(err, &dial) && dial.Op == "dial", err != nil && n > 0 && errors.Is(err, io.EOF):
					// Nobody listens any more, or the idle connection was closed under the request, which was
					// not read: the client's library says so when it may not repeat a POST by itself.
					refused.Add(1)
					return
				case err != nil:
					t.Errorf("client %d, request %d: %v", i, n, err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != 201 || !bytes.Contains(body, []byte(`"settled"`)) {
					t.Errorf("client %d, request %d: %d %v %s", i, n, resp.StatusCode, err, body)
				}
				answered.Add(1)
				if n == 0 {
					begun.Done()
				}
			}
		})
	}
	begun.Wait()
	stop, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	all.Wait()
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	total := int64(0)
	for _, id := range r.walk("/v1/payments", mexican, "status", 200, nil) {
		if id == "settled" {
			total++
		}
	}
	if total != answered.Load() {
		t.Errorf("%d payments are settled, %d were answered", total, answered.Load())
	}
	t.Logf("%d answered, %d clients turned away", answered.Load(), refused.Load())
}

// A client that sends its header or its body a byte at a time is cut off, and so is one that asks for
// more header than any request needs.
func TestSlowLoris(t *testing.T) {
	r := newRig(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	r.ok(err)
	server := r.gateway.Server()
	if server.ReadHeaderTimeout == 0 || server.ReadTimeout == 0 || server.WriteTimeout == 0 || server.IdleTimeout == 0 || server.MaxHeaderBytes == 0 {
		t.Fatal("a time-out is missing")
	}
	server.ReadHeaderTimeout, server.ReadTimeout = 200*time.Millisecond, 400*time.Millisecond
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	head := "POST /v1/payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + r.keys[mexican] + "\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: 100000\r\n\r\n"
	for name, text := range map[string]string{"header": strings.Repeat("X", 1000), "body": head + strings.Repeat(" ", 90000)} {
		conn, err := net.Dial("tcp", listener.Addr().String())
		r.ok(err)
		r.ok(conn.SetDeadline(time.Now().Add(20 * time.Second)))
		sent := len(head)
		if name == "header" {
			sent = 0
		} else {
			_, err = io.WriteString(conn, head)
			r.ok(err)
		}
		start := time.Now()
		cut := make(chan []byte)
		go func() {
			answer, _ := io.ReadAll(conn)
			cut <- answer
		}()
		tick := time.NewTicker(5 * time.Millisecond)
		var answer []byte
	drip:
		for ; sent < len(text); sent++ {
			select {
			case answer = <-cut:
				break drip
			case <-tick.C:
				if _, err := io.WriteString(conn, text[sent:sent+1]); err != nil {
					answer = <-cut
					break drip
				}
			}
		}
		tick.Stop()
		conn.Close()
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: cut off after %v", name, took)
		}
		if line, _, _ := strings.Cut(string(answer), "\r\n"); line != "" && !strings.Contains(line, " 4") {
			t.Errorf("%s: %q", name, line)
		}
	}
	conn, err := net.Dial("tcp", listener.Addr().String())
	r.ok(err)
	defer conn.Close()
	fmt.Fprintf(conn, "GET /v1/balances HTTP/1.1\r\nHost: x\r\nX-Big: %s\r\n\r\n", strings.Repeat("x", 2*maxHeader))
	if answer, _ := io.ReadAll(conn); !bytes.Contains(answer, []byte(" 431 ")) {
		t.Errorf("a header of %d bytes: %.60q", 2*maxHeader, answer)
	}
	r.must(200, r.do("GET", "/v1/balances", mexican, nil))
}

// A caller's request id and trace go with its order into what is kept beside the journal's bytes, and come
// back in errors and logs; logs never hold names, accounts or keys.
func TestTracesAndLogs(t *testing.T) {
	r := newRig(t)
	r.market()
	var log lockedBuffer
	r.config.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	g := r.another()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	order := euros("1.00")
	order["details"] = obj{"debtor": obj{"name": "Tienda Azul", "account": "012180001234567897"}, "remittance": "Invoice 118"}
	g.must(201, g.do("POST", "/v1/payments", mexican, order, "Idempotency-Key", "traced", "X-Request-Id", "bank-77", "traceparent", trace, "Prefer", "wait=10"))
	kept, err := r.store.Request(t.Context(), ledger.MustBIC(mexican), "traced")
	if err != nil || kept.RequestID != "bank-77" || kept.Trace != trace {
		t.Errorf("kept %q, %q: %v", kept.RequestID, kept.Trace, err)
	}
	bad := g.must(400, g.do("POST", "/v1/payments", mexican, obj{"to": german, "deliver": cash("EUR", "1.001"), "details": order["details"]}, "X-Request-Id", "bank-78", "traceparent", trace))
	if bad.text("request_id") != "bank-78" || bad.text("trace_id") != trace[3:35] || bad.header.Get("X-Request-Id") != "bank-78" {
		t.Errorf("%s", bad.body)
	}
	for _, malformed := range []string{"x", "00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01", strings.ToUpper(trace), trace + "0", "ff" + trace[2:]} {
		if got := g.must(404, g.do("GET", "/v1/payments/x", mexican, nil, "traceparent", malformed)); got.text("trace_id") != "" {
			t.Errorf("%q: %s", malformed, got.body)
		}
	}
	text := log.String()
	for _, want := range []string{"bank-77", "bank-78", trace[3:35], `"operation":"CreatePayment"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the log has no %s", want)
		}
	}
	for _, secret := range []string{"Tienda", "012180001234567897", "Invoice", r.keys[mexican], r.keys[""]} {
		if strings.Contains(text, secret) {
			t.Errorf("the log has %s", secret)
		}
	}
}

// lockedBuffer is a buffer that several write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestMetrics(t *testing.T) {
	r := newRig(t)
	r.market()
	r.pay("1.00")
	r.must(403, r.do("GET", "/metrics", mexican, nil))
	got := string(r.must(200, r.do("GET", "/metrics", "", nil)).body)
	for _, want := range []string{
		`viaduct_http_requests_total{operation="CreatePayment",status="201"} `, `viaduct_http_request_seconds_bucket{operation="CreatePayment",le="`,
		`viaduct_stage_seconds_count{stage="accepted"} `, `viaduct_stage_seconds_count{stage="ordered"} `, `viaduct_stage_seconds_count{stage="applied"} `,
		`viaduct_stage_seconds_count{stage="final"} `, `viaduct_stage_seconds_count{stage="projected"} `, "process_resident_memory_bytes ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%.2000s", want, got)
		}
	}
}

func TestPreferOutOfBounds(t *testing.T) {
	r := newRig(t)
	r.market()
	for _, prefer := range []string{"wait=500", "wait=-1", "wait=soon", "wait", "respond-async, wait=31"} {
		got := r.must(400, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Prefer", prefer))
		diff(t, prefer, got.faults(), []string{"header:Prefer invalid_value"})
	}
	r.must(202, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Prefer", "respond-async"))
	r.must(201, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Prefer", `wait="30"`))
}
