package rates

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/retrypolicy"

	"viaduct/internal/money"
)

const (
	// fetchTimeout bounds one download of a file of 2 kB.
	fetchTimeout = 10 * time.Second
	// fetchTries, with waits from half a second that double, rides out a restart at the other end.
	fetchTries = 4
	fetchWait  = 500 * time.Millisecond
	// After so many failed tries in a row, three refreshes, none is made for a while.
	breakAfter = 3 * fetchTries
	breakFor   = 5 * time.Minute
	// futureSlack is how far ahead of our clock a table may be dated: the date line, and no more. A
	// table of a far day would keep every later one out.
	futureSlack = 24 * time.Hour
)

// FeedConfig says where tables come from.
type FeedConfig struct {
	// Location is an http or https URL, or else the path of a file.
	Location string
	// Mapping says where the rates are in a JSON document; nil for the ECB's XML.
	Mapping *Mapping
	// Observe is told how each Refresh ended: "ok" or one of the words of Code. Nil for nobody.
	Observe func(code string)
	// Every is how often Run reads it again. The ECB publishes once a working day at 16:00 in Frankfurt.
	Every time.Duration
	// Client makes the requests; nil is one with nothing of its own.
	Client *http.Client
	// Now is the clock.
	Now func() time.Time
	Log *slog.Logger
}

// Feed keeps the newest table of one location. Its methods may be called from any goroutine.
type Feed struct {
	FeedConfig
	fetching failsafe.Executor[*Table]
	current  atomic.Pointer[Table]
	own      atomic.Pointer[Table] // the last one that was read from Location
}

// NewFeed returns a feed that answers from first (nil when there is none) until Refresh or Run reads
// something newer.
func NewFeed(c FeedConfig, first *Table) *Feed {
	if c.Client == nil {
		c.Client = &http.Client{}
	}
	policy := retrypolicy.NewBuilder[*Table]().
		WithMaxAttempts(fetchTries).WithBackoff(fetchWait, fetchTimeout).WithJitterFactor(0.2).
		AbortIf(func(_ *Table, err error) bool { return err != nil && !passing(err) }).ReturnLastFailure().Build()
	// Where the rates are read often and the other end is down, it is left in peace for a while.
	breaker := circuitbreaker.NewBuilder[*Table]().HandleIf(func(_ *Table, err error) bool { return err != nil && passing(err) }).
		WithFailureThreshold(breakAfter).WithDelay(breakFor).Build()
	f := &Feed{FeedConfig: c, fetching: failsafe.With(policy, breaker)}
	f.current.Store(first)
	return f
}

// Table returns the table in use; ErrNoTable when none was ever read.
func (f *Feed) Table() (*Table, error) {
	t := f.current.Load()
	if t == nil {
		return nil, ErrNoTable
	}
	return t, nil
}

// Mid is the Mid of the table in use.
func (f *Feed) Mid(give, want money.Currency) (Mid, error) {
	t, err := f.Table()
	if err != nil {
		return Mid{}, err
	}
	return t.Mid(give, want)
}

// Refresh reads the location once (a URL again if it fails for a reason that may pass) and takes the
// table into use. On any error the table in use stays.
func (f *Feed) Refresh(ctx context.Context) error {
	err := f.refresh(ctx)
	if f.Observe != nil {
		f.Observe(Code(err))
	}
	return err
}

// Code returns what a refresh failed for in a word, "ok" for nothing.
func Code(err error) string {
	for _, known := range []struct {
		err  error
		code string
	}{
		{ErrFormat, "bad_format"}, {ErrTooLarge, "too_large"}, {ErrAbsurd, "absurd"}, {ErrMissing, "currency_missing"},
		{ErrStale, "older"}, {circuitbreaker.ErrOpen, "left_in_peace"},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	if err != nil {
		return "unreachable"
	}
	return "ok"
}

func (f *Feed) refresh(ctx context.Context) error {
	table, err := f.read(ctx)
	if err != nil {
		return fmt.Errorf("read rates: %w", err)
	}
	if table.date.After(f.Now().Add(futureSlack)) {
		return fmt.Errorf("read rates: %w: rates of %s, a day yet to come", ErrAbsurd, table.date.Format(time.DateOnly))
	}
	for {
		old := f.current.Load()
		if old != nil && table.date.Before(old.date) {
			return fmt.Errorf("read rates: %w: %s, in use %s", ErrStale, table.date.Format(time.DateOnly), old.date.Format(time.DateOnly))
		}
		if err := table.lacks(f.own.Load()); err != nil {
			return fmt.Errorf("read rates: %w", err)
		}
		if f.current.CompareAndSwap(old, table) {
			f.own.Store(table)
			return nil
		}
	}
}

// Run refreshes now and then every so often until ctx ends. A failure is logged; readers see how old
// the table is by its date.
func (f *Feed) Run(ctx context.Context) {
	ticker := time.NewTicker(f.Every)
	defer ticker.Stop()
	for ctx.Err() == nil {
		if err := f.Refresh(ctx); err != nil && ctx.Err() == nil {
			f.Log.Warn("rates: the last good table stays", "code", Code(err), "error", err)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

func (f *Feed) read(ctx context.Context) (*Table, error) {
	if !strings.HasPrefix(f.Location, "http://") && !strings.HasPrefix(f.Location, "https://") {
		return f.readFile()
	}
	return f.fetching.WithContext(ctx).Get(func() (*Table, error) { return f.fetch(ctx) })
}

func (f *Feed) readFile() (*Table, error) {
	file, err := os.Open(f.Location)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return f.parse(file)
}

func (f *Feed) parse(r io.Reader) (*Table, error) {
	if f.Mapping != nil {
		return f.Mapping.ParseJSON(r)
	}
	return ParseECB(r)
}

// lacks says which currency of an earlier table of the same location is missing: half a table is none. Where a
// currency is gone for good, the process is started again.
func (t *Table) lacks(earlier *Table) error {
	if earlier == nil {
		return nil
	}
	for _, c := range money.Currencies() {
		_, had := earlier.perBase[c]
		if _, has := t.perBase[c]; had && !has {
			return fmt.Errorf("%w: %s", ErrMissing, c)
		}
	}
	return nil
}

// ReadFile reads a table in the ECB's format from a file.
func ReadFile(path string) (*Table, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ParseECB(file)
}

// statusError is an answer other than 200.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("rates: the server answered %d", int(s)) }

func (f *Feed) fetch(ctx context.Context) (*Table, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.Location, nil)
	if err != nil {
		return nil, err
	}
	resp, err := f.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(resp.StatusCode)
	}
	// Read before it is parsed, so that a connection that broke is told from a table that is broken.
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTable+1))
	if err != nil {
		return nil, err
	}
	return f.parse(bytes.NewReader(body))
}

// passing tells whether another try may do better: not where the server answered and its answer is
// wrong, unless it says that it is in trouble itself.
func passing(err error) bool {
	var status statusError
	if errors.As(err, &status) {
		return status >= 500 || status == http.StatusTooManyRequests
	}
	return !errors.Is(err, circuitbreaker.ErrOpen) && !errors.Is(err, ErrMissing) && !errors.Is(err, ErrFormat) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrAbsurd)
}
