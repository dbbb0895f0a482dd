package rates

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"viaduct/internal/money"
)

func parse(t *testing.T, text string) *Table {
	t.Helper()
	table, err := ParseECB(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

const three = dollar + `<Cube currency="JPY" rate="182.85"/><Cube currency="KWD" rate="0.35"/>`

func TestMid(t *testing.T) {
	table := parse(t, day("2026-03-13", three))
	tests := []struct {
		give, want string
		n, d       int64
		text       string
	}{
		{"EUR", "USD", 2869, 2500, "1.1476"},
		{"USD", "EUR", 2500, 2869, "0.871383757407"},
		{"EUR", "JPY", 3657, 2000, "182.85"},
		{"USD", "JPY", 18285, 11476, "159.332520041826"},
		{"USD", "KWD", 8750, 2869, "0.304984315092"},
		{"USD", "USD", 1, 1, "1"},
		{"EUR", "EUR", 1, 1, "1"},
	}
	for _, tt := range tests {
		mid, err := table.Mid(money.MustCurrency(tt.give), money.MustCurrency(tt.want))
		if err != nil || mid.Ratio != (money.Ratio{N: tt.n, D: tt.d}) || mid.Decimal().String() != tt.text {
			t.Errorf("%s to %s: %+v (%s), %v, want %d/%d (%s)", tt.give, tt.want, mid.Ratio, mid.Decimal(), err, tt.n, tt.d, tt.text)
		}
		if mid.Source != "European Central Bank" || mid.Date.Format(time.DateOnly) != "2026-03-13" {
			t.Errorf("%s of %v", mid.Source, mid.Date)
		}
	}
	for _, pair := range [][2]string{{"USD", "CLF"}, {"CLF", "USD"}, {"CLF", "CLF"}} {
		if _, err := table.Mid(money.MustCurrency(pair[0]), money.MustCurrency(pair[1])); !errors.Is(err, ErrNoRate) {
			t.Errorf("%v: %v, want ErrNoRate", pair, err)
		}
	}
}

// publisher answers with what it is told, over a real connection.
type publisher struct {
	*httptest.Server
	answers []func(http.ResponseWriter)
	asked   atomic.Int64
}

func publish(t *testing.T, answers ...func(http.ResponseWriter)) *publisher {
	p := &publisher{answers: answers}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := int(p.asked.Add(1)) - 1
		p.answers[min(n, len(p.answers)-1)](w)
	}))
	t.Cleanup(p.Close)
	return p
}

func text(s string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { io.WriteString(w, s) }
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

func broken(w http.ResponseWriter) {
	w.Header().Set("Content-Length", "1000")
	io.WriteString(w, head)
	panic(http.ErrAbortHandler)
}

func feed(location string, first *Table) *Feed {
	return NewFeed(FeedConfig{
		Location: location, Every: time.Hour, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Date(2026, time.March, 13, 18, 0, 0, 0, time.UTC) },
	}, first)
}

func wantDate(t *testing.T, f *Feed, want string) {
	t.Helper()
	table, err := f.Table()
	if err != nil || table.Date().Format(time.DateOnly) != want {
		t.Errorf("in use: %v, %v, want the table of %s", table, err, want)
	}
}

func TestRefreshKeepsTheLastGoodTable(t *testing.T) {
	tests := []struct {
		name   string
		answer func(http.ResponseWriter)
		err    error
		asked  int64
	}{
		{"cut off", text(day("2026-03-13", three)[:300]), ErrFormat, 1},
		{"absurd", text(day("2026-03-13", `<Cube currency="USD" rate="0"/>`)), ErrAbsurd, 1},
		{"of tomorrow", text(day("2026-03-15", three)), ErrAbsurd, 1},
		{"older", text(day("2026-03-11", three)), ErrStale, 1},
		{"not found", status(404), statusError(404), 1},
		{"a page about a move", status(301), statusError(301), 1},
		{"too large", text(strings.Repeat(" ", maxTable+2)), ErrTooLarge, 1},
	}
	for _, tt := range tests {
		p := publish(t, tt.answer)
		f := feed(p.URL, parse(t, day("2026-03-12", three)))
		err := f.Refresh(t.Context())
		if !errors.Is(err, tt.err) || p.asked.Load() != tt.asked {
			t.Errorf("%s: %v after %d requests, want %v after %d", tt.name, err, p.asked.Load(), tt.err, tt.asked)
		}
		wantDate(t, f, "2026-03-12")
	}
}

func TestRefreshTriesAgainWhatMayPass(t *testing.T) {
	p := publish(t, status(503), broken, text(day("2026-03-13", three)))
	f := feed(p.URL, nil)
	if _, err := f.Mid(money.MustCurrency("EUR"), money.MustCurrency("USD")); !errors.Is(err, ErrNoTable) {
		t.Errorf("before the first: %v, want ErrNoTable", err)
	}
	if err := f.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.asked.Load() != 3 {
		t.Errorf("%d requests, want 3", p.asked.Load())
	}
	mid, err := f.Mid(money.MustCurrency("EUR"), money.MustCurrency("USD"))
	if err != nil || mid.Decimal().String() != "1.1476" {
		t.Errorf("%v, %v", mid.Decimal(), err)
	}
}

// A transport without a network under it, so that the bubble's clock can move.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRefreshGivesUpAfterItsTries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		f := feed("https://rates.example/daily.xml", parse(t, day("2026-03-12", three)))
		f.Client = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
			tries++
			<-r.Context().Done() // it hangs
			return nil, r.Context().Err()
		})}
		began := time.Now()
		err := f.Refresh(t.Context())
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || tries != fetchTries || took > time.Minute {
			t.Errorf("%v after %d tries and %v", err, tries, took)
		}
		wantDate(t, f, "2026-03-12")
	})
}

// Who is down is asked three times over, and then left in peace for a while.
func TestRefreshLeavesWhoIsDownInPeace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		f := feed("https://rates.example/daily.xml", parse(t, day("2026-03-12", three)))
		f.Client = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			tries++
			return nil, errors.New("connection refused")
		})}
		for range 3 {
			if err := f.Refresh(t.Context()); Code(err) != "unreachable" && Code(err) != "left_in_peace" {
				t.Errorf("%v", err)
			}
		}
		asked := tries
		if err := f.Refresh(t.Context()); Code(err) != "left_in_peace" || tries != asked || asked != breakAfter {
			t.Errorf("%v after %d tries, before %d", err, tries, asked)
		}
		time.Sleep(breakFor + time.Second)
		f.Client = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(day("2026-03-13", three)))}, nil
		})}
		if err := f.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		wantDate(t, f, "2026-03-13")
	})
}

func TestRunRefreshesAFileUntilItIsStopped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "daily.xml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(day("2026-03-11", three))
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := feed(path, nil)
		done := make(chan struct{})
		go func() { defer close(done); f.Run(ctx) }()
		time.Sleep(time.Minute)
		wantDate(t, f, "2026-03-11")
		write("half of it")
		time.Sleep(time.Hour)
		wantDate(t, f, "2026-03-11")
		write(day("2026-03-12", three))
		time.Sleep(time.Hour)
		wantDate(t, f, "2026-03-12")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		wantDate(t, f, "2026-03-12")
		cancel()
		<-done
	})
}
