package ledger_test

import (
	"flag"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"testing"

	"viaduct/fx"
	"viaduct/internal/money"
	"viaduct/ledger"

	"pgregory.net/rapid"
)

// fewer makes a test run a share of the random runs that the others make.
func fewer(t *testing.T, share int) {
	f := flag.Lookup("rapid.checks")
	all := f.Value.String()
	n, err := strconv.Atoi(all)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(f.Name, all); err != nil {
			t.Error(err)
		}
	})
	if err := flag.Set(f.Name, strconv.Itoa(max(1, n/share))); err != nil {
		t.Fatal(err)
	}
}

// market is a random network on the real path search: issuers of currencies with 0, 2 and 3 decimals,
// dealers with ladders, lines that ripple.
type market struct {
	*world
	rt      *rapid.T
	names   []string
	assets  []ledger.AssetName
	search  *fx.Router
	told    *told
	applied int
}

// worth is what a minor unit is worth, so that most random offers are sane: a cent is 10,000.
var worth = map[string]int64{"USD": 10_000, "EUR": 10_870, "JPY": 6_700, "KWD": 3_250}

func newMarket(rt *rapid.T) *market {
	m := &market{rt: rt, told: newTold()}
	m.world = newWorldOf(rt, func(s *ledger.State) ledger.Router {
		m.search = fx.New(s)
		return m.search
	})
	m.trusting = true
	m.names = []string{"CHASUS33", "DEUTDEFF", "BOTKJPJT", "NBOKKWKW", "XCHGSGSG", "XCHHHKHH", "BNMXMXMM", "HSBCGB2L"}
	for _, a := range []string{"USD@CHASUS33", "EUR@DEUTDEFF", "JPY@BOTKJPJT", "KWD@NBOKKWKW", "USD@DEUTDEFF", "EUR@CHASUS33", "USD@NBOKKWKW"} {
		m.assets = append(m.assets, asset(a))
	}
	var admits []ledger.Instruction
	per := map[string][]ledger.Instruction{}
	for i, name := range m.names {
		bic := ledger.MustBIC(name)
		admits = append(admits, &ledger.Admit{BIC: bic, Name: name, Country: [2]byte([]byte(bic.Country())), Key: public(keyOf(name))})
		for _, a := range m.assets {
			dealer := i == 4 || i == 5
			if a.Issuer == bic || !dealer && !m.chance(60) {
				continue
			}
			l := m.line(a)
			if dealer {
				l.Limit = ledger.MaxUnits
			}
			per[name] = append(per[name], l)
		}
	}
	m.batch("operator", admits)
	m.all(per)
	clear(per)
	for _, p := range m.state.Positions() {
		if a := m.state.AssetName(p.Asset); !p.Own && p.Limit > 0 && m.chance(80) {
			part := 1 + p.Limit/int64(2+m.below(4, "share"))
			per[a.Issuer.String()] = append(per[a.Issuer.String()], m.payment(m.state.Participants()[p.Holder].BIC, a, a, min(part, p.Limit)))
		}
	}
	m.all(per)
	clear(per)
	for _, dealer := range m.names[4:6] {
		for range 4 + m.below(8, "books") {
			give, want := m.asset("give"), m.asset("want")
			for range 1 + m.below(3, "levels") {
				per[dealer] = append(per[dealer], m.offer(give, want, -2))
			}
		}
	}
	m.all(per)
	return m
}

// below draws a number of 0 to n-1, each about as likely as the next; rapid's own draws favour the
// small, which would leave most markets poor. It shrinks to 0.
func (m *market) below(n int, label string) int {
	return int(rapid.Uint64Max(1<<40).Draw(m.rt, label)*0x9e3779b97f4a7c15>>33) % n
}

func (m *market) chance(percent int) bool { return m.below(100, "percent") >= 100-percent }

func draw[T any](m *market, label string, from []T) T { return from[m.below(len(from), label)] }

func (m *market) name(label string) string                 { return draw(m, label, m.names) }
func (m *market) asset(label string) ledger.AssetName      { return draw(m, label, m.assets) }
func (m *market) number(label string, from ...int64) int64 { return draw(m, label, from) }

func (m *market) amount() int64 {
	return m.number("amount", 1, 2, 3, 7, 10, 99, 1_000, 12_345, 1_000_000, 77_777_777)
}

