package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience bounds one question: a caller waits for it.
const patience = 250 * time.Millisecond

// script is decide in Redis, by Redis' clock, which all gateways share. Times are microseconds. It answers
// whether it is allowed, how many more are, after how long it will be, and after how long all are.
var script = redis.NewScript(`
local step, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local whole = step * burst
local next = full + step
if next - now > whole then
	return {0, 0, next - now - whole, full - now}
end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 1)
return {1, math.floor((whole - (next - now)) / step), 0, next - now}
`)

// Redis counts in a Redis server, for all that use it.
type Redis struct {
	client *redis.Client
	prefix string
}

// NewRedis returns a limiter on the server at a redis:// URL; prefix keeps its keys apart from others'. It
// does not connect before it is asked.
func NewRedis(url, prefix string) (*Redis, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = patience, patience, patience
	options.MaxRetries = 1
	options.ContextTimeoutEnabled = true
	return &Redis{client: redis.NewClient(options), prefix: prefix}, nil
}

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }

// Allow takes one from what key may do. An error means that Redis could not say.
func (r *Redis) Allow(ctx context.Context, key string, rate Rate) (Decision, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	step := (rate.interval() + time.Microsecond - 1).Microseconds() // rounded up too
	got, err := script.Run(ctx, r.client, []string{r.prefix + key}, step, rate.Burst).Int64Slice()
	if err != nil {
		return Decision{}, fmt.Errorf("rate limit: %w", err)
	}
	if len(got) != 4 {
		return Decision{}, fmt.Errorf("rate limit: an answer of %d numbers", len(got))
	}
	return Decision{
		Allowed: got[0] == 1, Remaining: int(got[1]),
		Retry: time.Duration(got[2]) * time.Microsecond, Full: time.Duration(got[3]) * time.Microsecond,
	}, nil
}
