package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"viaduct/openapi"
)

type quoteCmd struct {
	askFlags
	To       string `required:"" placeholder:"BIC" help:"Who is to be paid."`
	From     string `placeholder:"BIC" help:"Who pays; the operator has to say."`
	Deliver  string `xor:"amount" required:"" placeholder:"AMOUNT" help:"What is to arrive, as 'EUR 1000.00'."`
	Send     string `xor:"amount" required:"" placeholder:"AMOUNT" help:"What is to be spent, as 'MXN 20000.00'; needs --target."`
	Source   string `placeholder:"ASSET" help:"What to pay --deliver with, as MXN or MXN@BKMXMXMM; without it, whatever the payer has."`
	Target   string `placeholder:"ASSET" help:"What is to arrive for --send."`
	MaxPaths int    `placeholder:"N" help:"Split it over at most so many different ways."`
	MaxHops  int    `placeholder:"N" help:"Take no path with more conversions; 12 if nothing is said."`
	Firm     bool   `help:"Hold what it takes, so that viaduct pay --quote costs just that."`
	TTL      int    `name:"ttl" placeholder:"SECONDS" help:"How long to hold it; 30 if nothing is said."`
	SendMax  string `placeholder:"AMOUNT" help:"The most that a firm --deliver may cost."`
}

// errNotPayable is exit code 1: there is an answer, and it is no.
var errNotPayable = errors.New("it cannot be paid as asked")

// Run asks and prints. Exit code 0 means that there is a way to pay.
func (c quoteCmd) Run(ctx context.Context, t terminal) error {
	ask := openapi.QuoteRequest{From: c.From, To: c.To, Source: c.Source, Target: c.Target, MaxPaths: c.MaxPaths, MaxHops: c.MaxHops, Firm: c.Firm, Ttl: c.TTL}
	var err error
	if ask.Deliver, err = parseMoney("deliver", c.Deliver); err != nil {
		return err
	}
	if ask.Send, err = parseMoney("send", c.Send); err != nil {
		return err
	}
	if ask.SendMax, err = parseMoney("send-max", c.SendMax); err != nil {
		return err
	}
	r := request{method: "POST", path: "/v1/quotes", body: ask}
	if ask.Firm {
		r.idempotency = "cli-" + uuid.NewString()
	}
	q, err := get(ctx, c.askFlags, r, t, func(q *openapi.Quote) string { return quoteText(&ask, q) })
	if err != nil {
		return err
	}
	if q.Status == openapi.QuoteStatusHeld {
		return nil
	}
	for i := range q.Options {
		if q.Options[i].Code == "" && !ask.Firm {
			return nil
		}
	}
	return errNotPayable
}