func (m *market) line(a ledger.AssetName) *ledger.SetLine {
	l := &ledger.SetLine{Asset: a, Limit: m.number("limit", 0, 100, 20_000, 1_000_000, 1_000_000_000, ledger.MaxUnits), Ripple: m.chance(40), QualityIn: ledger.Unit, QualityOut: ledger.Unit}
	if m.chance(30) {
		l.QualityIn = m.number("in", 999_999_999, 990_000_000, 666_666_667)
		l.QualityOut = m.number("out", ledger.Unit, 1_000_000_001, 1_010_000_000, 1_333_333_333)
	}
	return l
}

// offer asks for some per mille over mid, least for at least that much.
func (m *market) offer(give, want ledger.AssetName, least int) *ledger.PlaceOffer {
	m.count++
	over := int64(least + m.below(31-least, "per mille"))
	price, err := ledger.NewPrice(worth[give.Currency.String()]*(1_000+over), worth[want.Currency.String()]*1_000)
	if err != nil {
		m.rt.Fatal(err)
	}
	o := &ledger.PlaceOffer{ID: idOf(fmt.Sprint("offer", m.count)), Give: give, Want: want, Amount: m.amount() * 10, Price: price}
	if m.chance(20) {
		o.Expires = m.now + m.number("expires", 1, 1_000, 3_600_000)
	}
	return o
}

func (m *market) payment(to ledger.BIC, send, deliver ledger.AssetName, amount int64) *ledger.Pay {
	m.count++
	id := idOf(fmt.Sprint("pay", m.count))
	return &ledger.Pay{
		ID: id, UETR: id, To: to, Mode: ledger.ExactDeliver, Send: send, Deliver: deliver,
		Amount: amount, Bound: ledger.MaxUnits, UETRKind: ledger.UETRPayment,
	}
}

