package iso20022

// Profile says which rules stand above the schema.
type Profile uint8

func (m *Message) apply(_ Profile, findings []Finding) []Finding { return findings }
