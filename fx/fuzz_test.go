package fx

import (
	"slices"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// tape turns fuzz bytes into choices; at its end all choices are zero.
type tape []byte

func (t *tape) next(n int) int {
	if len(*t) == 0 {
		return 0
	}
	v := int((*t)[0])
	*t = (*t)[1:]
	return v % n
}

// book of entries a fuzzed market is made of: a few banks, each with its own asset in two currencies
// and lines in others' assets.
type entries struct {
	purses, positions, offers []change
	seq                       uint64
}

const fuzzBanks = 4

func newEntries() *entries {
	e := &entries{}
	currencies := []money.Currency{money.MustCurrency("EUR"), money.MustCurrency("USD")}
	for bank := range int32(fuzzBanks) {
		for c, currency := range currencies {
			purse := int32(len(e.purses))
			e.purses = append(e.purses, change{table: tablePurse, id: purse, part: bank, currency: currency, available: ledger.MaxUnits})
			for issuer := range int32(fuzzBanks) {
				if bank == issuer || (bank+issuer)%2 == 1 {
					e.positions = append(e.positions, change{
						table: tablePosition, id: int32(len(e.positions)), part: bank, asset: issuer*2 + int32(c), purse: purse,
						currency: currency, issuer: issuer, available: 1000, headroom: 1000,
						terms: terms{0, ledger.Unit, ledger.Unit}, own: bank == issuer, ripple: bank != issuer,
						mayGive: true, mayTake: true, accepts: true,
					})
				}
			}
		}
	}
	e.offers = make([]change, 6)
	for i := range e.offers {
		e.offers[i] = change{table: tableOffer, id: int32(i)}
	}
	return e
}

// change makes one change and returns the entry.
func (e *entries) change(t *tape) *change {
	switch t.next(5) {
	case 0:
		c := &e.purses[t.next(len(e.purses))]
		c.available = []int64{ledger.MaxUnits, 0, 700}[t.next(3)]
		return c
	case 1, 2:
		c := &e.positions[t.next(len(e.positions))]
		switch t.next(6) {
		case 0:
			c.available = []int64{0, 10, 1000, 1 << 40}[t.next(4)]
		case 1:
			c.headroom = []int64{0, 10, 1000, 1 << 40}[t.next(4)]
		case 2:
			c.ripple = !c.own && t.next(2) == 0
		case 3:
			c.terms.qualityIn = ledger.Unit - int64(t.next(3))*1_000_000
		case 4:
			c.terms.qualityOut = ledger.Unit + int64(t.next(3))*1_000_000
		case 5:
			c.mayGive, c.mayTake = c.own || t.next(3) > 0, c.own || t.next(3) > 0
		}
		return c
	case 3:
		// A fee is the same for all lines of an asset; the last of them is returned, all are applied.
		return nil
	}
	c := &e.offers[t.next(len(e.offers))]
	if c.live && t.next(2) == 0 {
		if t.next(2) == 0 {
			c.remaining = int64(1 + t.next(200))
			return c
		}
		*c = change{table: tableOffer, id: c.id}
		return c
	}
	give := &e.positions[t.next(len(e.positions))]
	mine := []int32{}
	for i := range e.positions {
		if e.positions[i].part == give.part && e.positions[i].asset != give.asset {
			mine = append(mine, int32(i))
		}
	}
	want := &e.positions[mine[t.next(len(mine))]]
	e.seq++
	*c = change{
		table: tableOffer, id: c.id, live: true, give: give.id, want: want.id, part: give.part, seq: e.seq,
		price: ratio(int64(95+t.next(20)), 100), remaining: int64(1 + t.next(200)),
	}
	return c
}

// fees changes the fee of an asset, which all its lines have in common.
func (e *entries) fees(t *tape) []*change {
	asset, fee := int32(t.next(2*fuzzBanks)), int64(t.next(3))*3_000_000
	var all []*change
	for i := range e.positions {
		if c := &e.positions[i]; c.asset == asset {
			c.terms.fee = fee
			all = append(all, c)
		}
	}
	return all
}

func (e *entries) build() *market {
	m := newMarket()
	for bank := range int32(fuzzBanks) {
		m.apply(&change{table: tableParticipant, id: bank, bic: bic(int(bank))})
	}
	for _, table := range [][]change{e.purses, e.positions, e.offers} {
		for i := range table {
			m.apply(&table[i])
		}
	}
	return m
}

// FuzzChanges changes a market entry by entry. After each change the graph has the same arcs as one
// built anew, holds out the same offers, and finds the same flows; no flow breaks conservation.
func FuzzChanges(f *testing.F) {
	f.Add([]byte{4, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{4, 0, 0, 0, 0, 50, 4, 1, 3, 1, 0, 60, 1, 0, 1, 0, 0, 4, 2, 5, 2, 0, 40, 3, 1, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 400 {
			t.Skip("long tapes only repeat what short ones do")
		}
		choices := tape(data)
		e := newEntries()
		m := e.build()
		for len(choices) > 0 {
			if c := e.change(&choices); c != nil {
				m.apply(c)
			} else {
				for _, c := range e.fees(&choices) {
					m.apply(c)
				}
			}
			fresh := e.build()
			req := &ledger.Request{
				From: ledger.PartID(choices.next(fuzzBanks)), To: ledger.PartID(choices.next(fuzzBanks)),
				Send: e.purses[choices.next(2)].currency, Deliver: e.purses[choices.next(2)].currency,
				SendAsset: ledger.None, DeliverAsset: ledger.None, Amount: int64(1 + choices.next(250)), Bound: ledger.MaxUnits,
			}
			if req.ExactSend = choices.next(2) == 0; req.ExactSend {
				req.Bound = 0
			}
			var a, b ledger.Plan
			got, want := m.route(req, &a), fresh.route(req, &b)
			if x, y := m.arcs(), fresh.arcs(); !slices.Equal(x, y) {
				t.Fatalf("arcs differ:\n%q\n%q", x, y)
			}
			if m.held != fresh.held || got != want || a.Source != b.Source || a.Delivered != b.Delivered || !slices.Equal(a.Flows, b.Flows) {
				t.Fatalf("%+v: %v %+v, rebuilt %v %+v; %d held out, rebuilt %d", *req, got, a, want, b, m.held, fresh.held)
			}
			balance := map[uint64]int64{}
			for _, fl := range a.Flows {
				tail, head := m.endsOf(fl)
				balance[tail] -= fl.In
				balance[head] += fl.Out
			}
			for key, v := range balance {
				source := key>>32 == placeGive && m.ownerOf(key) == int32(req.From) && v < 0
				sink := key>>32 == placeTake && m.ownerOf(key) == int32(req.To) && v > 0
				if v != 0 && !source && !sink {
					t.Fatalf("%+v: %+v is off by %d at %x", *req, a, v, key)
				}
			}
		}
	})
}
