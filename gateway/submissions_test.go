package gateway

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/google/uuid"

	"viaduct/internal/money"
	"viaduct/ledger"
)

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// ownKey is the body that registers the key of a name for a participant.
func (r *rig) ownKey(bic, name string) obj {
	key := keyOf(name)
	proof := ed25519.Sign(key, ledger.KeyProof(r.gateway.cfg.Network, ledger.MustBIC(bic), public(name)))
	return obj{"public_key": base64Of(key.Public().(ed25519.PublicKey)), "proof": base64Of(proof)}
}

// signed makes a submission as a participant's own program would; change may spoil it before it is signed.
func (r *rig) signed(bic, signer, key string, change func(*ledger.Submission), instructions ...ledger.Instruction) []byte {
	r.t.Helper()
	s := ledger.Submission{Network: r.gateway.cfg.Network, Participant: ledger.MustBIC(bic), Key: []byte(key), Salt: newSalt(), Entries: ledger.EntriesOf(instructions)}
	s.Fingerprint = s.EntriesFingerprint()
	if change != nil {
		change(&s)
	}
	data, err := ledger.Sign(&s, instructions, keyOf(signer))
	r.ok(err)
	return data
}

// euroPay is a payment that settles in the market, as an instruction.
func euroPay(units int64) *ledger.Pay {
	return &ledger.Pay{
		ID: newID(), To: ledger.MustBIC(german), Mode: ledger.ExactDeliver, UETR: uuid.New(), UETRKind: ledger.UETRPayment,
		Send: ledger.AssetName{Currency: money.MustCurrency("MXN")}, Deliver: ledger.AssetName{Currency: money.MustCurrency("EUR")},
		Amount: units, Bound: 90_000_000,
	}
}

func (r *rig) submit(bic, key string, data []byte) *reply {
	r.t.Helper()
	return r.call(call{method: "POST", path: "/v1/payments", as: bic, body: data, media: submissionMedia, header: map[string]string{"Idempotency-Key": key, "Prefer": "wait=10"}})
}

