package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"viaduct/openapi"
)

type webhooksCmd struct {
	List       webhooksListCmd       `cmd:"" default:"withargs" help:"List webhooks."`
	Add        webhooksAddCmd        `cmd:"" help:"Have events sent to an address; prints the secret, this once."`
	Change     webhooksChangeCmd     `cmd:"" help:"Change a webhook's address or events, turn it off or on."`
	Delete     webhooksDeleteCmd     `cmd:"" help:"Send nothing more to an address."`
	Test       webhooksTestCmd       `cmd:"" help:"Send a test event now and say what the endpoint answered."`
	Rotate     webhooksRotateCmd     `cmd:"" help:"Make a new secret and key; the earlier ones sign for 24 hours more."`
	Deliveries webhooksDeliveriesCmd `cmd:"" help:"Show the delivery log, newest event first."`
	Redeliver  webhooksRedeliverCmd  `cmd:"" help:"Send events again: one, those of a time, or all that were given up."`
}

type webhooksListCmd struct {
	askFlags
}

// Run lists.
func (c webhooksListCmd) Run(ctx context.Context, t terminal) error {
	_, err := get(ctx, c.askFlags, request{method: http.MethodGet, path: "/v1/webhooks"}, t, func(page *openapi.WebhookPage) string {
		if len(page.Data) == 0 {
			return "no webhooks; add one with viaduct webhooks add URL\n"
		}
		var b strings.Builder
		tab := table{right: "llll"}
		tab.row("ID", "STATE", "EVENTS", "URL")
		for _, w := range page.Data {
			state := "on"
			if w.DisabledAt != "" {
				state = "off: " + w.DisabledReason
			}
			tab.row(w.Id, state, eventsText(w.Events), w.Url)
		}
		tab.write(&b)
		return b.String()
	})
	return err
}

func eventsText(events []openapi.EventType) string {
	texts := make([]string, len(events))
	for i, e := range events {
		texts[i] = string(e)
	}
	return strings.Join(texts, ",")
}

func eventTypes(texts []string) []openapi.EventType {
	var events []openapi.EventType
	for _, e := range texts {
		events = append(events, openapi.EventType(e))
	}
	return events
}

type webhooksAddCmd struct {
	askFlags
	Address string   `arg:"" name:"address" help:"Where events are to be sent."`
	Events  []string `placeholder:"TYPE,..." help:"Which; without it, all."`
}

// Run adds.
func (c webhooksAddCmd) Run(ctx context.Context, t terminal) error {
	_, err := get(ctx, c.askFlags, request{method: http.MethodPost, path: "/v1/webhooks", body: openapi.NewWebhook{Url: c.Address, Events: eventTypes(c.Events)}}, t, webhookText)
	return err
}

// webhookText tells one webhook; the secret stands in the answers that made it.
func webhookText(w *openapi.Webhook) string {
	var b strings.Builder
	fmt.Fprintf(&b, "webhook %s\n", w.Id)
	tab := table{indent: "  ", right: "ll"}
	row := func(name, value string) {
		if value != "" {
			tab.row(name, value)
		}
	}
	row("url", w.Url)
	row("events", eventsText(w.Events))
	row("secret", w.Secret)
	row("public key", w.PublicKey)
	row("earlier ones", w.RotatedUntil)
	if w.DisabledAt != "" {
		row("off since", w.DisabledAt+": "+w.DisabledReason)
	}
	tab.write(&b)
	if w.Secret != "" {
		b.WriteString("The secret is not shown again.\n")
	}
	return b.String()
}

type webhookID struct {
	ID string `arg:"" help:"The webhook's id."`
}

func (w webhookID) path() string { return "/v1/webhooks/" + url.PathEscape(w.ID) }

type webhooksChangeCmd struct {
	askFlags
	webhookID
	Address string   `placeholder:"URL" help:"Another address."`
	Events  []string `placeholder:"TYPE,..." help:"Other events."`
	On      bool     `xor:"state" help:"Turn it on; what was pending is sent."`
	Off     bool     `xor:"state" help:"Turn it off."`
}

// Run changes.
func (c webhooksChangeCmd) Run(ctx context.Context, t terminal) error {
	change := openapi.WebhookChange{Url: c.Address, Events: eventTypes(c.Events)}
	if c.On || c.Off {
		change.Disabled = &c.Off
	}
	if change.Url == "" && change.Events == nil && change.Disabled == nil {
		return fmt.Errorf("%w: say what to change: --address, --events, --on or --off", errUsed)
	}
	_, err := get(ctx, c.askFlags, request{method: http.MethodPatch, path: c.path(), body: change}, t, webhookText)
	return err
}

