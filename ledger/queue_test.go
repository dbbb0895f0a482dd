package ledger_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"

	"pgregory.net/rapid"
)

// queueWorld makes random payments wait, and checks the queue with words of its own.
type queueWorld struct {
	*world
	rt      *rapid.T
	banks   []string
	issuers map[string]string // by currency
	plain   bool              // nobody lacks room, is frozen or capped
	fee     int64
	ids     []ledger.ID // of all payments
	waiting map[string]bool
	seen    map[string]int         // what happened, over all runs
	before  map[ledger.PosID]int64 // balances; of purses, as -1-purse, the net
}

func (q *queueWorld) pick(label string, of ...string) string {
	return rapid.SampledFrom(of).Draw(q.rt, label)
}

func (q *queueWorld) below(label string, n int) int { return rapid.IntRange(0, n-1).Draw(q.rt, label) }

func (q *queueWorld) asset(c string) ledger.AssetName { return asset(c + "@" + q.issuers[c]) }

func (q *queueWorld) payment(from, to, c string, amount int64) *ledger.Pay {
	q.count++
	name := fmt.Sprint("q", q.count)
	return &ledger.Pay{
		ID: idOf(name), UETR: idOf("u" + name), UETRKind: ledger.UETRPayment, To: ledger.MustBIC(to), Mode: ledger.ExactDeliver,
		Send: q.asset(c), Deliver: q.asset(c), Amount: amount, Bound: 2 * amount,
	}
}

// random returns a submission of something that a participant may ask for.
func (q *queueWorld) random() [][]byte {
	c := q.pick("currency", "USD", "EUR")
	from, to := q.pick("from", q.banks...), q.pick("to", q.banks...)
	amount := int64(1 + q.below("amount", 60))
	switch kind := q.below("kind", 20); {
	case kind == 0:
		return [][]byte{q.submission(q.issuers[c], q.payment(q.issuers[c], to, c, amount))}
	case kind == 1 && len(q.ids) > 0:
		return [][]byte{q.submission(from, &ledger.CancelPayment{ID: q.ids[q.below("which", len(q.ids))]})}
	case kind == 2 && len(q.ids) > 0:
		in := &ledger.ReorderPayment{ID: q.ids[q.below("which", len(q.ids))], Priority: ledger.Priority(q.below("priority", 2))}
		if q.below("before", 2) == 0 {
			in.Before = q.ids[q.below("other", len(q.ids))]
		}
		return [][]byte{q.submission(from, in)}
	case kind == 3 && !q.plain:
		in := &ledger.ControlLine{Holder: ledger.MustBIC(from), Currency: money.MustCurrency(c), SetFrozen: true, Frozen: q.below("frozen", 2) == 0}
		return [][]byte{q.submission(q.issuers[c], in)}
	case kind == 4 && !q.plain:
		return [][]byte{q.submission(from, &ledger.SetLine{Asset: q.asset(c), Limit: int64(q.below("limit", 90)), QualityIn: ledger.Unit, QualityOut: ledger.Unit})}
	case kind == 5 && !q.plain:
		return [][]byte{q.submission("operator", &ledger.SetCap{Participant: ledger.MustBIC(from), Currency: money.MustCurrency(c), Cap: int64(q.below("cap", 60)) - 1})}
	case kind <= 7:
		if from == to {
			return nil
		}
		other := "USD"
		if c == other {
			other = "EUR"
		}
		a, b := q.payment(from, to, c, amount), q.payment(to, from, other, 1+amount/2)
		a.PvPWith, b.PvPWith = b.ID, a.ID
		if q.below("astray", 6) == 0 {
			b.PvPWith = idOf("nothing")
		}
		q.ids = append(q.ids, a.ID, b.ID)
		return [][]byte{q.submission(from, a), q.submission(to, b)}
	case kind == 8:
		if from == to {
			return nil
		}
		return [][]byte{q.submission(from, q.payment(from, to, c, amount))}
	case kind == 9:
		to = q.issuers[c]
	}
	if from == to {
		return nil
	}
	p := q.payment(from, to, c, amount)
	p.OnShortfall, p.Priority = ledger.QueueOnShortfall, ledger.Priority(q.below("priority", 2))
	if q.below("deadline", 5) == 0 {
		p.NotAfter = q.now + int64(q.below("wait", 5))
	}
	if q.below("any", 4) == 0 {
		p.Send.Issuer, p.Deliver.Issuer = ledger.BIC{}, ledger.BIC{}
	}
	q.ids = append(q.ids, p.ID)
	return [][]byte{q.submission(from, p)}
}

