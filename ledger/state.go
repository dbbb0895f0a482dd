package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/bits"

	"viaduct/internal/money"
)

// What a journal message can be, other than good. Each leaves the state as it was.
var (
	ErrStaleEpoch  = errors.New("message of an earlier epoch")
	ErrWrongHeight = errors.New("message of another height")
	ErrWrongPrev   = errors.New("message follows another message")
	ErrTimeBack    = errors.New("message time before the ledger's")
	// ErrBroken means that the books would no longer balance. The state is not to be used again.
	ErrBroken = errors.New("ledger invariant broken")
)

// State is the ledger at one height.
type State struct {
	network    Hash
	auth       authority
	currencies map[money.Currency]bool

	height     uint64
	epoch      uint64
	time       int64
	header     Header // of the last block
	lastHeader Hash
	lastMsg    Hash
	offerSeq   uint64

	participants []Participant
	assets       []Asset
	positions    []Position
	purses       []Purse
	offers       []Offer
	stocks       []Stock
	nextFree     []OfferIdx // per slot: the next free one
	freeOffer    OfferIdx   // head of the free slots

	byBIC     map[BIC]PartID
	byHolding map[uint64]PosID
	byPurse   map[uint64]PurseID
	byOffer   map[ID]OfferIdx
	books     map[uint64][]OfferIdx
	expiry    expiryHeap
	stale     int        // how many of its offers have left
	crossed   []OfferIdx // offers marked Crossed, oldest first

	holds      []Hold
	nextHold   []HoldIdx // per slot: the next free one
	freeHold   HoldIdx   // head of the free slots
	holdSeq    uint64
	byHold     map[ID]HoldIdx
	holdExpiry expiryHeap // of every open hold, and of some that ended
	narrowed   narrowed
	heldOut    []OfferIdx // scratch
	let        []OfferIdx // scratch
	stirred    []PartID   // whose offers are to be shown anew
	shownOrder []OfferIdx // scratch

	queue   pendings
	reach   reach
	offsets offsets
	closed  []bool // per purse: scratch
	// searches counts the block's for what waits; together says that a set is being posted.
	searches int
	together bool

	seen  seen
	rates Rates
	trees [tableCount]tree

	router  Router
	block   *Block
	request Request // of the payment under way
	plan    Plan
	check   planCheck
	touched touched
	page    []byte
	pays    []Pay // decode room, one per instruction of a message
	undo    undo

	under     under
	endings   []ending
	laterBody []byte
}

// New returns the state at height 0 and the genesis block.
func New(g *Genesis, b *Block) (*State, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	s := blank(g)
	s.lastMsg = s.network
	b.reset()
	s.closeBlock(b, s.network, Hash{})
	return s, nil
}

// blank returns a state of the network without a block.
func blank(g *Genesis) *State {
	s := &State{
		network:    g.Network(),
		auth:       newAuthority(g),
		currencies: make(map[money.Currency]bool, len(g.Currencies)),
		time:       g.Time,
		freeOffer:  None,
		freeHold:   None,
		byHold:     make(map[ID]HoldIdx),
		narrowed:   newNarrowed(),
		byBIC:      make(map[BIC]PartID),
		byHolding:  make(map[uint64]PosID),
		byPurse:    make(map[uint64]PurseID),
		byOffer:    make(map[ID]OfferIdx),
		books:      make(map[uint64][]OfferIdx),
		seen:       newSeen(),
		queue:      newPendings(),
	}
	for _, c := range g.Currencies {
		s.currencies[c] = true
	}
	return s
}

// Attach hands the state the router that finds its payments' flows. It is called once, before the
// first message.
func (s *State) Attach(r Router) { s.router = r }

// Network returns the genesis hash.
func (s *State) Network() Hash { return s.network }

// LastMessage returns the hash that the next message must name.
func (s *State) LastMessage() Hash { return s.lastMsg }

// Header returns the last block's header.
func (s *State) Header() Header { return s.header }

// LastHeader returns the hash of the last block's header.
func (s *State) LastHeader() Hash { return s.lastHeader }

// Epoch returns the epoch of the last message applied.
func (s *State) Epoch() uint64 { return s.epoch }

// NextDeadline returns the ledger time at which something falls due by itself, 0 for nothing: the
// sequencer publishes an empty message then. It is the ledger's own time while the queue has work left.
func (s *State) NextDeadline() int64 {
	due := int64(0)
	for _, at := range [...]int64{s.queueDeadline(), s.offerDeadline(), s.holdDeadline()} {
		if due == 0 || at != 0 && at < due {
			due = at
		}
	}
	return due
}

