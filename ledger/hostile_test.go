package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// resign changes the bytes of a submission and signs them again, as its author could.
func resign(t *testing.T, data []byte, by string, change func([]byte) []byte) []byte {
	t.Helper()
	body := change(bytes.Clone(data[:len(data)-ed25519.SignatureSize]))
	return append(body, ed25519.Sign(keyOf(by), append([]byte("viaduct/submission/v1\x00"), body...))...)
}

// TestAnInstructionIsNeverTooLongForItsLeaf: whoever signs a long body of no meaning gets no leaf that
// nobody can read; the submission is not one.
func TestAnInstructionIsNeverTooLongForItsLeaf(t *testing.T) {
	w := newWorld(t)
	w.run("admit CHASUS33")
	junk := func(n int) *ledger.Raw { return &ledger.Raw{K: ledger.KindPay, Body: make([]byte, n)} }
	r := w.do("CHASUS33", junk(ledger.MaxBody))
	if _, err := ledger.DecodeLeaf(w.block.Leaves[0]); r.Outcome != ledger.BadInstruction || err != nil {
		t.Errorf("%d bytes: %s, its leaf: %v", ledger.MaxBody, r.Outcome, err)
	}
	s := ledger.Submission{Network: w.genesis.Network(), Participant: ledger.MustBIC("CHASUS33"), Key: []byte("k")}
	if _, err := ledger.Sign(&s, []ledger.Instruction{junk(ledger.MaxBody + 1)}, keyOf("CHASUS33")); !errors.Is(err, ledger.ErrEncoding) {
		t.Errorf("signing a byte more: %v", err)
	}
	long := resign(t, w.submission("CHASUS33", junk(0)), "CHASUS33", func(b []byte) []byte {
		return append(append(b[:len(b)-2], 60_000>>8, 60_000&0xff), make([]byte, 60_000)...)
	})
	if err := ledger.DecodeSubmission(long, &s); !errors.Is(err, ledger.ErrEncoding) {
		t.Errorf("reading 60,000 bytes: %v", err)
	}
}

// TestNamesOfAnyScript: 140 characters can take 560 bytes.
func TestNamesOfAnyScript(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		want ledger.Outcome
	}{
		{strings.Repeat("行", 140), ledger.Applied},
		{strings.Repeat("行", 141), ledger.BadParticipant},
	} {
		in := &ledger.Admit{BIC: ledger.MustBIC("BKCHCNBJ"), Name: tt.name, Country: [2]byte{'C', 'N'}, Key: public(keyOf("BKCHCNBJ"))}
		if tt.want != ledger.Applied {
			in.BIC = ledger.MustBIC("BOTKJPJT")
		}
		r := w.do("operator", in)
		if r.Outcome != tt.want {
			t.Errorf("%d characters: %s, want %s", len([]rune(tt.name)), r.Outcome, tt.want)
		}
	}
	if got := w.state.Participants()[0].Name; got != strings.Repeat("行", 140) {
		t.Errorf("the name is kept as %q", got)
	}
}

func TestWhoIsAdmitted(t *testing.T) {
	w := newWorld(t)
	for name, spoil := range map[string]func(*ledger.Admit){
		"no BIC":                 func(i *ledger.Admit) { i.BIC = ledger.BIC{} },
		"no name":                func(i *ledger.Admit) { i.Name = "" },
		"a name not UTF-8":       func(i *ledger.Admit) { i.Name = "Banco N\xe9ctar" },
		"a name cut short":       func(i *ledger.Admit) { i.Name = "行"[:2] },
		"a name of two lines":    func(i *ledger.Admit) { i.Name = "Banco\nNéctar" },
		"a name with a zero":     func(i *ledger.Admit) { i.Name = "Banco\x00" },
		"no country":             func(i *ledger.Admit) { i.Country = [2]byte{} },
		"a country in lower":     func(i *ledger.Admit) { i.Country = [2]byte{'m', 'x'} },
		"a country of bytes":     func(i *ledger.Admit) { i.Country = [2]byte{0xff, 0xfe} },
		"a short LEI":            func(i *ledger.Admit) { i.LEI = "549300ABCDEFGHIJKL1" },
		"a LEI without a check":  func(i *ledger.Admit) { i.LEI = "549300ABCDEFGHIJKLMN" },
		"a LEI of other letters": func(i *ledger.Admit) { i.LEI = "549300ABCDEFGHIJKé12"[:20] },
		"no key":                 func(i *ledger.Admit) { i.Key = [32]byte{} },
	} {
		in := &ledger.Admit{BIC: ledger.MustBIC("BNMXMXMM"), Name: "Banco Néctar", Country: [2]byte{'M', 'X'}, LEI: "549300ABCDEFGHIJKL12", Key: public(keyOf("BNMXMXMM"))}
		spoil(in)
		if r := w.do("operator", in); r.Outcome != ledger.BadParticipant {
			t.Errorf("%s: %s, want %s", name, r.Outcome, ledger.BadParticipant)
		}
	}
}

