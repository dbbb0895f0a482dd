// Package fx finds the cheapest routes there are: which credit lines and offers a payment goes
// through, and how it is split over them.
//
// The market is a graph of places where value can be (ledger.FlowKind lists the arcs between them).
// A Router keeps it up to date from the ledger's changes and answers a request by pushing along the
// cheapest path of the residual graph, undo arcs included, until the amount is delivered or spent.
// Without a gainful cycle that is the optimum of the linear programme; offers that close one are held
// out, the youngest first.
//
// The package is exact and pure: prices compare as integer logarithms, amounts move as integers with
// each arc's cost rounded once against the taker, and an answer depends on the state alone, not on
// the order in which the graph was built. There is no float, clock, goroutine or random source here.
package fx
