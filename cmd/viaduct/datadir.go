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
	"strings"
	"time"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement/disk"
)

// The files of a data directory. The directories of the block log, of NATS and the database lie beside
// them.
const (
	genesisFile         = "genesis"
	operatorFile        = "operator.key"     // hex of an Ed25519 seed
	validatorFile       = "validator.key"    // hex of an Ed25519 seed; of a second and further one, see keyFile
	operatorChangedFile = "operator.changed" // the public key in hex, when it is not the genesis's any more
	masterFile          = "master.key"       // hex of 32 bytes: seals what the database keeps secret
	masterCheckFile     = "master.check"     // tells a wrong master key from the right one
	apiKeysFile         = "api-keys.json"    // what --ready-file hands out again after a restart
	databaseFile        = "viaduct.db"
	blocksDir           = "blocks"
	treeDir             = "tree"
	snapshotsDir        = "snapshots"
	natsDir             = "nats"
)

// dataDir is a process's data directory, held by it alone.
type dataDir struct {
	path       string
	lock       *disk.Dir
	genesis    *ledger.Genesis
	operator   ed25519.PrivateKey
	validators []ed25519.PrivateKey // of a whole network all, in the order of the genesis; of a part one or none
	next       ed25519.PrivateKey   // the key that the first of them changes to; nil for none
	master     [32]byte
	apiKeys    apiKeys
	// newOperator says that the operator's API key was made at this start.
	newOperator bool
}

// apiKeys are the keys in clear that the operator of this directory was given.
type apiKeys struct {
	Operator string            `json:"operator"`
	Banks    map[string]string `json:"banks,omitempty"`
}

// openDataDir opens the directory of a whole network, or begins one of the name, with so many
// validators, in an empty one; without a name it must hold a network.
func openDataDir(path, network string, validators int, now time.Time) (*dataDir, error) {
	return lockDataDir(path, func(d *dataDir) error { return d.load(network, validators, now) })
}

// openPart opens the directory of a process that runs a part of a network: it holds the genesis and the
// keys that the part needs, as viaduct keys network makes them.
func openPart(path string, gateway, validator bool) (*dataDir, error) {
	return lockDataDir(path, func(d *dataDir) error { return d.loadPart(gateway, validator) })
}

func lockDataDir(path string, load func(*dataDir) error) (*dataDir, error) {
	lock, err := openDir(path, "")
	if err != nil {
		return nil, err
	}
	d := &dataDir{path: path, lock: lock}
	if err := load(d); err != nil {
		return nil, errors.Join(fmt.Errorf("data directory %s: %w", path, err), lock.Close())
	}
	return d, nil
}

