package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/openapi"
)

type validatorsCmd struct {
	Show    validatorsShowCmd    `cmd:"" help:"Show the present validators, those to come, and how often they were changed."`
	Changes validatorsChangesCmd `cmd:"" help:"Download the receipts of all changes, for viaduct verify --change."`
	Propose validatorsProposeCmd `cmd:"" help:"Write a change of the validators to a file, to be signed."`
	Sign    validatorsSignCmd    `cmd:"" help:"Sign a change with a validator's key: a present one approves, a new one shows that it is held."`
	Submit  validatorsSubmitCmd  `cmd:"" help:"Submit a change with its signatures, as the operator."`
}

type validatorsShowCmd struct {
	clientFlags
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run shows who signs.
func (c validatorsShowCmd) Run(ctx context.Context, t terminal) error {
	network, _, err := c.network(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(t.out).Encode(network)
	}
	show := func(what string, from int64, quorum int, keys []string) {
		fmt.Fprintf(t.out, "%s from block %d, %d of %d sign\n  %s\n", what, from, quorum, len(keys), strings.Join(keys, "\n  "))
	}
	show("validators", network.FromHeight, network.Quorum, network.Validators)
	if n := network.Coming; n != nil {
		show("to come", n.FromHeight, n.Quorum, n.Validators)
	}
	_, err = fmt.Fprintf(t.out, "height %d, changes %d, network %s\n", network.Height, network.Changes, network.Network)
	return err
}

func (f clientFlags) network(ctx context.Context) (*openapi.Network, *client, error) {
	c, err := f.client()
	if err != nil {
		return nil, nil, err
	}
	n := new(openapi.Network)
	return n, c, c.call(ctx, request{method: "GET", path: "/v1/validators", out: n})
}

type validatorsChangesCmd struct {
	clientFlags
	Dir string `arg:"" type:"path" help:"The directory to write change-1.txt, change-2.txt, … to."`
}

// Run downloads the receipts. They need not be believed: verify checks them.
func (c validatorsChangesCmd) Run(ctx context.Context, t terminal) error {
	network, api, err := c.network(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	for i := range network.Changes {
		var change openapi.ValidatorChange
		if err := api.call(ctx, request{method: "GET", path: fmt.Sprintf("/v1/validators/changes/%d", i+1), out: &change}); err != nil {
			return err
		}
		name := filepath.Join(c.Dir, fmt.Sprintf("change-%d.txt", i+1))
		if err := os.WriteFile(name, []byte(change.Receipt), 0o644); err != nil {
			return err
		}
		fmt.Fprintln(t.out, name)
	}
	return nil
}

// proposal is a change of the validators that is being signed.
type proposal struct {
	Network string   `json:"network"` // hex
	Number  uint64   `json:"number"`
	After   uint32   `json:"after_blocks"`
	From    []string `json:"from"` // verifier keys, in the ledger's order
	To      []string `json:"to"`
}

type validatorsProposeCmd struct {
	clientFlags
	File    string   `arg:"" type:"path" help:"The file to write."`
	Add     []string `placeholder:"KEY" help:"A validator that joins, as name+id+base64, or the new key of one that is there. Repeat for each."`
	Remove  []string `placeholder:"NAME" help:"A validator that leaves. Repeat for each."`
	Blocks  uint32   `default:"10" help:"How many blocks behind the one that holds the change it takes effect."`
	Replace bool     `help:"Write over a file that is there."`
}

// Run writes what is to be signed.
func (c validatorsProposeCmd) Run(ctx context.Context, t terminal) error {
	network, _, err := c.network(ctx)
	if err != nil {
		return err
	}
	if network.Coming != nil {
		return fmt.Errorf("a change is under way already: it takes effect at block %d", network.Coming.FromHeight)
	}
	set := make(map[string]string)
	for _, key := range network.Validators {
		name, _, _ := strings.Cut(key, "+")
		set[name] = key
	}
	for _, name := range c.Remove {
		if set[name] == "" {
			return fmt.Errorf("%w: %s is no validator", errUsed, name)
		}
		delete(set, name)
	}
	for _, key := range c.Add {
		v, err := proof.ParseValidator(key)
		if err != nil {
			return fmt.Errorf("%w: %w", errUsed, err)
		}
		set[v.Name()] = key
	}
	p := proposal{Network: network.Network, Number: uint64(network.Changes) + 1, After: c.Blocks, From: network.Validators}
	for _, name := range sortedKeys(set) {
		p.To = append(p.To, set[name])
	}
	if slices.Equal(p.From, p.To) || len(p.To) == 0 {
		return fmt.Errorf("%w: nothing changes, or nobody is left", errUsed)
	}
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.File); err == nil && !c.Replace {
		return fmt.Errorf("%s is there already", c.File)
	}
	_, err = fmt.Fprintf(t.out, "%d of the %d present validators must sign it, and each new key\n", network.Quorum, len(p.From))
	return errors.Join(err, os.WriteFile(c.File, append(data, '\n'), 0o644))
}

// readProposal reads a proposal and what is signed for it.
func readProposal(name string) (p proposal, from, to []ledger.Validator, text []byte, err error) {
	data, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil {
		return p, nil, nil, nil, fmt.Errorf("%w: %s: %w", errUsed, name, err)
	}
	network, err := hash(p.Network)
	for _, side := range []struct {
		keys []string
		set  *[]ledger.Validator
	}{{p.From, &from}, {p.To, &to}} {
		for _, key := range side.keys {
			v, bad := proof.ParseValidator(key)
			if err = errors.Join(err, bad); bad == nil {
				*side.set = append(*side.set, ledger.Validator{Name: v.Name(), Key: [32]byte(v.PublicKey())})
			}
		}
	}
	if err != nil {
		return p, nil, nil, nil, fmt.Errorf("%w: %s: %w", errUsed, name, err)
	}
	return p, from, to, ledger.ValidatorsChange(network, p.Number, p.After, from, to), nil
}

type validatorsSignCmd struct {
	File     string `arg:"" type:"existingfile" help:"The change, from viaduct validators propose."`
	SeedFile string `required:"" type:"existingfile" placeholder:"FILE" help:"The validator's key: validator.key, or next-validator.key, of its data directory."`
}

// Run says what is signed and prints the signature, one line.
func (c validatorsSignCmd) Run(t terminal) error {
	p, from, to, text, err := readProposal(c.File)
	if err != nil {
		return err
	}
	key, err := readSeed(c.SeedFile)
	if err != nil {
		return err
	}
	ours := func(v ledger.Validator) bool { return v.Key == public(key) }
	if !slices.ContainsFunc(from, ours) && !slices.ContainsFunc(to, ours) {
		return fmt.Errorf("%w: the key in %s is neither a present nor a new validator's of this change", errUsed, c.SeedFile)
	}
	fmt.Fprintf(t.err, "change %d, from\n  %s\nto\n  %s\n", p.Number, strings.Join(p.From, "\n  "), strings.Join(p.To, "\n  "))
	own := public(key)
	_, err = fmt.Fprintf(t.out, "%x %s\n", own[:], base64.StdEncoding.EncodeToString(ed25519.Sign(key, text)))
	return err
}

type validatorsSubmitCmd struct {
	clientFlags
	File       string   `arg:"" type:"existingfile" help:"The change, from viaduct validators propose."`
	Signatures []string `arg:"" type:"existingfile" help:"Files of what viaduct validators sign printed."`
	SeedFile   string   `required:"" type:"existingfile" placeholder:"FILE" help:"The operator's key: operator.key of a gateway's data directory."`
}

// Run puts the instruction together and submits it.
func (c validatorsSubmitCmd) Run(ctx context.Context, t terminal) error {
	p, from, to, text, err := readProposal(c.File)
	if err != nil {
		return err
	}
	signed := make(map[[32]byte][64]byte)
	for _, name := range c.Signatures {
		data, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("%w: %w", errUsed, err)
		}
		for line := range strings.Lines(string(data)) {
			key, b64, _ := strings.Cut(strings.TrimSpace(line), " ")
			who, err := hash(key)
			signature, err2 := base64.StdEncoding.DecodeString(b64)
			if err != nil || err2 != nil || len(signature) != 64 || !ed25519.Verify(who[:], text, signature) {
				return fmt.Errorf("%w: %s: a line is no signature of this change", errUsed, name)
			}
			signed[who] = [64]byte(signature)
		}
	}
	change := &ledger.SetValidators{Number: p.Number, After: p.After, Set: to}
	for i, v := range from {
		if s, ok := signed[v.Key]; ok {
			change.Approvals = append(change.Approvals, ledger.Approval{By: uint8(i), Signature: s})
		}
	}
	for _, v := range to {
		if slices.Contains(from, v) {
			continue
		}
		s, ok := signed[v.Key]
		if !ok {
			return fmt.Errorf("%w: the new key of %s has not signed", errUsed, v.Name)
		}
		change.Consents = append(change.Consents, s)
	}
	if need := ledger.Quorum(len(from)); len(change.Approvals) < need {
		return fmt.Errorf("%w: %d of the present validators have signed, it takes %d", errUsed, len(change.Approvals), need)
	}
	operator, err := readSeed(c.SeedFile)
	if err != nil {
		return err
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	height, err := api.submitAsOperator(ctx, p.Network, operator, change)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "change %d is in block %d and takes effect at block %d\n", p.Number, height, height+int64(p.After))
	return err
}

