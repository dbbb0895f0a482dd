package ledger

import "crypto/sha256"

// TablesHash hashes the tables alone: not the time, the height, nor what was seen before. A refusal
// must leave it as it was.
func (s *State) TablesHash() Hash {
	var w writer
	for table, n := range s.tableLengths() {
		for i := range n {
			s.appendEntry(&w, table, i)
		}
	}
	w.u64(s.offerSeq)
	w.u32(uint32(s.freeOffer))
	return sha256.Sum256(w.b)
}
