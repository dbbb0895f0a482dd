// Package iso20022 reads, checks and writes the ISO 20022 messages banks send each other.
//
// One table of elements (name, order, occurrence, choice, facets), generated from the official
// schemas, drives reading, checking and writing. Reading is strict: what the schema does not allow is
// found, all of it, each fault with its element's path, its line, a stable rule and the ISO reason.
// Above the schema stand the rules of a Profile: what a market has agreed on top of the standard.
// Nothing in a document makes this package read anything else, no document over MaxBytes is read at
// all, and what it writes has passed through its own reader. Amounts are decimals, never floats.
package iso20022

//go:generate go run ./internal/gen -schemas $ISO20022_XSD -out schema_gen.go
