package rates

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/shopspring/decimal"

	"viaduct/internal/money"
)

// maxTable bounds what is read. A day's table is 2 kB; the file of all days since 1999, which is not
// what we want, has megabytes.
const maxTable = 64 << 10

// ecbName is the source that tables in this format are of.
const ecbName = "European Central Bank"

// The two XML namespaces of the format: the envelope's and the rates'.
const (
	gesmesSpace = "http://www.gesmes.org/xml/2002-08-01"
	ecbSpace    = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref"
)

// No currency that is in use costs less than a ten-thousandth of a euro's worth or more than ten million
// to the euro; a rate out there is a slipped point or a wrong column.
var (
	lowestRate  = decimal.New(1, -4)
	highestRate = decimal.New(1, 7)
)

// firstDay is when the ECB began to publish.
var firstDay = time.Date(1999, time.January, 4, 0, 0, 0, 0, time.UTC)

// ParseECB reads the ECB's daily table (eurofxref-daily.xml): one day, each currency once. It refuses
// what is larger than a day's table, cut off, has a document type or anything after its end. Codes that
// ISO 4217 doesn't know, or no longer, are passed over: nothing can be paid in them.
func ParseECB(r io.Reader) (*Table, error) {
	limited := &io.LimitedReader{R: r, N: maxTable + 1}
	p := parser{decoder: xml.NewDecoder(limited)}
	table, err := p.document()
	if limited.N <= 0 {
		return nil, fmt.Errorf("%w: over %d bytes", ErrTooLarge, maxTable)
	}
	return table, err
}

type parser struct {
	decoder *xml.Decoder
	table   *Table
}

func (p *parser) document() (*Table, error) {
	root, err := p.next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: empty", ErrFormat)
	}
	if err != nil {
		return nil, err
	}
	if root == nil || root.Name != (xml.Name{Space: gesmesSpace, Local: "Envelope"}) {
		return nil, fmt.Errorf("%w: want a gesmes Envelope", ErrFormat)
	}
	if err := p.children(func(e xml.StartElement) error {
		if e.Name.Space == gesmesSpace { // subject and sender: said by the format already
			return p.skip()
		}
		return p.cube(e, p.days)
	}); err != nil {
		return nil, err
	}
	if _, err := p.next(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: something follows the envelope", ErrFormat)
	}
	if p.table == nil || len(p.table.perBase) < 2 {
		return nil, fmt.Errorf("%w: no rates in it", ErrFormat)
	}
	return p.table, nil
}

// days reads the Cube that holds the days.
func (p *parser) days(xml.StartElement) error {
	return p.children(func(e xml.StartElement) error { return p.cube(e, p.day) })
}

func (p *parser) day(e xml.StartElement) error {
	if p.table != nil {
		return fmt.Errorf("%w: more than one day", ErrFormat)
	}
	text, err := attribute(e, "time")
	if err != nil {
		return err
	}
	date, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return fmt.Errorf("%w: time %.20q is not a date", ErrFormat, text)
	}
	if date.Before(firstDay) {
		return fmt.Errorf("%w: rates of %s", ErrAbsurd, text)
	}
	p.table = &Table{source: ecbName, date: date, base: money.MustCurrency("EUR"), perBase: map[money.Currency]money.Price{
		money.MustCurrency("EUR"): {Mantissa: 1},
	}}
	return p.children(func(e xml.StartElement) error { return p.cube(e, p.rate) })
}

func (p *parser) rate(e xml.StartElement) error {
	code, err := attribute(e, "currency")
	if err != nil {
		return err
	}
	text, err := attribute(e, "rate")
	if err != nil {
		return err
	}
	price, err := money.ParsePrice(text)
	if err != nil {
		return fmt.Errorf("%w: %.12q costs %.40q: %w", ErrAbsurd, code, text, err)
	}
	if v := price.Decimal(); v.LessThan(lowestRate) || v.GreaterThan(highestRate) {
		return fmt.Errorf("%w: %.12q costs %s", ErrAbsurd, code, text)
	}
	if !wellFormed(code) {
		return fmt.Errorf("%w: currency %.12q", ErrFormat, code)
	}
	if c, err := money.ParseCurrency(code); err == nil {
		if _, ok := p.table.perBase[c]; ok {
			return fmt.Errorf("%w: %s twice", ErrFormat, code)
		}
		p.table.perBase[c] = price
	}
	return p.children(func(xml.StartElement) error { return fmt.Errorf("%w: an element inside a rate", ErrFormat) })
}

func wellFormed(code string) bool {
	for i := range len(code) {
		if code[i] < 'A' || code[i] > 'Z' {
			return false
		}
	}
	return len(code) == 3
}

// cube reads e, which must be a Cube, with what its place in the document asks for.
func (p *parser) cube(e xml.StartElement, read func(xml.StartElement) error) error {
	if e.Name != (xml.Name{Space: ecbSpace, Local: "Cube"}) {
		return fmt.Errorf("%w: unknown element %.40q", ErrFormat, e.Name.Local)
	}
	return read(e)
}

// children hands each element inside the present one to read, up to the present one's end.
func (p *parser) children(read func(xml.StartElement) error) error {
	for {
		e, err := p.next()
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: cut off", ErrFormat)
		}
		if err != nil {
			return err
		}
		if e == nil {
			return nil
		}
		if err := read(*e); err != nil {
			return err
		}
	}
}

// next returns the next element that begins here, nil when the present one ends, io.EOF at the
// document's end. Between elements there is only white space.
func (p *parser) next() (*xml.StartElement, error) {
	for {
		token, err := p.decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			return &token, nil
		case xml.EndElement:
			return nil, nil
		case xml.Directive:
			return nil, fmt.Errorf("%w: has a document type", ErrFormat)
		case xml.CharData:
			for _, b := range token {
				if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
					return nil, fmt.Errorf("%w: text between elements", ErrFormat)
				}
			}
		}
	}
}

func (p *parser) skip() error {
	if err := p.decoder.Skip(); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return nil
}

func attribute(e xml.StartElement, name string) (string, error) {
	found, value := 0, ""
	for _, a := range e.Attr {
		if a.Name == (xml.Name{Local: name}) {
			found, value = found+1, a.Value
		}
	}
	if found != 1 {
		return "", fmt.Errorf("%w: a Cube with %d attributes %q, want one", ErrFormat, found, name)
	}
	return value, nil
}
