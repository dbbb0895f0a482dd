package settlement_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"viaduct/settlement"
)

// journalTip is how long the journal is of which these tests ask.
const journalTip = 10

// tips is a bus on which each validator says how long its log is, those who are ahead first; 0 says
// nothing.
type tips [validators]uint64

func (b *tips) Publish(string, []byte) error { return nil }

func (b *tips) Subscribe(string, func([]byte, func([]byte))) (func() error, error) {
	return func() error { return nil }, nil
}

func (b *tips) Request(ctx context.Context, subject string, _ []byte) ([]byte, error) {
	for i, tip := range b {
		if subject == fmt.Sprintf("viaduct.node.%s.tip", validatorName(i)) && tip != 0 {
			if tip <= journalTip {
				time.Sleep(time.Millisecond)
			}
			return binary.BigEndian.AppendUint64(nil, tip), nil
		}
	}
	return nil, settlement.ErrNobody
}

// What f of 3f+1 say, and who is silent counts among them, stops nobody for ever, and what f+1 may have
// made final is never passed over.
func TestWhoIsBelievedToBeAhead(t *testing.T) {
	const huge = 1 << 60
	for _, tt := range []struct {
		name         string
		says         tips
		atOnce, ever bool
	}{
		{"all have what the journal has", tips{10, 9, 10, 10}, true, true},
		{"one is away", tips{10, 0, 10, 10}, true, true},
		{"two are away", tips{10, 0, 10, 0}, false, false},
		{"one says more than there can be", tips{10, 10, huge, 10}, false, true},
		{"one is ahead and another far behind", tips{10, 1, 11, 10}, false, true},
		{"one is ahead and another away", tips{10, 0, 11, 10}, false, false},
		{"two are ahead", tips{10, 11, 11, 10}, false, false},
		{"two are ahead and one of them lies", tips{10, 11, huge, 1}, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				node, err := settlement.Asker(&tt.says, networkGenesis())
				if err != nil {
					t.Fatal(err)
				}
				ask := func() bool {
					time.Sleep(time.Second)
					return node.NothingLost(t.Context(), journalTip) == nil
				}
				began, whole := time.Now(), ask()
				if whole != tt.atOnce {
					t.Errorf("whole at once is %v, want %v", whole, tt.atOnce)
				}
				for !whole && time.Since(began) < 4*settlement.TailPatience {
					whole = ask()
				}
				if whole != tt.ever {
					t.Errorf("whole is %v, want %v", whole, tt.ever)
				}
				if took := time.Since(began); whole && !tt.atOnce && took < settlement.TailPatience {
					t.Errorf("the claim was waited for %v alone", took)
				}
			})
		})
	}
}

// A claim that ended, because the journal got its tail back, has no part in a later one's patience.
func TestPatienceBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		says := tips{10, 10, 11, 10}
		node, err := settlement.Asker(&says, networkGenesis())
		if err != nil {
			t.Fatal(err)
		}
		if node.NothingLost(t.Context(), journalTip) == nil {
			t.Fatal("one is ahead, and was not waited for")
		}
		time.Sleep(2 * settlement.TailPatience)
		if node.NothingLost(t.Context(), journalTip) == nil {
			t.Error("a claim of long ago shortened the patience with a new one")
		}
	})
}
