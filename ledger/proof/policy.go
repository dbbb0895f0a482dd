package proof

import (
	"fmt"
	"slices"
	"strings"
)

// Policy is whom a verifier trusts: the network by its origin, the validators, and how many of them
// it takes. The zero Policy trusts nobody.
type Policy struct {
	origin     string
	quorum     int
	validators []Validator // sorted by name
}

// NewPolicy returns the policy; names and keys must be distinct. cosignature/v1 does not sign the
// validator's name, so one key under two names could count twice.
func NewPolicy(origin string, validators []Validator, quorum int) (Policy, error) {
	if err := checkName(origin); err != nil {
		return Policy{}, fmt.Errorf("policy: origin: %w", err)
	}
	if quorum < 1 || quorum > len(validators) {
		return Policy{}, fmt.Errorf("policy: %w: a quorum of %d of %d validators", ErrForm, quorum, len(validators))
	}
	vs := slices.Clone(validators)
	slices.SortFunc(vs, func(a, b Validator) int { return strings.Compare(a.name, b.name) })
	keys := make(map[string]string, len(vs))
	for i, v := range vs {
		if v.name == "" {
			return Policy{}, fmt.Errorf("policy: %w: a validator without a name", ErrForm)
		}
		if i > 0 && vs[i-1].name == v.name {
			return Policy{}, fmt.Errorf("policy: %w: validator %s is listed twice", ErrForm, v.name)
		}
		if other, ok := keys[string(v.key)]; ok {
			return Policy{}, fmt.Errorf("policy: %w: validators %s and %s share a key", ErrForm, other, v.name)
		}
		keys[string(v.key)] = v.name
	}
	return Policy{origin: origin, quorum: quorum, validators: vs}, nil
}

// Quorum returns how many signatures a checkpoint carries.
func (p Policy) Quorum() int { return p.quorum }

// Validators returns the trusted validators, sorted by name.
func (p Policy) Validators() []Validator { return slices.Clone(p.validators) }

// Has says whether v is one of the trusted validators, under the same key.
func (p Policy) Has(v Validator) bool { return slices.ContainsFunc(p.validators, v.Equal) }

// Verify checks that cs is a trusted validator's signature on c and that c is of this network.
func (p Policy) Verify(c Checkpoint, cs Cosignature) error {
	if c.Origin != p.origin {
		return fmt.Errorf("%w: the origin is %q, not %q", ErrForm, c.Origin, p.origin)
	}
	i, ok := slices.BinarySearchFunc(p.validators, cs.Name, func(v Validator, name string) int {
		return strings.Compare(v.name, name)
	})
	if !ok {
		return fmt.Errorf("%w: %s is no validator", ErrSignature, cs.Name)
	}
	return p.validators[i].Verify(c, cs)
}
