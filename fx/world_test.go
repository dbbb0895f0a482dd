package fx

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// world is a ledger with a router attached, and shorthand for what tests ask of it.
type world struct {
	t      testing.TB
	state  *ledger.State
	router *Router
	block  ledger.Block
	now    int64
	count  uint32
	msg    ledger.Message
	net    ledger.Hash
	// genesis is what the state began with.
	genesis *ledger.Genesis
}

var operatorKey = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: 1_700_000_000_000}
	g := &ledger.Genesis{
		Name: "test", Time: w.now, Operator: [32]byte(operatorKey.Public().(ed25519.PublicKey)), Rules: ledger.RulesVersion,
		Validators: []ledger.Validator{{Name: "v1", Key: [32]byte(keyOf(bic(0)).Public().(ed25519.PublicKey))}},
	}
	for _, c := range []string{"EUR", "GBP", "JPY", "USD"} {
		g.Currencies = append(g.Currencies, money.MustCurrency(c))
	}
	state, err := ledger.New(g, &w.block)
	if err != nil {
		t.Fatal(err)
	}
	w.state, w.net, w.genesis = state, g.Network(), g
	w.router = New(state)
	state.Attach(w.router)
	return w
}

func keyOf(by ledger.BIC) ed25519.PrivateKey {
	seed := sha256.Sum256(by[:])
	return ed25519.NewKeyFromSeed(seed[:])
}

// bic names the n-th bank.
func bic(n int) ledger.BIC { return ledger.MustBIC(fmt.Sprintf("B%03dXXYY", n)) }

// do applies one message with one submission and returns its results.
func (w *world) do(by ledger.BIC, instructions ...ledger.Instruction) []ledger.Result {
	w.t.Helper()
	key := operatorKey
	if by != (ledger.BIC{}) {
		key = keyOf(by)
	}
	w.count++
	sub := ledger.Submission{Network: w.net, Participant: by, Key: binary.BigEndian.AppendUint32(nil, w.count)}
	bytes, err := ledger.Sign(&sub, instructions, key)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.tick(bytes)
}

func (w *world) tick(submissions ...[]byte) []ledger.Result {
	w.t.Helper()
	msg := ledger.EncodeMessage(nil, w.state.Height()+1, 1, w.state.LastMessage(), w.now, submissions)
	if err := ledger.DecodeMessage(msg, &w.msg); err != nil {
		w.t.Fatal(err)
	}
	if err := w.state.Apply(&w.msg, &w.block); err != nil {
		w.t.Fatal(err)
	}
	for _, err := range w.block.Faults {
		w.t.Errorf("height %d: %v", w.state.Height(), err)
	}
	return w.block.Results
}

// must is do for instructions that have to be applied.
func (w *world) must(by ledger.BIC, instructions ...ledger.Instruction) []ledger.Result {
	w.t.Helper()
	results := w.do(by, instructions...)
	for _, r := range results {
		if r.Outcome != ledger.Applied {
			w.t.Fatalf("%s %+v: %v", by, r.Instruction, r.Outcome)
		}
	}
	return results
}

func (w *world) admit(banks ...ledger.BIC) {
	w.t.Helper()
	for _, b := range banks {
		w.must(ledger.BIC{}, &ledger.Admit{
			BIC: b, Name: b.String(), Country: [2]byte{'X', 'X'}, Key: [32]byte(keyOf(b).Public().(ed25519.PublicKey)),
		})
	}
}

func assetOf(currency string, issuer ledger.BIC) ledger.AssetName {
	return ledger.AssetName{Currency: money.MustCurrency(currency), Issuer: issuer}
}

func plainLine(a ledger.AssetName, limit int64) *ledger.SetLine {
	return &ledger.SetLine{Asset: a, Limit: limit, QualityIn: ledger.Unit, QualityOut: ledger.Unit}
}

func (w *world) id() ledger.ID {
	w.count++
	var id ledger.ID
	binary.BigEndian.PutUint32(id[:], w.count)
	return id
}

