package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"viaduct/gateway"
	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
)

// signerFlags say who signs, and for which network.
type signerFlags struct {
	SeedFile    string `required:"" type:"existingfile" placeholder:"FILE" help:"The signing key: 32 bytes in hex, as viaduct keys new prints them."`
	Network     string `required:"" placeholder:"HEX" help:"The network's id, as GET /v1/validators tells it."`
	Participant string `required:"" placeholder:"BIC" help:"For whom it is signed."`
}

func (f signerFlags) read() (key ed25519.PrivateKey, network ledger.Hash, bic ledger.BIC, err error) {
	if key, err = readSeed(f.SeedFile); err != nil {
		return nil, network, bic, err
	}
	if network, err = hash(f.Network); err != nil {
		return nil, network, bic, fmt.Errorf("%w: --network: %w", errUsed, err)
	}
	if bic, err = ledger.ParseBIC(f.Participant); err != nil {
		return nil, network, bic, fmt.Errorf("%w: --participant: %w", errUsed, err)
	}
	return key, network, bic, nil
}

func hash(text string) (h ledger.Hash, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(h) {
		return h, errors.New("not 32 bytes in hex")
	}
	return ledger.Hash(b), nil
}

type keysProveCmd struct {
	signerFlags
	EncryptionKey string `placeholder:"BASE64" help:"Vouch with the signing key for this encryption key instead: the body for encryption-keys."`
}

// Run prints the body that registers the key: the public key, and its signature that it is the
// participant's.
func (c keysProveCmd) Run(t terminal) error {
	key, network, bic, err := c.read()
	if err != nil {
		return err
	}
	if c.EncryptionKey != "" {
		public, err := base64.StdEncoding.DecodeString(c.EncryptionKey)
		if err != nil || len(public) != 32 {
			return fmt.Errorf("%w: --encryption-key: not 32 bytes in base64", errUsed)
		}
		return json.NewEncoder(t.out).Encode(openapi.NewEncryptionKey{
			PublicKey: c.EncryptionKey,
			Proof:     base64.StdEncoding.EncodeToString(ed25519.Sign(key, gateway.EncryptionKeyProof(network, bic, [32]byte(public)))),
		})
	}
	public := key.Public().(ed25519.PublicKey)
	return json.NewEncoder(t.out).Encode(openapi.NewSigningKey{
		PublicKey: base64.StdEncoding.EncodeToString(public),
		Proof:     base64.StdEncoding.EncodeToString(ed25519.Sign(key, ledger.KeyProof(network, bic, [32]byte(public)))),
	})
}

type signCmd struct {
	File string `arg:"" help:"A JSON list of instructions, or one; - for standard input."`
	signerFlags
	Key  string `required:"" help:"The idempotency key, which the request must carry too."`
	Salt string `placeholder:"HEX" help:"32 bytes that make the results unguessable; random unless given."`
	Form string `enum:"bytes,hex,json" default:"bytes" help:"bytes for POST /v1/payments; json for POST /v1/submissions; hex to look at."`
}

// instruction is one order as a file has it.
type instruction struct {
	Pay    *payInstruction `json:"pay"`
	SetKey *setKey         `json:"set_key"`
}

type payInstruction struct {
	ID         string         `json:"id"` // a new one unless given, as the UETR is
	UETR       string         `json:"uetr"`
	To         string         `json:"to"`
	Deliver    *openapi.Money `json:"deliver"`
	Send       *openapi.Money `json:"send"`
	SendMax    *openapi.Money `json:"send_max"`
	DeliverMin *openapi.Money `json:"deliver_min"`
	NotAfter   string         `json:"not_after"`
}

type setKey struct {
	PublicKey string `json:"public_key"`
	Revoke    bool   `json:"revoke"`
}

