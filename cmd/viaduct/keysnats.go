package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"

	"viaduct/ledger"
	"viaduct/settlement"
	"viaduct/settlement/journal/natsjournal"

	"github.com/nats-io/nkeys"
)

// The files of NATS in the directory of a process or server.
const (
	natsKeyFile    = "nats.nk" // the nkey seed
	natsCAFile     = "nats-ca.pem"
	natsConfigFile = "nats.conf"
	natsCertFile   = "server.pem"
	natsCertKey    = "server.key"
)

type keysNATSCmd struct {
	Dir         string   `required:"" type:"existingdir" help:"The directory that viaduct keys network made."`
	Hosts       []string `name:"host" help:"The name of a NATS server's host, as the others reach it; repeat for each. They serve on --port and --cluster-port."`
	Port        int      `default:"4222" help:"The port for clients."`
	ClusterPort int      `default:"6222" help:"The port between servers."`
	Loopback    int      `placeholder:"N" help:"Instead of --host: so many servers on this machine, on free ports of 127.0.0.1."`
	Sequencers  int      `default:"2" help:"How many of the validators, from the first, may sequence: they alone may write the journal."`
}

// natsUser is one process's user.
type natsUser struct {
	NKey      string
	Name      string // of the process
	Publish   []string
	Subscribe []string
}

// natsNode is one NATS server.
type natsNode struct {
	Name            string
	Host            string // as others reach it
	Listen, Cluster string // as it listens
	Client, Route   string // as others reach it
}

// Run makes an nkey for each process and, for each NATS server, a directory nats-1, … with its
// configuration and certificate.
func (c keysNATSCmd) Run(t terminal) error {
	servers, err := c.servers()
	if err != nil {
		return err
	}
	users, err := c.users()
	if err != nil {
		return err
	}
	ca, err := newAuthority()
	if err != nil {
		return err
	}
	var urls, routes []string
	for _, s := range servers {
		urls, routes = append(urls, "tls://"+s.Client), append(routes, "tls://"+s.Route)
	}
	for i, s := range servers {
		cert, key, err := ca.issue(s.Host)
		if err != nil {
			return err
		}
		var config bytes.Buffer
		if err := natsConfig.Execute(&config, map[string]any{"Self": s, "Servers": servers, "Routes": routes, "Users": users}); err != nil {
			return err
		}
		err = writeFiles(filepath.Join(c.Dir, fmt.Sprintf("nats-%d", i+1)), map[string][]byte{
			natsConfigFile: config.Bytes(), natsCertFile: cert, natsCertKey: key, natsCAFile: ca.cert,
		})
		if err != nil {
			return err
		}
	}
	for _, u := range users {
		if err := writeFiles(filepath.Join(c.Dir, u.Name), map[string][]byte{natsCAFile: ca.cert}); err != nil {
			return err
		}
	}
	// For scripts: the last line is the URL.
	_, err = fmt.Fprintf(t.out, "made %d NATS servers and %d users in %s\n%s\n", len(servers), len(users), c.Dir, strings.Join(urls, ","))
	return err
}

func (c keysNATSCmd) servers() ([]natsNode, error) {
	if (len(c.Hosts) == 0) == (c.Loopback == 0) {
		return nil, fmt.Errorf("%w: give either --host or --loopback", errUsed)
	}
	var all []natsNode
	for i, host := range c.Hosts {
		all = append(all, natsNode{
			Name: fmt.Sprintf("nats-%d", i+1), Host: host,
			Listen: fmt.Sprintf("0.0.0.0:%d", c.Port), Cluster: fmt.Sprintf("0.0.0.0:%d", c.ClusterPort),
			Client: fmt.Sprintf("%s:%d", host, c.Port), Route: fmt.Sprintf("%s:%d", host, c.ClusterPort),
		})
	}
	// All ports are held until all are found, so that none is handed out twice.
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close()
		}
	}()
	free := func() (string, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		held = append(held, l)
		return l.Addr().String(), nil
	}
	for i := range c.Loopback {
		client, err1 := free()
		route, err2 := free()
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		all = append(all, natsNode{Name: fmt.Sprintf("nats-%d", i+1), Host: "127.0.0.1", Listen: client, Cluster: route, Client: client, Route: route})
	}
	return all, nil
}

