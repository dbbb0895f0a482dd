package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"viaduct/openapi"
)

// helpers are what templates call.
var helpers = template.FuncMap{
	"amount": amount,
	"money":  moneyText,
	"ago":    ago,
	"clock":  clock,
	"words":  words,
	"short":  short,
	"bar":    bar,
	"dict":   dict,
	"hourX":  func(hour int) int { return 3 + 31*hour },
	"hourY":  func(height int) int { return 108 - height },
}

// amount prints a decimal with its thousands apart.
func amount(value openapi.Decimal) string {
	text := value
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "\u2212", text[1:]
	}
	whole, part, found := strings.Cut(text, ".")
	var b strings.Builder
	b.WriteString(sign)
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	if found {
		b.WriteByte('.')
		b.WriteString(part)
	}
	return b.String()
}

// moneyText prints an amount with its currency first, and whose claim it is when that is said.
func moneyText(m *openapi.Money) string {
	if m == nil {
		return ""
	}
	text := m.Currency + " " + amount(m.Value)
	if m.Issuer != "" {
		text += " at " + m.Issuer
	}
	return text
}

// ago tells how long before now a time was.
func ago(now, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	switch d := now.Sub(at); {
	case d < 2*time.Second:
		return "now"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
}

// clock prints a contract's time so that one can read it; what is not a time stays as it is.
func clock(text openapi.Time) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return at.UTC().Format("2006-01-02 15:04:05")
}

// words makes a code readable: send_max_exceeded is "send max exceeded".
func words(code any) string { return strings.ReplaceAll(fmt.Sprint(code), "_", " ") }

// short shows enough of an id or hash to tell it from others.
func short(text string) string {
	if len(text) <= 13 {
		return text
	}
	return text[:8] + "…" + text[len(text)-4:]
}

// bar tells a share in percent, for a meter; 0 to 100.
func bar(part, whole openapi.Decimal) int {
	p, err := decimal.NewFromString(part)
	if err != nil {
		return 0
	}
	w, err := decimal.NewFromString(whole)
	if err != nil || w.Sign() <= 0 {
		return 0
	}
	share := p.Mul(decimal.NewFromInt(100)).Div(w).IntPart()
	return int(min(max(share, 0), 100))
}

func dict(pairs ...any) map[string]any {
	m := make(map[string]any)
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// mids converts amounts by the mid-market rates, to look at and never to book.
type mids struct {
	per map[string]decimal.Decimal // units of a currency for one of the table's base
}

func newMids(r openapi.Rates) mids {
	m := mids{map[string]decimal.Decimal{r.Base: decimal.NewFromInt(1)}}
	for _, x := range r.Data {
		if rate, err := decimal.NewFromString(x.Rate); err == nil && rate.Sign() > 0 {
			m.per[x.Currency] = rate
		}
	}
	return m
}

// in converts an amount, rounded to two decimals; ok is false when a rate is missing.
func (m mids) in(base, currency string, value decimal.Decimal) (decimal.Decimal, bool) {
	from, okFrom := m.per[currency]
	to, okTo := m.per[base]
	if !okFrom || !okTo {
		return decimal.Decimal{}, false
	}
	return value.Mul(to).DivRound(from, 2), true
}
