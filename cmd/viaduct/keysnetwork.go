package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"viaduct/ledger"
	"viaduct/settlement/disk"
)

type keysNetworkCmd struct {
	Dir        string `required:"" type:"path" help:"The directory to make; each process gets one of those in it."`
	Name       string `default:"local" help:"The network's name."`
	Validators int    `default:"4" help:"How many validators: 3f+1 bear f that are wrong."`
	Gateways   int    `default:"2" help:"How many gateways."`
}

// Run makes validator-1, …, and gateway-1, …. The gateways share their keys: the operator's, and the one
// that seals what the database keeps secret.
func (c keysNetworkCmd) Run(t terminal) error {
	if c.Validators < 1 || c.Validators > ledger.MaxValidators || c.Gateways < 1 {
		return fmt.Errorf("%w: 1 to %d validators and at least one gateway", errUsed, ledger.MaxValidators)
	}
	if _, err := os.Stat(c.Dir); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already", c.Dir)
	}
	keys := make([]ed25519.PrivateKey, c.Validators)
	for i := range keys {
		var err error
		if _, keys[i], err = ed25519.GenerateKey(rand.Reader); err != nil {
			return err
		}
	}
	_, operator, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	master := make([]byte, 32)
	if _, err := rand.Read(master); err != nil {
		return err
	}
	genesis := newGenesis(c.Name, time.Now(), operator, keys).Encode()
	if _, err := ledger.DecodeGenesis(genesis); err != nil {
		return fmt.Errorf("%w: %w", errUsed, err)
	}
	for i, key := range keys {
		err := writeFiles(filepath.Join(c.Dir, fmt.Sprintf("validator-%d", i+1)), map[string][]byte{
			genesisFile: genesis, validatorFile: []byte(hex.EncodeToString(key.Seed())),
		})
		if err != nil {
			return err
		}
	}
	for i := range c.Gateways {
		err := writeFiles(filepath.Join(c.Dir, fmt.Sprintf("gateway-%d", i+1)), map[string][]byte{
			genesisFile: genesis, operatorFile: []byte(hex.EncodeToString(operator.Seed())),
			masterFile: []byte(hex.EncodeToString(master)), masterCheckFile: []byte(masterCheck(master)),
		})
		if err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(t.out, "made %d validators and %d gateways in %s: give each process its own directory and nobody another's\n", c.Validators, c.Gateways, c.Dir)
	return err
}

// writeFiles writes files that only their owner can read into a directory, which it makes.
func writeFiles(path string, files map[string][]byte) error {
	lock, err := disk.OpenDir(path)
	if err != nil {
		return err
	}
	d := &dataDir{path: path, lock: lock}
	for name, data := range files {
		if err := d.write(name, data); err != nil {
			return errors.Join(err, d.close())
		}
	}
	return d.close()
}
