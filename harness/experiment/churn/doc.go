// Package churn makes many short connections from few ports, to show how a
// client runs out of them and what each remedy does about it.
//
//	    the client: the subject                        the other one
//	+-----------------------------+            +--------------------------+
//	|  connect, 64 bytes there    |            |  an app of harness/app:  |
//	|  and back, close            |    TUN     |  echo, server-closes     |
//	|  ip_local_port_range: few   |============|                          |
//	|  lastack, or the kernel     |            |  the kernel, or lastack  |
//	+-----------------------------+            +--------------------------+
//
// The side that closes first keeps the 4-tuple in TIME_WAIT for 2MSL (RFC 9293
// 3.6.1). A client has one address and goes to one address and port, so each of
// its connections differs from the others in the client's port alone: when all
// of those are in TIME_WAIT, connect() fails with EADDRNOTAVAIL. A [Mode] is one
// way to get there, or not to.
//
// [Run] carries out every mode with every subject, each in a network namespace
// and with a host of its own, so that no TIME_WAIT of one is in the way of
// another. It must be called inside a lab (package lab). A [Result] holds what
// was counted against what the mode is expected to show; [Write] makes a table of
// the results.
package churn