// position picks a position that may do something, and names it; any participant and asset when there
// is none.
func (m *market) position(label string, may func(ledger.PosID, ledger.Position) bool) (holder string, a ledger.AssetName) {
	var all []ledger.Position
	for i, p := range m.state.Positions() {
		if may(ledger.PosID(i), p) {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return m.name(label), m.asset(label)
	}
	p := draw(m, label, all)
	return m.state.Participants()[p.Holder].BIC.String(), m.state.AssetName(p.Asset)
}

func (m *market) canGive(p ledger.PosID, _ ledger.Position) bool { return m.state.Available(p) > 0 }
func (m *market) canTake(p ledger.PosID, _ ledger.Position) bool { return m.state.Headroom(p) > 0 }

// trade is an offer of who has something to give, to anybody or to cross what stands.
func (m *market) trade() (string, ledger.Instruction) {
	by, give := m.position("by", m.canGive)
	_, want := m.position("want", func(_ ledger.PosID, p ledger.Position) bool {
		return m.state.Participants()[p.Holder].BIC.String() == by && m.state.AssetName(p.Asset) != give
	})
	o := m.offer(give, want, -30)
	o.Force = draw(m, "force", []ledger.TimeInForce{0, 0, ledger.ImmediateOrCancel, ledger.FillOrKill, ledger.Passive})
	return by, o
}

// order is a random payment, most of them from who has something to who accepts something.
func (m *market) order() (string, ledger.Instruction) {
	by, send := m.position("from", m.canGive)
	to, deliver := m.position("to", m.canTake)
	if m.chance(10) {
		by, send, to, deliver = m.name("from"), m.asset("send"), m.name("to"), m.asset("deliver")
	}
	p := m.payment(ledger.MustBIC(to), send, deliver, m.amount())
	if m.chance(70) {
		p.Send.Issuer = ledger.BIC{}
	}
	if m.chance(70) {
		p.Deliver.Issuer = ledger.BIC{}
	}
	switch m.below(5, "mode") {
	case 0:
		p.Mode, p.Bound = ledger.ExactSend, m.number("least", 0, 1, 900)
	case 1:
		p.Partial, p.Least, p.Bound = true, m.number("least", 0, 1, p.Amount/2, p.Amount), m.number("max", 1, 10_000, ledger.MaxUnits)
	case 2: // close to what it costs
		p.Bound = 1 + p.Amount*worth[p.Deliver.Currency.String()]/worth[p.Send.Currency.String()]*1_010/1_000
	}
	if m.chance(5) {
		p.NotAfter = m.now - 1
	}
	return by, p
}

func (m *market) all(per map[string][]ledger.Instruction) {
	for _, name := range m.names {
		if len(per[name]) > 0 {
			m.batch(name, per[name])
		}
	}
}

// batch applies instructions in one message and checks what must hold after every block.
func (m *market) batch(by string, all []ledger.Instruction) []ledger.Result {
	results := m.apply(m.submission(by, all...))
	m.after()
	return results
}

func (m *market) after() {
	if left := m.search.HeldOut(nil); len(left) > 0 {
		m.rt.Fatalf("height %d: offers %v close gainful cycles and are not marked", m.state.Height(), left)
	}
	m.told.follow(m.rt, m.state, &m.block.Changes)
}

// step applies one instruction and checks its result against what was asked and what was posted.
func (m *market) step(by string, in ledger.Instruction) {
	before, remaining := m.state.TablesHash(), m.told.remaining()
	r := m.batch(by, []ledger.Instruction{in})[0]
	if r.Outcome != ledger.Applied {
		if m.state.TablesHash() != before {
			m.rt.Fatalf("%s: %+v: refused as %s, yet the tables changed", by, in, r.Outcome)
		}
		return
	}
	m.applied++
	d := newDeltas(&r)
	for _, f := range r.Moves {
		if f.Kind == ledger.Fill {
			m.checkFill(&f, remaining)
		}
	}
	switch i := r.Instruction.(type) {
	case *ledger.Pay:
		m.checkPay(r.Participant, i, &r, d)
	case *ledger.PlaceOffer:
		m.checkOffer(r.Participant, i, &r, d)
	}
	for at, left := range remaining {
		if now, standing := m.told.offers[at]; standing && now.Remaining != left {
			m.rt.Fatalf("%s: %+v: offer %x holds %d, the fills leave %d", by, in, at, now.Remaining, left)
		}
	}
}

// checkFill recomputes a fill from its offer's price: at least that, and less than a unit more.
func (m *market) checkFill(f *ledger.Move, remaining map[ledger.ID]int64) {
	product := func(a, b int64) *big.Int { return new(big.Int).Mul(big.NewInt(a), big.NewInt(b)) }
	owed := product(f.Out, f.Price.N)
	if product(f.In, f.Price.D).Cmp(owed) < 0 || product(f.In-1, f.Price.D).Cmp(owed) >= 0 {
		m.rt.Fatalf("offer %x of %s: gives %d for %d at %d/%d", f.Offer, f.Holder, f.Out, f.In, f.Price.N, f.Price.D)
	}
	remaining[f.Offer] -= f.Out
}

func (m *market) checkPay(by ledger.BIC, i *ledger.Pay, r *ledger.Result, d *deltas) {
	ok := r.Source <= i.Bound && r.Delivered == i.Amount
	if i.Partial {
		ok = r.Source <= i.Bound && r.Delivered <= i.Amount && r.Delivered >= i.Least
	} else if i.Mode == ledger.ExactSend {
		ok = r.Source <= i.Amount && r.Delivered >= i.Bound
	}
	if !ok || r.Source <= 0 || r.Delivered <= 0 {
		m.rt.Fatalf("%s: %+v: delivered %d for %d", by, i, r.Delivered, r.Source)
	}
	party := map[place]int64{}
	party[place{by, i.Send.Currency}] -= r.Source
	party[place{i.To, i.Deliver.Currency}] += r.Delivered
	d.check(m.rt, party, by, i.To)
	for _, p := range r.Postings {
		sends, takes := p.Holder == by && carries(p.Asset, i.Send), p.Holder == i.To && carries(p.Asset, i.Deliver)
		if _, deals := d.filled[place{p.Holder, p.Asset.Currency}]; !sends && !takes && !deals && (p.Holder == by || p.Holder == i.To) && !(p.Reason == ledger.PostFee && p.Asset.Issuer == p.Holder) {
			m.rt.Fatalf("%s: %+v: posts %+v", by, i, p)
		}
	}
}

func carries(a, want ledger.AssetName) bool {
	return a == want || want.Issuer == (ledger.BIC{}) && a.Currency == want.Currency
}

func (m *market) checkOffer(by ledger.BIC, i *ledger.PlaceOffer, r *ledger.Result, d *deltas) {
	party := map[place]int64{}
	party[place{by, i.Give.Currency}] -= r.Source
	party[place{by, i.Want.Currency}] += r.Delivered
	d.check(m.rt, party, by, by)
	asked := new(big.Int).Mul(big.NewInt(r.Source), big.NewInt(i.Price.N))
	if new(big.Int).Mul(big.NewInt(r.Delivered), big.NewInt(i.Price.D)).Cmp(asked) < 0 {
		m.rt.Fatalf("%s: %+v: took %d for %d, less than its price", by, i, r.Delivered, r.Source)
	}
	if left := m.told.offers[i.ID].Remaining; left != i.Amount-r.Source && i.Force != ledger.ImmediateOrCancel || i.Force == ledger.FillOrKill && left != 0 {
		m.rt.Fatalf("%s: %+v: gave %d at once, %d are left", by, i, r.Source, left)
	}
}

// place is a participant's purse.
type place struct {
	who      ledger.BIC
	currency money.Currency
}

// deltas is what a result's postings changed, purse by purse, but for fees that an issuer redeemed, and
// how much of that its fills explain.
type deltas struct{ posted, filled map[place]int64 }

func newDeltas(r *ledger.Result) *deltas {
	d := &deltas{map[place]int64{}, map[place]int64{}}
	for _, p := range r.Postings {
		if p.Reason != ledger.PostFee || p.Holder != p.Asset.Issuer {
			d.posted[place{p.Holder, p.Asset.Currency}] += p.Delta
		}
	}
	for _, f := range r.Moves {
		if f.Kind == ledger.Fill {
			d.filled[place{f.Holder, f.Want.Currency}] += f.In
			d.filled[place{f.Holder, f.Asset.Currency}] -= f.Out
		}
	}
	return d
}

// check says that the parties have just what was paid and delivered and what offers of their own did on the
// way, and that nobody between them lost a unit that its offers do not explain.
func (d *deltas) check(rt *rapid.T, party map[place]int64, from, to ledger.BIC) {
	for at, n := range d.posted {
		if at.who == from || at.who == to {
			if want := party[at] + d.filled[at]; n != want {
				rt.Fatalf("%s has %d more %s, want %d", at.who, n, at.currency, want)
			}
			delete(party, at)
		} else if n < d.filled[at] {
			rt.Fatalf("%s has %d more %s, its offers alone bring %d", at.who, n, at.currency, d.filled[at])
		}
	}
	for at, n := range party {
		if n != 0 {
			rt.Fatalf("%s has nothing posted in %s, want %d", at.who, at.currency, n)
		}
	}
}

// told is what a reader of the blocks' Changes knows of the state.
type told struct {
	positions map[ledger.PosID]ledger.Position
	nets      map[ledger.PurseID][2]int64
	offers    map[ledger.ID]ledger.Offer
}

func newTold() *told {
	return &told{map[ledger.PosID]ledger.Position{}, map[ledger.PurseID][2]int64{}, map[ledger.ID]ledger.Offer{}}
}

func (k *told) remaining() map[ledger.ID]int64 {
	out := make(map[ledger.ID]int64, len(k.offers))
	for id, o := range k.offers {
		out[id] = o.Remaining
	}
	return out
}

func (k *told) follow(rt *rapid.T, s *ledger.State, c *ledger.Changes) {
	for _, p := range c.Positions {
		k.positions[p.ID] = p.Position
	}
	for _, p := range c.Purses {
		k.nets[p.ID] = [2]int64{p.Net, p.Cap}
	}
	for _, o := range c.Offers {
		if o.Offer.Live {
			k.offers[o.Offer.ID] = o.Offer
		} else {
			delete(k.offers, o.Offer.ID)
		}
	}
	for i, p := range s.Positions() {
		if k.positions[ledger.PosID(i)] != p {
			rt.Fatalf("height %d: position %d is %+v, the changes tell %+v", s.Height(), i, p, k.positions[ledger.PosID(i)])
		}
	}
	for i, p := range s.PurseTable() {
		if k.nets[ledger.PurseID(i)] != [2]int64{p.Net, p.Cap} {
			rt.Fatalf("height %d: purse %d is %+v, the changes tell %v", s.Height(), i, p, k.nets[ledger.PurseID(i)])
		}
	}
	live := 0
	for _, o := range s.Offers() {
		if !o.Live {
			continue
		}
		if live++; k.offers[o.ID] != o {
			rt.Fatalf("height %d: an offer is %+v, the changes tell %+v", s.Height(), o, k.offers[o.ID])
		}
	}
	if live != len(k.offers) {
		rt.Fatalf("height %d: %d offers stand, the changes tell of %d", s.Height(), live, len(k.offers))
	}
}

// wild is an instruction that no gateway would let pass, signed all the same.
func (m *market) wild() ledger.Instruction {
	any := func(label string) int64 {
		return m.number(label, math.MinInt64, -1, 0, 1, 2, ledger.Unit, 2*ledger.Unit+1, ledger.MaxUnits-1, ledger.MaxUnits, ledger.MaxUnits+1, math.MaxInt64)
	}
	name := func(label string) ledger.AssetName {
		a := m.asset(label)
		switch m.below(6, "which") {
		case 0:
			a.Currency = money.Currency(rapid.Uint16().Draw(m.rt, "currency"))
		case 1:
			a.Issuer = ledger.BIC{}
		case 2:
			a.Issuer = ledger.MustBIC("ZZZZZZZZ")
		}
		return a
	}
	bic := name("bic").Issuer
	switch m.below(8, "wild") {
	case 0:
		return &ledger.PlaceOffer{ID: idOf(fmt.Sprint("offer", any("id"))), Give: name("give"), Want: name("want"), Amount: any("amount"), Price: money.Ratio{N: any("n"), D: any("d")}, Expires: any("expires")}
	case 1:
		return &ledger.SetLine{Asset: name("asset"), Limit: any("limit"), Ripple: m.chance(80), QualityIn: any("in"), QualityOut: any("out")}
	case 2:
		return &ledger.SetTerms{SetTransferFee: true, TransferFee: any("fee")}
	case 3:
		return &ledger.SetKey{Participant: bic, Key: public(keyOf("other")), Revoke: m.chance(50)}
	case 4:
		return &ledger.ControlLine{Holder: bic, Currency: name("asset").Currency, SetAuthorized: true, Authorized: m.chance(50)}
	case 5:
		body := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(m.rt, "body")
		return &ledger.Raw{K: ledger.Kind(rapid.Uint8Range(0, 12).Draw(m.rt, "kind")), Body: body}
	default:
		p := m.payment(bic, name("send"), name("deliver"), any("amount"))
		p.Mode, p.Bound, p.Partial, p.Least = ledger.Mode(rapid.Uint8Range(0, 3).Draw(m.rt, "mode")), any("bound"), m.chance(30), any("least")
		return p
	}
}

// change makes one random change of the market, or a payment, and checks it.
func (m *market) change() {
	by := m.name("by")
	switch m.below(23, "change") {
	case 1:
		m.step(by, &ledger.SetTerms{
			SetTransferFee: m.chance(50), TransferFee: m.number("fee", 0, 1, 2_500_000, 10_000_000, 333_333_333),
			SetFrozen: m.chance(50), Frozen: m.chance(40), SetRequireAuthorization: m.chance(50), RequireAuthorization: m.chance(30),
		})
	case 2:
		m.step(by, &ledger.ControlLine{
			Holder: ledger.MustBIC(m.name("holder")), Currency: m.asset("asset").Currency,
			SetFrozen: m.chance(50), Frozen: m.chance(50), SetAuthorized: m.chance(70), Authorized: m.chance(70),
		})
	case 3:
		m.step("operator", &ledger.SetCap{Participant: ledger.MustBIC(by), Currency: m.asset("asset").Currency, Cap: m.number("cap", ledger.NoCap, 0, 1_000, 1_000_000)})
	case 4:
		m.step(by, m.line(m.asset("asset")))
	case 5, 6, 7, 8:
		m.step(m.trade())
	case 9:
		var standing []ledger.Offer
		for _, o := range m.state.Offers() {
			if o.Live {
				standing = append(standing, o)
			}
		}
		if len(standing) > 0 {
			o := draw(m, "offer", standing)
			m.step(m.state.Participants()[o.Maker].BIC.String(), &ledger.CancelOffer{ID: o.ID})
		}
	case 10:
		m.now += m.number("wait", 1, 1_000, 3_600_000)
		m.apply()
		m.after()
	case 11:
		m.step(by, m.wild())
	default:
		m.step(m.order())
	}
}

// TestRandomMarkets runs random changes and payments on random markets with the real path search. After
// every block the books balance, no plan broke a rule, and the block's changes tell the whole state; a
// refusal leaves the tables as they were; a payment costs and brings just what its result says; no
// offer is filled below its price. At the end a replay gives the same state hash and the same leaves.
func TestRandomMarkets(t *testing.T) {
	fewer(t, 10)
	var applied []int
	rapid.Check(t, func(rt *rapid.T) {
		m := newMarket(rt)
		for range 5 + m.below(36, "changes") {
			m.change()
		}
		if m.replay() != m.state.Hash() {
			rt.Fatal("replay gives another state hash")
		}
		applied = append(applied, m.applied)
	})
	slices.Sort(applied)
	if n := len(applied); n >= 100 && applied[n/2] < 5 {
		t.Errorf("half the random markets saw no more than %d instructions applied", applied[n/2])
	}
}