// submitAsOperator signs one instruction with the operator's key, submits it and waits until it is final.
func (c *client) submitAsOperator(ctx context.Context, network string, key ed25519.PrivateKey, in ledger.Instruction) (height int64, err error) {
	id, err := hash(network)
	if err != nil {
		return 0, fmt.Errorf("%w: network: %w", errUsed, err)
	}
	s := ledger.Submission{Network: id, Key: []byte(rand.Text()), Entries: ledger.EntriesOf([]ledger.Instruction{in})}
	s.Fingerprint = s.EntriesFingerprint()
	if _, err := rand.Read(s.Salt[:]); err != nil {
		return 0, err
	}
	data, err := ledger.Sign(&s, []ledger.Instruction{in}, key)
	if err != nil {
		return 0, err
	}
	var out openapi.SubmissionResults
	err = c.call(ctx, request{
		method: "POST", path: "/v1/submissions", idempotency: string(s.Key), out: &out,
		body: map[string]string{"submission": base64.StdEncoding.EncodeToString(data)},
	})
	if err != nil {
		return 0, err
	}
	if r := out.Results[0]; !r.Applied {
		return 0, fmt.Errorf("the ledger refused: %s (%s)", r.Code, ledger.WordsOf(string(r.Code)))
	}
	return out.Height, nil
}

func readSeed(name string) (ed25519.PrivateKey, error) {
	seed, err := readSecret(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsed, err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
