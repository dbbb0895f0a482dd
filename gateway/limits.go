package gateway

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"viaduct/gateway/ratelimit"
	"viaduct/openapi"
)

// Limits are how often one API key may ask. Money is for what changes something, Reads for the rest. When
// the limiter cannot tell, as a Redis that is away, reads go on and money does not: what is not counted
// could be a flood, and an order that was refused can be sent again.
type Limits struct {
	Limiter ratelimit.Limiter // nil for no limits
	Money   ratelimit.Rate    // a burst of 0 is no limit
	Reads   ratelimit.Rate
}

// warnEvery bounds how often a limiter that is away is logged.
const warnEvery = 10 * time.Second

// limiting is what the gateway keeps of its limits.
type limiting struct {
	Limits
	warned atomic.Int64 // when, Unix milliseconds
}

// limit counts a request and tells how much is left (RateLimit and RateLimit-Policy as the IETF's draft on
// rate limit headers has them).
func (g *Gateway) limit(ctx context.Context, h http.Header, method string, x *exchange) error {
	l := &g.limits
	class, rate := "money", l.Money
	if method == http.MethodGet || x.op.id == "Quote" {
		class, rate = "reads", l.Reads
	}
	if l.Limiter == nil || rate.Burst == 0 {
		return nil
	}
	d, err := l.Limiter.Allow(ctx, class+":"+x.caller.bic.String()+":"+idText(x.caller.key.ID), rate)
	if err != nil {
		if now, last := g.now(), l.warned.Load(); now-last >= warnEvery.Milliseconds() && l.warned.CompareAndSwap(last, now) {
			g.cfg.Log.Warn("rate limits cannot be counted; reads go on, changes are refused", "request_id", x.id, "error", err)
		}
		if class == "money" {
			return &problem{code: openapi.ErrorCodeUnavailable, detail: "rate limits cannot be counted now; nothing was ordered", retry: 1}
		}
		return nil
	}
	h.Set("RateLimit-Policy", fmt.Sprintf(`"%s";q=%d;w=%d`, class, rate.Burst, seconds(rate.Per)))
	h.Set("RateLimit", fmt.Sprintf(`"%s";r=%d;t=%d`, class, d.Remaining, seconds(d.Full)))
	if !d.Allowed {
		return &problem{code: openapi.ErrorCodeRateLimited, detail: "at most " + itoa(rate.Burst) + " " + class + " requests at once, and as many again in " + rate.Per.String(), retry: max(seconds(d.Retry), 1)}
	}
	return nil
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
