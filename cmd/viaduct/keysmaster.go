package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"viaduct/gateway"
	"viaduct/settlement/sqlstore"
)

type keysMasterCmd struct {
	Data        string `required:"" type:"existingdir" help:"The data directory of a gateway that does not run now."`
	DatabaseURL string `name:"database-url" placeholder:"URL" help:"The gateways' postgres://… instead of SQLite in the data directory." env:"VIADUCT_DATABASE_URL"`
	Retire      bool   `help:"Make no new one: let no other master key than the directory's open the database from now on."`
}

// masterNextFile holds a new master key until it is the directory's.
const masterNextFile = "master.next"

// Run gives the directory a new master key that opens the database as the old one does; or ends the old one.
func (c keysMasterCmd) Run(ctx context.Context, t terminal) (err error) {
	d, err := lockDataDir(c.Data, func(d *dataDir) error {
		if _, err := os.Stat(d.file(genesisFile)); err != nil {
			return err // no network has begun in it, and none is to
		}
		return d.loadGatewaySecrets()
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	store, err := serveFlags{DatabaseURL: c.DatabaseURL}.openStore(ctx, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if c.Retire {
		n, err := gateway.RetireMasters(ctx, store, d.master)
		if err == nil {
			_, err = fmt.Fprintf(t.out, "retired %d old master keys: only %s opens the database now\n", n, d.file(masterFile))
		}
		return err
	}
	if err := d.replaceMaster(ctx, store); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "%s is new, and the old one opens the database too: put the new one into the other gateways' directories (with %s), then run this again with --retire\n",
		d.file(masterFile), masterCheckFile)
	return err
}

// replaceMaster puts a new master key in the place of the directory's. After a crash anywhere the directory has
// a key that opens the database, and to run it again completes it: the new key is on disk before the
// database knows it, and the database knows it before the directory forgets the old one.
func (d *dataDir) replaceMaster(ctx context.Context, store *sqlstore.Store) error {
	next, err := readSecret(d.file(masterNextFile))
	if errors.Is(err, os.ErrNotExist) {
		next = make([]byte, 32)
		_, _ = rand.Read(next) // never fails
		err = d.write(masterNextFile, []byte(hex.EncodeToString(next)))
	}
	if err != nil {
		return err
	}
	secrets, err := gateway.Unlock(ctx, store, d.master)
	if err != nil {
		return err
	}
	if err := secrets.AddMaster(ctx, store, [32]byte(next)); err != nil {
		return err
	}
	// A key without its check is taken as it is; a check of another key is not.
	if err := ignoreMissing(os.Remove(d.file(masterCheckFile))); err != nil {
		return err
	}
	if err := d.write(masterFile, []byte(hex.EncodeToString(next))); err != nil {
		return err
	}
	d.master = [32]byte(next)
	if err := d.write(masterCheckFile, []byte(masterCheck(next))); err != nil {
		return err
	}
	return os.Remove(d.file(masterNextFile))
}
