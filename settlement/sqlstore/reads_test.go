package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viaduct/ledger"
)

func TestPaymentPages(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "pages")
		// Ten to kbc, every third too large; and one back, which bbva sees as receiver.
		var do []ledger.Instruction
		for i := range 10 {
			amount := int64(100 + i)
			if i%3 == 0 {
				amount = 900_000
			}
			do = append(do, payUSD(10+i, kbc, amount))
		}
		for i := 0; i < 10; i += 5 {
			projectAll(t, s, c.next(order{by: bbva, do: do[i : i+5]}))
		}
		projectAll(t, s, c.next(order{by: kbc, do: []ledger.Instruction{payUSD(30, bbva, 50)}}))

		read := func(viewer ledger.BIC, f PaymentFilter, page int) (all []ledger.ID) {
			t.Helper()
			var at PaymentCursor
			for {
				got, err := s.Payments(ctx, viewer, f, at, page)
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range got {
					all = append(all, p.ID)
				}
				if len(got) < page {
					return all
				}
				at = (&PaymentFilter{}).CursorAt(&got[page-1])
			}
		}
		all := []ledger.ID{idOf(30)}
		for n := 19; n >= 10; n-- {
			all = append(all, idOf(n))
		}
		all = append(all, idOf(1))
		for _, page := range []int{1, 3, 12, 100} {
			if got := read(bbva, PaymentFilter{}, page); !slices.Equal(got, all) {
				t.Errorf("pages of %d: %x, want %x", page, got, all)
			}
		}
		settled, err := s.Payment(ctx, bbva, idOf(11))
		if err != nil {
			t.Fatal(err)
		}
		tests := []struct {
			name   string
			viewer ledger.BIC
			filter PaymentFilter
			want   []ledger.ID
		}{
			{"receiver sees settled ones", kbc, PaymentFilter{Counterparty: bbva}, []ledger.ID{idOf(30), idOf(18), idOf(17), idOf(15), idOf(14), idOf(12), idOf(11)}},
			{"rejected", bbva, PaymentFilter{Status: StatusRejected}, []ledger.ID{idOf(19), idOf(16), idOf(13), idOf(10)}},
			{"rejected, of others", kbc, PaymentFilter{Status: StatusRejected}, nil},
			{"counterparty", bbva, PaymentFilter{Counterparty: chase}, []ledger.ID{idOf(1)}},
			{"currency", bbva, PaymentFilter{Currency: eur}, nil},
			{"uetr", kbc, PaymentFilter{UETR: settled.UETR}, []ledger.ID{idOf(11)}},
			{"end to end id", bbva, PaymentFilter{EndToEndID: "none"}, nil},
			{"created", bbva, PaymentFilter{CreatedFrom: genesisTime + 3000, CreatedUntil: genesisTime + 4000}, []ledger.ID{idOf(1)}},
			{"a stranger", dealer, PaymentFilter{}, nil},
			{"nobody", ledger.BIC{}, PaymentFilter{}, nil},
		}
		for _, tt := range tests {
			if got := read(tt.viewer, tt.filter, 4); !slices.Equal(got, tt.want) {
				t.Errorf("%s: %x, want %x", tt.name, got, tt.want)
			}
		}
	})
}

func TestLinesAndBalances(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "lines")
		got, height, err := s.Balances(ctx, bbva)
		if err != nil || height != 3 || len(got) != 1 || got[0].Balance != 100_000 || got[0].Asset != usdAtChase || got[0].Height != 3 {
			t.Errorf("Balances = %+v at %d, %v", got, height, err)
		}
		if got, height, err := s.Balances(ctx, ledger.MustBIC("NOBODY22")); err != nil || len(got) != 0 || height != 3 {
			t.Errorf("Balances of nobody = %+v at %d, %v", got, height, err)
		}
		issued, err := s.Lines(ctx, chase, LineFilter{Currency: usd}, ledger.None, 100)
		var sum int64
		for _, l := range issued {
			sum += l.Balance
		}
		if err != nil || len(issued) != 4 || sum != 0 {
			t.Errorf("%d positions in chase's USD sum to %d, %v, want 4 and 0", len(issued), sum, err)
		}
		page, err := s.Lines(ctx, chase, LineFilter{Holder: kbc}, ledger.None, 1)
		if err != nil || len(page) != 1 {
			t.Fatalf("first page = %+v, %v", page, err)
		}
		rest, err := s.Lines(ctx, chase, LineFilter{Holder: kbc}, page[0].Pos, 10)
		if err != nil || len(rest) != 1 || rest[0].Asset != eurAtChase {
			t.Errorf("second page = %+v, %v", rest, err)
		}
		if got, err := s.Lines(ctx, bbva, LineFilter{Holder: kbc}, ledger.None, 10); err != nil || len(got) != 0 {
			t.Errorf("bbva sees kbc's lines: %+v, %v", got, err)
		}
		if _, err := s.Line(ctx, bbva, eurAtChase); !errors.Is(err, ErrNotFound) {
			t.Errorf("a line that isn't: %v", err)
		}
		_ = c
	})
}

