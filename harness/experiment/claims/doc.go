// Package claims holds the 49 claims about closing TCP from which this project
// started, and decides each by what experiments measure.
//
//	Claim --Experiments--> harness/experiment --results--> Judge --> Outcome
//
// The claims come from two documents: notes on the four-way close (N) and an
// article on why four segments are sometimes three (A). Each claim is a row of
// a table: what it says, which experiments try it, what came out on Linux when
// it was first measured, and a pure function that makes a verdict of results.
//
// The verdict goes by what was seen: how a connection closed, when segments came, what
// the sockets' states were, how many there were. The expected verdicts take no part in
// it, so that another kernel may get others; they only serve to say afterwards which
// verdicts came out as before. An experiment that failed leaves its claims unclear, since
// what it was to show did not come about; the outcome keeps what the figures say all the
// same.
//
// A few claims are about a default, such as the range of client ports. They are
// read from a new network namespace, and from lastack's table of tunables.
//
// Run must be called inside a lab (package lab). The package brings nothing
// about on its own: that is package experiment's.
package claims