func TestGenesisThatStartsNothing(t *testing.T) {
	usd := money.MustCurrency("USD")
	for name, spoil := range map[string]func(*ledger.Genesis){
		"no validators":       func(g *ledger.Genesis) { g.Validators = nil },
		"too many validators": func(g *ledger.Genesis) { g.Validators = make([]ledger.Validator, ledger.MaxValidators+1) },
		"a validator twice":   func(g *ledger.Genesis) { g.Validators = append(g.Validators, g.Validators[0]) },
		"a key twice": func(g *ledger.Genesis) {
			g.Validators = append(g.Validators, ledger.Validator{Name: "v2", Key: g.Validators[0].Key})
		},
		"a name twice": func(g *ledger.Genesis) {
			g.Validators = append(g.Validators, ledger.Validator{Name: "v1", Key: [32]byte{2}})
		},
		"a key of small order":    func(g *ledger.Genesis) { g.Validators[0].Key = [32]byte{1} },
		"an operator without key": func(g *ledger.Genesis) { g.Operator = [32]byte{} },
		"a validator's name":      func(g *ledger.Genesis) { g.Validators[0].Name = "v 1" },
		"a long name":             func(g *ledger.Genesis) { g.Validators[0].Name = strings.Repeat("v", 300) },
		"no currency":             func(g *ledger.Genesis) { g.Currencies = nil },
		"a currency twice":        func(g *ledger.Genesis) { g.Currencies = []money.Currency{usd, usd} },
		"currencies in disorder":  func(g *ledger.Genesis) { g.Currencies = []money.Currency{usd, money.MustCurrency("EUR")} },
		"a currency of nothing":   func(g *ledger.Genesis) { g.Currencies = []money.Currency{0, usd} },
		"another rules version":   func(g *ledger.Genesis) { g.Rules++ },
		"no time":                 func(g *ledger.Genesis) { g.Time = 0 },
		"a network's name":        func(g *ledger.Genesis) { g.Name = "Test" },
	} {
		g := testGenesis()
		spoil(g)
		var b ledger.Block
		if _, err := ledger.New(g, &b); err == nil {
			t.Errorf("%s: a network starts", name)
		}
		if _, err := ledger.DecodeGenesis(g.Encode()); err == nil {
			t.Errorf("%s: it reads", name)
		}
	}
}

// TestAnOfferIDIsNobodyElses: an offer is cancelled by its id, so a second one of that id, by whomever,
// must not come between its maker and the offer; neither while it stands nor later.
func TestAnOfferIDIsNobodyElses(t *testing.T) {
	w := newWorld(t)
	for _, command := range []string{
		"admit CHASUS33", "admit DEUTDEFF", "admit XCHGSGSG",
		"line XCHGSGSG USD@CHASUS33 limit=100.00", "line XCHGSGSG EUR@DEUTDEFF limit=100.00", "line DEUTDEFF USD@CHASUS33 limit=100.00",
		"offer DEUTDEFF o1 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=100.00 price=1.1",
	} {
		w.run(command)
	}
	copied := "offer XCHGSGSG o1 give=EUR@DEUTDEFF want=USD@CHASUS33 amount=1.00 price=9"
	for _, step := range []struct{ command, want string }{
		{copied, "id_reused"},
		{"wait 2161h", ""}, // 90 days and an hour: ids are forgotten
		{copied, "id_reused"},
		{"cancel DEUTDEFF o1", "applied"},
		{copied, "applied"},
	} {
		if got := strings.Join(w.run(step.command), "\n"); got != step.want {
			t.Errorf("%s: %s, want %s", step.command, got, step.want)
		}
	}
}