func (s *State) offerDeadline() int64 {
	for len(s.expiry) > 0 {
		e := s.expiry[0]
		if s.stands(e) {
			return e.at
		}
		s.expiry.pop()
		s.stale--
	}
	return 0
}

// Apply applies a message and fills b. An error other than ErrBroken means the message is a no-op:
// nothing changed, and b is empty.
func (s *State) Apply(m *Message, b *Block) error {
	b.reset()
	switch {
	case m.Epoch < s.epoch:
		return fmt.Errorf("%w: %d, have %d", ErrStaleEpoch, m.Epoch, s.epoch)
	case m.Height != s.height+1:
		return fmt.Errorf("%w: %d, want %d", ErrWrongHeight, m.Height, s.height+1)
	case m.Prev != s.lastMsg:
		return fmt.Errorf("%w: height %d", ErrWrongPrev, m.Height)
	case m.Time < s.time:
		return fmt.Errorf("%w: %d, have %d", ErrTimeBack, m.Time, s.time)
	}
	s.block = b
	s.touched.begin()
	prev := s.lastHeader
	s.height, s.epoch, s.time, s.lastMsg = m.Height, m.Epoch, m.Time, m.hash
	s.auth.advance(m.Height)
	s.seen.begin(m.Time)
	s.lapse()
	s.lapseQueue()
	if err := s.lapseHolds(); err != nil {
		return fmt.Errorf("height %d: %w", m.Height, err)
	}
	s.settleShown()
	s.pays = s.pays[:0]
	for i := range m.Submissions {
		if err := s.submit(i, &m.Submissions[i]); err != nil {
			return fmt.Errorf("height %d, submission %d: %w", m.Height, i, err)
		}
	}
	s.tellEndings()
	s.recheckCrossed()
	if err := s.workQueue(); err != nil {
		return fmt.Errorf("height %d, queue: %w", m.Height, err)
	}
	s.closeBlock(b, m.hash, prev)
	return nil
}

func (s *State) closeBlock(b *Block, message, prev Hash) {
	s.touched.collect(s, b)
	b.Header = Header{
		Network: s.network, Height: s.height, Epoch: s.epoch, Prev: prev, Message: message, Time: s.time,
		Rules: RulesVersion, State: s.Hash(), Validators: s.auth.hash, Results: uint32(len(b.Results)),
	}
	header := b.Header.Encode()
	s.header, s.lastHeader = b.Header, sha256.Sum256(header)
	b.addLeaf(append(append(b.leafBytes, 0), header...))
	b.seal()
}

// submit decides one submission: first whether it may speak at all, then each of its instructions.
func (s *State) submit(index int, sub *Submission) error {
	verdict, fresh := s.admitSubmission(sub)
	first := len(s.block.Results)
	if sub.Whole {
		s.undo.begin(s)
	}
	refused := false // one of a submission of all or none
	for e := range sub.Entries {
		r := s.nextResult()
		r.Kind, r.Participant, r.Submission, r.Entry = sub.Entries[e].Kind, sub.Participant, index, e
		s.decode(r, &sub.Entries[e])
		s.under = under{sub, e, first + e}
		switch {
		case verdict != Applied:
			r.Outcome = verdict
		case refused:
			r.Outcome = BatchRefused
		case r.Instruction == nil:
			r.Outcome = BadInstruction
		default:
			var err error
			if r.Outcome, err = s.execute(sub.Participant, r); err != nil {
				return err
			}
			s.settleShown()
		}
		refused = refused || sub.Whole && r.Outcome != Applied
	}
	if sub.Whole {
		if err := s.undo.end(s, refused, first); err != nil {
			return err
		}
		s.settleShown() // what it released is shown again
	}
	for e := range sub.Entries {
		s.writeLeaf(first+e, sub.Salt, sub.Entries[e].Body)
	}
	if fresh {
		s.seen.addKey(s.signer(sub), sub.Key, sub.Fingerprint)
	}
	return nil
}

