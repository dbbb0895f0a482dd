package load

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsCoverEveryNumberOnce(t *testing.T) {
	next := uint64(0)
	for i := range 40 << subBits {
		if bucket(next) != i || bucket(upper(i)) != i {
			t.Fatalf("bucket %d: %d to %d are in %d and %d", i, next, upper(i), bucket(next), bucket(upper(i)))
		}
		next = upper(i) + 1
	}
}

func TestQuantilesAgainstASortedList(t *testing.T) {
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	var h, other Histogram
	all := make([]int64, 10_000)
	for i := range all {
		all[i] = rng.Int64N(1 << (1 + rng.IntN(40)))
		if i%2 == 0 {
			h.Add(time.Duration(all[i]))
		} else {
			other.Add(time.Duration(all[i]))
		}
	}
	h.Merge(&other)
	slices.Sort(all)
	for _, q := range []uint64{1, 500, 900, 990, 999, 1000} {
		want := all[(uint64(len(all))*q+999)/1000-1]
		got := int64(h.Quantile(q))
		if got < want || got > want+want>>subBits+1 {
			t.Errorf("seed %d: quantile %d is %d, want %d or a little more", seed, q, got, want)
		}
	}
	if h.Count() != uint64(len(all)) {
		t.Errorf("count %d, want %d", h.Count(), len(all))
	}
}
