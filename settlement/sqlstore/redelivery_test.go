package sqlstore

import (
	"context"
	"errors"
	"slices"
	"testing"

	"viaduct/ledger"
)

// Five deliveries of one payment each, a second apart: two delivered, one given up, one waiting, one new.
func TestRedeliver(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		hook := idOf(201)
		if err := s.PutWebhook(ctx, Webhook{ID: hook, Participant: kbc, URL: "https://kbc.example/", Secret: []byte{}}, 1); err != nil {
			t.Fatal(err)
		}
		const start, day = int64(1_000_000), int64(86_400_000)
		var seqs []int64
		var events []string
		for n := range int64(5) {
			seq, event, err := s.AddDelivery(ctx, hook, idOf(int(300+n)), []byte("{}"), start+1000*n)
			if err != nil {
				t.Fatal(err)
			}
			seqs, events = append(seqs, seq), append(events, event)
		}
		finish := func() {
			t.Helper()
			_, claimed, err := s.ClaimDeliveries(ctx, hook, start+day, start+2*day, 4)
			if err != nil || len(claimed) != 4 {
				t.Fatalf("%d claimed, %v", len(claimed), err)
			}
			for i, outcome := range []AttemptOutcome{AttemptDelivered, AttemptDelivered, AttemptFailed, AttemptRetry} {
				if err := s.RecordAttempt(ctx, Attempt{Seq: claimed[i].Seq, Claim: claimed[i].Due, Number: 1, Outcome: outcome, Due: start + 9*day}); err != nil {
					t.Fatal(err)
				}
			}
		}
		finish()
		for state, want := range map[string][]int64{
			DeliveryDelivered: {seqs[1], seqs[0]}, DeliveryFailed: {seqs[2]}, DeliveryPending: {seqs[4], seqs[3]}, "": {seqs[4], seqs[3], seqs[2], seqs[1], seqs[0]},
		} {
			found, err := s.Deliveries(ctx, kbc, hook, state, 0, 10)
			var got []int64
			for i := range found {
				got = append(got, found[i].Seq)
			}
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%q: %v, %v, want %v", state, got, err, want)
			}
		}
		if log, err := s.Attempts(ctx, kbc, hook, seqs[1], seqs[2], 5); err != nil || len(log) != 2 || log[0].Seq != seqs[1] || log[1].Outcome != AttemptFailed {
			t.Errorf("attempts %+v, %v", log, err)
		}
		if log, err := s.Attempts(ctx, bbva, hook, 0, 1<<62, 5); err != nil || len(log) != 0 {
			t.Errorf("another's attempts %+v, %v", log, err)
		}

		now := start + 3*day
		tests := []struct {
			name  string
			owner ledger.BIC
			r     Redelivery
			limit int
			next  int64
			want  []int64 // due and never tried afterwards
		}{
			{"another's", bbva, Redelivery{}, 10, 0, nil},
			{"one that was delivered", kbc, Redelivery{Event: events[0]}, 10, 0, seqs[:1]},
			{"one that is not there", kbc, Redelivery{Event: "evt_99_0_0"}, 10, 0, nil},
			{"what was given up", kbc, Redelivery{Failed: true}, 10, 0, seqs[2:3]},
			{"a range", kbc, Redelivery{From: start + 1000, Until: start + 4000}, 10, 0, seqs[1:4]},
			{"what was given up of a range", kbc, Redelivery{Failed: true, From: start + 3000}, 10, 0, nil},
			{"the first of a range", kbc, Redelivery{From: start + 1000}, 2, start + 3000, seqs[1:3]},
			{"all", kbc, Redelivery{}, 10, 0, seqs},
		}
		for _, tt := range tests {
			count, next, err := s.Redeliver(ctx, tt.owner, hook, tt.r, now, tt.limit)
			if err != nil || count != int64(len(tt.want)) || next != tt.next {
				t.Errorf("%s: %d, next %d, %v, want %d, next %d", tt.name, count, next, err, len(tt.want), tt.next)
			}
			found, err := s.Deliveries(ctx, kbc, hook, "", 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for i := range found {
				if d := &found[i]; d.Due == now && d.State == DeliveryPending && d.Attempts == 0 {
					got = append(got, d.Seq)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, tt.want) {
				t.Errorf("%s: due again %v, want %v", tt.name, got, tt.want)
			}
			if _, _, err := s.Redeliver(ctx, kbc, hook, Redelivery{}, start, 10); err != nil { // all as new
				t.Fatal(err)
			}
			finish()
		}
		if _, _, err := s.Redeliver(ctx, kbc, hook, Redelivery{Event: "evt_one"}, now, 10); !errors.Is(err, ErrCursor) {
			t.Errorf("no event's id: %v, want ErrCursor", err)
		}
	})
}
