package gateway

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"viaduct/ledger"
)

// told reads a participant's events as type and body.
func (r *rig) told(as string) (types []string, bodies []obj) {
	r.t.Helper()
	got := r.must(200, r.do("GET", "/v1/events?limit=200", as, nil))
	for _, x := range got.json["data"].([]any) {
		e := x.(obj)
		types = append(types, e["type"].(string))
		bodies = append(bodies, e["data"].(obj))
	}
	return types, bodies
}

// Each party is told what is its own: the sender what it cost, the receiver what arrived and on whom it is
// a claim, the dealer what was taken from its offer, and who was refused why.
func TestEventsForEach(t *testing.T) {
	r := newRig(t)
	r.market()
	paid := r.pay("10.00")
	refused := r.must(201, r.do("POST", "/v1/payments", mexican, obj{"to": german, "deliver": cash("EUR", "5.00"), "send_max": cash("MXN", "1.00")}, "Prefer", "wait=10"))
	if refused.text("message") != "the cheapest route costs more than send_max" {
		t.Errorf("no words beside the code: %s", refused.body)
	}
	types, bodies := r.told(mexican)
	diff(t, "the sender's", types, []string{"payment.settled", "payment.rejected"})
	diff(t, "source", child(bodies[0]["source"], "value"), any("205.00"))
	diff(t, "words", bodies[1]["message"], any(refused.text("message")))
	types, bodies = r.told(german)
	diff(t, "the receiver's", types, []string{"payment.settled", "payment.settled"})
	diff(t, "what it was told", bodies[1]["delivered"], any(obj{"currency": "EUR", "issuer": german, "value": "10.00"}))
	if bodies[1]["source"] != nil {
		t.Errorf("the receiver is told what it cost: %v", bodies[1])
	}
	view := r.must(200, r.do("GET", "/v1/payments/"+paid.text("id"), german, nil))
	diff(t, "what it reads", view.json["delivered"], any(obj{"currency": "EUR", "issuer": german, "value": "10.00"}))
	r.must(200, r.do("GET", "/v1/payments/"+paid.text("id")+"/receipt", german, nil))
	types, bodies = r.told(dealer)
	diff(t, "the dealer's", types, []string{"payment.settled", "offer.filled"})
	offer := r.must(200, r.do("GET", "/v1/offers", dealer, nil)).text("data", "0", "id")
	delete(bodies[1], "height")
	diff(t, "the fill", bodies[1], obj{
		"offer_id": offer, "index": 0.0, "gave": obj{"currency": "EUR", "issuer": german, "value": "10.00"},
		"got": obj{"currency": "MXN", "issuer": mexican, "value": "205.00"},
	})
	if types, _ := r.told(romanian); len(types) != 0 {
		t.Errorf("a stranger is told %v", types)
	}
	// The cursor goes on where the list ended.
	next := r.must(200, r.do("GET", "/v1/events", mexican, nil)).text("next_cursor")
	if none := r.must(200, r.do("GET", "/v1/events?cursor="+next, mexican, nil)); len(none.json["data"].([]any)) != 0 || none.text("next_cursor") == "" {
		t.Errorf("after the last: %s", none.body)
	}
	r.pay("1.00")
	if one := r.must(200, r.do("GET", "/v1/events?cursor="+next, mexican, nil)); len(one.json["data"].([]any)) != 1 {
		t.Errorf("after one more: %s", one.body)
	}
}

// sse reads server-sent events.
type sse struct {
	t     testing.TB
	lines *bufio.Scanner
	close func()
}

func (r *rig) events(as, last string) *sse {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", r.url+"/v1/events/stream", nil)
	r.ok(err)
	req.Header.Set("Authorization", "Bearer "+r.keys[as])
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := r.client.Do(req)
	r.ok(err)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		r.t.Fatalf("stream: %s %v", resp.Status, resp.Header)
	}
	s := &sse{t: r.t, lines: bufio.NewScanner(resp.Body), close: func() { stop(); resp.Body.Close() }}
	r.t.Cleanup(s.close)
	if got := s.block(); !slices.Equal(got, []string{": open"}) {
		r.t.Errorf("a stream begins with %q", got)
	}
	return s
}

