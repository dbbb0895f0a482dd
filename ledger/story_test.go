package ledger_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"viaduct/fx"
	"viaduct/internal/money"
	"viaduct/ledger"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite what came out in testdata")

// world is a ledger under test with its keys, its clock and the messages it applied.
type world struct {
	t        rapid.TB
	genesis  *ledger.Genesis
	router   func(*ledger.State) ledger.Router
	state    *ledger.State
	block    ledger.Block
	now      int64
	keys     map[string]ed25519.PrivateKey
	trusting bool // signatures are not what the test is about
	messages [][]byte
	leaves   ledger.Hash // over all leaves' hashes so far
	count    int
	names    map[ledger.ID]string // of the story's payments
	told     uint64               // height of the last block whose later results were told
}

var start = time.Date(2026, 3, 13, 16, 0, 0, 0, time.UTC).UnixMilli()

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(key ed25519.PrivateKey) [32]byte { return [32]byte(key.Public().(ed25519.PublicKey)) }

func testGenesis() *ledger.Genesis {
	g := &ledger.Genesis{
		Name: "test", Time: start, Operator: public(keyOf("operator")), Rules: ledger.RulesVersion,
		Validators: []ledger.Validator{{Name: "v1", Key: public(keyOf("v1"))}},
	}
	for _, c := range []string{"CHF", "EUR", "GBP", "JPY", "KWD", "MXN", "USD"} {
		g.Currencies = append(g.Currencies, money.MustCurrency(c))
	}
	return g
}

func naiveRouter(s *ledger.State) ledger.Router { return naive{s} }
func fxRouter(s *ledger.State) ledger.Router    { return fx.New(s) }

func newWorld(t rapid.TB) *world { return newWorldOf(t, naiveRouter) }

func newWorldOf(t rapid.TB, router func(*ledger.State) ledger.Router) *world {
	w := &world{t: t, genesis: testGenesis(), router: router, now: start, keys: map[string]ed25519.PrivateKey{}}
	w.state = w.start()
	return w
}

func (w *world) start() *ledger.State {
	s, err := ledger.New(w.genesis, &w.block)
	if err != nil {
		w.t.Fatal(err)
	}
	s.Attach(w.router(s))
	return s
}

