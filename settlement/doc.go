// Package settlement is the engine that runs the ledger: it puts submissions into one order, applies
// them, makes the result final and tells of it.
//
// A Node has three loops that hand work on in one direction. The sequencer packs whatever waits into
// one journal message; when the journal has it on disk the submissions are accepted. The validator
// reads the journal, applies each message to its ledger, writes the block to its own fsynced log and
// only then signs it; with a quorum's signatures the block is final. The projector writes each final
// block to SQL in one transaction and then announces it. A crash between any two steps is repaired on
// start from the block log and the journal: nothing final is lost, and nothing is done twice, since
// each step knows the height it has done.
//
// A Client is how gateways reach a node: over NATS, in the same process or another.
package settlement
