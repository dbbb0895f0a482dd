package ledger

import (
	"testing"

	"pgregory.net/rapid"
)

// TestIDSet runs it beside a map.
func TestIDSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newIDSet()
		want := map[seenValue]int64{}
		now := int64(0)
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			v := seenValue{by: PartID(rapid.IntRange(0, 2).Draw(t, "by")), tag: seenTag(rapid.IntRange(1, 2).Draw(t, "tag"))}
			v.value[rapid.IntRange(0, 15).Draw(t, "byte")] = rapid.Byte().Draw(t, "value")
			now += int64(rapid.IntRange(0, 3).Draw(t, "pass"))
			const memory = 100
			s.forgetBefore(now - memory)
			for k, at := range want {
				if at < now-memory {
					delete(want, k)
				}
			}
			_, there := want[v]
			if s.has(v) != there {
				t.Fatalf("has(%v) = %v, want %v", v, !there, there)
			}
			if !there {
				s.add(v, now)
				want[v] = now
			}
		}
		for k := range want {
			if !s.has(k) {
				t.Fatalf("lost %v", k)
			}
		}
		if int(s.next-s.first) != len(want) {
			t.Fatalf("%d ids, want %d", s.next-s.first, len(want))
		}
	})
}

// TestIDSetAcrossChunks forgets and learns over several chunks.
func TestIDSetAcrossChunks(t *testing.T) {
	s := newIDSet()
	id := func(i int) (v seenValue) {
		v.value = [16]byte{byte(i), byte(i >> 8), byte(i >> 16), 1}
		return v
	}
	const n = 5 * lineChunk
	for i := range n {
		s.add(id(i), int64(i))
	}
	s.forgetBefore(3*lineChunk + 7)
	for i := range n {
		if s.has(id(i)) != (i >= 3*lineChunk+7) {
			t.Fatalf("id %d: has = %v", i, s.has(id(i)))
		}
	}
	if len(s.chunks) != 2 {
		t.Errorf("%d chunks left, want 2", len(s.chunks))
	}
}