// openDir opens a data directory, or a directory in it.
func openDir(data, name string) (*disk.Dir, error) {
	d, err := disk.OpenDir(filepath.Join(data, name))
	if errors.Is(err, disk.ErrInUse) {
		return nil, fmt.Errorf("data directory %s is in use by another viaduct", data)
	}
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	return d, nil
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

func (d *dataDir) load(network string, validators int, now time.Time) error {
	data, err := os.ReadFile(d.file(genesisFile))
	began := !errors.Is(err, fs.ErrNotExist)
	switch {
	case began && err != nil:
		return err
	case began:
		if d.genesis, err = ledger.DecodeGenesis(data); err != nil {
			return err
		}
		validators = len(d.genesis.Validators)
	case network == "":
		return errors.New("there is no network in it")
	}
	if err := d.loadGatewaySecrets(); err != nil {
		return err
	}
	for i := range validators {
		if err := d.loadValidator(keyFile(i)); err != nil {
			return err
		}
	}
	if !began {
		d.genesis = newGenesis(network, now, d.operator, d.validators)
		if err := d.write(genesisFile, d.genesis.Encode()); err != nil {
			return err
		}
	}
	for i, v := range d.genesis.Validators {
		if s, err := d.signer(i); err != nil || s.Validator().Name() != v.Name {
			return fmt.Errorf("%s is not the key that the genesis names", keyFile(i))
		}
	}
	return errors.Join(d.loadNext(), d.checkOperator())
}

func (d *dataDir) loadPart(gateway, validator bool) error {
	data, err := os.ReadFile(d.file(genesisFile))
	if err != nil {
		return err
	}
	if d.genesis, err = ledger.DecodeGenesis(data); err != nil {
		return err
	}
	if validator {
		if err := d.loadValidator(validatorFile); err != nil {
			return err
		}
		if _, err := d.signer(0); err != nil {
			return err
		}
		if err := d.loadNext(); err != nil {
			return err
		}
	}
	if !gateway {
		return nil
	}
	if err := d.loadGatewaySecrets(); err != nil {
		return err
	}
	return d.checkOperator()
}

// keyFile returns the name of the file with the key of the validator with that index in the genesis.
func keyFile(i int) string {
	if i == 0 {
		return validatorFile
	}
	return fmt.Sprintf("validator-%d.key", i+1)
}

func public(key ed25519.PrivateKey) [32]byte { return [32]byte(key.Public().(ed25519.PublicKey)) }

func (d *dataDir) loadValidator(name string) error {
	seed, err := d.secret(name)
	if err == nil {
		d.validators = append(d.validators, ed25519.NewKeyFromSeed(seed))
	}
	return err
}

func (d *dataDir) checkOperator() error {
	key := public(d.operator)
	changed, err := os.ReadFile(d.file(operatorChangedFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if d.genesis.Operator != key && string(changed) != hex.EncodeToString(key[:]) {
		return fmt.Errorf("%s is not the key that the genesis names", operatorFile)
	}
	return nil
}

// loadGatewaySecrets reads the operator's and the master key, or makes them where no network has begun
// yet. The master key has a check beside it: with another one the gateway would start, and open nothing
// of what it sealed.
func (d *dataDir) loadGatewaySecrets() error {
	data, err := os.ReadFile(d.file(apiKeysFile))
	if err == nil {
		err = json.Unmarshal(data, &d.apiKeys)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	operator, err := d.secret(operatorFile)
	if err != nil {
		return err
	}
	master, err := d.secret(masterFile)
	if err != nil {
		return err
	}
	d.operator, d.master = ed25519.NewKeyFromSeed(operator), [32]byte(master)
	kept, err := os.ReadFile(d.file(masterCheckFile))
	if errors.Is(err, fs.ErrNotExist) {
		return d.write(masterCheckFile, []byte(masterCheck(master)))
	}
	if err == nil && string(kept) != masterCheck(master) {
		err = fmt.Errorf("%s is not the key that this directory began with: restore it from a backup", masterFile)
	}
	return err
}

func masterCheck(master []byte) string {
	sum := sha256.Sum256(append([]byte("viaduct/master-check/v1\x00"), master...))
	return hex.EncodeToString(sum[:8])
}

// newGenesis makes the genesis of a network of these validators.
func newGenesis(network string, now time.Time, operator ed25519.PrivateKey, validators []ed25519.PrivateKey) *ledger.Genesis {
	g := &ledger.Genesis{
		Name: network, Time: now.UnixMilli(), Operator: public(operator), Currencies: money.Currencies(), Rules: ledger.RulesVersion,
	}
	for i, key := range validators {
		g.Validators = append(g.Validators, ledger.Validator{Name: fmt.Sprintf("%s-validator-%d", network, i+1), Key: public(key)})
	}
	return g
}

// secret returns the 32 bytes in a file, making them when the directory holds no network yet.
func (d *dataDir) secret(name string) ([]byte, error) {
	secret, err := readSecret(d.file(name))
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
	return secret, err
}

func readSecret(file string) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != 32 {
		return nil, fmt.Errorf("%s does not hold 32 bytes in hex", filepath.Base(file))
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

// signer returns the validator with this directory's key of that index, by the name the genesis gives it, or
// that it got when it joined or changed its key.
func (d *dataDir) signer(i int) (*proof.Signer, error) {
	for _, v := range d.genesis.Validators {
		if v.Key == public(d.validators[i]) {
			return proof.NewSigner(v.Name, d.validators[i])
		}
	}
	name, err := os.ReadFile(d.file(validatorNameFile))
	if err == nil && i == 0 {
		return proof.NewSigner(string(name), d.validators[i])
	}
	return nil, errors.Join(fmt.Errorf("%s is not a key that the genesis names", validatorFile), ignoreMissing(err))
}

func (d *dataDir) close() error { return d.lock.Close() }
