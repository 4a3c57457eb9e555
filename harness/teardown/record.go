package teardown

import (
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Record is one segment of a connection, as its observer saw it. It holds no
// pointer into the packet.
type Record struct {
	// Time is when the observer saw the segment. Only differences count.
	Time time.Time
	hash uint64 // of Seg.Tuple in a Table, 0 if nobody asked for it
	// Step is what flow.Conn.Update returned for Seg. Table.Add fills it in.
	Step flow.Step
	// Path is what the IP header says of the way and the sender; see PathOf.
	// Where it is not known it is the zero Path.
	Path Path
	// Refusal is flow.Challenged or flow.Ignored where the other side is known to refuse
	// the segment; 0 leaves that to package flow.
	Refusal flow.Mark
	// Lost: it was dropped before it came to the wire. It is shown, and its sender's
	// state moves; it changes no count and no verdict.
	Lost bool
	// LostIn: it was on the wire and never reached the other side, as an observer there
	// knows. What its sender did with it counts (a FIN was sent); what the other side
	// would have learnt from it does not (that FIN and its ACK did not arrive).
	LostIn bool
	lane   uint8 // by Split.Prepare: the Table
	Hold   flow.Hold
	Seg    segment.Segment
	// Held is how long the ACK in the segment had been held back; it is
	// meaningful with flow.Carried and flow.Expired.
	Held time.Duration
	// Impaired says what a rule of the observer's own did to the segment: "dropped: the
	// 1st FIN from host". Empty where there is none.
	Impaired string
}
