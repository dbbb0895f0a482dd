package main

import (
	"fmt"
	"strings"

	"viaduct/gateway"
	"viaduct/internal/money"
)

// fences reads --fence: pairs of currencies and a percentage of at most two decimals each.
func (f serveFlags) fences() (map[gateway.FencedPair]int64, error) {
	out := make(map[gateway.FencedPair]int64, len(f.Fence))
	for _, text := range f.Fence {
		pair, percent, ok := strings.Cut(text, "=")
		give, want, ok2 := strings.Cut(pair, "/")
		a, err1 := money.ParseCurrency(give)
		b, err2 := money.ParseCurrency(want)
		width, err3 := money.ParsePrice(strings.TrimSuffix(percent, "%"))
		bps := width.Decimal().Shift(2)
		if !ok || !ok2 || err1 != nil || err2 != nil || err3 != nil || a == b || !bps.IsInteger() || bps.IntPart() > 10_000 {
			return nil, fmt.Errorf("%w: --fence %q: want two currencies and up to 100 percent, as in EUR/USD=2.5", errUsed, text)
		}
		out[gateway.NewFencedPair(a, b)] = bps.IntPart()
	}
	return out, nil
}
