package gateway

import (
	"crypto/ed25519"
	"testing"

	"viaduct/ledger"
	"viaduct/ledger/proof"
)

// TestValidatorsChange: what the operator submitted is shown as coming, with a receipt that the present
// validators signed and that names the next ones; a bank can't submit it.
func TestValidatorsChange(t *testing.T) {
	r := newRig(t)
	r.market()
	network := r.must(200, r.do("GET", "/v1/validators", mexican, nil)).json
	if network["coming"] != nil || network["changes"].(float64) != 0 {
		t.Fatalf("before: %v", network)
	}
	present := []ledger.Validator{{Name: "validator-1", Key: public("validator-1")}}
	c := &ledger.SetValidators{Number: 1, After: ledger.MaxSwitchDelay, Set: append(present, ledger.Validator{Name: "validator-2", Key: public("validator-2")})}
	text := ledger.ValidatorsChange(r.config.Network, 1, c.After, present, c.Set)
	c.Approvals = []ledger.Approval{{By: 0, Signature: [64]byte(ed25519.Sign(keyOf("validator-1"), text))}}
	c.Consents = [][64]byte{[64]byte(ed25519.Sign(keyOf("validator-2"), text))}
	submit := func(as, signer, key string) *reply {
		data := r.signed(mexican, signer, key, func(s *ledger.Submission) { s.Participant = ledger.BIC{} }, c)
		return r.do("POST", "/v1/submissions", as, obj{"submission": base64Of(data)}, "Idempotency-Key", key)
	}
	for _, tt := range []struct{ key, code string }{{"first", ""}, {"second", "change_pending"}} {
		got := r.must(201, submit("", "operator", tt.key)).json["results"].([]any)[0].(map[string]any)
		if code, _ := got["code"].(string); got["kind"] != "set_validators" || code != tt.code {
			t.Errorf("%s: %v, want %q", tt.key, got, tt.code)
		}
	}
	network = r.must(200, r.do("GET", "/v1/validators", mexican, nil)).json
	coming, _ := network["coming"].(map[string]any)
	if coming == nil || len(coming["validators"].([]any)) != 2 || len(network["validators"].([]any)) != 1 || network["changes"].(float64) != 1 || len(network["sets"].([]any)) != 2 {
		t.Errorf("under way: %v", network)
	}
	change := r.must(200, r.do("GET", "/v1/validators/changes/1", mexican, nil)).json
	proven, err := proof.VerifyReceipt([]byte(change["receipt"].(string)), r.policy)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ledger.DecodeLeaf(proven.Leaf)
	if err != nil || leaf.Kind != ledger.KindSetValidators || float64(leaf.Height) != change["announced_height"] || float64(leaf.Height+ledger.MaxSwitchDelay) != change["from_height"] {
		t.Errorf("the receipt says %+v, %v; the change %v", leaf, err, change)
	}
	r.must(404, r.do("GET", "/v1/validators/changes/2", mexican, nil))
	r.must(400, r.do("GET", "/v1/validators/changes/0", mexican, nil))
}
