package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viaduct/ledger"
)

func received(from ledger.BIC, p *ledger.Pay) Payment {
	return Payment{
		ID: p.ID, From: from, To: p.To, Kind: KindJSON, Status: StatusReceived, Mode: p.Mode, Send: p.Send, Deliver: p.Deliver,
		Amount: p.Amount, Bound: p.Bound, UETR: p.UETR, UETRKind: p.UETRKind, EndToEndID: "E2E-1", Commitment: p.Commitment,
		MidRate: "1.0850", MidTime: 5, MidSource: "ECB", Created: genesisTime + 100,
	}
}

func begin(t *testing.T, s *Store, b *Begin, want Begun) Request {
	t.Helper()
	got, request, err := s.BeginRequest(context.Background(), b, b.Request.Created)
	if err != nil || got != want {
		t.Fatalf("BeginRequest = %d, %v, want %d", got, err, want)
	}
	return request
}

func TestARequestFromBeginningToEnd(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "request")
		pay := payUSD(2, kbc, 500)
		b := &Begin{
			Request:  Request{Participant: bbva, Key: "k1", Fingerprint: ledger.Hash{1}, Submission: []byte("signed"), Created: 100, Lease: 200},
			Payments: []Payment{received(bbva, pay)},
			Details:  []Details{{Payment: pay.ID, From: bbva, Salt: ledger.Hash{7}, Text: []byte(`{"debtor":"Ana"}`)}},
			Messages: []Message{{ID: idOf(77), Participant: bbva, Counterparty: kbc, Direction: MessageIn, Type: "pacs.008.001.08", MessageID: "M1", Created: 100, Body: []byte("<x/>"), Payments: []MessagePayment{{pay.ID, bbva, []byte("I-1")}}}},
		}
		begin(t, s, b, BegunNew)
		begin(t, s, b, BegunInFlight)
		if got, err := s.Payment(ctx, bbva, pay.ID); err != nil || got.Status != StatusReceived || got.Height != 0 {
			t.Errorf("payment = %+v, %v", got, err)
		}
		if _, err := s.Payment(ctx, kbc, pay.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("the receiver sees what has not settled: %v", err)
		}

		other := *b
		other.Request.Fingerprint = ledger.Hash{2}
		begin(t, s, &other, BegunConflict)
		later := *b
		later.Request.Created, later.Request.Lease, later.Request.Submission = 200, 300, []byte("signed anew")
		if got := begin(t, s, &later, BegunResumed); string(got.Submission) != "signed" {
			t.Errorf("resumed with %q, want the first bytes", got.Submission)
		}
		begin(t, s, &later, BegunInFlight)

		if err := s.MarkAccepted(ctx, bbva, "k1", 4, 0, []ledger.ID{pay.ID}, 150); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Payment(ctx, bbva, pay.ID); err != nil || got.Status != StatusAccepted || got.Height != 4 || got.Accepted != 150 {
			t.Errorf("payment = %+v, %v", got, err)
		}
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{pay}}))
		if err := s.MarkAccepted(ctx, bbva, "k1", 4, 0, []ledger.ID{pay.ID}, 160); err != nil {
			t.Fatal(err)
		}
		want := received(bbva, pay)
		// Both times are the ledger's now: the block has told when it was accepted.
		want.Status, want.Source, want.Delivered, want.Accepted, want.Settled, want.Height = StatusSettled, 500, 500, genesisTime+4000, genesisTime+4000, 4
		want.DeliveredIssuer = chase
		for _, viewer := range []ledger.BIC{bbva, kbc} {
			got, err := s.Payment(ctx, viewer, pay.ID)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s sees %v, diff %s", viewer, err, diff)
			}
			found, err := s.Payments(ctx, viewer, PaymentFilter{EndToEndID: "E2E-1"}, PaymentCursor{}, 10)
			if diff := cmp.Diff([]Payment{want}, found); err != nil || diff != "" {
				t.Errorf("%s finds %v, diff %s", viewer, err, diff)
			}
			details, err := s.PaymentDetails(ctx, viewer, pay.ID)
			if diff := cmp.Diff(b.Details[0], details); err != nil || diff != "" {
				t.Errorf("%s sees details %v, diff %s", viewer, err, diff)
			}
			messages, err := s.Messages(ctx, viewer, pay.ID)
			want := b.Messages[0]
			want.Payments = nil // written, not read
			if diff := cmp.Diff([]Message{want}, messages); err != nil || diff != "" {
				t.Errorf("%s sees messages %v, diff %s", viewer, err, diff)
			}
		}
		for _, stranger := range []ledger.BIC{chase, {}} {
			_, err := s.PaymentDetails(ctx, stranger, pay.ID)
			_, err2 := s.Messages(ctx, stranger, pay.ID)
			if !errors.Is(err, ErrNotFound) || !errors.Is(err2, ErrNotFound) {
				t.Errorf("%q sees another's payment: %v, %v", stranger, err, err2)
			}
		}

		for _, status := range []int{201, 500} { // the first answer stays
			if err := s.FinishRequest(ctx, bbva, "k1", status, []byte(`{}`), []byte("body")); err != nil {
				t.Fatal(err)
			}
		}
		later.Request.Created = 900
		if got := begin(t, s, &later, BegunAnswered); got.Status != 201 || string(got.Body) != "body" || got.Height != 4 {
			t.Errorf("answered with %+v", got)
		}
		if n, err := s.ExpireRequests(ctx, 101); n != 1 || err != nil {
			t.Errorf("ExpireRequests = %d, %v", n, err)
		}
		if _, err := s.Request(ctx, bbva, "k1"); !errors.Is(err, ErrNotFound) {
			t.Errorf("expired request: %v", err)
		}
	})
}

