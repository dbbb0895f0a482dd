package ledger

import (
	"bytes"
	"fmt"
)

// Difference is one place where two states of one height are not the same.
type Difference struct {
	Table string // or what lies beside the tables: "header", "scalars", "seen"
	Entry int    // of the table
	// A and B are the canonical bytes on either side, nil where there is no such entry; AText and BText say
	// them to a person.
	A, B         []byte
	AText, BText string
}

// Compare returns where two states differ, at most so many differences: the cause of two state hashes. It
// looks at every entry, so it is for who wants to know, not for who decides.
func Compare(a, b *State, most int) []Difference {
	var all []Difference
	add := func(d Difference) {
		if !bytes.Equal(d.A, d.B) && len(all) < most {
			all = append(all, d)
		}
	}
	add(Difference{
		Table: "header", A: a.header.Encode(), B: b.header.Encode(),
		AText: fmt.Sprintf("%+v", a.header), BText: fmt.Sprintf("%+v", b.header),
	})
	var x, y writer
	a.appendScalars(&x)
	b.appendScalars(&y)
	add(Difference{Table: "scalars", A: x.b, B: y.b, AText: fmt.Sprintf("%x", x.b), BText: fmt.Sprintf("%x", y.b)})
	ofA, ofB := a.tableLengths(), b.tableLengths()
	for table, name := range tableNames {
		for i := range max(ofA[table], ofB[table]) {
			if len(all) == most {
				return all
			}
			d := Difference{Table: name, Entry: i}
			d.A, d.AText = a.entry(table, i, ofA[table])
			d.B, d.BText = b.entry(table, i, ofB[table])
			add(d)
		}
	}
	seenA, seenB := a.seen.appendHash(nil), b.seen.appendHash(nil)
	add(Difference{Table: "seen", A: seenA, B: seenB, AText: fmt.Sprintf("%x", seenA), BText: fmt.Sprintf("%x", seenB)})
	return all
}

// entry returns an entry's canonical bytes and what they say; nothing behind a table's end.
func (s *State) entry(table, i, n int) ([]byte, string) {
	if i >= n {
		return nil, "no such entry"
	}
	var w writer
	s.appendEntry(&w, table, i)
	return w.b, s.words(table, i)
}

// words says an entry to a person: by names where it has indexes.
func (s *State) words(table, i int) string {
	bic := func(p PartID) string {
		if !within(p, len(s.participants)) {
			return "nobody"
		}
		return s.participants[p].BIC.String()
	}
	asset := func(a AssetID) string {
		if !within(a, len(s.assets)) {
			return "no asset"
		}
		return s.AssetName(a).String()
	}
	switch table {
	case tableParticipants:
		p := &s.participants[i]
		return fmt.Sprintf("%s %q, country %s, LEI %q, transfer fee %d, requires authorisation %v, frozen %v, ripples by default %v, %d keys %x",
			p.BIC, p.Name, p.Country[:], p.LEI, p.TransferFee, p.RequireAuthorization, p.Frozen, p.RippleDefault, len(p.Keys), p.Keys)
	case tableAssets:
		a := &s.assets[i]
		return fmt.Sprintf("%s, own position %d", asset(AssetID(i)), a.Own)
	case tablePositions:
		p := &s.positions[i]
		return fmt.Sprintf("%s holds %s: balance %d, limit %d, quality in %d, out %d, own %v, ripple %v, frozen %v, authorised %v",
			bic(p.Holder), asset(p.Asset), p.Balance, p.Limit, p.QualityIn, p.QualityOut, p.Own, p.Ripple, p.Frozen, p.Authorized)
	case tablePurses:
		p := &s.purses[i]
		return fmt.Sprintf("%s in %s: net %d, cap %d, own position %d", bic(p.Participant), p.Currency, p.Net, p.Cap, p.Own)
	case tableOffers:
		o := &s.offers[i]
		if !o.Live {
			return fmt.Sprintf("a free slot, the next one is %d", s.nextFree[i])
		}
		return fmt.Sprintf("offer %x of %s: gives %d of %s for %s at %d/%d, expires %d, number %d, crossed %v",
			o.ID[:], bic(o.Maker), o.Remaining, asset(o.Give), asset(o.Want), o.Price.N, o.Price.D, o.Expires, o.Seq, o.Crossed)
	case tablePending:
		return fmt.Sprintf("%+v", s.queue.slots[i])
	case tableHolds:
		return fmt.Sprintf("%+v", s.holds[i])
	}
	return ""
}
