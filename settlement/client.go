package settlement

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"viaduct/ledger"
)

// Client reaches the sequencer over the bus. It is safe for concurrent use.
type Client struct {
	bus       Bus
	leaders   leadership
	projected *watermark
	news      chan struct{}
	cancels   []func() error
}

// NewClient returns a client over bus, which stays the caller's.
func NewClient(bus Bus) (*Client, error) {
	c := &Client{bus: bus, projected: newWatermark(), news: make(chan struct{}, 1)}
	for subject, f := range map[string]func(data []byte){
		subjectLeader: c.leaders.hearBytes,
		subjectProjected: func(data []byte) {
			if len(data) != 8 {
				return
			}
			c.projected.raise(binary.BigEndian.Uint64(data))
			select {
			case c.news <- struct{}{}:
			default:
			}
		},
	} {
		cancel, err := bus.Subscribe(subject, func(data []byte, _ func([]byte)) { f(data) })
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.cancels = append(c.cancels, cancel)
	}
	return c, nil
}

// Close ends the client's subscriptions.
func (c *Client) Close() error {
	var errs []error
	for _, cancel := range c.cancels {
		errs = append(errs, cancel())
	}
	return errors.Join(errs...)
}

// request sends a question to the sequencer's door. Errors: ErrUnavailable when nobody can have got it;
// another one, soon after the sequencer was replaced or when ctx ends, when that is not known.
func (c *Client) request(ctx context.Context, door string, data []byte) ([]byte, error) {
	b, reign, ok := c.leaders.current()
	if !ok {
		if err := c.leaders.ask(ctx, c.bus); err != nil {
			return nil, fmt.Errorf("%w: nobody sequences: %w", ErrUnavailable, err)
		}
		if b, reign, ok = c.leaders.current(); !ok {
			return nil, fmt.Errorf("%w: nobody sequences", ErrUnavailable)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(reign, cancel)()
	answer, err := c.bus.Request(ctx, doorOf(b.Name, door), data)
	if errors.Is(err, ErrNobody) {
		c.leaders.forget(b)
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return answer, err
}

// Submit hands a signed submission to the sequencer and returns when the journal has it on disk.
// A traceparent that Traced put into ctx goes along. Errors: ErrUnavailable, ErrMalformed, ErrUnknown.
func (c *Client) Submit(ctx context.Context, submission []byte) (Accepted, error) {
	answer, err := c.request(ctx, doorSubmit, withTrace(ctx, submission))
	switch {
	case errors.Is(err, ErrUnavailable):
		return Accepted{}, err
	case err != nil:
		return Accepted{}, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return decodeVerdict(answer)
}

// readyPause is the wait between two questions whether a node serves yet.
const readyPause = 5 * time.Millisecond

// WaitReady returns once a node takes submissions, or ctx ends.
func (c *Client) WaitReady(ctx context.Context) error {
	for {
		if _, err := c.Status(ctx); err == nil {
			return nil
		}
		if err := sleep(ctx, readyPause); err != nil {
			return err
		}
	}
}

// Projections signals after each block that was projected; several may share a signal. There is one
// channel for all that ask.
func (c *Client) Projections() <-chan struct{} { return c.news }

// WaitFinal returns once the block at height is final and projected into SQL, or ctx ends.
func (c *Client) WaitFinal(ctx context.Context, height uint64) error {
	if at, known := c.projected.get(); !known || at < height {
		// An announcement may have come before this client listened.
		if s, err := c.Status(ctx); err == nil {
			c.projected.raise(s.Projected)
		}
	}
	return c.projected.wait(ctx, height)
}

// Status is what a node says of itself.
type Status struct {
	Network   string `json:"network"` // genesis hash, hex
	Origin    string `json:"origin"`  // first line of the checkpoints
	Height    uint64 `json:"height"`
	Projected uint64 `json:"projected"`
	Epoch     uint64 `json:"epoch"`
	Time      int64  `json:"time"` // ledger time, Unix milliseconds
	StateHash string `json:"state_hash"`
	TreeSize  uint64 `json:"tree_size"`
	// Operator is the key that signs for the operator, in hex, and OperatorChanges how often it was changed.
	Operator        string `json:"operator"`
	OperatorChanges uint64 `json:"operator_changes"`
	// Sets are who signed which blocks since the genesis, in order; the last may lie ahead.
	Sets []ValidatorSet `json:"sets"`
}

// ValidatorSet is who signs the blocks from a height on, up to where the next set does.
type ValidatorSet struct {
	From       uint64   `json:"from"`
	Announced  uint64   `json:"announced"`  // height of the block that holds the change; 0 for the genesis
	Validators []string `json:"validators"` // C2SP verifier keys, by name
	Quorum     int      `json:"quorum"`
}

// Validators returns who sign the block of the status's height, and who will sign from a later one on;
// nil when no change is under way.
func (s *Status) Validators() (now ValidatorSet, coming *ValidatorSet) {
	for i, set := range s.Sets {
		if set.From > s.Height {
			return now, &s.Sets[i]
		}
		now = set
	}
	return now, nil
}

// Status asks a node how it is.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.ask(ctx, doorStatus, struct{}{}, &s)
}

// Quote asks what a payment would cost now. Errors: ErrNotFound when a participant is not admitted.
func (c *Client) Quote(ctx context.Context, q QuoteRequest) (QuoteAnswer, error) {
	var a QuoteAnswer
	return a, c.ask(ctx, doorQuote, question{Quote: &q}, &a)
}

// Fillable asks how much of standing offers can be had now.
func (c *Client) Fillable(ctx context.Context, offers []ledger.ID) (Fillable, error) {
	var a Fillable
	return a, c.ask(ctx, doorQuote, question{Fillable: offers}, &a)
}

// Watch follows the blocks and tells which of them could change a quote. It is used by one goroutine.
type Watch struct {
	client   *Client
	height   uint64
	hops     map[ledger.BIC]bool // all that are, and some that were
	expiries []int64             // ascending
	horizon  int64               // expiries after this are not known; 0 when all are
}

// News is what some consecutive blocks did.
type News struct {
	Height  uint64 // of the last of them
	market  bool
	touched map[ledger.BIC]bool
}

// Watch begins at a height at or below that of any quote asked for from now on.
func (c *Client) Watch(ctx context.Context) (*Watch, error) {
	var h hops
	if err := c.ask(ctx, doorQuote, question{Hops: true}, &h); err != nil {
		return nil, err
	}
	w := &Watch{client: c, height: h.Height, hops: make(map[ledger.BIC]bool), expiries: h.Expiries}
	for _, name := range h.Names {
		w.hops[name] = true
	}
	if h.More {
		w.horizon = h.Expiries[len(h.Expiries)-1]
	}
	return w, nil
}

// Next waits for the next block that is final and projected and returns what it did, together with
// those after it. After an error the watch is of no more use.
func (w *Watch) Next(ctx context.Context) (News, error) {
	if err := w.client.WaitFinal(ctx, w.height+1); err != nil {
		return News{}, err
	}
	var t touched
	if err := w.client.ask(ctx, doorQuote, question{After: &w.height}, &t); err != nil {
		return News{}, err
	}
	w.height = t.Height
	news := News{Height: t.Height, market: t.Market, touched: make(map[ledger.BIC]bool)}
	for _, name := range t.Hops {
		w.hops[name] = true
	}
	for _, name := range t.Names {
		news.touched[name] = true
		news.market = news.market || w.hops[name]
	}
	for _, at := range t.Expiries {
		i, known := slices.BinarySearch(w.expiries, at)
		if !known {
			w.expiries = slices.Insert(w.expiries, i, at)
		}
	}
	lapsed, _ := slices.BinarySearch(w.expiries, t.Time+1)
	w.expiries = w.expiries[lapsed:]
	news.market = news.market || lapsed > 0
	if w.horizon != 0 && t.Time >= w.horizon {
		again, err := w.client.Watch(ctx)
		if err != nil {
			return News{}, err
		}
		// Blocks between the two heights are read again, for nothing.
		again.height = w.height
		*w = *again
		news.market = true
	}
	return news, nil
}

// Matters says whether the blocks could have changed the answer to a quote. A position matters when its
// holder pays or is paid, or can be a hop; offers, terms and caps always do.
func (n *News) Matters(q *QuoteRequest) bool {
	return n.market || n.touched[q.From] || n.touched[q.To]
}

// Receipt returns the receipt of a block's result, in the C2SP tlog-proof form. Errors: ErrNotFound.
func (c *Client) Receipt(ctx context.Context, height uint64, index int) ([]byte, error) {
	var r receiptAnswer
	err := c.ask(ctx, doorReceipt, receiptRequest{Height: height, Index: index}, &r)
	return []byte(r.Receipt), err
}

// ChangeReceipt returns the receipt of the change of the validators that a block holds. Errors: ErrNotFound.
func (c *Client) ChangeReceipt(ctx context.Context, height uint64) ([]byte, error) {
	var r receiptAnswer
	err := c.ask(ctx, doorReceipt, receiptRequest{Height: height, Change: true}, &r)
	return []byte(r.Receipt), err
}

type receiptRequest struct {
	Height uint64 `json:"height"`
	Index  int    `json:"index"`
	Change bool   `json:"change,omitempty"` // of the change of the validators, wherever in the block it is
}

type receiptAnswer struct {
	Receipt string `json:"receipt"`
}

// envelope carries an answer or an error's code.
type envelope struct {
	Error  string          `json:"error,omitempty"`
	Answer json.RawMessage `json:"answer,omitempty"`
}

var errorCodes = map[string]error{"not_found": ErrNotFound, "malformed": ErrMalformed}

// ask sends a request and reads the answer into out.
func (c *Client) ask(ctx context.Context, door string, in, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := c.request(ctx, door, data)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrUnavailable, door, err)
	}
	var e envelope
	if err := json.Unmarshal(answer, &e); err != nil {
		return fmt.Errorf("answer of %s: %w", door, err)
	}
	if e.Error != "" {
		if err, ok := errorCodes[e.Error]; ok {
			return err
		}
		return fmt.Errorf("%w: %s: %s", ErrUnavailable, door, e.Error)
	}
	return json.Unmarshal(e.Answer, out)
}

// reply answers a request of ask.
func reply(send func([]byte), answer any, err error) {
	var e envelope
	if err == nil {
		e.Answer, err = json.Marshal(answer)
	}
	if err != nil {
		e.Error = err.Error()
		for code, known := range errorCodes {
			if errors.Is(err, known) {
				e.Error = code
			}
		}
	}
	data, err := json.Marshal(e)
	if err != nil {
		data = []byte(`{"error":"internal"}`)
	}
	send(data)
}