func TestAbandonFreesTheKey(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		pays := []Payment{received(bbva, payUSD(1, kbc, 5)), received(bbva, payUSD(2, kbc, 5))}
		b := &Begin{
			Request: Request{Participant: bbva, Key: "k", Created: 1, Lease: 9}, Payments: pays,
			Details:  []Details{{Payment: pays[0].ID, From: bbva}, {Payment: pays[1].ID, From: bbva}},
			Messages: []Message{{ID: idOf(5), Participant: bbva, Direction: MessageIn, Payments: []MessagePayment{{pays[0].ID, bbva, nil}, {idOf(1), chase, nil}}}},
		}
		for range 2 {
			begin(t, s, b, BegunNew)
			if err := s.AbandonRequest(ctx, bbva, "k"); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Payments(ctx, bbva, PaymentFilter{}, PaymentCursor{}, 10); err != nil || len(got) != 0 {
				t.Errorf("left behind: %+v, %v", got, err)
			}
		}
		begin(t, s, b, BegunNew)
		if err := s.MarkAccepted(ctx, bbva, "k", 3, 0, nil, 2); err != nil {
			t.Fatal(err)
		}
		if err := s.AbandonRequest(ctx, bbva, "k"); err != nil {
			t.Fatal(err)
		}
		begin(t, s, b, BegunInFlight) // what was ordered can't be abandoned
	})
}

// One key, a hundred at once: one of them begins, and the payments of that one alone are there.
func TestOneKeyAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		var wg sync.WaitGroup
		var begun atomic.Int64
		for i := range 100 {
			wg.Go(func() {
				got, _, err := s.BeginRequest(ctx, &Begin{
					Request:  Request{Participant: bbva, Key: "k", Created: 1, Lease: 9},
					Payments: []Payment{received(bbva, payUSD(i, kbc, 5))},
				}, 1)
				switch {
				case err != nil:
					t.Error(err)
				case got == BegunNew:
					begun.Add(1)
				case got != BegunInFlight:
					t.Errorf("found %d", got)
				}
			})
		}
		wg.Wait()
		pays, err := s.Payments(ctx, bbva, PaymentFilter{}, PaymentCursor{}, 200)
		if begun.Load() != 1 || len(pays) != 1 || err != nil {
			t.Errorf("%d begun, %d payments, %v; want 1 and 1", begun.Load(), len(pays), err)
		}
	})
}

// What fails takes nothing of what shares its commit with it.
func TestAFailedWriteLeavesItsNeighboursAlone(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		boom := errors.New("boom")
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				err := s.writer.do(ctx, func(ctx context.Context, t tx) error {
					_, err := t.exec(ctx, `INSERT INTO settings (participant, funding, max_over_mid_bps, updated) VALUES ($1, '', 0, 0)`, fmt.Sprint(i))
					if err == nil && i%3 == 0 {
						_, err = t.exec(ctx, `INSERT INTO settings (participant, funding, max_over_mid_bps, updated) VALUES ($1, '', 0, 0)`, fmt.Sprint(i))
					}
					if err == nil && i%3 == 1 {
						err = boom
					}
					return err
				})
				if (err == nil) != (i%3 == 2) || i%3 == 1 && !errors.Is(err, boom) {
					t.Errorf("write %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		var n int
		if err := s.reads.QueryRow(`SELECT COUNT(*) FROM settings`).Scan(&n); err != nil || n != 20 {
			t.Errorf("%d rows, %v, want 20", n, err)
		}
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if err := s.PutSettings(cancelled, Settings{Participant: bbva}); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled write: %v", err)
		}
	})
}
