package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// unreliable is a bank's receiver that fails three requests in ten, and verifies every one of them with
// Standard Webhooks' own library. It fails no event twice, so that the first retries are enough: by an
// answer of 500 or by none.
type unreliable struct {
	t        *testing.T
	verifier *standardwebhooks.Webhook

	mu       sync.Mutex
	roll     *rand.Rand
	seen     map[string]bool
	taken    map[string]int      // event: how often
	order    map[string][]string // payment: its events as they were first taken
	requests int
	failed   int
}

func (u *unreliable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender died
	}
	if err := u.verifier.Verify(body, r.Header); err != nil {
		u.t.Errorf("the independent verifier: %v", err)
	}
	event := r.Header.Get("webhook-id")
	_, rest, _ := strings.Cut(string(body), `"payment_id":"`)
	payment, _, _ := strings.Cut(rest, `"`)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests++
	first := !u.seen[event]
	u.seen[event] = true
	if first && u.roll.IntN(7) < 3 { // of first requests alone, so 3/7 of those are 3/10 of all
		u.failed++
		if u.roll.IntN(2) == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	if u.taken[event]++; u.taken[event] == 1 {
		u.order[payment] = append(u.order[payment], event)
	}
	w.WriteHeader(http.StatusNoContent)
}

// TestWebhooksSurviveKills has 330 payments made, the gateway's process killed ten times in the middle
// of them, and two receivers that fail three requests in ten: each ends with every event at least once,
// and with the events of each payment in their order.
func TestWebhooksSurviveKills(t *testing.T) {
	const total, kills = 330, 10
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	data := t.TempDir()
	p := launch(t, "demo", "--data", data)
	payer, payee := "HUDSUS3N", "HARBUS33"
	key := p.ready.APIKeys[payer]
	hooks := map[string]string{} // path of the webhook by bank
	receivers := map[string]*unreliable{}
	for i, bic := range []string{payer, payee} {
		u := &unreliable{t: t, roll: rand.New(rand.NewPCG(seed, uint64(i))), seen: map[string]bool{}, taken: map[string]int{}, order: map[string][]string{}}
		server := httptest.NewServer(u)
		t.Cleanup(server.Close)
		var made struct {
			ID     string `json:"id"`
			Secret string `json:"secret"`
		}
		call(t, p, request{method: "POST", path: "/v1/webhooks", key: p.ready.APIKeys[bic], body: map[string]any{"url": server.URL}, out: &made})
		var err error
		if u.verifier, err = standardwebhooks.NewWebhook(made.Secret); err != nil {
			t.Fatal(err)
		}
		hooks[bic], receivers[bic] = "/v1/webhooks/"+made.ID, u
	}

	answered := make([]string, total)
	for round := range kills + 1 {
		stopAfter := total / (kills + 1)
		if round == kills {
			stopAfter = total
		}
		payUnanswered(t, p, key, payee, answered, stopAfter)
		if round < kills {
			p.kill(t)
			p = launch(t, "demo", "--data", data)
		}
	}
	for _, id := range answered {
		if a := waitSettled(t, p, key, id); a.Status != "settled" {
			t.Errorf("payment %s is %s", id, a.Status)
		}
	}
	for _, bic := range []string{payer, payee} {
		u := receivers[bic]
		awaitDelivered(t, p, hooks[bic], p.ready.APIKeys[bic])
		u.mu.Lock()
		repeats := 0
		for _, n := range u.taken {
			repeats += n - 1
		}
		for _, id := range answered {
			if len(u.order[id]) == 0 {
				t.Errorf("%s never heard of payment %s", bic, id)
			}
			last := [3]int{}
			for _, event := range u.order[id] {
				var at [3]int
				if _, err := fmt.Sscanf(event, "evt_%d_%d_%d", &at[0], &at[1], &at[2]); err != nil {
					t.Fatal(err)
				}
				if at[0] < last[0] || at[0] == last[0] && at[1] <= last[1] {
					t.Errorf("%s took %v of payment %s", bic, u.order[id], id)
				}
				last = at
			}
		}
		t.Logf("%s: %d kills, %d events taken, %d of %d requests failed by the receiver (%.0f%%), %d repeats", bic, kills, len(u.taken), u.failed, u.requests,
			100*float64(u.failed)/float64(u.requests), repeats)
		if u.failed < u.requests/5 {
			t.Errorf("%s failed only %d of %d requests", bic, u.failed, u.requests)
		}
		u.mu.Unlock()
	}
	p.interrupt(t)
}

// awaitDelivered waits until nothing of a webhook is pending. What a killed process had under way is
// due again half a minute later.
func awaitDelivered(t *testing.T, p *process, hook, key string) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		var pending, failed struct {
			Data []struct {
				EventID string `json:"event_id"`
			} `json:"data"`
		}
		call(t, p, request{method: "GET", path: hook + "/deliveries?status=pending&limit=1", key: key, out: &pending})
		call(t, p, request{method: "GET", path: hook + "/deliveries?status=failed&limit=1", key: key, out: &failed})
		if len(failed.Data) > 0 {
			t.Fatalf("given up: %+v", failed.Data)
		}
		if len(pending.Data) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still pending: %+v", pending.Data)
		}
	}
}
