package settlement_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"viaduct/fx"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement"
	"viaduct/settlement/sqlstore"

	"github.com/anishathalye/porcupine"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"
)

// simStore is the one database that the projectors share and the clients read: what they see of it is
// what they were promised.
type simStore struct {
	r        *simRun
	mu       sync.Mutex
	blocks   []proof.Checkpoint // projected, by height
	balances map[ledger.BIC]int64
	tries    map[string]int // by projector
}

func (s *simStore) height() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint64(max(len(s.blocks), 1) - 1)
}

func (s *simStore) balance(bic string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.balances[ledger.MustBIC(bic)]
}

// simView is the database as one projector has it.
type simView struct {
	s     *simStore
	name  string
	power *simPower
}

func (v simView) Projected(context.Context) (uint64, ledger.Hash, bool, error) {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	n := len(v.s.blocks)
	return uint64(max(n, 1) - 1), ledger.Hash{}, n > 0, nil
}

const databaseLatency = 2 * time.Millisecond

var errDatabase = errors.New("the database is away")

// Project takes in a block, fails before, or takes it in and fails.
func (v simView) Project(_ context.Context, p *sqlstore.Projection) error {
	s := v.s
	if !v.power.step("before a projection") {
		return errOff
	}
	defer v.power.step("after a projection")
	s.mu.Lock()
	s.tries[v.name]++
	try := s.tries[v.name]
	s.mu.Unlock()
	time.Sleep(between(databaseLatency, s.r.seed, "database takes", v.name, try))
	calm := s.r.isCalm()
	s.mu.Lock()
	defer s.mu.Unlock()
	fate := drawn(s.r.seed, "database", v.name, try) % 20
	s.r.trace.note("project", v.name, nil, p.Height(), fate)
	if fate == 0 && !calm {
		s.r.count("database fails before it writes")
		return errDatabase
	}
	c, err := s.r.certified(p.Checkpoint)
	if err != nil {
		s.r.broken("%s projects height %d without a quorum: %v", v.name, p.Height(), err)
	}
	switch n := uint64(len(s.blocks)); {
	case p.Height() > n:
		s.r.broken("%s projects height %d behind %d blocks", v.name, p.Height(), n)
		return errDatabase
	case p.Height() < n:
		if s.blocks[p.Height()] != c {
			s.r.broken("%s projects another block at height %d: %+v, it was %+v", v.name, p.Height(), c, s.blocks[p.Height()])
		}
	default:
		s.blocks = append(s.blocks, c)
		for _, l := range p.Lines() {
			if l.Asset == usd() && !l.Own {
				s.balances[l.Holder] = l.Balance
			}
		}
	}
	if fate == 1 && !calm {
		s.r.count("database fails after it wrote")
		return errDatabase
	}
	return nil
}

type noCache struct{}

func (noCache) Set(context.Context, uint64, []sqlstore.Line) error { return nil }

var simBanks = []string{"BNMXMXMM", "HSBCGB2L", "DEUTDEFF"}

const simFunds = 40 // what each bank begins with: too little for some payments

// operation is a client's payment or look at a balance.
type operation struct {
	client       int
	id           ledger.ID // of a payment
	from, to     int
	amount       int64
	read         bool
	balance      int64 // read
	settled      bool  // by what the journal says in the end
	called, done int64 // done is 0 while it is not known
}

// simHistory is what the clients did and saw, with a clock of its own that no two events share.
type simHistory struct {
	mu    sync.Mutex
	clock int64
	all   []*operation
}

func (h *simHistory) begin(o *operation) *operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	o.called = h.clock
	h.all = append(h.all, o)
	return o
}

func (h *simHistory) end(o *operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock++
	o.done = h.clock
}

