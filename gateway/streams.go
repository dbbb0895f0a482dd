package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement"
)

const (
	// maxStreams bounds what one participant keeps open, over all its keys: each costs a goroutine and
	// a search for every block that could change it.
	maxStreams = 32
	// streamHeartbeat is how long a stream is silent at most; proxies cut what is silent for longer.
	streamHeartbeat = 15 * time.Second
	// streamPatience is how long a reader may leave its connection full before it is cut off.
	streamPatience = 10 * time.Second
	// followPause is the wait before the engine is asked again after it did not answer.
	followPause = time.Second
)

// streams are the quotes that are watched, and what follows the blocks for them while there are any.
// A stream is only ever poked: the blocks, and whoever follows them, wait for none.
type streams struct {
	engine              Engine
	log                 *slog.Logger
	heartbeat, patience time.Duration

	mu     sync.Mutex
	open   map[*stream]bool
	count  map[ledger.BIC]int
	height uint64        // every stream that the blocks up to here could change was poked
	stop   func()        // ends the follower; nil when there is none
	closed chan struct{} // when the server shuts down
}

// stream is one watched request.
type stream struct {
	owner ledger.BIC
	ask   settlement.QuoteRequest
	poked chan struct{} // something happened that could change the answer
}

func newStreams(engine Engine, log *slog.Logger) *streams {
	return &streams{
		engine: engine, log: log, heartbeat: streamHeartbeat, patience: streamPatience,
		open: make(map[*stream]bool), count: make(map[ledger.BIC]int), closed: make(chan struct{}),
	}
}

// add begins to watch for a request. The caller asks for its first answer after that, so that no change
// falls between the two.
func (s *streams) add(owner ledger.BIC, ask settlement.QuoteRequest) (*stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count[owner] >= maxStreams {
		return nil, refuse(openapi.ErrorCodeTooManyStreams, "at most "+itoa(maxStreams)+" at a time")
	}
	st := &stream{owner: owner, ask: ask, poked: make(chan struct{}, 1)}
	s.open[st] = true
	s.count[owner]++
	if s.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		s.stop = func() { cancel(); <-ended }
		go func() {
			defer close(ended)
			s.follow(ctx)
		}()
	}
	return st, nil
}

// remove ends a stream's watch; with the last one it ends the follower.
func (s *streams) remove(st *stream) {
	s.mu.Lock()
	delete(s.open, st)
	if s.count[st.owner]--; s.count[st.owner] == 0 {
		delete(s.count, st.owner)
	}
	var stop func()
	if len(s.open) == 0 {
		stop, s.stop = s.stop, nil
	}
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// close ends every stream, those to come too.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
}

// follow reads what the blocks did and pokes whom it could matter to, until ctx ends.
func (s *streams) follow(ctx context.Context) {
	var watch *settlement.Watch
	for {
		err := s.step(ctx, &watch)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.log.Warn("follow blocks for quote streams", "error", err, "pause", followPause)
			watch = nil
			select {
			case <-ctx.Done():
				return
			case <-time.After(followPause):
			}
		}
	}
}

func (s *streams) step(ctx context.Context, watch **settlement.Watch) (err error) {
	if *watch == nil {
		if *watch, err = s.engine.Watch(ctx); err != nil {
			return err
		}
		// Whatever was between the streams' last answers and where the watch begins was not seen.
		s.poke(0, func(*stream) bool { return true })
		return nil
	}
	news, err := (*watch).Next(ctx)
	if err != nil {
		return err
	}
	s.poke(news.Height, func(st *stream) bool { return news.Matters(&st.ask) })
	return nil
}

func (s *streams) poke(height uint64, matters func(*stream) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.height = height
	for st := range s.open {
		if matters(st) {
			select {
			case st.poked <- struct{}{}:
			default: // it is poked and has not looked yet
			}
		}
	}
}

// unchangedAt returns the height up to which a stream's answer made at height is still true; false when
// it is about to be asked again.
func (s *streams) unchangedAt(st *stream, height uint64) (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(height, s.height), len(st.poked) == 0
}
