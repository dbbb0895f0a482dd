package ledger

import (
	"cmp"
	"fmt"
	"slices"

	"viaduct/internal/money"
)

// What a snapshot holds is the tables; this file reads their entries and makes from them what follows:
// the lists and indexes that the state is asked through. Every index in an entry is checked before it is
// followed, so that no bytes lead anywhere but to an error.

var tableNames = [tableCount]string{"participants", "assets", "positions", "purses", "offers", "waiting payments", "holds", "stocks"}

// readScalars returns how many sets of validators follow, and their hash.
func (s *State) readScalars(r *reader) (spans uint32, hash Hash) {
	s.offerSeq = r.u64()
	s.freeOffer = OfferIdx(r.u32())
	s.holdSeq = r.u64()
	s.freeHold = HoldIdx(r.u32())
	r.fill(s.auth.operator[:])
	s.auth.operatorChanges = r.u64()
	spans = r.u32()
	r.fill(hash[:])
	s.queue.read(r)
	if s.rates.decode(r); s.rates.At != 0 || len(s.rates.Rates) > 0 {
		r.bad = r.bad || !s.rates.canonical()
	}
	return spans, hash
}

// readEntry reads the next entry of a table as appendEntry wrote it.
func (s *State) readEntry(r *reader, table int) {
	switch table {
	case tableParticipants:
		p := Participant{BIC: r.bic(), Name: r.name(), LEI: r.text()}
		r.fill(p.Country[:])
		p.TransferFee = r.i64()
		p.LongestQuote, p.LongestHold, p.HoldShare = r.i64(), r.i64(), r.i64()
		flags := r.u8()
		r.bad = r.bad || flags>>3 != 0
		p.RequireAuthorization, p.Frozen, p.RippleDefault = flags&1 != 0, flags&2 != 0, flags&4 != 0
		for range r.u8() {
			var key [32]byte
			r.fill(key[:])
			p.Keys = append(p.Keys, key)
		}
		s.participants = append(s.participants, p)
	case tableAssets:
		s.assets = append(s.assets, Asset{Issuer: PartID(r.u32()), Currency: money.Currency(r.u16()), Own: PosID(r.u32())})
	case tablePositions:
		p := Position{
			Holder: PartID(r.u32()), Asset: AssetID(r.u32()), Purse: PurseID(r.u32()),
			Balance: r.i64(), Limit: r.i64(), QualityIn: r.i64(), QualityOut: r.i64(),
		}
		flags := r.u8()
		r.bad = r.bad || flags>>4 != 0
		p.Own, p.Ripple, p.Frozen, p.Authorized = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0
		s.positions = append(s.positions, p)
	case tablePurses:
		s.purses = append(s.purses, Purse{
			Participant: PartID(r.u32()), Currency: money.Currency(r.u16()), Net: r.i64(), Cap: r.i64(), Own: PosID(r.u32()),
		})
	case tablePending:
		var p Pending
		live := r.bool()
		s.queue.nextFree = append(s.queue.nextFree, PendingIdx(r.u32()))
		if live {
			p.decode(r)
		}
		s.queue.slots = append(s.queue.slots, p)
	case tableOffers:
		var o Offer
		flags := r.u8()
		s.nextFree = append(s.nextFree, OfferIdx(r.u32()))
		r.bad = r.bad || flags>>2 != 0 || flags == 2
		if o.Live, o.Crossed = flags&1 != 0, flags&2 != 0; o.Live {
			r.fill(o.ID[:])
			o.Maker, o.Give, o.Want = PartID(r.u32()), AssetID(r.u32()), AssetID(r.u32())
			o.Price = money.Ratio{N: r.i64(), D: r.i64()}
			o.Remaining, o.Expires, o.Seq = r.i64(), r.i64(), r.u64()
		}
		s.offers = append(s.offers, o)
	case tableHolds:
		s.nextHold = append(s.nextHold, HoldIdx(r.u32()))
		var h Hold
		h.decode(r)
		s.holds = append(s.holds, h)
	case tableStocks:
		s.stocks = append(s.stocks, Stock{
			Participant: PartID(r.u32()), Currency: money.Currency(r.u16()), Counter: money.Currency(r.u16()),
			Net: r.i64(), Long: r.i64(), Short: r.i64(),
		})
	}
}

func (e *keyEntry) read(r *reader) {
	e.at, e.by = r.i64(), PartID(r.u32())
	r.fill(e.key[:])
	r.fill(e.print[:])
}

func (e *seenEntry) read(r *reader) {
	e.at, e.by, e.tag = r.i64(), PartID(r.u32()), seenTag(r.u8())
	r.fill(e.value[:])
}

