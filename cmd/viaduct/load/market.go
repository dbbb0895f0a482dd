package load

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// Caller sends one request to a gateway as a participant: body is sent as JSON, the answer is read
// into out; either may be nil. key is the API key, idempotency the key of a request that moves money.
type Caller func(ctx context.Context, method, path, key, idempotency string, body, out any) error

// Bank is a participant of the generated market and its API key.
type Bank struct {
	BIC, Key string
}

// Market is a generated market: correspondents that issue one currency each, a dealer that trades
// every pair of them, and banks that hold a balance with each correspondent.
type Market struct {
	Banks          []Bank
	correspondents []Bank
	dealer         Bank
}

// currencies are what the correspondents issue, with what one unit is worth in a thousandth of a
// dollar.
var currencies = [...]struct {
	code, country string
	worth         int64
}{{"USD", "US", 1000}, {"EUR", "DE", 1150}, {"GBP", "GB", 1330}}

// Amounts of the generated market, in major units. The dealer's and the banks' purses are so deep that
// a long run does not empty them.
const (
	purse     = "1000000000.00"
	dealerCap = "100000000000.00"
	lineLimit = "10000000000000.00"
)

// Lines returns how many lines a market of so many banks has.
func Lines(banks int) int { return (banks + 1) * len(currencies) }

// bic makes a well-formed BIC of a number: the first letter says what kind of participant it is.
func bic(kind byte, i int, country string) string {
	code := [4]byte{kind, byte('A' + i/676%26), byte('A' + i/26%26), byte('A' + i%26)}
	return string(code[:]) + country + "LD"
}

