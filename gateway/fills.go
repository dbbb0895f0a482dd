package gateway

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"viaduct/internal/money"
	"viaduct/ledger"
	"viaduct/openapi"
	"viaduct/settlement/sqlstore"
)

// ListFills tells what a dealer's offers gave and took, and what that comes to.
func (s server) ListFills(ctx context.Context, r openapi.ListFillsRequestObject) (openapi.ListFillsResponseObject, error) {
	whose, err := exchangeOf(ctx).caller.viewing(r.Params.Participant)
	if err != nil {
		return nil, err
	}
	var f sqlstore.FillFilter
	for _, at := range []struct {
		text openapi.Time
		to   *int64
	}{{r.Params.From, &f.From}, {r.Params.Until, &f.Until}} {
		if at.text != "" {
			if *at.to, err = parseTime(at.text); err != nil {
				return nil, err // the contract's format let nothing else through
			}
		}
	}
	if r.Params.Currency != "" {
		f.Currency, _ = money.ParseCurrency(r.Params.Currency) // its form was checked
	}
	list := fmt.Sprintf("fills:%s:%s:%d:%d", whose, f.Currency, f.From, f.Until)
	at, err := s.behind(list, r.Params.Cursor, 24)
	if err != nil {
		return nil, err
	}
	var after sqlstore.FillCursor
	if at == nil {
		after.Seq = -1
	} else {
		after = sqlstore.FillCursor{Height: binary.BigEndian.Uint64(at), Index: int(binary.BigEndian.Uint64(at[8:])), Seq: int(binary.BigEndian.Uint64(at[16:]))}
	}
	limit := limitOf(r.Params.Limit)
	found, err := s.cfg.Store.Fills(ctx, whose, f, after, limit+1)
	if err != nil {
		return nil, err
	}
	totals, err := s.cfg.Store.FillTotals(ctx, whose, f)
	if err != nil {
		return nil, err
	}
	found, next := cut(s.Gateway, list, found, limit, func(f *sqlstore.Fill) []byte {
		return append(append(be64(f.Height), be64(uint64(f.Index))...), be64(uint64(f.Seq))...)
	})
	page := openapi.ListFills200JSONResponse{Data: []openapi.Fill{}, NextCursor: next, Exposure: exposure(totals), Profit: profit(totals)}
	for i := range found {
		page.Data = append(page.Data, s.fillView(&found[i]))
	}
	return page, nil
}

func (g *Gateway) fillView(f *sqlstore.Fill) openapi.Fill {
	role := openapi.Maker
	give, want := f.Gave.Currency, f.Took.Currency
	if f.Taker { // the price is that of the offer it took, which went the other way
		role, give, want = openapi.Taker, want, give
	}
	out := openapi.Fill{
		Offer: idText(f.Offer), Role: role, Gave: moneyOf(f.GaveUnits, f.Gave), Took: moneyOf(f.TookUnits, f.Took),
		Price: ratioText(f.Price, give, want), At: timeText(f.Time), Height: int64(f.Height), Index: f.Index,
	}
	if f.Mid.N > 0 && (g.cfg.MaxMidAge == 0 || time.Duration(f.Time-f.MidAt)*time.Millisecond <= g.cfg.MaxMidAge) {
		out.Mid, out.MidAsOf, out.MidSource = ratioText(f.Mid, f.Gave.Currency, f.Took.Currency), timeText(f.MidAt), f.MidSource
		out.Profit = signed(big.NewInt(f.Profit), f.Took.Currency)
	}
	return out
}

// signed tells minor units of any size and sign.
func signed(units *big.Int, c money.Currency) string {
	return decimal.NewFromBigInt(units, -int32(c.Digits())).StringFixed(int32(c.Digits()))
}

// exposure tells what the fills added to and took from each currency.
func exposure(totals []sqlstore.FillTotal) []openapi.SignedMoney {
	sums := make(signedSums)
	for _, t := range totals {
		sums.add(t.Gave, new(big.Int).Neg(t.GaveUnits))
		sums.add(t.Took, t.TookUnits)
	}
	return sums.view()
}

// profit tells what the fills that have a mid brought against it, in the currencies they took.
func profit(totals []sqlstore.FillTotal) []openapi.SignedMoney {
	sums := make(signedSums)
	for _, t := range totals {
		if t.WithMid > 0 {
			sums.add(t.Took, t.Profit)
		}
	}
	return sums.view()
}

// signedSums adds up minor units by currency.
type signedSums map[money.Currency]*big.Int

