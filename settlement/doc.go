// Package settlement is the engine that runs the ledger: it puts submissions into one order, applies
// them, makes the result final and tells of it.
//
// Every Node reads the journal, applies each message to its ledger and writes the block to its own
// fsynced log. A node that is a validator then signs the block and tells the others; with the
// signatures of a quorum, 2f+1 of 3f+1, a block is final, and its certificate is kept beside it. One
// node at a time is the sequencer: it packs whatever waits into one journal message, and when the
// journal has it on disk the submissions are accepted. A node with a Store writes each final block to
// SQL in one transaction and then announces it.
//
// A crash between any two steps is repaired on start from the block log and the journal: nothing final
// is lost, and nothing is done twice, since each step knows the height it has done. What the others say
// is checked: a minority of validators that lies, repeats itself or is silent changes nothing. A node
// that finds that a quorum computed another block than itself stops.
//
// A Client is how gateways reach the sequencer: over the Bus, in the same process or another.
package settlement
