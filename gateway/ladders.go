package gateway

import (
	"bytes"
	"cmp"
	"context"
	"math/big"
	"net/http"
	"slices"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// ReplaceOffers puts a ladder in the place of what the caller offers between two assets or currencies.
func (s server) ReplaceOffers(ctx context.Context, r openapi.ReplaceOffersRequestObject) (openapi.ReplaceOffersResponseObject, error) {
	x := exchangeOf(ctx)
	if x.caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator makes no offers")
	}
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodPut, path: "/v1/offers", settle: true,
		draft: func(ctx context.Context) (*draft, error) {
			ladder, err := s.readLadder(ctx, r.Body, x.caller.bic, &x.faults)
			return &draft{instructions: []ledger.Instruction{ladder}}, err
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			return s.ladderAnswer(ctx, x.caller.bic, at)
		},
	})
}

// ladderLine is an asset of one side of a ladder, and how much of a level it carries.
type ladderLine struct {
	asset      ledger.AssetName
	give, take int64 // how much of it the dealer has, and how much more it takes
}

// readLadder makes the instruction, and records what is wrong with the request.
func (g *Gateway) readLadder(ctx context.Context, in *openapi.NewLadder, maker ledger.BIC, f *faults) (*ledger.ReplaceOffers, error) {
	ladder := &ledger.ReplaceOffers{ID: newID(), Force: timesInForce[openapi.TimeInForce(in.TimeInForce)]}
	ladder.ID[14], ladder.ID[15] = 0, 0
	base := readAsset(in.Base.Currency, in.Base.Issuer, "/base", f)
	quote := readAsset(in.Quote.Currency, in.Quote.Issuer, "/quote", f)
	if base == quote && base.Currency != 0 {
		f.add("/quote", openapi.ErrorCodeSameAsset, "the ladder's base is this very asset", "")
	}
	ladder.Expires = readExpiry(in.ExpiresAt, g.now(), f)
	if f.touching("/base") || f.touching("/quote") {
		return ladder, nil
	}
	lines, _, err := g.cfg.Store.Balances(ctx, maker)
	if err != nil {
		return nil, err
	}
	bases, quotes := ladderLines(lines, base, maker), ladderLines(lines, quote, maker)
	ladder.Base, ladder.Quote = namesOf(bases), namesOf(quotes)
	for _, side := range []struct {
		at     string
		sell   bool
		levels []openapi.Level
	}{{"/sell/", true, in.Sell}, {"/buy/", false, in.Buy}} {
		prices := make(map[money.Ratio]bool)
		for n, level := range side.levels {
			at := side.at + itoa(n)
			l := readLevel(level, side.sell, base.Currency, quote.Currency, at, f)
			if f.touching(at) {
				continue
			}
			if prices[l.Price] {
				f.add(at+"/price", openapi.ErrorCodeConflictingFields, "another level has this price", "")
			}
			prices[l.Price] = true
			give, want := base, quote
			if !side.sell {
				give, want = quote, base
			}
			if err := g.fenced(give.Currency, want.Currency, l.Price, at+"/price", f); err != nil {
				return nil, err
			}
			ladder.Levels = append(ladder.Levels, spread(l, bases, quotes)...)
		}
	}
	switch {
	case len(f.list) > 0:
	case len(in.Sell)+len(in.Buy) > 0 && (len(bases) == 0 || len(quotes) == 0):
		return nil, refuse(openapi.ErrorCodeNoLine, "")
	case len(in.Sell)+len(in.Buy) > ledger.MaxLevels || len(ladder.Levels) > ledger.MaxLevels:
		f.add("", openapi.ErrorCodeTooManyLevels, "a ladder has at most "+itoa(ledger.MaxLevels)+" levels, over all pairs of lines that it is spread over", "")
	case len(bases) == 0 || len(quotes) == 0:
		return nil, refuse(openapi.ErrorCodeNoLine, "there is nothing to replace")
	}
	ladder.Sort()
	return ladder, nil
}

// readLevel reads a level: so much of the base currency, at a price in the quote currency.
func readLevel(in openapi.Level, sell bool, base, quote money.Currency, at string, f *faults) (l ledger.Level) {
	if f.touching(at) {
		return l
	}
	l.Sell = sell
	amount := openapi.Money{Currency: base.String(), Value: in.Value}
	if l.Amount, _ = readMoney(&amount, at, f); f.touching(at) {
		return l
	}
	price, err := money.ParsePrice(in.Price)
	if err == nil {
		l.Price, err = price.Ratio(base, quote)
	}
	if err == nil && !sell { // it gives of the quote currency
		l.Amount, _, err = money.MulDiv(l.Amount, l.Price.N, l.Price.D, money.RoundDown)
		l.Price.N, l.Price.D = l.Price.D, l.Price.N
	}
	cost, err2 := int64(0), err
	if err == nil {
		cost, err2 = l.Price.Cost(l.Amount, money.RoundUp)
	}
	switch {
	case err2 != nil || cost > ledger.MaxUnits || l.Price.N > ledger.MaxUnits || l.Price.D > ledger.MaxUnits || l.Amount > ledger.MaxUnits:
		f.add(at+"/price", openapi.ErrorCodeBadPrice, "above zero, at most 15 digits and 12 decimals", "")
	case l.Amount < 1:
		f.add(at+"/value", openapi.ErrorCodeBadAmount, "worth less than a minor unit at this price", "AM06")
	}
	return l
}

