package ledger

import (
	"bytes"
	"crypto/sha256"
)

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

// Deadlines returns how many deadlines the state keeps.
func (s *State) Deadlines() int { return len(s.expiry) }

// Trust takes the message's signatures as checked: the second time the same bytes are applied, and
// where a test is about anything but signatures.
func (m *Message) Trust() {
	for i := range m.Submissions {
		m.Submissions[i].checked, m.Submissions[i].valid = true, true
	}
}

// Raw is an instruction of any bytes, as a participant with a key of its own could sign.
type Raw struct {
	K    Kind
	Body []byte
}

// Kind is what the bytes claim to be.
func (r *Raw) Kind() Kind       { return r.K }
func (r *Raw) encode(w *writer) { w.raw(r.Body) }
func (r *Raw) decode(*reader)   {}

// RestoreForged restores a snapshot whose hashes nobody compares: what is left is what keeps a forged
// one, its hashes all made to fit, from leading anywhere but to an error.
func RestoreForged(data []byte, g *Genesis) (*State, error) {
	s, err := readSnapshot(bytes.NewReader(data), g)
	if s == nil {
		return nil, err
	}
	return s, s.relink()
}

// TouchPositions has positions hashed again with the next Hash, as if a block had changed them.
func (s *State) TouchPositions(ids []int) {
	for _, i := range ids {
		s.trees[tablePositions].touch(i)
	}
}

// How far settling what waits goes, for measurements that compare.
const (
	Multilateral = multilateral
	Bilateral    = bilateral
	Gross        = gross
)

// Reach has the queue settle by less than it can.
func (s *State) Reach(r reach) { s.reach = r }

// QueueWork returns how many waiting payments the last block looked at, in all rounds together.
func (s *State) QueueWork() int { return s.offsets.work }

// QueueBound is what a block looks at before it carries the rest on; the round under way is ended.
const QueueBound = maxQueueWork
