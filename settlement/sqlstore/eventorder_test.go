package sqlstore

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"viaduct/ledger"
)

// Blocks are projected by two projectors while two gateways pass messages on: whoever reads events by a
// cursor meanwhile sees each of them, in order and once, for none is committed before one that was read.
func TestNoEventBeforeACursor(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "event-order")
		first := payUSD(2, kbc, 1)
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{first}}))
		paid, err := s.Payment(ctx, kbc, first.ID)
		if err != nil {
			t.Fatal(err)
		}
		const blocks, writers, recalls = 40, 2, 40
		all := make([]*Projection, blocks)
		for i := range all {
			all[i] = c.next(order{by: bbva, do: []ledger.Instruction{payUSD(3+i, kbc, 1)}})
		}
		messages := make([]Message, writers*recalls)
		for i := range messages {
			messages[i] = Message{ID: idOf(10_000 + i), Participant: bbva, Counterparty: kbc, Author: bbva, Direction: MessageIn, Type: "camt.056.001.08", MessageID: fmt.Sprint("C", i)}
			begin(t, s, &Begin{Request: Request{Participant: bbva, Key: messages[i].MessageID, Created: 1, Lease: 2}, Messages: []Message{messages[i]}}, BegunNew)
		}
		var work sync.WaitGroup
		for range 2 {
			work.Go(func() {
				for _, p := range all {
					for {
						err := s.Project(ctx, p)
						if err == nil {
							break
						}
						if ctx.Err() != nil {
							return
						}
					}
				}
			})
		}
		for w := range writers {
			work.Go(func() {
				for i := range recalls {
					if err := s.PassOn(ctx, messages[w*recalls+i], RecallRequested, paid, 7); err != nil {
						t.Errorf("pass on: %v", err)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { work.Wait(); close(done) }()
		var read []string
		cursor, between := "", 0
		for last := false; ; {
			page, err := s.Events(ctx, kbc, cursor, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page {
				read, cursor = append(read, e.ID), e.ID
			}
			if len(page) > 0 {
				if !last {
					between++
				}
				continue
			}
			if last {
				break
			}
			select {
			case <-done:
				last = true
			default:
			}
		}
		whole, err := s.Events(ctx, kbc, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(whole) != 1+blocks+writers*recalls || len(read) != len(whole) {
			t.Fatalf("%d events, %d of them read by cursor, want %d", len(whole), len(read), 1+blocks+writers*recalls)
		}
		for i := range whole {
			if read[i] != whole[i].ID {
				t.Fatalf("event %d was read as %s, is %s", i, read[i], whole[i].ID)
			}
		}
		if between < 10 {
			t.Errorf("only %d pages were read while events were written", between)
		}
	})
}