func TestParticipantPages(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		settledWorld(t, s, "participants")
		var got []string
		var at ledger.BIC
		for {
			page, err := s.Participants(ctx, at, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page {
				got = append(got, p.BIC.String())
				at = p.BIC
			}
			if len(page) < 3 {
				break
			}
		}
		if want := []string{"BBVAMXMM", "CHASUS33", "DEUTDEFF", "KREDBEBB"}; !slices.Equal(got, want) {
			t.Errorf("participants %v, want %v", got, want)
		}
	})
}

func TestEvents(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "events")
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{payUSD(2, kbc, 500), payUSD(3, kbc, 900_000)}}))
		tests := []struct {
			who   ledger.BIC
			types []string
		}{
			{bbva, []string{PaymentSettled, PaymentSettled, PaymentRejected}},
			{kbc, []string{PaymentSettled}},
			{chase, []string{PaymentSettled}},
			{dealer, nil},
		}
		for _, tt := range tests {
			var types []string
			after := ""
			for {
				page, err := s.Events(ctx, tt.who, after, 1)
				if err != nil {
					t.Fatal(err)
				}
				if len(page) == 0 {
					break
				}
				types, after = append(types, page[0].Type), page[0].ID
			}
			if !slices.Equal(types, tt.types) {
				t.Errorf("%s: %v, want %v", tt.who, types, tt.types)
			}
		}
		sent, err := s.Events(ctx, bbva, "evt_3_0_1", 1)
		if err != nil || len(sent) != 1 || sent[0].ID != "evt_4_0_0" {
			t.Fatalf("event = %+v, %v", sent, err)
		}
		got, err := s.Events(ctx, kbc, "", 1)
		if err != nil || len(got) != 1 {
			t.Fatal(err)
		}
		var senders, receivers map[string]any
		if err := errors.Join(json.Unmarshal(sent[0].Body, &senders), json.Unmarshal(got[0].Body, &receivers)); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"id": "evt_4_0_0", "type": "payment.settled", "timestamp": "2026-02-02T02:40:04.000Z",
			"data": map[string]any{
				"payment_id": "01000000-0000-0000-0000-000000000002", "status": "settled", "from": "BBVAMXMM", "to": "KREDBEBB",
				"source": map[string]any{"currency": "USD", "value": "5.00"}, "delivered": map[string]any{"currency": "USD", "value": "5.00", "issuer": "CHASUS33"},
				"uetr": "02000000-0000-0000-0000-000000000002", "height": 4.0, "index": 0.0,
			},
		}
		if diff := cmp.Diff(want, senders); diff != "" {
			t.Errorf("sender's event: %s", diff)
		}
		if _, ok := receivers["data"].(map[string]any)["source"]; ok || got[0].ID != "evt_4_0_1" {
			t.Errorf("receiver's event %s", got[0].Body)
		}
		for _, cursor := range []string{"x", "evt_1_2", "evt_-1_0_0", "evt_1_2_3x", "evt_01_2_3", "evt_99999999999999999999_0_0", "evt_18446744073709551615_0_0"} {
			if _, err := s.Events(ctx, bbva, cursor, 1); !errors.Is(err, ErrCursor) {
				t.Errorf("Events after %q: %v, want ErrCursor", cursor, err)
			}
		}
	})
}
