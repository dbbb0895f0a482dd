package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"

	"viaduct/ledger"
)

func validatorSet(names ...string) []ledger.Validator {
	set := make([]ledger.Validator, len(names))
	for i, name := range names {
		name, key, _ := strings.Cut(name, "=")
		set[i] = ledger.Validator{Name: name, Key: public(keyOf(name + key))}
	}
	return set
}

// council is a world whose genesis has the validators.
func council(t *testing.T, names ...string) *world {
	w := &world{t: t, genesis: testGenesis(), router: naiveRouter, now: start, keys: map[string]ed25519.PrivateKey{}}
	w.genesis.Validators = validatorSet(names...)
	w.state = w.start()
	return w
}

// change makes the set's change with everything it takes. A name with = has another key than its own.
func (w *world) change(number uint64, after uint32, names ...string) *ledger.SetValidators {
	present := w.nextValidators()
	c := &ledger.SetValidators{Number: number, After: after, Set: validatorSet(names...)}
	signed := ledger.ValidatorsChange(w.genesis.Network(), number, after, present, c.Set)
	for i, v := range present {
		if len(c.Approvals) < ledger.Quorum(len(present)) {
			c.Approvals = append(c.Approvals, ledger.Approval{By: uint8(i), Signature: w.signedBy(v, signed)})
		}
	}
	for _, v := range c.Set {
		if !slices.Contains(present, v) {
			c.Consents = append(c.Consents, w.signedBy(v, signed))
		}
	}
	return c
}

// nextValidators returns who sign the next block.
func (w *world) nextValidators() []ledger.Validator {
	if coming, from := w.state.Coming(); coming != nil && from == w.state.Height()+1 {
		return coming
	}
	return w.state.Validators()
}

// signedBy signs with the private key of a validator of validatorSet.
func (w *world) signedBy(v ledger.Validator, text []byte) [64]byte {
	for _, suffix := range []string{"", "2", "3"} {
		if key := keyOf(v.Name + suffix); public(key) == v.Key {
			return [64]byte(ed25519.Sign(key, text))
		}
	}
	w.t.Fatalf("no key of %s", v.Name)
	return [64]byte{}
}

func TestQuorum(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 6: 5, 7: 5, 10: 7, 100: 67} {
		if got := ledger.Quorum(n); got != want {
			t.Errorf("Quorum(%d) = %d, want %d", n, got, want)
		}
		if f := (n - 1) / 3; 2*ledger.Quorum(n)-n <= f {
			t.Errorf("two quorums of %d may share %d, all of whom may lie", n, 2*ledger.Quorum(n)-n)
		}
	}
}

// TestValidatorsChange: joining, leaving and another key take effect at the announced height, in whose
// header the new set is named; the block before it names the old one.
func TestValidatorsChange(t *testing.T) {
	w := council(t, "v1", "v2", "v3", "v4")
	old := w.state.Validators()
	if r := w.do("operator", w.change(1, 3, "v1", "v2=2", "v4", "v5")); r.Outcome != ledger.Applied {
		t.Fatal(r.Outcome)
	}
	announced := w.state.Height()
	coming, from := w.state.Coming()
	want := validatorSet("v1", "v2=2", "v4", "v5")
	if !slices.Equal(coming, want) || from != announced+3 {
		t.Fatalf("coming at %d: %v", from, coming)
	}
	for height := announced; height < announced+6; height++ {
		signers := old
		if height >= from {
			signers = want
		}
		if w.state.Height() != height || !slices.Equal(w.state.Validators(), signers) || w.state.Header().Validators != ledger.ValidatorsHash(signers) {
			t.Errorf("block %d is signed by %v", w.state.Height(), w.state.Validators())
		}
		// What is known of the next block's signers is what its header says.
		expected := w.nextValidators()
		w.apply()
		if w.state.Header().Validators != ledger.ValidatorsHash(expected) {
			t.Errorf("block %d has other signers than were expected", height+1)
		}
	}
	if set, from := w.state.Coming(); set != nil || from != 0 || len(w.state.Spans()) != 2 {
		t.Errorf("after the change: %v from %d", set, from)
	}
	// The next one is the new set's to approve, in the block where it takes effect already.
	if r := w.do("operator", w.change(2, 1, "v1")); r.Outcome != ledger.Applied {
		t.Errorf("the new set's change: %s", r.Outcome)
	}
	w.apply()
	if len(w.state.Validators()) != 1 {
		t.Errorf("%d validators, want 1", len(w.state.Validators()))
	}
	if w.replay() != w.state.Hash() {
		t.Error("a replay has another hash")
	}
}

// TestValidatorsRefused has each way a change can be wrong, in the order of the checks; a refusal changes
// nothing.
func TestValidatorsRefused(t *testing.T) {
	many := make([]string, ledger.MaxValidators+1)
	for i := range many {
		many[i] = fmt.Sprintf("v%03d", i)
	}
	small := func(c *ledger.SetValidators) { c.Set[1].Key = [32]byte{1} }
	for _, tt := range []struct {
		name   string
		by     string
		set    []string
		number uint64
		after  uint32
		spoil  func(*ledger.SetValidators)
		want   ledger.Outcome
	}{
		{name: "good", want: ledger.Applied},
		{name: "a participant", by: "CHASUS33", want: ledger.NotAllowed},
		{name: "the number before", number: 9, want: ledger.StaleChange},
		{name: "nobody", set: []string{}, want: ledger.BadValidators},
		{name: "too many", set: many, want: ledger.BadValidators},
		{name: "as many as there may be", set: many[:ledger.MaxValidators], want: ledger.Applied},
		{name: "a name twice", set: []string{"v1", "v1=2"}, want: ledger.BadValidators},
		{name: "a key twice", spoil: func(c *ledger.SetValidators) { c.Set[1].Key = c.Set[0].Key }, want: ledger.BadValidators},
		{name: "a key of small order", spoil: small, want: ledger.BadValidators},
		{name: "a name of two words", set: []string{"v 1"}, want: ledger.BadValidators},
		{name: "out of order", set: []string{"v2", "v1"}, want: ledger.BadValidators},
		{name: "as it is", set: []string{"v1", "v2", "v3", "v4"}, want: ledger.BadValidators},
		{name: "at once", spoil: func(c *ledger.SetValidators) { c.After = 0 }, want: ledger.BadValidators},
		{name: "far off", after: ledger.MaxSwitchDelay + 1, want: ledger.BadValidators},
		{name: "as far off as may be", after: ledger.MaxSwitchDelay, want: ledger.Applied},
		{name: "two of four approve", spoil: func(c *ledger.SetValidators) { c.Approvals = c.Approvals[:2] }, want: ledger.NotApproved},
		{name: "one approves twice", spoil: func(c *ledger.SetValidators) { c.Approvals[2] = c.Approvals[1] }, want: ledger.NotApproved},
		{name: "one approves for another", spoil: func(c *ledger.SetValidators) { c.Approvals[2].By = 3 }, want: ledger.NotApproved},
		{name: "one that is not there approves", spoil: func(c *ledger.SetValidators) { c.Approvals[2].By = 4 }, want: ledger.NotApproved},
		{name: "another delay approved", spoil: func(c *ledger.SetValidators) { c.After++ }, want: ledger.NotApproved},
		{name: "another set approved", spoil: func(c *ledger.SetValidators) { c.Set = c.Set[:3] }, want: ledger.NotApproved},
		{name: "the new key is silent", spoil: func(c *ledger.SetValidators) { c.Consents = nil }, want: ledger.KeyNotProven},
		{name: "another signs for it", spoil: func(c *ledger.SetValidators) { c.Consents[0] = c.Approvals[0].Signature }, want: ledger.KeyNotProven},
		{name: "one consents too many", spoil: func(c *ledger.SetValidators) { c.Consents = append(c.Consents, c.Consents[0]) }, want: ledger.KeyNotProven},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := council(t, "v1", "v2", "v3", "v4")
			w.run("admit CHASUS33")
			if tt.by == "" {
				tt.by = "operator"
			}
			if tt.set == nil {
				tt.set = []string{"v1", "v2", "v3", "v4", "v5"}
			}
			c := w.change(max(tt.number, 1), max(tt.after, 1), tt.set...)
			if tt.spoil != nil {
				tt.spoil(c)
			}
			if r := w.do(tt.by, c); r.Outcome != tt.want {
				t.Errorf("%s, want %s", r.Outcome, tt.want)
			}
			if set, _ := w.state.Coming(); (set != nil) != (tt.want == ledger.Applied) || (len(w.state.Spans()) == 2) != (set != nil) {
				t.Errorf("coming: %v after %d changes", set, len(w.state.Spans())-1)
			}
			if leaf, err := ledger.DecodeLeaf(w.block.Leaves[0]); err != nil || leaf.Outcome != tt.want {
				t.Errorf("its leaf: %v, %v", leaf, err)
			}
		})
	}
}

// TestOneChangeAtATime: while one is under way no other can be announced, and one that was approved can't
// be played again when the network has come back to the set it was approved for.
func TestOneChangeAtATime(t *testing.T) {
	w := council(t, "v1")
	there := w.change(1, 2, "v2")
	if r := w.do("operator", there); r.Outcome != ledger.Applied {
		t.Fatal(r.Outcome)
	}
	if r := w.do("operator", w.change(2, 1, "v3")); r.Outcome != ledger.ChangePending {
		t.Errorf("a second one: %s", r.Outcome)
	}
	if r := w.do("operator", w.change(2, 1, "v1")); r.Outcome != ledger.Applied {
		t.Fatalf("back, by the new validator: %s", r.Outcome)
	}
	w.apply()
	if r := w.do("operator", there); r.Outcome != ledger.StaleChange || w.state.Validators()[0].Name != "v1" {
		t.Errorf("the old change again: %s", r.Outcome)
	}
}

// TestValidatorsInSnapshot: a state with a change under way comes back whole, and goes on to the same
// hashes.
func TestValidatorsInSnapshot(t *testing.T) {
	w := council(t, "v1", "v2", "v3", "v4")
	w.do("operator", w.change(1, 2, "v1", "v2", "v3"))
	w.do("operator", operatorChange(w, 1, "operator2"))
	s, err := ledger.RestoreSnapshot(bytes.NewReader(snapshot(t, w.state)), w.genesis)
	if err != nil {
		t.Fatal(err)
	}
	s.Attach(w.router(s))
	for range 3 {
		var m ledger.Message
		var b ledger.Block
		w.apply()
		if err := ledger.DecodeMessage(w.messages[len(w.messages)-1], &m); err != nil {
			t.Fatal(err)
		}
		if err := s.Apply(&m, &b); err != nil || b.Header != w.state.Header() {
			t.Fatalf("height %d: %v: %+v, want %+v", m.Height, err, b.Header, w.state.Header())
		}
	}
	key, changes := s.Operator()
	if len(s.Validators()) != 3 || key != public(keyOf("operator2")) || changes != 1 {
		t.Errorf("restored: %v, operator %x", s.Validators(), key)
	}
}

func operatorChange(w *world, number uint64, name string) *ledger.SetOperator {
	from, _ := w.state.Operator()
	to := public(keyOf(name))
	c := &ledger.SetOperator{Number: number, Key: to}
	copy(c.Proof[:], ed25519.Sign(keyOf(name), ledger.OperatorChange(w.genesis.Network(), number, from, to)))
	return c
}

// TestOperatorChanges: from the next submission on, in the same message already, the new key speaks for
// the operator and the old one for nobody.
func TestOperatorChanges(t *testing.T) {
	w := newWorld(t)
	w.run("admit CHASUS33")
	before := operatorChange(w, 1, "operator2")
	admit := func(bic string) ledger.Instruction {
		return &ledger.Admit{BIC: ledger.MustBIC(bic), Name: "A bank", Country: [2]byte{'D', 'E'}, Key: public(keyOf(bic))}
	}
	stolen := *before
	stolen.Proof[0]++
	small := *before
	small.Key = [32]byte{1}
	for _, tt := range []struct {
		name string
		by   string
		in   *ledger.SetOperator
		want ledger.Outcome
	}{
		{"a bank", "CHASUS33", before, ledger.NotAllowed},
		{"another number", "operator", operatorChange(w, 2, "operator2"), ledger.StaleChange},
		{"a key of small order", "operator", &small, ledger.BadParticipant},
		{"the present key", "operator", operatorChange(w, 1, "operator"), ledger.BadParticipant},
		{"a key of somebody else", "operator", &stolen, ledger.KeyNotProven},
	} {
		if r := w.do(tt.by, tt.in); r.Outcome != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, r.Outcome, tt.want)
		}
	}
	old := w.submission("operator", before)
	late := w.submission("operator", admit("DEUTDEFF"))
	w.keys["operator"] = keyOf("operator2")
	results := w.apply(old, late, w.submission("operator", admit("HSBCGB2L")))
	if results[0].Outcome != ledger.Applied || results[1].Outcome != ledger.UnknownKey || results[2].Outcome != ledger.Applied {
		t.Errorf("change %s, old key %s, new key %s", results[0].Outcome, results[1].Outcome, results[2].Outcome)
	}
	// Back to the first key, and then the first change again, whose signatures are all good.
	if r := w.do("operator", operatorChange(w, 2, "operator")); r.Outcome != ledger.Applied {
		t.Fatal(r.Outcome)
	}
	w.keys["operator"] = keyOf("operator")
	if r := w.do("operator", before); r.Outcome != ledger.StaleChange {
		t.Errorf("an old change again: %s", r.Outcome)
	}
}
