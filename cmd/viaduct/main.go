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
	Demo       demoCmd       `cmd:"" help:"Run a whole demonstration network in this process: banks, dealers, lines and offers."`
	Up         upCmd         `cmd:"" help:"Run an empty network in this process: gateway, settlement node and embedded services."`
	Run        runCmd        `cmd:"" help:"Run some roles of a network that other processes share: gateway, settlement, validator, projector."`
	NATS       natsCmd       `cmd:"" name:"nats" help:"Run a NATS server as viaduct keys nats has configured it."`
	Listen     listenCmd     `cmd:"" help:"Receive webhooks on this machine, check their signatures and print them."`
	Quote      quoteCmd      `cmd:"" group:"client" help:"Ask a gateway what a payment would cost, and by which way it would go."`
	Pay        payCmd        `cmd:"" group:"client" help:"Pay, and wait until the payment is final."`
	Payments   paymentsCmd   `cmd:"" group:"client" help:"List and show payments, download receipts."`
	Balances   balancesCmd   `cmd:"" group:"client" help:"Show balances, with the block they are true at."`
	Watch      watchCmd      `cmd:"" group:"client" help:"Follow a payment until it is final."`
	Webhooks   webhooksCmd   `cmd:"" group:"client" help:"Add, test and look after webhooks."`
	Validators validatorsCmd `cmd:"" group:"client" help:"Show who signs blocks, and change it: join, leave, another key."`
	Profiles   profilesCmd   `cmd:"" group:"client" help:"Keep gateways and keys under names."`
	Completion completionCmd `cmd:"" group:"client" help:"Print what makes a shell complete viaduct's commands."`
	Complete   completeCmd   `cmd:"" hidden:"" name:"__complete" passthrough:"" help:"Print the words that may come next."`
	Message    messageCmd    `cmd:"" help:"Work with ISO 20022 messages."`
	Verify     verifyCmd     `cmd:"" help:"Check a receipt offline, trusting nothing but the validators' public keys. Exits with 1 when it proves nothing, with 2 when it can't be read."`
	Bench      benchCmd      `cmd:"" help:"Measure."`
	Export     exportCmd     `cmd:"" help:"Write a ledger's whole journal to one file, from which all of it can be proven again."`
	Import     importCmd     `cmd:"" help:"Prove an archive from its genesis on, and begin a data directory with it."`
	DiffState  diffStateCmd  `cmd:"" name:"diff-state" help:"Name the entries in which two nodes' snapshots differ, with both sides' bytes."`
	Keys       keysCmd       `cmd:"" help:"Make Ed25519 keys, and show those of a data directory."`
	Sign       signCmd       `cmd:"" help:"Sign payments and key changes with a participant's own key."`
	Migrate    migrateCmd    `cmd:"" help:"Bring a database to this version's schema."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// terminal is where a subcommand writes.
type terminal struct {
	out, err io.Writer
}

// Kinds of errors with exit codes of their own.
var (
	// errUsed marks what is wrong with the call itself, files it names and fields the gateway found
	// faulty included.
	errUsed = errors.New("usage")
	// errUnknown marks what could not be found out: no gateway answered, or not in time.
	errUnknown = errors.New("not known")
)

// about is what the help begins with.
const about = `Viaduct settles cross-border payments between banks: every leg at once or none, with a receipt anyone can check.

Exit codes: 0 done (a payment: settled); 1 failed, or the answer is no (not settled, not verified, not payable); 2 called wrongly: flags, files, or fields that the gateway found faulty; 3 not known: no answer, or not final in time.`

// run runs one subcommand and returns the exit code, as about has them.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	var c commands
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("viaduct"),
		kong.Description(about),
		kong.Groups{"client": "Ask a gateway"},
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
		switch {
		case errors.Is(err, errUsed):
			return 2
		case errors.Is(err, errUnknown):
			return 3
		}
		return 1
	}
	return 0
}

type versionCmd struct{}

// Run prints the version, the commit and the Go it was built with.
func (versionCmd) Run(t terminal) error {
	info, _ := debug.ReadBuildInfo()
	_, err := fmt.Fprintln(t.out, versionText(info))
	return err
}

// versionText tells what the build knows of itself. `go build` in a clone puts the commit in; `go run`
// does not.
func versionText(info *debug.BuildInfo) string {
	if info == nil {
		return "viaduct, built without build information"
	}
	version, commit, at, changed := "devel", "commit not recorded", "", ""
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = "commit " + s.Value[:min(12, len(s.Value))]
		case "vcs.time":
			at = " of " + s.Value
		case "vcs.modified":
			if s.Value == "true" {
				changed = ", with changes"
			}
		}
	}
	return fmt.Sprintf("viaduct %s (%s%s%s), %s", version, commit, at, changed, info.GoVersion)
}
