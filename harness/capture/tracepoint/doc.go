// Package tracepoint reads what the Linux kernel says at its tracepoints about TCP sockets:
// a change of state, a RST sent or received, a packet dropped. It is pure; package reasons
// opens the tracepoints and joins what they say to connections.
//
//	events/sock/inet_sock_set_state/format --ParseFormat--> Format --+
//	                                                                 v
//	ring of perf_event_open(2) --Records--> Record -------------> Decoder --> Event
//
// Where a field is, how wide it is and what the numbers of a reason are called differs
// between kernels, so that all of that comes from the kernel's own format files. Two
// kernels' worth of layouts are among the tests.
package tracepoint
