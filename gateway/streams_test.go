package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"viaduct/settlement"
)

// counting is an engine that counts the quotes it is asked for.
type counting struct {
	Engine
	quotes atomic.Int64
}

// Quote counts.
func (c *counting) Quote(ctx context.Context, q settlement.QuoteRequest) (settlement.QuoteAnswer, error) {
	c.quotes.Add(1)
	return c.Engine.Quote(ctx, q)
}

// watcher reads a stream's events.
type watcher struct {
	r    *rig
	body io.ReadCloser
	in   *bufio.Scanner
}

type event struct {
	id, name string
	data     obj
}

func (r *rig) watch(as string, query url.Values) *watcher {
	r.t.Helper()
	return r.open(as, "/v1/quotes/stream?"+query.Encode())
}

// open opens a stream.
func (r *rig) open(as, path string) *watcher {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), "GET", r.url+path, nil)
	r.ok(err)
	req.Header.Set("Authorization", "Bearer "+r.keys[as])
	resp, err := r.client.Do(req)
	r.ok(err)
	r.t.Cleanup(func() { resp.Body.Close() })
	if media := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || media != "text/event-stream" {
		body, _ := io.ReadAll(resp.Body)
		r.t.Fatalf("stream: %d %s %s", resp.StatusCode, media, body)
	}
	return &watcher{r: r, body: resp.Body, in: bufio.NewScanner(resp.Body)}
}

// next reads an event; false at the stream's end.
func (w *watcher) next() (e event, ok bool) {
	w.r.t.Helper()
	for w.in.Scan() {
		name, value, _ := strings.Cut(w.in.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			w.r.ok(json.Unmarshal([]byte(value), &e.data))
		case "":
			return e, true
		}
	}
	return e, false
}

// quote reads on to the next quote and returns it, without the signs of life before it.
func (w *watcher) quote() obj {
	w.r.t.Helper()
	for {
		e, ok := w.next()
		if !ok {
			w.r.t.Fatalf("the stream ended: %v", w.in.Err())
		}
		if e.name == "quote" {
			if height, _ := json.Marshal(e.data["height"]); string(height) != e.id {
				w.r.t.Errorf("event %s has height %s", e.id, height)
			}
			return e.data
		}
	}
}

// quietTo reads signs of life until one says that nothing changed up to the height; a quote before
// that is an error.
func (w *watcher) quietTo(height float64) {
	w.r.t.Helper()
	for {
		e, ok := w.next()
		if !ok {
			w.r.t.Fatalf("the stream ended: %v", w.in.Err())
		}
		if e.name == "quote" {
			w.r.t.Fatalf("a quote although nothing changed: %v", e.data)
		}
		if e.name == "unchanged" && e.data["height"].(float64) >= height {
			return
		}
	}
}

func price(q obj) string {
	return q["options"].([]any)[0].(obj)["price"].(string)
}

func (r *rig) height() float64 {
	r.t.Helper()
	return r.must(200, r.do("GET", "/v1/validators", mexican, nil)).json["projected"].(float64)
}

func euroStream() url.Values {
	return url.Values{"to": {german}, "deliver": {"EUR 1000.00"}, "source": {"MXN"}}
}

// A stream tells the quote of now, and again when a block changes it: not after a block that could not
// have, nor after one that could have and did not.
func TestQuoteStream(t *testing.T) {
	r := newRig(t)
	counted := &counting{Engine: r.gateway.cfg.Engine}
	r.gateway.cfg.Engine = counted
	r.gateway.streams.heartbeat = 5 * time.Millisecond
	r.market()
	const payer, payee = "PAYRGB2L", "PAYEGB2L"
	for _, bic := range []string{payer, payee} {
		r.must(201, r.do("POST", "/v1/participants", "", obj{"bic": bic, "name": bic, "country": "GB"}))
		r.keys[bic] = r.must(201, r.do("POST", "/v1/participants/"+bic+"/api-keys", "", obj{"name": "tests"})).text("key")
	}
	w := r.watch(mexican, euroStream())
	if got := price(w.quote()); got != "20.5" {
		t.Fatalf("price %s", got)
	}
	w.quietTo(r.height()) // the follower has begun
	asked := counted.quotes.Load()

	// A line and a payment of strangers, and a refused payment: nobody even asks.
	r.must(200, r.do("PUT", "/v1/lines/"+payee+"/GBP/"+payer, payee, obj{"limit": "100.00"}))
	pounds := obj{"to": payee, "deliver": cash("GBP", "70.00"), "send_max": cash("GBP", "70.00")}
	for _, want := range []string{"settled", "rejected"} {
		if got := r.must(201, r.do("POST", "/v1/payments", payer, pounds, "Prefer", "wait=10")).text("status"); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
	}
	w.quietTo(r.height())
	if n := counted.quotes.Load(); n != asked {
		t.Errorf("asked %d times after blocks that could not matter", n-asked)
	}

	// A dearer offer could matter and does not.
	give := obj{"give": cash("EUR", "5000.00", german), "want": obj{"currency": "MXN", "issuer": mexican}, "price": "21"}
	r.must(201, r.do("POST", "/v1/offers", dealer, give))
	w.quietTo(r.height())
	if n := counted.quotes.Load(); n == asked {
		t.Error("not asked after a new offer")
	}

	// A better new route, which lapses.
	better := obj{
		"give": cash("EUR", "5000.00", german), "want": obj{"currency": "MXN", "issuer": mexican}, "price": "20.25",
		"expires_at": time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339Nano),
	}
	r.must(201, r.do("POST", "/v1/offers", dealer, better))
	if got := price(w.quote()); got != "20.25" {
		t.Errorf("price %s after a better offer", got)
	}
	if got := price(w.quote()); got != "20.5" {
		t.Errorf("price %s after the better offer lapsed", got)
	}

	// The dealer's euros are frozen: no way, and why; and then again.
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/EUR/"+german, german, obj{"frozen": true}))
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/MXN/"+mexican, dealer, obj{"limit": "0.00"}))
	if got := w.quote()["options"].([]any)[0].(obj); got["code"] != "no_path" || got["message"] == "" {
		t.Errorf("%v", got)
	}
	r.must(200, r.do("PUT", "/v1/lines/"+dealer+"/MXN/"+mexican, dealer, obj{"limit": "10000000.00"}))
	if got := price(w.quote()); got != "20.5" {
		t.Errorf("price %s after the line is open again", got)
	}
}