// clients prepares the market, then pays and reads until all of it is done or ctx ends.
func (r *simRun) clients(ctx context.Context) {
	client := func(name string) *settlement.Client {
		c, err := settlement.NewClient(endpoint{r.bus, name, nil})
		r.must(err)
		return c
	}
	first := client("client")
	var admits []ledger.Instruction
	for _, b := range append([]string{"CHASUS33"}, simBanks...) {
		admits = append(admits, admit(b))
	}
	r.submit(ctx, first, "admit", r.sign("operator", "admit", admits...))
	var group sync.WaitGroup
	for _, b := range simBanks {
		group.Go(func() {
			r.submit(ctx, first, "line "+b, r.sign(b, "line", &ledger.SetLine{Asset: usd(), Limit: 1_000, QualityIn: ledger.Unit, QualityOut: ledger.Unit}))
		})
	}
	group.Wait()
	var issues []ledger.Instruction
	for i, b := range simBanks {
		issues = append(issues, pay(-1-i, b, simFunds))
	}
	r.submit(ctx, first, "issue", r.sign("CHASUS33", "issue", issues...))
	for n := range simClients {
		group.Go(func() {
			c := client(fmt.Sprint("client-", n))
			for i := range (simPayments + simReads) / simClients {
				time.Sleep(between(1500*time.Millisecond, r.seed, "think", n, i))
				if ctx.Err() != nil {
					break
				}
				from, to := int(drawn(r.seed, "from", n, i)%3), int(drawn(r.seed, "to", n, i)%2)
				if to >= from {
					to++
				}
				if drawn(r.seed, "read", n, i)%(simPayments+simReads) < simReads {
					o := r.history.begin(&operation{client: n, from: from, read: true})
					o.balance = r.store.balance(simBanks[from])
					r.history.end(o)
					continue
				}
				amount := int64(drawn(r.seed, "amount", n, i)%30) + 1
				p := pay(n*1000+i, simBanks[to], amount)
				o := r.history.begin(&operation{client: n, id: p.ID, from: from, to: to, amount: amount})
				key := fmt.Sprint("pay ", n, " ", i)
				if r.submit(ctx, c, key, r.sign(simBanks[from], key, p)) {
					r.history.end(o)
				}
			}
			r.must(c.Close())
		})
	}
	group.Wait()
	r.must(first.Close())
}

// submit repeats a submission until it is final; false when ctx ended first.
func (r *simRun) submit(ctx context.Context, c *settlement.Client, key string, data []byte) bool {
	for n := 0; ctx.Err() == nil; n++ {
		once, cancel := context.WithTimeout(ctx, 2*time.Second)
		a, err := c.Submit(once, data)
		if err == nil {
			r.mu.Lock()
			r.accepted[key] = true
			r.mu.Unlock()
			err = c.WaitFinal(once, a.Height)
		}
		cancel()
		if err == nil {
			there, known := r.holds(a)
			if there {
				return true
			}
			if known && !r.tails {
				r.broken("%s was accepted for height %d, which is final without it; the journal lost nothing", key, a.Height)
			}
			r.count("what was accepted is lost with the tail and submitted again")
		}
		if errors.Is(err, settlement.ErrUnknown) {
			r.count("a payment of unknown fate is repeated")
		}
		if errors.Is(err, settlement.ErrMalformed) {
			r.broken("%s: %v", key, err)
			return false
		}
		time.Sleep(between(100*time.Millisecond, r.seed, "again", key, n))
	}
	r.mu.Lock()
	was := r.accepted[key]
	r.mu.Unlock()
	r.broken("%s is not final %v after the last fault; accepted: %v", key, simPatience, was)
	return false
}

// holds looks whether a final block is of the message that was accepted, as a gateway looks into the
// database: a journal that loses what it acknowledged before a node has read it may have another there. While
// all nodes are down it is not known; repeating the submission does no harm.
func (r *simRun) holds(a settlement.Accepted) (there, known bool) {
	for _, m := range r.members {
		m.mu.Lock()
		node := m.node
		m.mu.Unlock()
		if node == nil {
			continue
		}
		if final, ok := node.Final(); !ok || final < a.Height {
			continue
		}
		if message, err := node.MessageAt(a.Height); err == nil {
			return ledger.MessageHash(message) == a.Message, true
		}
	}
	return false, false
}

// check holds what is left against what was promised. It replays the journal on a ledger of its own:
// every honest node has just these blocks in its log, with certificates of a quorum on just this log;
// the database has the same; the sums hold; every payment that was told to be final is there, as it was
// told, once; and what the clients read can be explained by one order of payments and reads.
func (r *simRun) check(ctx context.Context) {
	headers, roots, sizes, settled, state := r.oracle(ctx)
	if state == nil {
		return
	}
	if err := state.CheckInvariants(); err != nil {
		r.broken("%v", err)
	}
	for h, c := range r.store.blocks {
		if h >= len(roots) || c.Root != roots[h] || c.Size != sizes[h] {
			r.broken("the database's block %d is not the journal's", h)
		}
	}
	for _, bank := range simBanks {
		want := balanceIn(state, bank)
		if got := r.store.balance(bank); len(r.store.blocks) == len(headers) && got != want {
			r.broken("the database says %s holds %d, the ledger %d", bank, got, want)
		}
	}
	for _, m := range r.members {
		r.checkMember(m, headers, roots, sizes)
	}
	r.checkHistory(settled)
}

// certified checks a certificate. One that was checked is good from then on: that saves half of a run.
func (r *simRun) certified(note []byte) (proof.Checkpoint, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, known := r.checked[string(note)]; known {
		return c, nil
	}
	c, _, err := proof.VerifyCheckpoint(note, r.policy)
	if err == nil {
		r.checked[string(note)] = c
	}
	return c, err
}

func balanceIn(s *ledger.State, bank string) int64 {
	id := s.FindPosition(s.FindParticipant(ledger.MustBIC(bank)), s.FindAsset(usd()))
	if id == ledger.None {
		return 0
	}
	return s.Positions()[id].Balance
}

