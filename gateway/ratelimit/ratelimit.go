// Package ratelimit bounds how often a caller may ask, by the generic cell rate algorithm (ITU-T I.371,
// annex A.1): a caller has a burst, which fills again at an even rate, and one number is kept for each.
//
// Memory counts for one process; Redis counts for all gateways that share it. A limiter that cannot tell
// says so, and whoever asks it decides what that means.
package ratelimit

import (
	"context"
	"time"
)

// Rate is how often something may be done: Burst times at once, and then as often as it fills again, Burst
// times each Per. Burst is at least 1 and Per above zero.
type Rate struct {
	Burst int
	Per   time.Duration
}

// interval is the time after which one more is allowed.
func (r Rate) interval() time.Duration {
	return max((r.Per+time.Duration(r.Burst)-1)/time.Duration(r.Burst), 1)
}

// Decision is the answer to one request.
type Decision struct {
	Allowed   bool
	Remaining int           // how many more are allowed now
	Retry     time.Duration // when not allowed: after this time it will be
	Full      time.Duration // after this time the whole burst is there again
}

// Limiter decides. *Memory and *Redis are ones.
type Limiter interface {
	// Allow takes one from what key may do at the rate, if there is one.
	Allow(ctx context.Context, key string, rate Rate) (Decision, error)
}

// decide is the algorithm: tat is the time at which the burst would be full again, as kept, and now the
// present. It returns the decision and what to keep.
func decide(tat, now time.Duration, rate Rate) (Decision, time.Duration) {
	step := rate.interval()
	whole := step * time.Duration(rate.Burst)
	tat = max(tat, now)
	if next := tat + step; next-now <= whole {
		return Decision{Allowed: true, Remaining: int((whole - (next - now)) / step), Full: next - now}, next
	}
	return Decision{Retry: tat + step - now - whole, Full: tat - now}, tat
}