// What is wrong with a stream's request is told as for any other.
func TestQuoteStreamRefused(t *testing.T) {
	r := newRig(t)
	for query, want := range map[string][]string{
		"to=" + german:                                     {"query:deliver conflicting_fields"},
		"to=NOBKDEFF&deliver=EUR+0.001":                    {"query:to unknown_receiver RC04", "query:deliver too_many_decimals AM12"},
		"to=" + german + "&deliver=EUR":                    {"query:deliver invalid_value"},
		"to=" + german + "&deliver=XQQ+1":                  {"query:deliver invalid_asset CURR"},
		"to=" + german + "&send=MXN+1":                     {"query:target missing_field CH21"},
		"deliver=EUR+1":                                    {"query:to missing_field"},
		"to=" + german + "&deliver=EUR+1&from=" + romanian: {"query:from unknown_participant RC03"},
	} {
		diff(t, query, r.must(400, r.do("GET", "/v1/quotes/stream?"+query, mexican, nil)).faults(), want)
	}
	r.must(401, r.call(call{method: "GET", path: "/v1/quotes/stream?to=" + german + "&deliver=EUR+1", token: "Bearer nobody"}))
	if n := r.gateway.streams.count(); n != 0 {
		t.Errorf("%d streams are left", n)
	}
}

// A participant keeps so many streams open and no more; those that ended make room.
func TestQuoteStreamsAreBounded(t *testing.T) {
	r := newRig(t)
	r.market()
	var all []*watcher
	for range maxStreams {
		w := r.watch(mexican, euroStream())
		w.quote()
		all = append(all, w)
	}
	path := "/v1/quotes/stream?" + euroStream().Encode()
	if got := r.must(429, r.do("GET", path, mexican, nil)); got.text("code") != "too_many_streams" || got.header.Get("Retry-After") == "" {
		t.Errorf("%s", got.body)
	}
	r.watch(german, url.Values{"to": {dealer}, "deliver": {"EUR 1.00"}}).quote() // another's count
	all[0].body.Close()
	for r.gateway.streams.count() != maxStreams {
		r.must(200, r.do("GET", "/healthz", mexican, nil))
	}
	r.watch(mexican, euroStream()).quote()
}

// The server's time-outs do not end a stream; its shutdown does, at once and cleanly, and so does a
// reader that takes nothing.
func TestQuoteStreamEnds(t *testing.T) {
	r := newRig(t)
	r.market()
	r.gateway.streams.heartbeat = 5 * time.Millisecond
	r.gateway.streams.patience = 50 * time.Millisecond
	server := r.gateway.Server()
	server.ReadTimeout, server.WriteTimeout, server.IdleTimeout = 40*time.Millisecond, 40*time.Millisecond, time.Second
	pipes := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	served := make(chan error, 2)
	go func() { served <- server.Serve(pipes) }()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	r.ok(err)
	go func() { served <- server.Serve(listener) }()
	patient := r.url // whose server has no time-outs
	r.url = "http://" + listener.Addr().String()
	w := r.watch(mexican, euroStream())
	r.url = patient
	w.quote()
	for began := time.Now(); time.Since(began) < 200*time.Millisecond; {
		if e, ok := w.next(); !ok || e.name != "unchanged" {
			t.Fatalf("within the server's time-outs: %v, %v", e, w.in.Err())
		}
	}

	// A pipe holds nothing: the first byte that is not read is one too many.
	slow, err := pipes.dial()
	r.ok(err)
	_, err = io.WriteString(slow, "GET /v1/quotes/stream?"+euroStream().Encode()+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+r.keys[mexican]+"\r\n\r\n")
	r.ok(err)
	if _, err := io.ReadFull(slow, make([]byte, 12)); err != nil {
		t.Fatal(err)
	}
	for open := 2; open != 1; open = r.gateway.streams.count() {
		// Payments go on meanwhile.
		r.must(201, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Prefer", "wait=10"))
	}

	r.ok(server.Shutdown(t.Context()))
	for {
		if _, ok := w.next(); !ok {
			break
		}
	}
	if err := w.in.Err(); err != nil {
		t.Errorf("the stream was torn off: %v", err)
	}
	for range 2 {
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
	r.gateway.streams.mu.Lock()
	defer r.gateway.streams.mu.Unlock()
	if len(r.gateway.streams.open) != 0 || r.gateway.streams.stop != nil {
		t.Error("something goes on after the shutdown")
	}
}

// count returns how many streams are open.
func (a *audience[S]) count() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for range a.all() {
		n++
	}
	return n
}

// pipeListener takes connections that have no buffers.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipeListener) dial() (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.conns <- theirs
	return ours, nil
}

// Accept hands out what was dialled.
func (p *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (p *pipeListener) Close() error { close(p.done); return nil }

// Addr is made up.
func (p *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }
