package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
)

// MaxSwitchDelay is how many blocks ahead a change of the validators may be announced, at most: another
// one can't be announced before it has taken effect.
const MaxSwitchDelay = 10_000

// SetValidators announces the validators that sign from the block After blocks behind its own on. The
// operator submits it, and it counts only with the signatures of a quorum of the validators of its block:
// whoever trusts a quorum for what is in a block may trust it for who signs the next one, and nobody
// else. See docs/adr/0005-validators-change-themselves.md.
type SetValidators struct {
	Number uint64      // of the change, 1 for a network's first
	After  uint32      // 1 to MaxSwitchDelay
	Set    []Validator // by name
	// Approvals are signatures of ValidatorsChange by validators of the present set, in its order.
	Approvals []Approval
	// Consents are signatures of ValidatorsChange by the keys in Set that are not in the present set under
	// the same name, one for each, in the order of Set: a key that nobody holds would never sign a block.
	Consents [][ed25519.SignatureSize]byte
}

// Approval is the signature of one of the present validators.
type Approval struct {
	By        uint8 // index in the present set
	Signature [ed25519.SignatureSize]byte
}

// SetOperator hands the network to another operator's key, from the next submission on. The present key
// signs the submission, and Proof is the new one's signature of OperatorChange.
type SetOperator struct {
	Number uint64 // of the change, 1 for a network's first
	Key    [32]byte
	Proof  [ed25519.SignatureSize]byte
}

// Kind methods name the instructions.
func (*SetValidators) Kind() Kind { return KindSetValidators }
func (*SetOperator) Kind() Kind   { return KindSetOperator }

func (i *SetValidators) encode(w *writer) {
	w.u64(i.Number)
	w.u32(i.After)
	w.raw(encodeValidators(i.Set))
	w.u8(uint8(len(i.Approvals)))
	for k := range i.Approvals {
		w.u8(i.Approvals[k].By)
		w.raw(i.Approvals[k].Signature[:])
	}
	w.u8(uint8(len(i.Consents)))
	for k := range i.Consents {
		w.raw(i.Consents[k][:])
	}
}

func (i *SetValidators) decode(r *reader) {
	i.Number, i.After = r.u64(), r.u32()
	i.Set = readValidators(r)
	for range r.u8() {
		a := Approval{By: r.u8()}
		r.fill(a.Signature[:])
		if r.bad {
			return
		}
		i.Approvals = append(i.Approvals, a)
	}
	for range r.u8() {
		var c [ed25519.SignatureSize]byte
		if r.fill(c[:]); r.bad {
			return
		}
		i.Consents = append(i.Consents, c)
	}
}

func (i *SetOperator) encode(w *writer) {
	w.u64(i.Number)
	w.raw(i.Key[:])
	w.raw(i.Proof[:])
}

func (i *SetOperator) decode(r *reader) {
	i.Number = r.u64()
	r.fill(i.Key[:])
	r.fill(i.Proof[:])
}

func readValidators(r *reader) (set []Validator) {
	for range r.u16() {
		v := Validator{Name: r.text()}
		if r.fill(v.Key[:]); r.bad {
			break
		}
		set = append(set, v)
	}
	return set
}

// ValidatorsHash returns what a header says of the validators that sign it: the SHA-256 of the set's
// canonical bytes.
func ValidatorsHash(set []Validator) Hash { return sha256.Sum256(encodeValidators(set)) }

// ValidatorsChange returns what a validator signs to approve a change, or to take part in it: the number
// of the change, the delay, the set it leaves and the set it makes.
func ValidatorsChange(network Hash, number uint64, after uint32, from, to []Validator) []byte {
	w := writer{b: []byte("viaduct/validators/v1\x00")}
	w.raw(network[:])
	w.u64(number)
	w.u32(after)
	w.raw(encodeValidators(from))
	w.raw(encodeValidators(to))
	return w.b
}

// OperatorChange returns what an operator's new key signs to show that it is held: the number of the
// change, the key it follows and itself.
func OperatorChange(network Hash, number uint64, from, to [32]byte) []byte {
	w := writer{b: []byte("viaduct/operator/v1\x00")}
	w.raw(network[:])
	w.u64(number)
	w.raw(from[:])
	w.raw(to[:])
	return w.b
}

// Quorum returns how many of n validators make a block final: 2f+1 of 3f+1, and the least number that
// keeps two quorums overlapping in an honest validator for the sizes between.
func Quorum(n int) int { return 2*n/3 + 1 }

// Span is from which height on a set of validators signs the blocks, up to where the next one does.
type Span struct {
	From      uint64
	Announced uint64 // the height of the block that holds the change; 0 for the genesis
	Set       []Validator
}

func (p *Span) append(w *writer) {
	w.u64(p.From)
	w.u64(p.Announced)
	w.raw(encodeValidators(p.Set))
}

func (p *Span) read(r *reader) {
	p.From, p.Announced = r.u64(), r.u64()
	p.Set = readValidators(r)
}

// authority is who may speak for the network, and who signed, signs and will sign its blocks.
type authority struct {
	operator        [32]byte
	operatorChanges uint64

	spans     []Span // since the genesis, in order; only the last may lie ahead
	spansHash Hash   // over all of them, so that a block hashes only what it adds
	current   int    // whose set signs the block of the state's height
	hash      Hash   // of that set
}

