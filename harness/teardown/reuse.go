package teardown

import (
	"fmt"
	"time"

	"lastack/stack/flow"
	"lastack/stack/segment"
)

// Reuse describes two connections, one after the other, on the same addresses and ports.
type Reuse struct {
	// AfterUS is the time from the last segment of the older one to the SYN
	// of the newer.
	AfterUS int64 `json:"after_us"`
	// TimeWait is the side of the newer one that held TIME_WAIT from the older.
	TimeWait Who `json:"time_wait"`
	// By is what allows the SYN to take the place of TIME_WAIT.
	By ReuseBy `json:"by"`
	// Outcome is what answered the SYN; it is empty in Detail.Reused.
	Outcome ReuseOutcome `json:"outcome,omitempty"`
}

// ReuseBy is what makes a SYN newer than an old connection (RFC 9293 3.6.1,
// RFC 6191).
type ReuseBy string

// The ways. ReuseByNothing: a server in TIME_WAIT answers with an ACK.
const (
	ReuseByTimestamp ReuseBy = "timestamp"
	ReuseByISN       ReuseBy = "isn"
	ReuseByNothing   ReuseBy = "nothing"
	// ReuseExpired: TIME_WAIT had run out, or no side held it.
	ReuseExpired ReuseBy = "expired"
	// ReuseUnfinished: the older connection's end is not in the trace.
	ReuseUnfinished ReuseBy = "unfinished"
)

// ReuseOutcome is what became of the SYN.
type ReuseOutcome string

// The outcomes. ReuseHit: the answer was an ACK of the older connection's.
const (
	ReuseAccepted   ReuseOutcome = "accepted"
	ReuseHit        ReuseOutcome = "hit"
	ReuseRefused    ReuseOutcome = "refused"
	ReuseUnanswered ReuseOutcome = "unanswered"
)

// twoMSL is how long TIME_WAIT lasts on Linux, whatever is configured.
const twoMSL = 60 * time.Second

// reopen notes that the SYN s, seen at now, begins another connection on c's
// addresses and ports.
func (c *Conn) reopen(s *segment.Segment, now time.Time) *Reuse {
	after := now.Sub(c.start) - c.last
	from := flow.Client
	if s.Src != c.client {
		from = flow.Server
	}
	r := &Reuse{AfterUS: max(0, after).Microseconds(), TimeWait: None}
	in := c.inTimeWait()
	if from == flow.Server {
		in[flow.Client], in[flow.Server] = in[flow.Server], in[flow.Client]
	}
	r.TimeWait = whoAre(in)
	me := &c.side[from]
	switch {
	case !c.Done():
		r.By = ReuseUnfinished
	case after >= twoMSL || r.TimeWait == None:
		r.By = ReuseExpired
	case me.hasTS && s.HasTimestamps && int32(s.TSVal-me.tsVal) > 0:
		r.By = ReuseByTimestamp
	case me.hasTS && s.HasTimestamps && s.TSVal != me.tsVal:
		r.By = ReuseByNothing // older: PAWS
	case me.hasISN && (me.isn + me.fin.off + 1).Less(s.Seq):
		r.By = ReuseByISN
	default:
		r.By = ReuseByNothing
	}
	return r
}

// reuse is the Reuse with what became of it so far.
func (c *Conn) reuse() *Reuse {
	if c.reuses == nil {
		return nil
	}
	r := *c.reuses
	switch {
	case c.side[flow.Server].synSeen, c.side[flow.Server].segments == 0 && c.side[flow.Client].hasAck:
		r.Outcome = ReuseAccepted
	case c.over == wasRefused:
		r.Outcome = ReuseRefused
	case c.side[flow.Server].segments > 0:
		r.Outcome = ReuseHit
	default:
		r.Outcome = ReuseUnanswered
	}
	return &r
}

// asideReuse mentions an older connection whose TIME_WAIT the SYN met.
func (c *Conn) asideReuse() string {
	r := c.reuse()
	if r == nil || r.TimeWait == None || r.By == ReuseExpired {
		return ""
	}
	holder := "the " + string(r.TimeWait)
	if r.TimeWait == Both {
		holder = "both sides"
	}
	old := fmt.Sprintf("; %s had been in TIME_WAIT from an older connection of the same addresses and ports for %s",
		holder, ms(time.Duration(r.AfterUS)*time.Microsecond))
	switch r.By {
	case ReuseByTimestamp:
		return old + ", which the larger timestamp of this SYN ended"
	case ReuseByISN:
		return old + ", which the larger initial sequence number of this SYN ended"
	}
	return old + ", and neither timestamp nor sequence number of this SYN is newer"
}