func (s signedSums) add(c money.Currency, units *big.Int) {
	if s[c] == nil {
		s[c] = new(big.Int)
	}
	s[c].Add(s[c], units)
}

func (s signedSums) view() []openapi.SignedMoney {
	out := []openapi.SignedMoney{}
	for c, units := range s {
		out = append(out, openapi.SignedMoney{Currency: c.String(), Value: signed(units, c)})
	}
	slices.SortFunc(out, func(a, b openapi.SignedMoney) int { return cmp.Compare(a.Currency, b.Currency) })
	return out
}

// ListInventories tells a dealer's counts and bounds.
func (s server) ListInventories(ctx context.Context, r openapi.ListInventoriesRequestObject) (openapi.ListInventoriesResponseObject, error) {
	whose, err := exchangeOf(ctx).caller.viewing(r.Params.Participant)
	if err != nil {
		return nil, err
	}
	found, err := s.cfg.Store.Inventories(ctx, whose)
	page := openapi.ListInventories200JSONResponse{Data: []openapi.Inventory{}}
	for _, v := range found {
		page.Data = append(page.Data, inventoryView(v))
	}
	return page, err
}

func inventoryView(v sqlstore.Inventory) openapi.Inventory {
	out := openapi.Inventory{
		Currency: v.Currency.String(), Counter: v.Counter.String(), Net: signed(big.NewInt(v.Net), v.Currency), Height: int64(v.Height),
	}
	if v.Long != ledger.NoLimit {
		out.Long = money.New(v.Long, v.Currency).Value()
	}
	if v.Short != ledger.NoLimit {
		out.Short = money.New(v.Short, v.Currency).Value()
	}
	return out
}

// SetInventory bounds what the caller's offers may make of it.
func (s server) SetInventory(ctx context.Context, r openapi.SetInventoryRequestObject) (openapi.SetInventoryResponseObject, error) {
	x := exchangeOf(ctx)
	if x.caller.operator {
		return nil, refuse(openapi.ErrorCodeNotAllowed, "the operator makes no offers")
	}
	return s.run(ctx, order{
		signer: x.caller.bic, key: x.key, method: http.MethodPut, path: "/v1/inventory", settle: true,
		draft: func(context.Context) (*draft, error) {
			return &draft{instructions: []ledger.Instruction{readInventory(r.Body, &x.faults)}}, nil
		},
		answer: func(ctx context.Context, at placed) (*answer, error) {
			set := at.instructions[0].(*ledger.SetInventory)
			if err := s.applied(ctx, at, func() bool { return true }); err != nil {
				return nil, err
			}
			found, err := s.cfg.Store.Inventories(ctx, x.caller.bic)
			if err != nil {
				return nil, err
			}
			n := slices.IndexFunc(found, func(v sqlstore.Inventory) bool { return v.Currency == set.Currency && v.Counter == set.Counter })
			if n < 0 {
				return nil, fmt.Errorf("inventory of %s was set, and is not there", set.Currency)
			}
			return jsonAnswer(http.StatusOK, inventoryView(found[n]))
		},
	})
}

// readInventory makes the instruction, and records what is wrong with the request.
func readInventory(in *openapi.NewInventory, f *faults) *ledger.SetInventory {
	out := &ledger.SetInventory{Long: ledger.NoLimit, Short: ledger.NoLimit}
	out.Currency = readAsset(in.Currency, "", "", f).Currency
	if in.Counter != "" && !f.at("/counter") {
		if out.Counter, _ = money.ParseCurrency(in.Counter); out.Counter == out.Currency {
			f.add("/counter", openapi.ErrorCodeInvalidValue, "a pair is of two currencies", "")
		}
	}
	if f.at("/currency") {
		return out
	}
	for _, bound := range []struct {
		at, text string
		to       *int64
	}{{"/long", in.Long, &out.Long}, {"/short", in.Short, &out.Short}} {
		if bound.text == "" || f.at(bound.at) {
			continue
		}
		if *bound.to = readUnits(bound.text, out.Currency, bound.at, f); *bound.to < 0 && !f.at(bound.at) {
			f.add(bound.at, openapi.ErrorCodeBadLimit, "a bound is not below zero", "")
		}
	}
	if out.SetNet = in.Net != ""; out.SetNet && !f.at("/net") {
		if out.Net = readUnits(in.Net, out.Currency, "/net", f); out.Net < -ledger.MaxUnits {
			f.add("/net", openapi.ErrorCodeInvalidAmount, "out of bounds", "AM12")
		}
	}
	return out
}
