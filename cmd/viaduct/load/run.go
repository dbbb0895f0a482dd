package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Plan says what to send and how.
type Plan struct {
	URL     string
	Clients int           // connections, each with one order under way at most
	Count   int64         // orders in all; 0 leaves it to For
	For     time.Duration // 0 leaves it to Count
	Rate    float64       // orders a second in an open loop; 0 is a closed loop
	Wait    bool          // ask for final results rather than for "accepted"
	Batch   int           // orders in a request
	Mix     Mix
	Seed    uint64
	Name    string // makes idempotency keys this run's own
}

// Tally is what became of the orders.
type Tally struct {
	Sent     uint64            `json:"sent"`
	Settled  uint64            `json:"settled"`
	Refused  uint64            `json:"refused"` // recorded as rejected by the ledger
	Errors   map[string]uint64 `json:"errors"`  // requests that were not taken, by problem code
	Codes    map[string]uint64 `json:"codes"`   // refused payments by code
	Accepted uint64            `json:"accepted"`
	Answered Histogram         `json:"-"` // time to a request's answer: accepted, or final with Wait
	Load     time.Duration     `json:"-"` // from the first order to the last answer
	Drain    time.Duration     `json:"-"` // from the last answer until nothing was undecided
}

// Run sends the orders and returns what became of them. done is raised with each answer, for a
// progress display. It returns early, with what there is, when ctx ends.
func (m *Market) Run(ctx context.Context, plan Plan, done *atomic.Int64) (*Tally, error) {
	if plan.For > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, plan.For)
		defer stop()
	}
	transport := &http.Transport{MaxIdleConns: plan.Clients, MaxIdleConnsPerHost: plan.Clients, DisableCompression: true}
	defer transport.CloseIdleConnections()
	var next atomic.Int64
	start := time.Now()
	clients := make([]client, plan.Clients)
	var wg sync.WaitGroup
	for i := range clients {
		c := &clients[i]
		*c = client{
			market: m, plan: plan, http: &http.Client{Transport: transport, Timeout: requestTimeout}, rng: rand.New(rand.NewPCG(plan.Seed, uint64(i))),
			tally: Tally{Errors: make(map[string]uint64), Codes: make(map[string]uint64)},
		}
		wg.Go(func() {
			for ctx.Err() == nil {
				n := next.Add(1) - 1
				if plan.Count > 0 && n*int64(plan.Batch) >= plan.Count {
					return
				}
				at := time.Now()
				if plan.Rate > 0 {
					at = start.Add(time.Duration(float64(n) * float64(plan.Batch) / plan.Rate * float64(time.Second)))
					if !sleepUntil(ctx, at) {
						return
					}
				}
				c.send(n, at)
				done.Add(int64(plan.Batch))
			}
		})
	}
	wg.Wait()
	total := &Tally{Errors: make(map[string]uint64), Codes: make(map[string]uint64), Load: time.Since(start)}
	drained := time.Now()
	for i := range clients {
		if err := clients[i].lookUp(context.WithoutCancel(ctx)); err != nil {
			return nil, err
		}
		total.add(&clients[i].tally)
	}
	total.Drain = time.Since(drained)
	return total, nil
}

const (
	requestTimeout = 60 * time.Second
	// lookUpEvery and lookUpMost bound the wait for results after the load.
	lookUpEvery = 20 * time.Millisecond
	lookUpMost  = 5 * time.Minute
)

func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t *Tally) add(o *Tally) {
	t.Sent, t.Accepted, t.Settled, t.Refused = t.Sent+o.Sent, t.Accepted+o.Accepted, t.Settled+o.Settled, t.Refused+o.Refused
	for code, n := range o.Errors {
		t.Errors[code] += n
	}
	for code, n := range o.Codes {
		t.Codes[code] += n
	}
	t.Answered.Merge(&o.Answered)
}

// client is one connection's worth of orders.
type client struct {
	market *Market
	plan   Plan
	http   *http.Client
	rng    *rand.Rand
	buf    []byte
	open   []openPayment
	tally  Tally
}

// openPayment was accepted and had no result in its answer.
type openPayment struct {
	id   string
	from Bank
}

// result is what an answer says of one payment.
type result struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Code   string `json:"code"`
}

func (c *client) send(n int64, at time.Time) {
	var order Order
	if c.plan.Batch == 1 {
		order = c.market.Order(c.rng, c.plan.Mix, c.buf[:0])
	} else {
		order = c.market.Batch(c.rng, c.plan.Mix, c.plan.Batch, c.buf[:0])
	}
	c.buf = order.Body
	c.tally.Sent += uint64(c.plan.Batch)
	status, body, err := c.post(order, c.plan.Name+strconv.FormatInt(n, 10))
	took := time.Since(at)
	if err != nil {
		c.tally.Errors["no_answer"]++
		return
	}
	var results []result
	if c.plan.Batch == 1 {
		results = make([]result, 1)
		err = json.Unmarshal(body, &results[0])
	} else {
		var all struct {
			Data []result `json:"data"`
		}
		err = json.Unmarshal(body, &all)
		results = all.Data
	}
	if err != nil || status >= 300 || len(results) != c.plan.Batch {
		var refused result
		if err := json.Unmarshal(body, &refused); err != nil || refused.Code == "" {
			refused.Code = "http_" + strconv.Itoa(status)
		}
		c.tally.Errors[refused.Code]++
		return
	}
	c.tally.Accepted += uint64(len(results))
	c.tally.Answered.Add(took)
	for _, r := range results {
		if !c.count(r) {
			c.open = append(c.open, openPayment{r.ID, order.From})
		}
	}
}

// count notes a payment's result, and says whether it is one.
func (c *client) count(r result) bool {
	switch r.Status {
	case "settled":
		c.tally.Settled++
	case "rejected":
		c.tally.Refused++
		c.tally.Codes[r.Code]++
	default:
		return false
	}
	return true
}

func (c *client) post(order Order, key string) (int, []byte, error) {
	path := "/v1/payments"
	if c.plan.Batch > 1 {
		path += "/batch"
	}
	req, err := http.NewRequest(http.MethodPost, c.plan.URL+path, bytes.NewReader(order.Body))
	if err != nil {
		return 0, nil, err
	}
	req.Header["Authorization"] = []string{"Bearer " + order.From.Key}
	req.Header["Content-Type"] = []string{"application/json"}
	req.Header["Idempotency-Key"] = []string{key}
	if c.plan.Wait {
		req.Header["Prefer"] = []string{"wait=30"}
	}
	return c.do(req)
}

func (c *client) do(req *http.Request) (int, []byte, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// lookUp asks for the payments without a result until each has one.
func (c *client) lookUp(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, lookUpMost)
	defer stop()
	for len(c.open) > 0 {
		p := c.open[len(c.open)-1]
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.plan.URL+"/v1/payments/"+p.id, nil)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+p.from.Key)
		status, body, err := c.do(req)
		if err != nil {
			return fmt.Errorf("payment %s was accepted and has no result: %w", p.id, err)
		}
		var r result
		if status != http.StatusOK || json.Unmarshal(body, &r) != nil {
			return fmt.Errorf("payment %s was accepted, and now the answer is %d %s", p.id, status, body)
		}
		if c.count(r) {
			c.open = c.open[:len(c.open)-1]
		} else if !sleepUntil(ctx, time.Now().Add(lookUpEvery)) {
			return fmt.Errorf("payment %s was accepted and is still %s", p.id, r.Status)
		}
	}
	return nil
}
