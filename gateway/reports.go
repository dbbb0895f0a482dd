package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"viaduct/gateway/iso20022"
	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// maxEntries bounds a report: it has to be a message that we would read ourselves.
const maxEntries = 4000

// report answers a camt.060 with the report it asks for: an account is a line, or the caller's own
// asset, whose balance is what it owes. The same request again gets the same report.
func (g *Gateway) report(ctx context.Context, in *inbound) (*answer, error) {
	list, findings := in.m.ReportRequests()
	if len(findings) > 0 {
		return nil, messageProblem(openapi.ErrorCodeInvalidMessage, findings)
	}
	var body []byte
	o := in.asking()
	o.draft = func(ctx context.Context) (d *draft, err error) {
		if body, err = g.makeReport(ctx, in, list); err != nil {
			return nil, err
		}
		return &draft{messages: []sqlstore.Message{g.kept(in)}}, nil
	}
	o.answer = func(ctx context.Context, _ placed) (_ *answer, err error) {
		if body == nil { // the request was taken up again
			if body, err = g.makeReport(ctx, in, list); err != nil {
				return nil, err
			}
		}
		return xmlAnswer(http.StatusOK, body), nil
	}
	return g.run(ctx, o)
}

// makeReport makes the report that is asked for.
func (g *Gateway) makeReport(ctx context.Context, in *inbound, list []iso20022.ReportRequest) ([]byte, error) {
	ask := &list[0]
	f := &in.faults
	if len(list) > 1 {
		f.add(list[1].Path, openapi.ErrorCodeInvalidMessage, "one report a message", "AM18")
	}
	kind := iso20022.ReportKind(strings.Join(strings.SplitN(ask.Message, ".", 3)[:min(2, strings.Count(ask.Message, ".")+1)], "."))
	if kind != iso20022.IntradayReport && kind != iso20022.DayStatement && kind != iso20022.Notification {
		f.add(ask.Path+"/ReqdMsgNmId", openapi.ErrorCodeInvalidValue, "camt.052, camt.053 or camt.054", "CH16")
	}
	if ask.Owner != "" && !isBank(ask.Owner, in.caller.bic) {
		f.add(ask.Path+"/AcctOwnr", openapi.ErrorCodeNotYourMessage, "the account's owner is not the caller", "RC03")
	}
	from, until := g.periodOf(kind, ask, f)
	if err := f.problem(); err != nil {
		return nil, err
	}
	r, err := g.reportOn(ctx, in.caller.bic, kind, ask.Account, from, until)
	if errors.Is(err, errNoAccount) {
		f.add(ask.Path+"/Acct", openapi.ErrorCodeOriginalUnknown, "no such account of the caller's", "AC01")
		return nil, f.problem()
	}
	if errors.Is(err, errTooLong) {
		f.add(ask.Path+"/RptgPrd", openapi.ErrorCodeInvalidValue, fmt.Sprintf("more than %d entries: ask for a shorter time or one account", maxEntries), "CH16")
		return nil, f.problem()
	}
	if err != nil {
		return nil, err
	}
	body, err := iso20022.EmitReport(r)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	return body, nil
}

var (
	errNoAccount = errors.New("no such account")
	errTooLong   = errors.New("too many entries for one message")
)

// usualPeriod is the time a report is about when none is asked for: for a statement the last day that is
// over, for the others today up to now. Days are days of UTC.
func usualPeriod(kind iso20022.ReportKind, now time.Time) (from, until time.Time) {
	today := startOfDay(now)
	if kind == iso20022.DayStatement {
		return today.AddDate(0, 0, -1), today
	}
	return today, now
}

func startOfDay(at time.Time) time.Time { return at.Truncate(24 * time.Hour) }

