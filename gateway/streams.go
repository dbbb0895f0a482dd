package gateway

import (
	"context"
	"log/slog"

	"viaduct/ledger"
	"viaduct/settlement"
)

// maxStreams bounds the quote streams that one participant keeps open: each costs a goroutine and a search
// for every block that could change it.
const maxStreams = 32

// streams are the quotes that are watched. A stream is only ever poked: the blocks, and whoever follows
// them, wait for none.
type streams struct {
	*audience[stream]
	engine Engine
	height uint64 // under the audience's lock: every stream that the blocks up to here could change was poked
}

// stream is one watched request.
type stream struct {
	owner ledger.BIC
	ask   settlement.QuoteRequest
	poked chan struct{} // something happened that could change the answer
}

func newStreams(engine Engine, log *slog.Logger) *streams {
	s := &streams{engine: engine}
	s.audience = newAudience[stream]("quotes", maxStreams, log, s.run)
	return s
}

// watch begins to watch for a request. The caller asks for its first answer after that, so that no change
// falls between the two.
func (s *streams) watch(owner ledger.BIC, ask settlement.QuoteRequest) (*stream, error) {
	st := &stream{owner: owner, ask: ask, poked: make(chan struct{}, 1)}
	return st, s.add(owner, st)
}

// run reads what the blocks did and pokes whom it could matter to, until something fails, which is what it
// returns.
func (s *streams) run(ctx context.Context) error {
	watch, err := s.engine.Watch(ctx)
	if err != nil {
		return err
	}
	// Whatever was between the streams' last answers and where the watch begins was not seen.
	s.poke(0, func(*stream) bool { return true })
	for {
		news, err := watch.Next(ctx)
		if err != nil {
			return err
		}
		s.poke(news.Height, func(st *stream) bool { return news.Matters(&st.ask) })
	}
}

func (s *streams) poke(height uint64, matters func(*stream) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.height = height
	for st := range s.all() {
		if matters(st) {
			poke(st.poked)
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