type webhooksDeleteCmd struct {
	clientFlags
	webhookID
}

// Run deletes.
func (c webhooksDeleteCmd) Run(ctx context.Context) error {
	gate, err := c.client()
	if err != nil {
		return err
	}
	return gate.call(ctx, request{method: http.MethodDelete, path: c.path()})
}

type webhooksTestCmd struct {
	askFlags
	webhookID
}

// Run tests. Exit code 0 means that the endpoint took the event.
func (c webhooksTestCmd) Run(ctx context.Context, t terminal) error {
	result, err := get(ctx, c.askFlags, request{method: http.MethodPost, path: c.path() + "/test"}, t, func(r *openapi.WebhookTest) string {
		if r.Delivered {
			return fmt.Sprintf("delivered: status %d after %d ms\n", r.Status, r.TookMs)
		}
		return fmt.Sprintf("not delivered: %s after %d ms\n", r.Reason, r.TookMs)
	})
	if err == nil && !result.Delivered {
		err = &failure{text: "the endpoint did not take it\n  next: it has to answer 2xx within 15 seconds; docs/webhooks.md says how to check the signature"}
	}
	return err
}

type webhooksRotateCmd struct {
	askFlags
	webhookID
}

// Run rotates.
func (c webhooksRotateCmd) Run(ctx context.Context, t terminal) error {
	_, err := get(ctx, c.askFlags, request{method: http.MethodPost, path: c.path() + "/rotate-secret"}, t, webhookText)
	return err
}

type webhooksDeliveriesCmd struct {
	askFlags
	webhookID
	Status string `enum:",pending,delivered,failed" default:"" placeholder:"STATUS" help:"Only pending, delivered or failed ones."`
	Limit  int    `default:"20" help:"How many, 1 to 200."`
	Cursor string `help:"Where the page before said that it goes on."`
}

// Run shows the log, a line an attempt.
func (c webhooksDeliveriesCmd) Run(ctx context.Context, t terminal) error {
	path := c.path() + "/deliveries" + query("status", c.Status, "limit", strconv.Itoa(c.Limit), "cursor", c.Cursor)
	_, err := get(ctx, c.askFlags, request{method: http.MethodGet, path: path}, t, func(page *openapi.DeliveryPage) string {
		if len(page.Data) == 0 {
			return "no deliveries\n"
		}
		var b strings.Builder
		tab := table{right: "llllrlrl"}
		tab.row("EVENT", "TYPE", "STATUS", "PAYMENT", "TRY", "AT", "MS", "RESULT")
		for _, d := range page.Data {
			status := string(d.Status)
			if d.NextAttemptAt != "" && len(d.Attempts) > 0 {
				status += ", next " + d.NextAttemptAt
			}
			if len(d.Attempts) == 0 {
				tab.row(d.EventId, string(d.Type), status, d.PaymentId)
			}
			for i, a := range d.Attempts {
				result := string(a.Outcome)
				if a.Reason != "" {
					result += ": " + a.Reason
				}
				tried := []string{strconv.Itoa(a.Number), a.At, strconv.FormatInt(a.TookMs, 10), result}
				if i == 0 {
					tab.row(append([]string{d.EventId, string(d.Type), status, d.PaymentId}, tried...)...)
				} else {
					tab.row(append([]string{"", "", "", ""}, tried...)...)
				}
			}
		}
		tab.write(&b)
		tellMore(&b, page.NextCursor)
		return b.String()
	})
	return err
}

type webhooksRedeliverCmd struct {
	askFlags
	webhookID
	Event  string `placeholder:"EVENT" help:"One event, by its id."`
	Failed bool   `help:"Only what was given up; alone, all of it."`
	From   string `placeholder:"TIME" help:"Events at or after this time (RFC 3339)."`
	Until  string `placeholder:"TIME" help:"Events before this time."`
}

// Run has events sent again, ten thousand a request.
func (c webhooksRedeliverCmd) Run(ctx context.Context, t terminal) error {
	if c.Event == "" && !c.Failed && c.From == "" && c.Until == "" {
		return fmt.Errorf("%w: say which: --event, --failed, or --from and --until", errUsed)
	}
	body := openapi.Redelivery{EventId: c.Event, Failed: c.Failed, From: c.From, Until: c.Until}
	for {
		done, err := get(ctx, c.askFlags, request{method: http.MethodPost, path: c.path() + "/redeliver", body: body}, t, func(r *openapi.Redelivering) string {
			return fmt.Sprintf("%d due again\n", r.Count)
		})
		if err != nil || done.NextFrom == "" {
			return err
		}
		body.From = done.NextFrom
	}
}
