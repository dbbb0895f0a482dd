package ratelimit_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"viaduct/gateway/ratelimit"
	"viaduct/internal/testenv"

	"pgregory.net/rapid"
)

// A burst is there at once, then one at a time, evenly; who waits as told is let through.
func TestMemory(t *testing.T) {
	now := time.Unix(1000, 0)
	m := ratelimit.NewMemory(func() time.Time { return now })
	rate := ratelimit.Rate{Burst: 5, Per: 10 * time.Second}
	ask := func(key string) ratelimit.Decision {
		d, err := m.Allow(t.Context(), key, rate)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for i := range 5 {
		if d := ask("a"); !d.Allowed || d.Remaining != 4-i || d.Full != time.Duration(2*(i+1))*time.Second {
			t.Errorf("%d: %+v", i, d)
		}
	}
	d := ask("a")
	if d.Allowed || d.Retry != 2*time.Second || d.Remaining != 0 {
		t.Errorf("the sixth: %+v", d)
	}
	if d := ask("b"); !d.Allowed {
		t.Errorf("another key: %+v", d)
	}
	now = now.Add(d.Retry - 1)
	if d := ask("a"); d.Allowed {
		t.Errorf("a moment early: %+v", d)
	}
	now = now.Add(1)
	if d := ask("a"); !d.Allowed {
		t.Errorf("as told: %+v", d)
	}
	if d := ask("a"); d.Allowed {
		t.Errorf("two for one wait: %+v", d)
	}
	now = now.Add(time.Hour)
	if d := ask("a"); !d.Allowed || d.Remaining != 4 {
		t.Errorf("after a long time: %+v", d)
	}
}

// Whenever it is asked, no time as long as Per and no moment sees more than twice and once the burst.
func TestNeverMore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Unix(1000, 0)
		m := ratelimit.NewMemory(func() time.Time { return now })
		rate := ratelimit.Rate{Burst: rapid.IntRange(1, 20).Draw(rt, "burst"), Per: time.Duration(rapid.IntRange(1, 1e9).Draw(rt, "per"))}
		var allowed []time.Time
		for range 200 {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(rate.Per)/4+1).Draw(rt, "pause")))
			d, err := m.Allow(context.Background(), "k", rate)
			if err != nil {
				rt.Fatal(err)
			}
			if !d.Allowed {
				if d.Retry <= 0 {
					rt.Fatalf("refused, and may try again after %v", d.Retry)
				}
				continue
			}
			allowed = append(allowed, now)
			same, window := 0, 0
			for _, at := range allowed {
				if at.Equal(now) {
					same++
				}
				if now.Sub(at) < rate.Per {
					window++
				}
			}
			if same > rate.Burst || window > 2*rate.Burst {
				rt.Fatalf("%d at once, %d within %v at %+v", same, window, rate.Per, rate)
			}
		}
	})
}

// Keys whose burst is full again are not kept.
func TestMemoryForgets(t *testing.T) {
	now := time.Unix(1000, 0)
	m := ratelimit.NewMemory(func() time.Time { return now })
	for i := range 50_000 {
		now = now.Add(time.Millisecond)
		if _, err := m.Allow(t.Context(), fmt.Sprint(i), ratelimit.Rate{Burst: 1, Per: time.Second}); err != nil {
			t.Fatal(err)
		}
	}
	if n := m.Keys(); n > 10_000 {
		t.Errorf("%d keys are kept", n)
	}
}

// Several gateways on one Redis share the burst.
func TestRedis(t *testing.T) {
	url := testenv.Redis(t)
	rate := ratelimit.Rate{Burst: 50, Per: time.Hour}
	var allowed, refused atomic.Int64
	var all sync.WaitGroup
	for range 4 {
		limiter, err := ratelimit.NewRedis(url, "test:")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = limiter.Close() })
		all.Go(func() {
			for range 25 {
				d, err := limiter.Allow(t.Context(), "k", rate)
				switch {
				case err != nil:
					t.Error(err)
				case d.Allowed:
					allowed.Add(1)
				case d.Retry <= 0 || d.Retry > rate.Per/50:
					t.Errorf("refused: %+v", d)
				default:
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
	if allowed.Load() != 50 || refused.Load() != 50 {
		t.Errorf("%d allowed and %d refused of a burst of 50", allowed.Load(), refused.Load())
	}
	// What Redis counts in, microseconds, makes no interval shorter.
	exact, err := ratelimit.NewRedis(url, "test:")
	if err != nil {
		t.Fatal(err)
	}
	defer exact.Close()
	odd := ratelimit.Rate{Burst: 3, Per: 500 * time.Millisecond}
	if d, err := exact.Allow(t.Context(), "odd", odd); err != nil || d.Full*3 < odd.Per {
		t.Errorf("one of three a half second: %+v, %v", d, err)
	}
	limiter, err := ratelimit.NewRedis("redis://127.0.0.1:1/0", "test:")
	if err != nil {
		t.Fatal(err)
	}
	defer limiter.Close()
	if d, err := limiter.Allow(t.Context(), "k", rate); err == nil {
		t.Errorf("no Redis, and yet %+v", d)
	}
}
