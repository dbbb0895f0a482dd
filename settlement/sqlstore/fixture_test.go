package sqlstore

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"

	"viaduct/fx"
	"viaduct/internal/money"
	"viaduct/internal/testenv"
	"viaduct/ledger"
)

var (
	usd, eur = money.MustCurrency("USD"), money.MustCurrency("EUR")

	chase  = ledger.MustBIC("CHASUS33")
	bbva   = ledger.MustBIC("BBVAMXMM")
	kbc    = ledger.MustBIC("KREDBEBB")
	dealer = ledger.MustBIC("DEUTDEFF")

	usdAtChase = ledger.AssetName{Currency: usd, Issuer: chase}
	eurAtChase = ledger.AssetName{Currency: eur, Issuer: chase}
)

const genesisTime = 1_770_000_000_000

// onEach runs a test on every kind of database, each new and migrated.
func onEach(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newStore(t, "sqlite:"+filepath.Join(t.TempDir(), "viaduct.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, newStore(t, testenv.Postgres(t))) })
}

func newStore(t testing.TB, dsn string) *Store {
	t.Helper()
	if err := Migrate(context.Background(), dsn); err != nil {
		t.Fatal(err)
	}
	s, err := Open(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// chain is a real ledger, whose blocks the tests project.
type chain struct {
	t     testing.TB
	state *ledger.State
	block ledger.Block
	leaf  uint64
	keys  int
}

func keyOf(seed string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte(seed))
	return ed25519.NewKeyFromSeed(sum[:])
}

// newChain returns a ledger at its genesis, and that block's projection.
func newChain(t testing.TB, name string) (*chain, *Projection) {
	t.Helper()
	c := &chain{t: t}
	operator := [32]byte(keyOf("operator").Public().(ed25519.PublicKey))
	state, err := ledger.New(&ledger.Genesis{
		Name: name, Time: genesisTime, Operator: operator, Rules: ledger.RulesVersion,
		Validators: []ledger.Validator{{Name: "v1", Key: operator}}, Currencies: []money.Currency{eur, usd},
	}, &c.block)
	if err != nil {
		t.Fatal(err)
	}
	c.state = state
	state.Attach(fx.New(state))
	return c, c.project()
}

// order is what one participant asks of one message; the zero participant is the operator.
type order struct {
	by  ledger.BIC
	key string // idempotency key; made up when empty
	do  []ledger.Instruction
	// signer signs for by; by's own key when empty.
	signer string
}

func (c *chain) submission(o order) []byte {
	c.t.Helper()
	if o.key == "" {
		c.keys++
		o.key = fmt.Sprintf("key-%d", c.keys)
	}
	signer := o.signer
	if signer == "" {
		signer = o.by.String()
	}
	if signer == "" {
		signer = "operator"
	}
	b, err := ledger.Sign(&ledger.Submission{
		Network: c.state.Network(), Participant: o.by, Key: []byte(o.key), Fingerprint: sha256.Sum256([]byte(o.key)),
	}, o.do, keyOf(signer))
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// next applies a message of orders, a second after the last one, and returns its projection.
func (c *chain) next(orders ...order) *Projection {
	c.t.Helper()
	var submissions [][]byte
	for _, o := range orders {
		submissions = append(submissions, c.submission(o))
	}
	height := c.state.Height() + 1
	data := ledger.EncodeMessage(nil, height, 1, c.state.LastMessage(), genesisTime+int64(height)*1000, submissions)
	var m ledger.Message
	if err := ledger.DecodeMessage(data, &m); err != nil {
		c.t.Fatal(err)
	}
	if err := c.state.Apply(&m, &c.block); err != nil {
		c.t.Fatal(err)
	}
	return c.project()
}

func (c *chain) project() *Projection {
	p := NewProjection(&c.block, c.state, c.leaf)
	c.leaf += uint64(len(c.block.LeafHashes))
	return p
}

func idOf(n int) (id ledger.ID) {
	id[0] = 1
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func admit(bic ledger.BIC, name string) *ledger.Admit {
	country := [2]byte([]byte(bic.Country()))
	return &ledger.Admit{BIC: bic, Name: name, Country: country, Key: [32]byte(keyOf(bic.String()).Public().(ed25519.PublicKey))}
}

func line(asset ledger.AssetName, limit int64) *ledger.SetLine {
	return &ledger.SetLine{Asset: asset, Limit: limit, QualityIn: ledger.Unit, QualityOut: ledger.Unit}
}

// payUSD asks for an exact delivery of USD.
func payUSD(n int, to ledger.BIC, amount int64) *ledger.Pay {
	p := &ledger.Pay{
		ID: idOf(n), To: to, Mode: ledger.ExactDeliver, Send: ledger.AssetName{Currency: usd}, Deliver: ledger.AssetName{Currency: usd},
		Amount: amount, Bound: amount, UETRKind: ledger.UETRPayment, Commitment: ledger.Commit(ledger.Hash{}, nil),
	}
	p.UETR = [16]byte(idOf(n))
	p.UETR[0] = 2
	return p
}

// settledWorld projects a network in which chase issues USD and EUR that bbva and kbc accept, and in
// which bbva got USD 1,000.00 by payment 1.
func settledWorld(t testing.TB, s *Store, name string) *chain {
	t.Helper()
	c, genesis := newChain(t, name)
	projectAll(t, s, genesis,
		c.next(order{do: []ledger.Instruction{admit(chase, "Chase"), admit(bbva, "BBVA"), admit(kbc, "KBC"), admit(dealer, "Dealer")}}),
		c.next(
			order{by: bbva, do: []ledger.Instruction{line(usdAtChase, 1_000_000)}},
			order{by: kbc, do: []ledger.Instruction{line(usdAtChase, 1_000_000), line(eurAtChase, 1_000_000)}},
			order{by: dealer, do: []ledger.Instruction{line(usdAtChase, 1_000_000), line(eurAtChase, 1_000_000)}}),
		c.next(order{by: chase, do: []ledger.Instruction{payUSD(1, bbva, 100_000)}}))
	return c
}

func projectAll(t testing.TB, s *Store, blocks ...*Projection) {
	t.Helper()
	for _, p := range blocks {
		if err := s.Project(context.Background(), p); err != nil {
			t.Fatal(err)
		}
	}
}
