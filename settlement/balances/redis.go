package balances

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"viaduct/ledger"
	"viaduct/settlement/sqlstore"
)

const (
	// redisPatience bounds a call: past it, the database is the quicker way.
	redisPatience = 250 * time.Millisecond
	// keep is how long a holder stays without being loaded again, and so how long what runs before
	// left lies about.
	keep = 24 * time.Hour
)

// Redis is the cache that gateways and nodes share.
//
// One hash names the run, its last height and, for each holder loaded in it, the height of that holder's
// last change; one hash a holder has the height it was loaded at, that of its last change, and a field for
// each position: the height of its last change, a space, and the line. A holder whose two last heights
// differ was not written by us, or is one from yesterday: it is loaded again.
type Redis struct {
	client *redis.Client
	load   Load
	meta   string // the run's key
	prefix string // of the holders' keys

	set, get, filling *redis.Script
}

// NewRedis returns the cache of a network, on a server that need not be there yet.
func NewRedis(url string, network ledger.Hash, load Load) (*Redis, error) {
	return newRedis(url, network, load, redisPatience)
}

func newRedis(url string, network ledger.Hash, load Load, patience time.Duration) (*Redis, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		// The parser's error would tell the password.
		return nil, errors.New("not a Redis URL")
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = patience, patience, patience
	options.MaxRetries, options.DialerRetries = -1, 1 // no second try: the database answers meanwhile
	meta := fmt.Sprintf("viaduct:balances:2:{%x}", network[:8])
	return &Redis{
		client: redis.NewClient(options), load: load, meta: meta, prefix: meta + ":",
		set: redis.NewScript(setScript), get: redis.NewScript(getScript), filling: redis.NewScript(fillScript),
	}, nil
}

// Ping tells whether Redis answers.
func (r *Redis) Ping(ctx context.Context) error { return r.client.Ping(ctx).Err() }

// Close closes the connections.
func (r *Redis) Close() error { return r.client.Close() }

// The scripts, which Redis runs one at a time. KEYS[1] is the run's hash, ARGV[1] what holders' keys
// begin with.
const (
	// put writes a position where what is there is not as new.
	put = `
local function put(key, pos, height, line)
	local old = redis.call('HGET', key, pos)
	if not old or tonumber(string.match(old, '^%d+')) < tonumber(height) then
		redis.call('HSET', key, pos, height .. ' ' .. line)
	end
end
`
	// ours says whether a holder's hash is as the run left it, and left marks it so.
	ours = `
local function ours(key, holder)
	local last = redis.call('HGET', KEYS[1], 'last:' .. holder)
	return last and last == redis.call('HGET', key, 'last')
end
local function left(key, holder, height)
	redis.call('HSET', key, 'last', height)
	redis.call('HSET', KEYS[1], 'last:' .. holder, height)
end
`
	// setScript goes on with the run or begins one. ARGV: height, a name for a new run, and for each
	// position its holder, number, height and line.
	setScript = put + ours + `
local height, last = tonumber(ARGV[2]), tonumber(redis.call('HGET', KEYS[1], 'height'))
if last and height <= last then return 0 end
if not last or height ~= last + 1 then
	redis.call('DEL', KEYS[1])
	redis.call('HSET', KEYS[1], 'height', ARGV[2], 'run', ARGV[3])
	return 0
end
local run = redis.call('HGET', KEYS[1], 'run')
for i = 4, #ARGV, 4 do
	local key = ARGV[1] .. run .. ':' .. ARGV[i]
	if ours(key, ARGV[i]) then
		put(key, ARGV[i+1], ARGV[i+2], ARGV[i+3])
		left(key, ARGV[i], ARGV[2])
	end
end
redis.call('HSET', KEYS[1], 'height', ARGV[2])
return 0
`
	// getScript returns the run's name and height and the holder's hash. ARGV: holder.
	getScript = ours + `
local run = redis.call('HGET', KEYS[1], 'run')
if not run then return {'', '0', {}} end
local key, fields = ARGV[1] .. run .. ':' .. ARGV[2], {}
if ours(key, ARGV[2]) then fields = redis.call('HGETALL', key) end
return {run, redis.call('HGET', KEYS[1], 'height'), fields}
`
	// fillScript writes what was loaded, if no block of the run has passed it. ARGV: run, holder,
	// height, seconds to keep, and for each position its number, height and line.
	fillScript = put + ours + `
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[2] or tonumber(redis.call('HGET', KEYS[1], 'height')) > tonumber(ARGV[4]) then return 0 end
local key = ARGV[1] .. ARGV[2] .. ':' .. ARGV[3]
if not ours(key, ARGV[3]) then redis.call('DEL', key) end
local at = tonumber(redis.call('HGET', key, 'at'))
if not at or at < tonumber(ARGV[4]) then redis.call('HSET', key, 'at', ARGV[4]) end
for i = 6, #ARGV, 3 do put(key, ARGV[i], ARGV[i+1], ARGV[i+2]) end
left(key, ARGV[3], ARGV[4])
redis.call('EXPIRE', key, ARGV[5])
return 0
`
)