func (w *world) offer(give, want ledger.AssetName, amount, n, d int64) *ledger.PlaceOffer {
	w.t.Helper()
	price, err := ledger.NewPrice(n, d)
	if err != nil {
		w.t.Fatal(err)
	}
	return &ledger.PlaceOffer{ID: w.id(), Give: give, Want: want, Amount: amount, Price: price}
}

// pay is an exact delivery; issuers may be left out of send and deliver.
func (w *world) pay(to ledger.BIC, send, deliver ledger.AssetName, amount, max int64) *ledger.Pay {
	return &ledger.Pay{
		ID: w.id(), To: to, Mode: ledger.ExactDeliver, Send: send, Deliver: deliver, Amount: amount, Bound: max,
		UETR: w.id(), UETRKind: ledger.UETRPayment,
	}
}

// request is what the ledger would ask the router for the payment.
func (w *world) request(by ledger.BIC, p *ledger.Pay) *ledger.Request {
	r := &ledger.Request{
		From: w.state.FindParticipant(by), To: w.state.FindParticipant(p.To),
		Send: p.Send.Currency, Deliver: p.Deliver.Currency, SendAsset: ledger.None, DeliverAsset: ledger.None,
		Amount: p.Amount, Bound: p.Bound, ExactSend: p.Mode == ledger.ExactSend, Partial: p.Partial, Least: p.Least,
	}
	if p.Send.Issuer != (ledger.BIC{}) {
		r.SendAsset = w.state.FindAsset(p.Send)
	}
	if p.Deliver.Issuer != (ledger.BIC{}) {
		r.DeliverAsset = w.state.FindAsset(p.Deliver)
	}
	return r
}

// random is a generator of ledgers and of changes to them.
type random struct {
	*world
	r      *rand.Rand
	banks  []ledger.BIC
	assets []ledger.AssetName
}

var currencies = []string{"EUR", "GBP", "USD"}

// worth is what a unit of the currency is worth, so that random offers are mostly sane.
var worth = map[money.Currency]int64{
	money.MustCurrency("EUR"): 110, money.MustCurrency("GBP"): 130, money.MustCurrency("USD"): 100,
}

// newRandom makes a ledger of banks with lines, balances and offers; arbitrage is what share of the
// offers, in percent, ask less than mid.
func newRandom(t testing.TB, seed uint64, banks, lines, offers, arbitrage int) *random {
	x := &random{world: newWorld(t), r: rand.New(rand.NewPCG(seed, 1))}
	for i := range banks {
		x.banks = append(x.banks, bic(i))
	}
	x.admit(x.banks...)
	for _, b := range x.banks {
		for _, c := range currencies[:1+x.r.IntN(len(currencies))] {
			x.assets = append(x.assets, assetOf(c, b))
		}
	}
	for range lines {
		x.changeLine()
	}
	for range 2 * lines {
		x.fund()
	}
	for range offers {
		x.changeOffer(arbitrage)
	}
	return x
}

func (x *random) bank() ledger.BIC        { return x.banks[x.r.IntN(len(x.banks))] }
func (x *random) asset() ledger.AssetName { return x.assets[x.r.IntN(len(x.assets))] }
func (x *random) chance(percent int) bool { return x.r.IntN(100) < percent }
func (x *random) upTo(n int64) int64      { return 1 + x.r.Int64N(n) }
func (x *random) amount() int64 {
	return x.upTo([]int64{100, 20_000, 2_000_000, 2_000_000, 10_000_000, 10_000_000}[x.r.IntN(6)])
}

func (x *random) changeLine() {
	by, a := x.bank(), x.asset()
	if by == a.Issuer {
		return
	}
	l := plainLine(a, 20*x.amount())
	l.Ripple = x.chance(60)
	if x.chance(30) {
		l.QualityIn = ledger.Unit - x.r.Int64N(20_000_000)
	}
	if x.chance(30) {
		l.QualityOut = ledger.Unit + x.r.Int64N(20_000_000)
	}
	x.must(by, l)
}

