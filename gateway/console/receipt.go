package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/ledger/proof"
	"viaduct/openapi"
)

// receiptCheck shows each step of checking a receipt, as `viaduct verify` does it.
type receiptCheck struct {
	Steps []checkStep
	Good  bool
}

type checkStep struct {
	Name, Detail string
	Good         bool
}

func (c *receiptCheck) step(name string, err error, detail string, args ...any) bool {
	s := checkStep{Name: name, Good: err == nil}
	if err != nil {
		s.Detail = err.Error()
	} else {
		s.Detail = fmt.Sprintf(detail, args...)
	}
	c.Steps = append(c.Steps, s)
	return s.Good
}

// checkReceipt verifies a payment's receipt against the keys that the network names. That trusts this
// gateway for the keys; offline one brings one's own.
func (a *caller) checkReceipt(ctx context.Context, p *openapi.Payment) (*receiptCheck, error) {
	c := new(receiptCheck)
	var receipt []byte
	err := a.get(ctx, "/v1/payments/"+p.Id+"/receipt", nil, &receipt)
	if refused, ok := err.(*problem); ok {
		c.step("Receipt", refused, "")
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	c.step("Receipt", nil, "%d bytes, in the C2SP tlog-proof form", len(receipt))
	var network openapi.Network
	if err := a.get(ctx, "/v1/validators", nil, &network); err != nil {
		return nil, err
	}
	// The validators of the block's height have signed, who need not be the present ones.
	leaf, err := claimedLeaf(receipt)
	if !c.step("Result", err, "") {
		return c, nil
	}
	c.Steps = c.Steps[:len(c.Steps)-1]
	signed := network.Sets[0]
	for _, s := range network.Sets {
		if uint64(s.FromHeight) <= leaf.Height {
			signed = s
		}
	}
	var set []proof.Validator
	for _, key := range signed.Validators {
		v, err := proof.ParseValidator(key)
		if err != nil {
			c.step("Validators", err, "")
			return c, nil
		}
		set = append(set, v)
	}
	policy, err := proof.NewPolicy(network.Origin, set, signed.Quorum)
	if !c.step("Validators", err, "%d of %d must have signed for %s", signed.Quorum, len(set), network.Origin) {
		return c, nil
	}
	r, err := proof.VerifyReceipt(receipt, policy)
	if !c.step("Signatures and proof", err, "") {
		return c, nil
	}
	var signers []string
	for _, cs := range r.Cosignatures {
		signers = append(signers, cs.Name)
	}
	c.Steps[len(c.Steps)-1].Detail = fmt.Sprintf("signed by %s; the result is leaf %d of the log's %d", strings.Join(signers, ", "), r.Index, r.Checkpoint.Size)
	in, _ := ledger.DecodeInstruction(leaf.About())
	pay, ok := in.(*ledger.Pay)
	switch {
	case !ok || uuid.UUID(pay.ID).String() != p.Id:
		err = fmt.Errorf("the receipt is of another instruction")
	case leaf.Outcome == ledger.Applied && p.Delivered != nil && money.New(leaf.Delivered, pay.Deliver.Currency).Value() != p.Delivered.Value:
		err = fmt.Errorf("the receipt says that %s arrived", money.New(leaf.Delivered, pay.Deliver.Currency))
	case (leaf.Outcome == ledger.Applied) != (p.Delivered != nil):
		err = fmt.Errorf("the receipt says %s", leaf.Outcome)
	}
	c.Steps = c.Steps[:len(c.Steps)-1]
	said := "it says " + leaf.Outcome.String()
	if ok && leaf.Outcome == ledger.Applied {
		said = fmt.Sprintf("it says that %s arrived", money.New(leaf.Delivered, pay.Deliver.Currency))
	}
	c.Good = c.step("Result", err, "block %d, result %d: %s, as on this page", leaf.Height, leaf.Index, said)
	return c, nil
}

// claimedLeaf reads the result that a receipt claims to prove.
func claimedLeaf(receipt []byte) (*ledger.Leaf, error) {
	data, err := proof.LeafOf(receipt)
	if err != nil {
		return nil, err
	}
	return ledger.DecodeLeaf(data)
}

// receipt hands out a payment's receipt as a file.
func (c *console) receipt(w http.ResponseWriter, r *http.Request) {
	var data []byte
	id := chi.URLParam(r, "id")
	if err := callerOf(r).get(r.Context(), "/v1/payments/"+url.PathEscape(id)+"/receipt", nil, &data); err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="receipt-`+id+`.tlog-proof"`)
	_, _ = w.Write(data)
}
