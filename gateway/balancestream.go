package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"

	"viaduct/ledger"
	"viaduct/openapi"
)

// maxBalanceStreams bounds the balance streams that one participant keeps open: each reads the cache after
// every block.
const maxBalanceStreams = 32

// balanceStreams are the open streams of balances. One follower wakes them after each projected block and
// waits for none: a stream that is still writing sees several blocks as one change.
type balanceStreams struct {
	*audience[balanceWatch]
	engine Engine
}

// balanceWatch is one open stream.
type balanceWatch struct {
	owner ledger.BIC
	poked chan struct{}
}

func newBalanceStreams(engine Engine, log *slog.Logger) *balanceStreams {
	b := &balanceStreams{engine: engine}
	b.audience = newAudience[balanceWatch]("balances", maxBalanceStreams, log, b.run)
	return b
}

// run wakes the streams until something fails, which is what it returns.
func (b *balanceStreams) run(ctx context.Context) error {
	var height uint64
	for {
		status, err := b.engine.Status(ctx)
		if err != nil {
			return err
		}
		height = max(height, status.Projected)
		b.poke()
		height++
		if err := b.engine.WaitFinal(ctx, height); err != nil {
			return err
		}
	}
}

func (b *balanceStreams) poke() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for w := range b.all() {
		poke(w.poked)
	}
}

// StreamBalances sends a participant's balances, and then what changes of them.
func (s server) StreamBalances(ctx context.Context, r openapi.StreamBalancesRequestObject) (openapi.StreamBalancesResponseObject, error) {
	whose, err := exchangeOf(ctx).caller.viewing(r.Params.Participant)
	if err != nil {
		return nil, err
	}
	w := &balanceWatch{owner: whose, poked: make(chan struct{}, 1)}
	if err := s.balances.add(whose, w); err != nil {
		return nil, err
	}
	first, err := s.balancesNow(ctx, whose)
	if err != nil {
		s.balances.remove(whose, w)
		return nil, err
	}
	return &balanceStream{gateway: s.Gateway, ctx: ctx, watch: w, first: first}, nil
}

// balanceStream is the answer of StreamBalances.
type balanceStream struct {
	gateway *Gateway
	ctx     context.Context // ends with the connection
	watch   *balanceWatch
	first   openapi.Balances
}

// VisitStreamBalancesResponse writes events until the reader leaves or is too slow, the balances can't be
// read, or the server shuts down.
func (v *balanceStream) VisitStreamBalancesResponse(w http.ResponseWriter) error {
	all := v.gateway.balances
	defer all.remove(v.watch.owner, v.watch)
	out, err := startStream(w, all.patience)
	if err != nil || out.balances("balances", &v.first) != nil {
		return nil
	}
	height := v.first.Height
	told := make(map[[2]string]openapi.Balance)
	keep := func(data []openapi.Balance) (changed []openapi.Balance) {
		for _, b := range data {
			if at := [2]string{b.Currency, b.Issuer}; told[at] != b {
				told[at] = b
				changed = append(changed, b)
			}
		}
		return changed
	}
	keep(v.first.Data)
	all.attend(v.ctx, v.watch.poked, func(quiet bool) (bool, error) {
		now, err := v.gateway.balancesNow(v.ctx, v.watch.owner)
		if err != nil {
			return false, err
		}
		if now.Height >= height { // else another cache, or a database, is behind: what was told is newer
			height = now.Height
			if now.Data = keep(now.Data); len(now.Data) > 0 {
				return true, out.balances("changed", &now)
			}
		}
		if !quiet {
			return false, nil
		}
		return false, out.unchanged(uint64(height))
	})
	return nil
}

func (e *events) balances(name string, b *openapi.Balances) error {
	data, err := json.Marshal(b)
	if err != nil {
		return err
	}
	return e.withID(fmt.Sprint(b.Height), name, data)
}
