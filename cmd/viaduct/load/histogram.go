package load

import (
	"math/bits"
	"time"
)

// subBits says how fine a Histogram is: 2^subBits steps to each doubling, so a quantile is at most
// 1/128 too high.
const subBits = 7

// Histogram counts durations in steps that grow with them. The zero value is empty.
type Histogram struct {
	counts [(64 - subBits + 1) << subBits]uint64
	total  uint64
}

// Add counts one duration; a negative one counts as zero.
func (h *Histogram) Add(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.total++
}

// Merge adds what another one counted.
func (h *Histogram) Merge(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.total }

// Quantile returns the duration that perMille of a thousand do not exceed, rounded up to its step; 0
// when nothing was counted.
func (h *Histogram) Quantile(perMille uint64) time.Duration {
	want := (h.total*perMille + 999) / 1000
	var seen uint64
	for i, n := range h.counts {
		if seen += n; n > 0 && seen >= want {
			return time.Duration(upper(i))
		}
	}
	return 0
}

func bucket(n uint64) int {
	shift := max(bits.Len64(n)-subBits-1, 0)
	return shift<<subBits + int(n>>shift)
}

// upper returns the largest number in a bucket.
func upper(i int) uint64 {
	shift := max(i>>subBits-1, 0)
	return (uint64(i-shift<<subBits)+1)<<shift - 1
}
