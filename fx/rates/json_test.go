package rates

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"viaduct/internal/money"
)

var (
	listed = &Mapping{Source: "Desk", Base: "data.base", Time: "data.at", Rates: "data.quotes", Currency: "pair.quote", Rate: "mid", Required: []string{"USD"}}
	mapped = &Mapping{Source: "Desk", Base: "EUR", Time: "at", Rates: "rates"}
)

const list = `{"data":{"base":"EUR","at":"2026-03-13T16:00:00Z","quotes":[{"pair":{"quote":"USD"},"mid":1.1476},{"pair":{"quote":"JPY"},"mid":"182.85"}]}}`

func TestParseJSON(t *testing.T) {
	table, err := listed.ParseJSON(strings.NewReader(list))
	if err != nil {
		t.Fatal(err)
	}
	mid, err := table.Mid(money.MustCurrency("USD"), money.MustCurrency("JPY"))
	if err != nil || mid.Ratio != (money.Ratio{N: 18285, D: 11476}) || mid.Source != "Desk" || mid.Date.Format(time.RFC3339) != "2026-03-13T16:00:00Z" {
		t.Errorf("%+v, %v", mid, err)
	}
	for _, at := range []string{`"2026-03-13"`, `1773360000`, `"2026-03-13T01:00:00+01:00"`} {
		table, err := mapped.ParseJSON(strings.NewReader(`{"at":` + at + `,"rates":{"USD":1.1476,"EUR":1,"ZZZ":3}}`))
		if err != nil || table.Date().Format(time.DateOnly) != "2026-03-13" || len(table.perBase) != 2 || table.Base().String() != "EUR" {
			t.Errorf("%s: %+v, %v", at, table, err)
		}
	}
	for n := range len(list) {
		if _, err := listed.ParseJSON(strings.NewReader(list[:n])); !errors.Is(err, ErrFormat) {
			t.Fatalf("cut off after %d bytes: %v", n, err)
		}
	}
	for name, tt := range map[string]struct {
		mapping *Mapping
		text    string
		err     error
	}{
		"empty":            {mapped, "", ErrFormat},
		"null":             {mapped, "null", ErrFormat},
		"another form":     {mapped, "<xml/>", ErrFormat},
		"more behind it":   {listed, list + "{}", ErrFormat},
		"no rates":         {mapped, `{"at":"2026-03-13","rates":{}}`, ErrFormat},
		"nothing there":    {mapped, `{"at":"2026-03-13"}`, ErrFormat},
		"a list":           {mapped, `{"at":"2026-03-13","rates":[]}`, ErrFormat},
		"an object":        {listed, strings.Replace(list, `[{"pair":{"quote":"USD"},"mid":1.1476},{"pair":{"quote":"JPY"},"mid":"182.85"}]`, `{"USD":1}`, 1), ErrFormat},
		"no time":          {mapped, `{"rates":{"USD":1.1}}`, ErrFormat},
		"time of nothing":  {mapped, `{"at":"yesterday","rates":{"USD":1.1}}`, ErrFormat},
		"before the euro":  {mapped, `{"at":"1990-01-01","rates":{"USD":1.1}}`, ErrFormat},
		"no base":          {listed, strings.Replace(list, `"EUR"`, `"EURO"`, 1), ErrFormat},
		"no currency":      {listed, strings.Replace(list, `{"quote":"JPY"}`, `{}`, 1), ErrFormat},
		"no rate":          {listed, strings.Replace(list, `1.1476`, `null`, 1), ErrFormat},
		"zero":             {mapped, `{"at":"2026-03-13","rates":{"USD":0}}`, ErrAbsurd},
		"below zero":       {mapped, `{"at":"2026-03-13","rates":{"USD":-1}}`, ErrAbsurd},
		"exponent":         {mapped, `{"at":"2026-03-13","rates":{"USD":1e-30}}`, ErrAbsurd},
		"huge":             {mapped, `{"at":"2026-03-13","rates":{"USD":1000000000000}}`, ErrAbsurd},
		"twice":            {listed, strings.Replace(list, `"JPY"`, `"USD"`, 1), ErrFormat},
		"base at another":  {mapped, `{"at":"2026-03-13","rates":{"USD":1.1,"EUR":2}}`, ErrFormat},
		"a currency short": {listed, strings.Replace(list, `"USD"`, `"GBP"`, 1), ErrMissing},
		"too large":        {mapped, `{"at":"2026-03-13","rates":{"USD":1.1}}` + strings.Repeat(" ", maxTable), ErrTooLarge},
	} {
		if table, err := tt.mapping.ParseJSON(strings.NewReader(tt.text)); !errors.Is(err, tt.err) || table != nil {
			t.Errorf("%s: %v, %v, want %v", name, table, err, tt.err)
		}
	}
}

