package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement/disk"
)

// The files of a data directory. The directories of the block log, of NATS and the database lie beside
// them.
const (
	genesisFile     = "genesis"
	operatorFile    = "operator.key"  // hex of an Ed25519 seed
	validatorFile   = "validator.key" // hex of an Ed25519 seed
	masterFile      = "master.key"    // hex of 32 bytes: seals what the database keeps secret
	masterCheckFile = "master.check"  // tells a wrong master key from the right one
	apiKeysFile     = "api-keys.json" // what --ready-file hands out again after a restart
	databaseFile    = "viaduct.db"
	blocksDir       = "blocks"
	treeDir         = "tree"
	snapshotsDir    = "snapshots"
	natsDir         = "nats"
)

// dataDir is a node's data directory, held by this process alone.
type dataDir struct {
	path      string
	lock      *disk.Dir
	genesis   *ledger.Genesis
	operator  ed25519.PrivateKey
	validator ed25519.PrivateKey
	master    [32]byte
	apiKeys   apiKeys
	// newOperator says that the operator's API key was made at this start.
	newOperator bool
}

// apiKeys are the keys in clear that the operator of this directory was given.
type apiKeys struct {
	Operator string            `json:"operator"`
	Banks    map[string]string `json:"banks,omitempty"`
}

// openDataDir opens the directory, or begins a network of the name in an empty one; without a name it
// must hold a network.
func openDataDir(path, network string, now time.Time) (*dataDir, error) {
	lock, err := disk.OpenDir(path)
	if errors.Is(err, disk.ErrInUse) {
		return nil, fmt.Errorf("data directory %s is in use by another viaduct", path)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	d := &dataDir{path: path, lock: lock}
	if err := d.load(network, now); err != nil {
		return nil, errors.Join(fmt.Errorf("data directory %s: %w", path, err), lock.Close())
	}
	return d, nil
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

func (d *dataDir) load(network string, now time.Time) error {
	if _, err := os.Stat(d.file(genesisFile)); network == "" && err != nil {
		return errors.New("there is no network in it")
	}
	if err := d.loadSecrets(); err != nil {
		return err
	}
	data, err := os.ReadFile(d.file(apiKeysFile))
	if err == nil {
		err = json.Unmarshal(data, &d.apiKeys)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, err = os.ReadFile(d.file(genesisFile))
	if errors.Is(err, fs.ErrNotExist) {
		data = d.begin(network, now).Encode()
		err = d.write(genesisFile, data)
	}
	if err != nil {
		return err
	}
	if d.genesis, err = ledger.DecodeGenesis(data); err != nil {
		return err
	}
	if d.genesis.Operator != [32]byte(d.operator.Public().(ed25519.PublicKey)) {
		return fmt.Errorf("%s is not the key that the genesis names", operatorFile)
	}
	if v := d.genesis.Validators; len(v) != 1 || v[0].Key != [32]byte(d.validator.Public().(ed25519.PublicKey)) {
		return fmt.Errorf("%s is not the key that the genesis names", validatorFile)
	}
	return nil
}

// loadSecrets reads the three keys, or makes them where no network has begun yet. The master key has a
// check beside it: with another one the gateway would start, and open nothing of what it sealed.
func (d *dataDir) loadSecrets() error {
	operator, err := d.secret(operatorFile)
	if err != nil {
		return err
	}
	validator, err := d.secret(validatorFile)
	if err != nil {
		return err
	}
	master, err := d.secret(masterFile)
	if err != nil {
		return err
	}
	d.operator, d.validator, d.master = ed25519.NewKeyFromSeed(operator), ed25519.NewKeyFromSeed(validator), [32]byte(master)
	sum := sha256.Sum256(append([]byte("viaduct/master-check/v1\x00"), master...))
	check := hex.EncodeToString(sum[:8])
	kept, err := os.ReadFile(d.file(masterCheckFile))
	if errors.Is(err, fs.ErrNotExist) {
		return d.write(masterCheckFile, []byte(check))
	}
	if err == nil && string(kept) != check {
		err = fmt.Errorf("%s is not the key that this directory began with: restore it from a backup", masterFile)
	}
	return err
}

// begin makes the genesis of a network with one validator.
func (d *dataDir) begin(network string, now time.Time) *ledger.Genesis {
	return &ledger.Genesis{
		Name: network, Time: now.UnixMilli(), Operator: [32]byte(d.operator.Public().(ed25519.PublicKey)),
		Validators: []ledger.Validator{{Name: network + "-validator-1", Key: [32]byte(d.validator.Public().(ed25519.PublicKey))}},
		Currencies: money.Currencies(), Rules: ledger.RulesVersion,
	}
}

// secret returns the 32 bytes in a file, making them when the directory holds no network yet.
func (d *dataDir) secret(name string) ([]byte, error) {
	text, err := os.ReadFile(d.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		if _, began := os.Stat(d.file(genesisFile)); began == nil {
			return nil, fmt.Errorf("%s is missing: restore it from a backup", name)
		}
		secret := make([]byte, 32)
		if _, err := rand.Read(secret); err != nil {
			return nil, err
		}
		return secret, d.write(name, []byte(hex.EncodeToString(secret)))
	}
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(string(text))
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("%s does not hold 32 bytes in hex", name)
	}
	return secret, nil
}

func (d *dataDir) saveAPIKeys() error {
	data, err := json.Marshal(d.apiKeys)
	if err != nil {
		return err
	}
	return d.write(apiKeysFile, data)
}

// write replaces a file, readable by its owner alone, so that a crash leaves the old one or the new.
func (d *dataDir) write(name string, data []byte) error {
	temp := d.file(name + ".new")
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, d.file(name)); err != nil {
		return err
	}
	return d.lock.Sync()
}

// signer returns the validator of this directory.
func (d *dataDir) signer() (*proof.Signer, error) {
	return proof.NewSigner(d.genesis.Validators[0].Name, d.validator)
}

func (d *dataDir) close() error { return d.lock.Close() }
