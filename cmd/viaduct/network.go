package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"viaduct/examples"
	"viaduct/fx/rates"
	"viaduct/internal/money"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v4"
)

// network is a network file: who is there, who trusts whom for how much, and the dealers' prices.
type network struct {
	Banks   []bank               `yaml:"banks"`
	Lines   map[string][]line    `yaml:"lines"`
	Issues  map[string][]holding `yaml:"issues"`
	Ladders []ladder             `yaml:"ladders"`
}

type bank struct {
	BIC     string   `yaml:"bic"`
	Name    string   `yaml:"name"`
	Country string   `yaml:"country"`
	Dealer  bool     `yaml:"dealer"`
	Funding []string `yaml:"funding"`
}

// line is a holder's line: "CURRENCY@ISSUER LIMIT", or a mapping when there is more to say.
type line struct {
	Asset      string `yaml:"asset"`
	Limit      string `yaml:"limit"`
	Ripple     bool   `yaml:"ripple"`
	QualityIn  string `yaml:"quality_in"`
	QualityOut string `yaml:"quality_out"`
}

// holding is what an issuer owes a holder: "HOLDER AMOUNT".
type holding struct {
	Holder string
	Amount string
}

// ladder is a dealer's offers in both directions between two assets.
type ladder struct {
	Dealer    string `yaml:"dealer"`
	A         string `yaml:"a"`
	B         string `yaml:"b"`
	Levels    int    `yaml:"levels"`
	Size      string `yaml:"size"` // of each level, in a
	SpreadBps int64  `yaml:"spread_bps"`
}

// UnmarshalYAML reads either form.
func (l *line) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		var ok bool
		if l.Asset, l.Limit, ok = strings.Cut(n.Value, " "); !ok {
			return fmt.Errorf("line %d: %q is not CURRENCY@ISSUER LIMIT", n.Line, n.Value)
		}
		return nil
	}
	type plain line
	return n.Decode((*plain)(l))
}

// UnmarshalYAML reads "HOLDER AMOUNT".
func (h *holding) UnmarshalYAML(n *yaml.Node) error {
	var ok bool
	if h.Holder, h.Amount, ok = strings.Cut(n.Value, " "); !ok {
		return fmt.Errorf("line %d: %q is not HOLDER AMOUNT", n.Line, n.Value)
	}
	return nil
}

// readNetwork reads a network file, or the example when no name is given.
func readNetwork(name string) (*network, error) {
	var data []byte
	var err error
	if name == "" {
		name = examples.Network
		data, err = examples.Files.ReadFile(name)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	n := new(network)
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(n); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return n, n.check(name)
}

func (n *network) check(name string) error {
	there := make(map[string]bool)
	for _, b := range n.Banks {
		there[b.BIC] = true
	}
	known := func(where, bic string) error {
		if !there[bic] {
			return fmt.Errorf("%s: %s names %q, which is not among the banks", name, where, bic)
		}
		return nil
	}
	for holder, lines := range n.Lines {
		if err := known("lines", holder); err != nil {
			return err
		}
		for _, l := range lines {
			_, issuer, _ := strings.Cut(l.Asset, "@")
			if err := known("lines of "+holder, issuer); err != nil {
				return err
			}
		}
	}
	for _, l := range n.Ladders {
		if err := known("ladders", l.Dealer); err != nil {
			return err
		}
	}
	return nil
}

// order is one offer of a ladder, in the contract's words.
type order struct {
	give, want, amount, price string
}

// offers prices a ladder around the table's mid: level k of each side stands k+1 spreads away from it.
func (l ladder) offers(t *rates.Table) ([]order, error) {
	a, err := money.ParseCurrency(l.A[:3])
	if err != nil {
		return nil, err
	}
	b, err := money.ParseCurrency(l.B[:3])
	if err != nil {
		return nil, err
	}
	mid, err := t.Mid(a, b) // b per a
	if err != nil {
		return nil, fmt.Errorf("ladder %s %s/%s: %w", l.Dealer, a, b, err)
	}
	size, err := money.Parse(l.Size, a)
	if err != nil {
		return nil, fmt.Errorf("ladder %s %s/%s: size: %w", l.Dealer, a, b, err)
	}
	back, err := t.Mid(b, a)
	if err != nil {
		return nil, err
	}
	var all []order
	for level := range l.Levels {
		widen := decimal.New(10_000+l.SpreadBps*int64(level+1), -4)
		sell := significant(mid.Decimal().Mul(widen))
		buy := significant(back.Decimal().Mul(widen))
		worth, err := mid.Ratio.Cost(size.Units(), money.RoundDown)
		if err != nil {
			return nil, err
		}
		all = append(all,
			order{l.A, l.B, size.Value(), sell},
			order{l.B, l.A, money.New(worth, b).Value(), buy})
	}
	return all, nil
}

// significant rounds a price up to seven significant digits, in the dealer's favour.
func significant(p decimal.Decimal) string {
	beforePoint := int32(p.NumDigits()) + p.Exponent()
	return p.RoundCeil(7 - beforePoint).String()
}
