package settlement

import (
	"context"
	"sync"
)

// watermark is a height that only rises and that others wait for.
type watermark struct {
	mu     sync.Mutex
	height uint64
	known  bool // height 0 is a height too
	risen  chan struct{}
}

func newWatermark() *watermark { return &watermark{risen: make(chan struct{})} }

func (w *watermark) raise(height uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known && height <= w.height {
		return
	}
	w.height, w.known = height, true
	close(w.risen)
	w.risen = make(chan struct{})
}

func (w *watermark) get() (height uint64, known bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.height, w.known
}

// wait returns once the mark is at height or above.
func (w *watermark) wait(ctx context.Context, height uint64) error {
	for {
		w.mu.Lock()
		reached, risen := w.known && w.height >= height, w.risen
		w.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-risen:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
