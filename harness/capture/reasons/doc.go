// Package reasons asks the Linux kernel why it ended TCP connections, and for which process:
// what it says at its tracepoints is joined to the connections that a capture shows.
//
//	sock:inet_sock_set_state --+
//	tcp:tcp_send_reset         +-- perf rings, one a CPU --> Source --> Book <-- Of(Query)
//	tcp:tcp_receive_reset      |                                                  |
//	skb:kfree_skb            --+                            harness/explain <-----+
//
//	src, err := reasons.Open()
//	...
//	k := src.Of(reasons.Query{Client: a, Server: b, Start: first, End: last, First: reasons.Server})
//	if k != nil {
//		fmt.Println(k.Reason, k.PID, k.Command) // TCP_ABORT_ON_CLOSE 812 nginx
//	}
//
// The tracepoints are opened with perf_event_open(2), and tracefs is read for the layout of
// their records alone. So nothing is left in tracefs whatever ends the process, the kernel
// gives the numbers of processes as this PID namespace has them, and the descriptors go on
// working once privileges are given up. Where tracefs is not mounted it is mounted where
// nobody else sees it.
//
// # What it does not know
//
// The kernel says nothing about network namespaces here, so that connections are told apart
// by addresses, ports and time: where two sockets of the machine have the same at one time,
// neither is believed (Close.Ambiguous).
//
// The process is the one that the kernel worked for as the socket was connected, shut down
// or closed. A socket that ended by what arrived or by a timer, and that was accepted rather than
// connected, has none.
//
// Memory is bounded: MaxSockets sockets, 32 MiB of rings (but 64 KiB a CPU at the least), 16,384
// names of processes. What does not fit is forgotten or counted as lost, and connections are
// then shown without.
package reasons
