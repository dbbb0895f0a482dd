package sqlstore

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viaduct/ledger"
)

// Firm quotes are projected as the ledger has them: while they are held, and how each ended.
func TestHolds(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "holds")
		hold := func(n int, ttl int64) *ledger.PlaceHold {
			return &ledger.PlaceHold{
				ID: idOf(n), To: kbc, Mode: ledger.ExactDeliver, Send: ledger.AssetName{Currency: usd}, Deliver: ledger.AssetName{Currency: usd},
				Amount: 10_000, Bound: 10_000, TTL: ttl,
			}
		}
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{hold(1, 30_000), hold(2, 30_000), hold(3, 1_000), hold(4, 9_000), hold(5, 0)}}))
		compareState(t, s, c.state)
		want := Hold{
			ID: idOf(2), Owner: bbva, To: kbc, Mode: ledger.ExactDeliver, Send: hold(2, 0).Send, Deliver: hold(2, 0).Deliver, Amount: 10_000,
			Source: 10_000, Delivered: 10_000, Status: "held", Placed: genesisTime + 4_000, Expires: genesisTime + 34_000, Seq: 2, Height: 4, Index: 1,
		}
		got, err := s.Hold(ctx, bbva, idOf(2))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Hold: %v, diff %s", err, diff)
		}
		if line, err := s.Line(ctx, bbva, usdAtChase); err != nil || line.HeldOut != 40_000 || line.Balance != 100_000 {
			t.Errorf("the owner's line is %+v, %v; 400.00 are held of 1,000.00", line, err)
		}
		if line, err := s.Line(ctx, kbc, usdAtChase); err != nil || line.HeldIn != 40_000 {
			t.Errorf("the receiver's line is %+v, %v; 400.00 will come", line, err)
		}
		if moves, err := s.Moves(ctx, 4, 1); err != nil || len(moves) == 0 {
			t.Errorf("Moves of a hold = %v, %v", moves, err)
		}
		for _, id := range []ledger.ID{idOf(5), idOf(9)} {
			if _, err := s.Hold(ctx, bbva, id); !errors.Is(err, ErrNotFound) {
				t.Errorf("hold %x: %v, want ErrNotFound", id, err)
			}
		}
		if _, err := s.Hold(ctx, kbc, idOf(2)); !errors.Is(err, ErrNotFound) {
			t.Errorf("another's hold: %v, want ErrNotFound", err)
		}
		pay := payUSD(7, kbc, 10_000)
		pay.Quote = idOf(1)
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{pay, &ledger.ReleaseHold{ID: idOf(4)}}}))
		compareState(t, s, c.state)
		for n, status := range map[int]string{1: "used", 2: "held", 3: "expired", 4: "released"} {
			h, err := s.Hold(ctx, bbva, idOf(n))
			if err != nil || h.Status != status || (h.Ended == genesisTime+5_000) != (status != "held") {
				t.Errorf("hold %d is %+v, %v, want %s", n, h, err, status)
			}
		}
		open, err := s.Holds(ctx, bbva)
		if diff := cmp.Diff([]Hold{want}, open); err != nil || diff != "" {
			t.Errorf("Holds: %v, diff %s", err, diff)
		}
		if paid, err := s.Payment(ctx, bbva, pay.ID); err != nil || paid.Status != StatusSettled || paid.Source != 10_000 {
			t.Errorf("the payment is %+v, %v", paid, err)
		}
	})
}