// Set is Cache's.
func (r *Redis) Set(ctx context.Context, height uint64, lines []sqlstore.Line) error {
	args := append(make([]any, 0, 3+4*len(lines)), r.prefix, height, uuid.NewString())
	for i := range lines {
		line, err := json.Marshal(&lines[i])
		if err != nil {
			return fmt.Errorf("balances of block %d: %w", height, err)
		}
		args = append(args, lines[i].Holder.String(), int64(lines[i].Pos), lines[i].Height, line)
	}
	if err := r.eval(ctx, r.set, args...).Err(); err != nil {
		return fmt.Errorf("balances of block %d: %w", height, err)
	}
	return nil
}

func (r *Redis) eval(ctx context.Context, script *redis.Script, args ...any) *redis.Cmd {
	return script.Run(ctx, r.client, []string{r.meta}, args...)
}

// Get is Cache's.
func (r *Redis) Get(ctx context.Context, holder ledger.BIC) ([]sqlstore.Line, uint64, bool, error) {
	answer, err := r.eval(ctx, r.get, r.prefix, holder.String()).Slice()
	if err != nil {
		return nil, 0, false, fmt.Errorf("cached balances: %w", err)
	}
	run, height, fields, err := parse(answer)
	if err != nil {
		return nil, 0, false, err
	}
	if len(fields) > 0 {
		lines, at, err := decode(fields)
		return lines, max(at, height), err == nil, err
	}
	lines, loaded, err := r.load(ctx, holder)
	if err != nil {
		return nil, 0, false, err
	}
	if run != "" && loaded >= height {
		if err := r.fill(ctx, run, holder, lines, loaded); err != nil {
			return nil, 0, false, err
		}
	}
	return lines, loaded, true, nil
}

func (r *Redis) fill(ctx context.Context, run string, holder ledger.BIC, lines []sqlstore.Line, height uint64) error {
	args := append(make([]any, 0, 5+3*len(lines)), r.prefix, run, holder.String(), height, int64(keep/time.Second))
	for i := range lines {
		line, err := json.Marshal(&lines[i])
		if err != nil {
			return fmt.Errorf("cache balances: %w", err)
		}
		args = append(args, int64(lines[i].Pos), lines[i].Height, line)
	}
	if err := r.eval(ctx, r.filling, args...).Err(); err != nil {
		return fmt.Errorf("cache balances: %w", err)
	}
	return nil
}

var errStored = errors.New("cached balances are not ours")

// parse reads getScript's answer.
func parse(answer []any) (run string, height uint64, fields []any, err error) {
	if len(answer) != 3 {
		return "", 0, nil, errStored
	}
	run, ok := answer[0].(string)
	text, ok2 := answer[1].(string)
	height, err = strconv.ParseUint(text, 10, 64)
	fields, ok3 := answer[2].([]any)
	if !ok || !ok2 || !ok3 || err != nil {
		return "", 0, nil, errStored
	}
	return run, height, fields, nil
}

// decode reads a holder's hash: names and values by turns.
func decode(fields []any) (lines []sqlstore.Line, at uint64, err error) {
	for i := 0; i+1 < len(fields); i += 2 {
		name, _ := fields[i].(string)
		value, _ := fields[i+1].(string)
		if name == "at" {
			if at, err = strconv.ParseUint(value, 10, 64); err != nil {
				return nil, 0, fmt.Errorf("%w: loaded at %.20q", errStored, value)
			}
			continue
		}
		if name == "last" {
			continue // the scripts' own
		}
		var l sqlstore.Line
		_, text, _ := strings.Cut(value, " ")
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return nil, 0, fmt.Errorf("%w: position %.20q: %w", errStored, name, err)
		}
		lines = append(lines, l)
	}
	slices.SortFunc(lines, byPos)
	return lines, at, nil
}
