package main

import (
	"context"
	"fmt"
	"slices"
)

// The roles a process can have.
const (
	roleGateway    = "gateway"
	roleSettlement = "settlement"
	roleValidator  = "validator"
	roleProjector  = "projector"
)

type runCmd struct {
	serveFlags
	natsFlags
	Roles []string `default:"gateway,settlement,validator,projector" help:"What this process does: gateway (serves HTTP), settlement (sequences when no other does), validator (signs blocks), projector (writes final blocks to SQL)." env:"VIADUCT_ROLES"`
	Data  string   `default:"viaduct-data" help:"The data directory, with the genesis and the keys the roles need: see viaduct keys network." type:"path" env:"VIADUCT_DATA"`
	Name  string   `help:"The name of a settlement or projector node that is no validator; no two may share one." env:"VIADUCT_NAME"`
}

// Run runs some roles of a network until it is told to stop.
func (c runCmd) Run(ctx context.Context, t terminal) error {
	has := make(map[string]bool)
	for _, r := range c.Roles {
		if !slices.Contains([]string{roleGateway, roleSettlement, roleValidator, roleProjector}, r) {
			return fmt.Errorf("%w: %q is no role", errUsed, r)
		}
		has[r] = true
	}
	node := has[roleSettlement] || has[roleValidator] || has[roleProjector]
	switch {
	case len(has) == 0:
		return fmt.Errorf("%w: no roles", errUsed)
	case c.URL == "" && len(has) < 4:
		return fmt.Errorf("%w: without --nats-url a process has to have all roles", errUsed)
	case c.DatabaseURL == "" && has[roleGateway] != has[roleProjector]:
		return fmt.Errorf("%w: gateways and projectors share a database: give --database-url", errUsed)
	case node && !has[roleValidator] && !plainName(c.Name):
		return fmt.Errorf("%w: a node that is no validator needs a --name of a-z, 0-9 and '-'", errUsed)
	}
	what := setup{
		open:    func() (*dataDir, error) { return openPart(c.Data, has[roleGateway], has[roleValidator]) },
		gateway: has[roleGateway], nats: c.natsFlags,
		parts: func(d *dataDir) ([]part, error) {
			if !node {
				return nil, nil
			}
			p := part{name: c.Name, sequence: has[roleSettlement], project: has[roleProjector]}
			if has[roleValidator] {
				var err error
				if p.signer, err = d.signer(0); err != nil {
					return nil, err
				}
				if p.next, err = d.nextSigner(); err != nil {
					return nil, err
				}
				p.name = p.signer.Validator().Name()
			}
			return []part{p}, nil
		},
	}
	return c.serve(ctx, t, what, func(_ context.Context, s *served) error {
		_, err := fmt.Fprintf(t.out, "Viaduct serves %s\n", s.url)
		return err
	})
}

func plainName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 60
}