// TestAnOfferThatCrossesMany takes as much as one leaf can tell, and the rest stands.
func TestAnOfferThatCrossesMany(t *testing.T) {
	w := newWorld(t)
	w.run("admit CHASUS33")
	w.run("admit DEUTDEFF")
	for _, dealer := range []string{"XCHGSGSG", "XCHHHKHH"} {
		w.run("admit " + dealer)
		w.run("line " + dealer + " USD@CHASUS33 limit=1000.00")
		w.run("line " + dealer + " EUR@DEUTDEFF limit=1000.00")
		w.run("pay CHASUS33 " + dealer + " deliver=USD amount=500.00 send=USD max=500.00")
		w.run("pay DEUTDEFF " + dealer + " deliver=EUR amount=500.00 send=EUR max=500.00")
	}
	for i := range 200 {
		w.run(fmt.Sprintf("offer XCHGSGSG o%d give=EUR@DEUTDEFF want=USD@CHASUS33 amount=1.00 price=1.1", i))
	}
	w.run("offer XCHHHKHH big give=USD@CHASUS33 want=EUR@DEUTDEFF amount=220.00 price=0.9")
	leaf, err := ledger.DecodeLeaf(w.block.Leaves[0])
	if err != nil {
		t.Fatalf("a leaf of %d bytes: %v", len(w.block.Leaves[0]), err)
	}
	big := w.state.Offers()[w.state.FindOffer(idOf("big"))]
	if got := leaf.Source + big.Remaining; got != 220_00 {
		t.Errorf("USD %d at once and %d on the book, together %d, want 22000", leaf.Source, big.Remaining, got)
	}
	const each = 4*(1+11+13+16) + (1 + 11 + 13 + 13 + 16 + 16 + 16) // two hand-overs and a fill
	if fills := len(leaf.Moves) / 5; fills != int(leaf.Delivered/100) || ledger.MaxLeaf-len(w.block.Leaves[0]) > each+ledger.MaxBody {
		t.Errorf("%d fills for EUR %d in a leaf of %d bytes", fills, leaf.Delivered, len(w.block.Leaves[0]))
	}
}

// TestDeadlinesOfOffersThatLeft do not pile up, and those of offers that stand are kept.
func TestDeadlinesOfOffersThatLeft(t *testing.T) {
	w := newWorld(t)
	for _, command := range []string{"admit CHASUS33", "admit DEUTDEFF", "line DEUTDEFF USD@CHASUS33 limit=100.00"} {
		w.run(command)
	}
	w.run("offer DEUTDEFF stands give=EUR@DEUTDEFF want=USD@CHASUS33 amount=1.00 price=1.1 expires=1h")
	offer := ledger.PlaceOffer{Give: asset("EUR@DEUTDEFF"), Want: asset("USD@CHASUS33"), Amount: 1, Price: money.Ratio{N: 1, D: 1}, Expires: start + 1<<40}
	for i := range 20 {
		var all []ledger.Instruction
		for j := range 50 {
			place := offer
			place.ID = idOf(fmt.Sprint(i, j))
			all = append(all, &place, &ledger.CancelOffer{ID: place.ID})
		}
		for _, r := range w.apply(w.submission("DEUTDEFF", all...)) {
			if r.Outcome != ledger.Applied {
				t.Fatal(r.Outcome)
			}
		}
	}
	if n := w.state.Deadlines(); n > 200 {
		t.Errorf("%d deadlines are kept of 1,000 offers that left", n)
	}
	if got, want := w.state.NextDeadline(), w.now+time.Hour.Milliseconds(); got != want {
		t.Errorf("next deadline %d, want %d", got, want)
	}
	if got := w.run("wait 1h"); len(got) != 1 || got[0] != "offer of DEUTDEFF: expired" {
		t.Errorf("an hour later: %v", got)
	}
}

// liar answers every request with one plan.
type liar struct {
	naive
	plan *ledger.Plan
}

func (l liar) Route(_ *ledger.Request, plan *ledger.Plan) ledger.Outcome {
	*plan = ledger.Plan{Flows: append(plan.Flows[:0], l.plan.Flows...), Source: l.plan.Source, Delivered: l.plan.Delivered}
	return ledger.Applied
}

