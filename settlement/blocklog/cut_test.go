package blocklog

import (
	"errors"
	"testing"

	"viaduct/settlement/disk/simdisk"
)

func TestCut(t *testing.T) {
	l := mustOpen(t, simdisk.New(), 5)
	fill(t, l, 5, 60)
	for _, height := range []uint64{4, 61} {
		if err := l.Cut(height); !errors.Is(err, ErrNotFound) {
			t.Errorf("Cut(%d) = %v, want ErrNotFound", height, err)
		}
	}
	for _, height := range []uint64{60, 59, 40, 12, 5} {
		if err := l.Cut(height); err != nil {
			t.Fatal(err)
		}
		check(t, l, 5, height)
	}
	fill(t, l, 5, 60)
	check(t, l, 5, 60)
}

// TestCutAndPowerCut has the power go at each change of a cut: what is there then is the log up to some height
// from the one cut at, and it can be cut again and appended to.
func TestCutAndPowerCut(t *testing.T) {
	short, whole := 0, 0
	for seed := range uint64(20) {
		for change := 1; ; change++ {
			d := simdisk.New()
			l := mustOpen(t, d, 0)
			fill(t, l, 0, 40)
			d.PowerAt(change)
			err := l.Cut(17)
			if err == nil {
				break // the power goes later
			}
			if !errors.Is(err, simdisk.ErrPower) {
				t.Fatal(err)
			}
			if err := l.Append(17, nil); !errors.Is(err, ErrFailed) {
				t.Errorf("Append behind a cut that failed = %v, want ErrFailed", err)
			}
			l = mustOpen(t, d.Restart(seed), 0)
			next := l.Next()
			if next < 17 {
				t.Fatalf("seed %d, change %d: the log ends at %d, cut at 17", seed, change, next)
			}
			if next == 17 {
				short++
			} else {
				whole++
			}
			check(t, l, 0, next)
			if err := l.Cut(17); err != nil {
				t.Fatal(err)
			}
			fill(t, l, 17, 40)
			check(t, l, 0, 40)
		}
	}
	if short == 0 || whole == 0 {
		t.Errorf("cut %d times, not %d: want some of each", short, whole)
	}
}
