// Package flow follows one TCP connection from its segments alone and says what
// each side has sent, had acknowledged and closed: the RFC 9293 state of both
// sides, as an observer between them can know it.
//
//	segment.Segment --Conn.Update--> Step (what this segment was; states before and after)
//
// The same Conn serves the running host, an experiment's capture and a
// stranger's pcap. It is pure: segments in, values out; no clock, no
// allocation, no lock (the owner of a Conn serialises its calls).
//
// # What an observer can know
//
// The sender's state follows from what it sent. The receiver's state is assumed
// to change when the segment passes the observer, since nothing shows its
// arrival; later segments correct that where they contradict it:
//
//   - A FIN that does not acknowledge the other side's FIN was sent before that
//     one arrived: a simultaneous close (RFC 9293 3.6, case 3), and its sender
//     was in FIN_WAIT_1, not in CLOSE_WAIT.
//   - A FIN behind a hole in the data moves nobody until it is acknowledged.
//   - A segment that its receiver refuses (RFC 9293 3.10.7.4, RFC 5961) changes nothing, and
//     is marked Challenged or Ignored. An observer at the receiver's end (Conn.At) knows
//     that; one on the path, who may have missed segments, refuses only what is far off.
//   - A RST counts until what follows proves that it did not.
//   - A FIN sent again says that the first, or its ACK, was lost.
//   - A caller that knows that a segment was lost or refused says so with Conn.Miss or
//     Conn.Refuse.
//
// TIME_WAIT ends by a timer (RFC 9293 3.10.7.4), which no segment shows: a Conn
// stays in TIME_WAIT, and its owner forgets it after 2MSL. A new connection on
// an old 4-tuple is a new Conn; Reopens tells when to make one.
package flow
