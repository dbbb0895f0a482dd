package ledger

import (
	"encoding/binary"
	"hash/maphash"
)

// idSet holds ids that were seen, tens of millions of them, and forgets the oldest. It is laid out for
// the payment path: an id is looked up and added with one miss of the memory's cache each, nothing is
// allocated but chunks, and growing moves one shard of many at a time.
//
// The ids stand in a line; the shards are hash tables that point into it. The hash is seeded by chance, so that nobody can choose ids that collide; it decides where
// things lie, never what is answered.
type idSet struct {
	line[seenEntry]
	seed   maphash.Seed
	shards [idShards]idShard
}

const (
	idShards = 256
	// A slot holds a sequence number plus one in its low bits and hash bits above, 0 when empty.
	idSeqBits = 40
	idSeqMask = 1<<idSeqBits - 1
)

// seenValue is an id of one participant: what kind, and which.
type seenValue struct {
	value [16]byte
	by    PartID
	tag   seenTag
}

type seenEntry struct {
	at int64
	seenValue
}

const seenEntryLen = 8 + 4 + 1 + 16

func (e seenEntry) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.at))
	dst = binary.BigEndian.AppendUint32(dst, uint32(e.by))
	return append(append(dst, byte(e.tag)), e.value[:]...)
}

type idShard struct {
	slots []uint64 // a power of two, at most half full
	used  int
}

func newIDSet() idSet { return idSet{line: newLine[seenEntry](), seed: maphash.MakeSeed()} }

func (s *idSet) hash(v *seenValue) uint64 {
	var b [21]byte
	copy(b[:], v.value[:])
	binary.LittleEndian.PutUint32(b[16:], uint32(v.by))
	b[20] = byte(v.tag)
	return maphash.Bytes(s.seed, b[:])
}

// find returns the slot that holds v, or the empty one where it would stand.
func (s *idSet) find(sh *idShard, h uint64, v *seenValue) (slot int, found bool) {
	mask := len(sh.slots) - 1
	for i := int(h) & mask; ; i = (i + 1) & mask {
		x := sh.slots[i]
		if x == 0 {
			return i, false
		}
		if (x^h)>>idSeqBits == 0 && s.entry(x&idSeqMask-1).seenValue == *v {
			return i, true
		}
	}
}

func (s *idSet) has(v seenValue) bool {
	h := s.hash(&v)
	sh := &s.shards[h>>32%idShards]
	if len(sh.slots) == 0 {
		return false
	}
	_, found := s.find(sh, h, &v)
	return found
}

// add adds an id that is not there.
func (s *idSet) add(v seenValue, now int64) {
	s.push(seenEntry{now, v})
	s.point(v, s.next-1)
}

// point has a shard point to the id at seq of the line.
func (s *idSet) point(v seenValue, seq uint64) {
	h := s.hash(&v)
	sh := &s.shards[h>>32%idShards]
	if 2*(sh.used+1) > len(sh.slots) {
		s.grow(sh)
	}
	i, _ := s.find(sh, h, &v)
	sh.slots[i] = h&^idSeqMask | seq + 1
	sh.used++
}

func (s *idSet) grow(sh *idShard) {
	old := sh.slots
	sh.slots = make([]uint64, max(16, 2*len(old)))
	mask := len(sh.slots) - 1
	for _, x := range old {
		if x == 0 {
			continue
		}
		i := int(s.hash(&s.entry(x&idSeqMask-1).seenValue)) & mask
		for sh.slots[i] != 0 {
			i = (i + 1) & mask
		}
		sh.slots[i] = x
	}
}

// forgetBefore drops the ids that came before a time.
func (s *idSet) forgetBefore(at int64) {
	for s.first < s.next && s.entry(s.first).at < at {
		s.remove(&s.entry(s.first).seenValue)
		s.shift()
	}
}

// remove empties a slot and moves back what stands behind it out of its place.
func (s *idSet) remove(v *seenValue) {
	h := s.hash(v)
	sh := &s.shards[h>>32%idShards]
	hole, found := s.find(sh, h, v)
	if !found {
		return
	}
	mask := len(sh.slots) - 1
	for i := (hole + 1) & mask; sh.slots[i] != 0; i = (i + 1) & mask {
		home := int(s.hash(&s.entry(sh.slots[i]&idSeqMask-1).seenValue)) & mask
		if (i-home)&mask >= (i-hole)&mask {
			sh.slots[hole] = sh.slots[i]
			hole = i
		}
	}
	sh.slots[hole] = 0
	sh.used--
}
