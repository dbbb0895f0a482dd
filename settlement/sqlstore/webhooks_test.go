package sqlstore

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viaduct/ledger"
)

func TestWebhooksAndTheirDeliveries(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		hooks := []Webhook{
			{ID: idOf(101), Participant: bbva, URL: "https://bbva.example/all", Secret: []byte("sealed"), Created: 1},
			{ID: idOf(102), Participant: bbva, URL: "https://bbva.example/rejected", Types: []string{PaymentRejected}, Secret: []byte("s"), Created: 2},
			{ID: idOf(103), Participant: kbc, URL: "https://kbc.example/", Types: []string{"other", PaymentSettled}, Secret: []byte{}, Created: 3},
			{ID: idOf(104), Participant: kbc, URL: "https://kbc.example/off", Secret: []byte{}, Created: 4},
		}
		for _, w := range hooks {
			if err := s.PutWebhook(ctx, w, 3); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.PutWebhook(ctx, hooks[0], 3); !errors.Is(err, ErrExists) {
			t.Errorf("put again: %v, want ErrExists", err)
		}
		if err := s.PutWebhook(ctx, Webhook{ID: idOf(105), Participant: bbva, Secret: []byte{}}, 2); !errors.Is(err, ErrFull) {
			t.Errorf("a third of two: %v, want ErrFull", err)
		}
		off := WebhookChange{Disabled: new(int64), Reason: "tired"}
		*off.Disabled = 9
		if _, err := s.ChangeWebhook(ctx, bbva, idOf(104), off); !errors.Is(err, ErrNotFound) {
			t.Errorf("another's webhook: %v, want ErrNotFound", err)
		}
		if w, err := s.ChangeWebhook(ctx, kbc, idOf(104), off); err != nil || w.Disabled != 9 || w.URL != hooks[3].URL {
			t.Fatalf("%+v, %v", w, err)
		}
		moved := WebhookChange{URL: "https://kbc.example/moved", Types: &[]string{PaymentRejected}}
		if w, err := s.ChangeWebhook(ctx, kbc, idOf(104), moved); err != nil || w.Disabled != 9 || w.Reason != "tired" || w.URL != moved.URL || !slices.Equal(w.Types, *moved.Types) {
			t.Errorf("%+v, %v", w, err)
		}
		if w, err := s.ChangeWebhook(ctx, kbc, idOf(104), WebhookChange{Types: new([]string)}); err != nil || len(w.Types) != 0 {
			t.Errorf("all types again: %+v, %v", w, err)
		}
		if err := s.ReplaceWebhookSecret(ctx, idOf(101), []byte("another"), []byte("new")); !errors.Is(err, ErrNotFound) {
			t.Errorf("replace what is not there: %v", err)
		}
		if err := s.ReplaceWebhookSecret(ctx, idOf(101), hooks[0].Secret, []byte("new")); err != nil {
			t.Error(err)
		}
		hooks[0].Secret = []byte("new")
		if got, err := s.Webhooks(ctx, bbva); err != nil || !cmp.Equal(got, hooks[:2]) {
			t.Errorf("Webhooks = %+v, %v", got, err)
		}
		if got, err := s.Webhook(ctx, kbc, idOf(104)); err != nil || got.Disabled != 9 || got.Reason != "tired" {
			t.Errorf("Webhook = %+v, %v", got, err)
		}

		c := settledWorld(t, s, "webhooks")
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{payUSD(2, kbc, 500), payUSD(3, kbc, 900_000)}}))
		want := map[int][]string{101: {"evt_3_0_1", "evt_4_0_0", "evt_4_1_0"}, 102: {"evt_4_1_0"}, 103: {"evt_4_0_1"}, 104: nil}
		last := int64(0)
		for n := 101; n <= 104; n++ {
			owner := hooks[n-101].Participant
			got, err := s.Deliveries(ctx, owner, idOf(n), "", 0, 10)
			var ids []string
			for i := len(got) - 1; i >= 0; i-- {
				ids = append(ids, got[i].Event.ID)
				last = max(last, got[i].Seq)
				if got[i].State != DeliveryPending || got[i].Due != got[i].Event.Time || len(got[i].Event.Body) == 0 {
					t.Errorf("delivery %+v", got[i])
				}
			}
			if err != nil || !slices.Equal(ids, want[n]) {
				t.Errorf("webhook %d: %v, %v, want %v", n, ids, err, want[n])
			}
			if n < 103 {
				if got, err := s.Deliveries(ctx, kbc, idOf(n), "", 0, 10); err != nil || len(got) != 0 {
					t.Errorf("kbc sees bbva's deliveries: %+v, %v", got, err)
				}
			}
		}
		if last != 5 {
			t.Errorf("last delivery is %d, want 5 without gaps", last)
		}
		if err := s.DeleteWebhook(ctx, kbc, idOf(101)); !errors.Is(err, ErrNotFound) {
			t.Errorf("delete another's: %v", err)
		}
		if err := s.DeleteWebhook(ctx, bbva, idOf(101)); err != nil {
			t.Fatal(err)
		}
		if ids, _, err := s.DueWebhooks(ctx, genesisTime+10_000, 10); err != nil || !slices.Equal(ids, []ledger.ID{idOf(102), idOf(103)}) {
			t.Errorf("due %x, %v", ids, err)
		}
		// What was cleared away gives no number back.
		projectAll(t, s, c.next(order{by: kbc, do: []ledger.Instruction{payUSD(4, bbva, 900_000)}}),
			c.next(order{by: bbva, do: []ledger.Instruction{payUSD(5, kbc, 900_000)}}))
		if got, err := s.Deliveries(ctx, bbva, idOf(102), "", 0, 1); err != nil || len(got) != 1 || got[0].Seq != 6 {
			t.Errorf("newest delivery %+v, %v, want number 6", got, err)
		}
	})
}
