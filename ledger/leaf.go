package ledger

import (
	"fmt"

	"viaduct/internal/money"
)

// MaxLeaf bounds an outcome's bytes: a payment over more flows is refused as Oversized, a new offer
// takes no more of those it crosses.
const MaxLeaf = 32 << 10

// What a leaf holds at most besides its moves, and what a move takes.
const (
	leafHead = 3 + 32 + 8 + 4 + 8 + 32 + 11 + 1 + 2 + laterHead + MaxBody + 2 + 8 + 8 + 2
	moveLen  = 1 + 11 + 13 + 8 + 8
	fillLen  = moveLen + 13 + 16 + 8 + 8
)

// movesLen returns how many bytes of a leaf the flows' moves take.
func movesLen(flows []Flow) int {
	n := moveLen * len(flows)
	for i := range flows {
		if flows[i].Kind == Fill {
			n += fillLen - moveLen
		}
	}
	return n
}

// Leaf is one outcome as the log keeps it: what was asked, what became of it, and by which moves.
type Leaf struct {
	Network           Hash
	Height            uint64
	Index             uint32 // of the result in its block
	Time              int64
	Salt              Hash // the submission's
	Participant       BIC
	Kind              Kind
	Body              []byte // the instruction's canonical bytes; of a later result, those of Later
	Outcome           Outcome
	Source, Delivered int64
	Moves             []Move
}

func (l *Leaf) encode(w *writer) {
	w.tag('V', 'O', 1)
	w.raw(l.Network[:])
	w.u64(l.Height)
	w.u32(l.Index)
	w.i64(l.Time)
	w.raw(l.Salt[:])
	w.raw(l.Participant[:])
	w.u8(uint8(l.Kind))
	w.u16(uint16(len(l.Body)))
	w.raw(l.Body)
	w.u16(uint16(l.Outcome))
	w.i64(l.Source)
	w.i64(l.Delivered)
	w.u16(uint16(len(l.Moves)))
	for i := range l.Moves {
		m := &l.Moves[i]
		w.u8(uint8(m.Kind))
		w.raw(m.Holder[:])
		w.asset(m.Asset)
		if m.Kind == Fill {
			w.asset(m.Want)
			w.raw(m.Offer[:])
			w.i64(m.Price.N)
			w.i64(m.Price.D)
		}
		w.i64(m.In)
		w.i64(m.Out)
	}
}

// Encode returns the leaf's canonical bytes.
func (l *Leaf) Encode() []byte {
	var w writer
	l.encode(&w)
	return w.b
}

// DecodeLeaf reads an outcome's canonical bytes.
func DecodeLeaf(data []byte) (*Leaf, error) {
	r := reader{b: data}
	l := new(Leaf)
	r.tag('V', 'O', 1)
	r.fill(l.Network[:])
	l.Height, l.Index, l.Time = r.u64(), r.u32(), r.i64()
	r.fill(l.Salt[:])
	l.Participant = r.bic()
	l.Kind = Kind(r.u8())
	l.Body = r.take(int(r.u16()))
	l.Outcome = Outcome(r.u16())
	l.Source, l.Delivered = r.i64(), r.i64()
	for range r.u16() {
		m := Move{Kind: FlowKind(r.u8()), Holder: r.bic(), Asset: r.asset()}
		if m.Kind == Fill {
			m.Want = r.asset()
			r.fill(m.Offer[:])
			m.Price = money.Ratio{N: r.i64(), D: r.i64()}
		}
		m.In, m.Out = r.i64(), r.i64()
		if r.bad {
			break
		}
		l.Moves = append(l.Moves, m)
	}
	if !r.done() || len(data) > MaxLeaf {
		return nil, fmt.Errorf("leaf: %w", ErrEncoding)
	}
	return l, nil
}
