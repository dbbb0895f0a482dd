package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"viaduct/openapi"
)

type payCmd struct {
	askFlags
	To              string `required:"" placeholder:"BIC" help:"Who is to be paid."`
	From            string `placeholder:"BIC" help:"Who pays, where the key does not say."`
	Deliver         string `xor:"amount" required:"" placeholder:"AMOUNT" help:"What is to arrive, as 'EUR 1000.00'."`
	Send            string `xor:"amount" required:"" placeholder:"AMOUNT" help:"What is to be spent, as 'MXN 20000.00'; needs --deliver-min."`
	SendMax         string `placeholder:"AMOUNT" help:"The most that --deliver may cost; without it, the participant's own bound over mid."`
	DeliverMin      string `placeholder:"AMOUNT" help:"The least that has to arrive for --send."`
	Quote           string `placeholder:"ID" help:"The firm quote whose price it takes; with it, --send-max and --deliver-min may be left out."`
	Partial         bool   `help:"Settle for less rather than not at all."`
	EndToEndID      string `name:"end-to-end-id" placeholder:"ID" help:"Your reference, up to 35 characters."`
	UETR            string `name:"uetr" placeholder:"UUID" help:"The UETR; without it one is made."`
	NotAfter        string `placeholder:"TIME" help:"RFC 3339; after that it can't settle any more."`
	Debtor          string `placeholder:"NAME" help:"Confidential: on whose behalf you pay."`
	DebtorAccount   string `placeholder:"ACCOUNT" help:"Confidential."`
	Creditor        string `placeholder:"NAME" help:"Confidential: whom the receiver credits."`
	CreditorAccount string `placeholder:"ACCOUNT" help:"Confidential."`
	Remittance      string `placeholder:"TEXT" help:"Confidential: what it is for."`
	Wait            int    `default:"20" placeholder:"SECONDS" help:"How long to wait until it is final, 0 to 30."`
	IdempotencyKey  string `placeholder:"KEY" help:"The same key again gets the same payment, not another. Without it one is made, and told should the answer be lost."`
}

// Payments that are at an end, or not yet.
var (
	errNotSettled = errors.New("it did not settle")
	errPending    = fmt.Errorf("%w: not final yet", errUnknown)
)

// Run pays. Exit code 0 means that it is settled, or accepted where nobody wanted to wait.
func (c payCmd) Run(ctx context.Context, t terminal) error {
	if c.Wait < 0 || c.Wait > 30 {
		return fmt.Errorf("%w: --wait wants 0 to 30 seconds", errUsed)
	}
	order, err := c.order()
	if err != nil {
		return err
	}
	key := c.IdempotencyKey
	if key == "" {
		key = "cli-" + uuid.NewString()
	}
	r := request{method: http.MethodPost, path: "/v1/payments", idempotency: key, body: order}
	if c.Wait > 0 {
		r.prefer = fmt.Sprint("wait=", c.Wait)
	}
	p, err := get(ctx, c.askFlags, r, t, paymentText)
	if err != nil {
		return err
	}
	return outcomeOf(&p, c.Wait == 0)
}

func (c payCmd) order() (*openapi.NewPayment, error) {
	o := &openapi.NewPayment{
		To: c.To, From: c.From, Partial: c.Partial, EndToEndId: c.EndToEndID, Uetr: c.UETR, NotAfter: c.NotAfter, QuoteId: c.Quote,
	}
	for _, amount := range []struct {
		flag, text string
		into       **openapi.Money
	}{{"deliver", c.Deliver, &o.Deliver}, {"send", c.Send, &o.Send}, {"send-max", c.SendMax, &o.SendMax}, {"deliver-min", c.DeliverMin, &o.DeliverMin}} {
		m, err := parseMoney(amount.flag, amount.text)
		if err != nil {
			return nil, err
		}
		*amount.into = m
	}
	party := func(name, account string) *openapi.Party {
		if name == "" && account == "" {
			return nil
		}
		return &openapi.Party{Name: name, Account: account}
	}
	details := openapi.Details{Debtor: party(c.Debtor, c.DebtorAccount), Creditor: party(c.Creditor, c.CreditorAccount), Remittance: c.Remittance}
	if details != (openapi.Details{}) {
		o.Details = &details
	}
	return o, nil
}

// outcomeOf turns a payment's status into the exit code's error.
func outcomeOf(p *openapi.Payment, pendingIsFine bool) error {
	switch p.Status {
	case openapi.PaymentStatusSettled, openapi.PaymentStatusReturned:
		return nil
	case openapi.PaymentStatusRejected, openapi.PaymentStatusCancelled, openapi.PaymentStatusExpired:
		text := fmt.Sprintf("%s: %s", errNotSettled, p.Status)
		if p.Code != "" {
			text += ", " + string(p.Code)
		}
		if next := nextStep(p.Code, ""); next != "" {
			text += "\n  next: " + next
		}
		return &failure{text: text}
	}
	if pendingIsFine {
		return nil
	}
	return fmt.Errorf("%w; follow it with viaduct watch %s", errPending, p.Id)
}

// paymentText tells a payment to whoever looks after it.
func paymentText(p *openapi.Payment) string {
	var b strings.Builder
	fmt.Fprintf(&b, "payment %s: %s", p.Id, p.Status)
	if p.Code != "" {
		fmt.Fprintf(&b, ", %s", p.Code)
	}
	if p.IsoReason != "" {
		fmt.Fprintf(&b, " (%s)", p.IsoReason)
	}
	b.WriteString("\n")
	tab := table{indent: "  ", right: "ll"}
	row := func(name, value string) {
		if value != "" {
			tab.row(name, value)
		}
	}
	amount := func(name string, m *openapi.Money) {
		if m != nil {
			row(name, moneyText(*m))
		}
	}
	row("from", p.From)
	row("to", p.To)
	amount("deliver", p.Deliver)
	amount("send", p.Send)
	amount("send max", p.SendMax)
	amount("deliver min", p.DeliverMin)
	amount("delivered", p.Delivered)
	amount("cost", p.Source)
	row("reference", p.EndToEndId)
	row("UETR", p.Uetr)
	row("created", p.CreatedAt)
	if p.SettledAt != "" {
		row("decided", fmt.Sprintf("%s, block %d", p.SettledAt, p.Height))
	}
	tab.write(&b)
	tellPaths(&b, p.Paths, p.From, p.To, "  ")
	return b.String()
}
