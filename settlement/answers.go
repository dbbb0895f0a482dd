package settlement

import (
	"encoding/json"
	"fmt"

	"viaduct/ledger"
	"viaduct/ledger/proof"

	"github.com/nats-io/nats.go"
)

func (n *Node) answerStatus(m *nats.Msg) {
	n.mu.Lock()
	hash, network := n.state.Hash(), n.state.Network()
	s := Status{
		Network: fmt.Sprintf("%x", network[:]), Origin: n.cfg.Genesis.Origin(),
		Height: n.state.Height(), Epoch: n.state.Epoch(), Time: n.state.Time(), StateHash: fmt.Sprintf("%x", hash[:]),
		TreeSize: n.tree.Size(), Quorum: n.policy.Quorum(),
	}
	n.mu.Unlock()
	s.Projected, _ = n.projected.get()
	for _, v := range n.policy.Validators() {
		s.Validators = append(s.Validators, v.String())
	}
	reply(m, s, nil)
}

func (n *Node) answerQuote(m *nats.Msg) {
	var q QuoteRequest
	if err := json.Unmarshal(m.Data, &q); err != nil {
		reply(m, nil, fmt.Errorf("%w: %w", ErrMalformed, err))
		return
	}
	a, err := n.quote(&q)
	reply(m, a, err)
}

// quote prices a request on the market as of the last block, for each currency it may be paid in.
func (n *Node) quote(q *QuoteRequest) (*QuoteAnswer, error) {
	if q.Amount < 1 || q.Amount > ledger.MaxUnits || q.ExactSend && q.Send.Currency == 0 {
		return nil, fmt.Errorf("%w: amount %d", ErrMalformed, q.Amount)
	}
	from, to := n.quoter.Participant(q.From), n.quoter.Participant(q.To)
	if from == ledger.None || to == ledger.None {
		return nil, ErrNotFound
	}
	a := &QuoteAnswer{Height: n.quoter.Height(), Options: []QuoteOption{}}
	for _, send := range n.sendable(from, q) {
		req := ledger.Request{
			From: from, To: to, Send: send.Currency, Deliver: q.Deliver.Currency, SendAsset: ledger.None, DeliverAsset: ledger.None,
			Amount: q.Amount, Bound: ledger.MaxUnits, ExactSend: q.ExactSend,
		}
		if q.ExactSend {
			req.Bound = 0
		}
		o := QuoteOption{Send: send, Outcome: ledger.Applied}
		if send.Issuer != (ledger.BIC{}) {
			if req.SendAsset = n.quoter.Asset(send); req.SendAsset == ledger.None {
				o.Outcome = ledger.NoFunds
			}
		}
		if q.Deliver.Issuer != (ledger.BIC{}) {
			if req.DeliverAsset = n.quoter.Asset(q.Deliver); req.DeliverAsset == ledger.None {
				o.Outcome = ledger.NoAcceptance
			}
		}
		if from == to && req.Send == req.Deliver {
			o.Outcome = ledger.SelfPayment
		}
		if o.Outcome == ledger.Applied {
			answer := n.quoter.Quote(&req)
			a.Height = answer.Height
			o.Outcome, o.Paths, o.Candidates = answer.Outcome, answer.Paths, answer.Candidates
			o.Source, o.Delivered = answer.Source.Units, answer.Delivered.Units
		}
		a.Options = append(a.Options, o)
	}
	return a, nil
}

// sendable returns the assets or currencies a quote is tried with: the one it names, or each in which
// the sender has a balance or issues.
func (n *Node) sendable(from ledger.PartID, q *QuoteRequest) []ledger.AssetName {
	if q.Send.Currency != 0 {
		return []ledger.AssetName{q.Send}
	}
	n.mu.RLock()
	defer n.mu.RUnlock()
	var out []ledger.AssetName
	for _, id := range n.state.Participants()[from].Purses() {
		purse := &n.state.PurseTable()[id]
		able := purse.Own != ledger.None
		for _, p := range purse.Positions() {
			able = able || n.state.Available(p) > 0
		}
		if able && (q.From != q.To || purse.Currency != q.Deliver.Currency) {
			out = append(out, ledger.AssetName{Currency: purse.Currency})
		}
	}
	return out
}

func (n *Node) answerReceipt(m *nats.Msg) {
	var r receiptRequest
	if err := json.Unmarshal(m.Data, &r); err != nil {
		reply(m, nil, fmt.Errorf("%w: %w", ErrMalformed, err))
		return
	}
	receipt, err := n.receipt(r.Height, r.Index)
	reply(m, receiptAnswer{string(receipt)}, err)
}

// receipt proves the leaf of one result in the log as it was at the end of its block, so that asking
// again gives the same bytes.
func (n *Node) receipt(height uint64, index int) ([]byte, error) {
	if final, known := n.final.get(); !known || height > final {
		return nil, ErrNotFound
	}
	data, err := n.log.Get(height)
	if err != nil {
		return nil, fmt.Errorf("receipt of height %d: %w", height, err)
	}
	rec, err := decodeRecord(data)
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= len(rec.Leaves) {
		return nil, ErrNotFound
	}
	header, err := rec.header()
	if err != nil {
		return nil, err
	}
	at := rec.TreeSize - uint64(len(rec.Leaves)) + uint64(index)
	var hashes []proof.Hash
	if hashes, err = n.tree.Inclusion(at, rec.TreeSize); err != nil {
		return nil, fmt.Errorf("prove leaf %d: %w", at, err)
	}
	signed, err := n.sign(rec.TreeSize, header.Time)
	if err != nil {
		return nil, err
	}
	return proof.BuildReceipt(rec.Leaves[index], at, hashes, signed, n.policy)
}
