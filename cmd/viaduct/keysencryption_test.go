package main

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"viaduct/openapi"
)

// A participant makes a key, vouches for it, and opens what was sealed to it as docs/security.md says: the test
// seals by the document, with the standard library alone. With another key, or another commitment, nothing opens.
func TestOwnEncryptionKey(t *testing.T) {
	var out, errs bytes.Buffer
	must(t, keysEncryptionCmd{JSON: true}.Run(terminal{out: &out, err: &errs}))
	var pair struct {
		Private string `json:"private_key"`
		Public  string `json:"public_key"`
	}
	must(t, json.Unmarshal(out.Bytes(), &pair))
	public, err := base64.StdEncoding.DecodeString(pair.Public)
	must(t, err)

	network, sender, receiver := bytes.Repeat([]byte{0xab}, 32), []byte("BKMXMXMMXXX"), []byte("EURBDEFFXXX")
	id := slices.Concat(make([]byte, 6), []byte{0x70, 1, 0x80}, make([]byte, 7))
	salt, details := bytes.Repeat([]byte{9}, 32), []byte(`{"remittance":"invoice 118"}`)
	commitment := sha256.Sum256(slices.Concat([]byte("viaduct/details/v1\x00"), salt, details))
	point, err := ecdh.X25519().NewPublicKey(public)
	must(t, err)
	to, err := hpke.NewDHKEMPublicKey(point)
	must(t, err)
	sealed, err := hpke.Seal(to, hpke.HKDFSHA256(), hpke.AES256GCM(),
		slices.Concat([]byte("viaduct/parcel/v1\x00"), network, id, sender, receiver), slices.Concat(salt, []byte{3}, []byte("E2E"), details))
	must(t, err)
	shown := openapi.Payment{
		Id: fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]), From: "BKMXMXMM", To: "EURBDEFF",
		SealedDetails: &openapi.SealedDetails{
			PublicKey: pair.Public, Data: base64.StdEncoding.EncodeToString(sealed), Commitment: hex.EncodeToString(commitment[:]),
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		var v any = openapi.Network{Network: openapi.Hash(hex.EncodeToString(network))}
		if strings.HasPrefix(r.URL.Path, "/v1/payments/") {
			v = shown
		}
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	open := func(private string) (string, int) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "key")
		must(t, os.WriteFile(file, []byte(private+"\n"), 0o600))
		var out, errs bytes.Buffer
		code := run(context.Background(), []string{"payments", "open", shown.Id, "--encryption-key", file, "--url", server.URL, "--key", "vdk_x"}, &out, &errs)
		return out.String() + errs.String(), code
	}
	if text, code := open(pair.Private); code != 0 || text != string(details)+"\n" {
		t.Errorf("exit code %d: %s", code, text)
	}
	if text, code := open(strings.Repeat("07", 32)); code == 0 || strings.Contains(text, "invoice") {
		t.Errorf("another key: exit code %d: %s", code, text)
	}
	if text, code := open("07"); code != 2 {
		t.Errorf("half a key: exit code %d: %s", code, text)
	}
	shown.SealedDetails.Commitment = strings.Repeat("00", 32)
	if text, code := open(pair.Private); code == 0 || strings.Contains(text, "invoice") {
		t.Errorf("another commitment: exit code %d: %s", code, text)
	}

	text, code := sign(t, "keys", "prove", "--encryption-key", pair.Public)
	var body openapi.NewEncryptionKey
	if err := json.Unmarshal([]byte(text), &body); err != nil || code != 0 || body.PublicKey != pair.Public {
		t.Fatalf("exit code %d: %s", code, text)
	}
	proof, err := base64.StdEncoding.DecodeString(body.Proof)
	must(t, err)
	signer := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)).Public().(ed25519.PublicKey)
	if !ed25519.Verify(signer, slices.Concat([]byte("viaduct/encryption-key/v1\x00"), network, sender, public), proof) {
		t.Error("the proof is not the one that the contract describes")
	}
	if text, code := sign(t, "keys", "prove", "--encryption-key", "short"); code != 2 {
		t.Errorf("a bad key: exit code %d: %s", code, text)
	}
}
