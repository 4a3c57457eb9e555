// Package closepath is the instrumented, tunable close path of a TCP host: a
// netstack link endpoint that wraps any other and sees each segment twice, on
// the wire's side and on the host's.
//
//	the wrapped link endpoint (a TUN, a channel, anything)
//	      |              ^
//	      v              |
//	  tap(wire)  ------------------  every segment as the wire has it
//	      |              |
//	  impairment  -----------------  makes the wire bad by rule: drops, delays and
//	      |              |           worse (lastack/stack/impair)
//	  tracker  --------------------  judges each segment, and follows what the host
//	      |              |           has sent and received (lastack/stack/flow)
//	  timestamps  -----------------  out of SYNs, if net.ipv4.tcp_timestamps=0; and
//	      |              |           anew in SYNs that are repeated
//	      |              |
//	  TIME_WAIT  ------------------  answers for connections that netstack is
//	      |              |           through with (lastack/stack/timewait)
//	  finish  ---------------------  sends the host's FIN until it is acknowledged,
//	      |              |           and probes the tail of data
//	  Fast Open  ------------------  data in SYNs, of which netstack knows nothing
//	      |              |           (lastack/stack/fastopen)
//	  delayed ACK  ----------------  holds the host's pure ACKs
//	      |              |
//	  admit  ----------------------  makes netstack take what TCP has to take
//	      |              |
//	  FIN with data  --------------  puts the FIN into the last segment of data
//	      |              |
//	  lights  ---------------------  short connections in netstack's place, if lastack.light
//	      |              |           says so (lastack/stack/light)
//	  renumber  -------------------  a 4-tuple that comes back goes on beyond
//	      |              |           the old connection's sequence numbers
//	  tap(host)  ------------------  every segment as netstack has it, if asked for
//	      |              ^
//	      v              |
//	gVisor netstack
//
// A stage is one file and one line in chain.go, where the order is argued. A
// segment that the taps show on the host's side and not on the wire's was held
// or dropped by a stage, and an Event says which and why.
//
// A netstack s adopts it with
//
//	err := s.CreateNIC(1, closepath.ForStack(s, 1, link, closepath.Config{}))
//
// in place of CreateNIC(1, link). New is for a host that is no netstack, or that decides
// itself which connections are alive.
//
// # What counts
//
// No stage learns from a segment that TCP refuses: the tracker judges each segment by RFC
// 9293 3.10.7.4, RFC 5961 and RFC 7323 first, so that a forged RST, FIN or ACK does a
// connection no harm. A refused segment goes on to netstack, which answers or drops it.
// The close path itself refuses what netstack would wrongly accept: an old timestamp, a
// very old acknowledgment, one of what was never sent, one of another SYN-ACK in
// SYN_RECEIVED, a RST in SYN_RECEIVED that is not exact.
//
// # What is worked around
//
// finish.go, admit.go and timestamps.go each say which faults of netstack they work
// around, which clause of an RFC makes them faults, and how netstack could be fixed.
//
// netstack's own TIME_WAIT must be switched off, because it would keep an endpoint of 5
// KB beside each record: ForStack sets its TCPTimeWaitTimeoutOption to a few milliseconds
// (at 0, a busy netstack gets in its own way); a caller of New has to do the same.
// Config's Registered and Listening, or Forwarder, let a SYN reopen a connection in
// TIME_WAIT.
//
// # Threads and locks
//
// netstack calls a link endpoint from many goroutines, with its own locks held,
// and the wrapped endpoint delivers inline, so that netstack's answers come
// back out inside the delivery. Hence the rules of this package:
//
//   - Each flow has a lock. Stages and taps run with it held.
//   - It is never held across a delivery to netstack or a write to the wrapped endpoint:
//     outbound packets join the flow's queue, and the goroutine that finds nobody writing
//     drains it. So a flow's segments leave in the order in which its stages passed them,
//     though timers and netstack send from different goroutines.
//   - A stage never calls into netstack, except for Config's questions: on the way in,
//     and only about segments of no flow, for which no lock is held. Beside the stages,
//     reservations reserve and release ports in netstack's port manager, whose lock is
//     the innermost of all.
//
// A packet that is not TCP, is a fragment, or does not parse passes unchanged and unseen:
// netstack judges it.
package closepath
