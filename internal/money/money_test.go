package money

import (
	"errors"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	tests := []struct {
		text, currency string
		units          int64
		err            error
	}{
		{"100.00", "USD", 10000, nil},
		{"100", "USD", 10000, nil},
		{"100", "JPY", 100, nil},
		{"1.234", "KWD", 1234, nil},
		{"1.2345", "CLF", 12345, nil},
		{"-0.5", "EUR", -50, nil},
		{"92233720368547758.07", "USD", math.MaxInt64, nil},
		{"92233720368547758.08", "USD", 0, ErrOverflow},
		{"1.0", "JPY", 0, ErrDecimals},
		{"1.001", "USD", 0, ErrDecimals},
		{"1e3", "USD", 0, ErrSyntax},
		{"1e2000000", "USD", 0, ErrSyntax},
		{"+1", "USD", 0, ErrSyntax},
		{".5", "USD", 0, ErrSyntax},
		{"1.", "USD", 0, ErrSyntax},
		{"", "USD", 0, ErrSyntax},
		{" 1", "USD", 0, ErrSyntax},
		{"1,000", "USD", 0, ErrSyntax},
		{"١", "USD", 0, ErrSyntax},
		{strings.Repeat("0", 41), "USD", 0, ErrTooLong},
	}
	for _, tt := range tests {
		got, err := Parse(tt.text, MustCurrency(tt.currency))
		if !errors.Is(err, tt.err) || err == nil && got.Units() != tt.units {
			t.Errorf("Parse(%q, %s) = %v, %v, want %d, %v", tt.text, tt.currency, got, err, tt.units, tt.err)
		}
	}
}

func TestCurrency(t *testing.T) {
	if !slices.IsSorted(Currencies()) {
		t.Error("Currencies are not in order")
	}
	for _, c := range Currencies() {
		back, err := ParseCurrency(c.String())
		if err != nil || back != c {
			t.Errorf("ParseCurrency(%s) = %v, %v", c, back, err)
		}
	}
	for _, code := range []string{"", "us", "usd", "USDX", "ZZZ", "XAU", "ÄÄ"} {
		if _, err := ParseCurrency(code); !errors.Is(err, ErrCurrency) {
			t.Errorf("ParseCurrency(%q): %v, want ErrCurrency", code, err)
		}
	}
	for code, want := range map[string]uint8{"JPY": 0, "USD": 2, "KWD": 3, "CLF": 4} {
		if got := MustCurrency(code).Digits(); got != want {
			t.Errorf("%s has %d digits, want %d", code, got, want)
		}
	}
}

func TestAmountRefusesToMixAndToWrap(t *testing.T) {
	usd, eur := MustCurrency("USD"), MustCurrency("EUR")
	if _, err := New(1, usd).Add(New(1, eur)); !errors.Is(err, ErrMixed) {
		t.Errorf("USD + EUR: %v", err)
	}
	if _, err := New(math.MaxInt64, usd).Add(New(1, usd)); !errors.Is(err, ErrOverflow) {
		t.Errorf("max + 1: %v", err)
	}
	if _, err := New(0, usd).Sub(New(math.MinInt64, usd)); !errors.Is(err, ErrOverflow) {
		t.Errorf("0 - min: %v", err)
	}
}

func TestPrice(t *testing.T) {
	tests := []struct {
		text, give, want string
		n, d             int64
	}{
		{"20.1234", "EUR", "MXN", 100617, 5000},
		{"1.10", "EUR", "USD", 11, 10},
		{"0.0065", "JPY", "USD", 13, 20},
		{"0.3070", "USD", "KWD", 307, 100},
	}
	for _, tt := range tests {
		p, err := ParsePrice(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		r, err := p.Ratio(MustCurrency(tt.give), MustCurrency(tt.want))
		if err != nil || r.N != tt.n || r.D != tt.d {
			t.Errorf("%s %s/%s = %v, %v, want %d/%d", tt.text, tt.give, tt.want, r, err, tt.n, tt.d)
		}
		if got := r.Decimal(MustCurrency(tt.give), MustCurrency(tt.want)); !got.Equal(p.Decimal()) {
			t.Errorf("back: %s, want %s", got, p)
		}
	}
	for _, text := range []string{"0", "-1", "1e30", "0.0000000000001", "1234567890123456", "1" + strings.Repeat("0", 30)} {
		if p, err := ParsePrice(text); err == nil {
			t.Errorf("ParsePrice(%q) = %v, want an error", text, p)
		}
	}
}

func TestMulDivAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, n := rapid.Int64Min(0).Draw(t, "x"), rapid.Int64Min(0).Draw(t, "n")
		d := rapid.Int64Min(1).Draw(t, "d")
		mode := rapid.SampledFrom([]Rounding{RoundDown, RoundUp}).Draw(t, "mode")
		q, r := new(big.Int).QuoRem(new(big.Int).Mul(big.NewInt(x), big.NewInt(n)), big.NewInt(d), new(big.Int))
		if mode == RoundUp && r.Sign() != 0 {
			q.Add(q, big.NewInt(1))
			r.Sub(big.NewInt(d), r)
		}
		got, residue, err := MulDiv(x, n, d, mode)
		if !q.IsInt64() {
			if !errors.Is(err, ErrOverflow) {
				t.Fatalf("MulDiv(%d, %d, %d) = %d, %v, want ErrOverflow", x, n, d, got, err)
			}
			return
		}
		if err != nil || got != q.Int64() || residue != r.Int64() {
			t.Fatalf("MulDiv(%d, %d, %d, %d) = %d, %d, %v, want %s, %s", x, n, d, mode, got, residue, err, q, r)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"1", "-1.5", "1e9", "00.00", "9223372036854775807"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Parse(text, MustCurrency("USD"))
		if err != nil {
			return
		}
		back, err := Parse(a.Value(), a.Currency())
		if err != nil || back != a {
			t.Fatalf("Parse(%q) = %v, but its text reads back as %v, %v", text, a, back, err)
		}
	})
}

func TestCurrencyWellFormed(t *testing.T) {
	for _, c := range Currencies() {
		if !c.WellFormed() {
			t.Errorf("%s is not well formed", c)
		}
	}
	for _, c := range []Currency{0, 1, packCurrency("US@"), packCurrency("[SD"), MustCurrency("USD") | 1<<15} {
		if c.WellFormed() {
			t.Errorf("%#x (%q) is well formed", uint16(c), c)
		}
	}
}
