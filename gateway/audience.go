package gateway

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"time"

	"viaduct/ledger"
	"viaduct/openapi"
)

const (
	// streamHeartbeat is how long a stream is silent at most; proxies cut what is silent for longer.
	streamHeartbeat = 15 * time.Second
	// streamPatience is how long a reader may leave its connection full before it is cut off.
	streamPatience = 10 * time.Second
	// followPause is the wait before what streams follow is asked for again after it failed.
	followPause = time.Second
)

// audience is the open streams of one kind. What they tell of is followed for all of them at once, from
// the first stream's opening to the last one's end.
type audience[S any] struct {
	what                string                          // they tell of, for the log
	run                 func(ctx context.Context) error // follows until something fails, which is what it returns
	most                int                             // that one participant keeps open, over all its keys
	log                 *slog.Logger
	heartbeat, patience time.Duration

	mu     sync.Mutex
	open   map[ledger.BIC]map[*S]bool
	stop   func()        // ends the follower; nil when there is none
	closed chan struct{} // when the server shuts down
}

func newAudience[S any](what string, most int, log *slog.Logger, run func(ctx context.Context) error) *audience[S] {
	return &audience[S]{
		what: what, run: run, most: most, log: log, heartbeat: streamHeartbeat, patience: streamPatience,
		open: make(map[ledger.BIC]map[*S]bool), closed: make(chan struct{}),
	}
}

// add opens a stream of a participant's.
func (a *audience[S]) add(owner ledger.BIC, stream *S) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	mine := a.open[owner]
	if len(mine) >= a.most {
		return refuse(openapi.ErrorCodeTooManyStreams, "at most "+itoa(a.most)+" at a time")
	}
	if mine == nil {
		mine = make(map[*S]bool)
		a.open[owner] = mine
	}
	mine[stream] = true
	if a.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		a.stop = func() { cancel(); <-ended }
		go func() {
			defer close(ended)
			a.follow(ctx)
		}()
	}
	return nil
}

// remove closes a stream; with the last one it ends the follower.
func (a *audience[S]) remove(owner ledger.BIC, stream *S) {
	a.mu.Lock()
	delete(a.open[owner], stream)
	if len(a.open[owner]) == 0 {
		delete(a.open, owner)
	}
	var stop func()
	if len(a.open) == 0 {
		stop, a.stop = a.stop, nil
	}
	a.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// close ends every stream, those to come too.
func (a *audience[S]) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case <-a.closed:
	default:
		close(a.closed)
	}
}

// follow runs, again after each failure, until ctx ends.
func (a *audience[S]) follow(ctx context.Context) {
	for ctx.Err() == nil {
		if err := a.run(ctx); ctx.Err() == nil {
			a.log.Warn("follow "+a.what+" for their streams", "error", err, "pause", followPause)
			select {
			case <-ctx.Done():
			case <-time.After(followPause):
			}
		}
	}
}

// all are the open streams. The lock is held.
func (a *audience[S]) all() iter.Seq[*S] {
	return func(yield func(*S) bool) {
		for _, mine := range a.open {
			for stream := range mine {
				if !yield(stream) {
					return
				}
			}
		}
	}
}

// attend looks each time that a stream is poked, and with quiet set each time that it was silent for a
// heartbeat, until the reader leaves, the server shuts down, or looking fails. look says whether it told of a
// change, from which the next heartbeat is counted.
func (a *audience[S]) attend(ctx context.Context, poked <-chan struct{}, look func(quiet bool) (told bool, err error)) {
	beat := time.NewTicker(a.heartbeat)
	defer beat.Stop()
	for {
		quiet := false
		select {
		case <-ctx.Done():
			return
		case <-a.closed:
			return
		case <-beat.C:
			quiet = true
		case <-poked:
		}
		told, err := look(quiet)
		if err != nil {
			return
		}
		if told {
			beat.Reset(a.heartbeat)
		}
	}
}

// poke wakes a stream that may have something to tell, and waits for none.
func poke(stream chan<- struct{}) {
	select {
	case stream <- struct{}{}:
	default: // it is poked and has not looked yet
	}
}