// TestSumsThatWrap: 17 flows of MaxUnits add up to MaxUnits again in 64 bits. A plan of them is a fault
// of the router, not a broken ledger.
func TestSumsThatWrap(t *testing.T) {
	w := newWorld(t)
	plan := &ledger.Plan{Source: ledger.MaxUnits, Delivered: 17}
	w.state.Attach(liar{naive{w.state}, plan})
	w.run("admit CHASUS33")
	w.run("admit DEUTDEFF")
	usd, eur := asset("USD@CHASUS33"), asset("EUR@DEUTDEFF")
	line := func(a ledger.AssetName) *ledger.SetLine {
		return &ledger.SetLine{Asset: a, Limit: ledger.MaxUnits, QualityIn: ledger.Unit, QualityOut: ledger.Unit}
	}
	pos := func(holder string, a ledger.AssetName) int32 {
		return int32(w.state.FindPosition(w.state.FindParticipant(ledger.MustBIC(holder)), w.state.FindAsset(a)))
	}
	for i := range 17 {
		maker := bankName(i)
		w.run("admit " + maker)
		w.do(maker, line(usd))
		w.do(maker, line(eur))
		id := idOf(maker)
		w.do(maker, &ledger.PlaceOffer{ID: id, Give: eur, Want: usd, Amount: 1, Price: money.Ratio{N: ledger.MaxUnits, D: 1}})
		plan.Flows = append(plan.Flows,
			ledger.Flow{Kind: ledger.Issue, Arc: pos(maker, usd), In: ledger.MaxUnits, Out: ledger.MaxUnits},
			ledger.Flow{Kind: ledger.Fill, Arc: int32(w.state.FindOffer(id)), In: ledger.MaxUnits, Out: 1},
			ledger.Flow{Kind: ledger.Redeem, Arc: pos(maker, eur), In: 1, Out: 1})
	}
	for i := range 17 {
		maker := bankName(i)
		one := *plan
		plan.Flows, plan.Source, plan.Delivered = []ledger.Flow{{Kind: ledger.Issue, Arc: pos(maker, eur), In: 1, Out: 1}}, 1, 1
		if r := w.do("DEUTDEFF", &ledger.Pay{ID: idOf("fund" + maker), UETR: idOf("fund" + maker), To: ledger.MustBIC(maker), Mode: ledger.ExactDeliver, Send: eur, Deliver: eur, Amount: 1, Bound: 1, UETRKind: ledger.UETRPayment}); r.Outcome != ledger.Applied {
			t.Fatalf("funding %s: %s", maker, r.Outcome)
		}
		*plan = one
	}
	before := w.state.TablesHash()
	in := &ledger.Pay{ID: idOf("p"), UETR: idOf("p"), To: ledger.MustBIC("DEUTDEFF"), Mode: ledger.ExactDeliver, Send: usd, Deliver: eur, Amount: 17, Bound: ledger.MaxUnits, UETRKind: ledger.UETRPayment}
	var m ledger.Message
	if err := ledger.DecodeMessage(ledger.EncodeMessage(nil, w.state.Height()+1, 1, w.state.LastMessage(), w.now, [][]byte{w.submission("CHASUS33", in)}), &m); err != nil {
		t.Fatal(err)
	}
	if err := w.state.Apply(&m, &w.block); err != nil {
		t.Fatal(err)
	}
	if r := w.block.Results[0]; r.Outcome != ledger.RouteFault || len(w.block.Faults) != 1 || w.state.TablesHash() != before {
		t.Errorf("%s, faults %v, tables changed: %v", r.Outcome, w.block.Faults, w.state.TablesHash() != before)
	}
}

// TestAPurseNeverWraps: one bank may hold MaxUnits of as many assets of a currency as there are
// issuers; together they stop at four times that.
func TestAPurseNeverWraps(t *testing.T) {
	w := newWorld(t)
	w.run("admit BNMXMXMM")
	for i := range 5 {
		issuer := bankName(i)
		w.run("admit " + issuer)
		usd := asset("USD@" + issuer)
		w.do("BNMXMXMM", &ledger.SetLine{Asset: usd, Limit: ledger.MaxUnits, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
		r := w.do(issuer, &ledger.Pay{ID: idOf("p"), UETR: idOf("p"), To: ledger.MustBIC("BNMXMXMM"), Mode: ledger.ExactDeliver, Send: usd, Deliver: usd, Amount: ledger.MaxUnits, Bound: ledger.MaxUnits, UETRKind: ledger.UETRPayment})
		if want := []ledger.Outcome{ledger.Applied, ledger.Shortfall}[i/4]; r.Outcome != want {
			t.Errorf("payment %d: %s, want %s", i, r.Outcome, want)
		}
	}
	w.do("operator", &ledger.SetCap{Participant: ledger.MustBIC("BNMXMXMM"), Currency: money.MustCurrency("USD"), Cap: ledger.MaxUnits})
	if got := w.state.PurseRoom(w.state.FindPurse(0, money.MustCurrency("USD"))); got != 5*ledger.MaxUnits {
		t.Errorf("room %d, want %d", got, int64(5*ledger.MaxUnits))
	}
}
