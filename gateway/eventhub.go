package gateway

import (
	"context"

	"viaduct/ledger"
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
	*audience[listener]
	engine Engine
	store  Store
}

// listener is one open stream.
type listener struct {
	owner ledger.BIC
	queue chan *sqlstore.Event
	lags  bool // the hub's: events were left out since the last catching up
}

func newHub(cfg *Config) *hub {
	h := &hub{engine: cfg.Engine, store: cfg.Store}
	h.audience = newAudience[listener]("events", maxEventStreams, cfg.Log, h.run)
	return h
}

// listen opens a stream. It lags from the start: what came before it listened is in the database.
func (h *hub) listen(owner ledger.BIC) (*listener, error) {
	l := &listener{owner: owner, queue: make(chan *sqlstore.Event, eventBacklog), lags: true}
	return l, h.add(owner, l)
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
	for l := range h.all() {
		l.leave(nil)
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