// What a server answers that is no good leaves the last good rates where they are, and has its word.
func TestBadAnswersKeepTheLastGoodRates(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(http.ResponseWriter)
		code   string
	}{
		"truncated":        {text(list[:len(list)-9]), "bad_format"},
		"of an older date": {text(strings.Replace(list, "2026-03-13T16", "2026-03-12T16", 1)), "older"},
		"of a coming date": {text(strings.Replace(list, "2026-03-13T16", "2026-03-23T16", 1)), "absurd"},
		"required missing": {text(strings.Replace(list, `"USD"`, `"GBP"`, 1)), "currency_missing"},
		"had before":       {text(strings.Replace(list, `,{"pair":{"quote":"JPY"},"mid":"182.85"}`, "", 1)), "currency_missing"},
		"absurd":           {text(strings.Replace(list, `1.1476`, "0.00000001", 1)), "absurd"},
		"not found":        {status(404), "unreachable"},
	} {
		server := publish(t, text(list), tt.answer)
		var codes []string
		f := NewFeed(FeedConfig{
			Location: server.URL, Mapping: listed, Every: time.Hour, Log: slog.New(slog.DiscardHandler), Observe: func(code string) { codes = append(codes, code) },
			Now: func() time.Time { return time.Date(2026, time.March, 13, 18, 0, 0, 0, time.UTC) },
		}, nil)
		if err := f.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := f.Refresh(t.Context()); err == nil || Code(err) != tt.code {
			t.Errorf("%s: %v", name, err)
		}
		table, err := f.Table()
		if err != nil || len(table.perBase) != 3 || table.Date().Format(time.DateOnly) != "2026-03-13" || strings.Join(codes, " ") != "ok "+tt.code {
			t.Errorf("%s: in use %+v, %v; told %v", name, table, err, codes)
		}
	}
}

// A currency short in the ECB's form is found the same way; the rates that came with the program are no measure.
func TestECBTableThatLacksACurrency(t *testing.T) {
	server := publish(t, text(day("2026-03-12", three)), text(day("2026-03-13", dollar)))
	f := feed(server.URL, parse(t, day("2026-03-11", three+`<Cube currency="GBP" rate="0.8"/>`)))
	if err := f.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Refresh(t.Context()); Code(err) != "currency_missing" {
		t.Error(err)
	}
	wantDate(t, f, "2026-03-12")
}

func TestReadMapping(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "mapping.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := `{"source":"Desk","base":"EUR","time":"at","rates":"rates"}`
	if m, err := ReadMapping(write(good)); err != nil || m.Source != "Desk" {
		t.Errorf("%+v, %v", m, err)
	}
	for name, bad := range map[string]string{
		"cut off":     good[:20],
		"unknown":     strings.Replace(good, `"source"`, `"publisher"`, 1),
		"no time":     strings.Replace(good, `"at"`, `""`, 1),
		"half a list": strings.Replace(good, `"at"`, `"at","rate":"mid"`, 1),
		"required":    strings.Replace(good, `"at"`, `"at","required":["XYZ"]`, 1),
	} {
		if m, err := ReadMapping(write(bad)); err == nil {
			t.Errorf("%s: %+v", name, m)
		}
	}
	if _, err := ReadMapping(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
