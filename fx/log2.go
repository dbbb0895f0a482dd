package fx

import "math/bits"

// labelBits are the fraction bits of a label: a price's base-2 logarithm in fixed point, so that
// multiplying prices along a path is adding integers. 2^-40 is a relative step of 6e-13.
const labelBits = 40

// label returns log2(n/d), rounded up, so that a break-even cycle never looks gainful. n and d are
// above zero. It is at most three steps above the true value, and it never falls as n/d rises by more
// than that; equal terms are exactly zero.
func label(n, d int64) int64 {
	if n == d {
		return 0
	}
	return log2Floor(uint64(n)) + log2Slack - log2Floor(uint64(d))
}

// log2Slack bounds how far log2Floor falls short, in steps: one for the bits it does not compute and
// less than one for the truncated squares.
const log2Slack = 2

// log2Floor returns log2(x) for x > 0 from below, by squaring the mantissa once a bit. Each square is
// truncated at 2^-63; the error doubles with each later square, so after 40 it is below 2^-22 of the
// mantissa, and it can only make a bit fall late, never early.
func log2Floor(x uint64) int64 {
	shift := bits.LeadingZeros64(x)
	m := x << shift // the mantissa in [1, 2), with 63 fraction bits
	log := int64(63 - shift)
	for range labelBits {
		hi, lo := bits.Mul64(m, m) // the square in [1, 4), with 126 fraction bits
		log <<= 1
		if hi>>63 != 0 {
			log |= 1
			m = hi
		} else {
			m = hi<<1 | lo>>63
		}
	}
	return log
}
