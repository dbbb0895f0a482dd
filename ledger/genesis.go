package ledger

import (
	"crypto/sha256"
	"fmt"

	"viaduct/internal/money"
)

// RulesVersion numbers the rules of this package: search, rounding, order of checks.
const RulesVersion = 1

// Genesis is height 0: what every node of a network agrees on before the first message.
type Genesis struct {
	Name       string // of the network, 1 to 60 characters of a-z, 0-9, '-' and '.'
	Time       int64  // Unix milliseconds
	Operator   [32]byte
	Validators []Validator
	Currencies []money.Currency // those the network settles, ascending
	Rules      uint16
}

// Validator is a node that signs blocks.
type Validator struct {
	Name string
	Key  [32]byte // Ed25519
}

// Encode returns the genesis in canonical bytes.
func (g *Genesis) Encode() []byte {
	var w writer
	w.tag('V', 'G', 1)
	w.text(g.Name)
	w.i64(g.Time)
	w.raw(g.Operator[:])
	w.u16(g.Rules)
	w.raw(encodeValidators(g.Validators))
	w.u16(uint16(len(g.Currencies)))
	for _, c := range g.Currencies {
		w.u16(uint16(c))
	}
	return w.b
}

func encodeValidators(set []Validator) []byte {
	var w writer
	w.u16(uint16(len(set)))
	for _, v := range set {
		w.text(v.Name)
		w.raw(v.Key[:])
	}
	return w.b
}

// DecodeGenesis reads canonical bytes and checks that a network can start from them.
func DecodeGenesis(data []byte) (*Genesis, error) {
	r := reader{b: data}
	g := new(Genesis)
	r.tag('V', 'G', 1)
	g.Name, g.Time = r.text(), r.i64()
	r.fill(g.Operator[:])
	g.Rules = r.u16()
	g.Validators = readValidators(&r)
	for range r.u16() {
		g.Currencies = append(g.Currencies, money.Currency(r.u16()))
		if r.bad {
			break
		}
	}
	if !r.done() {
		return nil, fmt.Errorf("genesis: %w", ErrEncoding)
	}
	return g, g.check()
}

// MaxValidators bounds a network: a quorum's signatures are checked with every receipt.
const MaxValidators = 100

func (g *Genesis) check() error {
	switch {
	case !plainName(g.Name, 60):
		return fmt.Errorf("genesis: network name %q: 1 to 60 of a-z, 0-9, '-', '.'", g.Name)
	case g.Rules != RulesVersion:
		return fmt.Errorf("genesis: rules version %d, this program knows %d", g.Rules, RulesVersion)
	case g.Time <= 0:
		return fmt.Errorf("genesis: no time")
	case !GoodKey(g.Operator):
		return fmt.Errorf("genesis: the operator's key is not a safe Ed25519 key")
	case len(g.Currencies) == 0:
		return fmt.Errorf("genesis: no currencies")
	}
	for i, c := range g.Currencies {
		if !c.WellFormed() || i > 0 && c <= g.Currencies[i-1] {
			return fmt.Errorf("genesis: currency %d (%s): want codes of three letters, each once, in ascending order", i, c)
		}
	}
	if err := checkValidators(g.Validators); err != nil {
		return fmt.Errorf("genesis: %w", err)
	}
	return nil
}

func plainName(s string, most int) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= most
}

// Network returns the genesis hash, the network's id.
func (g *Genesis) Network() Hash { return sha256.Sum256(g.Encode()) }

// Origin returns the line that names the network's log in its checkpoints.
func (g *Genesis) Origin() string { return "viaduct.network/" + g.Name }
