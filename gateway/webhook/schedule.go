package webhook

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// schedule has the wait before each attempt: from the event to the first, and from one attempt's end
// to the next. After the last one, some 76 hours on, the delivery is given up.
var schedule = [...]time.Duration{
	0,
	5 * time.Second,
	5 * time.Minute,
	30 * time.Minute,
	2 * time.Hour,
	5 * time.Hour,
	10 * time.Hour,
	14 * time.Hour,
	20 * time.Hour,
	24 * time.Hour,
}

// maxRetryAfter bounds what an endpoint may ask for: as long as the longest wait of our own.
const maxRetryAfter = 24 * time.Hour

// Jitter adds up to a tenth to a wait, so that the endpoints of a receiver that was away don't all
// come back in the same second.
func Jitter(wait time.Duration) time.Duration { return wait + rand.N(wait/10+1) }

// judge turns the result of an attempt that ended now into what is recorded.
func judge(d Delivery, began, now time.Time, r Result, jitter func(time.Duration) time.Duration) Attempt {
	a := Attempt{
		Delivery: &d, Seq: d.Seq, Claim: d.Claim, Number: d.Attempts + 1,
		At: began, Took: now.Sub(began), Status: r.Status, Reason: r.Reason,
	}
	switch {
	case r.Delivered():
		a.Outcome = Delivered
	case r.Status == http.StatusGone:
		a.Outcome = Gone
	case a.Number >= len(schedule):
		a.Outcome = Failed
	default:
		a.Outcome = Retry
		a.Due = now.Add(max(jitter(schedule[a.Number]), r.RetryAfter))
	}
	return a
}