// periodOf returns the time a report is about: the days asked for, or else the usual.
func (g *Gateway) periodOf(kind iso20022.ReportKind, ask *iso20022.ReportRequest, f *faults) (from, until time.Time) {
	now := g.cfg.Now().UTC()
	today := startOfDay(now)
	from, until = usualPeriod(kind, now)
	if ask.FromDay != "" {
		from, _ = time.Parse(time.DateOnly, ask.FromDay)
		from, until = from.Add(ask.FromTime), now
		if kind == iso20022.DayStatement {
			until = today
		}
	}
	if ask.ToDay != "" {
		to, _ := time.Parse(time.DateOnly, ask.ToDay)
		until = to.Add(ask.ToTime)
	}
	switch {
	case kind == iso20022.DayStatement && ask.Times:
		f.add(ask.Path+"/RptgPrd/FrToTm", openapi.ErrorCodeInvalidValue, "a statement is of whole days; ask for a camt.052", "DT01")
	case !from.Before(until):
		f.add(ask.Path+"/RptgPrd", openapi.ErrorCodeInvalidValue, "the time ends before it begins", "DT01")
	case kind == iso20022.DayStatement && until.After(today):
		f.add(ask.Path+"/RptgPrd", openapi.ErrorCodeInvalidValue, "a statement is of days that are over; ask for a camt.052", "DT01")
	}
	return from, until
}

// reportOn makes a report on one account of a participant, on all of a currency, or on all.
func (g *Gateway) reportOn(ctx context.Context, owner ledger.BIC, kind iso20022.ReportKind, account string, from, until time.Time) (iso20022.Report, error) {
	r := iso20022.Report{Kind: kind, MessageID: messageID(), Created: g.cfg.Now().UTC()}
	lines, _, err := g.cfg.Store.Balances(ctx, owner)
	if err != nil {
		return r, err
	}
	left := maxEntries
	for _, line := range lines {
		if account != "" && account != line.Asset.String() && account != line.Asset.Currency.String() {
			continue
		}
		st, err := g.cfg.Store.Statement(ctx, line, from.UnixMilli(), until.UnixMilli(), left)
		if err != nil {
			return r, err
		}
		if st.More {
			return r, errTooLong
		}
		left -= len(st.Postings)
		a := accountOf(line, from, until)
		a.Opening, a.Closing = money.New(st.Opening, line.Asset.Currency), money.New(st.Closing, line.Asset.Currency)
		for i := range st.Postings {
			p := &st.Postings[i]
			e := entryOf(p.Posting)
			if err := g.addParties(ctx, owner, p.Leaf, &e); err != nil {
				return r, err
			}
			a.Entries = append(a.Entries, e)
		}
		r.Accounts = append(r.Accounts, a)
	}
	switch {
	case len(r.Accounts) == 0:
		return r, errNoAccount
	case len(r.Accounts) == 1:
		r.From, r.To = servicer(r.Accounts[0].Account, owner), owner.String()
	}
	return r, nil
}

// servicer is the bank whose account it is: the asset's issuer. Nobody keeps an issuer's own asset for it.
func servicer(account string, owner ledger.BIC) string {
	_, issuer, _ := strings.Cut(account, "@")
	if issuer == owner.String() {
		return ""
	}
	return issuer
}

func accountOf(line sqlstore.Line, from, until time.Time) iso20022.AccountReport {
	zero := money.New(0, line.Asset.Currency)
	return iso20022.AccountReport{
		Account: line.Asset.String(), Owner: line.Holder.String(), From: from, Until: until, Opening: zero, Closing: zero,
	}
}

func entryOf(p sqlstore.Posting) iso20022.Entry {
	return iso20022.Entry{
		Reference: iso20022.EntryReference(p.Height, p.Index, p.Seq), Servicer: fmt.Sprintf("%d-%d", p.Height, p.Index),
		Amount: money.New(p.Delta, p.Asset.Currency), Balance: money.New(p.Balance, p.Asset.Currency), Booked: time.UnixMilli(p.Time).UTC(), Code: strings.ToUpper(p.Reason),
	}
}

// addParties adds a payment's references to an entry, when the account's owner is one of its parties;
// who only passed value through does not learn whose it was.
func (g *Gateway) addParties(ctx context.Context, owner ledger.BIC, data []byte, e *iso20022.Entry) error {
	leaf, err := ledger.DecodeLeaf(data)
	if err != nil {
		return fmt.Errorf("kept leaf: %w", err)
	}
	body, ok := ledger.DecodeInstruction(leaf.About())
	pay, isPay := body.(*ledger.Pay)
	if !ok || !isPay || leaf.Participant != owner && pay.To != owner {
		return nil
	}
	p, err := g.cfg.Store.Payment(ctx, owner, pay.ID)
	if errors.Is(err, sqlstore.ErrNotFound) {
		return nil
	}
	e.EndToEndID, e.UETR = p.EndToEndID, uuidText(p.UETR)
	return err
}
