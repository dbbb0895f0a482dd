package settlement

import (
	"errors"
	"fmt"

	"viaduct/ledger"
	"viaduct/ledger/proof"
)

// policies are whom checkpoints are checked against, from which height on. They are never written to: a
// change makes new ones.
type policies []policySpan

type policySpan struct {
	from   uint64
	policy proof.Policy
}

// policiesOf returns the policies of a state's spans.
func policiesOf(origin string, spans []ledger.Span) (policies, error) {
	all := make(policies, len(spans))
	for i, s := range spans {
		p, err := policyOf(origin, s.Set)
		if err != nil {
			return nil, err
		}
		all[i] = policySpan{s.From, p}
	}
	return all, nil
}

// policyOf returns whom a set's checkpoints are checked against.
func policyOf(origin string, set []ledger.Validator) (proof.Policy, error) {
	all := make([]proof.Validator, len(set))
	for i, v := range set {
		var err error
		if all[i], err = proof.NewValidator(v.Name, v.Key[:]); err != nil {
			return proof.Policy{}, err
		}
	}
	return proof.NewPolicy(origin, all, ledger.Quorum(len(set)))
}

// at returns the span of a height.
func (p policies) at(height uint64) policySpan {
	for i := len(p) - 1; i > 0; i-- {
		if height >= p[i].from {
			return p[i]
		}
	}
	return p[0]
}

// policy returns whom the checkpoint of a height is checked against. For every height up to the one after
// the last block applied it is certain; a block in between can still announce others for later ones.
func (n *Node) policy(height uint64) proof.Policy { return n.spanAt(height).policy }

func (n *Node) spanAt(height uint64) policySpan { return (*n.policies.Load()).at(height) }

// learnValidators takes over what the last block announced, if it did.
func (n *Node) learnValidators() error {
	spans := n.state.Spans()
	if known := n.policies.Load(); known != nil && len(*known) == len(spans) {
		return nil
	}
	all, err := policiesOf(n.cfg.Genesis.Origin(), spans)
	if err == nil {
		n.policies.Store(&all)
	}
	return err
}

// learnFromLog takes over what the blocks in the block log up to a height announced.
func (n *Node) learnFromLog(last uint64) error {
	all, err := policiesOf(n.cfg.Genesis.Origin(), []ledger.Span{{Set: n.cfg.Genesis.Validators}})
	if err != nil {
		return err
	}
	for height := uint64(1); height <= last; height++ {
		_, leaf, err := n.changeIn(height)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		in, _ := ledger.DecodeInstruction(leaf.Kind, leaf.Body)
		change, ok := in.(*ledger.SetValidators)
		if !ok {
			return fmt.Errorf("height %d: %w", height, errRecord)
		}
		p, err := policyOf(n.cfg.Genesis.Origin(), change.Set)
		if err != nil {
			return err
		}
		all = append(all, policySpan{height + uint64(change.After), p})
	}
	n.policies.Store(&all)
	return nil
}

// signer returns the key of this node that the validators of a height know it by; nil when it is none of
// them. A validator whose key changes has both keys, and signs each height with one.
func (n *Node) signer(height uint64) *proof.Signer {
	p := n.policy(height)
	for _, s := range []*proof.Signer{n.cfg.Signer, n.cfg.NextSigner} {
		if s != nil && p.Has(s.Validator()) {
			return s
		}
	}
	return nil
}

// changeIn returns which result of a block is the change of the validators that it announces, and its
// leaf. Errors: ErrNotFound.
func (n *Node) changeIn(height uint64) (int, *ledger.Leaf, error) {
	rec, _, err := n.record(height)
	if err != nil {
		return 0, nil, fmt.Errorf("change of the validators in height %d: %w", height, err)
	}
	for i, data := range rec.Leaves[:len(rec.Leaves)-1] {
		leaf, err := ledger.DecodeLeaf(data)
		if err != nil {
			return 0, nil, fmt.Errorf("height %d: %w", height, err)
		}
		if leaf.Kind == ledger.KindSetValidators && leaf.Outcome == ledger.Applied {
			return i, leaf, nil
		}
	}
	return 0, nil, ErrNotFound
}