// within says whether an index of a table of n entries is one.
func within[T ~int32](i T, n int) bool { return i >= 0 && int(i) < n }

// relink makes the indexes of a state that was read. What holds reserve and offers show was counted as
// changes when it came about, and is not counted again.
func (s *State) relink() error {
	changes := s.queue.changes
	defer func() { s.queue.changes = changes }()
	for _, step := range []func() error{s.linkParticipants, s.linkPositions, s.linkOffers, s.linkFree, s.linkQueue, s.linkHolds, s.linkStocks, s.linkSeen} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func unlinked(table int, i int) error {
	return fmt.Errorf("%w: entry %d of %s contradicts others", ErrSnapshot, i, tableNames[table])
}

func (s *State) linkParticipants() error {
	for i := range s.participants {
		p := &s.participants[i]
		if p.BIC == (BIC{}) || s.FindParticipant(p.BIC) != None {
			return unlinked(tableParticipants, i)
		}
		s.byBIC[p.BIC] = PartID(i)
	}
	for i := range s.purses {
		p := &s.purses[i]
		if !within(p.Participant, len(s.participants)) || s.findPurse(p.Participant, p.Currency) != None ||
			p.Own != None && (!within(p.Own, len(s.positions)) || s.positions[p.Own].Purse != PurseID(i) || !s.positions[p.Own].Own) {
			return unlinked(tablePurses, i)
		}
		s.byPurse[pair(int32(p.Participant), int32(p.Currency))] = PurseID(i)
		owner := &s.participants[p.Participant]
		owner.purses = append(owner.purses, PurseID(i))
	}
	return nil
}

func (s *State) linkPositions() error {
	for i := range s.assets {
		a := &s.assets[i]
		if !within(a.Issuer, len(s.participants)) || !within(a.Own, len(s.positions)) || s.positions[a.Own].Asset != AssetID(i) {
			return unlinked(tableAssets, i)
		}
	}
	for i := range s.positions {
		p := &s.positions[i]
		if !within(p.Holder, len(s.participants)) || !within(p.Asset, len(s.assets)) || !within(p.Purse, len(s.purses)) {
			return unlinked(tablePositions, i)
		}
		a, purse := &s.assets[p.Asset], &s.purses[p.Purse]
		own := a.Own == PosID(i)
		if s.FindPosition(p.Holder, p.Asset) != None || purse.Participant != p.Holder || purse.Currency != a.Currency ||
			p.Own != own || own && (a.Issuer != p.Holder || purse.Own != PosID(i)) {
			return unlinked(tablePositions, i)
		}
		s.byHolding[pair(int32(p.Holder), int32(p.Asset))] = PosID(i)
		purse.positions = append(purse.positions, PosID(i))
	}
	return nil
}

// linkOffers puts the offers on the books and into their makers' lists in the order in which they came.
func (s *State) linkOffers() error {
	var live []OfferIdx
	for i := range s.offers {
		if s.offers[i].Live {
			live = append(live, OfferIdx(i))
		}
	}
	slices.SortFunc(live, func(a, b OfferIdx) int { return cmp.Compare(s.offers[a].Seq, s.offers[b].Seq) })
	for i, at := range live {
		o := &s.offers[at]
		if !within(o.Maker, len(s.participants)) || !within(o.Give, len(s.assets)) || !within(o.Want, len(s.assets)) ||
			!lowest(o.Price) || o.Remaining < 1 || o.Seq > s.offerSeq || i > 0 && o.Seq == s.offers[live[i-1]].Seq || s.FindOffer(o.ID) != None {
			return unlinked(tableOffers, int(at))
		}
		o.GivePos, o.WantPos = s.FindPosition(o.Maker, o.Give), s.FindPosition(o.Maker, o.Want)
		if o.GivePos == None || o.WantPos == None {
			return unlinked(tableOffers, int(at))
		}
		o.Shown = o.Remaining
		s.byOffer[o.ID] = at
		maker := &s.participants[o.Maker]
		maker.offers = append(maker.offers, at)
		key := pair(int32(o.Give), int32(o.Want))
		s.books[key] = append(s.books[key], at)
		if o.Expires != 0 {
			s.pushDeadline(expiring{o.Expires, o.Seq, int32(at)})
		}
		if o.Crossed {
			s.crossed = append(s.crossed, at)
		}
	}
	for _, book := range s.books {
		slices.SortFunc(book, s.compareOffers)
	}
	return nil
}

// linkFree walks the list of free slots, which has each of them once and no other.
func (s *State) linkFree() error {
	free := 0
	for i := range s.offers {
		if !s.offers[i].Live {
			free++
		} else if s.nextFree[i] != None {
			return unlinked(tableOffers, i)
		}
	}
	return walkFree("offers", s.freeOffer, s.nextFree, free, func(at OfferIdx) bool { return s.offers[at].Live })
}

// walkFree walks a list of free slots: as many as there are, and then it ends.
func walkFree[T ~int32](what string, at T, next []T, free int, live func(T) bool) error {
	for ; free > 0; free-- {
		if !within(at, len(next)) || live(at) {
			return fmt.Errorf("%w: its list of free %s is broken", ErrSnapshot, what)
		}
		at = next[at]
	}
	if at != None {
		return fmt.Errorf("%w: its list of free %s does not end", ErrSnapshot, what)
	}
	return nil
}

// linkStocks gives the counts to their participants, and has what their offers show follow from them.
func (s *State) linkStocks() error {
	for i := range s.stocks {
		p := &s.stocks[i]
		if !within(p.Participant, len(s.participants)) {
			return unlinked(tableStocks, i)
		}
		owner := &s.participants[p.Participant]
		for _, id := range owner.stocks {
			if s.stocks[id].Currency == p.Currency && s.stocks[id].Counter == p.Counter {
				return unlinked(tableStocks, i)
			}
		}
		if p.Long < NoLimit || p.Long > MaxUnits || p.Short < NoLimit || p.Short > MaxUnits || p.Net < -maxNet || p.Net > maxNet || len(owner.stocks) == MaxStocks {
			return unlinked(tableStocks, i)
		}
		owner.stocks = append(owner.stocks, StockID(i))
	}
	for i := range s.participants {
		if len(s.participants[i].stocks) > 0 {
			s.divideShown(PartID(i))
		}
	}
	return nil
}

func (s *State) linkSeen() error {
	keys, ids := &s.seen.line, &s.seen.values
	for seq := keys.first; seq < keys.next; seq++ {
		e := keys.entry(seq)
		if _, there := s.seen.keys[e.seenKey]; there {
			return fmt.Errorf("%w: key %d is there twice", ErrSnapshot, seq)
		}
		s.seen.keys[e.seenKey] = seq
	}
	for seq := ids.first; seq < ids.next; seq++ {
		e := ids.entry(seq)
		if ids.has(e.seenValue) {
			return fmt.Errorf("%w: id %d is there twice", ErrSnapshot, seq)
		}
		ids.point(e.seenValue, seq)
	}
	return nil
}

// linkHolds makes what follows from the open holds, in the order in which they came, and walks the list of
// free slots.
func (s *State) linkHolds() error {
	var live []HoldIdx
	for i := range s.holds {
		if s.holds[i].Live {
			live = append(live, HoldIdx(i))
		} else if s.nextHold[i] != None && !within(s.nextHold[i], len(s.holds)) {
			return unlinked(tableHolds, i)
		}
	}
	slices.SortFunc(live, func(a, b HoldIdx) int { return cmp.Compare(s.holds[a].Seq, s.holds[b].Seq) })
	for i, at := range live {
		h := &s.holds[at]
		if _, there := s.byHold[h.ID]; there || !within(h.By, len(s.participants)) || h.Seq > s.holdSeq || h.ID != h.Order.ID ||
			i > 0 && h.Seq == s.holds[live[i-1]].Seq || s.nextHold[at] != None || !s.goodFlows(h) {
			return unlinked(tableHolds, int(at))
		}
		s.linkHold(at)
	}
	if s.touched.unreserved {
		return fmt.Errorf("%w: its holds reserve more than there is", ErrSnapshot)
	}
	for i := range s.positions {
		if pos := &s.positions[i]; !pos.Own && pos.HeldOut > pos.Balance || pos.Own && pos.HeldIn > -pos.Balance {
			return unlinked(tablePositions, i)
		}
	}
	return walkFree("holds", s.freeHold, s.nextHold, len(s.holds)-len(live), func(at HoldIdx) bool { return s.holds[at].Live })
}

// goodFlows says whether every index and amount of a hold's flows is one.
func (s *State) goodFlows(h *Hold) bool {
	for i := range h.Flows {
		f := &h.Flows[i]
		limit := len(s.positions)
		if f.Kind == Fill {
			limit = len(s.offers)
			if !within(f.GivePos, len(s.positions)) || !within(f.WantPos, len(s.positions)) || !lowest(f.Price) {
				return false
			}
		}
		if f.Kind < Give || f.Kind > RippleIssue || !within(f.Arc, limit) || f.Out < 1 || f.In < 1 || f.In > MaxUnits || f.Out > MaxUnits {
			return false
		}
	}
	return true
}