// block reads up to the next empty line.
func (s *sse) block() (lines []string) {
	s.t.Helper()
	for s.lines.Scan() {
		if s.lines.Text() == "" {
			return lines
		}
		lines = append(lines, s.lines.Text())
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return nil
}

// next reads the next event, past comments.
func (s *sse) next() (id, name, data string) {
	s.t.Helper()
	for {
		block := s.block()
		if len(block) == 3 {
			return strings.TrimPrefix(block[0], "id: "), strings.TrimPrefix(block[1], "event: "), strings.TrimPrefix(block[2], "data: ")
		}
	}
}

// The stream, the list and the webhook's delivery have the same ids and bytes, and a stream goes on behind
// the id it is given.
func TestEventStream(t *testing.T) {
	r := newRig(t)
	r.market()
	r.gateway.hub.heartbeat = 20 * time.Millisecond
	r.pay("1.00")
	live := r.events(mexican, "")
	if got := live.block(); !slices.Equal(got, []string{": beat"}) {
		t.Errorf("a quiet stream says %q", got)
	}
	var ids, bodies []string
	for range 3 {
		r.pay("1.00")
		id, name, data := live.next()
		if name != "payment.settled" || !json.Valid([]byte(data)) {
			t.Errorf("%s: %s", name, data)
		}
		ids, bodies = append(ids, id), append(bodies, data)
	}
	list := string(r.must(200, r.do("GET", "/v1/events", mexican, nil)).body)
	if !strings.Contains(list, strings.Join(bodies, ",")) {
		t.Errorf("the list has other bytes:\n%s\n%s", list, strings.Join(bodies, "\n"))
	}
	again := r.events(mexican, ids[0])
	for i := 1; i < 3; i++ {
		if id, _, data := again.next(); id != ids[i] || data != bodies[i] {
			t.Errorf("behind %s comes %s %s", ids[0], id, data)
		}
	}
	r.pay("1.00")
	a, _, _ := again.next()
	b, _, _ := live.next()
	if a != b || a == ids[2] {
		t.Errorf("the streams go on with %s and %s", a, b)
	}
	for _, bad := range []string{"evt_1", "x", "evt_1_2_3_4"} {
		got := r.must(400, r.do("GET", "/v1/events/stream", mexican, nil, "Last-Event-ID", bad))
		diff(t, bad, got.faults(), []string{"header:Last-Event-ID invalid_cursor"})
	}
	r.gateway.hub.most = 2
	if got := r.must(429, r.do("GET", "/v1/events/stream", mexican, nil)); got.text("code") != "too_many_streams" || got.header.Get("Retry-After") == "" {
		t.Errorf("%s", got.body)
	}
}

// A reader that falls behind misses nothing: what did not fit its backlog is read from the database.
func TestEventStreamCatchesUp(t *testing.T) {
	r := newRig(t)
	r.market()
	s := r.events(mexican, "")
	const n = 3 * eventBacklog
	var many []obj
	for range n {
		many = append(many, euros("0.10"))
	}
	r.must(201, r.do("POST", "/v1/payments/batch", mexican, batch(false, many...), "Prefer", "wait=20"))
	r.pay("1.00")
	seen := map[string]bool{}
	last := -1
	for range n + 1 {
		id, _, _ := s.next()
		var height, index, party int
		if _, err := fmt.Sscanf(id, "evt_%d_%d_%d", &height, &index, &party); err != nil || seen[id] || height*10_000+index <= last {
			t.Fatalf("event %s behind %d: %v", id, last, err)
		}
		seen[id], last = true, height*10_000+index
	}
}

// 1,000 readers that never read cost the payments nothing worth naming, and are cut off.
func TestSlowReaders(t *testing.T) {
	r := newRig(t)
	r.market()
	r.gateway.hub.most = 1000
	r.gateway.hub.patience = 20 * time.Second
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	r.ok(err)
	server := r.gateway.Server()
	go func() { _ = server.Serve(narrow{listener}) }()
	defer server.Close()
	burst := func() time.Duration {
		start := time.Now()
		for range 20 {
			r.must(201, r.do("POST", "/v1/payments/batch", mexican, batch(false, euros("0.10"), euros("0.10"), euros("0.10"), euros("0.10")), "Prefer", "wait=20"))
		}
		return time.Since(start)
	}
	alone := burst()
	const readers = 1000
	conns := make([]net.Conn, readers)
	var all sync.WaitGroup
	for i := range conns {
		conns[i], err = net.Dial("tcp", listener.Addr().String())
		r.ok(err)
		defer conns[i].Close()
		r.ok(conns[i].(*net.TCPConn).SetReadBuffer(2048))
		all.Go(func() {
			_, err := fmt.Fprintf(conns[i], "GET /v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", r.keys[mexican])
			if line, err2 := bufio.NewReader(conns[i]).ReadString('\n'); err != nil || err2 != nil || !strings.Contains(line, "200") {
				t.Errorf("reader %d: %q %v %v", i, line, err, err2)
			}
		})
	}
	all.Wait()
	// What their connections and backlogs hold is sent first; from then on they are in nobody's way.
	full := func() (n int) {
		r.gateway.hub.mu.Lock()
		defer r.gateway.hub.mu.Unlock()
		for l := range r.gateway.hub.open[ledger.MustBIC(mexican)] {
			if l.lags && len(l.queue) == cap(l.queue) {
				n++
			}
		}
		return n
	}
	start := time.Now()
	for full() < readers {
		burst()
		if time.Since(start) > time.Minute {
			t.Fatalf("%d of %d readers have fallen behind", full(), readers)
		}
	}
	filled := time.Since(start)
	with := burst()
	t.Logf("80 payments in 20 batches took %v alone and %v beside %d readers that do not read; these took in for %v what they could",
		alone.Round(time.Millisecond), with.Round(time.Millisecond), readers, filled.Round(time.Millisecond))
	if with > 4*alone+2*time.Second {
		t.Errorf("the readers slow the payments: %v, and %v without them", with, alone)
	}
	// They are cut off once their connections are full.
	deadline := time.Now().Add(2 * time.Minute)
	for {
		r.pay("0.10")
		left := r.gateway.hub.count()
		if left == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d readers are still listened to", left)
		}
	}
}

// narrow is a listener whose connections hold little that was not read.
type narrow struct{ net.Listener }

// Accept narrows the connection.
func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(2048)
	}
	return c, err
}
