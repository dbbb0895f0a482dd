package ledger

import (
	"crypto/sha256"
	"encoding/binary"
)

// The state hash covers the tables, each under a Merkle tree of its own, the few scalars beside
// them, and what was seen before. Only pages that a message touched are hashed again. Indexes (by BIC, by holding, the
// books' order, the heap of deadlines) follow from the tables and are not hashed.

const (
	tableParticipants = iota
	tableAssets
	tablePositions
	tablePurses
	tableOffers
	tablePending
	tableHolds
	tableStocks
	tableCount
)

const (
	pageEntries = 8 // entries hashed together at the leaves
	fanout      = 8 // children hashed together above them
)

// tree is the Merkle tree of one table: level 0 has a hash per page of entries, each level above a
// hash per fanout of the one below, up to a single one. It is a function of the table's content.
type tree struct {
	levels [][]Hash
	dirty  mark[int32] // pages
	above  mark[int32]
}

func (t *tree) touch(entry int) { t.dirty.add(int32(entry / pageEntries)) }

// root hashes what was touched since the last call; appendEntry writes an entry's bytes.
func (t *tree) root(table byte, entries int, buf *[]byte, appendEntry func(w *writer, i int)) Hash {
	if entries == 0 {
		return Hash{}
	}
	pages := (entries + pageEntries - 1) / pageEntries
	t.size(pages)
	for _, page := range t.dirty.list {
		w := writer{b: append((*buf)[:0], 0, table)}
		first := int(page) * pageEntries
		for i := first; i < min(first+pageEntries, entries); i++ {
			appendEntry(&w, i)
		}
		*buf = w.b
		t.levels[0][page] = sha256.Sum256(w.b)
	}
	from, to := &t.dirty, &t.above
	for l := 1; l < len(t.levels); l++ {
		to.clear()
		for _, i := range from.list {
			to.add(i / fanout)
		}
		below := t.levels[l-1]
		for _, i := range to.list {
			b := append((*buf)[:0], 1, table)
			for j := int(i) * fanout; j < min(int(i+1)*fanout, len(below)); j++ {
				b = append(b, below[j][:]...)
			}
			*buf = b
			t.levels[l][i] = sha256.Sum256(b)
		}
		from.clear()
		from, to = to, from
	}
	t.dirty.clear()
	t.above.clear()
	return t.levels[len(t.levels)-1][0]
}

// size makes each level as long as so many pages need. A level that appears has one entry, over the
// first page among others, so touching that page has it hashed.
func (t *tree) size(pages int) {
	if len(t.levels) == 0 {
		t.levels = append(t.levels, nil)
	}
	for l, n := 0, pages; ; l++ {
		if l == len(t.levels) {
			t.levels = append(t.levels, nil)
			t.dirty.add(0)
		}
		for len(t.levels[l]) < n {
			t.levels[l] = append(t.levels[l], Hash{})
		}
		if n == 1 {
			return
		}
		n = (n + fanout - 1) / fanout
	}
}

func (s *State) tableLengths() [tableCount]int {
	return [...]int{len(s.participants), len(s.assets), len(s.positions), len(s.purses), len(s.offers), len(s.queue.slots), len(s.holds), len(s.stocks)}
}

// Hash returns the state hash.
func (s *State) Hash() Hash {
	var w writer
	w.tag('V', 'T', 3)
	w.u64(s.height)
	w.u64(s.epoch)
	w.i64(s.time)
	s.appendScalars(&w)
	for table, n := range s.tableLengths() {
		root := s.trees[table].root(byte(table), n, &s.page, func(w *writer, i int) { s.appendEntry(w, table, i) })
		w.u32(uint32(n))
		w.raw(root[:])
	}
	w.b = s.seen.appendHash(w.b)
	return sha256.Sum256(w.b)
}

// appendScalars writes what the state holds beside its tables, the header and what was seen before.
func (s *State) appendScalars(w *writer) {
	w.u64(s.offerSeq)
	w.u32(uint32(s.freeOffer))
	w.u64(s.holdSeq)
	w.u32(uint32(s.freeHold))
	s.auth.append(w)
	s.queue.append(w)
	s.rates.encode(w)
}

// appendEntry writes the canonical bytes of one entry of a table; readEntry reads them.
func (s *State) appendEntry(w *writer, table, i int) {
	switch table {
	case tableParticipants:
		p := &s.participants[i]
		w.raw(p.BIC[:])
		w.name(p.Name)
		w.text(p.LEI)
		w.raw(p.Country[:])
		w.i64(p.TransferFee)
		w.i64(p.LongestQuote)
		w.i64(p.LongestHold)
		w.i64(p.HoldShare)
		w.u8(bit(p.RequireAuthorization) | bit(p.Frozen)<<1 | bit(p.RippleDefault)<<2)
		w.u8(uint8(len(p.Keys)))
		for k := range p.Keys {
			w.raw(p.Keys[k][:])
		}
	case tableAssets:
		a := &s.assets[i]
		w.u32(uint32(a.Issuer))
		w.u16(uint16(a.Currency))
		w.u32(uint32(a.Own))
	case tablePositions:
		p := &s.positions[i]
		var b [45]byte
		binary.BigEndian.PutUint32(b[0:], uint32(p.Holder))
		binary.BigEndian.PutUint32(b[4:], uint32(p.Asset))
		binary.BigEndian.PutUint32(b[8:], uint32(p.Purse))
		binary.BigEndian.PutUint64(b[12:], uint64(p.Balance))
		binary.BigEndian.PutUint64(b[20:], uint64(p.Limit))
		binary.BigEndian.PutUint64(b[28:], uint64(p.QualityIn))
		binary.BigEndian.PutUint64(b[36:], uint64(p.QualityOut))
		b[44] = bit(p.Own) | bit(p.Ripple)<<1 | bit(p.Frozen)<<2 | bit(p.Authorized)<<3
		w.raw(b[:])
	case tablePurses:
		p := &s.purses[i]
		w.u32(uint32(p.Participant))
		w.u16(uint16(p.Currency))
		w.i64(p.Net)
		w.i64(p.Cap)
		w.u32(uint32(p.Own))
	case tablePending:
		p := &s.queue.slots[i]
		w.u8(bit(p.Live))
		w.u32(uint32(s.queue.nextFree[i]))
		if p.Live {
			p.encode(w)
		}
	case tableHolds:
		w.u32(uint32(s.nextHold[i]))
		s.holds[i].encode(w)
	case tableOffers:
		o := &s.offers[i]
		w.u8(bit(o.Live) | bit(o.Crossed)<<1)
		w.u32(uint32(s.nextFree[i]))
		if !o.Live {
			return
		}
		w.raw(o.ID[:])
		w.u32(uint32(o.Maker))
		w.u32(uint32(o.Give))
		w.u32(uint32(o.Want))
		w.i64(o.Price.N)
		w.i64(o.Price.D)
		w.i64(o.Remaining)
		w.i64(o.Expires)
		w.u64(o.Seq)
	case tableStocks:
		p := &s.stocks[i]
		w.u32(uint32(p.Participant))
		w.u16(uint16(p.Currency))
		w.u16(uint16(p.Counter))
		w.i64(p.Net)
		w.i64(p.Long)
		w.i64(p.Short)
	}
}
