package sqlstore

import (
	"context"
	"testing"

	"viaduct/ledger"
)

// A payment that waits is queued; what becomes of it later is its status, with the place of that result, so
// that the receipt of that place proves it.
func TestQueuedPayments(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "queued") // bbva holds USD 1,000.00
		queued := func(n int, to ledger.BIC, amount int64) *ledger.Pay {
			p := payUSD(n, to, amount)
			p.OnShortfall = ledger.QueueOnShortfall
			return p
		}
		status := func(n int, want Status, code string, height uint64, index int) Payment {
			t.Helper()
			p, err := s.Payment(ctx, bbva, idOf(n))
			if err != nil || p.Status != want || p.Code != code || p.Height != height || p.Index != index {
				t.Errorf("payment %d is %s %s at %d/%d (%v), want %s %s at %d/%d", n, p.Status, p.Code, p.Height, p.Index, err, want, code, height, index)
			}
			return p
		}
		short := queued(4, kbc, 400_000)
		short.NotAfter = genesisTime + 7_500
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{queued(2, kbc, 300_000), queued(3, kbc, 350_000), short}}))
		if p := status(2, StatusQueued, "", 4, 0); p.Settled != 0 || p.Delivered != 0 {
			t.Errorf("queued: %+v", p)
		}
		if _, err := s.Payment(ctx, kbc, idOf(2)); err == nil {
			t.Error("the receiver sees what waits")
		}
		// The same id again is no news of what waits.
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{queued(2, kbc, 300_000)}}))
		status(2, StatusQueued, "", 4, 0)

		projectAll(t, s, c.next(order{by: chase, do: []ledger.Instruction{payUSD(5, bbva, 250_000)}}))
		p := status(2, StatusSettled, "", 6, 1)
		if p.Source != 300_000 || p.Delivered != 300_000 || p.DeliveredIssuer != chase || p.Settled != genesisTime+6000 || p.Accepted != genesisTime+4000 {
			t.Errorf("settled: %+v", p)
		}
		if p, err := s.Payment(ctx, kbc, idOf(2)); err != nil || p.Status != StatusSettled {
			t.Errorf("its receiver sees %+v, %v", p, err)
		}
		moves, err := s.Moves(ctx, 6, 1)
		if err != nil || len(moves) == 0 {
			t.Errorf("moves %v, %v", moves, err)
		}
		postings, err := s.Postings(ctx, kbc, 6, 1)
		if err != nil || len(postings) != 1 || postings[0].Delta != 300_000 {
			t.Errorf("postings %v, %v", postings, err)
		}
		events, err := s.Events(ctx, kbc, "", 10)
		if err != nil || len(events) != 1 || events[0].Payment != idOf(2) || events[0].ID != "evt_6_1_1" {
			t.Errorf("the receiver hears %v, %v", events, err)
		}

		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{&ledger.CancelPayment{ID: idOf(3)}}}))
		status(3, StatusCancelled, "cancelled", 7, 1)
		projectAll(t, s, c.next())
		status(4, StatusExpired, "expired", 8, 0)

		// It comes to wait and settles in one block, together with what pays for it; the first try of its id was refused.
		early := queued(6, ledger.MustBIC("NOBKDEFF"), 900_000)
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{early}}))
		status(6, StatusRejected, "unknown_receiver", 9, 0)
		projectAll(t, s, c.next(
			order{by: bbva, do: []ledger.Instruction{queued(6, kbc, 500_000)}},
			order{by: kbc, do: []ledger.Instruction{queued(7, bbva, 600_000)}}))
		status(6, StatusSettled, "", 10, 2)
		compareState(t, s, c.state)
	})
}