func newAuthority(g *Genesis) authority {
	a := authority{operator: g.Operator}
	a.add(Span{Set: slices.SortedFunc(slices.Values(g.Validators), byName)})
	a.hash = ValidatorsHash(a.spans[0].Set)
	return a
}

func byName(v, u Validator) int { return strings.Compare(v.Name, u.Name) }

func (a *authority) add(p Span) {
	w := writer{b: append([]byte(nil), a.spansHash[:]...)}
	p.append(&w)
	a.spans, a.spansHash = append(a.spans, p), sha256.Sum256(w.b)
}

// advance lets a change that was announced for the height take effect.
func (a *authority) advance(height uint64) {
	if next := a.current + 1; next < len(a.spans) && height >= a.spans[next].From {
		a.current, a.hash = next, ValidatorsHash(a.spans[next].Set)
	}
}

func (a *authority) changes() uint64 { return uint64(len(a.spans) - 1) }

func (a *authority) append(w *writer) {
	w.raw(a.operator[:])
	w.u64(a.operatorChanges)
	w.u32(uint32(len(a.spans)))
	w.raw(a.spansHash[:])
}

// check holds the spans of a state that was read to what follows them: that they belong together.
func (a *authority) check(height uint64) error {
	for i := range a.spans {
		p := &a.spans[i]
		late := i > 0 && (p.Announced < a.spans[i-1].From || p.Announced >= p.From || p.Announced > height) || i == 0 && p.From+p.Announced > 0
		if late || checkValidators(p.Set) != nil || i+1 < len(a.spans) && p.From > height {
			return fmt.Errorf("%w: validators %d of %d contradict others", ErrSnapshot, i, len(a.spans))
		}
	}
	return nil
}

// checkValidators says what is wrong with a set of validators.
func checkValidators(set []Validator) error {
	if len(set) == 0 || len(set) > MaxValidators {
		return fmt.Errorf("%d validators, want 1 to %d", len(set), MaxValidators)
	}
	for i, v := range set {
		same := func(u Validator) bool { return u.Name == v.Name || u.Key == v.Key }
		if !GoodKey(v.Key) {
			return fmt.Errorf("validator %q: not a safe Ed25519 key", v.Name)
		}
		if !plainName(v.Name, 100) || slices.ContainsFunc(set[:i], same) {
			return fmt.Errorf("validator %q: want a name of 1 to 100 of a-z, 0-9, '-', '.', and each name and key once", v.Name)
		}
	}
	return nil
}

// Spans returns who signed which blocks since the genesis, who signs now, and who will, in order. The
// slice is never written to but behind its end.
func (s *State) Spans() []Span { return s.auth.spans }

// Validators returns who sign the block of the state's height, by name.
func (s *State) Validators() []Validator { return s.auth.spans[s.auth.current].Set }

// Coming returns who sign from a later height on, and from which; nil when no change is under way.
func (s *State) Coming() (set []Validator, from uint64) {
	if next := s.auth.current + 1; next < len(s.auth.spans) {
		return s.auth.spans[next].Set, s.auth.spans[next].From
	}
	return nil, 0
}

// Operator returns the operator's key, and how often it has changed.
func (s *State) Operator() (key [32]byte, changes uint64) {
	return s.auth.operator, s.auth.operatorChanges
}

func (s *State) setValidators(by BIC, i *SetValidators) Outcome {
	a := &s.auth
	present := s.Validators()
	switch {
	case by != BIC{}:
		return NotAllowed
	case a.current+1 < len(a.spans):
		return ChangePending
	case i.Number != a.changes()+1:
		return StaleChange
	case checkValidators(i.Set) != nil || !slices.IsSortedFunc(i.Set, byName) || slices.Equal(i.Set, present),
		i.After < 1 || i.After > MaxSwitchDelay:
		return BadValidators
	}
	signed := ValidatorsChange(s.network, i.Number, i.After, present, i.Set)
	if !approved(signed, present, i.Approvals) {
		return NotApproved
	}
	if !consented(signed, present, i) {
		return KeyNotProven
	}
	a.add(Span{From: s.height + uint64(i.After), Announced: s.height, Set: i.Set})
	return Applied
}

// approved says whether the approvals are a quorum's of the set, each valid.
func approved(signed []byte, set []Validator, approvals []Approval) bool {
	for k, one := range approvals {
		if int(one.By) >= len(set) || k > 0 && approvals[k-1].By >= one.By || !ed25519.Verify(set[one.By].Key[:], signed, one.Signature[:]) {
			return false
		}
	}
	return len(approvals) >= Quorum(len(set))
}

// consented says whether each new key has signed, and nobody else.
func consented(signed []byte, present []Validator, i *SetValidators) bool {
	left := i.Consents
	for _, v := range i.Set {
		if slices.Contains(present, v) {
			continue
		}
		if len(left) == 0 || !ed25519.Verify(v.Key[:], signed, left[0][:]) {
			return false
		}
		left = left[1:]
	}
	return len(left) == 0
}

func (s *State) setOperator(by BIC, i *SetOperator) Outcome {
	a := &s.auth
	switch {
	case by != BIC{}:
		return NotAllowed
	case i.Number != a.operatorChanges+1:
		return StaleChange
	case !GoodKey(i.Key) || i.Key == a.operator:
		return BadParticipant
	case !ed25519.Verify(i.Key[:], OperatorChange(s.network, i.Number, a.operator, i.Key), i.Proof[:]):
		return KeyNotProven
	}
	a.operator, a.operatorChanges = i.Key, i.Number
	return Applied
}
