// Package ledger keeps the books of every participant: who holds which claims on whom.
//
// It is a pure state machine. A State changes only by Apply, which depends on nothing but the
// state, the journal message and the Router handed in: no clock, no randomness, no I/O. Replaying the
// journal therefore rebuilds every balance, every outcome and every hash, bit for bit.
//
// Sign rule. A position is one participant's stand in one asset. A holder's position (a line) has a
// balance >= 0: what it claims from the issuer. The issuer's own position has a balance <= 0: minus
// what it owes. The positions of an asset therefore always sum to zero, and so do the postings of
// every payment, asset by asset.
//
// Rounding. Value moves as Flows. A payment's whole take from one offer, its whole fee on one giver's
// asset, and its whole use of one line's quality are each rounded once, against the taker, to a
// whole minor unit (see Flow). Nothing is ever rounded against a resting offer.
//
// A refusal is an Outcome: a number with a fixed meaning, recorded in the block and the same on every
// node. Checks run in one documented order before anything changes, so a refusal changes nothing but
// its record.
package ledger
