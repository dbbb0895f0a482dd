// Package gateway serves Viaduct's HTTP contract.
//
// A request is authenticated, read strictly, checked against the contract and against what is known,
// and either refused with a problem document that points at every faulty field, or made into a signed
// submission. What is refused here binds no idempotency key and changes nothing. What was sent to the
// ledger is written down first, with its key and its exact bytes, so that a crash anywhere is repaired
// by a repeat with the same key: the same bytes go out again and the ledger takes them once. The first
// answer to a key is kept and given again byte for byte.
//
// A participant sees and spends only what is its own; what is another's looks like what is not there.
// Confidential details stay in the gateway's store: the ledger gets a salted hash of them.
package gateway
