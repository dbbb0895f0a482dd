package ratelimit

// Keys returns how many keys are kept.
func (m *Memory) Keys() int { return len(m.full) }
