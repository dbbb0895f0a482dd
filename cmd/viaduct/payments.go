package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"viaduct/openapi"
)

type paymentsCmd struct {
	List    paymentsListCmd    `cmd:"" default:"withargs" help:"List payments sent or received, newest first."`
	Show    paymentsShowCmd    `cmd:"" help:"Show a payment and the way it went."`
	Approve paymentsApproveCmd `cmd:"" help:"Approve a payment that waits for a second API key, or refuse it."`
	Open    paymentsOpenCmd    `cmd:"" help:"Open the confidential details that were sealed to a key of your own."`
	Receipt paymentsReceiptCmd `cmd:"" help:"Download a payment's receipt, for viaduct verify."`
}

type paymentsListCmd struct {
	askFlags
	Status       string `enum:",received,held,queued,accepted,settled,rejected,cancelled,expired,returned" default:"" placeholder:"STATUS" help:"Only those of a status."`
	Currency     string `placeholder:"CODE" help:"Only those in a currency."`
	Counterparty string `placeholder:"BIC" help:"Only those to or from a participant."`
	UETR         string `name:"uetr" placeholder:"UUID" help:"Only those of a UETR."`
	EndToEndID   string `name:"end-to-end-id" placeholder:"ID" help:"Only those of a reference."`
	Participant  string `placeholder:"BIC" help:"Whose; the operator has to say."`
	Limit        int    `default:"20" help:"How many, 1 to 200."`
	Cursor       string `help:"Where the page before said that it goes on."`
}

// query makes a query of the values that are there.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// Run lists.
func (c paymentsListCmd) Run(ctx context.Context, t terminal) error {
	path := "/v1/payments" + query("status", c.Status, "currency", c.Currency, "counterparty", c.Counterparty, "uetr", c.UETR,
		"end_to_end_id", c.EndToEndID, "participant", c.Participant, "limit", strconv.Itoa(c.Limit), "cursor", c.Cursor)
	_, err := get(ctx, c.askFlags, request{method: http.MethodGet, path: path}, t, func(page *openapi.PaymentPage) string {
		if len(page.Data) == 0 {
			return "no payments\n"
		}
		var b strings.Builder
		tab := table{right: "lllllrrl"}
		tab.row("ID", "STATUS", "CREATED", "FROM", "TO", "DELIVERED", "COST", "REFERENCE")
		for i := range page.Data {
			p := &page.Data[i]
			status := string(p.Status)
			if p.Code != "" {
				status += " " + string(p.Code)
			}
			tab.row(p.Id, status, p.CreatedAt, p.From, p.To, amountText(p.Delivered), amountText(p.Source), p.EndToEndId)
		}
		tab.write(&b)
		tellMore(&b, page.NextCursor)
		return b.String()
	})
	return err
}

func amountText(m *openapi.Money) string {
	if m == nil {
		return "-"
	}
	return m.Value + " " + m.Currency
}

// tellMore says how to get the next page.
func tellMore(b *strings.Builder, cursor string) {
	if cursor != "" {
		fmt.Fprintf(b, "more: --cursor %s\n", cursor)
	}
}

type paymentsShowCmd struct {
	askFlags
	ID string `arg:"" help:"The payment's id."`
}

// Run shows.
func (c paymentsShowCmd) Run(ctx context.Context, t terminal) error {
	_, err := get(ctx, c.askFlags, request{method: http.MethodGet, path: "/v1/payments/" + url.PathEscape(c.ID)}, t, paymentText)
	return err
}

type paymentsReceiptCmd struct {
	clientFlags
	ID     string `arg:"" help:"The payment's id."`
	Output string `short:"o" default:"-" placeholder:"FILE" help:"Where to; - is standard output."`
}

// Run downloads. Only a settled or rejected payment has a receipt.
func (c paymentsReceiptCmd) Run(ctx context.Context, t terminal) error {
	gate, err := c.client()
	if err != nil {
		return err
	}
	var receipt []byte
	if err := gate.call(ctx, request{method: http.MethodGet, path: "/v1/payments/" + url.PathEscape(c.ID) + "/receipt", text: &receipt}); err != nil {
		return err
	}
	if c.Output == "-" {
		_, err = t.out.Write(receipt)
		return err
	}
	if err := os.WriteFile(c.Output, receipt, 0o644); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.err, "the receipt is in %s; check it with: viaduct verify %s --validator KEY\n", c.Output, c.Output)
	return err
}

type balancesCmd struct {
	askFlags
	Participant string `placeholder:"BIC" help:"Whose; the operator has to say."`
}

// Run shows the balances and the block they are true at.
func (c balancesCmd) Run(ctx context.Context, t terminal) error {
	_, err := get(ctx, c.askFlags, request{method: http.MethodGet, path: "/v1/balances" + query("participant", c.Participant)}, t,
		func(all *openapi.Balances) string {
			var b strings.Builder
			fmt.Fprintf(&b, "%s, as of block %d\n", all.Participant, all.Height)
			if len(all.Data) == 0 {
				b.WriteString("no balances: neither a line nor anything issued\n")
				return b.String()
			}
			tab := table{right: "llrrl"}
			tab.row("ASSET", "KIND", "BALANCE", "LIMIT", "")
			for _, l := range all.Data {
				frozen := ""
				if l.Frozen {
					frozen = "frozen"
				}
				tab.row(l.Currency+"@"+l.Issuer, string(l.Kind), l.Value, l.Limit, frozen)
			}
			tab.write(&b)
			return b.String()
		})
	return err
}
