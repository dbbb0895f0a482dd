package gateway

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"viaduct/ledger"
	"viaduct/settlement"
	"viaduct/settlement/disk"
	"viaduct/settlement/journal/natsjournal"
	"viaduct/settlement/sqlstore"
)

// confidential is an order with details that have a name to look for.
func confidential(value, name string) obj {
	order := euros(value)
	order["end_to_end_id"] = "E2E-" + value
	order["details"] = obj{"debtor": obj{"name": name, "account": "MX-ACCT-" + name}, "remittance": "for " + name}
	return order
}

func x25519(t *testing.T) *ecdh.PrivateKey {
	t.Helper()
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (r *rig) settled(order obj) string {
	r.t.Helper()
	got := r.must(201, r.do("POST", "/v1/payments", mexican, order, "Prefer", "wait=10"))
	if got.text("status") != "settled" {
		r.t.Fatalf("not settled: %s", got.body)
	}
	return got.text("id")
}

// The receiver reads what its gateway's key opens; with a key of its own it alone opens it; nobody else sees
// anything, and what was sealed to the old key stays readable.
func TestSealedDetails(t *testing.T) {
	r := newRig(t)
	r.market()
	first := r.settled(confidential("1.00", "Tienda"))
	got := r.must(200, r.do("GET", "/v1/payments/"+first, german, nil))
	diff(t, "the receiver's", got.text("details", "debtor", "name")+got.text("sealed_details"), "Tienda")
	kept, err := r.store.EncryptionKeys(t.Context(), ledger.MustBIC(german))
	if err != nil || len(kept) != 1 || len(kept[0].Sealed) == 0 {
		t.Fatalf("the gateway keeps %d keys, %v", len(kept), err)
	}

	own := x25519(t)
	body := obj{"public_key": base64Text(own.PublicKey().Bytes())}
	at := "/v1/participants/" + german + "/encryption-keys"
	r.must(403, r.do("POST", at, "", body))
	r.must(201, r.do("POST", at, german, body))
	r.must(409, r.do("POST", at, german, body))
	r.must(400, r.do("POST", at, german, obj{"public_key": base64Text(make([]byte, 32))}))
	if list := r.must(200, r.do("GET", at, german, nil)); list.text("data", "0", "kept_by_gateway") != "false" || list.text("data", "1", "kept_by_gateway") != "true" {
		t.Errorf("keys: %s", list.body)
	}

	second := r.settled(confidential("2.00", "Zapatos"))
	got = r.must(200, r.do("GET", "/v1/payments/"+second, german, nil))
	if got.text("details") != "" || bytes.Contains(got.body, []byte("Zapatos")) {
		t.Errorf("the gateway opened it: %s", got.body)
	}
	id, err := parseID(second)
	r.ok(err)
	sealed, err := base64.StdEncoding.DecodeString(got.text("sealed_details", "data"))
	r.ok(err)
	var commitment ledger.Hash
	_, err = hex.Decode(commitment[:], []byte(got.text("sealed_details", "commitment")))
	r.ok(err)
	open := func(id ledger.ID, from string, c ledger.Hash, key *ecdh.PrivateKey, sealed []byte) (string, error) {
		e2e, text, err := OpenParcel(r.config.Network, id, ledger.MustBIC(from), ledger.MustBIC(german), c, key.Bytes(), sealed)
		return e2e + string(text), err
	}
	if text, err := open(id, mexican, commitment, own, sealed); err != nil || !strings.Contains(text, "E2E-2.00") || !strings.Contains(text, "Zapatos") {
		t.Errorf("the receiver opens %q, %v", text, err)
	}
	if _, err := open(id, mexican, ledger.Hash{1}, own, sealed); err != errCommitment {
		t.Errorf("another commitment: %v", err)
	}
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for what, try := range map[string]func() (string, error){
		"another key":     func() (string, error) { return open(id, mexican, commitment, x25519(t), sealed) },
		"another payment": func() (string, error) { return open(ledger.ID{1}, mexican, commitment, own, sealed) },
		"another sender":  func() (string, error) { return open(id, dealer, commitment, own, sealed) },
		"a changed byte":  func() (string, error) { return open(id, mexican, commitment, own, flipped) },
		"a cut parcel":    func() (string, error) { return open(id, mexican, commitment, own, sealed[:20]) },
	} {
		if text, err := try(); err != errParcel {
			t.Errorf("%s: %q, %v", what, text, err)
		}
	}
	diff(t, "the sender's", r.must(200, r.do("GET", "/v1/payments/"+second, mexican, nil)).text("details", "debtor", "name"), "Zapatos")
	diff(t, "what was sealed before", r.must(200, r.do("GET", "/v1/payments/"+first, german, nil)).text("details", "debtor", "name"), "Tienda")
	r.must(404, r.do("GET", "/v1/payments/"+second, romanian, nil))

	// A payment that fails leaves its receiver nothing to read.
	poor := confidential("3.00", "Nada")
	poor["send_max"] = cash("MXN", "1.00")
	failed := r.must(201, r.do("POST", "/v1/payments", mexican, poor, "Prefer", "wait=10"))
	diff(t, "status", failed.text("status"), "rejected")
	r.must(404, r.do("GET", "/v1/payments/"+failed.text("id"), german, nil))
}

// With a signing key of its own the participant vouches for its encryption key itself; a key that nobody, or
// somebody else, vouches for is refused, and so is one whose voucher went.
func TestEncryptionKeysAreVouchedFor(t *testing.T) {
	r := newRig(t)
	r.market()
	r.must(201, r.do("POST", "/v1/participants/"+german+"/signing-keys", german, r.ownKey(german, "own")))
	key := x25519(t).PublicKey().Bytes()
	at := "/v1/participants/" + german + "/encryption-keys"
	with := func(signer, bic string) obj {
		message := EncryptionKeyProof(r.config.Network, ledger.MustBIC(bic), [32]byte(key))
		return obj{"public_key": base64Text(key), "proof": base64Text(ed25519.Sign(keyOf(signer), message))}
	}
	for _, bad := range []obj{{"public_key": base64Text(key)}, with("another", german), with("own", mexican)} {
		if got := r.must(400, r.do("POST", at, german, bad)); got.text("errors", "0", "pointer") != "/proof" {
			t.Errorf("a bad proof: %s", got.body)
		}
	}
	// Nothing is sealed to nobody: the order is not made, and its key is free.
	got := r.must(503, r.do("POST", "/v1/payments", mexican, confidential("1.00", "Tienda"), "Idempotency-Key", "again"))
	diff(t, "without a key", got.text("code"), "unavailable")
	r.must(201, r.do("POST", at, german, with("own", german)))
	r.must(201, r.do("POST", "/v1/payments", mexican, confidential("1.00", "Tienda"), "Idempotency-Key", "again", "Prefer", "wait=10"))
	// Whoever writes into the database can't have things sealed to a key of his own.
	r.ok(r.store.PutEncryptionKey(t.Context(), sqlstore.EncryptionKey{
		Public: [32]byte(x25519(t).PublicKey().Bytes()), Participant: ledger.MustBIC(german), Signer: public("own"), Proof: make([]byte, 64), Created: r.gateway.now() + 1,
	}))
	r.ok(r.store.PutEncryptionKey(t.Context(), sqlstore.EncryptionKey{
		Public: [32]byte(x25519(t).PublicKey().Bytes()), Participant: ledger.MustBIC(german), Sealed: []byte("forged"), Created: r.gateway.now() + 2,
	}))
	k, _, err := r.gateway.receiverKey(t.Context(), ledger.MustBIC(german))
	if err != nil || k != [32]byte(key) {
		t.Errorf("sealed to %x, %v, want %x", k, err, key)
	}
}

// What the sender's gateway hands over and isn't what was committed to is told, and not shown.
func TestDetailsMismatch(t *testing.T) {
	r := newRig(t)
	r.market()
	id, err := parseID(r.settled(euros("1.00")))
	r.ok(err)
	p, err := r.store.Payment(t.Context(), ledger.MustBIC(mexican), id)
	r.ok(err)
	key, _, err := r.gateway.receiverKey(t.Context(), p.To)
	r.ok(err)
	parcel, err := newParcel(r.config.Network, &p, key, newSalt(), []byte(`{"remittance":"pay the thief"}`))
	r.ok(err)
	r.ok(r.store.PutParcel(t.Context(), parcel))
	got := r.must(200, r.do("GET", "/v1/payments/"+idText(id), german, nil))
	if got.text("details_mismatch") != "true" || got.text("details") != "" || bytes.Contains(got.body, []byte("thief")) {
		t.Errorf("shown: %s", got.body)
	}
}

// elsewhere starts a gateway with a database and a master key of its own, which a node of its own projects into.
func (r *rig) elsewhere(bics ...string) *rig {
	r.t.Helper()
	ctx, dir := r.t.Context(), r.t.TempDir()
	url := "sqlite:" + filepath.Join(dir, "elsewhere.db")
	r.ok(sqlstore.Migrate(ctx, url))
	store, err := sqlstore.Open(ctx, url)
	r.ok(err)
	conn, err := r.bus.Connect("elsewhere")
	r.ok(err)
	journal, err := natsjournal.Open(ctx, conn, 1)
	r.ok(err)
	blocks, err := disk.OpenDir(filepath.Join(dir, "blocks"))
	r.ok(err)
	tree, err := disk.OpenDir(filepath.Join(dir, "tree"))
	r.ok(err)
	node, err := settlement.Open(ctx, settlement.Config{
		Name: "elsewhere", Genesis: r.genesis, Blocks: blocks, Tree: tree, Journal: journal, Bus: settlement.Over(conn),
		Store: store, Now: r.config.Now, Log: slog.New(slog.DiscardHandler),
	})
	r.ok(err)
	client, err := settlement.NewClient(settlement.Over(conn))
	r.ok(err)
	run, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(run) }()
	b := &rig{t: r.t, keys: r.keys, doc: r.doc, policy: r.policy, client: r.client, config: r.config, store: store, bus: r.bus}
	b.config.Engine, b.config.Store, b.config.Cache, b.config.Bus = ownStore{client, store}, store, nil, settlement.Over(conn)
	b.requests.Store(1 << 20) // its idempotency keys are others
	b.config.Secrets, err = Unlock(ctx, store, [32]byte{'e'})
	r.ok(err)
	b.gateway, err = New(b.config)
	r.ok(err)
	stopParcels, err := b.gateway.ServeParcels(ctx)
	r.ok(err)
	server := httptest.NewServer(b.gateway.Handler())
	b.url = server.URL
	r.t.Cleanup(func() {
		server.Close()
		stop()
		for _, err := range []error{<-ended, stopParcels(), client.Close(), node.Close(), blocks.Close(), tree.Close(), store.Close()} {
			if err != nil {
				r.t.Errorf("close what is elsewhere: %v", err)
			}
		}
		conn.Close()
	})
	// The operator has a key at each store, and a participant at the one that serves it.
	operator, err := b.gateway.CreateOperatorKey(ctx, "elsewhere")
	r.ok(err)
	b.keys = map[string]string{"": operator}
	b.admit(bics...)
	return b
}

