// Package webhook sends events to the URLs that participants registered, as Standard Webhooks 1.0 says.
//
// It promises: each event reaches each of its endpoints at least once or is given up after ten attempts
// over about three days; an event of a payment is not sent to an endpoint before the earlier ones of
// that payment were delivered there or given up; no endpoint waits for another; nothing is sent to a
// private address unless the operator allows it. A crash anywhere repeats an attempt and loses nothing,
// since a delivery leaves the store's pending ones only when its outcome is written there.
//
// Several gateways may dispatch from one store: a delivery is claimed for a while before it is sent.
package webhook

import (
	"context"
	"log/slog"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
)

const (
	// window is how many deliveries (of different payments) are under way to one endpoint at a time.
	// At a tenth of a second an answer that is 40 events a second; an endpoint that hangs holds no more
	// than 4 of our connections.
	window = 4
	// maxWorkers bounds the endpoints served at a time, and with window the connections: 4,096, well
	// under what a process may usually open.
	maxWorkers = 1024
	// turn is how many deliveries an endpoint gets before it queues up again behind those that found
	// no worker free.
	turn = 256
	// lease is how long a claim lasts: an attempt, its record with its retries, and some for clocks
	// that differ between gateways. After a crash, that long until the repeat.
	lease = 30 * time.Second
	// maxSleep bounds the wait for a wake: one that got lost costs that much time, not the event.
	maxSleep = 15 * time.Second
	// storePause is the wait after the store failed.
	storePause = time.Second
	// recordTime bounds the tries to record an attempt. Within the lease, so that nobody repeats it yet.
	recordTime = 10 * time.Second
	// drainTime is what attempts under way get when the dispatcher is told to stop.
	drainTime = 5 * time.Second
)

// Config has what a Dispatcher works with.
type Config struct {
	Store  Store
	Sender *Sender
	// Wake is signalled after deliveries were stored. One signal may stand for many.
	Wake <-chan struct{}
	// Nudge is signalled after somebody made deliveries due that were not.
	Nudge <-chan struct{}
	// Now is the clock.
	Now func() time.Time
	// Jitter lengthens a wait at random; see the function of that name.
	Jitter func(time.Duration) time.Duration
	Log    *slog.Logger
}

// Dispatcher sends what is due.
type Dispatcher struct {
	Config
	recording failsafe.Executor[any]
}

// NewDispatcher returns a Dispatcher; Run starts it.
func NewDispatcher(c Config) *Dispatcher {
	policy := retrypolicy.NewBuilder[any]().
		WithBackoff(100*time.Millisecond, 2*time.Second).
		WithMaxRetries(-1).WithMaxDuration(recordTime).ReturnLastFailure().Build()
	return &Dispatcher{Config: c, recording: failsafe.With[any](policy)}
}

// Run sends what is due until ctx ends. Then it claims nothing more, lets the attempts under way finish
// for a few seconds, cuts off those that don't (they are repeated later), and returns.
func (d *Dispatcher) Run(ctx context.Context) {
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	workers := make(map[string]chan struct{}) // endpoint: tells its worker that there is more
	finished := make(chan string)

	for ctx.Err() == nil {
		sleep := d.startWorkers(ctx, sending, workers, finished)
		timer := time.NewTimer(sleep)
		select {
		case <-ctx.Done():
		case <-d.Wake:
		case <-d.Nudge:
		case <-timer.C:
		case id := <-finished:
			delete(workers, id)
		}
		timer.Stop()
	}

	grace := time.AfterFunc(drainTime, cut)
	defer grace.Stop()
	for range len(workers) {
		<-finished
	}
}

// startWorkers sees that each endpoint with something due has a worker and that the worker knows, and
// returns how long nothing else will fall due.
func (d *Dispatcher) startWorkers(ctx, sending context.Context, workers map[string]chan struct{}, finished chan<- string) time.Duration {
	now := d.Now()
	due, next, err := d.Store.Endpoints(ctx, now, maxWorkers)
	if err != nil {
		if ctx.Err() == nil {
			d.Log.Error("webhooks: cannot read what is due", "error", err)
		}
		return storePause
	}
	for _, id := range due {
		if more, ok := workers[id]; ok {
			select {
			case more <- struct{}{}:
			default: // told already
			}
			continue
		}
		if len(workers) == maxWorkers {
			break // one that finishes brings us back here
		}
		more := make(chan struct{}, 1)
		workers[id] = more
		go func() {
			d.serve(ctx, sending, id, more)
			finished <- id
		}()
	}
	if next.IsZero() {
		return maxSleep
	}
	return min(max(next.Sub(now), 0), maxSleep)
}

// serve sends what the endpoint has due, a few at a time, until there is no more or its turn is over.
func (d *Dispatcher) serve(ctx, sending context.Context, id string, more <-chan struct{}) {
	landed := make(chan struct{}, window)
	taken, flying := 0, 0
	for {
		if ctx.Err() == nil && flying < window && taken < turn {
			now := d.Now()
			to, due, err := d.Store.Claim(ctx, id, now, now.Add(lease), window-flying)
			if err != nil && ctx.Err() == nil {
				d.Log.Error("webhooks: cannot claim deliveries", "endpoint", id, "error", err)
				pause(ctx, storePause) // the dispatcher would send us back at once
				taken = turn
			}
			for _, one := range due {
				go func() {
					d.attempt(sending, to, one)
					landed <- struct{}{}
				}()
			}
			taken, flying = taken+len(due), flying+len(due)
		}
		if flying == 0 {
			return
		}
		select {
		case <-landed:
			flying--
		case <-more:
		}
	}
}

// attempt sends once and records how it went. If the record is lost (here, or by a crash anywhere in
// between), the claim runs out and the event is sent again.
func (d *Dispatcher) attempt(ctx context.Context, to Endpoint, one Delivery) {
	began := d.Now()
	r := d.Sender.Send(ctx, to, one)
	if ctx.Err() != nil && r.Status == 0 {
		return // cut off by us: no fault of the endpoint, so no attempt of its ten
	}
	a := judge(one, began, d.Now(), r, d.Jitter)
	if a.Outcome != Delivered {
		d.Log.Warn("webhooks: not delivered", "endpoint", to.ID, "event", one.EventID, "attempt", a.Number,
			"outcome", a.Outcome.String(), "reason", a.Reason, "error", r.Err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	err := d.recording.WithContext(ctx).Run(func() error { return d.Store.Record(ctx, a) })
	if err != nil {
		d.Log.Error("webhooks: cannot record an attempt, it will be repeated", "endpoint", to.ID, "event", one.EventID, "error", err)
	}
}

func pause(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