// check looks at the block just made.
func (q *queueWorld) check() {
	settled := map[ledger.ID]bool{}
	later := 0
	for _, r := range q.block.Results {
		pay, ok := r.Instruction.(*ledger.Pay)
		if !ok {
			if r.Outcome == ledger.Applied {
				q.seen[r.Kind.String()]++
			}
			continue
		}
		key := r.Participant.String() + fmt.Sprintf("%x", pay.ID)
		if r.Kind != ledger.KindLater {
			if r.Outcome == ledger.Queued {
				q.waiting[key] = true
			}
			q.seen[r.Outcome.String()]++
			continue
		}
		if !q.waiting[key] {
			q.rt.Fatalf("%x of %s ends, and did not wait", pay.ID, r.Participant)
		}
		delete(q.waiting, key)
		q.seen["later "+r.Outcome.String()]++
		sum := int64(0)
		for _, p := range r.Postings {
			sum += p.Delta
		}
		if sum != 0 || (r.Outcome == ledger.Applied) != (len(r.Postings) > 0) || r.Outcome == ledger.Applied && r.Delivered != pay.Amount {
			q.rt.Fatalf("%x: %s with postings %v", pay.ID, r.Outcome, r.Postings)
		}
		if r.Outcome == ledger.Applied {
			settled[pay.ID] = true
			later++
		}
	}
	if later > 2 {
		q.seen["several at once"]++
	}
	for _, r := range q.block.Results {
		if pay, ok := r.Instruction.(*ledger.Pay); ok && r.Kind == ledger.KindLater && settled[pay.ID] && pay.PvPWith != (ledger.ID{}) {
			if !settled[pay.PvPWith] {
				q.rt.Fatalf("%x settles without %x", pay.ID, pay.PvPWith)
			}
			q.seen["linked settled"]++
		}
	}
	if len(q.waiting) != len(q.state.Queue()) {
		q.rt.Fatalf("%d wait, the queue has %d", len(q.waiting), len(q.state.Queue()))
	}
	lowered := slices.ContainsFunc(q.block.Results, func(r ledger.Result) bool {
		return r.Outcome == ledger.Applied && (r.Kind == ledger.KindSetLine || r.Kind == ledger.KindSetCap)
	})
	for i, p := range q.state.Positions() {
		id := ledger.PosID(i)
		if !lowered && !p.Own && p.Balance > p.Limit && p.Balance > q.before[id] {
			q.rt.Fatalf("position %d grew to %d beyond %d", i, p.Balance, p.Limit)
		}
		q.before[id] = p.Balance
	}
	for i, u := range q.state.PurseTable() {
		id := ledger.PosID(-1 - i)
		if !lowered && u.Cap != ledger.NoCap && -u.Net > u.Cap && u.Net < q.before[id] {
			q.rt.Fatalf("purse %d fell to %d beyond its cap %d", i, u.Net, u.Cap)
		}
		q.before[id] = u.Net
	}
}

// settle goes on until the ledger has nothing left to do.
func (q *queueWorld) settle() {
	q.check()
	for n := 0; q.state.NextDeadline() == q.now && len(q.state.Queue()) > 0; n++ {
		if n > 100 {
			q.rt.Fatal("the queue never comes to rest")
		}
		q.apply()
		q.check()
	}
}

// stuck checks by trying all of them that no payments wait that could settle: of each sender and currency
// the first so many, together.
func (q *queueWorld) stuck() {
	lanes := map[string][]*ledger.Pending{}
	var names []string
	for _, at := range q.state.Queue() {
		p := &q.state.Pendings()[at]
		if p.Pay.PvPWith == (ledger.ID{}) {
			name := fmt.Sprint(p.By, p.Pay.Send.Currency)
			if lanes[name] == nil {
				names = append(names, name)
			}
			lanes[name] = append(lanes[name], p)
		}
	}
	tries := 0
	var try func(lane int, set []*ledger.Pending)
	try = func(lane int, set []*ledger.Pending) {
		if tries++; tries > 3000 {
			return
		}
		if lane == len(names) {
			if len(set) > 0 && q.works(set) {
				q.rt.Fatalf("%d payments wait that settle together, the first %x", len(set), set[0].ID)
			}
			return
		}
		for n := range len(lanes[names[lane]]) + 1 {
			try(lane+1, slices.Concat(set, lanes[names[lane]][:n]))
		}
	}
	try(0, nil)
}