// fund lets a bank issue to a line of another.
func (x *random) fund() {
	var lines []ledger.Position
	for _, p := range x.state.Positions() {
		if !p.Own && p.Limit > p.Balance {
			lines = append(lines, p)
		}
	}
	if len(lines) == 0 {
		return
	}
	p := lines[x.r.IntN(len(lines))]
	a := x.state.AssetName(p.Asset)
	x.do(a.Issuer, x.pay(x.state.Participants()[p.Holder].BIC, a, a, x.upTo(p.Limit-p.Balance), ledger.MaxUnits))
}

func (x *random) changeOffer(arbitrage int) {
	by := x.state.FindParticipant(x.bank())
	var mine []ledger.AssetName
	for _, p := range x.state.Positions() {
		if p.Holder == by {
			mine = append(mine, x.state.AssetName(p.Asset))
		}
	}
	if len(mine) < 2 {
		return
	}
	give, want := mine[x.r.IntN(len(mine))], mine[x.r.IntN(len(mine))]
	if give == want {
		return
	}
	spread := 1_000 + x.r.Int64N(60)
	if x.chance(arbitrage) {
		spread = 1_000 - x.r.Int64N(40)
	}
	x.do(x.state.Participants()[by].BIC, x.offer(give, want, x.amount(), worth[give.Currency]*spread, worth[want.Currency]*1_000))
}

// change makes one random change of the ledger.
func (x *random) change(arbitrage int) {
	switch x.r.IntN(12) {
	case 0:
		x.changeLine()
	case 1:
		x.do(x.bank(), &ledger.SetTerms{SetTransferFee: true, TransferFee: x.r.Int64N(5_000_000)})
	case 2:
		x.do(x.bank(), &ledger.SetTerms{SetFrozen: true, Frozen: x.chance(30)})
	case 3:
		x.do(x.bank(), &ledger.SetTerms{SetRequireAuthorization: true, RequireAuthorization: x.chance(20)})
	case 4:
		a := x.asset()
		if by := x.bank(); by != a.Issuer {
			x.do(a.Issuer, &ledger.ControlLine{
				Holder: by, Currency: a.Currency, SetFrozen: x.chance(50), Frozen: x.chance(30), SetAuthorized: x.chance(50), Authorized: x.chance(70),
			})
		}
	case 5:
		limit := int64(ledger.NoCap)
		if x.chance(60) {
			limit = 5 * x.amount()
		}
		x.do(ledger.BIC{}, &ledger.SetCap{Participant: x.bank(), Currency: x.asset().Currency, Cap: limit})
	case 6:
		if offers := x.state.Offers(); len(offers) > 0 {
			if o := offers[x.r.IntN(len(offers))]; o.Live {
				x.must(x.state.Participants()[o.Maker].BIC, &ledger.CancelOffer{ID: o.ID})
			}
		}
	case 7, 8:
		x.changeOffer(arbitrage)
	case 9:
		x.fund()
	default:
		x.do(x.payment())
	}
}

// payment is a random payment.
func (x *random) payment() (ledger.BIC, *ledger.Pay) {
	by, send, deliver := x.bank(), x.asset(), x.asset()
	amount := x.upTo([]int64{3, 100, 20_000, 500_000, 2_000_000}[x.r.IntN(5)])
	p := x.pay(x.bank(), send, deliver, amount, ledger.MaxUnits)
	if x.chance(70) {
		p.Send.Issuer = ledger.BIC{}
	}
	if x.chance(70) {
		p.Deliver.Issuer = ledger.BIC{}
	}
	switch x.r.IntN(5) {
	case 0:
		p.Mode, p.Bound = ledger.ExactSend, 0
	case 1:
		p.Partial, p.Bound = true, x.amount()
	case 2:
		p.Bound = 2 * p.Amount
	}
	return by, p
}
