package load

import (
	"sync/atomic"
	"testing"

	"viaduct/internal/testenv"
)

func TestBaselineMovesWhatItSays(t *testing.T) {
	url := testenv.Postgres(t)
	var done atomic.Int64
	b, err := RunBaseline(t.Context(), url, 4, 3, 50, 0, 1, &done)
	if err != nil {
		t.Fatal(err)
	}
	if b.Transfers != 50 || done.Load() != 50 || b.Latency.Count() != 50 {
		t.Errorf("%d transfers, %d told, %d timed; want 50", b.Transfers, done.Load(), b.Latency.Count())
	}
}
