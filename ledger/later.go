package ledger

import "slices"

// Place is where a result stands in the chain.
type Place struct {
	Height uint64
	Index  uint32
}

// Later is what a later result concerns: something that an instruction began in an earlier result, and
// that changed without an instruction of its own. A queued payment settles, expires or is cancelled, a
// hold lapses, a sweep runs. Its canonical bytes are the body of the later result's leaf.
type Later struct {
	Kind  Kind // of the instruction that began it
	ID    ID
	First Place // of the result that began it
	// Body is that instruction in canonical bytes, so that the later leaf alone tells what it is about.
	Body []byte
}

const laterHead = 1 + 16 + 8 + 4

func (l *Later) encode(w *writer) {
	w.u8(uint8(l.Kind))
	w.raw(l.ID[:])
	w.u64(l.First.Height)
	w.u32(l.First.Index)
	w.raw(l.Body)
}

// Encode returns the canonical bytes.
func (l *Later) Encode() []byte { return l.appendTo(nil) }

func (l *Later) appendTo(dst []byte) []byte {
	w := writer{b: dst}
	l.encode(&w)
	return w.b
}

// DecodeLater reads the body of a later result's leaf; false when it is not canonical.
func DecodeLater(body []byte) (Later, bool) {
	r := reader{b: body}
	l := Later{Kind: Kind(r.u8())}
	r.fill(l.ID[:])
	l.First.Height, l.First.Index = r.u64(), r.u32()
	l.Body = r.take(len(r.b))
	return l, r.done() && l.Kind != KindLater && len(l.Body) <= MaxBody
}

// Origin is what the ledger keeps of an instruction that began something that lasts: whom it was of,
// and what a later result needs to tell of it.
type Origin struct {
	By   PartID
	Salt Hash // the submission's
	Later
}

func (o *Origin) encode(w *writer) {
	w.u32(uint32(o.By))
	w.raw(o.Salt[:])
	w.u16(uint16(len(o.Body)))
	o.Later.encode(w)
}

func (o *Origin) decode(r *reader) {
	o.By = PartID(r.u32())
	r.fill(o.Salt[:])
	l, ok := DecodeLater(r.take(laterHead + int(r.u16())))
	o.Later = l
	o.Body = slices.Clone(l.Body)
	r.bad = r.bad || !ok
}

// under is the instruction under way.
type under struct {
	sub   *Submission
	entry int
	index int // of its result
}

// origin returns the origin of what the instruction under way begins, under an id of its own.
func (s *State) origin(by PartID, id ID) Origin {
	e := &s.under.sub.Entries[s.under.entry]
	return Origin{By: by, Salt: s.under.sub.Salt, Later: Later{
		Kind: e.Kind, ID: id, First: Place{s.height, uint32(s.under.index)}, Body: slices.Clone(e.Body),
	}}
}

// ending is a later result without moves that waits for its place: behind the results of the message's
// instructions, whose indices follow from the message alone.
type ending struct {
	origin  Origin
	about   Instruction
	outcome Outcome
}

// tellLater has the block tell how something ended that was begun by the instruction about. It may be
// called at any time of a block.
func (s *State) tellLater(o Origin, about Instruction, outcome Outcome) {
	s.endings = append(s.endings, ending{o, about, outcome})
}

// tellEndings writes the later results that were put off; called when all instructions are decided.
func (s *State) tellEndings() {
	for i := range s.endings {
		e := &s.endings[i]
		s.later(&e.origin, e.about).Outcome = e.outcome
		s.writeLater(&e.origin)
	}
	clear(s.endings)
	s.endings = s.endings[:0]
}

// later adds a later result, for the caller to post into and then to close with writeLater. It must
// come behind the results of all instructions.
func (s *State) later(o *Origin, about Instruction) *Result {
	r := s.nextResult()
	r.Kind, r.Participant, r.Submission, r.Entry = KindLater, s.participants[o.By].BIC, -1, -1
	r.Later, r.Instruction = o.Later, about
	return r
}

// writeLater writes the leaf of the last result, a later one.
func (s *State) writeLater(o *Origin) {
	s.laterBody = o.Later.appendTo(s.laterBody[:0])
	s.writeLeaf(len(s.block.Results)-1, o.Salt, s.laterBody)
}

// About returns the kind and the canonical bytes of the instruction that a leaf tells of: its own, or
// the earlier one that a later result concerns.
func (l *Leaf) About() (Kind, []byte) {
	if l.Kind == KindLater {
		if later, ok := DecodeLater(l.Body); ok {
			return later.Kind, later.Body
		}
	}
	return l.Kind, l.Body
}
