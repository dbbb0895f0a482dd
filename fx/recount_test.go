package fx

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"viaduct/internal/money"
	"viaduct/ledger"
)

// What was settled is told as it was quoted, but for what a record does not keep.
func TestPathsOfAreTheQuotes(t *testing.T) {
	settled, several, rippled := 0, 0, 0
	for seed := range uint64(25) {
		x := newRandom(t, seed, 4+int(seed%5), 60, 40, 0)
		q := x.router.NewQuoter(x.state.Height())
		for range 40 {
			by, pay := x.payment()
			a := q.Quote(x.request(by, pay))
			r := x.do(by, pay)[0]
			x.router.Publish(x.state.Height())
			if r.Outcome != ledger.Applied || a.Outcome != ledger.Applied {
				continue
			}
			settled++
			for i := range a.Paths {
				a.Paths[i].Binding = nil
			}
			got := PathsOf(by, r.Moves)
			if len(got) > 1 {
				several++
			}
			for i := range got {
				for j := range got[i].Hops {
					if h := &got[i].Hops[j]; h.Offer == (ledger.ID{}) && i < len(a.Paths) && j < len(a.Paths[i].Hops) {
						rippled++
						h.Price, a.Paths[i].Hops[j].Price = money.Ratio{}, money.Ratio{}
					}
				}
			}
			if d := cmp.Diff(a.Paths, got); d != "" {
				t.Fatalf("seed %d, %s pays %+v (-quoted +told):\n%s", seed, by, pay, d)
			}
			addsUp(t, seed, r, got)
		}
	}
	t.Logf("%d payments, %d over several paths, %d rippling hops", settled, several, rippled)
	if settled < 200 || several < 20 || rippled < 20 {
		t.Errorf("%d payments, %d over several paths, %d rippling hops: too few to say anything", settled, several, rippled)
	}
}

func addsUp(t *testing.T, seed uint64, r ledger.Result, paths []Path) {
	t.Helper()
	var source, delivered int64
	for _, p := range paths {
		source, delivered = source+p.Sent.Units, delivered+p.Delivered.Units
	}
	if source != r.Source || delivered != r.Delivered {
		t.Fatalf("seed %d: the paths cost %d and bring %d, the payment %d and %d", seed, source, delivered, r.Source, r.Delivered)
	}
}

// An offer that takes others at once is told in the same words.
func TestPathsOfACrossingOffer(t *testing.T) {
	c := newCorridor(t)
	c.must(c.dealer, c.offer(c.eur, c.usd, 10_000, 11, 10), c.offer(c.eur, c.usd, 10_000, 12, 10))
	c.must(c.sender, plainLine(c.eur, 1_000_000))
	r := c.must(c.sender, c.offer(c.usd, c.eur, 15_000, 9, 12))[0]
	paths := PathsOf(c.sender, r.Moves)
	if len(paths) != 2 || r.Delivered == 0 {
		t.Fatalf("%+v: %+v", r, paths)
	}
	addsUp(t, 0, r, paths)
}

// Moves that are no payment give nothing, and never a loop or a panic.
func TestPathsOfNonsense(t *testing.T) {
	c := newCorridor(t)
	c.must(c.dealer, c.offer(c.eur, c.usd, 150_000, 11, 10))
	good := c.must(c.sender, c.pay(c.bank, c.usd, c.eur, 1_000, ledger.MaxUnits))[0].Moves
	if len(PathsOf(c.sender, good)) != 1 {
		t.Fatalf("%+v", good)
	}
	if PathsOf(c.bank, good) != nil {
		t.Error("sent by another")
	}
	for i := range good {
		for name, break_ := range map[string]func(m *ledger.Move){
			"another kind":   func(m *ledger.Move) { m.Kind = ledger.FlowKind(99) },
			"another holder": func(m *ledger.Move) { m.Holder = bic(77) },
			"less goes in":   func(m *ledger.Move) { m.In-- },
			"more comes out": func(m *ledger.Move) { m.Out++ },
			"below zero":     func(m *ledger.Move) { m.In, m.Out = -m.In, -m.Out },
		} {
			bad := append([]ledger.Move(nil), good...)
			break_(&bad[i])
			first, last := i == 0, i == len(good)-1 // where value begins and ends, its amount is anyone's
			if got := PathsOf(c.sender, bad); got != nil && !(first && name == "less goes in") && !(last && (name == "more comes out" || name == "another holder")) {
				t.Errorf("move %d, %s: %+v", i, name, got)
			}
		}
	}
	// Value that goes round in a ring is on no path: apart from it, and through its places.
	other := bic(6)
	for _, in := range []ledger.BIC{bic(5), c.dealer} {
		ring := []ledger.Move{
			{Kind: ledger.Fill, Holder: in, Want: c.usd, Asset: c.eur, In: 3, Out: 3},
			{Kind: ledger.Give, Holder: in, Asset: c.eur, In: 3, Out: 3},
			{Kind: ledger.Take, Holder: other, Asset: c.eur, In: 3, Out: 3},
			{Kind: ledger.Fill, Holder: other, Want: c.eur, Asset: c.usd, In: 3, Out: 3},
			{Kind: ledger.Give, Holder: other, Asset: c.usd, In: 3, Out: 3},
			{Kind: ledger.Take, Holder: in, Asset: c.usd, In: 3, Out: 3},
		}
		var delivered int64
		for _, p := range PathsOf(c.sender, append(ring, good...)) {
			delivered += p.Delivered.Units
		}
		if delivered != 1_000 {
			t.Errorf("a ring at %s: the paths bring %d", in, delivered)
		}
	}
}

func FuzzPathsOf(f *testing.F) {
	f.Add([]byte{4, 1, 0, 0, 5, 5, 1, 2, 1, 0, 5, 5})
	f.Fuzz(func(t *testing.T, data []byte) {
		var moves []ledger.Move
		for len(data) >= 6 && len(moves) < 40 {
			moves = append(moves, ledger.Move{
				Kind: ledger.FlowKind(data[0] % 11), Holder: bic(int(data[1] % 4)), Asset: assetOf(currencies[data[2]%2], bic(int(data[2]%4))),
				Want: assetOf(currencies[data[3]%2], bic(int(data[3]%4))), In: int64(data[4]), Out: int64(data[5]),
			})
			data = data[6:]
		}
		var in int64
		for _, p := range PathsOf(bic(0), moves) {
			if p.Sent.Units < 0 || p.Delivered.Units < 0 {
				t.Fatalf("%+v", p)
			}
			in += p.Sent.Units
		}
		if in > 255*40 {
			t.Fatalf("the paths cost %d", in)
		}
	})
}
