package gateway

import (
	"testing"

	"viaduct/internal/money"
	"viaduct/ledger"
)

func TestFormats(t *testing.T) {
	checks := formats()
	tests := []struct {
		format    string
		good, bad []string
	}{
		{"bic", []string{"EURBDEFF", "EURBDEFFXXX", "1234DE2A"}, []string{"", "eurbdeff", "EURBDEF", "EURB1EFF", "EURBDEFFX"}},
		{"currency", []string{"EUR", "JPY", "KWD", "CLF"}, []string{"", "eur", "EURO", "XYZ", "DEM"}},
		{"asset", []string{"EUR", "EUR@EURBDEFF"}, []string{"", "@EURBDEFF", "EUR@", "EUR@X", "XYZ@EURBDEFF"}},
		{"decimal", []string{"0", "1.50", "-3", "00.1"}, []string{"", "1.", ".5", "1e9", "+1", " 1", "1,5", "0x1"}},
		{"uetr", []string{"174c245f-2682-4291-ad67-2a41e530cd27"}, []string{
			"", "174C245F-2682-4291-AD67-2A41E530CD27", "174c245f268242 91ad672a41e530cd27", "174c245f-2682-1291-ad67-2a41e530cd27",
			"174c245f-2682-4291-2d67-2a41e530cd27", "{174c245f-2682-4291-ad67-2a41e530cd27}",
		}},
		{"date-time", []string{"2026-03-13T16:00:00Z", "2026-03-13T16:00:00.123+01:00"}, []string{"", "2026-03-13", "2026-02-30T00:00:00Z", "1960-01-01T00:00:00Z", "2026-03-13 16:00:00Z"}},
		{"country", []string{"DE"}, []string{"", "de", "DEU", "D1"}},
		{"lei", []string{"VIADUCT0TESTBANK0175"}, []string{"", "VIADUCT0TESTBANK0176", "VIADUCT0TESTBANK017", "viaduct0testbank0175"}},
		{"ed25519", []string{"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}, []string{"", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo", "AAAA"}},
	}
	for _, tt := range tests {
		for _, s := range tt.good {
			if err := checks[tt.format].Validate(s); err != nil {
				t.Errorf("%s %q: %v", tt.format, s, err)
			}
		}
		for _, s := range tt.bad {
			if checks[tt.format].Validate(s) == nil {
				t.Errorf("%s takes %q", tt.format, s)
			}
		}
	}
}

func TestParts(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "1": ledger.Unit, "0.000000001": 1, "1.0002": 1_000_200_000, "0.5": ledger.Unit / 2} {
		got, ok := parts(text)
		if !ok || got != want {
			t.Errorf("parts(%s) = %d, %v, want %d", text, got, ok, want)
		}
		if d, err := money.ParseDecimal(text); err != nil || share(got) != d.String() {
			t.Errorf("share(%d) = %s, want %s", got, share(got), text)
		}
	}
	for _, text := range []string{"0.0000000001", "x", "99999999999999999999"} {
		if got, ok := parts(text); ok {
			t.Errorf("parts(%s) = %d", text, got)
		}
	}
}

// A bound is the mid and the margin, never above it, and nothing when it cannot be told.
func TestBoundUnits(t *testing.T) {
	for _, tt := range []struct {
		amount int64
		r      money.Ratio
		bps    int64
		want   int64
	}{
		{100_000, money.Ratio{N: 20, D: 1}, 0, 2_000_000},
		{100_000, money.Ratio{N: 20, D: 1}, 250, 2_050_000},
		{1, money.Ratio{N: 1, D: 3}, 0, 0},
		{10, money.Ratio{N: 1, D: 3}, 10_000, 6},
		{ledger.MaxUnits, money.Ratio{N: 1, D: 1}, 0, ledger.MaxUnits},
		{ledger.MaxUnits, money.Ratio{N: 1, D: 1}, 1, 0},
		{ledger.MaxUnits, money.Ratio{N: 1 << 62, D: 1}, 1, 0},
	} {
		if got := boundUnits(tt.amount, tt.r, tt.bps); got != tt.want {
			t.Errorf("boundUnits(%d, %v, %d) = %d, want %d", tt.amount, tt.r, tt.bps, got, tt.want)
		}
	}
}

func TestPreferredWait(t *testing.T) {
	for prefer, want := range map[string]int{
		"": -1, "wait=10": 10, "respond-async, wait=5": 5, `WAIT="7"`: 7, "wait=999": -1, "wait=0": 0, "wait=-1": -1, "wait=x": -1, "handling=strict": -1,
	} {
		if got := preferredWait(prefer, &faults{}); got != want {
			t.Errorf("preferredWait(%q) = %d, want %d", prefer, got, want)
		}
	}
}
