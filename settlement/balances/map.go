package balances

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"viaduct/ledger"
	"viaduct/settlement/sqlstore"
)

// Map is the cache of a process that has no Redis.
type Map struct {
	load Load

	mu      sync.RWMutex
	run     int    // grows; 0 before the first block
	height  uint64 // of the last block of the run
	holders map[ledger.BIC]*held
}

// held is what is known of a holder in this run.
type held struct {
	at    uint64          // the height it was loaded at
	lines []sqlstore.Line // by Pos; replaced, never written to, since readers keep it
}

// NewMap returns an empty cache.
func NewMap(load Load) *Map { return &Map{load: load} }

// Set is Cache's.
func (m *Map) Set(_ context.Context, height uint64, lines []sqlstore.Line) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.run > 0 && height <= m.height:
		return nil
	case m.run == 0 || height != m.height+1:
		m.run, m.height, m.holders = m.run+1, height, make(map[ledger.BIC]*held)
		return nil
	}
	m.height = height
	for i := range lines {
		if h, ok := m.holders[lines[i].Holder]; ok {
			h.lines = merged(h.lines, lines[i])
		}
	}
	return nil
}

// merged returns lines with l in its place, unless what is there is as new.
func merged(lines []sqlstore.Line, l sqlstore.Line) []sqlstore.Line {
	i, there := slices.BinarySearchFunc(lines, l, byPos)
	if !there {
		return slices.Insert(slices.Clone(lines), i, l)
	}
	if lines[i].Height >= l.Height {
		return lines
	}
	lines = slices.Clone(lines)
	lines[i] = l
	return lines
}

func byPos(a, b sqlstore.Line) int { return cmp.Compare(a.Pos, b.Pos) }

// Get is Cache's.
func (m *Map) Get(ctx context.Context, holder ledger.BIC) ([]sqlstore.Line, uint64, bool, error) {
	m.mu.RLock()
	run := m.run
	if h, ok := m.holders[holder]; ok {
		lines, height := h.lines, max(h.at, m.height)
		m.mu.RUnlock()
		return lines, height, true, nil
	}
	m.mu.RUnlock()

	lines, height, err := m.load(ctx, holder)
	if err != nil {
		return nil, 0, false, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if run == m.run && run > 0 && height >= m.height {
		m.fill(holder, lines, height)
	}
	return lines, height, true, nil
}

// fill takes a load of the run's newest height or later; another one may have come first.
func (m *Map) fill(holder ledger.BIC, lines []sqlstore.Line, height uint64) {
	h, ok := m.holders[holder]
	if !ok {
		m.holders[holder] = &held{height, lines}
		return
	}
	h.at = max(h.at, height)
	for i := range lines {
		h.lines = merged(h.lines, lines[i])
	}
}
