package settlement

import (
	"testing"

	"viaduct/settlement/disk/simdisk"
)

// TestUnsignedIsDurable has the power go at each change: the mark never falls, and is there once raise has
// returned.
func TestUnsignedIsDurable(t *testing.T) {
	for seed := range uint64(50) {
		for change := 1; change < 12; change++ {
			d := simdisk.New()
			d.PowerAt(change)
			least := uint64(0)
			for _, height := range []uint64{7, 5, 9} {
				u, err := openUnsigned(d)
				if err != nil {
					d = d.Restart(seed)
					if u, err = openUnsigned(d); err != nil {
						t.Fatal(err)
					}
				}
				if u.mark < least || u.mark != 0 && u.mark != 5 && u.mark != 7 && u.mark != 9 {
					t.Fatalf("seed %d, change %d: the mark is %d, it was %d", seed, change, u.mark, least)
				}
				least = u.mark
				if u.raise(height) == nil {
					least = max(least, height)
				}
			}
			u, err := openUnsigned(d.Restart(seed))
			if err != nil {
				t.Fatal(err)
			}
			if u.mark < least {
				t.Errorf("seed %d, change %d: the mark is %d, it was %d", seed, change, u.mark, least)
			}
		}
	}
}