// Run signs a submission and prints it.
func (c signCmd) Run(t terminal) error {
	key, network, bic, err := c.read()
	if err != nil {
		return err
	}
	data, err := readDocument(c.File)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsed, err)
	}
	if trimmed := bytes.TrimSpace(data); len(trimmed) > 0 && trimmed[0] == '{' {
		data = append(append([]byte{'['}, trimmed...), ']')
	}
	var orders []instruction
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&orders); err != nil {
		return fmt.Errorf("%w: %s: %w", errUsed, c.File, err)
	}
	var all []ledger.Instruction
	for i, o := range orders {
		one, err := o.read(bic)
		if err != nil {
			return fmt.Errorf("%w: instruction %d: %w", errUsed, i, err)
		}
		all = append(all, one)
	}
	s := ledger.Submission{Network: network, Participant: bic, Key: []byte(c.Key), Entries: ledger.EntriesOf(all)}
	s.Fingerprint = s.EntriesFingerprint()
	if c.Salt != "" {
		if s.Salt, err = hash(c.Salt); err != nil {
			return fmt.Errorf("%w: --salt: %w", errUsed, err)
		}
	} else if _, err := rand.Read(s.Salt[:]); err != nil {
		return err
	}
	signed, err := ledger.Sign(&s, all, key)
	if err != nil {
		return err
	}
	switch c.Form {
	case "hex":
		_, err = fmt.Fprintf(t.out, "%x\n", signed)
	case "json":
		err = json.NewEncoder(t.out).Encode(openapi.NewSubmission{Submission: base64.StdEncoding.EncodeToString(signed)})
	default:
		_, err = t.out.Write(signed)
	}
	return err
}

func (o instruction) read(by ledger.BIC) (ledger.Instruction, error) {
	switch {
	case o.Pay != nil && o.SetKey == nil:
		return o.Pay.read()
	case o.SetKey != nil && o.Pay == nil:
		key, err := base64.StdEncoding.DecodeString(o.SetKey.PublicKey)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return nil, errors.New("public_key is not 32 bytes in base64")
		}
		return &ledger.SetKey{Participant: by, Key: [32]byte(key), Revoke: o.SetKey.Revoke}, nil
	}
	return nil, errors.New(`want one of "pay" and "set_key"`)
}

func (p *payInstruction) read() (*ledger.Pay, error) {
	pay := &ledger.Pay{ID: ledger.ID(uuid.Must(uuid.NewV7())), UETR: uuid.New(), UETRKind: ledger.UETRPayment}
	for _, id := range []struct {
		text string
		to   *[16]byte
	}{{p.ID, (*[16]byte)(&pay.ID)}, {p.UETR, &pay.UETR}} {
		if id.text != "" {
			parsed, err := uuid.Parse(id.text)
			if err != nil {
				return nil, err
			}
			*id.to = parsed
		}
	}
	var err error
	if pay.To, err = ledger.ParseBIC(p.To); err != nil {
		return nil, err
	}
	exact, bound := p.Deliver, p.SendMax
	pay.Mode = ledger.ExactDeliver
	if p.Send != nil {
		exact, bound, pay.Mode = p.Send, p.DeliverMin, ledger.ExactSend
	}
	if exact == nil || bound == nil || p.Deliver != nil && p.Send != nil {
		return nil, errors.New("want deliver and send_max, or send and deliver_min")
	}
	first, second := &pay.Deliver, &pay.Send
	if pay.Mode == ledger.ExactSend {
		first, second = second, first
	}
	if pay.Amount, *first, err = units(exact); err != nil {
		return nil, err
	}
	if pay.Bound, *second, err = units(bound); err != nil {
		return nil, err
	}
	if p.NotAfter != "" {
		at, err := time.Parse(time.RFC3339Nano, p.NotAfter)
		if err != nil {
			return nil, err
		}
		pay.NotAfter = at.UnixMilli()
	}
	return pay, nil
}

func units(m *openapi.Money) (int64, ledger.AssetName, error) {
	var a ledger.AssetName
	var err error
	if a.Currency, err = money.ParseCurrency(m.Currency); err != nil {
		return 0, a, err
	}
	if m.Issuer != "" {
		if a.Issuer, err = ledger.ParseBIC(m.Issuer); err != nil {
			return 0, a, err
		}
	}
	amount, err := money.Parse(m.Value, a.Currency)
	return amount.Units(), a, err
}
