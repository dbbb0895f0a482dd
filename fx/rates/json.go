package rates

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"viaduct/internal/money"
)

// Mapping says where in a JSON document of somebody's the rates are. A path is names with dots between.
type Mapping struct {
	// Source is who publishes the rates, as it is shown beside them.
	Source string `json:"source"`
	// Base is a currency's code, or the path of one.
	Base string `json:"base"`
	// Time is the path of the time that the rates are of: RFC 3339, a date, or seconds since 1970.
	Time string `json:"time"`
	// Rates is the path of the rates: an object of prices by currency, or a list of objects that have the currency
	// and the price at these two paths.
	Rates    string `json:"rates"`
	Currency string `json:"currency"`
	Rate     string `json:"rate"`
	// Required are currencies without which a document is refused.
	Required []string `json:"required"`
}

// ReadMapping reads a mapping from a JSON file, strictly.
func ReadMapping(path string) (*Mapping, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m := new(Mapping)
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(m); err != nil {
		return nil, fmt.Errorf("mapping %s: %w", path, err)
	}
	switch {
	case m.Source == "" || len(m.Source) > 64 || m.Base == "" || m.Time == "" || m.Rates == "":
		return nil, fmt.Errorf("mapping %s: source (at most 64 bytes), base, time and rates are needed", path)
	case (m.Currency == "") != (m.Rate == ""):
		return nil, fmt.Errorf("mapping %s: a list of rates needs both currency and rate, an object of them neither", path)
	}
	for _, code := range m.Required {
		if _, err := money.ParseCurrency(code); err != nil {
			return nil, fmt.Errorf("mapping %s: required %q is no currency", path, code)
		}
	}
	return m, nil
}

// ParseJSON reads a document as the mapping says. It refuses what is cut off, has anything after its end, has a
// currency twice, lacks one that is required, or has an absurd rate. Codes that ISO 4217 doesn't know are passed
// over.
func (m *Mapping) ParseJSON(r io.Reader) (*Table, error) {
	limited := &io.LimitedReader{R: r, N: maxTable + 1}
	decoder := json.NewDecoder(limited)
	decoder.UseNumber() // a rate is read as the text it is written in
	var document any
	err := decoder.Decode(&document)
	if err == nil {
		_, err = decoder.Token()
	}
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("%w: over %d bytes", ErrTooLarge, maxTable)
	case err == nil:
		return nil, fmt.Errorf("%w: something follows the document", ErrFormat)
	case !errors.Is(err, io.EOF) || document == nil:
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	t := &Table{source: m.Source, perBase: make(map[money.Currency]money.Price)}
	if t.base, err = money.ParseCurrency(m.Base); err != nil {
		code, _ := at(document, m.Base).(string)
		if t.base, err = money.ParseCurrency(code); err != nil {
			return nil, fmt.Errorf("%w: base %.20q is no currency", ErrFormat, code)
		}
	}
	t.perBase[t.base] = money.Price{Mantissa: 1}
	if t.date, err = readTime(at(document, m.Time)); err != nil {
		return nil, err
	}
	if err := m.readRates(t, at(document, m.Rates)); err != nil {
		return nil, err
	}
	for _, code := range m.Required {
		if _, ok := t.perBase[money.MustCurrency(code)]; !ok {
			return nil, fmt.Errorf("%w: %s", ErrMissing, code)
		}
	}
	if len(t.perBase) < 2 {
		return nil, fmt.Errorf("%w: no rates in it", ErrFormat)
	}
	return t, nil
}

func (m *Mapping) readRates(t *Table, rates any) error {
	switch rates := rates.(type) {
	case map[string]any:
		if m.Rate != "" {
			return fmt.Errorf("%w: %s is an object, want a list", ErrFormat, m.Rates)
		}
		for code, rate := range rates { // each is checked for itself, so their order is nothing to the table
			if err := t.add(code, rate); err != nil {
				return err
			}
		}
	case []any:
		if m.Rate == "" {
			return fmt.Errorf("%w: %s is a list, want an object", ErrFormat, m.Rates)
		}
		for _, one := range rates {
			code, ok := at(one, m.Currency).(string)
			if !ok {
				return fmt.Errorf("%w: a rate without %s", ErrFormat, m.Currency)
			}
			if err := t.add(code, at(one, m.Rate)); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%w: nothing at %s", ErrFormat, m.Rates)
	}
	return nil
}

// add takes a rate, as a number or as its text.
func (t *Table) add(code string, rate any) error {
	var text string
	switch rate := rate.(type) {
	case json.Number:
		text = rate.String()
	case string:
		text = rate
	default:
		return fmt.Errorf("%w: %.12q has no rate", ErrFormat, code)
	}
	price, err := money.ParsePrice(text)
	if err != nil {
		return fmt.Errorf("%w: %.12q costs %.40q: %w", ErrAbsurd, code, text, err)
	}
	if v := price.Decimal(); v.LessThan(lowestRate) || v.GreaterThan(highestRate) {
		return fmt.Errorf("%w: %.12q costs %s", ErrAbsurd, code, text)
	}
	c, err := money.ParseCurrency(code)
	if err != nil {
		return nil
	}
	if have, ok := t.perBase[c]; ok {
		if c == t.base && price == have {
			return nil // some publish the base at one
		}
		return fmt.Errorf("%w: %s twice", ErrFormat, code)
	}
	t.perBase[c] = price
	return nil
}

// at returns what lies at a path of a document; nil for nothing.
func at(document any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		object, ok := document.(map[string]any)
		if !ok {
			return nil
		}
		document = object[name]
	}
	return document
}

func readTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case json.Number:
		if seconds, err := v.Int64(); err == nil && seconds > firstDay.Unix() && seconds < 1<<40 {
			return time.Unix(seconds, 0).UTC(), nil
		}
	case string:
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
			if t, err := time.Parse(layout, v); err == nil && !t.Before(firstDay) {
				return t.UTC(), nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%w: %.40q is no time", ErrFormat, fmt.Sprint(v))
}
