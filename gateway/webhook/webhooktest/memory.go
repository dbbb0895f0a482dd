// Package webhooktest says as tests what a webhook.Store promises, for whoever implements one, and has
// a store in memory whose calls can be made to fail: a real one can't be asked to lose an answer.
package webhooktest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"viaduct/gateway/webhook"
)

// Row is a delivery as the memory store keeps it.
type Row struct {
	webhook.Delivery
	Endpoint string
	Outcome  webhook.Outcome // zero while it is pending and was not tried
	due      time.Time
}

func (r *Row) pending() bool { return r.Outcome == 0 || r.Outcome == webhook.Retry }

// Memory is a webhook.Store in memory, for tests that need a store to fail.
type Memory struct {
	// Fault, when set, is asked before and after each call ("endpoints", "claim", "record"). What it
	// returns first fails the call with nothing done; what it returns second loses the answer of a
	// call that was carried out. It is set before the store is used.
	Fault func(call string) (before, after error)

	mu        sync.Mutex
	endpoints map[string]*endpoint
	rows      []*Row // by Seq, which is the index + 1
	log       []webhook.Attempt
}

type endpoint struct {
	webhook.Endpoint
	disabled bool
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{endpoints: make(map[string]*endpoint)} }

// AddEndpoint registers an endpoint, enabled.
func (m *Memory) AddEndpoint(_ context.Context, e webhook.Endpoint) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.endpoints[e.ID] = &endpoint{Endpoint: e}
	return nil
}

// AddDelivery stores a pending delivery, due now, and returns its Seq.
func (m *Memory) AddDelivery(_ context.Context, endpoint, eventID, subject string, body []byte, now time.Time) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seq := int64(len(m.rows) + 1)
	m.rows = append(m.rows, &Row{
		Delivery: webhook.Delivery{Seq: seq, EventID: eventID, Subject: subject, Body: body},
		Endpoint: endpoint, due: now,
	})
	return seq, nil
}

// Log returns the recorded attempts, in the order they were recorded.
func (m *Memory) Log(context.Context) ([]webhook.Attempt, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.log), nil
}

// Rows returns every delivery, by Seq.
func (m *Memory) Rows() []Row {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := make([]Row, len(m.rows))
	for i, r := range m.rows {
		rows[i] = *r
	}
	return rows
}

// Endpoints is webhook.Store's.
func (m *Memory) Endpoints(_ context.Context, now time.Time, limit int) ([]string, time.Time, error) {
	before, after := m.fault("endpoints")
	if before != nil {
		return nil, time.Time{}, before
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	since := make(map[string]time.Time)
	var next time.Time
	for _, r := range m.rows {
		if !r.pending() || m.disabled(r.Endpoint) {
			continue
		}
		if r.due.After(now) {
			if next.IsZero() || r.due.Before(next) {
				next = r.due
			}
			continue
		}
		if first, ok := since[r.Endpoint]; m.head(r) && (!ok || r.due.Before(first)) {
			since[r.Endpoint] = r.due
		}
	}
	ids := make([]string, 0, len(since))
	for id := range since {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(since[a].Compare(since[b]), cmp.Compare(a, b))
	})
	return ids[:min(len(ids), limit)], next, after
}

// Claim is webhook.Store's.
func (m *Memory) Claim(_ context.Context, id string, now, until time.Time, limit int) (webhook.Endpoint, []webhook.Delivery, error) {
	before, after := m.fault("claim")
	if before != nil {
		return webhook.Endpoint{}, nil, before
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.disabled(id) {
		return webhook.Endpoint{}, nil, after
	}
	var claimed []webhook.Delivery
	for _, r := range m.rows {
		if len(claimed) == limit {
			break
		}
		if r.Endpoint == id && r.pending() && !r.due.After(now) && m.head(r) {
			r.due = until
			r.Claim = until
			claimed = append(claimed, r.Delivery)
		}
	}
	if after != nil {
		return webhook.Endpoint{}, nil, after
	}
	return m.endpoints[id].Endpoint, claimed, nil
}

// Record is webhook.Store's.
func (m *Memory) Record(_ context.Context, a webhook.Attempt) error {
	before, after := m.fault("record")
	if before != nil {
		return before
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.ContainsFunc(m.log, func(b webhook.Attempt) bool { return b.Seq == a.Seq && b.Claim.Equal(a.Claim) }) {
		m.log = append(m.log, a)
	}
	r := m.rows[a.Seq-1]
	if !r.pending() || !r.due.Equal(a.Claim) && a.Outcome != webhook.Delivered {
		return after
	}
	r.Attempts, r.Outcome = a.Number, a.Outcome
	switch a.Outcome {
	case webhook.Retry:
		r.due = a.Due
	case webhook.Gone:
		m.endpoints[r.Endpoint].disabled = true
	}
	return after
}

func (m *Memory) fault(call string) (before, after error) {
	if m.Fault == nil {
		return nil, nil
	}
	return m.Fault(call)
}

func (m *Memory) disabled(id string) bool {
	e, ok := m.endpoints[id]
	return !ok || e.disabled
}

// head tells whether nothing pending stands before r.
func (m *Memory) head(r *Row) bool {
	for _, earlier := range m.rows[:r.Seq-1] {
		if earlier.Endpoint == r.Endpoint && earlier.Subject == r.Subject && earlier.pending() {
			return false
		}
	}
	return true
}
