// Package churn makes many short connections from few ports, to show how a
// client runs out of them and what each remedy does about it.
//
// The side that closes first keeps the 4-tuple in TIME_WAIT for 2MSL (RFC 9293
// 3.6.1). A client has one address and goes to one address and port, so each of
// its connections differs from the others in the client's port alone: when all
// of those are in TIME_WAIT, connect() fails with EADDRNOTAVAIL. A [Mode] is one
// way to get there, or not to: an experiment with a load, a file here.
//
// [Run] carries out every mode with every subject: lastack as the client of a
// kernel's server, and the kernel as the client of lastack. It must be called
// inside a lab (package lab). A [Result] holds what was counted; [Write] makes a
// table of the results.
package churn
