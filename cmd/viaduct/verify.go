package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"viaduct/fx"
	"viaduct/gateway"
	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/openapi"
)

type verifyCmd struct {
	Receipt    string   `arg:"" help:"The receipt's file, or - for standard input."`
	Validators []string `name:"validator" short:"v" help:"A validator's public key (name+id+base64), or a file of them, one a line. Repeat for each." required:""`
	Changes    []string `name:"change" placeholder:"FILE" help:"The receipt of a change of the validators, from viaduct validators changes. Repeat for each, in order, from the first after the validators given." type:"existingfile"`
	Network    string   `help:"The network's origin, as its checkpoints' first line has it. Without it, any network these validators sign for."`
	JSON       bool     `name:"json" help:"Print one JSON object."`
}

// verdict is what a receipt proves.
type verdict struct {
	Network     string         `json:"network"`
	Height      uint64         `json:"height"`
	Index       uint32         `json:"index"`
	Time        time.Time      `json:"time"`
	Kind        string         `json:"kind"`
	Participant string         `json:"participant"`
	Outcome     string         `json:"outcome"`
	Begun       *verdictPlace  `json:"begun,omitempty"` // the earlier result that this one ends
	Payment     *verdictPay    `json:"payment,omitempty"`
	Moves       []verdictHop   `json:"moves,omitempty"`
	Paths       []openapi.Path `json:"paths,omitempty"` // the moves in the words of a quote
	SignedBy    []string       `json:"signed_by"`
	LogSize     uint64         `json:"log_size"`
	LeafIndex   uint64         `json:"leaf_index"`
}

type verdictPlace struct {
	Height uint64 `json:"height"`
	Index  uint32 `json:"index"`
}

type verdictPay struct {
	ID        string `json:"id"`
	To        string `json:"to"`
	UETR      string `json:"uetr"`
	Delivered string `json:"delivered"`
	Source    string `json:"source"`
}

type verdictHop struct {
	Kind   string `json:"kind"`
	Holder string `json:"holder"`
	In     string `json:"in"`
	Out    string `json:"out"`
}

// Run checks the receipt. Exit code 1 means that it proves nothing, 2 that it could not be read.
func (c verifyCmd) Run(t terminal) error {
	receipt, err := readReceipt(c.Receipt)
	if err != nil {
		return fmt.Errorf("%w: receipt: %w", errUsed, err)
	}
	validators, err := c.keys()
	if err != nil {
		return fmt.Errorf("%w: %w", errUsed, err)
	}
	origin := c.Network
	if origin == "" {
		if origin, err = proof.OriginOf(receipt); err != nil {
			return fmt.Errorf("not verified: %w", err)
		}
	}
	trust, err := newChain(origin, validators)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsed, err)
	}
	if err := trust.followAll(c.Changes); err != nil {
		return err
	}
	// The leaf says whose signatures to ask for: whoever signed for its height.
	claimed, err := proof.LeafOf(receipt)
	if err != nil {
		return fmt.Errorf("not verified: %w", err)
	}
	leaf, err := ledger.DecodeLeaf(claimed)
	if err != nil {
		return fmt.Errorf("not verified: %w", err)
	}
	r, err := proof.VerifyReceipt(receipt, trust.at(leaf.Height))
	if err != nil {
		return fmt.Errorf("not verified: %w", err)
	}
	v, err := readLeaf(r)
	if err != nil {
		return fmt.Errorf("not verified: %w", err)
	}
	v.Network = origin
	if c.JSON {
		return json.NewEncoder(t.out).Encode(v)
	}
	return v.print(t.out)
}

func readReceipt(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, proof.MaxReceiptLen+1))
	}
	return os.ReadFile(name)
}

// keys reads the validators, each given as a key or as a file of keys.
func (c verifyCmd) keys() ([]proof.Validator, error) {
	var all []proof.Validator
	for _, arg := range c.Validators {
		lines := arg
		if data, err := os.ReadFile(arg); err == nil {
			lines = string(data)
		}
		for line := range strings.FieldsSeq(lines) {
			v, err := proof.ParseValidator(line)
			if err != nil {
				return nil, fmt.Errorf("validator %.60q: %w", line, err)
			}
			all = append(all, v)
		}
	}
	return all, nil
}