// ladderLines returns the assets that one side of a ladder is made of: the one that is named; for a currency
// the dealer's own asset if it issues any, and otherwise those it keeps lines in, the largest at most.
func ladderLines(all []sqlstore.Line, a ledger.AssetName, maker ledger.BIC) []ladderLine {
	if a.Issuer != (ledger.BIC{}) {
		return []ladderLine{{a, 1, 1}}
	}
	var found []ladderLine
	for _, l := range all {
		switch {
		case l.Asset.Currency != a.Currency:
		case l.Own:
			return []ladderLine{{l.Asset, 1, 1}}
		case l.Balance > 0 || l.Limit > 0:
			found = append(found, ladderLine{l.Asset, l.Balance, max(0, l.Limit-l.Balance)})
		}
	}
	slices.SortStableFunc(found, func(a, b ladderLine) int { return cmp.Compare(b.give+b.take, a.give+a.take) })
	found = found[:min(len(found), ledger.MaxLadderAssets)]
	slices.SortFunc(found, func(a, b ladderLine) int { return bytes.Compare(a.asset.Issuer[:], b.asset.Issuer[:]) })
	return found
}

func namesOf(lines []ladderLine) []ledger.AssetName {
	out := make([]ledger.AssetName, len(lines))
	for i, l := range lines {
		out[i] = l.asset
	}
	return out
}

// spread divides a level over pairs of lines: by how much the dealer has of what it gives, and by how much
// room it has for what it takes. The parts sum to the level.
func spread(l ledger.Level, bases, quotes []ladderLine) (out []ledger.Level) {
	gives, takes := bases, quotes
	if !l.Sell {
		gives, takes = quotes, bases
	}
	for g, part := range divide(l.Amount, gives, func(l ladderLine) int64 { return l.give }) {
		for t, amount := range divide(part, takes, func(l ladderLine) int64 { return l.take }) {
			if amount == 0 {
				continue
			}
			one := l
			one.Amount, one.Base, one.Quote = amount, uint8(g), uint8(t)
			if !l.Sell {
				one.Base, one.Quote = uint8(t), uint8(g)
			}
			out = append(out, one)
		}
	}
	return out
}

// divide splits an amount over lines by weight, what is left over to the heaviest; all to the first when
// none has any.
func divide(amount int64, lines []ladderLine, weight func(ladderLine) int64) []int64 {
	parts := make([]int64, len(lines))
	if len(lines) == 0 {
		return nil
	}
	total, heaviest := new(big.Int), 0
	for i, l := range lines {
		total.Add(total, big.NewInt(weight(l)))
		if weight(l) > weight(lines[heaviest]) {
			heaviest = i
		}
	}
	left := amount
	for i, l := range lines {
		if total.Sign() > 0 {
			part := new(big.Int).Mul(big.NewInt(amount), big.NewInt(weight(l)))
			parts[i] = part.Quo(part, total).Int64()
			left -= parts[i]
		}
	}
	parts[heaviest] += left
	return parts
}

// ladderAnswer tells what stands between the ladder's assets.
func (g *Gateway) ladderAnswer(ctx context.Context, maker ledger.BIC, at placed) (*answer, error) {
	if err := g.applied(ctx, at, func() bool { return true }); err != nil {
		return nil, err
	}
	ladder := at.instructions[0].(*ledger.ReplaceOffers)
	found, err := g.cfg.Store.Ladder(ctx, maker, ladder.Base[0].Currency, ladder.Quote[0].Currency)
	if err != nil {
		return nil, err
	}
	out := openapi.Ladder{Height: int64(at.height), Sell: []openapi.Offer{}, Buy: []openapi.Offer{}}
	for _, o := range found {
		switch {
		case slices.Contains(ladder.Base, o.Give) && slices.Contains(ladder.Quote, o.Want):
			out.Sell = append(out.Sell, offerView(o))
		case slices.Contains(ladder.Quote, o.Give) && slices.Contains(ladder.Base, o.Want):
			out.Buy = append(out.Buy, offerView(o))
		}
	}
	return jsonAnswer(http.StatusOK, out)
}
