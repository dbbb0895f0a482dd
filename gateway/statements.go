package gateway

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"viaduct/gateway/iso20022"
	"viaduct/ledger"
	"viaduct/openapi"
)

// GetStatements reads what happened to a participant's positions in a time.
func (s server) GetStatements(ctx context.Context, r openapi.GetStatementsRequestObject) (openapi.GetStatementsResponseObject, error) {
	q, f := r.Params, &exchangeOf(ctx).faults
	whose, err := exchangeOf(ctx).caller.viewing(q.Participant)
	if err != nil {
		return nil, err
	}
	kind := iso20022.IntradayReport
	if q.Format == openapi.StatementCamt053 {
		kind = iso20022.DayStatement
	}
	from, until := s.statementTime(kind, q.From, q.Until, f)
	if err := f.problem(); err != nil {
		return nil, err
	}
	report, err := s.reportOn(ctx, whose, kind, q.Asset, from, until)
	switch {
	case errors.Is(err, errNoAccount) && q.Asset != "":
		return nil, errNotFound
	case errors.Is(err, errNoAccount):
		err = nil // nobody holds anything before the first line is opened
	case errors.Is(err, errTooLong):
		f.add("query:from", openapi.ErrorCodeInvalidValue, fmt.Sprintf("more than %d entries: ask for a shorter time or one asset", maxEntries), "")
		return nil, f.problem()
	}
	if err != nil {
		return nil, err
	}
	switch q.Format {
	case openapi.StatementCSV:
		body, err := statementCSV(&report)
		return &answer{status: http.StatusOK, media: "text/csv", body: body}, err
	case openapi.StatementCamt052, openapi.StatementCamt053:
		if len(report.Accounts) == 0 { // the message must have one
			return nil, errNotFound
		}
		body, err := iso20022.EmitReport(report)
		if err != nil {
			return nil, fmt.Errorf("statement: %w", err)
		}
		return xmlAnswer(http.StatusOK, body), nil
	}
	return jsonAnswer(http.StatusOK, statementView(&report, whose, from, until))
}

// VisitGetStatementsResponse writes the answer.
func (a *answer) VisitGetStatementsResponse(w http.ResponseWriter) error { return a.write(w) }

// statementTime returns the time asked for, or else the usual.
func (s server) statementTime(kind iso20022.ReportKind, fromText, untilText string, f *faults) (from, until time.Time) {
	now := s.cfg.Now().UTC()
	from, until = usualPeriod(kind, now)
	read := func(at, text string, into *time.Time) {
		if text == "" || f.at(at) {
			return
		}
		if units, err := parseTime(text); err == nil {
			*into = time.UnixMilli(units).UTC()
		}
	}
	read("query:from", fromText, &from)
	read("query:until", untilText, &until)
	switch {
	case !from.Before(until):
		f.add("query:from", openapi.ErrorCodeInvalidValue, "the time ends before it begins", "")
	case kind == iso20022.DayStatement && (until.After(now) || !until.Equal(startOfDay(until)) || !from.Equal(startOfDay(from))):
		f.add("query:until", openapi.ErrorCodeInvalidValue, "a camt.053 is of whole days that are over; ask for a camt.052", "")
	}
	return from, until
}

// statementView tells a report as the contract does.
func statementView(r *iso20022.Report, whose ledger.BIC, from, until time.Time) openapi.Statements {
	v := openapi.Statements{Participant: whose.String(), From: timeText(from.UnixMilli()), Until: timeText(until.UnixMilli()), Data: []openapi.Statement{}}
	for i := range r.Accounts {
		a := &r.Accounts[i]
		currency, issuer, _ := strings.Cut(a.Account, "@")
		st := openapi.Statement{Currency: currency, Issuer: issuer, Opening: a.Opening.Value(), Closing: a.Closing.Value(), Entries: []openapi.StatementEntry{}}
		for _, e := range a.Entries {
			st.Entries = append(st.Entries, openapi.StatementEntry{
				At: timeText(e.Booked.UnixMilli()), Amount: e.Amount.Value(), Balance: e.Balance.Value(), Reason: strings.ToLower(e.Code),
				Reference: e.Reference, Uetr: e.UETR, EndToEndId: e.EndToEndID,
			})
		}
		v.Data = append(v.Data, st)
	}
	return v
}

// statementCSV tells it as a table: for each position a line with its opening balance, one for each
// entry, and one with its closing balance.
func statementCSV(r *iso20022.Report) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"currency", "issuer", "kind", "at", "amount", "balance", "reason", "reference", "uetr", "end_to_end_id"}}
	for i := range r.Accounts {
		a := &r.Accounts[i]
		currency, issuer, _ := strings.Cut(a.Account, "@")
		rows = append(rows, []string{currency, issuer, "opening", timeText(a.From.UnixMilli()), "", a.Opening.Value(), "", "", "", ""})
		for _, e := range a.Entries {
			rows = append(rows, []string{currency, issuer, "entry", timeText(e.Booked.UnixMilli()), e.Amount.Value(), e.Balance.Value(),
				strings.ToLower(e.Code), e.Reference, e.UETR, plainCell(e.EndToEndID)})
		}
		rows = append(rows, []string{currency, issuer, "closing", timeText(a.Until.UnixMilli()), "", a.Closing.Value(), "", "", "", ""})
	}
	err := w.WriteAll(rows)
	return b.Bytes(), err
}

// plainCell keeps a spreadsheet from taking what a bank wrote for a formula.
func plainCell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
