package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"viaduct/gateway/webhook"
	"viaduct/gateway/webhook/webhooktest"
	"viaduct/internal/testenv"
)

// receiver is an endpoint's owner: it verifies each request, answers as told, and notes what came.
type receiver struct {
	t        *testing.T
	verifier *standardwebhooks.Webhook
	answer   func(event string, w http.ResponseWriter, r *http.Request) (taken bool)

	mu    sync.Mutex
	came  []arrival
	taken map[string]int // event: how often
}

type arrival struct {
	event string
	at    time.Time
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender died
	}
	if err := v.verifier.Verify(body, r.Header); err != nil {
		v.t.Errorf("the independent verifier: %v", err)
	}
	event := r.Header.Get(webhook.HeaderID)
	v.mu.Lock()
	v.came = append(v.came, arrival{event, time.Now()})
	v.mu.Unlock()
	if v.answer(event, w, r) {
		v.mu.Lock()
		v.taken[event]++
		v.mu.Unlock()
	}
}

func (v *receiver) arrivals() []arrival {
	v.mu.Lock()
	defer v.mu.Unlock()
	return append([]arrival(nil), v.came...)
}

func status(code int) func(string, http.ResponseWriter, *http.Request) bool {
	return func(_ string, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(code)
		return code < 300
	}
}

// rig is a store, a net with receivers on it, and a dispatcher that can be stopped and started.
type rig struct {
	t     *testing.T
	net   *webhook.Network
	store *webhooktest.Memory
	wake  chan struct{}
}

func newRig(t *testing.T) *rig {
	return &rig{t: t, net: webhook.NewNetwork(t), store: webhooktest.NewMemory(), wake: make(chan struct{}, 1)}
}

func (g *rig) receiver(id string, answer func(string, http.ResponseWriter, *http.Request) bool) *receiver {
	keys := webhook.Keys{webhook.NewKey()}
	verifier, err := standardwebhooks.NewWebhook(keys[0].Secret.Text())
	if err != nil {
		g.t.Fatal(err)
	}
	v := &receiver{t: g.t, verifier: verifier, answer: answer, taken: make(map[string]int)}
	g.net.Serve(id+".example", v)
	g.store.AddEndpoint(g.t.Context(), webhook.Endpoint{ID: id, URL: "http://" + id + ".example/hook", Keys: keys})
	return v
}

func (g *rig) add(endpoint, event, subject string) {
	g.store.AddDelivery(g.t.Context(), endpoint, event, subject, []byte(`{"id":"`+event+`"}`), time.Now())
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// run starts a dispatcher on a store and returns what stops it and waits.
func (g *rig) run(store webhook.Store, jitter func(time.Duration) time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	sender := webhook.NewSender(g.net.Guard(), time.Now)
	d := webhook.NewDispatcher(webhook.Config{
		Store: store, Sender: sender, Wake: g.wake, Now: time.Now, Jitter: jitter, Log: slog.New(slog.DiscardHandler),
	})
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	return func() { cancel(); <-done; sender.Close() }
}

func exact(wait time.Duration) time.Duration { return wait }

func inBubble(t *testing.T, test func(g *rig)) {
	synctest.Test(t, func(t *testing.T) { test(newRig(t)) })
}

func TestTheScheduleOfTenAttempts(t *testing.T) {
	for _, jitter := range []func(time.Duration) time.Duration{exact, webhook.Jitter} {
		inBubble(t, func(g *rig) {
			v := g.receiver("one", status(500))
			defer g.run(g.store, jitter)()
			began := time.Now()
			g.add("one", "e1", "p1")
			g.add("one", "e2", "p1")
			time.Sleep(100 * time.Hour)

			waits := []time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
				10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}
			came, last := v.arrivals(), began
			if len(came) < len(waits)+1 {
				g.t.Fatalf("%d attempts, want ten for the first event and then the second's", len(came))
			}
			for i, wait := range waits {
				if got := came[i].at.Sub(last); came[i].event != "e1" || got < wait || got > wait+wait/10 {
					g.t.Errorf("attempt %d: %s after %v, want e1 after %v and at most a tenth more", i+1, came[i].event, got, wait)
				}
				last = came[i].at
			}
			// Given up, so that the payment's next event has its turn.
			if next := came[len(waits)]; next.event != "e2" || next.at != last {
				g.t.Errorf("then %s after %v, want e2 at once", next.event, next.at.Sub(last))
			}
			if row := g.store.Rows()[0]; row.Outcome != webhook.Failed || row.Attempts != 10 {
				g.t.Errorf("first delivery: %v after %d attempts", row.Outcome, row.Attempts)
			}
		})
	}
}

