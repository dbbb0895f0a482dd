package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"

	"viaduct/ledger/proof"
	"viaduct/settlement/sqlstore"
)

type keysCmd struct {
	New        keysNewCmd        `cmd:"" help:"Make an Ed25519 key pair and print it."`
	Prove      keysProveCmd      `cmd:"" help:"Print the body that registers a signing key of a participant's own."`
	Network    keysNetworkCmd    `cmd:"" help:"Begin a network of several processes: a genesis, and a directory with its keys for each."`
	Validator  keysValidatorCmd  `cmd:"" help:"Make the key of a validator that joins, or the next key of one that is there."`
	Operator   keysOperatorCmd   `cmd:"" help:"Hand the network to a new operator's key."`
	NATS       keysNATSCmd       `cmd:"" name:"nats" help:"Make the configuration, certificates and users of the NATS servers of such a network."`
	Encryption keysEncryptionCmd `cmd:"" help:"Make an X25519 key pair for sealed details and print it."`
	Master     keysMasterCmd     `cmd:"" help:"Replace the master key that seals what a database keeps secret."`
	Show       keysShowCmd       `cmd:"" help:"Print the public keys of a data directory that no viaduct is using: the network, its operator and validators."`
}

type keysNewCmd struct {
	JSON bool `name:"json" help:"Print one JSON object."`
}

// Run prints a new key pair: the private seed in hex as key files have it, the public key in base64 as
// the API takes it.
func (c keysNewCmd) Run(t terminal) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	pair := struct {
		Seed   string `json:"seed"`
		Public string `json:"public_key"`
	}{hex.EncodeToString(private.Seed()), base64.StdEncoding.EncodeToString(public)}
	if c.JSON {
		return json.NewEncoder(t.out).Encode(pair)
	}
	_, err = fmt.Fprintf(t.out, "seed (keep it secret)  %s\npublic key             %s\n", pair.Seed, pair.Public)
	return err
}

type keysShowCmd struct {
	Data string `help:"The data directory." required:"" type:"existingdir"`
	JSON bool   `name:"json" help:"Print one JSON object."`
}

// Run prints what others need to check this network's receipts.
func (c keysShowCmd) Run(t terminal) error {
	d, err := openPart(c.Data, false, false)
	if err != nil {
		return err
	}
	defer d.close()
	network := d.genesis.Network()
	shown := struct {
		Origin     string   `json:"origin"`
		Network    string   `json:"network"`
		Operator   string   `json:"operator"`
		Validators []string `json:"validators"`
	}{Origin: d.genesis.Origin(), Network: hex.EncodeToString(network[:]), Operator: base64.StdEncoding.EncodeToString(d.genesis.Operator[:])}
	for _, v := range d.genesis.Validators {
		pv, err := proof.NewValidator(v.Name, v.Key[:])
		if err != nil {
			return err
		}
		shown.Validators = append(shown.Validators, pv.String())
	}
	if c.JSON {
		return json.NewEncoder(t.out).Encode(shown)
	}
	fmt.Fprintf(t.out, "origin     %s\nnetwork    %s\noperator   %s\n", shown.Origin, shown.Network, shown.Operator)
	for _, v := range shown.Validators {
		fmt.Fprintf(t.out, "validator  %s\n", v)
	}
	return nil
}

type migrateCmd struct {
	DatabaseURL string `name:"database-url" help:"postgres://… or sqlite:PATH." env:"VIADUCT_DATABASE_URL" xor:"where" required:""`
	Data        string `help:"The data directory whose SQLite database is meant." xor:"where" required:""`
}

// Run migrates up to the newest schema.
func (c migrateCmd) Run(ctx context.Context, t terminal) error {
	url := c.DatabaseURL
	if url == "" {
		url = "sqlite:" + filepath.Join(c.Data, databaseFile)
	}
	if err := sqlstore.Migrate(ctx, url); err != nil {
		return err
	}
	_, err := fmt.Fprintln(t.out, "the database has the newest schema")
	return err
}