// ownStore waits for what its own store has, where the first store that has it is announced to all.
type ownStore struct {
	*settlement.Client
	store *sqlstore.Store
}

// WaitFinal returns once the store has the block.
func (s ownStore) WaitFinal(ctx context.Context, height uint64) error {
	for {
		if at, _, ok, err := s.store.Projected(ctx); err != nil || ok && at >= height {
			return err
		}
	}
}

// eventually asks until the answer is there: the two databases are projected into side by side.
func (r *rig) eventually(status int, path, as string) *reply {
	r.t.Helper()
	for {
		got := r.do("GET", path, as, nil)
		if got.status == status {
			return got
		}
		if err := r.t.Context().Err(); err != nil {
			r.t.Fatal(err)
		}
	}
}

// A receiver whom another gateway with another database serves has the details there before the payment is
// ordered; when that gateway does not take them, nothing is ordered.
func TestDetailsTravelSealed(t *testing.T) {
	const austrian = "OEBKATWW"
	r := newRig(t)
	r.bussed()
	r.market()
	b := r.elsewhere(austrian)
	r.eventually(200, "/v1/participants/"+austrian, mexican)
	r.must(200, b.do("PUT", "/v1/lines/"+austrian+"/MXN/"+mexican, austrian, obj{"limit": "1000.00"}))
	order := confidential("1.00", "Tienda")
	order["to"], order["deliver"], order["send_max"] = austrian, cash("MXN", "1.00", mexican), cash("MXN", "1.00", mexican)

	var seen [][]byte // all that goes over the bus between the gateways
	spy, err := r.bus.Connect("spy")
	r.ok(err)
	heard := make(chan []byte, 64)
	stop, err := settlement.Over(spy).Subscribe("viaduct.details.*", func(data []byte, _ func([]byte)) { heard <- data })
	r.ok(err)

	id := r.settled(order)
	got := b.eventually(200, "/v1/payments/"+id, austrian)
	diff(t, "the receiver's", []string{got.text("details", "debtor", "name"), got.text("end_to_end_id")}, []string{"Tienda", "E2E-1.00"})
	for len(seen) < 2 { // a question for the key, and the parcel
		seen = append(seen, <-heard)
	}
	for _, data := range seen {
		if bytes.Contains(data, []byte("Tienda")) || bytes.Contains(data, []byte("E2E-")) {
			t.Errorf("in clear on the bus: %q", data)
		}
	}
	r.ok(stop())
	spy.Close()

	// Where the receiver's gateway does not take them nothing is ordered, and the key is free.
	lost := b.gateway.cfg.Bus
	before, err := r.engine.Status(t.Context())
	r.ok(err)
	refusing := &noParcels{Bus: lost}
	r.gateway.cfg.Bus = refusing
	order["details"] = obj{"remittance": "second"}
	failed := r.must(503, r.do("POST", "/v1/payments", mexican, order, "Idempotency-Key", "second"))
	diff(t, "code", failed.text("code"), "unavailable")
	if after, err := r.engine.Status(t.Context()); err != nil || after.Height != before.Height {
		t.Errorf("ordered all the same: height %d, then %d, %v", before.Height, after.Height, err)
	}
	if refusing.asked == 0 {
		t.Error("nobody was asked to take the parcel")
	}
	r.gateway.cfg.Bus = lost
	r.must(201, r.do("POST", "/v1/payments", mexican, order, "Idempotency-Key", "second", "Prefer", "wait=10"))
	// Who isn't served by anyone is not paid with details.
	r.must(201, r.do("POST", "/v1/participants/"+german+"/signing-keys", german, r.ownKey(german, "own")))
	nobody := r.must(503, r.do("POST", "/v1/payments", mexican, confidential("1.00", "X")))
	diff(t, "code", nobody.text("code"), "unavailable")
	r.must(201, r.do("POST", "/v1/payments", mexican, euros("1.00"), "Prefer", "wait=10"))
}

// noParcels is a bus on which parcels are refused.
type noParcels struct {
	Bus
	asked int
}

// Request refuses parcels.
func (b *noParcels) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if subject == settlement.SubjectParcel {
		b.asked++
		return []byte(parcelRefused), nil
	}
	return b.Bus.Request(ctx, subject, data)
}

// bussed connects the rig's gateway to the others.
func (r *rig) bussed() {
	r.t.Helper()
	conn, err := r.bus.Connect("gateway's parcels")
	r.ok(err)
	r.t.Cleanup(conn.Close)
	r.gateway.cfg.Bus = settlement.Over(conn)
	stop, err := r.gateway.ServeParcels(r.t.Context())
	r.ok(err)
	r.t.Cleanup(func() { r.ok(stop()) })
}

// What is no parcel is not read as one.
func FuzzParcel(f *testing.F) {
	f.Add(encodeParcel(&sqlstore.Parcel{Payment: ledger.ID{1}, Sealed: []byte("x")}))
	f.Add([]byte("VP\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, ok := decodeParcel(data)
		if ok && !bytes.Equal(encodeParcel(&p), data) {
			t.Errorf("%x decodes to another parcel", data)
		}
	})
}