func (q *queueWorld) works(set []*ledger.Pending) bool {
	net := map[string]int64{}
	for _, p := range set {
		c := p.Pay.Send.Currency.String()
		issuer := q.issuers[c]
		from, to := q.state.Participants()[p.By].BIC.String(), p.Pay.To.String()
		fee := int64(0)
		if from != issuer && to != issuer {
			fee = (p.Pay.Amount*q.fee + ledger.Unit - 1) / ledger.Unit
		}
		net[at(from, q.asset(c))] -= p.Pay.Amount + fee
		net[at(to, q.asset(c))] += p.Pay.Amount
		net[at(issuer, q.asset(c))] += fee
	}
	for _, p := range q.state.Positions() {
		left := p.Balance + net[at(q.state.Participants()[p.Holder].BIC.String(), q.state.AssetName(p.Asset))]
		if p.Own && left > 0 || !p.Own && (left < 0 || left > p.Limit) {
			return false
		}
	}
	return true
}

// TestRandomQueues has payments wait, settle in every way, be moved, cancelled and linked. After every
// block: nobody holds more than before beyond a limit or cap, linked payments settled both or neither,
// each that waited ended once. At rest, nothing waits that could settle. In the end a replay, and a
// snapshot taken on the way with what came after it, give the same state.
func TestRandomQueues(t *testing.T) {
	runs := fewerRuns(t)
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		q := &queueWorld{
			world: newWorld(rt), rt: rt, banks: []string{"BNMXMXMM", "HSBCGB2L", "NOPLMXMM", "WLSGGB2L"},
			issuers: map[string]string{"USD": "CHASUS33", "EUR": "DEUTDEFF"}, waiting: map[string]bool{}, seen: seen, before: map[ledger.PosID]int64{},
		}
		q.trusting = true
		q.plain = rapid.Bool().Draw(rt, "plain")
		for _, b := range append([]string{"CHASUS33", "DEUTDEFF"}, q.banks...) {
			q.run("admit " + b)
		}
		for _, b := range q.banks {
			for _, c := range []string{"EUR", "USD"} {
				limit := int64(1_000_000)
				if !q.plain {
					limit = int64(50 + q.below("limit", 100))
				}
				q.do(b, &ledger.SetLine{Asset: q.asset(c), Limit: limit, QualityIn: ledger.Unit, QualityOut: ledger.Unit})
				q.do(q.issuers[c], q.payment(q.issuers[c], b, c, int64(1+q.below("fund", 40))))
			}
		}
		if rapid.Bool().Draw(rt, "fee") {
			q.fee = 50_000_000
			q.do("CHASUS33", &ledger.SetTerms{SetTransferFee: true, TransferFee: q.fee})
			q.do("DEUTDEFF", &ledger.SetTerms{SetTransferFee: true, TransferFee: q.fee})
		}
		for i, p := range q.state.Positions() {
			q.before[ledger.PosID(i)] = p.Balance
		}
		for i, u := range q.state.PurseTable() {
			q.before[ledger.PosID(-1-i)] = u.Net
		}
		blocks := rapid.IntRange(2, 14).Draw(rt, "blocks")
		cut := q.below("snapshot", blocks)
		var restored *ledger.State
		var leaves ledger.Hash
		tail := 0
		for n := range blocks {
			var all [][]byte
			for range rapid.IntRange(1, 5).Draw(rt, "submissions") {
				all = append(all, q.random()...)
			}
			q.now += int64(q.below("pass", 3))
			q.apply(all...)
			q.settle()
			if q.plain {
				q.stuck()
			}
			if n == cut {
				var err error
				if restored, err = ledger.RestoreSnapshot(bytes.NewReader(snapshot(rt, q.state)), q.genesis); err != nil {
					rt.Fatal(err)
				}
				restored.Attach(q.router(restored))
				tail, leaves = len(q.messages), q.leaves
			}
		}
		if q.replay() != q.state.Hash() {
			rt.Fatal("replay gives another state hash")
		}
		if q.follow(restored, leaves, q.messages[tail:]) != q.state.Hash() {
			rt.Fatal("snapshot and tail give another state hash")
		}
		if !bytes.Equal(snapshot(rt, restored), snapshot(rt, q.state)) {
			rt.Fatal("in the end the snapshots differ")
		}
	})
	for _, what := range []string{
		"queued", "later applied", "later expired", "later cancelled", "later pvp_ended", "later pvp_mismatch", "several at once", "linked settled",
		"cancel_payment", "reorder_payment",
	} {
		if seen[what] <= runs/40 {
			t.Errorf("%s happened only %d times in %d runs", what, seen[what], runs)
		}
	}
}
