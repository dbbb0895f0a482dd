package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"viaduct/ledger"
	"viaduct/ledger/proof"
)

const (
	nextValidatorFile = "next-validator.key" // the key a validator changes to
	validatorNameFile = "validator.name"     // of one whose key the genesis does not name
)

type keysValidatorCmd struct {
	Data    string `required:"" type:"path" help:"The validator's data directory, which no viaduct may be using; made for one that joins."`
	Genesis string `type:"existingfile" placeholder:"FILE" help:"For a validator that joins: the network's genesis, from the directory of any other."`
	Name    string `help:"For a validator that joins: its name, of a-z, 0-9, '-' and '.'."`
	Done    bool   `help:"The change has taken effect: forget the old key."`
}

// Run makes the key of a validator that joins, or the next key of one that is there, and prints its public
// half for viaduct validators propose --add.
func (c keysValidatorCmd) Run(t terminal) error {
	if (c.Genesis == "") != (c.Name == "") || c.Done && c.Name != "" {
		return fmt.Errorf("%w: a validator that joins has a --genesis and a --name, another one neither", errUsed)
	}
	d, err := lockDataDir(c.Data, func(d *dataDir) error {
		if c.Name == "" {
			return d.loadPart(false, true)
		}
		return d.join(c.Genesis, c.Name)
	})
	if err != nil {
		return err
	}
	defer d.close()
	s, err := d.signer(0)
	if err != nil {
		return err
	}
	switch {
	case c.Done && d.next == nil:
		return fmt.Errorf("%w: there is no next key in %s", errUsed, c.Data)
	case c.Done:
		// The name first: a key that the genesis does not name is nobody's without it.
		if err := d.write(validatorNameFile, []byte(s.Validator().Name())); err != nil {
			return err
		}
		if err := os.Rename(d.file(nextValidatorFile), d.file(validatorFile)); err != nil {
			return err
		}
		return d.lock.Sync()
	case c.Name == "":
		if d.next == nil {
			if _, d.next, err = ed25519.GenerateKey(rand.Reader); err != nil {
				return err
			}
			if err := d.write(nextValidatorFile, []byte(hex.EncodeToString(d.next.Seed()))); err != nil {
				return err
			}
		}
		if s, err = d.nextSigner(); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(t.out, s.Validator())
	return err
}

// join begins the directory of a validator that the genesis does not name. Said again, it changes nothing.
func (d *dataDir) join(genesis, name string) error {
	data, err := os.ReadFile(genesis)
	if err != nil {
		return err
	}
	g, err := ledger.DecodeGenesis(data)
	if err != nil {
		return err
	}
	for _, v := range g.Validators {
		if v.Name == name {
			return fmt.Errorf("%w: the genesis has a validator %s", errUsed, name)
		}
	}
	kept, err := os.ReadFile(d.file(genesisFile))
	if err == nil && string(kept) != string(data) {
		return errors.New("there is another network in it")
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.loadValidator(validatorFile); err != nil { // made, since no network has begun here
			return err
		}
		d.validators = nil
		if err := d.write(validatorNameFile, []byte(name)); err != nil {
			return err
		}
		err = d.write(genesisFile, data)
	}
	if err != nil {
		return err
	}
	return d.loadPart(false, true)
}

// nextSigner returns the validator under the key it changes to; nil when it changes to none.
func (d *dataDir) nextSigner() (*proof.Signer, error) {
	if d.next == nil {
		return nil, nil
	}
	s, err := d.signer(0)
	if err != nil {
		return nil, err
	}
	return proof.NewSigner(s.Validator().Name(), d.next)
}

// loadNext reads the key a validator changes to, if there is one.
func (d *dataDir) loadNext() error {
	if _, err := os.Stat(d.file(nextValidatorFile)); err != nil {
		return ignoreMissing(err)
	}
	seed, err := d.secret(nextValidatorFile)
	if err == nil {
		d.next = ed25519.NewKeyFromSeed(seed)
	}
	return err
}

type keysOperatorCmd struct {
	clientFlags
	Data string `required:"" type:"existingdir" help:"A gateway's data directory, which no viaduct may be using."`
}

const nextOperatorFile = "next-operator.key"

// Run hands the network to a new operator's key. The key is on disk before the ledger hears of it, and the
// old one is kept until it has: said again after a crash, it finds out which of the two counts.
func (c keysOperatorCmd) Run(ctx context.Context, t terminal) error {
	d, err := openPart(c.Data, true, false)
	if err != nil {
		return err
	}
	defer d.close()
	network, api, err := c.network(ctx)
	if err != nil {
		return err
	}
	var next ed25519.PrivateKey
	if _, err := os.Stat(d.file(nextOperatorFile)); err == nil {
		if next, err = readSeed(d.file(nextOperatorFile)); err != nil {
			return err
		}
	} else {
		if _, next, err = ed25519.GenerateKey(rand.Reader); err != nil {
			return err
		}
		if err := d.write(nextOperatorFile, []byte(hex.EncodeToString(next.Seed()))); err != nil {
			return err
		}
	}
	from, to := public(d.operator), public(next)
	if network.OperatorKey != hex.EncodeToString(to[:]) {
		id, err := hash(network.Network)
		if err != nil {
			return err
		}
		change := &ledger.SetOperator{Number: uint64(network.OperatorChanges) + 1, Key: to}
		change.Proof = [64]byte(ed25519.Sign(next, ledger.OperatorChange(id, change.Number, from, to)))
		if _, err := api.submitAsOperator(ctx, network.Network, d.operator, change); err != nil {
			return err
		}
	}
	if err := d.write(operatorChangedFile, []byte(hex.EncodeToString(to[:]))); err != nil {
		return err
	}
	if err := os.Rename(d.file(nextOperatorFile), d.file(operatorFile)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "the operator's key is %x; copy %s and %s to the other gateways, and start all again\n", to[:], operatorFile, operatorChangedFile)
	return errors.Join(err, d.lock.Sync())
}
