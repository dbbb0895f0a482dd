package settlement_test

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"

	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/settlement"
)

// setOf returns a set; "validator-2=b" has the key of that whole word.
func setOf(names ...string) []ledger.Validator {
	var set []ledger.Validator
	for _, key := range names {
		name, _, _ := strings.Cut(key, "=")
		set = append(set, ledger.Validator{Name: name, Key: public(key)})
	}
	return set
}

// changeOf returns the instruction that leads from a set to another, approved by all of the first.
func changeOf(number uint64, after uint32, from, to []string) *ledger.SetValidators {
	c := &ledger.SetValidators{Number: number, After: after, Set: setOf(to...)}
	text := ledger.ValidatorsChange(networkGenesis().Network(), number, after, setOf(from...), c.Set)
	for i, key := range from {
		c.Approvals = append(c.Approvals, ledger.Approval{By: uint8(i), Signature: [64]byte(ed25519.Sign(keyOf(key), text))})
	}
	for _, key := range to {
		if !slices.Contains(from, key) {
			c.Consents = append(c.Consents, [64]byte(ed25519.Sign(keyOf(key), text)))
		}
	}
	return c
}

func policyOf(t *testing.T, names ...string) proof.Policy {
	t.Helper()
	return policyFor(t, networkGenesis(), setOf(names...), ledger.Quorum(len(names)))
}

// rotating gives a validator the key it changes to beside its own.
func rotating(t *testing.T, key string) option {
	name, _, _ := strings.Cut(key, "=")
	signer, err := proof.NewSigner(name, keyOf(key))
	if err != nil {
		t.Fatal(err)
	}
	return func(c *settlement.Config) { c.NextSigner = signer }
}

// TestValidatorsChangeUnderWay: one leaves, one joins and one changes its key, in one change, while payments
// go on. Each block is certified by the set of its height, and by no other; the network takes over and
// starts again with the new set; old receipts still verify.
func TestValidatorsChangeUnderWay(t *testing.T) {
	before := []string{"validator-1", "validator-2", "validator-3", "validator-4"}
	after := []string{"validator-1", "validator-2=b", "validator-3", "validator-5"}
	n := startNetwork(t)
	n.start(0)
	n.start(1, rotating(t, "validator-2=b"))
	for i := 2; i <= validators; i++ {
		n.start(i)
	}
	n.ready()
	n.populate()
	old := n.submit("BNMXMXMM", "old", pay(1, "HSBCGB2L", 1))

	announced := n.submit("operator", "change", changeOf(1, 3, before, after)).Height
	from := announced + 3
	for i := range 8 {
		a := n.submit("BNMXMXMM", fmt.Sprint("during", i), pay(10+i, "HSBCGB2L", 1))
		receipt, err := n.client.Receipt(t.Context(), a.Height, a.First)
		n.must(err)
		good, other := policyOf(t, before...), policyOf(t, after...)
		if a.Height >= from {
			good, other = other, good
		}
		if _, err := proof.VerifyReceipt(receipt, good); err != nil {
			t.Errorf("height %d, the change is at %d: %v", a.Height, from, err)
		}
		// The two sets share as many as a quorum takes away one, so no certificate is good for both.
		if _, err := proof.VerifyReceipt(receipt, other); err == nil {
			t.Errorf("height %d: the other set's certificate is good too", a.Height)
		}
	}
	status, err := n.client.Status(t.Context())
	n.must(err)
	now, coming := status.Validators()
	if coming != nil || now.From != from || now.Announced != announced || len(status.Sets) != 2 {
		t.Errorf("status: %+v", status.Sets)
	}
	change, err := n.client.ChangeReceipt(t.Context(), announced)
	n.must(err)
	if _, err := proof.VerifyReceipt(change, policyOf(t, before...)); err != nil {
		t.Errorf("receipt of the change: %v", err)
	}

	// Who left is not needed, nor is one more; who joined and who has another key are.
	n.must(n.nodes[3].stop())
	_ = n.nodes[2].crash()
	n.submit("BNMXMXMM", "three", pay(30, "HSBCGB2L", 1))
	// Another takes over, which asks the new set whether the journal is whole.
	_ = n.nodes[0].crash()
	n.start(2)
	n.ready()
	n.submit("BNMXMXMM", "taken over", pay(31, "HSBCGB2L", 1))
	// And all start again, one of them with its new key alone.
	for _, i := range []int{1, 2, 4} {
		_ = n.nodes[i].crash()
	}
	n.start(0)
	n.start(1, func(c *settlement.Config) {
		signer, err := proof.NewSigner("validator-2", keyOf("validator-2=b"))
		n.must(err)
		c.Signer = signer
	})
	n.start(4)
	n.ready()
	last := n.submit("BNMXMXMM", "again", pay(32, "HSBCGB2L", 1))
	n.agree()
	for _, tt := range []struct {
		at  settlement.Accepted
		set []string
	}{{old, before}, {last, after}} {
		receipt, err := n.client.Receipt(t.Context(), tt.at.Height, tt.at.First)
		n.must(err)
		if _, err := proof.VerifyReceipt(receipt, policyOf(t, tt.set...)); err != nil {
			t.Errorf("height %d: %v", tt.at.Height, err)
		}
	}
	if got := n.balance("HSBCGB2L"); got != 12 {
		t.Errorf("the receiver has %d, want 12", got)
	}
}
