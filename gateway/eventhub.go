package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

const (
	// maxEventStreams bounds the event streams that one participant keeps open.
	maxEventStreams = 64
	// eventBacklog is how many events wait for a reader in memory. One that is further behind reads them
	// from the database when it is ready for more.
	eventBacklog = 64
	// eventPage is how many events are read from the database at once.
	eventPage = 200
)

// hub hands each new event to the streams that are open for its participant. Whatever is projected is
// read once, however many listen, and nobody waits for a listener: one whose backlog is full is marked,
// and catches up by itself.
type hub struct {
	engine              Engine
	store               Store
	log                 *slog.Logger
	heartbeat, patience time.Duration
	most                int

	mu     sync.Mutex
	open   map[ledger.BIC]map[*listener]bool
	stop   func() // ends the follower; nil when there is none
	closed chan struct{}
}

// listener is one open stream.
type listener struct {
	owner ledger.BIC
	queue chan *sqlstore.Event
	lags  bool // the hub's: events were left out since the last catching up
}

func newHub(cfg *Config) *hub {
	return &hub{
		engine: cfg.Engine, store: cfg.Store, log: cfg.Log, heartbeat: streamHeartbeat, patience: streamPatience, most: maxEventStreams,
		open: make(map[ledger.BIC]map[*listener]bool), closed: make(chan struct{}),
	}
}

// add opens a stream. It lags from the start: what came before it listened is in the database.
func (h *hub) add(owner ledger.BIC) (*listener, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	mine := h.open[owner]
	if len(mine) >= h.most {
		return nil, refuse(openapi.ErrorCodeTooManyStreams, "at most "+itoa(h.most)+" at a time")
	}
	l := &listener{owner: owner, queue: make(chan *sqlstore.Event, eventBacklog), lags: true}
	if mine == nil {
		mine = make(map[*listener]bool)
		h.open[owner] = mine
	}
	mine[l] = true
	if h.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		h.stop = func() { cancel(); <-ended }
		go func() {
			defer close(ended)
			h.follow(ctx)
		}()
	}
	return l, nil
}

// remove closes a stream; with the last one it ends the follower.
func (h *hub) remove(l *listener) {
	h.mu.Lock()
	delete(h.open[l.owner], l)
	if len(h.open[l.owner]) == 0 {
		delete(h.open, l.owner)
	}
	var stop func()
	if len(h.open) == 0 {
		stop, h.stop = h.stop, nil
	}
	h.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// close ends every stream, those to come too.
func (h *hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.closed:
	default:
		close(h.closed)
	}
}

// follow hands on what is projected, until ctx ends.
func (h *hub) follow(ctx context.Context) {
	for ctx.Err() == nil {
		if err := h.run(ctx); ctx.Err() == nil {
			h.log.Warn("follow events for their streams", "error", err, "pause", followPause)
			select {
			case <-ctx.Done():
			case <-time.After(followPause):
			}
		}
	}
}

// run hands on until something fails, which is what it returns.
func (h *hub) run(ctx context.Context) error {
	last, err := h.store.LastEvent(ctx)
	if err != nil {
		return err
	}
	// What fell between a stream's opening, or the last run, and this moment was not seen.
	h.lag()
	var height uint64
	for {
		status, err := h.engine.Status(ctx)
		if err != nil {
			return err
		}
		height = max(height, status.Projected)
		for {
			found, err := h.store.EventsOfAll(ctx, &last, eventPage)
			if err != nil {
				return err
			}
			h.tell(found)
			if len(found) > 0 {
				last = found[len(found)-1]
			}
			if len(found) < eventPage {
				break
			}
		}
		if err := h.engine.WaitFinal(ctx, height+1); err != nil {
			return err
		}
	}
}

func (h *hub) lag() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, all := range h.open {
		for l := range all {
			l.leave(nil)
		}
	}
}

func (h *hub) tell(found []sqlstore.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range found {
		for l := range h.open[found[i].Participant] {
			l.leave(&found[i])
		}
	}
}

// leave puts an event before a listener, or marks that one was left out; a nil event only wakes it. The
// hub's lock is held.
func (l *listener) leave(e *sqlstore.Event) {
	if e == nil {
		l.lags = true
	}
	select {
	case l.queue <- e:
	default:
		l.lags = true
	}
}

// behind says whether events were left out, and takes the mark away: whoever asks reads the database
// next.
func (h *hub) behind(l *listener) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	lags := l.lags
	l.lags = false
	return lags
}