// readLeaf says in words what the proven leaf says in bytes.
func readLeaf(r proof.Receipt) (*verdict, error) {
	leaf, err := ledger.DecodeLeaf(r.Leaf)
	if err != nil {
		return nil, err
	}
	v := &verdict{
		Height: leaf.Height, Index: leaf.Index, Time: time.UnixMilli(leaf.Time).UTC(),
		Participant: leaf.Participant.String(), Outcome: leaf.Outcome.String(),
		LogSize: r.Checkpoint.Size, LeafIndex: r.Index,
	}
	for _, cs := range r.Cosignatures {
		v.SignedBy = append(v.SignedBy, cs.Name)
	}
	kind, body := leaf.About()
	in, ok := ledger.DecodeInstruction(kind, body)
	v.Kind = kind.String()
	if later, is := ledger.DecodeLater(leaf.Body); is && leaf.Kind == ledger.KindLater {
		v.Begun = &verdictPlace{later.First.Height, later.First.Index}
	}
	if pay, isPay := in.(*ledger.Pay); ok && isPay {
		v.Payment = &verdictPay{
			ID: uuidText(pay.ID), To: pay.To.String(), UETR: uuidText(pay.UETR),
			Delivered: money.New(leaf.Delivered, pay.Deliver.Currency).String(),
			Source:    money.New(leaf.Source, pay.Send.Currency).String(),
		}
	} else if !ok && leaf.Outcome != ledger.BadInstruction {
		return nil, errors.New("the leaf's instruction is not canonical")
	}
	for _, m := range leaf.Moves {
		hop := verdictHop{Kind: m.Kind.String(), Holder: m.Holder.String()}
		in := m.Asset
		if m.Kind == ledger.Fill {
			in = m.Want
		}
		hop.In = money.New(m.In, in.Currency).Value() + " " + in.String()
		hop.Out = money.New(m.Out, m.Asset.Currency).Value() + " " + m.Asset.String()
		v.Moves = append(v.Moves, hop)
	}
	for _, p := range fx.PathsOf(leaf.Participant, leaf.Moves) {
		v.Paths = append(v.Paths, gateway.PathView(p, nil))
	}
	return v, nil
}

func uuidText(id [16]byte) string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func (v *verdict) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "verified: %s, %s\n", v.Kind, v.Outcome)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("network", "%s", v.Network)
	row("block", "%d, result %d, %s", v.Height, v.Index, v.Time.Format("2006-01-02 15:04:05.000 MST"))
	if v.Begun != nil {
		row("begun", "in block %d, result %d", v.Begun.Height, v.Begun.Index)
	}
	if v.Participant != "" {
		row("by", "%s", v.Participant)
	}
	if p := v.Payment; p != nil {
		row("payment", "%s", p.ID)
		row("UETR", "%s", p.UETR)
		row("to", "%s", p.To)
		if v.Outcome == ledger.Applied.String() {
			row("delivered", "%s", p.Delivered)
			row("cost", "%s", p.Source)
		}
	}
	for i, m := range v.Moves {
		name := ""
		if i == 0 {
			name = "moves"
		}
		row(name, "%-14s %-11s %s -> %s", m.Kind, m.Holder, m.In, m.Out)
	}
	if len(v.Paths) > 0 {
		to := v.Participant // an offer that took others at once
		if v.Payment != nil {
			to = v.Payment.To
		}
		row("paths", "%d", len(v.Paths))
		tellPaths(&b, v.Paths, v.Participant, to, "    ")
		b.WriteString("\n")
	}
	row("proof", "leaf %d of %d", v.LeafIndex, v.LogSize)
	row("signed by", "%s", strings.Join(v.SignedBy, ", "))
	_, err := io.WriteString(w, b.String())
	return err
}
