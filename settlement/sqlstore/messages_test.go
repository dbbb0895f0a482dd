package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viaduct/ledger"
)

// ids tells messages by their MsgId.
func ids(list []Message) (out []string) {
	for i := range list {
		out = append(out, list[i].MessageID)
	}
	return out
}

// A message is its sender's, and another bank's once it was passed on or what it ordered has settled.
func TestWhoReadsMessages(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "messages")
		good, bad := payUSD(2, kbc, 500), payUSD(3, kbc, 999_999_999)
		put := func(n int, m Message) Message {
			m.ID, m.MessageID, m.Created, m.Body = idOf(1000+n), fmt.Sprintf("M%d", n), int64(n), fmt.Appendf(nil, "<m n='%d'/>\r\n", n)
			if m.Direction == "" {
				m.Direction, m.Author = MessageIn, m.Participant
			}
			b := &Begin{Request: Request{Participant: m.Participant, Key: m.MessageID, Created: 1, Lease: 2}, Messages: []Message{m}}
			begin(t, s, b, BegunNew)
			return m
		}
		ordered := func(p *ledger.Pay) []MessagePayment { return []MessagePayment{{p.ID, bbva, []byte("R")}} }
		about := func(p *ledger.Pay) []MessagePayment { return []MessagePayment{{ID: p.ID, From: bbva}} }
		put(1, Message{Participant: bbva, Counterparty: kbc, Type: "pacs.008.001.08", Payments: ordered(good)})
		put(2, Message{Participant: bbva, Counterparty: kbc, Type: "pacs.008.001.08", Payments: ordered(bad)})
		recall := put(3, Message{Participant: bbva, Counterparty: kbc, Type: "camt.056.001.08", Payments: about(good)})
		put(4, Message{Participant: bbva, Type: "pacs.008.001.08", Payments: append(ordered(good), MessagePayment{idOf(9), chase, nil})})
		answer := Message{ID: idOf(1005), Participant: bbva, Direction: MessageOut, Type: "pacs.002.001.10", MessageID: "M5", Created: 5, Body: []byte("<ours/>"), Payments: about(good)}
		for range 2 { // the second comes too late, and neither its answer nor its message is kept
			if err := s.FinishRequest(ctx, bbva, "M1", 201, nil, nil, answer); err != nil {
				t.Fatal(err)
			}
			answer.ID = idOf(1006)
		}
		look := func(viewer ledger.BIC, want ...string) {
			t.Helper()
			var got []string
			for after := (MessageCursor{}); ; {
				page, err := s.MessagesOf(ctx, viewer, after, 2)
				if err != nil {
					t.Fatal(err)
				}
				for i := range page {
					after = MessageCursor{page[i].Created, page[i].ID}
					whole, err := s.Message(ctx, viewer, page[i].ID)
					if err != nil || page[i].MessageID != "M5" && string(whole.Body) != fmt.Sprintf("<m n='%s'/>\r\n", page[i].MessageID[1:]) {
						t.Errorf("%s reads %s: %q, %v", viewer, page[i].MessageID, whole.Body, err)
					}
				}
				if got = append(got, ids(page)...); len(page) < 2 {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", viewer, diff)
			}
		}
		look(bbva, "M5", "M4", "M3", "M2", "M1")
		look(kbc)
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{good, bad}}))
		look(kbc, "M1")
		if _, err := s.Message(ctx, kbc, recall.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("a recall that was not passed on: %v", err)
		}
		paid, err := s.Payment(ctx, bbva, good.ID)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.PassOn(ctx, recall, RecallRequested, paid, 77); err != nil {
				t.Fatal(err)
			}
		}
		look(kbc, "M3", "M1")
		look(chase)
		for viewer, want := range map[ledger.BIC][]string{bbva: {"M1", "M3", "M4", "M5"}, kbc: {"M1", "M3"}} {
			got, err := s.Messages(ctx, viewer, good.ID)
			if diff := cmp.Diff(want, ids(got)); err != nil || diff != "" {
				t.Errorf("about the payment, %s: %v (-want +got):\n%s", viewer, err, diff)
			}
		}
		if _, err := s.Messages(ctx, chase, good.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("a stranger: %v", err)
		}
		if got, err := s.Reference(ctx, bbva, good.ID); err != nil || string(got) != "R" {
			t.Errorf("Reference = %q, %v", got, err)
		}
		if _, err := s.Reference(ctx, chase, idOf(9)); !errors.Is(err, ErrNotFound) {
			t.Errorf("no reference: %v", err)
		}
		for _, viewer := range []ledger.BIC{bbva, kbc} {
			if got, err := s.PaymentsOfMessage(ctx, viewer, "M1"); err != nil || len(got) != 1 || got[0].ID != good.ID {
				t.Errorf("payments of M1 for %s: %v, %v", viewer, got, err)
			}
		}
		if got, err := s.PaymentsOfMessage(ctx, kbc, "M2"); err != nil || len(got) != 0 {
			t.Errorf("the receiver finds what was refused: %v, %v", got, err)
		}
		if got, err := s.MessageSent(ctx, bbva, "camt.056.001.08", "M3"); err != nil || got.ID != recall.ID {
			t.Errorf("MessageSent = %v, %v", got.ID, err)
		}

		// The event of what was passed on comes once, behind its block's and before the next one's.
		more := payUSD(4, kbc, 1)
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{more}}))
		events, err := s.Events(ctx, kbc, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, e := range events {
			told = append(told, e.ID+" "+e.Type+fmt.Sprint(" ", e.Message == recall.ID, " ", e.Sender()))
		}
		want := []string{
			"evt_4_0_1 payment.settled false BBVAMXMM", "evt_4_1048576_0 recall.requested true BBVAMXMM", "evt_5_0_1 payment.settled false BBVAMXMM",
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// A webhook gets what is passed on once, though the block before it told of more.
func TestPassedOnIsDelivered(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "passed-on")
		hook := Webhook{ID: idOf(101), Participant: kbc, URL: "https://kbc.example/", Secret: []byte("s"), Created: 1}
		if err := s.PutWebhook(ctx, hook, 10); err != nil {
			t.Fatal(err)
		}
		pay := payUSD(2, kbc, 500)
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{pay}}))
		paid, err := s.Payment(ctx, kbc, pay.ID)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 2 {
			m := Message{ID: idOf(1000 + n), Participant: bbva, Counterparty: kbc, Author: bbva, Direction: MessageIn, Type: "camt.056.001.08", MessageID: fmt.Sprint("C", n)}
			begin(t, s, &Begin{Request: Request{Participant: bbva, Key: m.MessageID, Created: 1, Lease: 2}, Messages: []Message{m}}, BegunNew)
			if err := s.PassOn(ctx, m, RecallRequested, paid, 7); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for range 3 { // one at a time, since they are about one payment
			_, claimed, err := s.ClaimDeliveries(ctx, hook.ID, 1<<60, 1<<61, 10)
			if err != nil || len(claimed) != 1 {
				t.Fatalf("claimed %v, %v", claimed, err)
			}
			got = append(got, claimed[0].Event.ID)
			if err := s.RecordAttempt(ctx, Attempt{Seq: claimed[0].Seq, Claim: claimed[0].Due, Number: 1, At: 1, Status: 200, Outcome: AttemptDelivered}); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff([]string{"evt_4_0_1", "evt_4_1048576_0", "evt_4_1048577_0"}, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		if _, claimed, err := s.ClaimDeliveries(ctx, hook.ID, 1<<60, 1<<61, 10); err != nil || len(claimed) != 0 {
			t.Errorf("more: %v, %v", claimed, err)
		}
	})
}
