package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"testing"
	"time"

	"viaduct/gateway"
	"viaduct/settlement/sqlstore"
)

// A master key is replaced whole, also by a run that follows one which died anywhere: the directory opens the
// database after each, and only once the old key is retired does that one open nothing.
func TestKeysMaster(t *testing.T) {
	for name, died := range map[string]func(t *testing.T, d *dataDir, s *sqlstore.Store){
		"at the start": func(*testing.T, *dataDir, *sqlstore.Store) {},
		"with the new key on disk": func(t *testing.T, d *dataDir, _ *sqlstore.Store) {
			must(t, d.write(masterNextFile, []byte(hex.EncodeToString(make32(7)))))
		},
		"with the new key in the database": func(t *testing.T, d *dataDir, s *sqlstore.Store) {
			must(t, d.write(masterNextFile, []byte(hex.EncodeToString(make32(7)))))
			secrets, err := gateway.Unlock(t.Context(), s, d.master)
			must(t, err)
			must(t, secrets.AddMaster(t.Context(), s, [32]byte(make32(7))))
			must(t, os.Remove(d.file(masterCheckFile)))
		},
		"with the new key in the directory": func(t *testing.T, d *dataDir, s *sqlstore.Store) {
			must(t, d.replaceMaster(t.Context(), s))
			must(t, os.Remove(d.file(masterCheckFile)))
			must(t, d.write(masterNextFile, []byte(hex.EncodeToString(d.master[:]))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, path := t.Context(), t.TempDir()
			d, err := openDataDir(path, "test", 1, time.UnixMilli(1))
			must(t, err)
			store, err := serveFlags{}.openStore(ctx, d)
			must(t, err)
			_, err = gateway.Unlock(ctx, store, d.master)
			must(t, err)
			old := d.master
			died(t, d, store)
			must(t, store.Close())
			must(t, d.close())
			run := func(retire bool) {
				t.Helper()
				must(t, keysMasterCmd{Data: path, Retire: retire}.Run(ctx, terminal{out: new(bytes.Buffer)}))
			}
			opens := func(key [32]byte, want error) {
				t.Helper()
				d, err := openDataDir(path, "", 1, time.UnixMilli(2))
				must(t, err)
				store, err := serveFlags{}.openStore(ctx, d)
				must(t, err)
				if key == [32]byte{} {
					key = d.master
				}
				if _, err := gateway.Unlock(ctx, store, key); !errors.Is(err, want) {
					t.Errorf("unlock: %v, want %v", err, want)
				}
				if key == d.master && key == old {
					t.Error("the directory has the old key")
				}
				must(t, store.Close())
				must(t, d.close())
			}
			run(false)
			opens([32]byte{}, nil)
			opens(old, nil)
			run(true)
			opens([32]byte{}, nil)
			opens(old, gateway.ErrMaster)
			if _, err := os.Stat(d.file(masterNextFile)); err == nil {
				t.Error("the new key is still on its way")
			}
		})
	}
	empty := t.TempDir()
	if err := (keysMasterCmd{Data: empty}).Run(context.Background(), terminal{out: new(bytes.Buffer)}); err == nil {
		t.Error("made a key where there is no network")
	}
	if left, _ := os.ReadDir(empty); len(left) > 1 { // the lock
		t.Errorf("left in it: %v", left)
	}
}

func make32(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