func TestRetryAfterLengthensTheWaitButNeverShortensIt(t *testing.T) {
	inBubble(t, func(g *rig) {
		asks := []string{"60", "1"} // instead of 5 s and 5 min
		v := g.receiver("one", nil)
		v.answer = func(_ string, w http.ResponseWriter, _ *http.Request) bool {
			n := len(v.arrivals())
			if n > len(asks) {
				w.WriteHeader(204)
				return true
			}
			w.Header().Set("Retry-After", asks[n-1])
			w.WriteHeader(503)
			return false
		}
		defer g.run(g.store, exact)()
		g.add("one", "e1", "p1")
		time.Sleep(time.Hour)
		came := v.arrivals()
		if len(came) != 3 || came[1].at.Sub(came[0].at) != time.Minute || came[2].at.Sub(came[1].at) != 5*time.Minute {
			g.t.Errorf("came %v", came)
		}
	})
}

func TestGoneDisablesTheEndpoint(t *testing.T) {
	inBubble(t, func(g *rig) {
		v, other := g.receiver("one", status(410)), g.receiver("two", status(204))
		defer g.run(g.store, exact)()
		g.add("one", "e1", "p1")
		synctest.Wait()
		g.add("one", "e2", "p2")
		g.add("two", "e2", "p2")
		time.Sleep(200 * time.Hour)
		if len(v.arrivals()) != 1 || other.taken["e2"] != 1 {
			g.t.Errorf("the endpoint that is gone got %v, the other %v", v.arrivals(), other.arrivals())
		}
	})
}

func TestAnEndpointThatHangsDelaysNobody(t *testing.T) {
	inBubble(t, func(g *rig) {
		slow := g.receiver("slow", func(_ string, _ http.ResponseWriter, r *http.Request) bool { <-r.Context().Done(); return false })
		fast := g.receiver("fast", status(204))
		defer g.run(g.store, exact)()
		began := time.Now()
		for i := range 50 {
			g.add("slow", fmt.Sprint("s", i), fmt.Sprint("p", i))
			g.add("fast", fmt.Sprint("f", i), fmt.Sprint("p", i))
		}
		synctest.Wait()
		if n := len(fast.taken); n != 50 || time.Since(began) != 0 {
			g.t.Errorf("%d of 50 delivered at once", n)
		}
		if n := len(slow.arrivals()); n != 4 {
			g.t.Errorf("%d under way to the endpoint that hangs, want 4", n)
		}
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if n := len(slow.arrivals()); n != 8 {
			g.t.Errorf("%d after the first four timed out, want 8", n)
		}
	})
}

func TestALostWakeCostsSecondsNotTheEvent(t *testing.T) {
	inBubble(t, func(g *rig) {
		v := g.receiver("one", status(204))
		defer g.run(g.store, exact)()
		synctest.Wait()
		g.store.AddDelivery(g.t.Context(), "one", "e1", "p1", nil, time.Now())
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if v.taken["e1"] != 1 {
			g.t.Error("not delivered")
		}
	})
}

func TestStoppingLetsAnAttemptFinish(t *testing.T) {
	for answer, want := range map[time.Duration]webhook.Outcome{3 * time.Second: webhook.Delivered, 9 * time.Second: 0} {
		inBubble(t, func(g *rig) {
			g.receiver("one", func(_ string, w http.ResponseWriter, r *http.Request) bool {
				select {
				case <-time.After(answer):
				case <-r.Context().Done():
				}
				return true
			})
			stop := g.run(g.store, exact)
			g.add("one", "e1", "p1")
			synctest.Wait()
			began := time.Now()
			stop()
			// Cut off, it is pending still and no attempt was counted: a start repeats it.
			if row := g.store.Rows()[0]; row.Outcome != want || row.Attempts != int(want) || time.Since(began) > 5*time.Second {
				g.t.Errorf("an answer after %v: %v after %d attempts, stopped after %v", answer, row.Outcome, row.Attempts, time.Since(began))
			}
		})
	}
}