// submission returns signed bytes; by is a BIC, or "operator".
func (w *world) submission(by string, instructions ...ledger.Instruction) []byte {
	w.count++
	s := ledger.Submission{Network: w.genesis.Network(), Key: fmt.Appendf(nil, "key-%d", w.count)}
	if by != "operator" {
		s.Participant = ledger.MustBIC(by)
	}
	s.Salt = sha256.Sum256(s.Key)
	key, ok := w.keys[by]
	if !ok {
		key = keyOf(by)
		w.keys[by] = key
	}
	out, err := ledger.Sign(&s, instructions, key)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// apply applies one message of the submissions and checks what must hold after every block.
func (w *world) apply(submissions ...[]byte) []ledger.Result {
	w.t.Helper()
	msg := ledger.EncodeMessage(nil, w.state.Height()+1, 1, w.state.LastMessage(), w.now, submissions)
	var m ledger.Message
	if err := ledger.DecodeMessage(msg, &m); err != nil {
		w.t.Fatal(err)
	}
	if w.trusting {
		m.Trust()
	}
	if err := w.state.Apply(&m, &w.block); err != nil {
		w.t.Fatal(err)
	}
	w.messages = append(w.messages, msg)
	w.leaves = chain(w.leaves, &w.block)
	if len(w.block.Faults) > 0 {
		w.t.Fatalf("router faults: %v", w.block.Faults)
	}
	if err := w.state.CheckInvariants(); err != nil {
		w.t.Fatal(err)
	}
	return w.block.Results
}

func (w *world) do(by string, i ledger.Instruction) ledger.Result {
	w.t.Helper()
	return w.apply(w.submission(by, i))[0]
}

// chain hashes a block's leaves behind those before.
func chain(before ledger.Hash, b *ledger.Block) ledger.Hash {
	h := sha256.New()
	h.Write(before[:])
	for i := range b.Leaves {
		h.Write(b.Leaves[i])
		h.Write(b.LeafHashes[i][:])
	}
	return ledger.Hash(h.Sum(nil))
}

// replay applies the same messages to a new state, compares the leaves, and returns the state's hash.
func (w *world) replay() ledger.Hash {
	w.t.Helper()
	return w.follow(w.start(), ledger.Hash{}, w.messages)
}

// follow applies messages to a state whose chain of leaves is given, up to the world's own, compares the
// leaves, and returns the state's hash.
func (w *world) follow(s *ledger.State, leaves ledger.Hash, messages [][]byte) ledger.Hash {
	w.t.Helper()
	for _, msg := range messages {
		var m ledger.Message
		if err := ledger.DecodeMessage(msg, &m); err != nil {
			w.t.Fatal(err)
		}
		m.Trust()
		if err := s.Apply(&m, &w.block); err != nil {
			w.t.Fatal(err)
		}
		leaves = chain(leaves, &w.block)
	}
	if leaves != w.leaves {
		w.t.Fatal("applied again, the messages give other leaves")
	}
	return s.Hash()
}

func asset(text string) ledger.AssetName {
	c, issuer, named := strings.Cut(text, "@")
	a := ledger.AssetName{Currency: money.MustCurrency(c)}
	if named {
		a.Issuer = ledger.MustBIC(issuer)
	}
	return a
}

func idOf(name string) ledger.ID { h := sha256.Sum256([]byte(name)); return ledger.ID(h[:16]) }

// TestStories runs testdata/*.story: lines of commands, "----", what came out.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.story")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".story"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			var out strings.Builder
			for chapter := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
				commands, want, _ := strings.Cut(chapter, "\n----\n")
				var got []string
				for line := range strings.SplitSeq(commands, "\n") {
					if !strings.HasPrefix(line, "#") {
						got = append(got, w.run(line)...)
					}
				}
				if !*update && strings.Join(got, "\n") != strings.TrimSpace(want) {
					t.Errorf("%s\ngot:\n%s\nwant:\n%s", commands, strings.Join(got, "\n"), want)
				}
				fmt.Fprintf(&out, "%s\n----\n%s\n\n", commands, strings.Join(got, "\n"))
			}
			if w.replay() != w.state.Hash() {
				t.Error("replay gives another state hash")
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimSpace(out.String())+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type args struct {
	words []string
	named map[string]string
}

func parseArgs(line string) args {
	a := args{named: map[string]string{}}
	for _, f := range strings.Fields(line) {
		if k, v, ok := strings.Cut(f, "="); ok {
			a.named[k] = v
		} else {
			a.words = append(a.words, f)
		}
	}
	return a
}

func (a args) has(k string) bool { _, ok := a.named[k]; return ok }
func (a args) on(k string) bool  { return a.named[k] == "on" }

func (w *world) units(a ledger.AssetName, text string) int64 {
	v, err := money.Parse(text, a.Currency)
	if err != nil {
		w.t.Fatal(err)
	}
	return v.Units()
}

func (w *world) parts(text string) int64 {
	d, err := money.ParseDecimal(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Shift(9).IntPart()
}

// run runs one command and returns what came out, a line an item, with what became of earlier payments.
func (w *world) run(line string) []string {
	out := w.command(line)
	if w.told == w.state.Height() {
		return out
	}
	w.told = w.state.Height()
	for _, r := range w.block.Results {
		if r.Kind == ledger.KindLater {
			told := w.tell(r)
			told[0] = "payment " + w.names[r.Later.ID] + " " + told[0]
			out = append(out, told...)
		}
	}
	return out
}

func (w *world) command(line string) []string {
	a := parseArgs(line)
	switch a.words[0] {
	case "router": // before anything else; the naive one is there when none is named
		w.router = fxRouter
		w.state.Attach(w.router(w.state))
		return nil
	case "admit":
		by := "operator"
		if a.has("by") {
			by = a.named["by"]
		}
		bic := ledger.MustBIC(a.words[1])
		return w.tell(w.do(by, &ledger.Admit{BIC: bic, Name: a.words[1], Country: [2]byte([]byte(bic.Country())), Key: public(keyOf(a.words[1]))}))
	case "terms":
		i := &ledger.SetTerms{
			SetTransferFee: a.has("fee"), SetRequireAuthorization: a.has("auth"), SetFrozen: a.has("frozen"), SetRippleDefault: a.has("ripple"),
			RequireAuthorization: a.on("auth"), Frozen: a.on("frozen"), RippleDefault: a.on("ripple"),
		}
		if a.has("fee") {
			i.TransferFee = w.parts(a.named["fee"])
		}
		return w.tell(w.do(a.words[1], i))
	case "cap":
		as := asset(a.words[2])
		return w.tell(w.do("operator", &ledger.SetCap{Participant: ledger.MustBIC(a.words[1]), Currency: as.Currency, Cap: w.units(as, a.words[3])}))
	case "line":
		as := asset(a.words[2])
		i := &ledger.SetLine{Asset: as, Limit: w.units(as, a.named["limit"]), Ripple: a.on("ripple"), QualityIn: ledger.Unit, QualityOut: ledger.Unit}
		if a.has("in") {
			i.QualityIn = w.parts(a.named["in"])
		}
		if a.has("out") {
			i.QualityOut = w.parts(a.named["out"])
		}
		return w.tell(w.do(a.words[1], i))
	case "control":
		return w.tell(w.do(a.words[1], &ledger.ControlLine{
			Holder: ledger.MustBIC(a.words[2]), Currency: money.MustCurrency(a.words[3]),
			SetFrozen: a.has("frozen"), Frozen: a.on("frozen"), SetAuthorized: a.has("authorized"), Authorized: a.on("authorized"),
		}))
	case "offer":
		give, want := asset(a.named["give"]), asset(a.named["want"])
		i := &ledger.PlaceOffer{ID: idOf(a.words[2]), Give: give, Want: want, Amount: w.units(give, a.named["amount"]), Price: w.price(give, want, a.named["price"])}
		if a.has("expires") {
			i.Expires = w.now + w.ms(a.named["expires"])
		}
		i.Force = forces[a.named["force"]]
		return w.tell(w.do(a.words[1], i))
	case "inventory":
		return w.tell(w.do(a.words[1], w.inventory(a)))
	case "stocks":
		return w.stocks()
	case "ladder":
		return w.tell(w.do(a.words[1], w.ladder(a)))
	case "book":
		return w.book(asset(a.named["give"]), asset(a.named["want"]))
	case "cancel":
		return w.tell(w.do(a.words[1], &ledger.CancelOffer{ID: idOf(a.words[2])}))
	case "pay":
		return w.tell(w.do(a.words[1], w.payment(a)))
	case "unqueue":
		return w.tell(w.do(a.words[1], &ledger.CancelPayment{ID: idOf(a.words[2])}))
	case "reorder":
		i := &ledger.ReorderPayment{ID: idOf(a.words[2]), Priority: priorityOf(a)}
		if a.has("before") {
			i.Before = idOf(a.named["before"])
		}
		return w.tell(w.do(a.words[1], i))
	case "queue":
		var out []string
		for _, at := range w.state.Queue() {
			p := &w.state.Pendings()[at]
			text := fmt.Sprintf("%s of %s", w.names[p.ID], w.state.Participants()[p.By].BIC)
			if p.Priority == ledger.Urgent {
				text += ", urgent"
			}
			out = append(out, text)
		}
		return append(out, "next block "+w.deadline())
	case "wait":
		w.now += w.ms(a.words[1])
		w.apply()
		var out []string
		for _, c := range w.block.Changes.Offers {
			out = append(out, fmt.Sprintf("offer of %s: %s", c.Maker, c.End))
		}
		return out
	case "balances":
		return w.balances()
	}
	w.t.Fatalf("unknown command %q", line)
	return nil
}

func priorityOf(a args) ledger.Priority {
	if a.named["priority"] == "urgent" {
		return ledger.Urgent
	}
	return ledger.Normal
}

func (w *world) deadline() string {
	switch due := w.state.NextDeadline(); due {
	case 0:
		return "never by itself"
	case w.now:
		return "now"
	default:
		return "in " + time.Duration((due-w.now)*1e6).String()
	}
}

// price reads a price, or minor units wanted and given.
func (w *world) price(give, want ledger.AssetName, text string) (r money.Ratio) {
	n, d, stated := strings.Cut(text, "/")
	var err error
	if stated {
		r, err = ledger.NewPrice(w.count64(n), w.count64(d))
	} else {
		var p money.Price
		if p, err = money.ParsePrice(text); err == nil {
			r, err = p.Ratio(give.Currency, want.Currency)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) count64(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) ms(text string) int64 {
	d, err := time.ParseDuration(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return d.Milliseconds()
}

func (w *world) payment(a args) *ledger.Pay {
	w.count++
	name := strconv.Itoa(w.count)
	if a.has("id") {
		name = a.named["id"]
	}
	i := &ledger.Pay{ID: idOf(name), To: ledger.MustBIC(a.words[2]), Mode: ledger.ExactDeliver, UETRKind: ledger.UETRPayment, UETR: idOf("uetr" + name)}
	if a.has("uetr") {
		i.UETR = idOf(a.named["uetr"])
	}
	if a.named["uetr"] == "none" {
		i.UETR = ledger.ID{}
	}
	if a.has("kind") {
		i.UETRKind = map[string]ledger.UETRKind{
			"payment": ledger.UETRPayment, "cover": ledger.UETRCover, "return": ledger.UETRReturn, "advice": ledger.UETRAdvice,
		}[a.named["kind"]]
	}
	if a.has("message") {
		i.MessageID = idOf(a.named["message"])
	}
	if w.names == nil {
		w.names = map[ledger.ID]string{}
	}
	w.names[i.ID] = name
	i.Priority = priorityOf(a)
	if a.on("queue") {
		i.OnShortfall = ledger.QueueOnShortfall
	}
	if a.has("pvp") {
		i.PvPWith = idOf(a.named["pvp"])
	}
	i.Deliver, i.Send = asset(a.named["deliver"]), asset(a.named["send"])
	switch a.named["mode"] {
	case "send":
		i.Mode, i.Amount, i.Bound = ledger.ExactSend, w.units(i.Send, a.named["amount"]), w.units(i.Deliver, a.named["min"])
	case "covered":
		i.Mode, i.Amount = ledger.Covered, w.units(i.Deliver, a.named["amount"])
		if a.has("max") {
			i.Bound = w.units(i.Send, a.named["max"])
		}
	default:
		i.Amount, i.Bound = w.units(i.Deliver, a.named["amount"]), w.units(i.Send, a.named["max"])
	}
	if a.has("partial") { // at least so much
		i.Partial, i.Least = true, w.units(i.Deliver, a.named["partial"])
	}
	if a.has("not_after") {
		i.NotAfter = w.now + w.ms(a.named["not_after"])
	}
	return i
}

func (w *world) tell(r ledger.Result) []string {
	out := []string{r.Outcome.String()}
	if pay, ok := r.Instruction.(*ledger.Pay); ok && r.Outcome == ledger.Applied {
		out[0] += fmt.Sprintf(": %s for %s", money.New(r.Delivered, pay.Deliver.Currency), money.New(r.Source, pay.Send.Currency))
	}
	if o, ok := r.Instruction.(*ledger.PlaceOffer); ok && r.Delivered > 0 {
		out[0] += fmt.Sprintf(": took %s for %s at once", money.New(r.Delivered, o.Want.Currency), money.New(r.Source, o.Give.Currency))
	}
	for _, p := range r.Postings {
		out = append(out, fmt.Sprintf("  %-10s %-8s %-12s %12s -> %s", p.Reason, p.Holder, p.Asset, money.New(p.Delta, p.Asset.Currency).Value(), money.New(p.Balance, p.Asset.Currency).Value()))
	}
	return out
}

func (w *world) balances() (out []string) {
	for i, p := range w.state.Positions() {
		if p.Balance != 0 {
			name := w.state.AssetName(p.Asset)
			out = append(out, fmt.Sprintf("%-8s %-12s %12s", w.state.Participants()[p.Holder].BIC, name, money.New(p.Balance, name.Currency).Value()))
		}
		_ = i
	}
	return out
}
