package sqlstore

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"viaduct/internal/testenv"
	"viaduct/ledger"
)

// BenchmarkProject writes blocks of settled payments, fsync included; the time is a block's.
func BenchmarkProject(b *testing.B) {
	for _, size := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("sqlite/%d", size), func(b *testing.B) {
			benchmarkProject(b, newStore(b, filepath.Join(b.TempDir(), "viaduct.db")), size)
		})
		b.Run(fmt.Sprintf("postgres/%d", size), func(b *testing.B) { benchmarkProject(b, newStore(b, testenv.Postgres(b)), size) })
	}
}

func benchmarkProject(b *testing.B, s *Store, size int) {
	c := settledWorld(b, s, "bench")
	n := 1000
	next := func() *Projection {
		do := make([]ledger.Instruction, size)
		for i := range do {
			n++
			do[i] = payUSD(n, kbc, 1)
			if n%2 == 1 {
				do[i] = payUSD(n, bbva, 1)
			}
		}
		half := make([][]ledger.Instruction, 2) // bbva and kbc pay each other by turns
		for i := range do {
			by := 0
			if do[i].(*ledger.Pay).To == bbva {
				by = 1
			}
			half[by] = append(half[by], do[i])
		}
		var orders []order
		for i, by := range []ledger.BIC{bbva, kbc} {
			if len(half[i]) > 0 {
				orders = append(orders, order{by: by, do: half[i]})
			}
		}
		return c.next(orders...)
	}
	for b.Loop() {
		b.StopTimer()
		p := next()
		b.StartTimer()
		if err := s.Project(context.Background(), p); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "payments/s")
}

// BenchmarkBeginRequest begins requests of one payment from so many clients at once.
func BenchmarkBeginRequest(b *testing.B) {
	for _, clients := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("sqlite/%d", clients), func(b *testing.B) {
			s := newStore(b, filepath.Join(b.TempDir(), "viaduct.db"))
			numbers := make(chan int, 1024)
			go func() {
				for n := range b.N {
					numbers <- n
				}
				close(numbers)
			}()
			done := make(chan error, clients)
			b.ResetTimer()
			for range clients {
				go func() {
					for n := range numbers {
						_, _, err := s.BeginRequest(context.Background(), &Begin{
							Request:  Request{Participant: bbva, Key: fmt.Sprint(n), Submission: make([]byte, 400), Created: int64(n), Lease: 9},
							Payments: []Payment{received(bbva, payUSD(n, kbc, 5))},
							Details:  []Details{{Payment: idOf(n), From: bbva, Text: make([]byte, 200)}},
						}, 1)
						if err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for range clients {
				if err := <-done; err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