// quoteText tells a quote to whoever has to decide by it: what it costs and by which way it goes, or
// what is in the way.
func quoteText(ask *openapi.QuoteRequest, q *openapi.Quote) string {
	var b strings.Builder
	from := ask.From
	if from == "" {
		from = "sender"
	}
	if ask.Deliver != nil {
		fmt.Fprintf(&b, "%s to %s, as of block %d\n", moneyText(*ask.Deliver), ask.To, q.Height)
	} else {
		fmt.Fprintf(&b, "%s spent on %s to %s, as of block %d\n", moneyText(*ask.Send), ask.Target, ask.To, q.Height)
	}
	switch {
	case q.Held != nil:
		fmt.Fprintf(&b, "\nfirm quote %s, %s until %s\n   %s\n", q.Id, q.Status, q.ExpiresAt, priceText(q.Held))
		tellPaths(&b, q.Held.Paths, from, ask.To, "   ")
		fmt.Fprintf(&b, "\nThe ways to pay before it was made:\n")
	case q.Status == openapi.QuoteStatusRefused:
		fmt.Fprintf(&b, "\nno firm quote: %s (%s, %s)\n", orElse(q.Message, "refused"), q.Code, q.IsoReason)
	}
	if len(q.Options) == 0 {
		b.WriteString("\nThe sender has nothing to pay it with: no balance in a currency it could send, and issues none.\n")
	}
	for i := range q.Options {
		o := &q.Options[i]
		fmt.Fprintf(&b, "\n%d. from %s: ", i+1, o.Currency)
		switch {
		case o.Code == "":
			fmt.Fprintf(&b, "%s\n", priceText(o))
		default:
			why := string(o.Code)
			if o.IsoReason != "" {
				why += ", " + o.IsoReason
			}
			fmt.Fprintf(&b, "NO, %s (%s)\n", orElse(o.Message, "refused"), why)
			if o.Source != nil {
				fmt.Fprintf(&b, "   What could be had instead: %s\n", priceText(o))
			}
		}
		if o.Optimality == openapi.OptimalityBestFound {
			b.WriteString("   best found within the limits; without them there may be a better way\n")
		}
		tellPaths(&b, o.Paths, from, ask.To, "   ")
		tellCandidates(&b, o.Candidates, "   ")
	}
	return b.String()
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// priceText tells what an option costs, beside mid.
func priceText(o *openapi.QuoteOption) string {
	text := fmt.Sprintf("%s for %s, %s %s per %s", moneyText(*o.Source), moneyText(*o.Delivered), o.Price, o.Source.Currency, o.Delivered.Currency)
	switch {
	case o.Mid != nil:
		day, _, _ := strings.Cut(o.Mid.AsOf, "T")
		text += fmt.Sprintf("; %s %s (%s, %s)", bpsText(o.SpreadBps, "mid"), o.Mid.Rate, o.Mid.Source, day)
	case o.SpreadBps != "":
		text += "; " + bpsText(o.SpreadBps, "par")
	}
	return text
}

// bpsText tells a distance in basis points from mid or par; above is dearer.
func bpsText(bps, than string) string {
	below, negative := strings.CutPrefix(bps, "-")
	switch {
	case bps == "0":
		return "at " + than
	case negative:
		return below + " bps below " + than
	}
	return bps + " bps above " + than
}

func moneyText(m openapi.Money) string {
	return m.Value + " " + assetText(m)
}

func assetText(m openapi.Money) string {
	if m.Issuer == "" {
		return m.Currency
	}
	return m.Currency + "@" + m.Issuer
}

// tellPaths prints each path as a table: who takes what and gives what, at which price and fee, and how
// it is handed on.
func tellPaths(b *strings.Builder, paths []openapi.Path, from, to, indent string) {
	for i, p := range paths {
		fmt.Fprintf(b, "\n%spath %d of %d: %s -> %s at %s", indent, i+1, len(paths), moneyText(p.Source), moneyText(p.Delivered), p.Price)
		if p.SpreadBps != "" {
			than := "mid"
			if p.Source.Currency == p.Delivered.Currency {
				than = "par"
			}
			fmt.Fprintf(b, ", %s", bpsText(p.SpreadBps, than))
		}
		b.WriteString("\n")
		tab := table{indent: indent + "  ", right: "lrlrlllll"}
		tab.row("WHO", "TAKES", "", "GIVES", "", "PRICE", "FEE", "HANDED ON BY", "WAY")
		tab.row(from, "", "", p.Source.Value, assetText(p.Source), "", feeText(p.Fee), string(p.Handover), "")
		for _, h := range p.Hops {
			tab.row(h.Participant, h.In.Value, assetText(h.In), h.Out.Value, assetText(h.Out), h.Price, feeText(h.Fee), string(h.Handover),
				wayText(h.Way, h.Offer))
		}
		tab.row(to, p.Delivered.Value, assetText(p.Delivered), "", "", "", "", "", "")
		tab.write(b)
		for _, bound := range p.Binding {
			fmt.Fprintf(b, "%s  no more this way: %s\n", indent, boundWords(bound))
		}
	}
}

// tellCandidates prints the routes that came nearest, and what stops each.
func tellCandidates(b *strings.Builder, candidates []openapi.Candidate, indent string) {
	for i, c := range candidates {
		fmt.Fprintf(b, "\n%snearest route %d of %d\n", indent, i+1, len(candidates))
		tab := table{indent: indent + "  ", right: "lllll"}
		if len(c.Hops) > 0 {
			tab.row("WHO", "TAKES", "GIVES", "PRICE", "WAY")
		}
		for _, h := range c.Hops {
			tab.row(h.Participant, h.In, h.Out, h.Price, wayText(h.Way, h.Offer))
		}
		tab.write(b)
		for _, bound := range c.Stopped {
			fmt.Fprintf(b, "%s  stopped: %s\n", indent, boundWords(bound))
		}
	}
}

func feeText(m *openapi.Money) string {
	if m == nil {
		return "-"
	}
	return m.Value + " " + m.Currency
}

func wayText(way openapi.Way, offer string) string {
	if offer == "" {
		return string(way)
	}
	return string(way) + " " + offer
}

func boundWords(b openapi.Bound) string {
	text := orElse(b.Message, string(b.Reason)+" "+b.Participant+" "+b.Asset)
	if b.Offer != "" {
		text += " (offer " + b.Offer + ")"
	}
	return text
}

// table lines up columns; no line ends in blanks.
type table struct {
	indent string
	right  string // for each column, r when it is flush right
	rows   [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

// print writes the table as it is.
func (t *table) print(w io.Writer) error {
	var b strings.Builder
	t.write(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *table) write(b *strings.Builder) {
	widths := make([]int, len(t.right))
	for _, cells := range t.rows {
		for i, cell := range cells {
			widths[i] = max(widths[i], len(cell))
		}
	}
	for _, cells := range t.rows {
		line := t.indent
		for i, cell := range cells {
			blanks := strings.Repeat(" ", widths[i]-len(cell))
			if t.right[i] == 'r' {
				cell, blanks = blanks+cell, ""
			}
			line += cell + blanks
			if widths[i] > 0 {
				line += "  "
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}