// Build admits everybody, opens the lines, issues the purses and places the offers, workers requests at
// a time. tell is called after each request with how many are done and how many there are.
func Build(ctx context.Context, call Caller, operator, run string, banks, workers int, tell func(done, of int)) (*Market, error) {
	m := &Market{Banks: make([]Bank, banks), correspondents: make([]Bank, len(currencies))}
	everybody := make([]*Bank, 0, banks+len(currencies)+1)
	for i := range m.Banks {
		m.Banks[i].BIC = bic('B', i, "NL")
		everybody = append(everybody, &m.Banks[i])
	}
	for i := range m.correspondents {
		m.correspondents[i].BIC = bic('C', i, currencies[i].country)
		everybody = append(everybody, &m.correspondents[i])
	}
	m.dealer.BIC = bic('D', 0, "GB")
	everybody = append(everybody, &m.dealer)

	holders := append([]*Bank{&m.dealer}, everybody[:banks]...)
	done, of := 0, 2*len(everybody)+2*len(holders)*len(currencies)+len(currencies)*(len(currencies)-1)
	each := func(n int, f func(ctx context.Context, i int) error) error {
		return parallel(ctx, n, workers, f, func() { done++; tell(done, of) })
	}
	err := each(len(everybody), func(ctx context.Context, i int) error {
		b := everybody[i]
		return call(ctx, "POST", "/v1/participants", operator, run+"-admit-"+b.BIC, map[string]any{
			"bic": b.BIC, "name": "Load " + b.BIC, "country": b.BIC[4:6],
		}, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("admit participants: %w", err)
	}
	err = each(len(everybody), func(ctx context.Context, i int) error {
		var made struct {
			Key string `json:"key"`
		}
		err := call(ctx, "POST", "/v1/participants/"+everybody[i].BIC+"/api-keys", operator, "", map[string]any{"name": "load"}, &made)
		everybody[i].Key = made.Key
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("make API keys: %w", err)
	}
	err = each(len(holders)*len(currencies), func(ctx context.Context, i int) error {
		b, c := holders[i/len(currencies)], i%len(currencies)
		path := fmt.Sprintf("/v1/lines/%s/%s/%s", b.BIC, currencies[c].code, m.correspondents[c].BIC)
		return call(ctx, "PUT", path, b.Key, run+"-line-"+b.BIC+currencies[c].code, map[string]any{"limit": lineLimit}, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("open lines: %w", err)
	}
	err = each(len(holders)*len(currencies), func(ctx context.Context, i int) error {
		b, c := holders[i/len(currencies)], i%len(currencies)
		value := purse
		if b == &m.dealer {
			value = dealerCap
		}
		amount := m.money(c, value)
		return call(ctx, "POST", "/v1/payments", m.correspondents[c].Key, run+"-issue-"+b.BIC+currencies[c].code, map[string]any{
			"to": b.BIC, "deliver": amount, "send_max": amount,
		}, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("issue purses: %w", err)
	}
	err = each(len(currencies)*(len(currencies)-1), func(ctx context.Context, i int) error {
		give := i / (len(currencies) - 1)
		want := (give + 1 + i%(len(currencies)-1)) % len(currencies)
		// What one unit costs, plus a tenth of a percent, in millionths.
		price := currencies[give].worth * 1_001_000 / currencies[want].worth
		return call(ctx, "POST", "/v1/offers", m.dealer.Key, fmt.Sprintf("%s-offer-%d", run, i), map[string]any{
			"give":  m.money(give, "10000000000.00"),
			"want":  map[string]any{"currency": currencies[want].code, "issuer": m.correspondents[want].BIC},
			"price": fmt.Sprintf("%d.%06d", price/1_000_000, price%1_000_000),
		}, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("place offers: %w", err)
	}
	return m, nil
}

func (m *Market) money(c int, value string) map[string]any {
	return map[string]any{"currency": currencies[c].code, "issuer": m.correspondents[c].BIC, "value": value}
}

// Mix is how many of a hundred orders are of each kind; the rest pays in the currency it holds.
type Mix struct {
	FX      int // pays in another currency than it delivers
	Refused int // may not cost what it costs, and so is recorded as refused
}

// Order is what one request asks for.
type Order struct {
	From Bank
	Body []byte // JSON
}

// Order appends the body of a random order to buf.
func (m *Market) Order(rng *rand.Rand, mix Mix, buf []byte) Order {
	from := rng.IntN(len(m.Banks))
	return Order{m.Banks[from], m.order(rng, from, mix, buf)}
}

// Batch appends the body of n random orders of one bank to buf.
func (m *Market) Batch(rng *rand.Rand, mix Mix, n int, buf []byte) Order {
	from := rng.IntN(len(m.Banks))
	buf = append(buf, `{"payments":[`...)
	for i := range n {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = m.order(rng, from, mix, buf)
	}
	return Order{m.Banks[from], append(buf, "]}"...)}
}

func (m *Market) order(rng *rand.Rand, from int, mix Mix, buf []byte) []byte {
	to := rng.IntN(len(m.Banks) - 1)
	if to >= from {
		to++
	}
	deliver := rng.IntN(len(currencies))
	send := deliver
	minor := 1 + rng.Int64N(100_000)
	most := minor
	switch kind := rng.IntN(100); {
	case kind < mix.FX:
		send = (deliver + 1 + rng.IntN(len(currencies)-1)) % len(currencies)
		most = 2*minor + 1
	case kind < mix.FX+mix.Refused:
		send = (deliver + 1) % len(currencies)
		most = max(minor/4, 1)
		minor += 10
	}
	buf = append(buf, `{"to":"`...)
	buf = append(buf, m.Banks[to].BIC...)
	buf = m.side(buf, `","deliver":`, deliver, minor)
	buf = m.side(buf, `,"send_max":`, send, most)
	return append(buf, '}')
}

func (m *Market) side(buf []byte, name string, c int, minor int64) []byte {
	return fmt.Appendf(append(buf, name...), `{"currency":"%s","issuer":"%s","value":"%d.%02d"}`,
		currencies[c].code, m.correspondents[c].BIC, minor/100, minor%100)
}
