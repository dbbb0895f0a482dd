// Command viaduct is the whole of Viaduct in one binary: a demo network, a node with its gateway, and
// the tools around them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// commands are viaduct's subcommands.
type commands struct {
	Demo    demoCmd    `cmd:"" help:"Run a whole demonstration network in this process: banks, dealers, lines and offers."`
	Up      upCmd      `cmd:"" help:"Run an empty network in this process: gateway, settlement node and embedded services."`
	Listen  listenCmd  `cmd:"" help:"Receive webhooks on this machine, check their signatures and print them."`
	Quote   quoteCmd   `cmd:"" help:"Ask a gateway what a payment would cost, and by which way it would go."`
	Message messageCmd `cmd:"" help:"Work with ISO 20022 messages."`
	Verify  verifyCmd  `cmd:"" help:"Check a receipt offline, trusting nothing but the validators' public keys."`
	Bench   benchCmd   `cmd:"" help:"Measure."`
	Export  exportCmd  `cmd:"" help:"Write a ledger's whole journal to one file, from which all of it can be proven again."`
	Import  importCmd  `cmd:"" help:"Prove an archive from its genesis on, and begin a data directory with it."`
	Keys    keysCmd    `cmd:"" help:"Make Ed25519 keys, and show those of a data directory."`
	Migrate migrateCmd `cmd:"" help:"Bring a database to this version's schema."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// terminal is where a subcommand writes.
type terminal struct {
	out, err io.Writer
}

// errUsed marks errors of usage, which exit with 2 as the shell's do.
var errUsed = errors.New("usage")

// run runs one subcommand and returns the exit code: 0 done, 1 failed, 2 called wrongly.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	var c commands
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("viaduct"),
		kong.Description("Viaduct settles cross-border payments between banks: every leg at once or none, with a receipt anyone can check."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(terminal{stdout, stderr}),
	)
	if err != nil {
		fmt.Fprintf(stderr, "viaduct: %v\n", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	switch {
	case exited >= 0: // help was asked for and printed
		return exited
	case err != nil:
		fmt.Fprintf(stderr, "viaduct: %v; see viaduct --help\n", err)
		return 2
	}
	if err := k.Run(); err != nil {
		fmt.Fprintf(stderr, "viaduct: %v\n", err)
		if errors.Is(err, errUsed) {
			return 2
		}
		return 1
	}
	return 0
}

type versionCmd struct{}

// Run prints the module's version and the commit it was built from, when the build knows them.
func (versionCmd) Run(t terminal) error {
	version, commit := "devel", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				commit = " " + s.Value[:12]
			}
		}
	}
	_, err := fmt.Fprintf(t.out, "viaduct %s%s\n", version, commit)
	return err
}