// admitSubmission runs the checks that all instructions of a submission share, in the order of the
// outcomes' numbers; fresh says that its key is to be remembered.
func (s *State) admitSubmission(sub *Submission) (verdict Outcome, fresh bool) {
	if !sub.Verify() {
		return BadSignature, false
	}
	if sub.Network != s.network {
		return WrongNetwork, false
	}
	if sub.Participant == (BIC{}) {
		if sub.Signer != s.auth.operator {
			return UnknownKey, false
		}
	} else {
		id := s.FindParticipant(sub.Participant)
		if id == None {
			return UnknownParticipant, false
		}
		if !s.participants[id].hasKey(sub.Signer) {
			return UnknownKey, false
		}
	}
	if print, ok := s.seen.key(s.signer(sub), sub.Key); ok {
		if print == sub.Fingerprint {
			return Repeated, false
		}
		return KeyReused, false
	}
	return Applied, true
}

// signer returns whom a submission speaks for: None for the operator.
func (s *State) signer(sub *Submission) PartID {
	if sub.Participant == (BIC{}) {
		return None
	}
	return s.FindParticipant(sub.Participant)
}

func (s *State) nextResult() *Result {
	b := s.block
	if len(b.Results) < cap(b.Results) {
		b.Results = b.Results[:len(b.Results)+1]
	} else {
		b.Results = append(b.Results, Result{})
	}
	r := &b.Results[len(b.Results)-1]
	*r = Result{Moves: r.Moves[:0], Postings: r.Postings[:0]}
	return r
}

// decode reads the instruction; payments, the hot path, into room that is used again.
func (s *State) decode(r *Result, e *Entry) {
	if e.Kind != KindPay {
		if i, ok := DecodeInstruction(e.Kind, e.Body); ok {
			r.Instruction = i
		}
		return
	}
	if len(s.pays) == cap(s.pays) {
		// Results before this one keep pointing into the old room, which stays as it is.
		s.pays = make([]Pay, 0, max(64, 2*cap(s.pays)))
	}
	s.pays = s.pays[:len(s.pays)+1]
	pay := &s.pays[len(s.pays)-1]
	body := reader{b: e.Body}
	pay.decode(&body)
	if body.done() {
		r.Instruction = pay
	}
}

// execute checks and posts one instruction; nothing changes unless the outcome is Applied.
func (s *State) execute(by BIC, r *Result) (Outcome, error) {
	switch i := r.Instruction.(type) {
	case *Admit:
		return s.admit(by, i), nil
	case *SetTerms:
		return s.setTerms(by, i), nil
	case *SetCap:
		return s.setCap(by, i), nil
	case *SetKey:
		return s.setKey(by, i), nil
	case *SetLine:
		return s.setLine(by, i), nil
	case *ControlLine:
		return s.controlLine(by, i), nil
	case *PlaceOffer:
		return s.placeOffer(by, i, r)
	case *CancelOffer:
		return s.cancelOffer(by, i), nil
	case *ReplaceOffers:
		return s.replaceOffers(by, i, r)
	case *SetInventory:
		return s.setInventory(by, i), nil
	case *SetRates:
		return s.setRates(by, i), nil
	case *Pay:
		return s.pay(by, i, r)
	case *CancelPayment:
		return s.cancelPayment(by, i), nil
	case *ReorderPayment:
		return s.reorderPayment(by, i), nil
	case *PlaceHold:
		return s.placeHold(by, i, r), nil
	case *ReleaseHold:
		return s.releaseHold(by, i)
	case *SetHoldTerms:
		return s.setHoldTerms(by, i), nil
	case *SetValidators:
		return s.setValidators(by, i), nil
	case *SetOperator:
		return s.setOperator(by, i), nil
	}
	return BadInstruction, nil
}

func (s *State) writeLeaf(index int, salt Hash, body []byte) {
	b := s.block
	r := &b.Results[index]
	w := writer{b: append(b.leafBytes, 0)}
	leaf := Leaf{
		Network: s.network, Height: s.height, Index: uint32(index), Time: s.time,
		Salt: salt, Participant: r.Participant, Kind: r.Kind, Body: body,
		Outcome: r.Outcome, Source: r.Source, Delivered: r.Delivered, Moves: r.Moves,
	}
	leaf.encode(&w)
	b.addLeaf(w.b)
}

func cmpProduct(a, b, c, d int64) int {
	hi1, lo1 := bits.Mul64(uint64(a), uint64(b))
	hi2, lo2 := bits.Mul64(uint64(c), uint64(d))
	switch {
	case hi1 < hi2 || hi1 == hi2 && lo1 < lo2:
		return -1
	case hi1 == hi2 && lo1 == lo2:
		return 0
	}
	return 1
}
