// Package teardown says how a TCP connection closed, who closed it, and why in
// that many segments.
//
//	segments of many connections --Table.Add--> one Conn each --Conn.Report--> Report
//	records of one connection    --Conn.Add---> Conn          --Conn.Report--> Report
//	                                                          --Conn.Detail--> Detail
//	two traces of one connection --Compare----> Diff
//
// It reads the steps of package flow, and serves a live tap, an experiment's capture and
// any other pcap alike. It is pure: no I/O, no clock (all times are those of the
// records), no goroutine, no lock. The owner of a Conn or a Table serialises its calls,
// but for Table.Prepare and Table.Reserve.
//
// # The eight closes
//
// A Report names exactly one Kind:
//
//	three-way     FIN, FIN that acknowledges it, ACK
//	four-way      the first FIN is acknowledged without a FIN before the second FIN
//	simultaneous  neither FIN acknowledges the other
//	half-closed   one side's FIN is acknowledged, the other never sent one, or sent it
//	              again and again to a side that was gone
//	reset         a RST ended it
//	refused       a RST answered the SYN
//	open          no FIN and no RST
//	unanswered    a FIN, never acknowledged
//
// The kind follows from sequence numbers, not from the order in which the
// observer saw the segments: a FIN that acknowledges the other side's FIN was
// sent after that one, even where the capture has them the other way round.
//
// # Causes
//
// A Cause says why there was a RST: refused, handshake-broken, data-after-close, abort,
// idle-timeout, keep-alive-timeout, user-timeout, keep-alive-race, client-gave-up,
// middlebox, state-gone, fin-wait-2-expired, time-wait-hit, time-wait-assassination. Each
// side's behaviour before it is kept as evidence (evidence.go, path.go), the
// circumstances of the RST are noted when it comes (reset.go), and cause.go judges the
// cause from both when a caller asks for it, beginning with the evidence that excludes
// most. Where the packets leave several causes, it is unknown, and the reason names them.
//
// # What an observer cannot know
//
// Times are the observer's. In a capture (flow.HoldUnknown) the delay of an ACK includes
// the round trip between the observer and the side that sent it; the handshake, where it
// was seen, gives that round trip, and the reasons allow for it. A live host knows which
// ACKs it held back, and says so in Record.Hold.
//
// Where a segment was lost, an observer at one end may know (Record.Lost, Record.LostIn,
// Record.Refusal): then states, remarks, reasons, the kind of close and TIME_WAIT go by
// what the receiver got, and the sender's side by what it sent. A capture alone shows
// that a segment passed; a FIN is called lost only where the answers prove it (infer.go),
// and a side that repeats its FIN did not have the ACK, lost or late.
//
// TIME_WAIT ends by a timer that no segment shows: a Report names the side that entered
// it, unless a RST ended it early. Where the wire cannot tell causes apart, such as
// SO_LINGER 0 and unread data behind a RST, the reason names them all.
//
// The package does not reassemble data, does not verify checksums, and does not
// draw: package ladder turns a Report into text.
package teardown
