package main

import (
	"errors"
	"fmt"
	"os"

	"viaduct/ledger"
	"viaduct/settlement"
)

type diffStateCmd struct {
	A       string `arg:"" type:"existingfile" help:"A snapshot: a file of a data directory's snapshots."`
	B       string `arg:"" type:"existingfile" help:"Another node's snapshot of the same height."`
	Genesis string `required:"" type:"existingfile" help:"The network's genesis, from any data directory."`
	Most    int    `default:"20" help:"How many differences to print."`
}

// Run names the entries in which two nodes' ledgers differ, with both sides' bytes. Exit code 1 means that
// they differ.
func (c diffStateCmd) Run(t terminal) error {
	data, err := os.ReadFile(c.Genesis)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsed, err)
	}
	g, err := ledger.DecodeGenesis(data)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsed, err)
	}
	var states [2]*ledger.State
	for i, name := range []string{c.A, c.B} {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("%w: %w", errUsed, err)
		}
		states[i], err = settlement.ReadSnapshot(f, g)
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%w: %s: %w", errUsed, name, err)
		}
	}
	all := ledger.Compare(states[0], states[1], max(1, c.Most))
	for _, d := range all {
		fmt.Fprintf(t.out, "%s %d\n  A %s\n    %x\n  B %s\n    %x\n", d.Table, d.Entry, d.AText, d.A, d.BText, d.B)
	}
	if len(all) > 0 {
		return fmt.Errorf("the ledgers of heights %d and %d differ", states[0].Height(), states[1].Height())
	}
	_, err = fmt.Fprintf(t.out, "the ledgers are the same, at height %d\n", states[0].Height())
	return err
}