var errStore = errors.New("the store is away")

// crashing is a store that one process has open: once that process is dead, none of its calls arrive.
type crashing struct {
	webhook.Store
	mu   sync.Mutex
	dead bool
}

func (c *crashing) alive() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return errStore
	}
	return nil
}

func (c *crashing) Claim(ctx context.Context, id string, now, until time.Time, limit int) (webhook.Endpoint, []webhook.Delivery, error) {
	if err := c.alive(); err != nil {
		return webhook.Endpoint{}, nil, err
	}
	return c.Store.Claim(ctx, id, now, until, limit)
}

func (c *crashing) Record(ctx context.Context, a webhook.Attempt) error {
	if err := c.alive(); err != nil {
		return err
	}
	return c.Store.Record(ctx, a)
}

// A receiver that fails often, a store that fails before and after it writes, and two gateways that are
// killed again and again: every event arrives at least once, and none before the earlier ones of its
// payment were taken.
func TestCrashesAndFaultsRepeatAndLoseNothing(t *testing.T) {
	for range testenv.Scale(t, 10) {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			inBubble(t, func(g *rig) { crashesAndFaults(g, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func crashesAndFaults(g *rig, source *rand.Rand) {
	const payments, events, crashes = 8, 5, 10
	var mu sync.Mutex
	roll := func(n int) int { mu.Lock(); defer mu.Unlock(); return source.IntN(n) }
	g.store.Fault = func(string) (before, after error) {
		switch roll(20) {
		case 0:
			return errStore, nil
		case 1:
			return nil, errStore
		}
		return nil, nil
	}
	var all []*receiver
	for _, id := range []string{"one", "two"} {
		v := g.receiver(id, nil)
		v.answer = func(event string, w http.ResponseWriter, r *http.Request) bool {
			var payment, n int
			fmt.Sscanf(event, "p%d-e%d", &payment, &n)
			v.mu.Lock()
			tries := 0
			for _, a := range v.came {
				if a.event == event {
					tries++
				}
			}
			for earlier := range n {
				if v.taken[fmt.Sprintf("p%d-e%d", payment, earlier)] == 0 {
					v.t.Errorf("%s came to %s before the event %d of its payment was taken", event, id, earlier)
				}
			}
			v.mu.Unlock()
			if tries < 5 { // so that nothing is ever given up
				switch roll(10) {
				case 0, 1:
					w.WriteHeader(500)
					return false
				case 2:
					<-r.Context().Done()
					return false
				}
			}
			time.Sleep(time.Duration(roll(2000)) * time.Millisecond)
			return true
		}
		all = append(all, v)
	}

	stop := make([]func(), 2)
	start := func(i int) {
		process := &crashing{Store: g.store}
		end := g.run(process, webhook.Jitter)
		stop[i] = func() {
			process.mu.Lock()
			process.dead = true
			process.mu.Unlock()
			end()
		}
	}
	start(0)
	start(1)
	for n := range events {
		for p := range payments {
			for _, id := range []string{"one", "two"} {
				g.add(id, fmt.Sprintf("p%d-e%d", p, n), fmt.Sprint("p", p))
			}
		}
		for range crashes / events {
			time.Sleep(time.Duration(roll(20)) * time.Second)
			i := roll(2)
			stop[i]()
			start(i)
		}
	}
	for hours := 0; hours < 20*24 && !allDelivered(g.store); hours++ {
		time.Sleep(time.Hour)
	}
	stop[0]()
	stop[1]()

	for _, row := range g.store.Rows() {
		if row.Outcome != webhook.Delivered {
			g.t.Errorf("%s to %s: %v after %d attempts", row.EventID, row.Endpoint, row.Outcome, row.Attempts)
		}
	}
	for i, v := range all {
		if len(v.taken) != payments*events {
			g.t.Errorf("receiver %d took %d events, want %d", i, len(v.taken), payments*events)
		}
	}
}

func allDelivered(store *webhooktest.Memory) bool {
	for _, row := range store.Rows() {
		if row.Outcome != webhook.Delivered {
			return false
		}
	}
	return true
}