// A participant that registers a key of its own pays with it, and from then on nobody else can sign for
// it: not the gateway, whose key the ledger refuses even when it is used behind the gateway's back.
func TestOwnKey(t *testing.T) {
	r := newRig(t)
	r.market()
	kept, err := r.store.SigningKeys(t.Context(), ledger.MustBIC(mexican))
	r.ok(err)
	seed, err := r.gateway.secrets.opened(kept[0].Sealed, signingKeyUse(kept[0].Public))
	r.ok(err)
	path := "/v1/participants/" + mexican + "/signing-keys"
	r.must(201, r.do("POST", path, mexican, r.ownKey(mexican, "own")))
	listed := r.must(200, r.do("GET", path, mexican, nil))
	if listed.text("data", "0", "public_key") != r.ownKey(mexican, "own")["public_key"] || listed.text("data", "1") != "" || listed.text("data", "0", "kept_by_gateway") != "false" {
		t.Errorf("keys: %s", listed.body)
	}
	if kept, err := r.store.SigningKeys(t.Context(), ledger.MustBIC(mexican)); err != nil || len(kept) > 0 {
		t.Errorf("the gateway still keeps %d keys, %v", len(kept), err)
	}
	for _, c := range []call{
		{method: "POST", path: "/v1/payments", body: euros("1.00")},
		{method: "POST", path: path, body: r.ownKey(mexican, "another")},
		{method: "PATCH", path: "/v1/participants/" + mexican, body: obj{"frozen": true}},
	} {
		c.as = mexican
		if got := r.must(403, r.call(c)); got.text("code") != "no_signing_key" {
			t.Errorf("%s: %s", got.what, got.body)
		}
	}
	// The gateway's key, taken from its store before: the ledger refuses it.
	pay := euroPay(100)
	s := ledger.Submission{Network: r.gateway.cfg.Network, Participant: ledger.MustBIC(mexican), Key: []byte("stolen"), Salt: newSalt()}
	data, err := ledger.Sign(&s, []ledger.Instruction{pay}, ed25519.NewKeyFromSeed(seed))
	r.ok(err)
	at, err := r.engine.Submit(t.Context(), data)
	r.ok(err)
	r.ok(r.engine.WaitFinal(t.Context(), at.Height))
	leaf, err := r.gateway.outcome(t.Context(), placed{height: at.Height, first: at.First}, 0)
	r.ok(err)
	if leaf.Outcome != ledger.UnknownKey {
		t.Errorf("signed with the gateway's key: %s", leaf.Outcome)
	}

	one := r.signed(mexican, "own", "order-1", nil, euroPay(12_34))
	paid := r.must(201, r.submit(mexican, "order-1", one))
	if paid.text("status") != "settled" || paid.text("delivered", "value") != "12.34" {
		t.Errorf("paid: %s", paid.body)
	}
	again := r.must(201, r.submit(mexican, "order-1", one))
	if !bytes.Equal(again.body, paid.body) || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %s", again.body)
	}
	other := r.signed(mexican, "own", "order-1", nil, euroPay(12_35))
	if got := r.must(422, r.submit(mexican, "order-1", other)); got.text("code") != "idempotency_key_reused" {
		t.Errorf("other content: %s", got.body)
	}

	// It opens a line, changes its key and pays with details by submissions of all kinds.
	details := `{"remittance":"Invoice 118"}`
	salt := newSalt()
	pay = euroPay(5_00)
	pay.Commitment = ledger.Commit(salt, []byte(details))
	send := func(key, signer string, extra obj, instructions ...ledger.Instruction) *reply {
		body := obj{"submission": base64Of(r.signed(mexican, signer, key, nil, instructions...))}
		for k, v := range extra {
			body[k] = v
		}
		return r.do("POST", "/v1/submissions", mexican, body, "Idempotency-Key", key)
	}
	me := ledger.MustBIC(mexican)
	got := r.must(201, send("mixed", "own", obj{"details": []any{obj{
		"payment": idText(pay.ID), "salt": hex.EncodeToString(salt[:]), "text": details, "end_to_end_id": "E-1",
	}}}, pay, &ledger.SetKey{Participant: me, Key: public("next")}, &ledger.SetKey{Participant: me, Key: public("own"), Revoke: true},
		&ledger.SetKey{Participant: me, Key: public("next"), Revoke: true}))
	diff(t, "results", []string{got.text("results", "0", "applied"), got.text("results", "1", "applied"), got.text("results", "2", "applied"), got.text("results", "3", "code")},
		[]string{"true", "true", "true", "not_allowed"})
	shown := r.must(200, r.do("GET", "/v1/payments/"+got.text("results", "0", "payment"), mexican, nil))
	if shown.text("details", "remittance") != "Invoice 118" || shown.text("end_to_end_id") != "E-1" || shown.text("status") != "settled" {
		t.Errorf("payment: %s", shown.body)
	}
	if got := send("late", "own", nil, euroPay(1_00)); got.status != 409 || got.text("code") != "unknown_signing_key" {
		t.Errorf("with the revoked key: %d %s", got.status, got.body)
	}
	r.must(201, send("new", "next", nil, euroPay(1_00)))
}