// users makes an nkey for each process's directory.
func (c keysNATSCmd) users() ([]natsUser, error) {
	var users []natsUser
	for _, kind := range []string{"validator", "gateway"} {
		for i := 1; ; i++ {
			name := fmt.Sprintf("%s-%d", kind, i)
			data, err := os.ReadFile(filepath.Join(c.Dir, name, genesisFile))
			if errors.Is(err, os.ErrNotExist) {
				break
			}
			if err != nil {
				return nil, err
			}
			genesis, err := ledger.DecodeGenesis(data)
			if err != nil {
				return nil, err
			}
			pair, err := nkeys.CreateUser()
			if err != nil {
				return nil, err
			}
			seed, err := pair.Seed()
			if err != nil {
				return nil, err
			}
			public, err := pair.PublicKey()
			if err != nil {
				return nil, err
			}
			if err := writeFiles(filepath.Join(c.Dir, name), map[string][]byte{natsKeyFile: seed}); err != nil {
				return nil, err
			}
			u := natsUser{NKey: public, Name: name}
			if kind == "gateway" {
				u.Publish, u.Subscribe = settlement.ClientSubjects()
			} else {
				var validator string
				if joined, err := os.ReadFile(filepath.Join(c.Dir, name, validatorNameFile)); err == nil {
					validator = string(joined)
				} else if i <= len(genesis.Validators) {
					validator = genesis.Validators[i-1].Name
				} else {
					return nil, fmt.Errorf("%s: the genesis names %d validators, and it has no %s", name, len(genesis.Validators), validatorNameFile)
				}
				u.Publish, u.Subscribe = settlement.NodeSubjects(validator, i <= c.Sequencers)
				u.Publish = append(u.Publish, natsjournal.Subjects(i <= c.Sequencers)...)
			}
			u.Subscribe = append(u.Subscribe, inboxPrefix(public)+".>")
			users = append(users, u)
		}
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("%s: no validator-1 in it; make it with viaduct keys network", c.Dir)
	}
	return users, nil
}

// inboxPrefix is where a user's answers go; nobody else may listen there.
func inboxPrefix(user string) string { return "_INBOX_" + user }

// userOf returns the public key of the user whose seed is in a file.
func userOf(seedFile string) (string, error) {
	seed, err := os.ReadFile(seedFile)
	if err != nil {
		return "", err
	}
	pair, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err != nil {
		return "", fmt.Errorf("nats key %s: %w", seedFile, err)
	}
	defer pair.Wipe()
	return pair.PublicKey()
}

// quoted writes a list as the configuration has it.
func quoted(all []string) string {
	var b strings.Builder
	for i, s := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(s))
	}
	return b.String()
}

// natsConfig is a server's configuration. Paths are relative to its directory. Every message is on disk
// before it is acknowledged.
var natsConfig = template.Must(template.New("nats.conf").Funcs(template.FuncMap{"list": quoted}).Parse(`# Made by viaduct keys nats. A gateway may submit and ask, a validator may read the journal and vote,
# and only those that may sequence can write the journal.
server_name: {{.Self.Name}}
listen: "{{.Self.Listen}}"
tls { cert_file: "server.pem", key_file: "server.key", ca_file: "nats-ca.pem" }
jetstream { store_dir: "jetstream", sync_interval: always, max_memory_store: 256MB }
{{- if gt (len .Servers) 1}}
cluster {
  name: viaduct
  listen: "{{.Self.Cluster}}"
  tls { cert_file: "server.pem", key_file: "server.key", ca_file: "nats-ca.pem", verify: true }
  routes: [{{list .Routes}}]
}
{{- end}}
system_account: SYS
accounts {
  SYS { users: [] }
  VIADUCT {
    jetstream: enabled
    users: [
{{- range .Users}}
      { # {{.Name}}
        nkey: {{.NKey}}
        permissions {
          publish: [{{list .Publish}}]
          subscribe: [{{list .Subscribe}}]
          allow_responses: { max: 1, expires: "1m" }
        }
      }
{{- end}}
    ]
  }
}
`))