func (r *simRun) checkMember(m *simMember, headers []ledger.Header, roots []proof.Hash, sizes []uint64) {
	if m.node == nil {
		r.broken("%s is down in the end: %v", m.name, m.last)
		return
	}
	if err := m.node.CheckInvariants(); err != nil {
		r.broken("%s: %v", m.name, err)
	}
	final, _ := m.node.Final()
	for height := uint64(0); height <= final; height++ {
		header, leaves, _, err := m.node.RecordAt(height)
		if err != nil {
			r.broken("%s, height %d: %v", m.name, height, err)
			return
		}
		if height >= uint64(len(headers)) || header != headers[height] || leaves != sizes[height] {
			r.broken("%s has another block than the journal gives at height %d", m.name, height)
			return
		}
		note, err := m.node.CertificateAt(height)
		if err != nil || note == nil {
			r.broken("%s, height %d is final without a certificate: %v", m.name, height, err)
			continue
		}
		c, err := r.certified(note)
		if err != nil || c.Root != roots[height] || c.Size != sizes[height] {
			r.broken("%s, height %d: the certificate is for %+v, %v", m.name, height, c, err)
		}
	}
}

// oracle applies the journal.
func (r *simRun) oracle(ctx context.Context) (headers []ledger.Header, roots []proof.Hash, sizes []uint64, settled map[ledger.ID]bool, s *ledger.State) {
	journal := r.stream.Client("oracle")
	tip, err := journal.Tip(ctx)
	r.must(err)
	if tip == 0 {
		r.broken("the journal is empty")
		return nil, nil, nil, nil, nil
	}
	reader, err := journal.Read(ctx, 1)
	r.must(err)
	defer reader.Close()
	var block ledger.Block
	s, err = ledger.New(r.genesis, &block)
	r.must(err)
	s.Attach(fx.New(s))
	edge := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	keep := func() {
		for _, h := range block.LeafHashes {
			r.must(edge.Append(h[:], nil))
		}
		root, err := edge.GetRootHash(nil)
		r.must(err)
		headers, roots, sizes = append(headers, block.Header), append(roots, proof.Hash(root)), append(sizes, edge.End())
	}
	keep()
	settled = map[ledger.ID]bool{}
	for {
		m, err := reader.Next(ctx)
		r.must(err)
		if m.Position == 1 {
			if !bytes.Equal(m.Data, r.genesis.Encode()) {
				r.broken("the journal begins with another genesis")
			}
			continue
		}
		var msg ledger.Message
		if ledger.DecodeMessage(m.Data, &msg) == nil && s.Apply(&msg, &block) == nil {
			keep()
			for _, res := range block.Results {
				p, ok := res.Instruction.(*ledger.Pay)
				if !ok {
					continue
				}
				if res.Outcome == ledger.Repeated {
					r.count("a submission stands in two messages")
					continue
				}
				if _, twice := settled[p.ID]; twice {
					r.broken("payment %x has two results, the second %s at height %d", p.ID[:4], res.Outcome, block.Header.Height)
				}
				settled[p.ID] = res.Outcome == ledger.Applied
			}
		}
		if m.Position == tip {
			return headers, roots, sizes, settled, s
		}
	}
}

// checkHistory asks whether there is an order of payments and reads, each between its call and its
// answer, in which each payment settles just if its sender has the money and each read is right.
func (r *simRun) checkHistory(settled map[ledger.ID]bool) {
	var ops []porcupine.Operation
	for _, o := range r.history.all {
		outcome, decided := settled[o.id]
		switch {
		case o.read:
		case o.done != 0 && !decided:
			r.broken("payment %x was told to be final and is nowhere", o.id[:4])
			continue
		case !decided:
			continue // never accepted
		}
		if o.settled = outcome; !o.read && !outcome {
			r.count("a payment is refused")
		}
		done := o.done
		if done == 0 {
			done = r.history.clock + 1
		}
		ops = append(ops, porcupine.Operation{ClientId: o.client, Input: o, Output: o, Call: o.called, Return: done})
	}
	model := porcupine.Model{
		Init: func() any { return [3]int64{simFunds, simFunds, simFunds} },
		Step: func(state, in, _ any) (bool, any) {
			b, o := state.([3]int64), in.(*operation)
			if o.read {
				return b[o.from] == o.balance, b
			}
			if able := b[o.from] >= o.amount; able != o.settled {
				return false, b
			}
			if o.settled {
				b[o.from] -= o.amount
				b[o.to] += o.amount
			}
			return true, b
		},
	}
	if !porcupine.CheckOperations(model, ops) {
		text := ""
		for _, o := range r.history.all {
			text += fmt.Sprintf("\n%+v", *o)
		}
		r.broken("no order of these explains what was seen:%s", text)
	}
}
