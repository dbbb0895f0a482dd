package ratelimit

import (
	"context"
	"sync"
	"time"
)

// sweepSize is how many keys are kept before those with a full burst, which are as good as new, are
// dropped.
const sweepSize = 4096

// Memory counts in this process. It is safe for concurrent use, and never fails.
type Memory struct {
	now   func() time.Time
	start time.Time

	mu    sync.Mutex
	full  map[string]time.Duration // when each key's burst is full again, since start
	sweep int                      // the size at which to look for full ones
}

// NewMemory returns a limiter by the given clock.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, start: now(), full: make(map[string]time.Duration), sweep: sweepSize}
}

// Allow takes one from what key may do.
func (m *Memory) Allow(_ context.Context, key string, rate Rate) (Decision, error) {
	now := m.now().Sub(m.start)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.full) >= m.sweep {
		for k, at := range m.full {
			if at <= now {
				delete(m.full, k)
			}
		}
		m.sweep = max(sweepSize, 2*len(m.full))
	}
	d, tat := decide(m.full[key], now, rate)
	m.full[key] = tat
	return d, nil
}
