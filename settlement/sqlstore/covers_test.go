package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"viaduct/ledger"
)

// announcement is a transfer of USD that settles by cover; number n's UETR is that of payUSD(n, ...).
func announcement(n, uetr int, to ledger.BIC, amount int64) *ledger.Pay {
	p := payUSD(n, to, amount)
	p.Mode, p.Bound, p.UETR = ledger.Covered, 0, payUSD(uetr, to, 1).UETR
	return p
}

func coverOfUSD(n, uetr int, to ledger.BIC, amount int64) *ledger.Pay {
	p := payUSD(n, to, amount)
	p.UETRKind, p.UETR = ledger.UETRCover, payUSD(uetr, to, 1).UETR
	return p
}

// statusOf tells a payment of its sender's, numbered above b: its status, and the number of its cover.
func statusOf(t *testing.T, s *Store, sender ledger.BIC, b, n int) string {
	t.Helper()
	p, err := s.Payment(context.Background(), sender, idOf(b+n))
	if err != nil {
		t.Fatal(err)
	}
	if p.Cover == (ledger.ID{}) {
		return string(p.Status)
	}
	return fmt.Sprintf("%s by %d", p.Status, int(p.Cover[15])-b)
}

func TestCoversSettleWhatTheyCover(t *testing.T) {
	do := func(i ...ledger.Instruction) []ledger.Instruction { return i }
	tests := []struct {
		name   string
		blocks func(b int) [][]order // its payments are numbered from b
		want   map[int]string        // by number above b; all are of bbva's
	}{
		{"the transfer first", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(announcement(b+2, b+2, kbc, 500))}},
				{{by: bbva, do: do(coverOfUSD(b+3, b+2, kbc, 500))}},
			}
		}, map[int]string{2: "settled by 3", 3: "settled"}},
		{"the cover first", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(coverOfUSD(b+3, b+2, kbc, 500))}},
				{{by: bbva, do: do(announcement(b+2, b+2, kbc, 500))}},
			}
		}, map[int]string{2: "settled by 3", 3: "settled"}},
		{"both in one block, in one submission", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(coverOfUSD(b+3, b+2, kbc, 500), announcement(b+2, b+2, kbc, 500))}},
			}
		}, map[int]string{2: "settled by 3"}},
		{"an advice, and the transfer it advises of", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(advised(announcement(b+2, b+2, kbc, 500)))}},
				{{by: bbva, do: do(payUSD(b+3, kbc, 1))}, {by: bbva, do: do(uetrOf(payUSD(b+4, kbc, 500), b+2))}},
			}
		}, map[int]string{2: "settled by 4"}},
		{"a cover that is refused", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(announcement(b+2, b+2, kbc, 500))}},
				{{by: bbva, do: do(coverOfUSD(b+3, b+2, kbc, 999_999_999))}},
			}
		}, map[int]string{2: "held", 3: "rejected"}},
		{"a cover of less", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(announcement(b+2, b+2, kbc, 500), coverOfUSD(b+3, b+2, kbc, 499))}},
			}
		}, map[int]string{2: "held", 3: "settled"}},
		{"a cover for another bank", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(announcement(b+2, b+2, kbc, 500), coverOfUSD(b+3, b+2, dealer, 500))}},
			}
		}, map[int]string{2: "held"}},
		{"a stranger's payment with the same UETR", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(announcement(b+2, b+2, kbc, 500))}},
				{{by: chase, do: do(coverOfUSD(b+3, b+2, kbc, 500))}},
			}
		}, map[int]string{2: "held"}},
		{"a cover through a correspondent", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(announcement(b+2, b+2, kbc, 500), coverOfUSD(b+3, b+2, chase, 510))}},
				{{by: chase, do: do(coverOfUSD(b+4, b+2, kbc, 500))}},
			}
		}, map[int]string{2: "settled by 4"}},
		{"a correspondent that pays before it is paid", func(b int) [][]order {
			return [][]order{
				{{by: chase, do: do(coverOfUSD(b+4, b+2, kbc, 500))}},
				{{by: bbva, do: do(announcement(b+2, b+2, kbc, 500))}},
				{{by: bbva, do: do(coverOfUSD(b+3, b+2, chase, 510))}},
			}
		}, map[int]string{2: "settled by 4"}},
		{"a cover counts once", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(announcement(b+2, b+2, kbc, 500), advised(announcement(b+5, b+2, kbc, 500)))}},
				{{by: bbva, do: do(coverOfUSD(b+3, b+2, kbc, 500))}},
			}
		}, map[int]string{2: "settled by 3", 5: "held"}},
		{"a cover that went back", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(coverOfUSD(b+3, b+2, kbc, 500))}},
				{{by: kbc, do: do(returned(uetrOf(payUSD(b+4, bbva, 500), b+2)))}},
				{{by: bbva, do: do(announcement(b+2, b+2, kbc, 500))}},
			}
		}, map[int]string{2: "held"}},
		{"a refused announcement", func(b int) [][]order {
			return [][]order{
				{{by: bbva, do: do(announcement(b+2, b+2, ledger.MustBIC("NOBKDEFF"), 500))}},
				{{by: bbva, do: do(coverOfUSD(b+3, b+2, kbc, 500))}},
			}
		}, map[int]string{2: "rejected", 3: "settled"}},
	}
	onEach(t, func(t *testing.T, s *Store) {
		c := settledWorld(t, s, "covers")
		for i, tt := range tests {
			b := 10 * (i + 1)
			for _, orders := range tt.blocks(b) {
				projectAll(t, s, c.next(orders...))
			}
			got := map[int]string{}
			for n := range tt.want {
				got[n] = statusOf(t, s, bbva, b, n)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
		compareState(t, s, c.state)
	})
}

func advised(p *ledger.Pay) *ledger.Pay  { p.UETRKind = ledger.UETRAdvice; return p }
func returned(p *ledger.Pay) *ledger.Pay { p.UETRKind = ledger.UETRReturn; return p }

func uetrOf(p *ledger.Pay, n int) *ledger.Pay {
	p.UETR = payUSD(n, kbc, 1).UETR
	return p
}

// Both parties hear of a covered transfer when it settles, in the order of the chain, whichever came
// first; until then it is its sender's alone.
func TestEventsOfCoveredTransfers(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "covered-events")
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{announcement(2, 2, kbc, 500)}}))
		before, err := s.Events(ctx, kbc, "", 10)
		if err != nil || len(before) != 0 {
			t.Fatalf("an announcement told its receiver %v, %v", before, err)
		}
		if _, err := s.Payment(ctx, kbc, idOf(2)); !errors.Is(err, ErrNotFound) {
			t.Errorf("the receiver sees what is not covered: %v", err)
		}
		projectAll(t, s,
			c.next(order{by: bbva, do: []ledger.Instruction{coverOfUSD(3, 2, kbc, 500), coverOfUSD(5, 4, kbc, 600)}}),
			c.next(order{by: bbva, do: []ledger.Instruction{announcement(4, 4, kbc, 600)}}))
		want := []string{"evt_5_0_1 3", "evt_5_0_3 2", "evt_5_1_1 5", "evt_6_0_3 4"}
		var got []string
		after := ""
		for range want {
			events, err := s.Events(ctx, kbc, after, 1)
			if err != nil || len(events) != 1 {
				t.Fatalf("after %s: %v, %v", after, events, err)
			}
			after = events[0].ID
			got = append(got, fmt.Sprintf("%s %d", events[0].ID, events[0].Payment[15]))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

// What was announced and recalled before its cover came stays cancelled, though the cover settles.
func TestCancelHeld(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		ctx := context.Background()
		c := settledWorld(t, s, "cancel-held")
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{announcement(2, 2, kbc, 500), payUSD(7, kbc, 1)}}))
		for _, tt := range []struct {
			by   ledger.BIC
			n    int
			want bool
		}{{kbc, 2, false}, {bbva, 7, false}, {bbva, 9, false}, {bbva, 2, true}, {bbva, 2, false}} {
			got, err := s.CancelHeld(ctx, tt.by, idOf(tt.n), 77)
			if err != nil || got != tt.want {
				t.Errorf("CancelHeld(%s, %d) = %v, %v, want %v", tt.by, tt.n, got, err, tt.want)
			}
		}
		projectAll(t, s, c.next(order{by: bbva, do: []ledger.Instruction{coverOfUSD(3, 2, kbc, 500)}}))
		if got := statusOf(t, s, bbva, 0, 2); got != "cancelled" {
			t.Errorf("%s", got)
		}
	})
}
