package main

import (
	"errors"
	"fmt"
	"os"

	"viaduct/ledger"
	"viaduct/ledger/proof"
)

// trusted are the validators that sign from a height on.
type trusted struct {
	from   uint64
	policy proof.Policy
}

// chain is whom to trust for which height, the earliest first. It grows by the receipts of changes, each
// signed by those before it.
type chain struct {
	origin string
	spans  []trusted
	number uint64 // of the last change; 0 while it is not known
}

func newChain(origin string, set []proof.Validator) (*chain, error) {
	policy, err := proof.NewPolicy(origin, set, ledger.Quorum(len(set)))
	return &chain{origin: origin, spans: []trusted{{policy: policy}}}, err
}

// at returns whom to trust for a height.
func (c *chain) at(height uint64) proof.Policy {
	found := c.spans[0]
	for _, s := range c.spans {
		if s.from <= height {
			found = s
		}
	}
	return found.policy
}

// follow adds the validators that a receipt names, which those before them must have signed.
func (c *chain) follow(receipt []byte) error {
	last := c.spans[len(c.spans)-1]
	r, err := proof.VerifyReceipt(receipt, last.policy)
	if err != nil {
		return err
	}
	leaf, err := ledger.DecodeLeaf(r.Leaf)
	if err != nil {
		return err
	}
	in, _ := ledger.DecodeInstruction(leaf.Kind, leaf.Body)
	change, ok := in.(*ledger.SetValidators)
	switch {
	case !ok || leaf.Outcome != ledger.Applied:
		return errors.New("it is not of a change of the validators that was made")
	case leaf.Height < last.from || c.number > 0 && change.Number != c.number+1:
		return fmt.Errorf("it is of change %d, which does not follow the one before it", change.Number)
	}
	set := make([]proof.Validator, len(change.Set))
	for i, v := range change.Set {
		if set[i], err = proof.NewValidator(v.Name, v.Key[:]); err != nil {
			return err
		}
	}
	policy, err := proof.NewPolicy(c.origin, set, ledger.Quorum(len(set)))
	if err != nil {
		return err
	}
	c.spans, c.number = append(c.spans, trusted{leaf.Height + uint64(change.After), policy}), change.Number
	return nil
}

// followAll follows the receipts in files.
func (c *chain) followAll(files []string) error {
	for _, name := range files {
		receipt, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("%w: change: %w", errUsed, err)
		}
		if err := c.follow(receipt); err != nil {
			return fmt.Errorf("not verified: change %s: %w", name, err)
		}
	}
	return nil
}
