package ledger

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"viaduct/internal/money"
)

// TimeInForce says how long an offer stands, and whether it may take what stands already.
type TimeInForce uint8

// The times in force. Each may have an expiry beside it.
const (
	// GoodTillCancelled takes what it crosses at once, and the rest stands.
	GoodTillCancelled TimeInForce = iota
	// ImmediateOrCancel takes what it crosses at once, and the rest is cancelled.
	ImmediateOrCancel
	// FillOrKill takes all of its amount at once, or is refused as NotFilled.
	FillOrKill
	// Passive takes nothing: where it would, it is refused as WouldCross.
	Passive
	timeInForceEnd
)

// Bounds of a ladder.
const (
	MaxLevels       = 1000
	MaxLadderAssets = 8 // on each side
	// MaxLadderBody is how long a ladder's bytes may be; its leaf has room beside them for what it takes.
	MaxLadderBody = ladderHead + 2*assetLen*MaxLadderAssets + levelLen*MaxLevels
	ladderHead    = 16 + 2*1 + 8 + 1 + 2
	assetLen      = 2 + 11
	levelLen      = 3 + 3*8
)

// ReplaceOffers puts a ladder in the place of everything the signer offers between the base and the quote
// assets, both ways, all at once or not at all. A level that asks the very price of an offer that stands
// between the same two assets, for just the amount that it has left, leaves that offer as it is: with its
// id, its place in the line, and the ladder's expiry. The others are new offers and stand behind the
// older ones of their price.
type ReplaceOffers struct {
	// ID ends in two zero bytes; a new level's offer has in their place the level's index.
	ID ID
	// Base and Quote are each of one currency, in ascending order; a pair of assets has one of each.
	Base, Quote []AssetName
	Expires     int64       // Unix milliseconds, of all levels; 0 for never
	Force       TimeInForce // GoodTillCancelled or Passive
	Levels      []Level     // in the order of Sort
}

// Level is one price of a ladder.
type Level struct {
	Sell        bool  // gives of a base asset for a quote asset; otherwise the other way round
	Base, Quote uint8 // which of the ladder's assets
	Amount      int64 // minor units of what it gives, transfer fees included
	Price       money.Ratio
}

// compare orders a ladder: what sells first, then by the assets, then by price, best for the taker first.
func (l *Level) compare(m *Level) int {
	if c := cmp.Or(cmp.Compare(bit(m.Sell), bit(l.Sell)), cmp.Compare(l.Base, m.Base), cmp.Compare(l.Quote, m.Quote)); c != 0 {
		return c
	}
	return cmpProduct(l.Price.N, m.Price.D, m.Price.N, l.Price.D)
}

// Sort brings the levels into the one order they are written in. A price that a pair of assets has twice
// has no canonical bytes.
func (i *ReplaceOffers) Sort() {
	slices.SortStableFunc(i.Levels, func(l, m Level) int { return l.compare(&m) })
}

// Kind is KindReplaceOffers.
func (*ReplaceOffers) Kind() Kind { return KindReplaceOffers }

func (i *ReplaceOffers) encode(w *writer) {
	w.raw(i.ID[:])
	for _, side := range [][]AssetName{i.Base, i.Quote} {
		w.u8(uint8(len(side)))
		for _, a := range side {
			w.asset(a)
		}
	}
	w.i64(i.Expires)
	w.u8(uint8(i.Force))
	w.u16(uint16(len(i.Levels)))
	for n := range i.Levels {
		l := &i.Levels[n]
		w.bool(l.Sell)
		w.u8(l.Base)
		w.u8(l.Quote)
		w.i64(l.Amount)
		w.i64(l.Price.N)
		w.i64(l.Price.D)
	}
	w.bad = w.bad || !i.canonical()
}

func (i *ReplaceOffers) decode(r *reader) {
	r.fill(i.ID[:])
	for _, side := range []*[]AssetName{&i.Base, &i.Quote} {
		for range r.u8() {
			*side = append(*side, r.asset())
			if r.bad {
				return
			}
		}
	}
	i.Expires, i.Force = r.i64(), TimeInForce(r.u8())
	for range r.u16() {
		i.Levels = append(i.Levels, Level{
			Sell: r.bool(), Base: r.u8(), Quote: r.u8(), Amount: r.i64(), Price: money.Ratio{N: r.i64(), D: r.i64()},
		})
		if r.bad {
			return
		}
	}
	r.bad = r.bad || !i.canonical()
}

// canonical says whether the ladder is written in its one way.
func (i *ReplaceOffers) canonical() bool {
	if i.ID[14] != 0 || i.ID[15] != 0 || i.Force != GoodTillCancelled && i.Force != Passive || i.Expires < 0 || len(i.Levels) > MaxLevels {
		return false
	}
	for _, side := range [][]AssetName{i.Base, i.Quote} {
		if len(side) < 1 || len(side) > MaxLadderAssets {
			return false
		}
		for n := range side[1:] {
			if side[n].Currency != side[n+1].Currency || bytes.Compare(side[n].Issuer[:], side[n+1].Issuer[:]) >= 0 {
				return false
			}
		}
	}
	for n := range i.Levels {
		l := &i.Levels[n]
		if int(l.Base) >= len(i.Base) || int(l.Quote) >= len(i.Quote) || !lowest(l.Price) || n > 0 && i.Levels[n-1].compare(l) >= 0 {
			return false
		}
	}
	return true
}

// leafRoom returns how many bytes of moves the ladder's leaf has room for.
func (i *ReplaceOffers) leafRoom() int {
	return MaxLeaf - leafHead + MaxBody - ladderHead - assetLen*(len(i.Base)+len(i.Quote)) - levelLen*len(i.Levels)
}

// LevelID returns the id of the offer that a new level of the ladder makes.
func (i *ReplaceOffers) LevelID(level int) ID {
	id := i.ID
	binary.BigEndian.PutUint16(id[14:], uint16(level))
	return id
}

// ladderOf returns the id of the ladder that would give an offer the id.
func ladderOf(id ID) ID {
	id[14], id[15] = 0, 0
	return id
}

// Between returns what a level gives and what it wants.
func (i *ReplaceOffers) Between(level int) (give, want AssetName) {
	l := &i.Levels[level]
	if l.Sell {
		return i.Base[l.Base], i.Quote[l.Quote]
	}
	return i.Quote[l.Quote], i.Base[l.Base]
}