// What is wrong with a key or a submission is said, and changes nothing.
func TestSubmissionsRefused(t *testing.T) {
	r := newRig(t)
	r.market()
	path := "/v1/participants/" + mexican + "/signing-keys"
	weak := make([]byte, 32)
	weak[0] = 1
	beyond := bytes.Repeat([]byte{0xff}, 32)
	for what, tt := range map[string]struct {
		body  obj
		fault string
	}{
		"small order":         {obj{"public_key": base64Of(weak), "proof": base64Of(make([]byte, 64))}, "/public_key invalid_public_key"},
		"second encoding":     {obj{"public_key": base64Of(beyond), "proof": base64Of(make([]byte, 64))}, "/public_key invalid_public_key"},
		"short":               {obj{"public_key": base64Of(weak[:31]), "proof": base64Of(make([]byte, 64))}, "/public_key invalid_public_key"},
		"another bank's":      {obj{"public_key": r.ownKey(mexican, "own")["public_key"], "proof": r.ownKey(german, "own")["proof"]}, "/proof bad_signature"},
		"another key's proof": {obj{"public_key": r.ownKey(mexican, "own")["public_key"], "proof": r.ownKey(mexican, "b")["proof"]}, "/proof bad_signature"},
	} {
		got := r.must(400, r.do("POST", path, mexican, tt.body))
		diff(t, what, got.faults(), []string{tt.fault})
	}
	r.must(201, r.do("POST", path, mexican, r.ownKey(mexican, "own")))

	used := euroPay(100)
	r.must(201, r.submit(mexican, "used", r.signed(mexican, "own", "used", nil, used)))
	before := string(r.must(200, r.do("GET", "/v1/balances", mexican, nil)).body)
	good := r.signed(mexican, "own", "k", nil, euroPay(100))
	for i, tt := range []struct {
		data   []byte
		status int
		code   string
	}{
		{good[:len(good)-1], 400, "invalid_submission"},
		{append(bytes.Clone(good), 0), 400, "invalid_submission"},
		{nil, 400, "invalid_submission"},
		{r.signed(mexican, "own", "k", func(s *ledger.Submission) { s.Network[0]++ }, euroPay(100)), 400, "invalid_submission"},
		{r.signed(german, "own", "k", nil, euroPay(100)), 400, "invalid_submission"},
		{r.signed(mexican, "own", "another", nil, euroPay(100)), 400, "conflicting_fields"},
		{r.signed(mexican, "own", "k", func(s *ledger.Submission) { s.Fingerprint[0]++ }, euroPay(100)), 400, "invalid_submission"},
		{r.signed(mexican, "own", "k", func(s *ledger.Submission) { s.Salt = ledger.Hash{} }, euroPay(100)), 400, "invalid_submission"},
		{r.signed(mexican, "own", "k", nil, euroPay(100), euroPay(100)), 400, "invalid_submission"},
		{r.signed(mexican, "own", "k", nil, &ledger.SetTerms{SetFrozen: true, Frozen: true}), 400, "invalid_submission"},
		{r.signed(mexican, "own", "k", nil, &ledger.Pay{}), 400, "invalid_submission"},
		{r.signed(mexican, "stranger", "k", nil, euroPay(100)), 409, "unknown_signing_key"},
		{r.signed(mexican, "own", "k", nil, used), 409, "id_reused"},
	} {
		if got := r.submit(mexican, "k", tt.data); got.status != tt.status || got.text("code") != tt.code {
			t.Errorf("%d: %d %s, want %d %s", i, got.status, got.body, tt.status, tt.code)
		}
	}
	// Every bit counts: one that is flipped is refused, whichever it is.
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		if got := r.submit(mexican, "k", bad); got.status < 400 || got.status >= 500 {
			t.Fatalf("byte %d changed: %d %s", i, got.status, got.body)
		}
	}
	pay := euroPay(100)
	send := func(details ...any) *reply {
		return r.do("POST", "/v1/submissions", mexican, obj{
			"submission": base64Of(r.signed(mexican, "own", "d", nil, pay)), "details": details,
		}, "Idempotency-Key", "d")
	}
	entry := func(id ledger.ID, text string) obj {
		return obj{"payment": idText(id), "salt": fmt.Sprintf("%064x", 7), "text": text}
	}
	salt := ledger.Hash{31: 7}
	pay.Commitment = ledger.Commit(salt, []byte(`{"remittance":1}`))
	diff(t, "faults", send(entry(pay.ID, `{"remittance":"x"}`), entry(newID(), `{}`)).faults(),
		[]string{"/details/0/text invalid_value", "/details/1/payment invalid_value"})
	diff(t, "faults", send(entry(pay.ID, `{"remittance":1}`)).faults(), []string{"/details/0/text wrong_type CH16"})
	diff(t, "faults", r.do("POST", "/v1/submissions", mexican, obj{"submission": "!!!!"}).faults(), []string{"/submission invalid_submission"})

	if after := string(r.must(200, r.do("GET", "/v1/balances", mexican, nil)).body); after != before {
		t.Errorf("balances changed:\n%s\n%s", before, after)
	}
	// The untouched one is still good.
	r.must(201, r.submit(mexican, "k", good))
}

// FuzzReadSubmission has what reads a submission take whatever bytes there are without a panic.
func FuzzReadSubmission(f *testing.F) {
	f.Add([]byte("VS\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s ledger.Submission
		if ledger.DecodeSubmission(data, &s) != nil {
			return
		}
		s.EntriesFingerprint()
		for _, e := range s.Entries {
			if one, ok := ledger.DecodeInstruction(e.Kind, e.Body); ok {
				if pay, ok := one.(*ledger.Pay); ok {
					plausible(pay)
				}
			}
		}
	})
}
