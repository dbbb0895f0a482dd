// Package load drives a gateway with payment orders over HTTP, as banks would, and measures what it
// answers.
//
// Build makes a market through the public API. Run sends orders in a closed loop (each client waits for
// its answer) or an open one (orders begin at their times whatever the gateway does, and latency counts
// from then, so that a stall is not hidden by the orders it kept from being sent). At the end Run looks
// up whatever was accepted without a result, until nothing is left undecided.
package load
