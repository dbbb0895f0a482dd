package main

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"viaduct/gateway"
	"viaduct/ledger"
	"viaduct/openapi"
)

type keysEncryptionCmd struct {
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run prints a new X25519 key pair: the private half in hex for a file, the public one as the API takes it.
func (c keysEncryptionCmd) Run(t terminal) error {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	pair := struct {
		Private string `json:"private_key"`
		Public  string `json:"public_key"`
	}{hex.EncodeToString(key.Bytes()), base64.StdEncoding.EncodeToString(key.PublicKey().Bytes())}
	if c.JSON {
		return json.NewEncoder(t.out).Encode(pair)
	}
	_, err = fmt.Fprintf(t.out, "private key (keep it secret)  %s\npublic key                    %s\n", pair.Private, pair.Public)
	return err
}

type paymentsOpenCmd struct {
	clientFlags
	ID            string `arg:"" help:"The payment's id."`
	EncryptionKey string `required:"" type:"existingfile" placeholder:"FILE" help:"The private half of the key it was sealed to, as viaduct keys encryption prints it."`
}

// Run prints the confidential details of a payment that were sealed to a key that no gateway has.
func (c paymentsOpenCmd) Run(ctx context.Context, t terminal) error {
	private, err := readSecret(c.EncryptionKey)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsed, err)
	}
	network, gate, err := c.network(ctx)
	if err != nil {
		return err
	}
	var p openapi.Payment
	if err := gate.call(ctx, request{method: http.MethodGet, path: "/v1/payments/" + url.PathEscape(c.ID), out: &p}); err != nil {
		return err
	}
	if p.SealedDetails == nil {
		return errors.New("the payment has no sealed details for you")
	}
	details, err := openDetails(&p, network.Network, private)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "%s\n", details)
	return err
}

func openDetails(p *openapi.Payment, networkText string, private []byte) ([]byte, error) {
	id, err := uuid.Parse(p.Id)
	if err != nil {
		return nil, err
	}
	from, err := ledger.ParseBIC(p.From)
	if err != nil {
		return nil, err
	}
	to, err := ledger.ParseBIC(p.To)
	if err != nil {
		return nil, err
	}
	network, err := hash(networkText)
	if err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	commitment, err := hash(p.SealedDetails.Commitment)
	if err != nil {
		return nil, fmt.Errorf("commitment: %w", err)
	}
	sealed, err := base64.StdEncoding.DecodeString(p.SealedDetails.Data)
	if err != nil {
		return nil, err
	}
	_, details, err := gateway.OpenParcel(network, ledger.ID(id), from, to, commitment, private, sealed)
	return details, err
}
